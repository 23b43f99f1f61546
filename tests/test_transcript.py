"""Keys in, words out: backspaces applied, times and confidences of what is left on the page."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.tokens import Tokens, train_sentencepiece
from emgasr.transcript import Key, Word, words_of

KEYS = Tokens.keystrokes()


def typed(symbols: str) -> list[Key]:
    """A key a tenth of a second, each a little less sure than the one before."""
    return [Key(symbol, place / 10, 1 - place / 100) for place, symbol in enumerate(symbols)]


def test_words_are_what_is_left_on_the_page() -> None:
    words = words_of(typed("hi⇧ tgh⌫⌫here⏎"), KEYS)
    assert words == (Word("hi", 0.0, 0.1, 0.99), Word("there", 0.4, 1.2, 1 - 12 / 100))


def test_a_word_is_as_sure_as_its_least_sure_key_that_stands() -> None:
    keys = [Key("a", 0.0, 0.9), Key("x", 0.1, 0.1), Key("⌫", 0.2, 0.2), Key("b", 0.3, 0.6)]
    assert words_of(keys, KEYS) == (Word("ab", 0.0, 0.3, 0.6),)


def test_a_backspace_over_a_space_joins_words() -> None:
    assert [word.text for word in words_of(typed("note ⌫s on"), KEYS)] == ["notes", "on"]


@given(st.text("ab ⏎⌫⇧", max_size=30))
def test_the_words_are_those_of_the_text(symbols: str) -> None:
    keys = typed(symbols)
    words = words_of(keys, KEYS)
    assert [word.text for word in words] == KEYS.render(KEYS.ids(symbols)).split()
    assert all(first.end_s < second.start_s for first, second in pairwise(words))


def test_each_gesture_is_a_word_whatever_its_label() -> None:
    tokens = Tokens.words(["fist", "wave in"])
    keys = [Key("wave in", 0.5, 0.8), Key("fist", 1.5, 0.7)]
    assert words_of(keys, tokens) == (Word("wave in", 0.5, 0.5, 0.8), Word("fist", 1.5, 1.5, 0.7))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    path = tmp_path_factory.mktemp("pieces") / "pieces.model"
    train_sentencepiece(["the cat sat on the mat", "a cat and a hat"] * 9, 30, path)
    return Tokens.sentencepiece(path)


@pytest.mark.parametrize("text", ["the cat sat", "a hat", "mat on the cat", ""])
def test_pieces_make_words(pieces: Tokens, text: str) -> None:
    symbols = pieces.symbols_of(pieces.encode_text(text))
    keys = [Key(symbol, float(place), 0.9) for place, symbol in enumerate(symbols)]
    words = words_of(keys, pieces)
    assert [word.text for word in words] == text.split()
    assert not words or words[-1].end_s == len(symbols) - 1
