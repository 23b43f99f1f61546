"""How far confidences are to be believed in, a reliability diagram of each level out (PNG): before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from emgasr.confidence.judging import Judged
from emgasr.confidence.reliability import Reliability
from emgasr.display.pictures import DARK, LIGHT, Theme, plain, png

_BEFORE, _AFTER = "#d1495b", "#2a9d8f"


@plain
def draw_reliability(judged: Mapping[str, Judged], dark: bool = False) -> bytes:
    """Return a PNG: for each level the share that is right over the mean confidence of each bin."""
    theme = DARK if dark else LIGHT
    figure = Figure(figsize=(3.3 * max(2, len(judged)), 3.7), dpi=140, layout="tight")
    for number, (level, one) in enumerate(judged.items()):
        axes = figure.add_subplot(1, max(2, len(judged)), number + 1)
        axes.plot([0, 1], [0, 1], color=theme.faint, linewidth=0.8, linestyle="--")
        _draw(axes, one.before, _BEFORE, "before")
        if one.after is not None:
            _draw(axes, one.after, _AFTER, "calibrated")
        _plain_axes(axes, theme)
        axes.set_title(f"{level}s ({one.before.count:,})", color=theme.ink, fontsize=10)
        axes.set_xlabel("confidence", color=theme.ink, fontsize=8)
        if number == 0:
            axes.set_ylabel("share that is right", color=theme.ink, fontsize=8)
        shown = axes.legend(fontsize=7, frameon=False, loc="upper left")
        for text in shown.get_texts():
            text.set_color(theme.ink)
    return png(figure, transparent=True)


def _draw(axes: Any, found: Reliability, color: str, name: str) -> None:
    means, shares, counts = zip(*found.curve, strict=True)
    axes.plot(means, shares, color=color, linewidth=1.0, label=f"{name}: ECE {found.ece:.3f}")
    largest = max(counts)
    axes.scatter(means, shares, s=[6 + 24 * count / largest for count in counts], color=color, zorder=3)


def _plain_axes(axes: Any, theme: Theme) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_facecolor("none")
    axes.tick_params(colors=theme.faint, labelsize=7)
    for spine in axes.spines.values():
        spine.set_color(theme.faint)
