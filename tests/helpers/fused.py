"""Ensembles of tiny recognizers, of the left ring and the right one; recordings of which a ring is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emgasr.fusion.config import FusionConfig, System
from emgasr.fusion.system import Ensemble
from emgasr.pipeline import Pipeline
from emgasr.recording import Band, Recording
from tests.helpers.miniatures import make_recording
from tests.helpers.tiny_models import BANDS, RATE_HZ, tiny_recognizer

LEFT, RIGHT = BANDS


def system(name: str, bands: Sequence[Band], **changes: Any) -> System:
    """A system that reads bands; its checksum is its name."""
    return System(name, name, tuple(band.name for band in bands), **changes)


def ensemble_of(members: dict[str, tuple[Any, System]], **changes: Any) -> Ensemble:
    """An ensemble of recognizers by name."""
    config = FusionConfig(tuple(one for _, one in members.values()), **changes)
    return Ensemble.of_pipelines(config, [Pipeline(recognizer) for recognizer, _ in members.values()])


def wrists(normalize: str = "none", temperatures: tuple[float, float] = (1.5, 0.8), **changes: Any) -> Ensemble:
    """A conformer of the left ring and one of the right, as another model would be."""
    members = {}
    for band, temperature in zip(BANDS, temperatures, strict=True):
        recognizer = tiny_recognizer(normalize=normalize, bands=(band,))
        if band is RIGHT:  # other weights
            for parameter in recognizer.parameters():
                parameter.data = parameter.data.roll(1, 0)
        members[band.name] = (recognizer, system(band.name, (band,), temperature=temperature, weight=0.6))
    return ensemble_of(members, **changes)


def noise(seconds: float = 6.0, seed: int = 0, **changes: Any) -> Recording:
    """A recording of both rings."""
    return make_recording(seconds, RATE_HZ, seed, **changes)


def cut(recording: Recording, band: Band, start_s: float = 0.0, value: float = 0.0) -> Recording:
    """The same with a band that stands at one value from a time on."""
    samples = np.array(recording.read())
    place = 0
    for own in recording.bands:
        if own.name == band.name:
            samples[round(start_s * recording.rate_hz) :, place : place + len(own.electrodes)] = value
        place += len(own.electrodes)
    return make_recording(recording.duration_s, RATE_HZ, samples=samples)
