"""What a pretraining run came to in; the card of the encoder, README.md of its folder, out."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import torch

from emgasr.display.visible import markdown_text
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Manifest
from emgasr.pretraining.config import PretrainConfig
from emgasr.pretraining.readers import Readers
from emgasr.training.resuming import Begun
from emgasr.version import __version__


def pretrained_card(
    config: PretrainConfig,
    manifests: Sequence[tuple[str, Manifest]],
    begun: Begun,
    readers: Readers,
    error: float | None,
    step: int,
) -> str:
    """Return the card: each corpus' people and hours, objectives, budget, everybody's name.

    `error` is the probe's, None where nobody's labels judged; the weights are then the latest.
    """
    rows = []
    for name, manifest in manifests:
        own = [entry for entry in manifest.entries if entry.split == config.train_split]
        hours = sum(entry.duration_s for entry in own) / 3600
        people = len({entry.subject for entry in own})
        layouts = sorted({f"{entry.channels} electrodes at {entry.rate_hz:g} Hz" for entry in own})
        rows.append(f"| {markdown_text(name)} | {people} | {hours:.2f} | {', '.join(layouts)} |")
    size = sum(value.numel() for value in readers.encoder.parameters())
    budget = f"{config.fit.minutes:g} minutes" if config.fit.minutes else f"{config.fit.steps} steps"
    objectives = [f"supervised on {100 * config.labelled:g} % of the batches"] if config.labelled else []
    objectives += [f"{name} (weight {getattr(config, name).weight:g})" for name in config.pretexts]
    corpora = "\n".join(rows)
    judged = "no validation person has labels: these are the latest weights"
    if error is not None:
        judged = f"{100 * error:.2f} % wrong, mean of corpora (the checkpoint was chosen on it)"
    return f"""# emgasr pretrained encoder

Reads any number of electrodes at any rate from 100 Hz; it has no labels of its own.

| corpus | people | hours | layout |
|---|---|---|---|
{corpora}

| | |
|---|---|
| encoder | {size:,} parameters |
| objectives | {"; ".join(objectives)} |
{lineage.card_rows(begun.shaped_by, begun.started_from)}
| budget | {budget}, seed {config.seed}; the weights of step {step} |
| linear probe, validation people | {judged} |
| made with | emgasr {__version__}, torch {torch.__version__}, Python {platform.python_version()} |
| licence | that of the training data |
"""
