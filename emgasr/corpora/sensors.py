"""A recording in; the bands of one sensor alone, or the same with what other sensors recorded meanwhile, out.

The option ONLY of an entry names the bands that are read of it. The option OTHERS lists what other sensors recorded
meanwhile: the path (from the recording's folder), layout and reader's options of each, and `offset_s`, seconds from the
start of one to the start of the other, where not both files say when they began.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.config.typed_data import fits
from emgasr.display.wording import counted, listed
from emgasr.errors import ManifestError, RecordingError
from emgasr.files.rows import Columns
from emgasr.manifests.manifest import OTHERS, Entry
from emgasr.recording import Other, Recording

FIELDS = {"path": str, "corpus": str, "rate_hz": float}
CLOCK_S = 1e-3  # two clocks may differ by so much in what they say of one offset
Opener = Callable[[Entry, Path], Recording]


def every_sensor(recording: Recording) -> tuple[Other, ...]:
    """Return the recording and the others of it, each with the seconds from the recording's start to its own."""
    return (Other(replace(recording, others=()), 0.0), *recording.others)


def only_bands(recording: Recording, names: Sequence[str]) -> Recording:
    """Return what one sensor recorded with the bands that are named, in that order, and the recording's labels.

    Raises:
        RecordingError: No sensor has all of these bands.
    """
    for other in every_sensor(recording):
        own = {band.name: band for band in other.recording.bands}
        if names and set(names) <= own.keys():
            return _of_sensor(recording, other, [own[name] for name in names])
    has = ["+".join(band.name for band in other.recording.bands) for other in every_sensor(recording)]
    where = f"recording {recording.subject}/{recording.session}"
    raise RecordingError(where, f"no sensor has the bands {listed(names)}", f"it has {listed(has)}")


def _of_sensor(recording: Recording, other: Other, bands: list[Any]) -> Recording:
    found = other.recording
    places: dict[str, list[int]] = {}
    count = 0
    for band in found.bands:
        places[band.name] = list(range(count, count + len(band.electrodes)))
        count += len(band.electrodes)
    index = tuple(place for band in bands for place in places[band.name])
    samples = found.samples if index == tuple(range(count)) else Columns(found.samples, index)
    offset_s = other.offset_s
    return replace(
        recording,
        samples=samples,
        rate_hz=found.rate_hz,
        unit=found.unit,
        bands=tuple(bands),
        events=recording.events.between(offset_s, offset_s + found.duration_s).shift(-offset_s),
        spans=recording.spans.clip(offset_s, offset_s + found.duration_s).shift(-offset_s),
        start_unix_s=found.start_unix_s,
        notes=(*recording.notes, *(note for note in found.notes if note not in recording.notes)),
        others=(),
    )


def with_others(recording: Recording, others: Iterable[tuple[Recording, float | None]]) -> Recording:
    """Return a recording with others that were made meanwhile, each with its offset in seconds where that is known.

    Without an offset the clocks of both say it; without these either, they are taken to begin together, as a note says.

    Raises:
        RecordingError: The sensors disagree in their clocks, or were not recorded at the same time.
    """
    found, notes = list(recording.others), list(recording.notes)
    where = f"recording {recording.subject}/{recording.session}"
    for other, told_s in others:
        name = "+".join(band.name for band in other.bands)
        clocks = recording.start_unix_s, other.start_unix_s
        by_clock = None if None in clocks else float(clocks[1]) - float(clocks[0])  # type: ignore[arg-type]
        if told_s is not None and by_clock is not None and abs(told_s - by_clock) > CLOCK_S:
            wrong = f"sensor {name} began {told_s:g} s later as its manifest says, {by_clock:g} s by the clocks"
            raise RecordingError(where, wrong, "mend whichever clock is wrong")
        offset_s = told_s if told_s is not None else by_clock
        if offset_s is None:
            offset_s = 0.0
            notes.append(f"sensor {name} is taken to begin with the recording: not both files say when they began")
        if offset_s >= recording.duration_s or offset_s + other.duration_s <= 0:
            wrong = f"sensor {name} recorded from {offset_s:g} s to {offset_s + other.duration_s:g} s of it"
            raise RecordingError(where, wrong, "the sensors disagree in their clocks, or the files in what they hold")
        found.append(Other(replace(other, others=()), offset_s))
    return replace(recording, others=tuple(found), notes=tuple(notes))


def opened_others(entry: Entry, root: Path, opener: Opener) -> list[tuple[Recording, float | None]]:
    """Open what the option OTHERS of an entry lists, each with its offset where one is told."""
    told = entry.options.get(OTHERS, [])
    found = []
    for row in told if isinstance(told, list | tuple) else [told]:
        offset_s = row.get("offset_s") if isinstance(row, Mapping) else None
        good = isinstance(row, Mapping) and row.keys() - {"offset_s", "options"} == FIELDS.keys()
        good = good and all(fits(kind, row[name]) for name, kind in FIELDS.items()) and fits(float | None, offset_s)
        good = good and isinstance(row.get("options"), Mapping)
        if not good:
            raise ManifestError(entry.path, f"option {OTHERS!r} is {str(told)[:80]!r}", "make the manifest anew")
        path = os.path.normpath((root / entry.path).parent / row["path"])
        other = replace(entry, path=path, corpus=row["corpus"], rate_hz=float(row["rate_hz"]), options=row["options"])
        found.append((opener(other, root), None if offset_s is None else float(offset_s)))
    return found


def joined(
    entries: Sequence[Entry], others: Sequence[Entry], root: Path, opener: Opener
) -> tuple[list[Entry], list[str]]:
    """Return entries with the entries of another sensor that were recorded meanwhile, and a line on what is missing.

    They are of one subject and session, of one take where both name it, and overlap where both know when they began.
    Paths of both are absolute, or below `root`.

    Raises:
        ManifestError: Two of the other sensor's recordings could be meant.
    """
    found, missing = [], []
    kept = {id(other): opener(other, root).start_unix_s for other in others}
    for entry in entries:
        own = opener(entry, root)
        near = [other for other in others if _together(entry, own.start_unix_s, other, kept[id(other)])]
        if len(near) > 1:
            wrong = f"{entry.path} goes with {listed((other.path for other in near), 2)}"
            raise ManifestError("--sensors", wrong, "name takes, or record when each file began")
        if not near:
            missing.append(entry.path)
            found.append(entry)
            continue
        path = os.path.relpath(root / near[0].path, (root / entry.path).parent)
        row = {"path": path, "corpus": near[0].corpus, "rate_hz": near[0].rate_hz, "options": dict(near[0].options)}
        found.append(replace(entry, options={**entry.options, OTHERS: [*entry.options.get(OTHERS, ()), row]}))
    notes = [f"the other sensor lacks {counted(len(missing), 'recording')}: {listed(missing)}"] if missing else []
    return found, notes


def _together(first: Entry, first_s: float | None, second: Entry, second_s: float | None) -> bool:
    if first.key("session") != second.key("session"):
        return False
    if first.take and second.take and first.key("take") != second.key("take"):
        return False
    if first_s is None or second_s is None:
        return True
    return first_s < second_s + second.duration_s and second_s < first_s + first.duration_s
