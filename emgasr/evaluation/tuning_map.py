"""Trials over language model weight and length bonus in, a picture of their error rates out (PNG), the best marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from emgasr.display.pictures import plain, png
from emgasr.evaluation.search_tuning import Trial

_SHADES = 12


@plain
def draw_surface(trials: Sequence[Trial], best: Trial) -> bytes:
    """Return a PNG of the error rate over a full grid of trials, as `search_tuning.surface` makes it."""
    weights = sorted({trial.config.lm_weight for trial in trials})
    bonuses = sorted({trial.config.length_bonus for trial in trials})
    percents = np.zeros((len(bonuses), len(weights)))
    for trial in trials:
        at = bonuses.index(trial.config.length_bonus), weights.index(trial.config.lm_weight)
        percents[at] = 100 * trial.counts.rate
    figure = Figure(figsize=(6.4, 4.6), dpi=140, layout="tight")
    axes = figure.add_subplot()
    # Shades are spent on the good half: how far the rest is behind hardly matters.
    low, high = percents.min(), np.median(percents)
    levels = np.linspace(low, max(high, low + 0.1), _SHADES)
    filled = axes.contourf(weights, bonuses, percents, levels, cmap="viridis", extend="max")
    lines = axes.contour(weights, bonuses, percents, levels[1::2], colors="white", linewidths=0.5)
    axes.clabel(lines, fmt="%.1f", fontsize=7)
    axes.plot(best.config.lm_weight, best.config.length_bonus, "*", color="#d1495b", markersize=14, mec="white")
    figure.colorbar(filled, label="CER on validation, %", format="%.1f")
    axes.set_xlabel("language model weight")
    axes.set_ylabel("length bonus (nats a symbol)")
    rest = f"acoustic scale {best.config.acoustic_scale:g}, backspace penalty {best.config.backspace_penalty:g}"
    axes.set_title(f"best ({100 * best.counts.rate:.2f} %): ★, at {rest}", fontsize=9)
    return png(figure)
