"""The compiled search against the readable one over all that SearchConfig allows, and a line for what it does not.

`EMGASR_SEARCHES=5000 pytest tests/oracles/test_search_configurations.py -s` tries as many configurations, each with a
model, hotwords and emissions of its own, and prints what was met; without it a part of them is tried.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from emgasr.decoding import Hypothesis, SearchConfig, beam_search
from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.hypothesis import BOUNDS, COUNTS
from emgasr.errors import ConfigError
from emgasr.lm import estimate
from emgasr.lm.single_words import read_as_single_words
from emgasr.lm.words import WordModel
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles import reference_search as reference

SEARCHES = int(os.environ.get("EMGASR_SEARCHES", "120"))
ONCE_WRONG = (1015, 2416)  # digits lost on the way to a mass; a bound in float32
KEYS = Tokens.keystrokes(["a", "b", "c", " ", BACKSPACE, ENTER, SHIFT])
PIECES = Tokens("sentencepiece", ["▁", "▁a", "▁ab", "a", "b", "bc", "c▁a", "c"])
MANY = Tokens.words([f"w{i}" for i in range(140)])
KEY_MODELS = [
    None,
    estimate(["abc abc" + ENTER, "cab", "bca abc", "a" + ENTER + "b"], order=4),
    estimate(["ab" * 5], order=2),  # does not know c, space and enter, and has no <unk>
    read_as_single_words(estimate(["cab", "abba", "bac", "cc", "a"] * 4, order=3)),
]
PIECE_MODEL = estimate([PIECES.symbols[1:]], order=2)
MANY_MODEL = estimate([[f"w{i % 140}" for i in range(k, k + 30)] for k in range(140)], order=2)
WORDS = estimate([["ab", "abc"], ["ab", "c", "ab"], ["abc", "cab", "ab"]], order=3)
LETTERS = estimate(["ab", "abc", "c", "cab", "ba"], order=3)
PHRASES = ["a", "ab", "ab c", "c ab", "cab"]
RELATIVE = 1e-13  # of scores: what doubles hold of sums of some ten thousand nats


@dataclass(frozen=True)
class Case:
    emissions: np.ndarray
    tokens: Tokens
    lm: Any
    config: SearchConfig
    hotwords: Hotwords | None


def drawn(seed: int) -> Case:
    """A search of its own for each seed, within the stated bounds: usual weights as often as any."""
    rng = np.random.default_rng(seed)
    tokens = [KEYS, KEYS, PIECES, MANY][rng.integers(4)]
    frames = int(rng.integers(1, 15))
    config = SearchConfig(**_weights(rng), **_shape(rng))
    lm: Any = {KEYS: KEY_MODELS[rng.integers(4)], PIECES: PIECE_MODEL, MANY: MANY_MODEL}[tokens]
    if tokens is not MANY and rng.random() < 0.35:
        penalty = rng.choice([0.0, 2.0, -3.0, rng.uniform(-100, 100)])
        lm = WordModel(WORDS, ["ab", "abc", "cab"], LETTERS, tokens, penalty, bool(rng.integers(2)))
        config = SearchConfig(**{**vars(config), "word_bonus": float(rng.choice([0.0, 1.5, rng.uniform(-100, 100)]))})
    hotwords = None
    if tokens is not MANY and rng.random() < 0.4:
        phrases = rng.choice(PHRASES, rng.integers(1, 4), replace=False)
        boosts = {str(phrase): float(rng.choice([2.0, -1.0, rng.uniform(-100, 100)])) for phrase in phrases}
        hotwords = Hotwords(boosts, tokens, parts=bool(rng.integers(2)))
    return Case(_emissions(rng, frames, len(tokens)), tokens, lm, config, hotwords)


def _weights(rng: np.random.Generator) -> dict[str, float]:
    if rng.random() < 0.3:
        usual = {
            "lm_weight": (0, 2),
            "length_bonus": (-1, 4),
            "acoustic_scale": (0.4, 1.2),
            "backspace_penalty": (0, 4),
        }
        return {name: float(rng.uniform(low, high)) for name, (low, high) in usual.items()}
    return {
        "lm_weight": float(rng.choice([0, rng.uniform(-4, 4), rng.uniform(-100, 100)])),
        "length_bonus": float(rng.choice([rng.uniform(-50, 50), rng.uniform(-100, 100)])),
        "acoustic_scale": float(10 ** rng.uniform(-3, 2)),
        "blank_penalty": float(rng.choice([0, rng.uniform(-5, 5), rng.uniform(-100, 100)])),
        "backspace_penalty": float(rng.choice([0, rng.uniform(-5, 5), rng.uniform(-100, 100)])),
    }


def _shape(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "beam": int(10 ** rng.uniform(0, 3)),
        "top_k": rng.choice([None, int(rng.integers(1, 9))]),
        "strict_top_k": bool(rng.integers(2)),
        "refund_bonus": bool(rng.integers(2)),
        "end_of_sentence": bool(rng.integers(2)),
        "n_best": int(rng.integers(1, 30)),
        "threshold": rng.choice([None, None, float(10 ** rng.uniform(-3, 5))]),
    }


def _emissions(rng: np.random.Generator, frames: int, labels: int) -> np.ndarray:
    """Rows from nearly even to certain, some labels impossible."""
    scores = rng.normal(size=(frames, labels)) * rng.choice([0.3, 1.0, 3.0, 10.0, 300.0])
    if rng.random() < 0.3:
        scores[rng.random(scores.shape) < 0.5] = -np.inf
        scores[np.arange(frames), rng.integers(0, labels, frames)] = 0.0
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def difference(found: list[Hypothesis], expected: list[Hypothesis]) -> str:
    """What the compiled search has wrong: "" if nothing, but for the order of equals."""
    if len(found) != len(expected):
        return f"{len(found)} hypotheses instead of {len(expected)}"
    for rank, (one, other) in enumerate(zip(found, expected, strict=True)):
        numbers = (one.score, one.acoustic, one.lm, *one.confidences)
        if not all(map(math.isfinite, numbers)):
            return f"{rank}: {numbers}"
        if not _same(one.score, other.score):
            return f"{rank}: a score of {one.score!r} instead of {other.score!r}"
        if one.ids == other.ids:
            if not _same(one.acoustic, other.acoustic, one.score) or not _same(one.lm, other.lm):
                return f"{rank}: {one} instead of {other}"
        elif not any(_same(one.score, h.score) for h in expected if h.ids != one.ids):
            return f"{rank}: {one.ids} instead of {other.ids}"
    return ""


def _same(one: float, other: float, size: float = 0.0) -> bool:
    return abs(one - other) <= max(1e-9, RELATIVE * max(abs(one), abs(size)))


@pytest.mark.slow
def test_within_the_bounds_the_compiled_search_answers_as_the_readable_one() -> None:
    met: Counter[str] = Counter()
    for seed in dict.fromkeys((*range(SEARCHES), *ONCE_WRONG)):
        case = drawn(seed)
        arguments = case.tokens, case.lm, case.config, case.hotwords
        wrong = difference(beam_search(case.emissions, *arguments), reference.beam_search(case.emissions, *arguments))
        assert not wrong, f"seed {seed}: {wrong}; {case.config}"
        met.update([case.tokens.kind, type(case.lm).__name__, "hotwords" if case.hotwords else "no hotwords"])
    print(f"\n{SEARCHES:,} searches equal: {dict(met)}")
    assert min(met.values()) > 0


@pytest.mark.parametrize("name", list(BOUNDS))
def test_outside_the_bounds_there_is_one_line(name: str) -> None:
    low, high = BOUNDS[name]
    outside = [low - 1, high + 1, 2**63, -(2**63), 10**5000, 1e300, math.inf, -math.inf, math.nan, "5", True, [1]]
    for value in [*outside, 1.5] if name in COUNTS else outside:
        with pytest.raises(ConfigError, match=f"{name} is ") as raised:
            SearchConfig(**{name: value})
        assert len(str(raised.value)) < 160
        assert "\n" not in str(raised.value)
    for value in (low, high):
        assert getattr(SearchConfig(**{name: value}), name) == value
