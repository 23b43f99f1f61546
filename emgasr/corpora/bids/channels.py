"""The channels of a BDF or EDF file in; which of them are electrodes, in which band and unit, out.

With channels.tsv: the rows of type EMG, by name; where names repeat, by order, if the table lists the file's channels
one by one. Without: the channels whose label begins with EMG; if none does, all but those of known other kinds. Each
channel that is passed over is told, as is what was taken for an electrode without being called so.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from emgasr.corpora.bids.sidecars import facts, known, sidecar
from emgasr.corpora.samples.edf_header import EdfFile
from emgasr.corpora.tables.delimited import Row, read_table
from emgasr.corpora.tables.units import resolve_montage, resolve_unit, volts
from emgasr.display.wording import counted, listed
from emgasr.errors import RecordingError
from emgasr.recording import Band, Montage

SHOWN = 8  # channels that a note names
CLOSE = 1e-6
WORDS = {"bipolar", "average"}  # montages that stand as words where BIDS else names an electrode
OTHERS = re.compile(
    r"status|trig|stim|sti\d|marker|event|sync|ttl|dig(ital|\b)|"  # what tells of other devices
    r"ecg|ekg|eeg|eog|heog|veog|hrv?\b|pulse|ppg|pleth|"
    r"acc|gyr|mag(n|\b|[_ xyz])|imu|quat|gonio|angle|force|torque|press|load|"
    r"gsr|eda|resp|temp|spo2|sao2|"
    r"n?seq\b|time|clock|counter|count\b|index|sample|packet|batt|light|audio|mic\b|button|ref\b|gnd|ground",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Electrode:
    """One channel to read: its place among the file's signals, its name there, its electrode, its row of the table."""

    index: int
    name: str
    electrode: str
    group: str
    row: Row | None

    def told(self, column: str) -> str | None:
        """What channels.tsv says of it in a column; None where it does not, or there is no table."""
        return known(self.row.get(column)) if self.row else None


def read_channels(
    path: Path, header: EdfFile, ring: bool, montage: str = ""
) -> tuple[list[Electrode], tuple[Band, ...], list[str]]:
    """The electrodes band by band, the bands, and what is to be told of them; `montage` is that of untold bands."""
    given = resolve_montage(path, montage)
    labels = [signal.label for signal in header.signals]
    table = sidecar(path, "channels")
    notes: list[str] = []
    if table is None:
        chosen, names = _by_label(path, labels, notes), _numbered(labels, notes)
        electrodes = [Electrode(i, names[i], names[i], "emg", None) for i in chosen]
    else:
        electrodes = _by_table(path, table, labels, notes)
    groups = list(dict.fromkeys(electrode.group for electrode in electrodes))
    members = [[electrode for electrode in electrodes if electrode.group == group] for group in groups]
    bands = []
    for group, own in zip(groups, members, strict=True):
        called = [electrode.electrode for electrode in own]
        distinct = len(set(called)) == len(called)
        worn = tuple(called if distinct else [electrode.name for electrode in own])
        bands.append(Band(group, worn, ring, _montage_of(path, own, given, notes)))
    return [electrode for own in members for electrode in own], tuple(bands), notes


def _montage_of(path: Path, electrodes: Sequence[Electrode], given: Montage, notes: list[str]) -> Montage:
    """The montage that column `reference` or EMGReference says; it may say it in no known words, which is told."""
    cells = [electrode.told("reference") for electrode in electrodes]
    words = {cell for cell in cells if cell is not None}
    told = _montage_in(words, len(electrodes)) if None not in cells else ""
    if not words and isinstance(said := facts(path, "EMGReference"), str) and said.strip().lower() in WORDS:
        told = resolve_montage(path, said)
    elif words and not told:
        what = f"reference {listed(sorted(words), SHOWN)}" + (", or none" if None in cells else "")
        notes.append(f"band {electrodes[0].group}: its montage is not told by channels.tsv ({what})")
    if told and given and told != given:
        raise RecordingError(path, f"is of montage {told}, as its sidecars say, not {given}", "leave the montage out")
    return told or given


def _montage_in(references: Collection[str], channels: int) -> Montage:
    """The montage by the references of all channels: "bipolar", one electrode for all, or one for each."""
    words = {reference.lower() for reference in references}
    if len(words) == 1 and words <= WORDS:
        return resolve_montage("reference", words.pop())
    if channels < 2 or words & WORDS:
        return ""
    if len(words) == 1:
        return "reference"
    return "bipolar" if len(references) == channels else ""


def check_rates(path: Path, header: EdfFile, electrodes: Sequence[Electrode]) -> float:
    """The one rate of the electrodes; a RecordingError where file and sidecars disagree."""
    rates = {header.rate_hz(electrode.index) for electrode in electrodes}
    if len(rates) != 1:
        raise RecordingError(path, f"its channels have several rates ({sorted(rates)} Hz)", "resample them to one")
    rate = rates.pop()
    if not rate:
        raise RecordingError(path, "its electrodes have no samples", "restore the file")
    told = facts(path, "SamplingFrequency")
    if told is not None and known(str(told)) is not None and not _close(str(told), rate):
        found = sidecar(path, "emg")
        name = found.name if found else "emg.json"
        raise RecordingError(path, f"is sampled at {rate:g} Hz, {name} says {told}", "mend either")
    for electrode in electrodes:
        said = electrode.told("sampling_frequency")
        if said and not _close(said, rate):
            wrong = f"is sampled at {rate:g} Hz, channels.tsv says {said} for {electrode.name}"
            raise RecordingError(path, wrong, "mend either")
    return rate


