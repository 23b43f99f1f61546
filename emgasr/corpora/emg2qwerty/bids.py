"""The BIDS edition of emg2qwerty (NEMAR nm000104): a BDF file with its sidecars in, the HDF5 edition's Recording out.

The two editions of one session agree in samples (to the file's 24 bits), bands, keys, prompts, user and session.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emgasr.corpora.bids import reader as bids
from emgasr.corpora.emg2qwerty.sessions import BANDS, ELECTRODES, RATE_HZ
from emgasr.corpora.files import tell_notes
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Recording, Spans


def open_recording(path: str | Path) -> Recording:
    """Open a session; RecordingError unless it has emg2qwerty's rate, electrodes and channels in their order."""
    recording = bids.open_recording(path, unit="uV", ring=True, montage="bipolar")
    if recording.rate_hz != RATE_HZ or recording.unit != "uV":
        found = f"is at {recording.rate_hz:g} Hz in {recording.unit}"
        raise RecordingError(path, found, f"emg2qwerty is at {RATE_HZ:g} Hz in µV; use the layout 'bids'")
    if [len(band.electrodes) for band in recording.bands] not in ([2 * ELECTRODES], [ELECTRODES, ELECTRODES]):
        sizes = ", ".join(f"{band.name} {len(band.electrodes)}" for band in recording.bands)
        raise RecordingError(path, f"has the bands {sizes}", "emg2qwerty has 16 electrodes on each wrist")
    if len(recording.bands) == 2 and [band.name for band in recording.bands] != ["left", "right"]:
        names = " and ".join(band.name for band in recording.bands)
        raise RecordingError(path, f"has its bands in the order {names}", "emg2qwerty has left, then right")
    spans = recording.spans
    empty = sum(kind == "prompt" and not text for kind, text in zip(spans.kinds, spans.texts, strict=True))
    told = (f"{empty} prompts without a text passed over",) if empty else ()
    prompts = zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True)
    return replace(
        recording,
        bands=BANDS,
        spans=Spans.of(prompt for prompt in prompts if prompt[3]),  # one without text is no prompt to type
        notes=(*recording.notes, *told),
    )


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every session below `folder`, in the order of their paths; files beside them as in the layout "bids"."""
    files = session_files(folder, findings)
    opened = [(path, open_recording(path)) for path in files]
    tell_notes(findings, opened)
    bids.tell_left_over(folder, findings, files)
    return [Entry.of(recording, path, "emg2qwerty_bids", take=path.stem) for path, recording in opened]


def session_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """The *_emg.bdf below `folder`."""
    return bids.emg_files(folder, findings, (".bdf",))
