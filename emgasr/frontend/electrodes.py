"""Recordings of training people and, without labels, of one more person in; that person's signal made like theirs out.

A band is put on turned, and every electrode has its own contact. Both show in the energies of the electrodes, whatever
is typed: how strong each one is, and which ones rise together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from emgasr.errors import DataError, ModelError
from emgasr.files.output import replacing
from emgasr.frontend.measured import mended
from emgasr.recording import Recording, Samples

FRAME_S = 0.064  # over which energy is taken: as long as a tap's burst of activity
BLOCK_FRAMES = 2048
LEAST_ENERGY = 1e-6  # added to each, in the signal's unit squared
DEAD_DB = 30.0  # below the usual power of the others: the electrode has no contact
TEMPLATE_NAME = "template.safetensors"  # in a model folder: the profile of the people whom it was trained on
TEMPLATE_S = 300.0  # of each training recording: its electrodes' energies are known by then
TEMPLATE_RECORDINGS = 500
LARGEST_GAIN_DB = 12.0  # beyond it an electrode has no contact, and its gain would raise noise


@dataclass(frozen=True, eq=False)
class Profile:
    """Log energies of electrodes: mean and covariance over time, and each electrode's offset in the signal's unit.

    `mean` and `offset` are (C,), `covariance` (C, C), over all electrodes; float64.
    """

    mean: np.ndarray
    covariance: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True, eq=False)
class Alignment:
    """Samples become (samples - offset) * gain, (C,) each, then the electrodes are taken in `order` (C,).

    `turns` tells by how many electrodes each band is turned back, 0 for one that is no ring.
    """

    offset: np.ndarray
    gain: np.ndarray
    order: np.ndarray
    turns: tuple[int, ...]

    def of(self, recording: Recording) -> Recording:
        """Return the recording as aligned; its samples are still read lazily."""
        return replace(recording, samples=_Aligned(recording.samples, self))

    def turned_only(self) -> Alignment:
        """Return the same without offsets and gains, which running statistics take out anyway."""
        return replace(self, offset=np.zeros_like(self.offset), gain=np.ones_like(self.gain))


class Profiler:
    """Takes recordings with the same electrodes, one by one, and gives their profile."""

    def __init__(self) -> None:
        self._count = 0
        self._total = self._squares = self._offset = np.zeros(1)  # grows to the electrodes

    def add(self, recording: Recording, count: int | None = None) -> None:
        """Take the first `count` samples of a recording, None: all; what is shorter than a frame is left out."""
        length = max(1, round(FRAME_S * recording.rate_hz))
        last = recording.n_samples if count is None else count
        for first in range(0, last - length + 1, length * BLOCK_FRAMES):
            frames = _frames(recording.samples, first, min(first + length * BLOCK_FRAMES, last), length)
            level = frames.mean((0, 1))
            energies = np.log(((frames - level) ** 2).mean(1) + LEAST_ENERGY)
            self._count += len(energies)
            self._total = self._total + energies.sum(0)
            self._squares = self._squares + energies.T @ energies
            self._offset = self._offset + level * len(energies)

    def profile(self) -> Profile | None:
        """Return the profile of what was taken; None if that is shorter than a frame."""
        if not self._count:
            return None
        mean = self._total / self._count
        return Profile(mean, self._squares / self._count - np.outer(mean, mean), self._offset / self._count)


def profile(recordings: Iterable[Recording]) -> Profile:
    """Return the profile of recordings with the same electrodes; DataError if none is as long as a frame."""
    profiler = Profiler()
    for recording in recordings:
        profiler.add(recording)
    if (made := profiler.profile()) is None:
        raise DataError("alignment", f"no recording is {FRAME_S:g} s long", "give more of the person's signal")
    return made


def dead(person: Profile) -> np.ndarray:
    """Return which electrodes (C,) give nothing: a constant, or a power DEAD_DB below the usual one of the others."""
    others = [np.delete(person.mean, place) for place in range(len(person.mean))]
    usual = np.array([np.median(one) for one in others]) if len(others) > 1 else person.mean
    return np.asarray((person.mean < usual - DEAD_DB * np.log(10) / 10) | (person.mean <= np.log(LEAST_ENERGY) + 1e-6))


def mean_profile(profiles: Sequence[Profile]) -> Profile:
    """The profile halfway between people, each counted alike: what a new person is aligned to."""
    parts = ("mean", "covariance", "offset")
    return Profile(*(np.mean([getattr(one, part) for one in profiles], axis=0) for part in parts))


def align(person: Profile, template: Profile, recording: Recording, most_turns: int) -> Alignment:
    """What makes a person's signal most like the template: a turn of each ring by whole electrodes, then gains.

    `recording` tells which electrodes are in which band; bands that are no ring, and all where `most_turns` is 0,
    stay as they are.
    """
    order = np.arange(recording.n_channels)
    turns = []
    first = 0
    for band in recording.bands:
        rows = np.arange(first, first + len(band.electrodes))
        most = min(most_turns, len(rows) // 2) if band.ring else 0
        # The smallest turn of those that fit alike comes first.
        turn = min(sorted(range(-most, most + 1), key=abs), key=lambda turn: _distance(person, template, rows, turn))
        order[rows] = np.roll(rows, turn)
        turns.append(turn)
        first += len(rows)
    largest = LARGEST_GAIN_DB * np.log(10) / 20
    own = np.clip((template.mean[np.argsort(order)] - person.mean) / 2, -largest, largest)
    return Alignment(person.offset, np.exp(own), order, tuple(turns))


def save_template(recordings: Sequence[Recording], model: Path) -> None:
    """Write the profile of the recordings that a model was trained on into its folder.

    Their first TEMPLATE_S count, each recording alike; those shorter than a frame are left out. Of more recordings
    than TEMPLATE_RECORDINGS, as many are taken, evenly.
    """
    profiles = []
    for recording in recordings[:: -(-len(recordings) // TEMPLATE_RECORDINGS)]:
        profiler = Profiler()
        profiler.add(mended(recording), min(recording.n_samples, round(TEMPLATE_S * recording.rate_hz)))
        profiles += [made] if (made := profiler.profile()) is not None else []
    if profiles:
        save_profile(mean_profile(profiles), model / TEMPLATE_NAME)


def save_profile(made: Profile, path: Path) -> None:
    """Write a profile as safetensors."""
    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(value) for name, value in vars(made).items()}, temporary)


def load_profile(path: Path) -> Profile:
    """Read a profile; a ModelError if there is none."""
    try:
        return Profile(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise ModelError(path, "is no profile of electrodes", "train the fold again") from error


def _distance(person: Profile, template: Profile, rows: np.ndarray, turn: int) -> float:
    """How unlike two bands are once one is turned: in which electrodes rise together, and in how strong each one is."""
    turned = np.roll(rows, turn)
    together = _scaled(person.covariance[np.ix_(turned, turned)]), _scaled(template.covariance[np.ix_(rows, rows)])
    strong = person.mean[turned] - person.mean[rows].mean(), template.mean[rows] - template.mean[rows].mean()
    return sum(
        float(np.square(own - other).sum() / max(np.square(other).sum(), 1e-12)) for own, other in (together, strong)
    )


def _scaled(covariance: np.ndarray) -> np.ndarray:
    return covariance / max(float(np.trace(covariance)) / len(covariance), 1e-12)


def _frames(samples: np.ndarray | Samples, first: int, last: int, length: int) -> np.ndarray:
    part = np.asarray(samples[first:last], dtype=np.float64)
    whole = len(part) // length
    return part[: whole * length].reshape(whole, length, part.shape[1])


@dataclass(frozen=True, eq=False)
class _Aligned:
    """Other samples, aligned when sliced."""

    samples: np.ndarray | Samples
    alignment: Alignment

    @property
    def shape(self) -> tuple[int, ...]:
        return self.samples.shape

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        made = self.alignment
        values = (np.asarray(self.samples[rows]) - made.offset) * made.gain
        return values[:, made.order].astype(np.float32)
