"""Reading emissions: greedy without a model, in stretches when they are long, times and text kept together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from known_emissions import KEYS, emissions_of
from miniatures import make_recording

from emgasr import transcribe as module
from emgasr.decoding import SearchConfig, beam_search
from emgasr.lm import estimate
from emgasr.transcribe import read_emissions, stretches, transcribe


class FakeRecognizer:
    """Reads "hez⌫y", a key every 0.2 s, whatever it is given."""

    tokens = KEYS

    def emissions(self, recording: object) -> np.ndarray:
        return emissions_of([*"hez", "⌫", "y"])

    def frame_times_s(self, frames: int) -> np.ndarray:
        return np.arange(frames) / 10


def test_a_transcript_has_text_keys_times_and_confidences() -> None:
    transcript = transcribe(FakeRecognizer(), make_recording())  # type: ignore[arg-type]
    assert transcript.text == "hey"
    assert transcript.symbols == ("h", "e", "z", "⌫", "y")
    assert transcript.times_s.tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert transcript.confidences.tolist() == pytest.approx([0.9] * 5, abs=1e-3)
    told = transcript.as_dict()
    assert told["keys"][3] == {"key": "⌫", "time_s": 0.7, "confidence": 0.9}
    assert (told["text"], told["duration_s"]) == ("hey", 3.0)


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
