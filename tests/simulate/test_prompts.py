"""The sentences that ship: typable, varied, and none of a test in training."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.simulate import default_prompts


def ngrams(split: str, n: int) -> set[tuple[str, ...]]:
    words = [prompt.replace(".", "").replace(",", "").split() for prompt in default_prompts(split)]
    return {tuple(w[i : i + n]) for w in words for i in range(len(w) - n + 1)}


@pytest.mark.parametrize(("split", "least"), [("train", 1400), ("validation", 80), ("test", 250)])
def test_prompts_are_many_short_and_of_plain_letters(split: str, least: int) -> None:
    prompts = default_prompts(split)
    assert len(set(prompts)) == len(prompts) >= least
    assert set("".join(prompts)) <= set("abcdefghijklmnopqrstuvwxyz .,'")
    assert 28 <= np.median([len(prompt) for prompt in prompts]) <= 36
    assert max(len(prompt) for prompt in prompts) <= 60


def test_splits_share_neither_sentences_nor_runs_of_five_words() -> None:
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert not set(default_prompts(one)) & set(default_prompts(other))
        assert not ngrams(one, 5) & ngrams(other, 5)


def test_every_letter_is_practised() -> None:
    text = "".join(default_prompts("train"))
    assert all(text.count(letter) >= 40 for letter in "abcdefghijklmnopqrstuvwxyz")
