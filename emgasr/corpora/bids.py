"""BIDS EMG (as NEMAR nm000104): a BDF or EDF file with its sidecars in, a Recording out.

events.tsv(.gz): onset, duration, then `value` (prompt | keystroke_X) with key and prompt_text, or `trial_type` (a
label). channels.tsv: name, type, units, group (the band). emg.json: SamplingFrequency. Needs the extra `io` (edfio).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from emgasr.corpora.edf import EdfFile, EdfSamples, read_header
from emgasr.corpora.tables import MICROVOLTS, UNKNOWN, Row, number, read_table, resolve_unit
from emgasr.errors import RecordingError
from emgasr.manifest import Entry, Findings
from emgasr.recording import Band, Events, Recording, Spans

REST = ("rest", "silence", "pause")


def open_recording(path: str | Path, *, unit: str | None = None, ring: bool = False) -> Recording:
    """Open a BDF or EDF file; samples are read when sliced.

    `unit` is used where neither channels.tsv nor the header tells one; `ring` says that the bands are rings. Sidecars
    that disagree with the file (rate, unit, names of channels) raise a RecordingError.
    """
    path = Path(path)
    header = read_header(path)
    table, names, bands = _channels(path, header, ring)
    signals = [header.index(name) for name in names]
    rate = _rate(path, header, signals, table)
    units = {name: _unit(path, header, name, table.get(name, {}), unit) for name in names}
    if len({kind for kind, _ in units.values()}) != 1:
        raise RecordingError(path, "some channels are in counts, others in volts", "mend channels.tsv")
    entities = _entities(path)
    events, spans = _labels(path)
    return Recording(
        samples=EdfSamples(header, tuple(signals), tuple(units[name][1] for name in names)),
        rate_hz=rate,
        unit=units[names[0]][0],
        bands=bands,
        subject=entities.get("sub", path.stem),
        session="_".join(v for k, v in entities.items() if k in ("ses", "run")) or path.stem,
        events=events,
        spans=spans,
    )


def scan(folder: Path, findings: Findings, *, unit: str | None = None, ring: bool = False) -> list[Entry]:
    """Every *_emg.bdf and *_emg.edf below `folder`, in the order of their paths."""
    entries = []
    for path in sorted([*folder.rglob("*_emg.bdf"), *folder.rglob("*_emg.edf")]):
        recording = open_recording(path, unit=unit, ring=ring)
        options = {"ring": ring, **({"unit": unit} if unit else {})}
        entries.append(Entry.of(recording, path, "bids", take=path.stem, options=options))
    return entries


def _channels(path: Path, header: EdfFile, ring: bool) -> tuple[dict[str, Row], list[str], tuple[Band, ...]]:
    """Rows of channels.tsv by name, the EMG channels band by band, and the bands."""
    sidecar = _sidecar(path, "channels", (".tsv",))
    if sidecar is None:
        names = list(header.labels)
        return {}, names, (Band("emg", tuple(names), ring),)
    table = {row["name"]: row for row in read_table(sidecar, ("name", "type"))}
    groups: dict[str, list[str]] = {}
    for name, row in table.items():
        if row["type"].upper() == "EMG":
            if name not in header.labels:
                raise RecordingError(sidecar, f"names channel {name!r}, which {path.name} lacks", "mend channels.tsv")
            groups.setdefault(_known(row.get("group")) or "emg", []).append(name)
    if not groups:
        raise RecordingError(sidecar, "names no channel of type EMG", "mend channels.tsv")
    bands = []
    for group, members in groups.items():
        electrodes = tuple(_known(table[name].get("signal_electrode")) or name for name in members)
        bands.append(Band(group, electrodes, ring))
    return table, [name for members in groups.values() for name in members], tuple(bands)


def _rate(path: Path, header: EdfFile, signals: list[int], table: dict[str, Row]) -> float:
    rates = {header.rates_hz[i] for i in signals}
    if len(rates) != 1:
        raise RecordingError(path, f"its channels have several rates ({sorted(rates)} Hz)", "resample them to one")
    rate = rates.pop()
    sidecar = _sidecar(path, "emg", (".json",))
    if sidecar is not None:
        told = _json(sidecar).get("SamplingFrequency")
        if isinstance(told, int | float) and not math.isclose(told, rate, rel_tol=1e-6):
            raise RecordingError(path, f"is sampled at {rate:g} Hz, {sidecar.name} says {told:g}", "mend either")
    for name, row in table.items():
        told = _known(row.get("sampling_frequency"))
        if told and name in header.labels and row["type"].upper() == "EMG" and not _close(told, rate):
            raise RecordingError(path, f"is sampled at {rate:g} Hz, channels.tsv says {told} for {name}", "mend either")
    return rate


def _unit(path: Path, header: EdfFile, name: str, row: Row, given: str | None) -> tuple[str, float]:
    told = _known(row.get("units"))
    physical = _known(header.units[header.index(name)])
    if told and physical and _same(told) != _same(physical):
        raise RecordingError(path, f"channel {name} is in {physical}, channels.tsv says {told}", "mend either")
    return resolve_unit(f"{path} channel {name}", told or physical or given)


def _labels(path: Path) -> tuple[Events, Spans]:
    sidecar = _sidecar(path, "events", (".tsv", ".tsv.gz"))
    if sidecar is None:
        return Events.empty(), Spans.empty()
    presses, spans = [], []
    for line, row in enumerate(read_table(sidecar, ("onset", "duration")), start=2):
        onset = number(sidecar, row, "onset", line)
        end = onset + number(sidecar, row, "duration", line) if _known(row["duration"]) else math.nan
        value = row.get("value", "")
        if value.startswith("keystroke_"):
            presses.append((onset, end, row.get("key") or value.removeprefix("keystroke_")))
        elif value == "prompt":
            text = row.get("prompt_text", "").replace("\\n", "\n")
            spans.append((onset, onset if math.isnan(end) else end, "prompt", "" if text == "n/a" else text))
        elif (label := _known(row.get("trial_type"))) and not math.isnan(end):
            spans.append((onset, end, "rest" if label in REST else "gesture", label))
    return Events.of(presses), Spans.of(spans)


def _sidecar(path: Path, suffix: str, endings: tuple[str, ...]) -> Path | None:
    """The nearest sidecar whose entities are all the recording's own (BIDS's inheritance)."""
    own = _entities(path).items()
    for folder in _folders(path):
        fitting = [
            candidate
            for ending in endings
            for candidate in folder.glob(f"*{suffix}{ending}")
            if candidate.name.removesuffix(ending).rpartition("_")[2] == suffix and _entities(candidate).items() <= own
        ]
        if fitting:
            return max(fitting, key=lambda candidate: len(_entities(candidate)))
    return None


def _folders(path: Path) -> list[Path]:
    """The recording's folder and those above it up to the dataset's, which holds the folder of the subject."""
    parents = list(path.absolute().parents)
    subjects = [i for i, folder in enumerate(parents) if folder.name.startswith("sub-")]
    return parents[: subjects[-1] + 2] if subjects else parents[:1]


def _entities(path: Path) -> dict[str, str]:
    pairs = (part.partition("-") for part in path.name.partition(".")[0].split("_") if "-" in part)
    return {key: value for key, _, value in pairs}


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(path, "is not JSON", "restore the sidecar") from error
    return values if isinstance(values, dict) else {}


def _known(value: str | None) -> str | None:
    return None if value is None or value.strip().lower() in UNKNOWN else value.strip()


def _close(told: str, rate: float) -> bool:
    try:
        return math.isclose(float(told), rate, rel_tol=1e-6)
    except ValueError:
        return False


def _same(unit: str) -> float | str:
    return MICROVOLTS.get(unit.lower(), unit)
