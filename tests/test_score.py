"""Edits, rates, intervals and false keys; that edits equal jiwer's is shown in tests/oracles."""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import pytest
from scipy.stats import binomtest

from emgasr.errors import DataError
from emgasr.score import (
    Counts,
    align,
    bootstrap_interval,
    confusions,
    count_edits,
    keys_at_rest,
    matched,
    per_subject,
    total,
    wilson_interval,
    words,
)


def test_a_symbol_too_many_is_an_insertion_and_one_missing_a_deletion() -> None:
    assert count_edits("ab", "axb") == Counts(hits=2, insertions=1)
    assert count_edits("axb", "ab") == Counts(hits=2, deletions=1)
    assert count_edits("abc", "axc") == Counts(hits=2, substitutions=1)


def test_any_symbols_can_be_scored() -> None:
    assert count_edits([1, -1, ("a", 2)], [1, -2, ("a", 2)]).substitutions == 1  # hash(-1) == hash(-2)
    assert count_edits([97], ["a"]).substitutions == 1
    assert count_edits(["fist", "wave"], ["fist", "wave"]).rate == 0


def test_rates_of_empty_references() -> None:
    assert count_edits("", "").rate == 0
    assert math.isinf(count_edits("", "a").rate)
    assert count_edits("ab", "").rate == 1


def test_the_corpus_level_rate_weighs_utterances_by_length() -> None:
    assert total([Counts(hits=9, deletions=1), Counts(substitutions=1)]).rate == pytest.approx(2 / 11)


def test_an_alignment_shows_what_became_of_each_symbol() -> None:
    assert align("cat", "hats") == [("c", "h"), ("a", "a"), ("t", "t"), (None, "s")]
    assert confusions(["cat", "c"], ["hat", ""])["c", "h"] == 1
    assert confusions(["cat", "c"], ["hat", ""])["c", None] == 1


def test_matched_symbols_are_told_by_their_places() -> None:
    assert matched("abcd", "axcde") == [(0, 0), (2, 2), (3, 3)]
    assert matched("bcd", "abcd") == [(0, 1), (1, 2), (2, 3)]
    assert matched("", "ab") == matched("ab", "") == []


def test_words_are_what_white_space_separates() -> None:
    assert words(" Don't\npanic  ") == ["Don't", "panic"]


def test_the_interval_holds_the_rate_and_the_seed_fixes_it() -> None:
    generator = np.random.default_rng(0)
    counts = [Counts(hits=20 - int(errors), substitutions=int(errors)) for errors in generator.integers(0, 8, 60)]
    low, high = bootstrap_interval(counts, seed=1)
    assert low < total(counts).rate < high
    assert (low, high) == bootstrap_interval(counts, seed=1)
    narrow = bootstrap_interval(counts, confidence=0.5, seed=1)
    assert low < narrow[0] < narrow[1] < high


def test_the_interval_covers_the_true_rate_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        errors = generator.binomial(20, 0.2, 50).tolist()
        low, high = bootstrap_interval([Counts(20 - e, e) for e in errors], resamples=300, seed=trial)
        covered += low <= 0.2 <= high
    assert 85 <= covered <= 100


def test_whole_subjects_can_be_resampled() -> None:
    counts = [Counts(hits=10)] * 20 + [Counts(substitutions=10)] * 20
    by_utterance = bootstrap_interval(counts)
    by_subject = bootstrap_interval(counts, groups=["good"] * 20 + ["bad"] * 20)
    assert by_subject == (0, 1)
    assert by_utterance[0] > 0.3


def test_one_utterance_has_no_width() -> None:
    assert bootstrap_interval([Counts(hits=1, deletions=1)]) == (0.5, 0.5)
    assert bootstrap_interval([Counts(), Counts()]) == (0, 0)


def test_subjects_are_averaged_alike_with_the_population_deviation() -> None:
    rates = per_subject([Counts(hits=1), Counts(hits=98, deletions=2), Counts(deletions=1)], ["a", "b", "a"])
    assert rates.rates == {"a": 0.5, "b": 0.02}
    assert rates.mean == pytest.approx(0.26)
    assert rates.std == pytest.approx(0.24)
    assert rates.interval == pytest.approx((0.02, 0.5))


def test_nothing_to_score_is_refused() -> None:
    for nothing in (lambda: bootstrap_interval([]), lambda: per_subject([], [])):
        with pytest.raises(DataError):
            nothing()
    with pytest.raises(DataError, match="1 utterances but 2 groups"):
        bootstrap_interval([Counts(hits=1)], groups=["a", "b"])


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (3, 4), (17, 60), (999, 1000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilsons_interval_is_scipys(right: int, count: int, confidence: float) -> None:
    expected = binomtest(right, count).proportion_ci(confidence, method="wilson")
    assert wilson_interval(right, count, confidence) == pytest.approx(tuple(expected))


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="nothing to count"):
        wilson_interval(0, 0)


def test_keys_at_rest_are_those_inside_it_and_overlaps_count_once() -> None:
    rest = [(70.0, 80.0), (10.0, 40.0)]
    assert keys_at_rest([5.0, 10.0, 39.9, 40.0, 70.0, 95.0], rest) == (3, 40.0)
    assert keys_at_rest([30.0], [(10.0, 40.0), (20.0, 40.0)]) == (1, 30.0)
    assert keys_at_rest([1.0], []) == (0, 0.0)


def test_a_text_in_two_forms_is_read_right() -> None:
    composed, decomposed = (unicodedata.normalize(form, "un café noir") for form in ("NFC", "NFD"))
    for one, other in ((composed, decomposed), (decomposed, composed)):
        assert count_edits(one, other) == Counts(hits=12)
        assert count_edits(words(one), words(other)) == Counts(hits=3)
        assert count_edits(["é"], [unicodedata.normalize("NFD", "é")]) == Counts(hits=1)
        assert set(confusions([one], [other])) == {(sign, sign) for sign in composed}
