"""Frames of many takes at once are those of each take alone, whatever their lengths."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emgasr.data.compose import takes_from_recordings
from emgasr.data.take_frames import frames_of_takes
from tests.helpers.word_takes import word_recognizer, word_takes


@pytest.mark.parametrize("longest_s", [0.0, 0.3])
def test_frames_made_together_are_those_of_each_alone(longest_s: float) -> None:
    model = word_recognizer()
    whole = takes_from_recordings(word_takes(sessions=("d1", "d2")))
    takes = [replace(take, samples=take.samples[: 60 + 17 * (place % 5)]) for place, take in enumerate(whole)]
    found = dict(frames_of_takes(model, takes, longest_s))
    assert sorted(found) == list(range(len(takes)))
    for place, take in enumerate(takes):
        samples = take.samples[: round(longest_s * take.rate_hz) or None]
        alone = torch.from_numpy(samples - samples.mean(0))[None]
        frames, _ = model.features(alone, torch.tensor([len(samples)]))
        torch.testing.assert_close(found[place], frames[0], rtol=1e-5, atol=1e-5)
