"""A trained model and the first minutes of one person's recordings in; a model that knows the person, by one rung, out.

The rungs, from what needs nothing to what needs labels: none; statistics (the running normalization starts with the
person's); affine (each electrode's offset and gain, and how far the ring is turned: `emgasr.protocol.electrodes`); head
(the output layer is fitted to labels) and all (all weights are). The last two never leave a person worse off on what
they hold out of the calibration (`emgasr.training.personalize`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.measured import mended
from emgasr.manifests.manifest import Entry
from emgasr.models.folder import load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.protocol.electrodes import Profile, align, profile
from emgasr.protocol.folds import in_order
from emgasr.recording import Recording
from emgasr.training.config import PERSONAL_FIT, PersonalizeConfig, TrainingConfig
from emgasr.training.personalize import personalize

RUNGS = ("none", "statistics", "affine", "head", "all")


@dataclass(frozen=True)
class CalibrationConfig:
    """How a model learns a person.

    Args:
        minutes: steps of the ladder: minutes of the person's earliest recordings; 0 is always there too.
        rungs: those to climb, of statistics, affine, head and all.
        shortfall: share of a step's minutes that may be lacking (a session of "10 minutes" seldom has them); a person
            with less is left out of the step.
        steps: optimizer steps of head and all.
        budget_s: seconds that a fit of head or all may take, validations included, in place of steps; 0 goes by steps.
        validations: how often the person's held-out part judges a fit.
        learning_rate: peak of all's learning rate.
        head_learning_rate: peak of head's.
        held_out: share of each recording that judges head and all; 0 holds nothing out and guards nothing.
        batch_s: seconds of signal a batch (windows).
        prior_s: seconds of signal that the person's statistics count as when a session starts.
        turns: most electrodes by which a ring may be turned.
    """

    minutes: tuple[Annotated[float, Within(0.001, 1e5)], ...] = (0.5, 1, 2, 5, 10, 20, 40)
    rungs: tuple[str, ...] = ("statistics", "affine", "head", "all")
    shortfall: Annotated[float, Within(0, 0.99)] = 0.02
    steps: Annotated[int, Within(0, 1e9)] = 120
    budget_s: Annotated[float, Within(0, 1e7)] = 0.0
    validations: Annotated[int, Within(1, 1e6)] = 6
    learning_rate: Annotated[float, Within(0, 100)] = 5e-4
    head_learning_rate: Annotated[float, Within(0, 100)] = 2e-3
    held_out: Annotated[float, Within(0, 0.99)] = 0.2
    batch_s: Annotated[float, Within(0.001, 1e6)] = 64.0
    prior_s: Annotated[float, Within(0.001, 1e9)] = 10.0
    turns: Annotated[int, Within(0, 1024)] = 2

    def __post_init__(self) -> None:
        if unknown := [rung for rung in self.rungs if rung not in RUNGS[1:]]:
            raise ConfigError("calibration.rungs", f"{unknown[0]!r} is unknown", f"choose of {', '.join(RUNGS[1:])}")
        check_within(self, "calibration")


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A model for one person: the recognizer, what is done to each of their recordings, and what to tell of it."""

    recognizer: Recognizer
    prepare: Callable[[Recording], Recording]
    told: dict[str, object]


def earliest(
    entries: Sequence[Entry], minutes: float, shortest_s: float, shortfall: float = 0.02
) -> list[tuple[Entry, float]]:
    """The first `minutes` of a person's entries, sessions in order, with the seconds to take of the start of each.

    Recordings below `shortest_s` are passed over, a last piece below it is left out. An empty list if more than the
    share `shortfall` of the minutes is lacking.
    """
    order = in_order(entry.session for entry in entries)
    chosen = []
    left_s = 60 * minutes
    for entry in sorted(entries, key=lambda entry: (order.index(entry.session), entry.part_s or (0.0, 0.0))):
        taken = min(entry.duration_s, left_s)
        least_s = min(shortest_s, 60 * minutes)
        if entry.duration_s < least_s:
            continue
        if taken >= least_s:
            chosen.append((entry, taken))
        left_s -= taken
        if left_s <= 0:
            break
    return chosen if left_s <= shortfall * 60 * minutes else []


