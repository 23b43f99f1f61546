"""A trained model and one person's labelled recordings in; a model fitted to them, never a worse one, out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emgasr.augment import AugmentConfig
from emgasr.batches import WindowsConfig, WindowSource
from emgasr.errors import ConfigError, DataError
from emgasr.output import claim_folder, replacing
from emgasr.recognizer import LIVE_NAME, SEARCH_NAME, Recognizer
from emgasr.recording import Recording
from emgasr.training import FitConfig, fit, validation_errors


@dataclass(frozen=True)
class PersonalizeConfig(FitConfig):
    """Fit a model to one person.

    Args:
        held_out: share of each recording, from its end, that is kept out of fitting and judges the result.
        source: windows cut from the person's recordings.
    """

    learning_rate: float = 5e-4
    warmup_steps: int = 10
    validations: int = 6
    frame_weight: float = 0.0
    ctc_ramp_steps: int = 0
    held_out: float = 0.2
    source: WindowsConfig = field(default_factory=lambda: WindowsConfig(shortest_s=4.0, longest_s=8.0, batch_s=64.0))
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.held_out < 1.0:
            raise ConfigError("held_out", f"{self.held_out:g} is not between 0 and 1", "0.2 keeps a fifth")


@dataclass(frozen=True)
class Personalized:
    """CER on the person's held-out part before and after; `kept` tells whether the fitted weights were better."""

    recognizer: Recognizer
    cer_before: float
    cer_after: float
    kept: bool
    minutes: float
    interrupted: bool = False


def personalize(
    base: Path,
    recordings: Sequence[Recording],
    config: PersonalizeConfig,
    folder: Path,
    report: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> Personalized:
    """Fit the model in `base` to one person's `recordings`; `folder`/model receives the better of the two models.

    The person's held-out part decides: if no checkpoint reads it better than the base model, the base model is kept.
    The base model's search.yaml, if it has one, comes along.
    Raises a DataError for recordings of several people or without labels.
    """
    people = sorted({recording.subject for recording in recordings})
    if len(people) != 1:
        raise DataError("personalize", f"got recordings of {len(people)} people", "give those of one person")
    recognizer = Recognizer.load(base)
    for recording in recordings:
        recognizer.signal.check(recording)
    fitting = [recording.segment(0.0, recording.duration_s * (1 - config.held_out)) for recording in recordings]
    held_out = [
        (f"held out {i}", recording.segment(recording.duration_s * (1 - config.held_out)))
        for i, recording in enumerate(recordings)
    ]
    source = WindowSource(fitting, recognizer.tokens, config.source, config.seed)
    before = validation_errors(recognizer, held_out)[0].rate
    claim_folder(folder)
    best = [before]

    def save(model: Recognizer, cer: float) -> None:
        model.save(folder / "model", _card(people[0], recordings, before, cer, base))
        for name in (SEARCH_NAME, LIVE_NAME):
            if (base / name).is_file():  # the base model's errors are still much like this one's
                with replacing(folder / "model" / name) as path:
                    shutil.copyfile(base / name, path)

    def save_if_better(fitted: Recognizer, cer: float, step: int) -> None:
        if cer < best[0]:
            best[0] = cer
            save(fitted, cer)

    save(recognizer, before)
    fitted = fit(recognizer, source, held_out, config, folder, save_best=save_if_better, report=report)
    model = Recognizer.load(folder / "model")
    return Personalized(model, before, best[0], best[0] < before, fitted.minutes, fitted.interrupted)


def _card(person: str, recordings: Sequence[Recording], before: float, after: float, base: Path) -> str:
    minutes = sum(recording.duration_s for recording in recordings) / 60
    outcome = f"{100 * before:.2f} % → {100 * after:.2f} %" if after < before else f"{100 * before:.2f} % (base kept)"
    return f"""# emgasr model, fitted to one person

| | |
|---|---|
| person | {person}, {minutes:.1f} minutes of labelled recordings ({recordings[0].origin}) |
| base model | {base.name} |
| CER on the person's held-out part, greedy | {outcome} |
| licence | that of the base model and of the person's recordings |

The held-out part chose the checkpoint: judge the model on other recordings.
"""
