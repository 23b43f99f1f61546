"""Long emissions are read as short ones are, cut where nothing happens."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from known_emissions import KEYS, emissions_of

from emgasr.decoding import SearchConfig, beam_search
from emgasr.decoding import stretches as module
from emgasr.decoding.stretches import read_emissions, stretches
from emgasr.lm import estimate


def test_stretches_cover_everything_and_cut_in_pauses() -> None:
    pause = np.repeat(emissions_of("")[:1], 9, axis=0)
    parts = [emissions_of("abcdef"), pause] * 5
    emissions = np.concatenate(parts)
    cuts = list(stretches(emissions, 40))
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(emissions)
    assert all(previous[1] == following[0] for previous, following in pairwise(cuts))
    assert all(0 < end - start <= 40 for start, end in cuts)
    assert (emissions[[end for _, end in cuts[:-1]]].argmax(axis=1) == 0).all()


def test_without_any_pause_a_stretch_is_as_long_as_may_be() -> None:
    emissions = np.log(np.tile([0.1, 0.9], (25, 1)))
    assert list(stretches(emissions, 10)) == [(0, 10), (10, 20), (20, 25)]


def test_long_emissions_are_read_as_short_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = estimate([list("abc abc")] * 3, order=2)
    config = SearchConfig(beam=4)
    emissions = np.concatenate([emissions_of("abc "), emissions_of("abc"), emissions_of("cab ")])
    whole = beam_search(emissions, KEYS, lm, config)[0]
    monkeypatch.setattr(module, "STRETCH_FRAMES", 12)
    pieces = read_emissions(emissions, KEYS, lm, config)
    assert (pieces.ids, pieces.frames) == (whole.ids, whole.frames)
    assert pieces.confidences == pytest.approx(whole.confidences)


def test_nothing_recorded_is_nothing_read() -> None:
    nothing = np.zeros((0, len(KEYS)), dtype=np.float32)
    assert read_emissions(nothing, KEYS).ids == ()
    assert read_emissions(nothing, KEYS, search=SearchConfig(beam=2)).ids == ()
