"""What is right of a reading: tokens, the words they leave on the page, and segments between pauses."""

from __future__ import annotations

import numpy as np

from emgasr.confidence.samples import sample
from emgasr.decoding.hypothesis import Hypothesis
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS


def reading(text: str, tokens: Tokens = KEYS) -> Hypothesis:
    """A hypothesis that writes the symbols of a text."""
    ids = tuple(tokens.ids(list(text)))
    return Hypothesis(ids, tuple(range(len(ids))), (0.5,) * len(ids), 0.0, 0.0, 0.0)


def test_a_token_is_right_where_it_stands_for_one_of_the_reference() -> None:
    found = sample("ann", "one", list("the cat"), "the cat", reading("the bat"), None, KEYS)
    assert found.right.tolist() == [True] * 4 + [False, True, True]
    assert found.words.places == ((0, 1, 2), (4, 5, 6))
    assert found.words.right.tolist() == [True, False]
    assert found.segments.right.tolist() == [False]


def test_what_a_backspace_took_back_is_in_no_word() -> None:
    found = sample("ann", "one", list("ab⌫c"), "ac", reading("ab⌫c"), None, KEYS)
    assert found.words.places == ((0, 3),)
    assert found.words.right.tolist() == [True]


def test_pauses_and_enters_part_segments_and_a_missing_word_makes_one_wrong() -> None:
    times_s = np.array([0, 0.1, 0.2, 5.0, 5.1, 5.2, 5.3, 5.4])
    found = sample("ann", "one", list("a b c d e"), "a b c d e", reading("a b c e⏎"), times_s, KEYS)
    assert [list(places) for places in found.segments.places] == [[0, 1, 2], [3, 4, 5, 6]]
    assert found.segments.right.tolist() == [True, False]


def test_a_label_that_is_held_is_right_while_it_is_performed() -> None:
    signs = Tokens.words(["fist", "point"])
    ids = tuple(signs.ids(["fist", "fist", "point", "fist"]))
    flickers = Hypothesis(ids, (0, 1, 2, 3), (0.5,) * 4, 0.0, 0.0, 0.0)
    times_s = np.array([0.5, 1.5, 1.8, 5.0])
    found = sample("ann", "one", ["fist"], "fist", flickers, times_s, signs, [(0.0, 2.0, "fist")])
    assert found.right.tolist() == [True, True, False, False]


def test_of_tokens_that_are_words_there_are_no_other_words() -> None:
    signs = Tokens.words(["good morning", "thanks"])
    ids = tuple(signs.ids(["good morning", "thanks"]))
    said = Hypothesis(ids, (0, 9), (0.5, 0.5), 0.0, 0.0, 0.0)
    found = sample("ann", "one", ["good morning", "bye"], "good morning bye", said, np.array([0.0, 9.0]), signs)
    assert found.words.places == ()
    assert found.right.tolist() == [True, False]
    assert found.segments.right.tolist() == [True, False]
