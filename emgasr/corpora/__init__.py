"""An entry of a manifest, or a file that describes itself, in; a Recording, opened by its layout's reader, out."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from emgasr.config.typed_data import fits
from emgasr.corpora.files import tell_equal_contents
from emgasr.corpora.sensors import only_bands, opened_others, with_others
from emgasr.errors import ManifestError, RecordingError
from emgasr.manifests.manifest import BESIDE, ONLY, OTHERS, PART, Entry, Findings
from emgasr.recording import Recording
from emgasr.sessions.journal_reading import is_journal

# A layout's name in manifests, and the module that reads it: imported when it is asked for.
CORPORA = {
    "native": "emgasr.corpora.native",
    "emg2qwerty": "emgasr.corpora.emg2qwerty.sessions",
    "emg2qwerty_bids": "emgasr.corpora.emg2qwerty.bids",
    "bids": "emgasr.corpora.bids.reader",
    "gaddy": "emgasr.corpora.gaddy",
    "neuromotor": "emgasr.corpora.neuromotor",
    "ninapro": "emgasr.corpora.ninapro",
    "uci_gestures": "emgasr.corpora.uci_gestures",
    "way_eeg_gal": "emgasr.corpora.way_eeg_gal.lifts",
    "takes": "emgasr.corpora.takes",
    "spans": "emgasr.corpora.spans",
}


def open_entry(entry: Entry, root: str | Path) -> Recording:
    """Open the recording that an entry names below `root`, with the manifest's subject and session."""
    options = {name: value for name, value in entry.options.items() if name not in (PART, BESIDE, ONLY, OTHERS)}
    if entry.corpus in ("takes", "spans"):  # their files hold bare samples
        options.update(rate_hz=entry.rate_hz, subject=entry.subject, session=entry.session)
    if entry.corpus == "takes":
        options.update(text=entry.text)
    opener = reader(entry.corpus).open_recording
    if unknown := options.keys() - (inspect.signature(opener).parameters.keys() - {"path"}):
        raise ManifestError(
            entry.path, f"corpus {entry.corpus} has no option {min(unknown)!r}", "make the manifest anew"
        )
    hints = get_type_hints(opener)
    for name, value in options.items():
        if not fits(hints[name], value):
            raise ManifestError(entry.path, f"option {name!r} is {str(value)[:60]!r}", "make the manifest anew")
    recording = opener(Path(root) / entry.path, **options)
    if OTHERS in entry.options:
        recording = with_others(recording, opened_others(entry, Path(root), open_entry))
    if entry.part_s is not None:
        recording = recording.segment(*entry.part_s)
    if (only := entry.options.get(ONLY)) is not None:
        if not fits(tuple[str, ...], only):
            raise ManifestError(entry.path, f"option {ONLY!r} is {str(only)[:60]!r}", "make the manifest anew")
        recording = only_bands(recording, only)
    return replace(recording, subject=entry.subject, session=entry.session)


def scan(folder: str | Path, corpus: str, findings: Findings | None = None, **options: Any) -> list[Entry]:
    """Return the recordings of a corpus as entries with absolute paths, all in split "train"; RecordingError if none.

    `findings` collects what the reader passed over and what matched nothing; without it, warnings are logged.
    """
    if not Path(folder).is_dir():
        raise RecordingError(folder, "is not a folder", "give the folder of a corpus")
    found = Findings() if findings is None else findings
    entries: list[Entry] = reader(corpus).scan(Path(folder).absolute(), found, **options)
    tell_equal_contents(found, entries)
    if findings is None:
        for line in (*found.notes, *found.of_recordings, *found.left_over):
            logging.getLogger(__name__).warning("%s", line)
    if not entries:
        passed = f" ({'; '.join(found.notes[:3])})" if found.notes else ""
        others = ", ".join(name for name in CORPORA if name != corpus)
        wrong = f"holds no recording of the layout {corpus!r}{passed}"
        raise RecordingError(folder, wrong, f"is it another layout? {others}")
    return entries


def left_over(entries: Sequence[Entry], root: str | Path) -> list[str]:
    """Return a line for each row of a table beside the recordings that matches nothing now, without a scan.

    Only layouts whose readers have `left_over` are asked.
    """
    found: list[str] = []
    for corpus in dict.fromkeys(entry.corpus for entry in entries):
        if (tell := getattr(reader(corpus), "left_over", None)) is not None:
            found += tell([entry for entry in entries if entry.corpus == corpus], Path(root))
    return found


def open_any(path: str | Path) -> Recording:
    """Open a file that describes itself, by its content: native (finished or not), emg2qwerty, BIDS BDF or EDF."""
    path = Path(path)
    if path.suffix.lower() in (".npy", ".npz", ".wav", ".csv", ".tsv", ".txt"):
        wrong = "holds bare samples: it does not say its rate and unit"
        raise RecordingError(
            path, wrong, "list it in a metadata.csv for `emgasr manifest --corpus takes`, or say both in open_recording"
        )
    if path.suffix.lower() in (".bdf", ".edf"):
        return reader("bids").open_recording(path)
    if is_journal(path):
        return reader("native").open_recording(path)
    from emgasr.files.hdf5 import OPEN_FILES, holds  # h5py takes long to load: help must answer at once

    with OPEN_FILES.reading(path) as file:
        corpus = "emg2qwerty" if holds(file, "emg2qwerty") else "native"
    return reader(corpus).open_recording(path)


def reader(corpus: str) -> ModuleType:
    """The module of a layout: open_recording(path, **options), and scan(folder, findings, **options) -> entries.

    One with tables of labels may have left_over(entries, root) -> lines too.
    """
    if corpus not in CORPORA:
        raise ManifestError("corpus", f"unknown layout {corpus!r}", f"known: {', '.join(CORPORA)}")
    return importlib.import_module(CORPORA[corpus])
