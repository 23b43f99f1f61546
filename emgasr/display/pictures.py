"""A function that draws in; the same function, in whose pictures `$` and `_` are plain signs, out."""

from __future__ import annotations

import functools
import importlib.util
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from emgasr.display.visible import visible

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
TICK = 24  # characters of a label beside a row, a column or an electrode
_PLAIN: Any = {"text.parse_math": False, "text.usetex": False, "axes.formatter.use_mathtext": False}


@dataclass(frozen=True)
class Theme:
    """Colors of a picture on a light or a dark page: of text, of faint text, and of a place that holds nothing."""

    ink: str
    faint: str
    empty: str


LIGHT = Theme("#1c2430", "#697386", "#f3f4f6")
DARK = Theme("#e8ebf0", "#98a2b3", "#20262f")


def missing() -> str:
    """Return why no picture can be drawn here, with what to do; "" where it can."""
    if importlib.util.find_spec("matplotlib") is None:
        return "needs matplotlib: pip install 'emgasr[plot]'"
    try:
        import_module("matplotlib.figure")
    except OSError:  # matplotlib keeps what it knows of fonts in a folder
        return "needs a folder that matplotlib can write: set MPLCONFIGDIR to one"
    return ""


def plain(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return `draw` so that its texts are no formulas, and a sign that the font lacks is a box without a warning."""

    @functools.wraps(draw)
    def drawn(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        import matplotlib

        with matplotlib.rc_context(_PLAIN), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")
            warnings.filterwarnings("ignore", message="Matplotlib currently does not support")  # some scripts
            return draw(*arguments, **options)

    return drawn


def label(text: str, longest: int = 60) -> str:
    """Return the text of a label in a picture: one line of visible characters, of at most `longest`."""
    line = visible(text).replace("\n", "⏎").replace("\t", " ")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def percent(share: float) -> str:
    """Return a share above 0 in percent for a small cell, without its sign; one below 1 % is no 0."""
    return "<1" if share < 0.01 else f"{100 * share:.0f}"


def ink_on(color: np.ndarray) -> str:
    """Return a color of text that is read on a color (3,) in 0–1, by its luma (ITU-R BT.601)."""
    return "#ffffff" if color @ (0.299, 0.587, 0.114) < 0.45 else LIGHT.ink


def hide_frame(axes: Any) -> None:
    """Hide the four lines round a plot."""
    for spine in axes.spines.values():
        spine.set_visible(False)


def png(figure: Figure, transparent: bool = False) -> bytes:
    """Return a finished figure as the content of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=transparent)
    return buffer.getvalue()
