"""What a training run or a personalization came to in; the model card, README.md of the model's folder, out."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import torch

from emgasr.display.visible import markdown_code, markdown_text
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Manifest
from emgasr.models.recognizer import Recognizer
from emgasr.recording import UNTOLD, Recording, montage_of
from emgasr.training.config import TrainingConfig
from emgasr.training.resuming import Begun
from emgasr.version import __version__


def card(
    config: TrainingConfig, manifest: Manifest, begun: Begun, recognizer: Recognizer, judged: str, step: int
) -> str:
    """Return the card of a trained model: its signal, everybody whose data shaped it, split, seed, validation error.

    `judged` is the row of the error that chose the checkpoint: what it is of, and its value.
    """
    trained = manifest.split(config.train_split)
    hours = sum(entry.duration_s for entry in trained) / 3600
    signal = recognizer.signal
    montage = montage_of(signal.bands) or UNTOLD
    bands = ", ".join(f"{markdown_text(band.name)} ({len(band.electrodes)} electrodes)" for band in signal.bands)
    trained_on, judged_on = markdown_code(config.train_split), markdown_code(config.validation_split)
    budget = f"{config.fit.minutes:g} minutes" if config.fit.minutes else f"{config.fit.steps} steps"
    people = len({entry.subject for entry in trained})
    return f"""# emgasr model

| | |
|---|---|
| listens to | {bands} at {signal.rate_hz:g} Hz, {signal.unit}, montage: {markdown_text(montage)} |
| writes | {recognizer.tokens.kind}, {len(recognizer.tokens) - 1} symbols, {recognizer.frame_rate_hz:g} frames/s |
| encoder | {recognizer.config.encoder.kind}, {recognizer.parameter_count:,} parameters in all |
| trained on | {hours:.2f} h of {people} people, split {trained_on}, manifest {manifest.checksum()[:16]} |
{lineage.card_rows(begun.shaped_by, begun.started_from)}
| budget | {budget}, seed {config.seed}; best at step {step} |
| {judged} (split {judged_on}; the checkpoint was chosen on it) |
| made with | emgasr {__version__}, torch {torch.__version__}, Python {platform.python_version()} |
| licence | that of the training data |

`training.yaml` beside the model's folder holds the whole configuration{begun.changes_line()}.
"""


def personal_card(
    person: str,
    recordings: Sequence[Recording],
    rate: str,
    before: float,
    after: float,
    base: Path,
    apart: bool,
    people: str,
) -> str:
    """Return the card of a personalized model: its error `rate` before and after, and the `people` who shaped it."""
    minutes = sum(recording.duration_s for recording in recordings) / 60
    outcome = f"{100 * before:.2f} % → {100 * after:.2f} %" if after < before else f"{100 * before:.2f} % (base kept)"
    judge = "the person's held-out part" if apart else "what was fitted on (nothing was held out)"
    return f"""# emgasr model, fitted to one person

| | |
|---|---|
| person | {markdown_text(person)}, {minutes:.1f} minutes of labelled recordings ({recordings[0].origin}) |
| base model | {markdown_text(base.name)} |
{people}
| {rate} on {judge}, greedy | {outcome} |
| licence | that of the base model and of the person's recordings |

That chose the checkpoint: judge the model on other recordings.
"""
