"""Margins over the best other reading of a place: by brute force, frame by frame as at once, in any chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import BeamSearch, SearchConfig, greedy
from emgasr.decoding.margin import REACH, margins
from emgasr.streaming.decoder import BeamReader, GreedyReader, Reader, Token
from tests.helpers.readings import LETTERS, emissions

IDS = np.random.default_rng(0).integers(1, len(LETTERS), 40)
EMISSIONS = emissions(np.random.default_rng(1), IDS, 2.5)
SEARCH = BeamSearch(LETTERS, config=SearchConfig(beam=6))
cuttings = st.lists(st.integers(0, len(EMISSIONS)), max_size=8)


def brute(rows: np.ndarray, label: int) -> float:
    """The best of all stretches in which a place may be read as one symbol, against none."""
    gains = np.maximum(rows[:, label], -30) - np.maximum(rows[:, 0], -30)
    ends = range(1, len(rows) + 1)
    return max(float(gains[first:last].sum()) for last in ends for first in range(last))


def test_a_margin_is_that_over_the_best_other_stretch() -> None:
    found = greedy(EMISSIONS)
    path = EMISSIONS.argmax(1)
    free = 0
    for label, frame, evidence in zip(found.ids, found.frames, found.evidence, strict=True):
        last = frame
        while last + 1 < len(path) and path[last + 1] == label:
            last += 1
        rows = EMISSIONS[max(free, frame - REACH) : last + 1]
        others = [brute(rows, other) for other in range(1, len(LETTERS)) if other != label]
        assert evidence.margin == pytest.approx(brute(rows, label) - max(0.0, *others))
        free = last + 1


def test_no_tokens_have_no_margins() -> None:
    none = np.zeros(0, np.int64)
    assert len(margins(EMISSIONS, none, none, none)) == 0


def read(reader: Reader, cuts: list[int]) -> list[Token]:
    """All final tokens of the emissions in chunks."""
    found = []
    for rows in np.split(EMISSIONS, sorted(cuts)):
        reader.read(rows)
        reader.partial()
        found += reader.taken()
    reader.end()
    return [*found, *reader.taken()]


@settings(deadline=None)  # the first call compiles
@given(cuttings)
def test_any_chunking_gives_greedy_tokens_the_same_evidence(cuts: list[int]) -> None:
    whole = greedy(EMISSIONS)
    found = read(GreedyReader(), cuts)
    assert [token.id for token in found] == list(whole.ids)
    assert [token.evidence for token in found] == list(whole.evidence)


@settings(deadline=None)  # the first call compiles
@given(cuttings)
def test_any_chunking_gives_searched_tokens_the_same_evidence(cuts: list[int]) -> None:
    whole = SEARCH.whole(EMISSIONS)[0]
    found = read(BeamReader(SEARCH, 1.0, None, None, 4), cuts)
    assert [token.evidence for token in found] == list(whole.evidence)
    early = read(BeamReader(SEARCH, 0.7, 6, 20, 4), [])
    assert read(BeamReader(SEARCH, 0.7, 6, 20, 4), cuts) == early


def test_shares_and_waits_say_how_far_the_beam_agreed_and_how_late() -> None:
    early, sure = (read(BeamReader(SEARCH, agreement, 6, None, 4), []) for agreement in (0.6, 1.0))
    for found in (early, sure):
        assert all(0 < token.evidence.share <= 1 and token.evidence.wait >= 1 for token in found)
    assert min(token.evidence.share for token in early) < 1
    assert max(token.evidence.wait for token in early[:-3]) <= 6 + 4 + 1
