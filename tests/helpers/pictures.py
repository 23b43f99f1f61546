"""Labels that are no plain words, and what is written into pictures."""

from __future__ import annotations

import pytest

STRANGE = (
    r"$\frac$",
    "$x",
    "a_b",
    "_private",
    "<script>",
    "[bold]x",
    "\x1b]0;title\x07",
    "\u202eabc",
    "\udc00",
    "漢字🙂",
)


def texts_drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that fills with the texts that matplotlib draws; none of them may be a formula."""
    from matplotlib.backends.backend_agg import RendererAgg

    drawn: list[str] = []
    flat = RendererAgg.draw_text

    def draw_text(self: RendererAgg, gc: object, x: float, y: float, text: str, *rest: object, **options: bool) -> None:
        assert not options.get("ismath")
        drawn.append(text)
        flat(self, gc, x, y, text, *rest, **options)

    monkeypatch.setattr(RendererAgg, "draw_text", draw_text)
    return drawn