def unit_of(path: Path, header: EdfFile, electrode: Electrode, given: str | None) -> tuple[str, float]:
    """The unit of a channel, and what makes it µV: from channels.tsv and header, which must agree, or as given."""
    told = electrode.told("units")
    physical = known(header.signals[electrode.index].unit)
    if told and physical and _same(told) != _same(physical):
        wrong = f"channel {electrode.name} is in {physical}, channels.tsv says {told}"
        raise RecordingError(path, wrong, "mend either")
    return resolve_unit(f"{path} channel {electrode.name}", told or physical or given)


def _by_label(path: Path, labels: list[str], notes: list[str]) -> list[int]:
    called = [i for i, label in enumerate(labels) if label.lower().startswith("emg")]
    chosen = called or [i for i, label in enumerate(labels) if not OTHERS.match(label)]
    if not chosen:
        wrong = f"no channel is called EMG ({listed(labels, SHOWN)})"
        raise RecordingError(path, wrong, "say which are in channels.tsv")
    if left := [label for i, label in enumerate(labels) if i not in chosen]:
        notes.append(f"{_channels(left)} passed over: not EMG by name")
    if not called:
        notes.append(f"{_channels([labels[i] for i in chosen])} taken for electrodes: no channel is called EMG")
    return chosen


def _by_table(path: Path, table: Path, labels: list[str], notes: list[str]) -> list[Electrode]:
    rows = read_table(table, ("name", "type"), notes)
    called = [row["name"].strip() for row in rows]
    names = _numbered(labels, notes)
    if len(set(called)) == len(called) and len(set(labels)) == len(labels):
        index = {label: i for i, label in enumerate(labels)}
        called = [_in_any_case(name, labels) for name in called]
    elif called == labels:
        index = {name: i for i, name in enumerate(names)}
        called = names
    else:
        twice = _repeated(called) or _repeated(labels)
        wrong = f"several channels are called {twice[0]!r}, and {table.name} does not list the file's channels in order"
        raise RecordingError(path, wrong, "which row is which channel? give them names of their own")
    chosen = []
    for name, row in zip(called, rows, strict=True):
        if row["type"].strip().upper() != "EMG":
            continue
        if name not in index:
            raise RecordingError(table, f"names channel {name!r}, which {path.name} lacks", "mend channels.tsv")
        electrode = known(row.get("signal_electrode")) or name
        chosen.append(Electrode(index[name], name, electrode, known(row.get("group")) or "emg", row))
    if not chosen:
        raise RecordingError(table, "names no channel of type EMG", "mend channels.tsv")
    _tell_others(table, called, rows, names if called is names else labels, notes)
    return chosen


def _in_any_case(name: str, labels: list[str]) -> str:
    """The label that a name means: its own, or the only one that differs from it in case."""
    alike = [label for label in labels if label.casefold() == name.casefold()]
    return alike[0] if name not in labels and len(alike) == 1 else name


def _tell_others(table: Path, called: list[str], rows: list[Row], labels: list[str], notes: list[str]) -> None:
    types = {name: row["type"].strip() for name, row in zip(called, rows, strict=True)}
    there = set(labels)
    others = [f"{name} ({kind})" for name, kind in types.items() if kind.upper() != "EMG" and name in there]
    if others:
        notes.append(f"{_channels(others)} passed over: not EMG by type")
    if unlisted := [label for label in labels if label not in types]:
        notes.append(f"{_channels(unlisted)} passed over: not in {table.name}")
    if lacking := [name for name, kind in types.items() if kind.upper() != "EMG" and name not in there]:
        notes.append(f"{_channels(lacking)} in {table.name}, but not in the file")
    bad = [row["name"].strip() for row in rows if (row.get("status") or "").strip().lower() == "bad"]
    if bad := [name for name in bad if types.get(name, "EMG").upper() == "EMG"]:
        notes.append(f"{_channels(bad)} read, though marked bad")


def _numbered(labels: list[str], notes: list[str]) -> list[str]:
    """Labels that repeat, or are empty, with a number behind them: the order in the file tells channels apart."""
    names: dict[str, None] = {}
    met: Counter[str] = Counter()
    several = set(_repeated(labels))
    there = set(labels)
    for label in labels:
        met[label] += 1
        name = label if label and label not in several else f"{label or 'channel'} {met[label]}"
        while name in names or (name != label and name in there):
            name += "'"
        names[name] = None
    if twice := sorted(several):
        notes.append(f"several channels are called {listed(twice, SHOWN)}: they are numbered in the order of the file")
    return list(names)


def _repeated(names: Sequence[str]) -> list[str]:
    """The names that stand more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def _channels(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'channel')} ({listed(names, SHOWN)})"


def _close(told: str, rate: float) -> bool:
    try:
        return math.isclose(float(told), rate, rel_tol=CLOSE)
    except ValueError:
        return False


def _same(unit: str) -> float | str:
    factor = volts(unit)
    return unit if factor is None else factor
