"""A trained model and the first minutes of one person's recordings in, a model adapted to that person out.

Adaptation methods, from what needs nothing to what needs labels: none; statistics (the running normalization starts
with the person's); affine (each electrode's offset and gain, and how far the ring is turned, see
`emgasr.frontend.electrodes`); head (fits the output layer to labels); all (fits all weights). Head and all keep the
model as it was where the fit is no better on what it holds out (`emgasr.training.personalize`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from emgasr.classifiers.config import ClassifyConfig
from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.errors import DataError
from emgasr.evaluation.naming import naming_of
from emgasr.frontend.electrodes import Profile, align, profile
from emgasr.frontend.measured import mended
from emgasr.models.recognizer import Recognizer
from emgasr.protocol.config import AdaptationConfig
from emgasr.recording import Recording
from emgasr.training.config import PERSONAL_FIT, PersonalizeConfig, TrainingConfig
from emgasr.training.personalize import personalize


@dataclass(frozen=True, eq=False)
class Adapted:
    """A model of one person.

    Args:
        recognizer: to read the person with.
        prepare: applied to each of their recordings before it is read.
        facts: how the adaptation went, for the results.
        unlabelled_s: seconds of the person's signal in the statistics that streams start with.
    """

    recognizer: Recognizer
    prepare: Callable[[Recording], Recording]
    facts: dict[str, object]
    unlabelled_s: float = 0.0


def adapt(
    model: Path,
    recognizer: Recognizer,
    recordings: Sequence[Recording],
    method: str,
    config: AdaptationConfig,
    training: TrainingConfig,
    template: Profile,
    folder: Path,
) -> Adapted:
    """Adapt a model to a person by one of `METHODS`; `folder` receives what head and all write.

    `recognizer` is what the folder `model` holds, and stays as it is: it may be adapted to any number of people.
    Without labels to fit or to judge with, the model stays as it was, and `facts` says why.

    Raises:
        ConfigError: The method does not apply to the model.
        DataError: The recordings hold too few frames for statistics.
    """
    recordings = [mended(recording) for recording in recordings]
    if method in ("head", "all"):
        return _fitted(model, recognizer, recordings, method, config, training, folder)
    if method == "statistics":
        recognizer = deepcopy(recognizer)
        most = config.prior_s * recognizer.features.frame_rate_hz
        recognizer.normalize.prior = recognizer.normalize.statistics_of(_frames(recognizer, recordings), most)
        return Adapted(recognizer, _unchanged, {}, sum(recording.duration_s for recording in recordings))
    if method == "affine":
        made = align(profile(recordings), template, recordings[0], config.turns)
        return Adapted(recognizer, made.of, {"turns": list(made.turns)})
    return Adapted(recognizer, _unchanged, {})


def applies(method: str, training: TrainingConfig | ClassifyConfig) -> bool:
    """Return whether a method applies to a system.

    Statistics need a normalization that keeps running ones; a classifier learns the person's takes beside the others.
    """
    if isinstance(training, ClassifyConfig):
        return method == "all"
    return method != "statistics" or training.normalize.running


def _fitted(
    model: Path,
    recognizer: Recognizer,
    recordings: Sequence[Recording],
    method: str,
    config: AdaptationConfig,
    training: TrainingConfig,
    folder: Path,
) -> Adapted:
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
        learning_rate=config.learning_rate if method == "all" else config.head_learning_rate,
    )
    shared = PersonalizeConfig(
        seed=training.seed,
        fit=fit,
        held_out=config.held_out,
        weights="all" if method == "all" else "head",
        base_share=config.base_share,
        augment=augment,
    )
    if isinstance(windows, WindowsConfig):
        shared = replace(shared, data=replace(windows, batch_s=config.batch_s))
    compose = windows if isinstance(windows, ComposedConfig) else None
    try:
        result = personalize(model, recordings, shared, folder / "personal", compose=compose)
    except DataError as error:
        return Adapted(recognizer, _unchanged, {"kept": False, "why": str(error)})
    if result.interrupted:
        raise KeyboardInterrupt
    rate = naming_of(result.recognizer.tokens).rate
    facts: dict[str, object] = {
        f"held_out_{rate}_before": result.error_before,
        f"held_out_{rate}_after": result.error_after,
        "kept": result.kept,
    }
    return Adapted(result.recognizer, _unchanged, facts)


def _frames(recognizer: Recognizer, recordings: Sequence[Recording]) -> Iterator[Tensor]:
    """Yield the feature frames (1, F, N, E, K) of recordings, a piece at a time."""
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
