"""What operating points cost in, a picture of false ones an hour against misses out (PNG), the chosen one marked."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from emgasr.display.pictures import plain, png
from emgasr.evaluation.operating.points import Costs, front

_COLORS = ("#264653", "#2a9d8f", "#8ab17d", "#e9c46a", "#f4a261", "#e76f51", "#9d4edd")


@plain
def draw_curve(costs: Sequence[Costs], chosen: Costs, tested: Costs | None, what: str = "false activations") -> bytes:
    """Return a PNG: a line for each number of frames, with the best refractory time at each threshold.

    None at all is drawn at half a false one in the hours of rest. The chosen point has the exact bounds of its rate,
    and what it did on people who are tested stands beside.
    """
    figure = Figure(figsize=(6.8, 4.8), dpi=140, layout="tight")
    axes = figure.add_subplot()
    counts = sorted({one.point.frames for one in costs})
    for color, frames in zip(_COLORS, counts, strict=False):
        line = front(one for one in costs if one.point.frames == frames)
        name = "1 frame" if frames == 1 else f"{frames} frames"
        axes.plot([_rate(one) for one in line], [100 * one.misses for one in line], ".-", color=color, label=name)
    for one, sign, name in (
        (chosen, "*", "chosen, validation people"),
        (tested, "D", "the same, people who are tested"),
    ):
        if one is not None:
            low, high = one.bounds
            reach = [[max(0.0, _rate(one) - low)], [max(0.0, high - _rate(one))]]
            size = 12 if sign == "*" else 6
            axes.errorbar([_rate(one)], [100 * one.misses], xerr=reach, fmt=sign, color="#d1495b", ms=size, capsize=3)
            axes.plot([], [], sign, color="#d1495b", label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(left=0.4 / costs[0].rest_hours)
    axes.set_xlabel(f"{what} an hour of rest ({costs[0].rest_hours:.2f} h)")
    axes.set_ylabel("missed, %")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, frameon=False)
    point = chosen.point
    at = f"threshold {point.threshold:g}, mean of {point.mean_frames}, {point.frames} frames, {point.refractory_s:g} s"
    axes.set_title(f"{at}: {chosen.an_hour:.2g} an hour, {100 * chosen.misses:.1f} % missed", fontsize=9)
    return png(figure)


def _rate(one: Costs) -> float:
    return max(one.false, 0.5) / one.rest_hours if one.rest_hours else 1e-3
