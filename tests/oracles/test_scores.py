"""Edit counts and error rates against jiwer."""

from __future__ import annotations

import jiwer
from hypothesis import given
from hypothesis import strategies as st

from emgasr.score import count_edits, total, words

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
