"""Hotwords: gains add up to the boosts that a search through the text finds, and are refunded when a match breaks."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import SearchConfig
from emgasr.decoding.hotwords import BOOST, Hotwords, read_hotwords
from emgasr.errors import ConfigError, DataError
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles.reference_search import BeamSearch, beam_search

TOKENS = Tokens.keystrokes(["a", "b", "c", BACKSPACE, SHIFT, ENTER, " "])
PIECES = Tokens("sentencepiece", ["▁", "▁a", "▁ab", "a", "b", "b▁c", "c"])
WORDS = st.text("abc", min_size=1, max_size=3)
PHRASES = st.dictionaries(
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join), st.sampled_from([0.5, 1.0, 3.0, -2.0]), max_size=6
)


def boosts_in(text: str, phrases: dict[str, float]) -> float:
    """Boosts of the phrases in a text with single spaces for separators, by looking for each at each place."""
    padded = f" {text} "
    return sum(
        boost
        for phrase, boost in phrases.items()
        for place in range(len(padded))
        if padded.startswith(f" {phrase} ", place)
    )


def gained(hotwords: Hotwords, symbols: list[str]) -> list[float]:
    """The boosts behind each token, and at last those at the end of the text."""
    state, total, behind = hotwords.start, 0.0, [0.0]
    for token in hotwords.tokens.ids(symbols):
        total += hotwords.gain[state, token]
        state = hotwords.goto[state, token]
        behind.append(total)
    return [*behind, total + hotwords.ending[state]]


@settings(max_examples=200, deadline=None)
@given(phrases=PHRASES, text=st.text("abc " + ENTER, max_size=14))
def test_gains_add_up_to_the_boosts_in_the_text(phrases: dict[str, float], text: str) -> None:
    expected = boosts_in(text.replace(ENTER, " "), phrases)
    assert gained(Hotwords(phrases, TOKENS), list(text))[-1] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(phrases=PHRASES, pieces=st.lists(st.sampled_from(PIECES.symbols[1:]), max_size=9))
def test_pieces_gain_as_the_text_that_they_write(phrases: dict[str, float], pieces: list[str]) -> None:
    text = re.sub("▁+", " ", "".join(pieces)).strip()
    assert gained(Hotwords(phrases, PIECES), pieces)[-1] == pytest.approx(boosts_in(text, phrases), abs=1e-9)


def test_tokens_that_are_words_complete_phrases() -> None:
    hotwords = Hotwords({"thumb up": 4.0, "fist": 1.0}, Tokens.words(["fist", "thumb", "up"]))
    assert gained(hotwords, ["thumb", "up", "fist"])[-1] == 5.0
    assert gained(hotwords, ["thumb", "fist", "up"])[-1] == 1.0


def test_a_match_earns_its_boost_letter_by_letter_and_gives_it_back_when_it_breaks() -> None:
    hotwords = Hotwords({"abab": 4.0}, TOKENS)
    assert gained(hotwords, list("abab ")) == [0, 1, 2, 3, 4, 4, 4]
    assert gained(hotwords, list("aba c")) == [0, 1, 2, 3, 0, 0, 0]
    assert gained(hotwords, list("ababc")) == [0, 1, 2, 3, 4, 0, 0]
    assert gained(hotwords, list("aba")) == [0, 1, 2, 3, 0]
    assert gained(hotwords, list("cabab")) == [0, 0, 0, 0, 0, 0, 0]  # not from the word's beginning


def test_a_phrase_goes_on_over_separators_of_any_kind() -> None:
    hotwords = Hotwords({" ab  \t c": 4.0}, TOKENS)
    assert gained(hotwords, ["a", "b", ENTER, "c"]) == [0, 1, 2, 3, 4, 4]
    assert gained(hotwords, list("ab  c"))[-1] == 0.0


def test_a_phrase_within_another_counts_beside_it() -> None:
    hotwords = Hotwords({"a b c": 5.0, "b": 1.0, "a b": 2.0}, TOKENS)
    assert gained(hotwords, list("a b c")) == pytest.approx([0, 1, 2, 4, 7, 8, 8])
    assert gained(hotwords, list("a b a"))[-1] == 3.0


def test_a_negative_boost_holds_a_word_back() -> None:
    assert gained(Hotwords({"ab": -2.0}, TOKENS), list("ab a ")) == [0, -1, -2, -2, -3, -2, -2]


def test_tokens_that_do_not_print_gain_nothing() -> None:
    hotwords = Hotwords({"ab": 2.0}, TOKENS)
    for token in (0, *TOKENS.ids([BACKSPACE, SHIFT])):
        assert (hotwords.goto[:, token] == np.arange(len(hotwords.goto))).all()
        assert (hotwords.gain[:, token] == 0).all()


def test_no_phrases_boost_nothing() -> None:
    assert set(gained(Hotwords({}, TOKENS), list("ab c"))) == {0.0}


def test_arrays_are_of_the_kinds_told_and_cannot_be_changed() -> None:
    hotwords = Hotwords({"ab": 2.0, "c a": 1}, TOKENS)
    states = len(hotwords.ending)
    assert (hotwords.goto.dtype, hotwords.gain.dtype, hotwords.ending.dtype) == (np.int32, np.float64, np.float64)
    assert hotwords.goto.shape == hotwords.gain.shape == (states, len(TOKENS))
    with pytest.raises(ValueError, match="read-only"):
        hotwords.gain[0, 0] = 1


@pytest.mark.parametrize(
    ("phrases", "error", "line"),
    [
        ({"ab": 1.0, "": 1.0}, DataError, "'' holds no letter"),
        ({" " + ENTER: 1.0}, DataError, "holds no letter"),
        ({"a b": 1.0, " a  b": 2.0}, ConfigError, "'a b' is given twice"),
        ({"ab": math.nan}, ConfigError, "the boost of 'ab' is nan"),
        ({"ab": -math.inf}, ConfigError, "the boost of 'ab' is -inf"),
        ({"ab": 1000.5}, ConfigError, "the boost of 'ab' is 1000.5"),
        ({"cab né": 1.0}, DataError, "cannot write 'cab né', as none has 'n'"),
    ],
)
def test_bad_phrases_are_refused(phrases: dict[str, float], error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line):
        Hotwords(phrases, TOKENS)


def test_a_file_gives_phrases_and_boosts(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeffab\r\n\n c  a \t-1.5\r\nb\t2e0".encode())
    read, left = read_hotwords(tmp_path / "names.txt", TOKENS, 3.5)
    assert left == ()
    assert read.phrases == {"ab": 3.5, "c a": -1.5, "b": 2.0}
    assert (read.gain == Hotwords(read.phrases, TOKENS).gain).all()
    assert read_hotwords(tmp_path / "names.txt", TOKENS)[0].phrases["ab"] == BOOST == 5.0


def test_parts_of_a_phrase_are_boosted_as_pyctcdecode_boosts_its_unigrams() -> None:
    """pyctcdecode splits phrases into words: each found is worth the weight, one begun its share of the shortest."""
    hotwords = Hotwords({"ab ca": 4.0, "cab": 2.0}, TOKENS, parts=True)
    assert hotwords.phrases == {"ab ca": 4.0, "cab": 2.0}
    for symbols, boost in (
        ("ab ", 4), ("ca ", 4), ("ab ca ", 8), ("ca ab ", 8), ("cab ", 2), ("abc ", 0), ("a", 2), ("c", 2), ("ca", 4),
        ("b ab cab ", 6),
    ):  # fmt: skip
        assert gained(hotwords, list(symbols))[-2] == pytest.approx(boost), symbols
    whole = Hotwords({"ab ca": 4.0, "cab": 2.0}, TOKENS)
    assert gained(whole, list("ab "))[-2] == pytest.approx(4.0 * 3 / 5)
    assert gained(whole, list("ca "))[-1] == 0.0


def test_a_word_of_several_phrases_has_the_largest_of_their_boosts() -> None:
    hotwords = Hotwords({"ab c": 4.0, "ab": 1.0, "ab a": 3.0}, TOKENS, parts=True)
    assert gained(hotwords, list("ab "))[-1] == pytest.approx(4.0)


def test_phrases_of_several_words_need_a_separator() -> None:
    with pytest.raises(DataError, match="cannot write 'a b', as none has ' '"):
        Hotwords({"a b": 1.0}, Tokens.characters("ab"))
    assert gained(Hotwords({"ab": 1.0}, Tokens.characters("ab")), ["a", "b"])[-1] == 1.0


def test_hotwords_of_other_tokens_are_refused() -> None:
    with pytest.raises(ConfigError, match="its Hotwords is made for other tokens"):
        BeamSearch(TOKENS, hotwords=Hotwords({"a": 1.0}, PIECES))


def said(symbols: list[str], sure: float = 0.6) -> np.ndarray:
    """Emissions that say each symbol for a frame and a blank for the next, what is left shared by the others."""
    labels = [label for token in TOKENS.ids(symbols) for label in (token, 0)]
    others = (1 - sure) / (len(TOKENS) - 1)
    return np.log(np.full((len(labels), len(TOKENS)), others) + (sure - others) * np.eye(len(TOKENS))[labels])


def test_a_hotword_decides_where_emissions_hesitate_but_costs_nothing_elsewhere() -> None:
    emissions = said(list("abb c"))
    hotwords = Hotwords({"acb": 3.5, "bb": 3.0}, TOKENS)
    assert TOKENS.render(beam_search(emissions, TOKENS)[0].ids) == "abb c"
    assert TOKENS.render(beam_search(emissions, TOKENS, hotwords=hotwords)[0].ids) == "acb c"
    plain = beam_search(said(list("ab"), 0.99), TOKENS)[0]
    assert beam_search(said(list("ab"), 0.99), TOKENS, hotwords=hotwords)[0] == plain


@pytest.mark.slow
def test_a_backspace_refunds_a_boost() -> None:
    config = SearchConfig(beam=200, lm_weight=0.3)
    hotwords = Hotwords({"ab": 2.0}, TOKENS)
    for symbols, boost in ((["a", "b"], 2), (["a", "b", BACKSPACE], 0), (["a", "c", BACKSPACE, SHIFT, "b"], 2)):
        emissions = said(symbols, 0.999)
        plain, boosted = (beam_search(emissions, TOKENS, None, config, each)[0] for each in (None, hotwords))
        assert boosted.ids == plain.ids
        assert boosted.score == pytest.approx(plain.score + boost)
        assert boosted.acoustic == pytest.approx(plain.acoustic)
