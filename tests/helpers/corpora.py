"""A miniature corpus of every layout that emgasr reads: its name in; a folder with a few recordings out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.helpers.layouts import (
    write_bids_session,
    write_gaddy,
    write_hdf5_session,
    write_neuromotor,
    write_ninapro,
    write_uci,
    write_way_eeg_gal,
)
from tests.helpers.miniatures import write_bids, write_native, write_spans, write_takes


def _native(folder: Path) -> None:
    write_native(folder, "a.hdf5")
    write_native(folder, "b.hdf5", seed=1)


def _emg2qwerty(folder: Path) -> None:
    write_hdf5_session(folder)
    write_hdf5_session(folder, number=1600000100)


MINIATURES: dict[str, Callable[[Path], object]] = {
    "native": _native,
    "emg2qwerty": _emg2qwerty,
    "emg2qwerty_bids": write_bids_session,
    "bids": write_bids,
    "gaddy": write_gaddy,
    "neuromotor": lambda folder: write_neuromotor(folder, 2),
    "ninapro": lambda folder: write_ninapro(folder, 2),
    "uci_gestures": lambda folder: write_uci(folder, 2),
    "way_eeg_gal": write_way_eeg_gal,
    "takes": lambda folder: write_takes(folder, takes=1),
    "spans": lambda folder: write_spans(folder, 2),
}
LACKING = {"takes": {"unit": "uV"}, "spans": {"unit": "uV"}}  # what the files of a layout do not say


def write_corpus(folder: Path, corpus: str) -> Path:
    """Write the miniature of a layout into a folder that is made."""
    folder.mkdir(parents=True)
    MINIATURES[corpus](folder)
    return folder
