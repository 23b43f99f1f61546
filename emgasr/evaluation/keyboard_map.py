"""Counts of confusions in, a picture of them out (PNG): a keyboard whose keys are colored by their error rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from emgasr.display.pictures import DARK, LIGHT, Theme, hide_frame, label, plain, png
from emgasr.evaluation.mistakes import Confusions
from emgasr.simulate.keyboard import key_of_character
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, SPACE

# Rows of a US keyboard from the top: (key, width in key widths).
_ROWS: tuple[tuple[tuple[str, float], ...], ...] = (
    (*((key, 1.0) for key in "`1234567890-="), (BACKSPACE, 2.0)),
    (("", 1.5), *((key, 1.0) for key in "qwertyuiop[]"), ("\\", 1.5)),
    (("", 1.75), *((key, 1.0) for key in "asdfghjkl;'"), (ENTER, 2.25)),
    ((SHIFT, 2.25), *((key, 1.0) for key in "zxcvbnm,./"), ("", 2.75)),
    (("", 4.0), (SPACE, 6.0), ("", 5.0)),
)
_NAMES = {BACKSPACE: "backspace", ENTER: "enter", SHIFT: "shift", SPACE: "space"}
_SHORT = _NAMES | {BACKSPACE: "bksp"}
_FEW = 10  # below this many presses a rate says little: drawn hatched
_FULL_SCALE = 0.25  # at least; a worse key stretches it


_RAMP = {LIGHT: ("#e9f3ee", "#f9e3b4", "#ef9f76", "#d1495b"), DARK: ("#1f3a33", "#6b5a21", "#a5542c", "#c8374b")}


@plain
def draw_keyboard(confusions: Confusions, dark: bool = False) -> bytes:
    """Return a PNG of the keyboard: each key's error rate as its color, and what it is most often taken for."""
    theme = DARK if dark else LIGHT
    presses, errors, taken_for = errors_by_key(confusions)
    rates = {key: errors.get(key, 0) / count for key, count in presses.items()}
    scale = max([_FULL_SCALE, *(rate for key, rate in rates.items() if presses[key] >= _FEW)])
    figure = Figure(figsize=(10, 3.9), dpi=160)
    axes = figure.add_axes((0.01, 0.14, 0.98, 0.85))
    for row, keys in enumerate(_ROWS):
        x = 0.0
        for key, width in keys:
            if key:
                _draw_key(axes, theme, key, x, 4.0 - row, width, presses.get(key, 0), rates.get(key), scale)
                if key in taken_for and presses[key] >= _FEW:
                    other, share = taken_for[key]
                    told = f"{'missed' if not other else '→ ' + _SHORT.get(other, label(other))} {share:.0%}"
                    axes.text(x + width / 2, 4.0 - row + 0.15, told, color=theme.ink, fontsize=6.5, ha="center")
            x += width
    axes.set_xlim(-0.1, 15.1)
    axes.set_ylim(-0.1, 5.05)
    axes.set_axis_off()
    _draw_ramp(figure, theme, scale)
    return png(figure, transparent=True)


def errors_by_key(
    confusions: Confusions,
) -> tuple[dict[str, int], dict[str, int], dict[str, tuple[str | None, float]]]:
    """Return the presses and errors of each physical key, and what it is most often taken for (None: missed).

    A capital counts for its letter's key; symbols without a key on the layout are left out.
    """
    presses: dict[str, int] = {}
    errors: dict[str, int] = {}
    mistakes: dict[str, dict[str | None, int]] = {}
    for (true, read), count in confusions.items():
        key = _key_of(true) if true else None
        if key is None:
            continue
        presses[key] = presses.get(key, 0) + count
        if true != read:
            errors[key] = errors.get(key, 0) + count
            other = (_key_of(read) or read) if read else None
            of_key = mistakes.setdefault(key, {})
            of_key[other] = of_key.get(other, 0) + count
    taken_for = {}
    for key, others in mistakes.items():
        other = max(others, key=lambda name: (others[name], name or ""))
        taken_for[key] = (other, others[other] / presses[key])
    return presses, errors, taken_for


def _colors(theme: Theme) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("errors", _RAMP[theme])


def _key_of(symbol: str) -> str | None:
    if symbol in _NAMES:
        return symbol
    found = key_of_character(symbol) if len(symbol) == 1 else None
    return found[0] if found else None


def _draw_key(
    axes: Any, theme: Theme, key: str, x: float, y: float, width: float, count: int, rate: float | None, scale: float
) -> None:
    color = theme.empty if rate is None else _colors(theme)(min(1.0, rate / scale))
    box = FancyBboxPatch(
        (x + 0.06, y + 0.06),
        width - 0.12,
        0.88,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=color,
        edgecolor=theme.faint if 0 < count < _FEW else "none",
        linestyle=(0, (3, 2)),
        linewidth=0.8,
    )
    axes.add_patch(box)
    name = _NAMES.get(key, key.upper())
    middle = x + width / 2
    ink = theme.ink if count else theme.faint
    axes.text(middle, y + 0.62, name, color=ink, fontsize=11 if len(name) == 1 else 8, ha="center", weight="bold")
    if rate is not None:
        axes.text(
            middle, y + 0.39, f"{rate:.1%}" if 0 < rate < 0.1 else f"{rate:.0%}", color=ink, fontsize=8, ha="center"
        )


def _draw_ramp(figure: Figure, theme: Theme, scale: float) -> None:
    axes = figure.add_axes((0.02, 0.075, 0.29, 0.03))
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=_colors(theme), aspect="auto", extent=(0, scale, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([0, scale / 2, scale], ["0 %", f"{50 * scale:.0f} %", f"{100 * scale:.0f} %"])
    axes.tick_params(colors=theme.faint, length=0, labelsize=7, pad=2)
    hide_frame(axes)
    told = f"share of presses misread or missed (dashed: fewer than {_FEW} presses)"
    figure.text(0.335, 0.088, told, color=theme.faint, fontsize=7, ha="left", va="center")
