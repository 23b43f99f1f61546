"""A person's calibration recordings and how much of them in; what a model adapts to out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from emgasr.config.bounds import Within, check_within
from emgasr.corpora import open_entry
from emgasr.corpora.kinds import LABELLED
from emgasr.display.wording import counted
from emgasr.manifests.manifest import Entry, Manifest
from emgasr.protocol.config import AdaptationConfig
from emgasr.protocol.folds import in_order
from emgasr.recording import Recording


@dataclass(frozen=True)
class Amount:
    """How much of a person's calibration recordings a model adapts to, one of three ways; 0 is none.

    Args:
        minutes: the first minutes of signal.
        repetitions: the first takes of each label, rest among the labels.
        share: of all takes, as many of each label as possible, the earliest first; at least one take.
    """

    minutes: Annotated[float, Within(0, 1e5)] = 0.0
    repetitions: Annotated[int, Within(0, 1e6)] = 0
    share: Annotated[float, Within(0, 1)] = 0.0

    def __post_init__(self) -> None:
        check_within(self, "amount")

    def __str__(self) -> str:
        """What tables call it; empty of minutes, which are a column of their own."""
        if self.repetitions:
            return counted(self.repetitions, "repetition")
        return f"{100 * self.share:g} % of takes" if self.share else ""

    @property
    def name(self) -> str:
        """Its part in the name of a job."""
        if self.repetitions:
            return f"repetitions{self.repetitions}"
        return f"share{self.share:g}" if self.share else f"{self.minutes:g}"


class Chosen(NamedTuple):
    """Recordings that a model adapts to, their seconds, and their takes (0: not counted)."""

    recordings: list[Recording]
    seconds: float
    takes: int = 0


def amounts(config: AdaptationConfig) -> list[Amount]:
    """Return all amounts that a protocol asks for."""
    found = [Amount(minutes=minutes) for minutes in config.minutes]
    found += [Amount(repetitions=count) for count in config.repetitions]
    return found + [Amount(share=share) for share in config.shares]


def chosen(
    amount: Amount, entries: Sequence[Entry], manifest: Manifest, shortest_s: float, shortfall: float
) -> Chosen | None:
    """Return that much of a person's entries; None if there is not so much.

    Args:
        amount: how much.
        entries: of the person, for calibration.
        manifest: theirs.
        shortest_s: of minutes, recordings below this are left out.
        shortfall: share of the minutes, or of the labels' repetitions, that may be missing.
    """
    if amount.minutes:
        parts = earliest(entries, amount.minutes, shortest_s, shortfall)
        recordings = [open_entry(entry, manifest.root).segment(0.0, seconds) for entry, seconds in parts]
        return Chosen(recordings, sum(seconds for _, seconds in parts)) if parts else None
    by_label: dict[str, list[Recording]] = {}
    for label, take in _takes(_ordered(entries), manifest):
        by_label.setdefault(label, []).append(take)
    if not by_label:
        return None
    if amount.repetitions:
        taken = [take for takes in by_label.values() for take in takes[: amount.repetitions]]
        if len(taken) < (1 - shortfall) * amount.repetitions * len(by_label):
            return None
    else:
        rounds = range(max(map(len, by_label.values())))
        order = [takes[i] for i in rounds for takes in by_label.values() if i < len(takes)]
        taken = order[: max(1, round(amount.share * len(order)))]
    return Chosen(taken, sum(take.duration_s for take in taken), len(taken))


def earliest(
    entries: Sequence[Entry], minutes: float, shortest_s: float, shortfall: float = 0.02
) -> list[tuple[Entry, float]]:
    """Return the first `minutes` of a person's entries, sessions in order, with the seconds to take of each.

    It leaves out recordings below `shortest_s`, and a last piece below it. The list is empty if more than a share
    `shortfall` of the minutes is missing.
    """
    found = []
    left_s = 60 * minutes
    for entry in _ordered(entries):
        taken = min(entry.duration_s, left_s)
        least_s = min(shortest_s, 60 * minutes)
        if entry.duration_s < least_s:
            continue
        if taken >= least_s:
            found.append((entry, taken))
        left_s -= taken
        if left_s <= 0:
            break
    return found if left_s <= shortfall * 60 * minutes else []


def _ordered(entries: Sequence[Entry]) -> list[Entry]:
    order = in_order(entry.session for entry in entries)
    return sorted(entries, key=lambda entry: (order.index(entry.session), entry.part_s or (0.0, 0.0)))


def _takes(entries: Sequence[Entry], manifest: Manifest) -> Iterator[tuple[str, Recording]]:
    """Yield each labelled span with its label, as a recording of its own."""
    for entry in entries:
        recording = open_entry(entry, manifest.root)
        spans = recording.spans
        for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
            if kind in LABELLED:
                yield "rest" if kind == "rest" else text, recording.segment(float(start), float(end))