def calibrate(
    model: Path,
    recordings: Sequence[Recording],
    rung: str,
    config: CalibrationConfig,
    training: TrainingConfig,
    template: Profile,
    folder: Path,
) -> Calibrated:
    """Fit the model in folder `model` to a person by one of RUNGS; `folder` receives what head and all write.

    Where there are no labels to fit or to judge with, the model stays as it was, and `told` says why. Raises a
    ConfigError if the rung does not apply to the model, a DataError if there are too few frames for statistics.
    """
    recordings = [mended(recording) for recording in recordings]
    if rung in ("head", "all"):
        return _fitted(model, recordings, rung, config, training, folder)
    recognizer = load_recognizer(model)
    if rung == "statistics":
        most = config.prior_s * recognizer.features.frame_rate_hz
        recognizer.normalize.prior = recognizer.normalize.statistics_of(_frames(recognizer, recordings), most)
        return Calibrated(recognizer, _unchanged, {})
    if rung == "affine":
        made = align(profile(recordings), template, recordings[0], config.turns)
        return Calibrated(recognizer, made.of, {"turns": list(made.turns)})
    return Calibrated(recognizer, _unchanged, {})


def applies(rung: str, training: TrainingConfig) -> bool:
    """Whether a rung means anything for a system: running statistics need a normalization that keeps some."""
    return rung != "statistics" or training.normalize.running


def _fitted(
    model: Path,
    recordings: Sequence[Recording],
    rung: str,
    config: CalibrationConfig,
    training: TrainingConfig,
    folder: Path,
) -> Calibrated:
    windows = training.data
    # One person wears the band one way, and their takes differ little: what varies people and days is off.
    still = {"rotation_electrodes": 0, "rotation_sd_electrodes": 0.0, "reversal_probability": 0.0, "spread": 0.0}
    augment = replace(training.augment, **still)  # type: ignore[arg-type]
    fit = replace(
        PERSONAL_FIT,
        steps=0 if config.budget_s else config.steps,
        minutes=config.budget_s / 60,
        validations=config.validations,
        device=training.fit.device,
        precision=training.fit.precision,
        workers=training.fit.workers,
        learning_rate=config.learning_rate if rung == "all" else config.head_learning_rate,
    )
    shared = PersonalizeConfig(
        seed=training.seed,
        fit=fit,
        held_out=config.held_out,
        weights="all" if rung == "all" else "head",
        augment=augment,
    )
    if isinstance(windows, WindowsConfig):
        shared = replace(shared, data=replace(windows, batch_s=config.batch_s))
    compose = windows if isinstance(windows, ComposedConfig) else None
    try:
        result = personalize(model, recordings, shared, folder / "personal", compose=compose)
    except DataError as error:
        return Calibrated(load_recognizer(model), _unchanged, {"kept": False, "why": str(error)})
    if result.interrupted:
        raise KeyboardInterrupt
    told: dict[str, object] = {
        "held_out_cer_before": result.cer_before,
        "held_out_cer_after": result.cer_after,
        "kept": result.kept,
    }
    return Calibrated(result.recognizer, _unchanged, told)


def _frames(recognizer: Recognizer, recordings: Sequence[Recording]) -> Iterator[Tensor]:
    """Feature frames (1, F, N, E, K) of recordings, a piece at a time."""
    weight = recognizer.head.weight
    piece = recognizer.piece_frames * recognizer.features.hop
    for recording in recordings:
        recognizer.signal.check(recording)
        for first in range(0, recording.n_samples, piece):
            samples = torch.from_numpy(recording.samples[first : first + piece]).to(weight)[None]
            with torch.inference_mode():
                frames, lengths = recognizer.features(samples, torch.tensor([samples.shape[1]], device=weight.device))
            if int(lengths[0]):
                yield frames[:, : int(lengths[0])]


def _unchanged(recording: Recording) -> Recording:
    return recording
