"""Tokens of contractions in; pictures (PNG) of them under the signal, and of how codes fall with labels, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import hsv_to_rgb, to_rgb
from matplotlib.figure import Figure

from emgasr.display.pictures import LIGHT, TICK, hide_frame, ink_on, label, percent, plain, png
from emgasr.pretraining.tokens.code_use import CodeUse
from emgasr.pretraining.tokens.tokenizing import Token
from emgasr.recording import Recording

ROW_S, MOST_ROWS = 20.0, 6  # seconds of a row of the picture, and rows
STEPS = 1000  # of the envelope, a row
MOST_CODES, MOST_LABELS = 40, 40  # drawn of a table; the others are added up
OTHERS = "others"
_GOLDEN = 0.618034  # of a turn of the hues: codes next to each other look unlike
_INK, _FAINT = LIGHT.ink, LIGHT.faint


@plain
def draw_tokens(recording: Recording, tokens: Sequence[Token], start_s: float = 0.0) -> bytes:
    """Return a PNG of the electrodes' levels from `start_s` on, and beneath them the contractions, colored by code.

    Rows are of ROW_S seconds; after MOST_ROWS the picture ends.
    """
    end_s = min(recording.duration_s, start_s + ROW_S * MOST_ROWS)
    rows = max(1, math.ceil((end_s - start_s) / ROW_S - 1e-9))
    names = [name for band in recording.bands for name in band.electrodes]
    height = 0.6 + min(3.0, 0.16 * len(names))
    figure = Figure(figsize=(12, 0.7 + rows * (height + 0.55)), dpi=120, facecolor="white")
    grid = figure.add_gridspec(rows, 1, hspace=0.16)
    drawn = [levels(recording, start_s + row * ROW_S, min(end_s, start_s + (row + 1) * ROW_S)) for row in range(rows)]
    loudest = max([float(np.quantile(one, 0.995)) for one in drawn if one.size] + [1e-12])
    colors = _colors(token.code for token in tokens)
    for row, level in enumerate(drawn):
        first_s = start_s + row * ROW_S
        pair = grid[row].subgridspec(2, 1, height_ratios=[height, 0.45], hspace=0.03)
        signal, strip = figure.add_subplot(pair[0]), figure.add_subplot(pair[1])
        draw_levels(signal, level, names, first_s, min(end_s, first_s + ROW_S), loudest)
        inside = [token for token in tokens if token.end_s > first_s and token.start_s < first_s + ROW_S]
        _draw_strip(strip, recording, inside, colors, first_s)
    unit = "µV" if recording.unit == "uV" else recording.unit
    who = label("/".join(filter(None, (recording.subject, recording.session))))
    title = f"{who + ': ' if who else ''}level of each electrode (full height {loudest:.3g} {unit} RMS)"
    figure.suptitle(f"{title}; contractions by code, labels above them; seconds", fontsize=10, color=_INK, y=0.995)
    figure.subplots_adjust(
        left=0.09, right=0.99, top=1 - 0.35 / figure.get_figheight(), bottom=0.3 / figure.get_figheight()
    )
    return png(figure)


@plain
def draw_code_use(use: CodeUse) -> bytes:
    """Return a PNG of labels (rows) against codes (columns): shares of the row, and counts."""
    counts, codes, labels = use.counts, [str(code) for code in use.codes], list(use.labels)
    counts, codes = _most(counts, codes, MOST_CODES)
    turned, labels = _most(counts.T, labels, MOST_LABELS)
    counts = turned.T
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    names = [label(name, TICK) for name in labels]
    cell = 0.34
    margin = 0.5 + 0.075 * max(map(len, names))
    width = max(7.5, margin + 0.9 + cell * len(codes))
    figure = Figure(figsize=(width, 1.5 + cell * len(labels)), dpi=140, facecolor="white")
    axes = figure.add_subplot()
    empty, full = np.array(to_rgb(LIGHT.empty)), np.array(to_rgb("#0b5394"))
    depth = np.where(counts > 0, 0.12 + 0.88 * shares, 0.0)[..., None]
    colors = empty + depth * (full - empty)
    axes.imshow(colors, aspect="equal", interpolation="nearest")
    for i, j in np.argwhere(counts > 0):
        ink = ink_on(colors[i, j])
        axes.text(j, i - 0.16, percent(shares[i, j]), ha="center", va="center", fontsize=7.5, color=ink)
        size = min(6.0, 17 / len(f"{counts[i, j]}"))
        axes.text(j, i + 0.25, f"{counts[i, j]}", ha="center", va="center", fontsize=size, color=ink)
    for i, total in enumerate(counts.sum(1)):
        axes.text(len(codes) - 0.35, i, f"{total:,}", va="center", fontsize=7, color=_FAINT)
    axes.set_xticks(range(len(codes)), codes, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), names, fontsize=8)
    axes.tick_params(colors=_INK, length=0)
    axes.set_xlabel(
        "code (percent of the label's contractions, count below; their number at the row's end)", fontsize=8
    )
    hide_frame(axes)
    told = (
        f"A code says {use.bits:.2f} bits of the label, of {use.label_bits:.2f}; "
        f"with labels shuffled it seems to say {use.chance_bits:.2f}."
    )
    figure.suptitle(told, fontsize=9, color=_INK)
    figure.tight_layout()
    return png(figure)


def levels(recording: Recording, start_s: float, end_s: float) -> np.ndarray:
    """Return the RMS of each electrode in the steps of a row, (steps, C), each about its own mean."""
    samples = recording.read(start_s, end_s).astype(np.float64)
    if not len(samples):
        return np.zeros((0, recording.n_channels))
    samples -= samples.mean(0)
    steps = max(1, min(len(samples), round(STEPS * (end_s - start_s) / ROW_S)))
    edges = np.linspace(0, len(samples), steps + 1).astype(int)[:-1]
    counts = np.diff([*edges, len(samples)])[:, None]
    return np.asarray(np.sqrt(np.add.reduceat(samples**2, edges) / counts))


def draw_levels(
    axes: Any, level: np.ndarray, names: Sequence[str], start_s: float, end_s: float, loudest: float
) -> None:
    """Draw the levels (steps, C) of a row from `start_s` to `end_s`; `loudest` has the full height."""
    times = start_s + (np.arange(len(level)) + 0.5) / max(1, len(level)) * (end_s - start_s)
    for place in range(len(names)):
        half = 0.48 * np.minimum(1.0, level[:, place] / loudest)
        axes.fill_between(times, place - half, place + half, color="#3b4a63", linewidth=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(start_s, start_s + ROW_S)
    few = range(0, len(names), max(1, len(names) // 16))
    axes.set_yticks(few, [label(names[place], TICK) for place in few], fontsize=7)
    axes.tick_params(colors=_INK, length=0, labelbottom=False)
    hide_frame(axes)


def draw_spans(axes: Any, recording: Recording, start_s: float, line: float, name_at: float) -> None:
    """Draw the labelled spans of a row that begins at `start_s`: lines at one height, names that fit above them."""
    last_s = min(recording.duration_s, start_s + ROW_S)
    inside = recording.spans.clip(start_s, last_s) if last_s > start_s else recording.spans
    for first_s, end_s, kind, text in zip(inside.start_s, inside.end_s, inside.kinds, inside.texts, strict=True):
        if kind != "prompt":
            axes.plot([first_s, end_s], [line, line], color=_FAINT, linewidth=1.2, solid_capstyle="butt")
            name = "rest" if kind == "rest" else label(text, TICK)
            if end_s - first_s > 0.011 * ROW_S * len(name):
                axes.text((first_s + end_s) / 2, name_at, name, fontsize=6.5, color=_FAINT, ha="center", va="bottom")


def _draw_strip(
    axes: Any, recording: Recording, tokens: Sequence[Token], colors: dict[int, np.ndarray], start_s: float
) -> None:
    draw_spans(axes, recording, start_s, 1.12, 1.2)
    for token in tokens:
        color = colors[token.code]
        length = token.end_s - token.start_s
        axes.barh(0.5, length, left=token.start_s, height=1.0, color=color, edgecolor="white", linewidth=0.8)
        if length > 0.011 * ROW_S * len(str(token.code)):
            ink = ink_on(color)
            middle = min(max((token.start_s + token.end_s) / 2, start_s + 0.1), start_s + ROW_S - 0.1)
            axes.text(middle, 0.5, f"{token.code}", fontsize=7, color=ink, ha="center", va="center", clip_on=True)
    axes.set_xlim(start_s, start_s + ROW_S)
    axes.set_ylim(0, 1.9)
    axes.set_yticks([])
    axes.set_xticks(np.arange(math.ceil(start_s), start_s + ROW_S + 0.01, 2.0))
    axes.tick_params(colors=_INK, length=2, labelsize=7)
    hide_frame(axes)


def _colors(codes: Any) -> dict[int, np.ndarray]:
    """Return a color for each code: hues as unlike as can be, in turn lighter and darker."""
    found = {}
    for place, code in enumerate(sorted(set(codes))):
        value = (0.85, 0.6)[place % 2]
        found[code] = np.asarray(hsv_to_rgb((place * _GOLDEN % 1.0, 0.65, value)))
    return found


def _most(counts: np.ndarray, names: list[str], most: int) -> tuple[np.ndarray, list[str]]:
    """Return the columns with the most counts, in their order, and the others added up."""
    if len(names) <= most:
        return counts, names
    kept = sorted(np.argsort(-counts.sum(0), kind="stable")[: most - 1])
    left = np.delete(counts, kept, 1).sum(1, keepdims=True)
    return np.concatenate([counts[:, kept], left], 1), [*(names[place] for place in kept), OTHERS]
