"""A folder in; its files of samples, what their headers tell, and what keeps one from being a take like the others out.

Only what can be a take is looked at: .npy, .wav and tables of text, of the kind that most files of the folder are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.corpora.files import find_files, names
from emgasr.corpora.samples.arrays import SUFFIXES, TABLES, open_samples
from emgasr.corpora.samples.npy import map_npy
from emgasr.corpora.samples.wav import read_header
from emgasr.corpora.tables.units import resolve_unit
from emgasr.corpora.takes import TABLE
from emgasr.display.wording import counted, listed
from emgasr.errors import EmgasrError, RecordingError
from emgasr.manifests.manifest import Findings

SHORTEST_S = 0.1  # a window of features: a shorter take is no frame
LONGEST_S = 30.0  # of a single take; a longer one is told
SILENT = "is silent: every channel keeps one value"
NOT_FINITE = "holds no finite value"
TEXTS = ("readme.txt", "license.txt", "licence.txt", "labels.csv", "participants.tsv", "requirements.txt")
# Files of other layouts, and what to do with them.
OTHERS = {
    "recordings.csv": "continuous recordings with a table of labels: `emgasr manifest FOLDER --corpus spans`",
    "dataset_description.json": "a BIDS dataset: `emgasr manifest FOLDER --corpus bids`",
}


@dataclass(frozen=True)
class Header:
    """What a file tells without being read, where it does: its rate, its channels, and the kind of number it stores."""

    name: str  # its path from the folder
    rate_hz: float | None = None
    channels: int | None = None
    stored: str = ""


@dataclass(frozen=True)
class Folder:
    """Files that can be takes, in the order of their names; lines on the others; files that cannot be read, and why."""

    path: Path
    headers: tuple[Header, ...]
    notes: tuple[str, ...]
    bad: dict[str, str]

    @property
    def rates(self) -> Counter[float]:
        """How many files tell which rate."""
        return Counter(header.rate_hz for header in self.headers if header.rate_hz is not None)

    @property
    def suffix(self) -> str:
        """The ending of its files."""
        return Path(self.headers[0].name).suffix.lower()

    def summary(self) -> str:
        """What was found, in a line."""
        told = [counted(len(self.headers), f"{self.suffix} file")]
        if channels := Counter(header.channels for header in self.headers if header.channels):
            told.append(f"{listed(counted(count, 'channel') for count in sorted(channels))}")
        if self.rates:
            told.append(listed(f"{rate:g} Hz" for rate in sorted(self.rates)))
        if stored := sorted({header.stored for header in self.headers if header.stored}):
            told.append(f"stored as {listed(stored)}")
        return ", ".join(told)


def look(folder: Path) -> Folder:
    """Find the takes of a folder; a RecordingError if it holds none, or is of a layout that describes itself."""
    if not folder.is_dir():
        raise RecordingError(folder, "is no folder", "give the folder that holds the takes")
    for name, what in OTHERS.items():
        if (folder / name).is_file() and not (folder / TABLE).is_file():
            raise RecordingError(folder, f"holds {name}", what)
    findings = Findings()
    found = find_files(folder, findings, lambda path: path.name.lower() not in TEXTS, SUFFIXES, "samples")
    found = [path for path in found if path != folder / TABLE]
    kinds = Counter(path.suffix.lower() for path in found)
    if not kinds:
        known = Counter(path.suffix.lower() for path in folder.rglob("*") if path.is_file())
        there = listed(f"{count} {suffix or 'without ending'}" for suffix, count in known.most_common(3))
        advice = f"there {'is' if len(known) == 1 else 'are'}: {there or 'nothing'}"
        raise RecordingError(folder, f"holds no take ({', '.join(SUFFIXES)})", advice)
    suffix = kinds.most_common(1)[0][0]
    taken = [path for path in found if path.suffix.lower() == suffix]
    if others := [path for path in found if path.suffix.lower() != suffix]:
        findings.notes.append(f"passed over, as most files are {suffix}: {names(others, folder)}")
    headers, bad = [], {}
    for path in taken:
        name = path.relative_to(folder).as_posix()
        try:
            headers.append(_header(path, name))
        except EmgasrError as error:
            headers.append(Header(name))
            bad[name] = _without_place(error)
    return Folder(folder, tuple(headers), tuple(findings.notes), bad)


def check(
    folder: Folder,
    takes: Sequence[str],
    rates_hz: dict[str, float],
    unit: str | None,
    columns: Sequence[str] = (),
    progress: Callable[[Iterable[str]], Iterable[str]] = lambda takes: takes,
) -> tuple[dict[str, str], list[str]]:
    """Read every take by its rate; return what is wrong with each bad one, and notes on the others.

    Bad are takes that cannot be read, have other rates or channels than most, last less than SHORTEST_S, hold
    no finite value, or whose channels all keep one value. Without a `unit` none that a header tells is compared.
    """
    name, scale = (None, 1.0) if unit is None else resolve_unit("--unit", unit)
    bad = {take: folder.bad[take] for take in takes if take in folder.bad}
    shapes: dict[str, tuple[int, ...]] = {}
    told: dict[str, list[str]] = {}
    usual_rate = Counter(rates_hz[take] for take in takes).most_common(1)[0][0]
    for take in progress([take for take in takes if take not in bad]):
        rate = rates_hz[take]
        try:
            file = open_samples(folder.path / take, rate, scale, unit=name, columns=columns)
            samples = np.asarray(file.samples[:])
        except EmgasrError as error:
            bad[take] = _without_place(error)
            continue
        shapes[take] = samples.shape
        for note in file.notes:
            told.setdefault(note, []).append(take)
        if rate != usual_rate:
            bad[take] = f"has {rate:g} Hz, most takes have {usual_rate:g} Hz"
        elif len(samples) / rate < SHORTEST_S:
            bad[take] = f"lasts {1000 * len(samples) / rate:.0f} ms: shorter than a frame ({1000 * SHORTEST_S:g} ms)"
        elif not np.isfinite(samples).any():
            bad[take] = NOT_FINITE
        elif bool(np.all(samples == samples[:1])):
            bad[take] = SILENT
        elif len(samples) / rate > LONGEST_S:
            told.setdefault(f"longer than {LONGEST_S:g} s: is it a single take?", []).append(take)
    good = [shapes[take][1] for take in shapes if take not in bad]
    usual = Counter(good).most_common(1)[0][0] if good else 0
    for take, shape in shapes.items():
        if take not in bad and shape[1] != usual:
            bad[take] = f"has {counted(shape[1], 'channel')}, most takes have {usual}"
    notes = [f"{where[0]}{f' and {len(where) - 1} more' if len(where) > 1 else ''}: {n}" for n, where in told.items()]
    return bad, notes


def silent_labels(bad: dict[str, str], labels: dict[str, str]) -> list[str]:
    """Return a line for each label all whose takes are silent; `labels` by take."""
    heard = {label for take, label in labels.items() if bad.get(take) not in (SILENT, NOT_FINITE)}
    return [f"all takes of {label!r} are silent" for label in sorted(set(labels.values()) - heard)]


def unit_of(folder: Folder) -> tuple[str, str]:
    """Return the unit to guess and why."""
    stored = {header.stored for header in folder.headers if header.stored}
    kind = f"the files store {listed(sorted(stored))}, and" if stored else "the files"
    return "counts", f"{kind} do not say what a step is; counts claims nothing, volts make devices comparable"


def _header(path: Path, name: str) -> Header:
    suffix = path.suffix.lower()
    if suffix == ".wav":
        wav = read_header(path)
        stored = f"float{8 * wav.container}" if wav.is_float else f"int{8 * wav.container}"
        return Header(name, float(wav.rate_hz), wav.channels, stored)
    if suffix in TABLES:
        return Header(name)
    values, _ = map_npy(path)
    return Header(name, None, values.shape[1] if values.ndim == 2 else 1, str(values.dtype))


def _without_place(error: EmgasrError) -> str:
    return error.wrong + (f"; {error.advice}" if error.advice else "")
