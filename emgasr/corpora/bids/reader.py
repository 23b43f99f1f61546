"""BIDS EMG (as NEMAR nm000104): a BDF or EDF file with its sidecars in, a Recording out.

events.tsv(.gz): onset, duration, then `value` (prompt | keystroke_X) with key and prompt_text, or `trial_type` (a
label); one that holds for several splits counts from the first. channels.tsv: name, type, units, group (the band),
reference. emg.json: SamplingFrequency, EMGReference.

The session is ses: its runs, acquisitions and splits are one sitting, so one session. Where a subject has no ses, all
its recordings are one sitting, called "". Below the folder that is given, derivatives, sourcedata, code and stimuli are
passed over, as BIDS tools do. A .bidsignore is not obeyed: it speaks to the validator, and often lists the EMG.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.corpora.bids.channels import check_rates, read_channels, unit_of
from emgasr.corpora.bids.events import read_events
from emgasr.corpora.bids.sidecars import KINDS, check_folder, entities, known, sidecar, sidecars, unused
from emgasr.corpora.files import find_files, listing, names, tell_notes, tell_one_sitting
from emgasr.corpora.kinds import REST, rest_option
from emgasr.corpora.samples.edf import EdfSamples, check_clock
from emgasr.corpora.samples.edf_header import read_header
from emgasr.corpora.tables.delimited import Row, read_table
from emgasr.corpora.tables.file_names import tidy
from emgasr.errors import RecordingError
from emgasr.files.regular_file import is_regular
from emgasr.manifests.identity import same_name
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Events, Recording, Spans

BESIDE = ("derivatives", "sourcedata", "code", "stimuli")  # folders of a dataset that hold no raw recordings
FILES = (".bdf", ".edf")


def open_recording(
    path: str | Path,
    *,
    unit: str | None = None,
    ring: bool = False,
    montage: str = "",
    rest: Sequence[str] = REST,
) -> Recording:
    """Open a BDF or EDF file; samples are read when sliced.

    `unit` is used where neither channels.tsv nor the header tells one, `montage` where neither channels.tsv nor
    emg.json does; `ring` says that the bands are rings. Labels among `rest` mark rest. Sidecars that disagree with the
    file (rate, unit, names of channels) raise a RecordingError.
    """
    path = Path(path)
    check_folder(path)
    header = read_header(path)
    electrodes, bands, notes = read_channels(path, header, ring, montage)
    rate = check_rates(path, header, electrodes)
    units = [unit_of(path, header, electrode, unit) for electrode in electrodes]
    if len({kind for kind, _ in units}) != 1:
        raise RecordingError(path, "some channels are in counts, others in volts", "mend channels.tsv")
    scalings = [header.scaling(electrode.index) for electrode in electrodes]
    remarks = check_clock(header, 1 / rate)
    table = sidecar(path, "events")
    events, spans, passed = (Events.empty(), Spans.empty(), []) if table is None else read_events(table, rest)
    named = entities(path)
    recording = Recording(
        samples=EdfSamples(
            header,
            tuple(header.signals[electrode.index] for electrode in electrodes),
            tuple(gain * factor for (gain, _), (_, factor) in zip(scalings, units, strict=True)),
            tuple(offset * factor for (_, offset), (_, factor) in zip(scalings, units, strict=True)),
        ),
        rate_hz=rate,
        unit=units[0][0],
        bands=bands,
        subject=named.get("sub") or path.stem,
        session=named.get("ses", "") if named.get("sub") else path.stem,
        events=events,
        spans=spans,
        notes=(*header.notes, *notes, *remarks, *passed),
    )
    if table is None or "split" not in named or "split" in entities(table):
        return recording
    start, is_last = _before(path)
    end = start + recording.duration_s
    bounds = (start if start else -math.inf, math.inf if is_last else end)  # what lies outside all splits is told
    events, spans = events.between(*bounds).shift(-start), spans.clip(*bounds).shift(-start)
    note = f"{table.name} holds for all splits: this one is from {start:g} to {end:g} s"
    return replace(recording, events=events, spans=spans, notes=(*recording.notes, note))


def _before(path: Path) -> tuple[float, bool]:
    """The seconds of the splits before one, which a long recording is parted into, and whether it is the last of them.

    RecordingError if an earlier one is not there.
    """
    own = entities(path)
    alike = [file for file in path.parent.iterdir() if file.suffix.lower() in FILES and not file.name.startswith(".")]
    splits = {
        entities(file).get("split"): file for file in alike if entities(file) | {"split": ""} == own | {"split": ""}
    }
    numbers = {int(name): file for name, file in splits.items() if name and name.isdecimal()}
    last = int(own["split"]) if own["split"].isdecimal() else 0
    first = 0 if 0 in numbers else 1
    if lacking := [number for number in range(first, last or 1) if number not in numbers]:
        wrong = (
            f"its events hold for all splits, and split {lacking[0]} is not there" if last else "its split is no number"
        )
        raise RecordingError(path, wrong, "restore it, or give each split its own events.tsv")
    headers = [read_header(numbers[number]) for number in range(first, last)]
    return sum(header.records * header.record_s for header in headers), last + 1 not in numbers


def scan(
    folder: Path,
    findings: Findings,
    *,
    unit: str | None = None,
    ring: bool = False,
    montage: str = "",
    rest: Sequence[str] = REST,
) -> list[Entry]:
    """Every *_emg.bdf and *_emg.edf below `folder`, in the order of their paths; a take is a file's name.

    Sidecars that hold for no recording, and rows of *_scans.tsv without their file, are told as left over.
    """
    told = {"unit": unit, "montage": montage}
    options: dict[str, Any] = {"ring": ring, **{name: value for name, value in told.items() if value}}
    options |= rest_option(rest)
    files = emg_files(folder, findings)
    opened = [(path, open_recording(path, **options)) for path in files]
    tell_notes(findings, opened)
    tell_left_over(folder, findings, files)
    entries = [Entry.of(recording, path, "bids", take=path.stem, options=options) for path, recording in opened]
    tell_one_sitting(findings, entries)
    return entries


def emg_files(folder: Path, findings: Findings | None = None, endings: Collection[str] = FILES) -> list[Path]:
    """The recordings below `folder`, in the order of their paths; what else lies there is told."""
    return find_files(
        folder, findings, lambda path: path.stem.lower().endswith("_emg"), endings, "called *_emg", BESIDE
    )


def tell_left_over(folder: Path, findings: Findings, files: Iterable[Path]) -> None:
    """Tell of sidecars, listed recordings and participants to which no file belongs."""
    files = list(files)
    there = [path for path, reason in listing(folder, BESIDE) if not reason]
    used = {found for path in files for kind in KINDS for found in sidecars(path, kind)}
    findings.left_over += [f"{path}: holds for no recording" for path in unused(there, used)]
    subjects = {same_name(entities(path).get("sub", "")) for path in files}
    for path in there:
        if path.name.lower().endswith("_scans.tsv"):
            findings.left_over += [
                f"{path}, line {row.line}: {told} is not there"
                for row in read_table(path)
                if (told := _lacking(path, row))
            ]
        if path.name.lower() == "participants.tsv":
            rows = [known(row.get("participant_id")) or "" for row in read_table(path)]
            without = [Path(row) for row in rows if same_name(row.lower().removeprefix("sub-")) not in subjects]
            if without:
                findings.notes.append(f"{path.name}: participants without a recording: {names(without, Path())}")


def _lacking(table: Path, row: Row) -> str | None:
    """The EMG file that a row of scans.tsv names and that is not there."""
    told = known(row.get("filename"))
    is_emg = told is not None and told.lower().endswith(tuple(f"_emg{ending}" for ending in FILES))
    return told if told and is_emg and not is_regular(table.parent / tidy(told)) else None
