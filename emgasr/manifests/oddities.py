"""The entries of a manifest in; a line on each thing that looks odd, or that keeps one model from reading them, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from emgasr.display.wording import counted, listed
from emgasr.manifests.manifest import TRAIN, Entry
from emgasr.recording import UNTOLD

SHORTEST_S = 0.1  # a frame of features covers about that much signal
FEWEST = 5  # takes of a label: below that, what was learned of it is chance


def odd(entries: Sequence[Entry], rest: Iterable[str] = ()) -> list[str]:
    """Return lines on entries, without opening their files; takes whose label is among `rest` need not be many."""
    groups: dict[str, dict[str, list[str]]] = {"rates": {}, "numbers of channels": {}, "montages": {}}
    for entry in entries:
        groups["rates"].setdefault(f"{entry.rate_hz:g} Hz", []).append(entry.path)
        groups["numbers of channels"].setdefault(str(entry.channels), []).append(entry.path)
        if entry.montage and UNTOLD not in entry.montage:  # that may be any
            groups["montages"].setdefault(entry.montage, []).append(entry.path)
    nothing = {label.casefold() for label in rest}
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.split == TRAIN and entry.text and entry.text.casefold() not in nothing:
            counts[entry.text] = counts.get(entry.text, 0) + 1
    return [*mixtures(groups), *too_short(entries), *few_takes(counts)]


def mixtures(groups: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Return a line for each thing ("rates") that has several values, with the recordings of all but the usual one."""
    found = []
    for what, by_value in groups.items():
        if len(by_value) < 2:
            continue
        usual = max(by_value, key=lambda value: len(by_value[value]))
        others = [
            f"{value} in {len(paths)} ({listed(_name(path) for path in paths)})"
            for value, paths in sorted(by_value.items())
            if value != usual
        ]
        told = "; ".join([f"{usual} in {len(by_value[usual])}", *others])
        found.append(f"one model cannot read them all: several {what}: {told}")
    return found


def too_short(entries: Iterable[Entry]) -> list[str]:
    """Return a line on the recordings that hold less than a frame of features."""
    short = sorted((entry for entry in entries if entry.duration_s < SHORTEST_S), key=lambda entry: entry.duration_s)
    if not short:
        return []
    shown = listed(f"{_name(entry.path)} {entry.duration_s:.3g} s" for entry in short)
    return [f"{counted(len(short), 'recording')} shorter than {SHORTEST_S:g} s, about a frame of features: {shown}"]


def few_takes(counts: Mapping[str, int]) -> list[str]:
    """Return a line on the labels that training has few takes of; `counts` are the takes of each label."""
    few = sorted((count, label) for label, count in counts.items() if count < FEWEST)
    # Where no label is said often, texts are sentences.
    if not few or (len(few) == len(counts) and sum(counts.values()) < 2 * len(counts)):
        return []
    shown = listed((f"{label!r} {count}" for count, label in few), 8)
    return [f"{counted(len(few), 'label')} with fewer than {FEWEST} takes to train on, trained all the same: {shown}"]


def _name(path: str) -> str:
    return PurePath(path).name
