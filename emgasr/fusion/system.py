"""A fusion's models and the sensors that a recording or a stream has in; which model reads what of them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emgasr.corpora.sensors import every_sensor
from emgasr.display.wording import listed
from emgasr.errors import ModelError, RecordingError
from emgasr.files.rows import Columns
from emgasr.fusion.config import NAME, FusionConfig, System, read_fusion
from emgasr.fusion.grid import Grid, grid_of
from emgasr.models.recognizer import Recognizer
from emgasr.pipeline import Pipeline
from emgasr.recording import Band, Recording, Signal
from emgasr.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Member:
    """One of the models that answer together, with what it knows of language."""

    system: System
    pipeline: Pipeline
    name: str

    @property
    def recognizer(self) -> Recognizer:
        """The acoustic model."""
        return self.pipeline.recognizer


class Bound(NamedTuple):
    """What a model reads: which of several sources, and which of its channels (None: all, as they are)."""

    source: int
    bands: tuple[Band, ...]
    places: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Models of the same tokens that answer together.

    It reads as a `Recognizer` does, as far as `emgasr.transcribe` and an evaluation ask.

    Raises:
        ModelError: The models have different tokens.
    """

    config: FusionConfig
    members: tuple[Member, ...]
    origin: str = "the fusion"

    def __post_init__(self) -> None:
        first = self.members[0]
        for other in self.members[1:]:
            if other.recognizer.tokens != first.recognizer.tokens:
                own, theirs = (f"{len(m.recognizer.tokens) - 1} {m.recognizer.tokens.kind}" for m in (other, first))
                wrong = f"{other.name} reads other tokens ({own}) than {first.name} ({theirs})"
                raise ModelError(self.origin, wrong, "fuse models that were trained on the same tokens")
        _ = self.grid

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> Ensemble:
        """Load the models that the fusion.yaml of a folder names."""
        config = read_fusion(folder)
        pipelines = [Pipeline.of_folder(folder / system.model, device) for system in config.systems]
        return cls.of_pipelines(config, pipelines, str(folder / NAME))

    @classmethod
    def of_pipelines(cls, config: FusionConfig, pipelines: Sequence[Pipeline], origin: str = "the fusion") -> Ensemble:
        """Return the ensemble of pipelines, one for each system of a configuration."""
        names = [system.model for system in config.systems]
        members = [Member(*one) for one in zip(config.systems, pipelines, names, strict=True)]
        return cls(config, tuple(members), origin)

    @property
    def tokens(self) -> Tokens:
        """What all of the models read."""
        return self.members[0].recognizer.tokens

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters, of all models."""
        return sum(member.recognizer.parameter_count for member in self.members)

    @property
    def kind(self) -> str:
        """How many models answer, and how, in a few words."""
        how = "a vote" if self.config.kind == "rover" else f"{self.config.kind} mean"
        return f"{how} of {len(self.members)} systems"

    @property
    def normalization(self) -> str:
        """How the models normalize feature frames, in a word each."""
        return ", ".join(dict.fromkeys(member.recognizer.normalization for member in self.members))

    @cached_property
    def grid(self) -> Grid:
        """The common frames where all sensors begin together."""
        return self.grid_of(range(len(self.members)), [0.0] * len(self.members))

    @property
    def frame_rate_hz(self) -> float:
        """Emissions a second."""
        return self.members[self.grid.reference].recognizer.frame_rate_hz

    def grid_of(self, places: Sequence[int], offsets_s: Sequence[float]) -> Grid:
        """Return the grid of some of the members, given when the sensor of each began.

        A member that is alone has its own frames, to the last.
        """
        shifts = [0 if len(places) == 1 else self.members[place].system.shift_frames for place in places]
        chosen = [self.members[place] for place in places]
        recognizers, names = [member.recognizer for member in chosen], [member.name for member in chosen]
        return grid_of(recognizers, names, offsets_s, shifts)

    def frame_times_s(self, frames: int) -> np.ndarray:
        """Return (F,) seconds from the recording's start to the newest sample of each emission."""
        return self.members[self.grid.reference].recognizer.frame_times_s(frames)

    def probable(self, emissions: np.ndarray) -> np.ndarray:
        """Return emissions as they are; a ModelError for NaN."""
        return self.members[0].recognizer.probable(emissions)

    def only(self, places: Sequence[int]) -> Ensemble:
        """Return the ensemble of some of its members, two or more."""
        systems = tuple(self.config.systems[place] for place in places)
        members = tuple(self.members[place] for place in places)
        return Ensemble(replace(self.config, systems=systems), members, self.origin)

    def bound(self, signals: Sequence[Signal], where: str) -> list[Bound | None]:
        """Return what each member reads of sources with these signals; None: its sensor is not among them.

        Bands go by their names. Where all members read the same bands, a single source may call them otherwise.

        Raises:
            RecordingError: A source has the bands of a member and another rate, unit or number of electrodes, or none
                has those of any member.
        """
        one_sensor = len({member.system.bands for member in self.members}) == 1
        found = [self._bound(member, signals, where, one_sensor) for member in self.members]
        if not any(found):
            wanted = dict.fromkeys("+".join(member.system.bands) for member in self.members)
            has = listed("+".join(band.name for band in signal.bands) for signal in signals)
            raise RecordingError(where, f"has the bands {has}", f"the systems read {listed(wanted)}")
        return found

    def _bound(self, member: Member, signals: Sequence[Signal], where: str, one_sensor: bool) -> Bound | None:
        names = member.system.bands
        for source, signal in enumerate(signals):
            own = {band.name: band for band in signal.bands}
            if not set(names) <= own.keys():
                continue
            bands = tuple(own[name] for name in names)
            sensor = Signal(signal.rate_hz, signal.unit, bands)
            member.recognizer.signal.check_same(sensor, f"{where}, sensor {'+'.join(names)}")
            return Bound(source, bands, _places(signal.bands, names))
        if one_sensor and len(signals) == 1:
            member.recognizer.signal.check_same(signals[0], where)
            return Bound(0, signals[0].bands, None)
        return None


def sensor_of(recording: Recording, bound: Bound) -> tuple[Recording, float]:
    """Return what a member reads of a recording, without labels, and when its sensor began, in seconds."""
    other = every_sensor(recording)[bound.source]
    found = other.recording
    samples = found.samples if bound.places is None else Columns(found.samples, bound.places)
    read = Recording(
        samples, found.rate_hz, found.unit, bound.bands, recording.subject, recording.session, origin=found.origin
    )
    return read, other.offset_s


def _places(bands: Sequence[Band], names: Sequence[str]) -> tuple[int, ...] | None:
    places: dict[str, list[int]] = {}
    count = 0
    for band in bands:
        places[band.name] = list(range(count, count + len(band.electrodes)))
        count += len(band.electrodes)
    index = tuple(place for name in names for place in places[name])
    return None if index == tuple(range(count)) else index
