"""Counts of confusions in, a picture of them out (PNG): a matrix of true words, letters or gestures against read ones.

Blue is right and orange wrong: with any color vision the two stay apart.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from emgasr.display.pictures import DARK, LIGHT, TICK, Theme, hide_frame, ink_on, label, percent, plain, png
from emgasr.evaluation.mistakes import Confusions

MOST_LABELS = 60  # drawn; of more labels those with the most errors are
MISSED, PUT_IN, OTHERS = "missed", "put in", "others"
_RIGHT = {LIGHT: "#0b5394", DARK: "#56b4e9"}
_WRONG = {LIGHT: "#d55e00", DARK: "#e69f00"}
_WIDTH = 9.6  # inches at most
_SHARES_UP_TO = 27  # columns: smaller cells hold the count alone, and the color is the share


def labels_of(confusions: Confusions, most: int = MOST_LABELS) -> list[str]:
    """Return the labels that a matrix shows, sorted with numbers as numbers: all, or the `most` with most errors."""
    errors: dict[str, int] = {}
    for (true, read), count in confusions.items():
        for symbol in (true, read):
            if symbol:
                errors[symbol] = errors.get(symbol, 0) + count * (true != read)
    return sorted(sorted(errors, key=lambda symbol: (-errors[symbol], _order(symbol)))[:most], key=_order)


class Matrix(NamedTuple):
    """Counts (rows, columns) of true against read labels, which are the same in the same order.

    The last row is PUT_IN, the last columns are OTHERS (labels that are not shown) and MISSED, where there are such.
    """

    labels: list[str]
    rows: list[str]
    columns: list[str]
    counts: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Which cells hold what is read right."""
        found = np.zeros(self.counts.shape, dtype=np.bool_)
        np.fill_diagonal(found[: len(self.labels), : len(self.labels)], True)
        return found


def matrix_of(confusions: Confusions, most: int = MOST_LABELS) -> Matrix:
    """Return the counts of confusions as a matrix of at most so many labels."""
    shown = labels_of(confusions, most)
    place = {symbol: number for number, symbol in enumerate(shown)}
    counts = np.zeros((len(shown) + 1, len(shown) + 2), dtype=np.int64)
    for (true, read), count in confusions.items():
        if true and true not in place:
            continue  # its row is not shown
        row = place[true] if true else len(shown)
        column = place.get(read, len(shown)) if read else len(shown) + 1
        counts[row, column] += count
    kept = [True] * len(shown) + [bool(counts[:, i].any()) for i in (len(shown), len(shown) + 1)]
    rows = shown + [PUT_IN] * bool(counts[-1].any())
    columns = [name for name, keep in zip([*shown, OTHERS, MISSED], kept, strict=True) if keep]
    return Matrix(shown, rows, columns, counts[: len(rows), kept])


def cell_colors(shares: np.ndarray, right: np.ndarray, theme: Theme) -> np.ndarray:
    """Return the color of each cell, (rows, columns, 3) in 0–1, by its share of the row and whether it is right.

    The color of a wrong one grows with the root of its share, so that a few in a hundred are seen.
    """
    empty, blue, orange = (np.array(to_rgb(name)) for name in (theme.empty, _RIGHT[theme], _WRONG[theme]))
    depth = np.where(right, 0.15 + 0.85 * shares, 0.15 + 0.85 * np.sqrt(shares)) * (shares > 0)
    full = np.where(right[..., None], blue, orange)
    return empty + depth[..., None] * (full - empty)


@plain
def draw_matrix(confusions: Confusions, dark: bool = False) -> bytes:
    """Return a PNG of true labels (rows) against read ones (columns): counts, shares of the row, and the row's sum."""
    theme = DARK if dark else LIGHT
    matrix = matrix_of(confusions)
    _, rows, columns, counts = matrix
    sums = counts.sum(1)
    shares = counts / np.maximum(1, sums)[:, None]
    colors = cell_colors(shares, matrix.right, theme)
    names = [label(name, TICK) for name in columns]
    size = 9 if len(columns) <= _SHARES_UP_TO else 7 if len(columns) <= 40 else 6
    margin = 0.5 + 0.0075 * size * max(map(len, [*names, *rows, ""]))
    cell = min(0.62, (_WIDTH - margin - 0.6) / max(1, len(columns)))
    figure = Figure(figsize=(margin + 0.6 + cell * len(columns), margin + 0.2 + cell * len(rows)), dpi=200)
    axes = figure.add_subplot()
    axes.imshow(colors, aspect="equal", interpolation="nearest")
    for i, j in np.argwhere(counts > 0):
        _write(axes, i, j, counts[i, j], shares[i, j], colors[i, j], 72 * cell, len(columns) <= _SHARES_UP_TO)
    for i, total in enumerate(sums):
        axes.text(len(columns) - 0.35, i, f"{total:,}", va="center", fontsize=size - 1, color=theme.faint)
    axes.set_xticks(range(len(columns)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), [label(name, TICK) for name in rows])
    numbers = "percent of the row, count below" if len(columns) <= _SHARES_UP_TO else "count; color: share of the row"
    axes.set_xlabel(f"read as ({numbers})", color=theme.ink, fontsize=size)
    axes.set_ylabel("true (sum of the row at its end)", color=theme.ink, fontsize=size)
    axes.tick_params(colors=theme.ink, length=0, labelsize=size)
    axes.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="#ffffff" if theme is LIGHT else "#14181f", linewidth=0.5)
    hide_frame(axes)
    figure.tight_layout()
    return png(figure, transparent=True)


def _write(
    axes: Any, row: int, column: int, count: int, share: float, color: np.ndarray, points: float, both: bool
) -> None:
    """Write a cell's numbers in a size that fits into `points`."""
    ink = ink_on(color)
    if both:
        size = min(9.0, points / 2.6)
        axes.text(column, row - 0.14, percent(share), ha="center", va="center", fontsize=size, color=ink)
        axes.text(column, row + 0.24, f"{count}", ha="center", va="center", fontsize=0.75 * size, color=ink)
    else:
        size = min(6.0, points / (0.75 * max(2, len(str(count)))))
        axes.text(column, row, f"{count}", ha="center", va="center", fontsize=size, color=ink)


def _order(symbol: str) -> tuple[Any, ...]:
    """Return what sorts labels by their letters, and the numbers in them as numbers."""
    parts = re.split(r"(\d+)", symbol.casefold())  # text and digits take turns
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), symbol
