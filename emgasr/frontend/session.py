"""How the recordings of a session are read in; which statistics each begins with, and the line that says so, out.

A session is what one person records without taking the electrodes off: the recordings of one subject and session.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError

ALL = "all"


@dataclass(frozen=True)
class SessionConfig:
    """What statistics of level and spread a recording begins with; labels play no part in them.

    Args:
        carry: the recordings of a session are read in order, and each goes on from the statistics at the end of the one
            before; without it each begins as the first one does.
        unlabelled_seconds: the first seconds of the session set its statistics before any of it is read, and are then
            read like the rest; all: everything of the session does.
        align_turns: most electrodes by which a ring is turned back, as found in these seconds; 0: it stays as it is.
    """

    carry: bool = True
    unlabelled_seconds: Annotated[float, Within(0, 1e7)] | Literal["all"] = 0.0
    align_turns: Annotated[int, Within(0, 1024)] = 0

    def __post_init__(self) -> None:
        check_within(self)
        if self.align_turns and not self.unlabelled_seconds:
            raise ConfigError("align_turns", "needs seconds to find the turn in", "give unlabelled_seconds too")

    def __str__(self) -> str:
        seconds = self.unlabelled_seconds
        first = {0: "", ALL: ", which all of it sets before it is read"}.get(
            seconds, f", which its first {seconds} s set before it is read"
        )
        first += f", rings turned by at most {self.align_turns}" if self.align_turns else ""
        return f"statistics {'go on through a session' if self.carry else 'of each recording by itself'}{first}"


ALONE = SessionConfig(carry=False)


@dataclass(frozen=True)
class Unlabelled:
    """Seconds of a person's signal that had entered the statistics before a recording of theirs was read, over many."""

    median: float
    most: float

    @staticmethod
    def of(seconds: Iterable[float]) -> Unlabelled:
        """Return that of the seconds of each recording; none at all are 0 s."""
        listed = list(seconds) or [0.0]
        return Unlabelled(statistics.median(listed), max(listed))

    def as_dict(self) -> dict[str, float]:
        """Return the part of a row for JSON."""
        return {"unlabelled_seconds_median": round(self.median, 3), "unlabelled_seconds_most": round(self.most, 3)}

    @property
    def figures(self) -> str:
        """The figures alone, as people read them."""
        median, most = f"{self.median:.1f}".removesuffix(".0"), f"{self.most:.1f}".removesuffix(".0")
        return median if median == most else f"median {median}, most {most}"

    def __str__(self) -> str:
        return f"unlabelled seconds of the person: {self.figures}"


NOTHING_HEARD = Unlabelled(0.0, 0.0)


def unlabelled_line(unlabelled: Unlabelled, normalization: str) -> str:
    """Return the line beneath results of a model with a kind of normalization, as people read it."""
    return f"{unlabelled}{_but(normalization)}"


def session_line(config: SessionConfig, normalization: str) -> str:
    """Return the line on how recordings of a session were read by a model with a kind of normalization."""
    return f"{config}{_but(normalization)}"


def _but(normalization: str) -> str:
    if normalization in ("none", "fixed"):
        return f" (normalization {normalization} keeps no statistics of a session: nothing is carried)"
    return " (normalization warmup keeps those of its warm-up alone)" if normalization == "warmup" else ""
