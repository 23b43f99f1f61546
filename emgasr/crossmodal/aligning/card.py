"""What an alignment came to in; the card of the aligned encoder, README.md of its folder, out."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import torch

from emgasr.crossmodal.aligning.objective import Aligned
from emgasr.crossmodal.config import AlignConfig
from emgasr.crossmodal.model import AlignedConfig
from emgasr.display.visible import markdown_text
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Manifest
from emgasr.training.resuming import Begun
from emgasr.version import __version__


def aligned_card(
    config: AlignConfig,
    manifests: Sequence[tuple[str, Manifest]],
    begun: Begun,
    aligned: Aligned,
    described: AlignedConfig,
    error: float | None,
    step: int,
) -> str:
    """Return the card: corpora, people, gestures that were trained and left out, teacher, losses, budget.

    `error` is the validator's, None where nobody judged; the weights are then the latest.
    """
    rows = []
    for name, manifest in manifests:
        own = [entry for entry in manifest.entries if entry.split == config.train_split]
        hours = sum(entry.duration_s for entry in own) / 3600
        rows.append(f"| {markdown_text(name)} | {len({entry.subject for entry in own})} | {hours:.2f} |")
    loss = config.loss
    parts = ["contrast, " + ("many texts right for a take" if loss.multi_positive else "one text right for a take")]
    parts += [f"soft targets (weight {loss.soft_weight:g})"] if loss.soft_weight else []
    budget = f"{config.fit.minutes:g} minutes" if config.fit.minutes else f"{config.fit.steps} steps"
    judged = "nobody judged: these are the latest weights"
    if error is not None:
        judged = f"{100 * error:.2f} % of takes nearest to another gesture (the checkpoint was chosen on it)"
    encoder = next(iter(aligned.readers)).encoder
    size = sum(value.numel() for value in encoder.parameters())  # type: ignore[attr-defined]
    left_out = ", ".join(map(markdown_text, config.left_out)) or "none"
    table = "\n".join(rows)
    return f"""# emgasr aligned encoder

Signals and texts in one space: `emgasr search`, `describe`, and `transcribe --labels` read by it.

| corpus | people | hours |
|---|---|---|
{table}

| | |
|---|---|
| encoder | {size:,} parameters |
| teacher | {markdown_text(described.teacher_name)} ({described.teacher.kind}), {described.teacher_checksum[:16]} |
| gestures trained | {", ".join(map(markdown_text, described.gestures))} |
| gestures left out | {left_out} |
| texts trained | {len(described.texts)} |
| losses | {"; ".join(parts)} |
{lineage.card_rows(begun.shaped_by, begun.started_from)}
| budget | {budget}, seed {config.seed}; the weights of step {step} |
| validation people | {judged} |
| nothing is meant | below a likeness of {described.floor:.3f}: 95 % of validation people's takes lie above |
| made with | emgasr {__version__}, torch {torch.__version__}, Python {platform.python_version()} |
| licence | that of the training data |
"""
