"""Hits of a search and their recordings in; a picture (PNG) of each in its signal, with likeness over time, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from emgasr.crossmodal.retrieval import Hit
from emgasr.display.pictures import LIGHT, TICK, hide_frame, label, plain, png
from emgasr.pretraining.tokens.pictures import ROW_S, draw_levels, draw_spans, levels
from emgasr.recording import Recording

MOST_ROWS = 8  # hits that are drawn
_HIT, _LINE = "#d97706", "#0f766e"


class Drawn(NamedTuple):
    """A hit with what is drawn of it: its recording, and the likeness (n,) of the recording's windows by their ends."""

    hit: Hit
    recording: Recording
    name: str
    ends_s: np.ndarray
    likeness: np.ndarray


@plain
def draw_hits(query: str, drawn: Sequence[Drawn], hop_s: float, floor: float) -> bytes:
    """Return a PNG: for each hit, the levels of its electrodes with the stretches of all hits, and likeness beneath.

    Args:
        query: that was searched.
        drawn: at most MOST_ROWS hits, the likest first.
        hop_s: seconds of a window.
        floor: likeness below which the model takes nothing for meant.
    """
    heights = [0.55 + min(1.4, 0.11 * one.recording.n_channels) for one in drawn]
    figure = Figure(figsize=(12, 0.8 + sum(heights) + 1.25 * len(drawn)), dpi=120, facecolor="white")
    grid = figure.add_gridspec(len(drawn), 1, hspace=0.24, height_ratios=[height + 0.9 for height in heights])
    low = min([floor, *(float(one.likeness.min()) for one in drawn)])
    high = max([floor, *(float(one.likeness.max()) for one in drawn)])
    for row, (one, height) in enumerate(zip(drawn, heights, strict=True)):
        pair = grid[row].subgridspec(2, 1, height_ratios=[height, 0.9], hspace=0.05)
        signal, line = figure.add_subplot(pair[0]), figure.add_subplot(pair[1])
        start_s = _start(one)
        inside = [other.hit for other in drawn if other.hit.place == one.hit.place and other.hit.end_s > start_s]
        _draw_signal(signal, one, inside, start_s, row + 1)
        _draw_likeness(line, one, inside, start_s, hop_s, floor, (low, high))
    title = f"“{label(query)}”: level of each electrode, hits shaded, labels of the recording above; likeness; seconds"
    figure.suptitle(title, fontsize=10, color=LIGHT.ink, y=0.995)
    inches = figure.get_figheight()
    figure.subplots_adjust(left=0.09, right=0.99, top=1 - 0.55 / inches, bottom=0.3 / inches)
    return png(figure)


def _start(one: Drawn) -> float:
    """Return where a row begins: so that the hit stands in its middle, if the recording is long enough."""
    middle = (one.hit.start_s + one.hit.end_s) / 2 if one.hit.end_s - one.hit.start_s < ROW_S else one.hit.best_s
    return max(0.0, min(middle - ROW_S / 2, one.recording.duration_s - ROW_S))


def _draw_signal(axes: Any, one: Drawn, hits: Sequence[Hit], start_s: float, rank: int) -> None:
    end_s = min(one.recording.duration_s, start_s + ROW_S)
    level = levels(one.recording, start_s, end_s)
    loudest = max(float(np.quantile(level, 0.995)) if level.size else 0.0, 1e-12)
    names = [name for band in one.recording.bands for name in band.electrodes]
    _shade(axes, hits, one.hit)
    draw_levels(axes, level, names, start_s, end_s, loudest)
    draw_spans(axes, one.recording, start_s, -1.1, -1.35)
    axes.set_ylim(len(names) - 0.4, -2.6)
    who = label("/".join(filter(None, (one.recording.subject, one.recording.session))), TICK)
    title = f"{rank}. {one.hit.likeness:.3f}  {label(one.name)}  {who}"
    axes.set_title(title, fontsize=8, color=LIGHT.ink, loc="left", pad=2)


def _draw_likeness(
    axes: Any,
    one: Drawn,
    hits: Sequence[Hit],
    start_s: float,
    hop_s: float,
    floor: float,
    reach: tuple[float, float],
) -> None:
    _shade(axes, hits, one.hit)
    breaks = np.flatnonzero(np.diff(one.ends_s) > 1.5 * hop_s) + 1
    for ends_s, likeness in zip(np.split(one.ends_s, breaks), np.split(one.likeness, breaks), strict=True):
        edges = np.append(ends_s - hop_s, ends_s[-1:])
        axes.stairs(likeness, edges, baseline=None, color=_LINE, linewidth=1.2)
    axes.axhline(floor, color=LIGHT.faint, linewidth=0.8, linestyle=(0, (4, 3)))
    margin = max(0.02, 0.08 * (reach[1] - reach[0]))
    axes.set_xlim(start_s, start_s + ROW_S)
    axes.set_ylim(reach[0] - margin, reach[1] + margin)
    axes.set_xticks(np.arange(math.ceil(start_s), start_s + ROW_S + 0.01, 2.0))
    axes.locator_params(axis="y", nbins=3)
    axes.tick_params(colors=LIGHT.ink, length=2, labelsize=7)
    hide_frame(axes)


def _shade(axes: Any, hits: Sequence[Hit], own: Hit) -> None:
    for hit in hits:
        axes.axvspan(hit.start_s, hit.end_s, color=_HIT, alpha=0.3 if hit == own else 0.13, linewidth=0)
