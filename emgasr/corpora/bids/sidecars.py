"""A recording of BIDS in, the sidecars that hold for it out; the entities of a name, and sidecars that nobody uses."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emgasr.corpora.tables.delimited import NAMELESS
from emgasr.errors import RecordingError
from emgasr.files.plain_data import read_json

KINDS = {"events": (".tsv", ".tsv.gz"), "channels": (".tsv",), "emg": (".json",)}
DATATYPES = ("anat", "beh", "dwi", "eeg", "fmap", "func", "ieeg", "meg", "micr", "motion", "mrs", "nirs", "perf", "pet")


def entities(path: Path) -> dict[str, str]:
    """The pairs of a file's name: sub, ses, task, run and others."""
    pairs = (part.partition("-") for part in path.name.partition(".")[0].split("_") if "-" in part)
    return {key.lower(): value for key, _, value in pairs}


def check_folder(path: Path) -> None:
    """Raise a RecordingError if a recording lies in the folder of another subject or session than its name tells."""
    own = entities(path)
    for key in ("sub", "ses"):
        folders = [folder.name for folder in path.absolute().parents if folder.name.lower().startswith(f"{key}-")]
        if folders and key in own and folders[0][4:] != own[key]:
            wrong = f"is called {key}-{own[key]} and lies in the folder {folders[0]}"
            raise RecordingError(path, wrong, "whose is it? mend its name, or move it")


def sidecar(path: Path, kind: str) -> Path | None:
    """The nearest sidecar whose entities are all the recording's own (BIDS's inheritance); RecordingError for two."""
    found = sidecars(path, kind)
    return found[0] if found else None


def sidecars(path: Path, kind: str) -> list[Path]:
    """Every sidecar of a kind that holds for a recording, the nearest first."""
    own = entities(path).items()
    found = []
    for folder in _folders(path):
        fitting = [file for file in _inside(folder) if is_sidecar(file, kind) and entities(file).items() <= own]
        if fitting:
            most = max(len(entities(file)) for file in fitting)
            nearest = [file for file in fitting if len(entities(file)) == most]
            if len(nearest) > 1:
                both = f"{nearest[0].name} and {nearest[1].name}"
                raise RecordingError(path, f"{both} both hold for it", "keep one of them")
            found += nearest
    return found


def is_sidecar(file: Path, kind: str) -> bool:
    """Whether a file is called as a sidecar of a kind, in any case of letters; not if it is hidden."""
    name = file.name.lower()
    endings = [ending for ending in KINDS[kind] if name.endswith(ending)]
    if not endings or name.startswith("."):
        return False
    return name.removesuffix(max(endings, key=len)).rpartition("_")[2] == kind


def unused(files: Iterable[Path], used: set[Path]) -> list[Path]:
    """The sidecars of EMG that hold for no recording; those in the folders of other kinds of data are theirs."""
    return [
        file
        for file in files
        if file not in used
        and file.parent.name.lower() not in DATATYPES
        and any(is_sidecar(file, kind) for kind in KINDS)
    ]


def facts(path: Path, name: str) -> Any:
    """What the nearest emg.json that has a name says under it; None if none does."""
    for file in sidecars(path, "emg"):
        content = read_json(file, RecordingError, "restore the sidecar")
        if not isinstance(content, dict):
            raise RecordingError(file, "is not a JSON object", "restore the sidecar")
        if name in content:
            return content[name]
    return None


def known(value: str | None) -> str | None:
    """A cell without blanks around; None where BIDS says that it is not known."""
    return None if value is None or value.strip().lower() in NAMELESS else value.strip()


def _folders(path: Path) -> list[Path]:
    """The recording's folder and those above it up to the dataset's, which holds the folder of the subject."""
    parents = list(path.absolute().parents)
    subjects = [i for i, folder in enumerate(parents) if folder.name.startswith("sub-")]
    return parents[: subjects[-1] + 2] if subjects else parents[:1]


def _inside(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except OSError:  # a folder above, of others
        return []
