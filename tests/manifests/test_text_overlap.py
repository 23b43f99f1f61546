"""How much of the test's text another text holds."""

from __future__ import annotations

import pytest

from emgasr.manifests import text_overlap as module
from emgasr.manifests.text_overlap import text_overlap


def test_word_ngrams_and_whole_prompts_are_counted() -> None:
    overlap = text_overlap(
        ["The quick brown fox jumps over", "one two three four five six", "short one"],
        ["… the QUICK, brown fox jumps off; one two three four five six!"],
    )
    assert (overlap.unit, overlap.n) == ("word", 5)
    assert (overlap.ngrams, overlap.ngrams_found, overlap.ngram_fraction) == (4, 3, 0.75)
    assert (overlap.prompts, overlap.prompts_found, overlap.prompts_short) == (2, 1, 1)
    assert overlap.examples == ("one two three four five six",)


def test_short_prompts_are_compared_by_characters() -> None:
    overlap = text_overlap(["extraordinary", "cat"], ["an extraordinary\ncat"])
    assert (overlap.unit, overlap.n) == ("character", 12)
    assert (overlap.prompts, overlap.prompts_found, overlap.prompts_short) == (1, 1, 1)


def test_where_blocks_end_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = [f"w{i} w{i + 1} w{i + 2}" for i in range(0, 300, 3)]
    prompts = [" ".join(f"w{i}" for i in range(start, start + 9)) for start in range(0, 250, 7)]
    whole = text_overlap(prompts, text)
    assert whole.prompt_fraction == 1.0
    for size in (1, 5, 17):
        monkeypatch.setattr(module, "BLOCK_CHARACTERS", size)
        assert text_overlap(prompts, text) == whole


def test_no_prompts_and_no_text_are_no_overlap() -> None:
    assert text_overlap([], ["a b c d e f"]).prompt_fraction == 0.0
    assert text_overlap(["a b c d e f"], []).ngram_fraction == 0.0
