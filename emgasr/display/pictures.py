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
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
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


def label(text: str) -> str:
    """Return the text of a label in a picture: one line of visible characters, at most 60."""
    line = visible(text).replace("\n", "⏎").replace("\t", " ")
    return line if len(line) <= 60 else line[:59] + "…"


def png(figure: Figure, transparent: bool = False) -> bytes:
    """Return a finished figure as the content of a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=transparent)
    return buffer.getvalue()
