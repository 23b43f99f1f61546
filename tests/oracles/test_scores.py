"""Edit counts, alignments and error rates against jiwer, and what jiwer counts in another way."""

from __future__ import annotations

import random

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.score import Counts, Pairs, align, count_edits, total, words

TEXTS = st.lists(st.sampled_from(["a", "the", "muscle", "key", "keys"]), min_size=1, max_size=12).map(" ".join)


@given(reference=TEXTS, hypothesis=st.one_of(TEXTS, st.just("")))
def test_word_errors_are_those_of_jiwer(reference: str, hypothesis: str) -> None:
    theirs = jiwer.process_words(reference, hypothesis)
    ours = count_edits(words(reference), words(hypothesis))
    assert (ours.hits, ours.substitutions, ours.insertions, ours.deletions) == (
        theirs.hits,
        theirs.substitutions,
        theirs.insertions,
        theirs.deletions,
    )
    assert ours.rate == theirs.wer


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_corpus_level_character_error_rate_is_that_of_jiwer(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ours = total(count_edits(reference, hypothesis) for reference, hypothesis in pairs)
    assert ours.rate == jiwer.cer(references, hypotheses)


def test_thousands_of_word_alignments_are_those_of_jiwer_empty_texts_included() -> None:
    generator = random.Random(0)
    for _ in range(3000):
        texts = [" ".join(generator.choices(["a", "the", "key", "keys"], k=generator.randint(0, 14))) for _ in "rh"]
        theirs = jiwer.process_words(*texts)
        pairs = align(*map(words, texts))
        assert pairs == pairs_of(theirs)
        assert Counts.of(pairs) == Counts(theirs.hits, theirs.substitutions, theirs.insertions, theirs.deletions)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "edits"),
    [
        ("left\nright\tup", "left right up", 0),  # any white space separates words; jiwer knows the plain space alone
        ("caf\u0065\u0301", "caf\u00e9", 0),  # one letter in two forms
    ],
)
def test_jiwer_counts_errors_where_the_words_are_the_same(reference: str, hypothesis: str, edits: int) -> None:
    assert count_edits(words(reference), words(hypothesis)).errors == edits
    assert jiwer.process_words(reference, hypothesis).wer > 0


def test_jiwer_passes_over_the_ends_of_a_text_and_rates_an_empty_reference() -> None:
    assert jiwer.process_characters("ab ", "ab").deletions == 0
    assert count_edits("ab ", "ab").deletions == 1  # a key is a key
    assert jiwer.process_words("", "a b").wer == 2
    assert count_edits([], ["a", "b"]).rate == float("inf")


def pairs_of(theirs: jiwer.WordOutput) -> Pairs:
    pairs: Pairs = []
    for chunk in theirs.alignments[0]:
        old = [*theirs.references[0][chunk.ref_start_idx : chunk.ref_end_idx]]
        new = [*theirs.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]]
        width = max(len(old), len(new))
        pairs += zip([*old, *[None] * (width - len(old))], [*new, *[None] * (width - len(new))], strict=True)
    return pairs
