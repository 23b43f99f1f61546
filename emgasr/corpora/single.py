"""Paths as a user gives them in; the Recordings that they name, opened for a model where there is one, out.

A bare file of samples (.npy, .wav, .csv, .tsv, .txt) is a take. Its rate and unit are its own where it says them, else
those given, else those of the takes that the model was trained on, else the model's; a note says which were not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from emgasr.corpora import open_any, open_entry, scan
from emgasr.corpora.files import listing
from emgasr.corpora.samples.arrays import SUFFIXES, TABLES, open_samples
from emgasr.corpora.samples.wav import read_header
from emgasr.corpora.spans import RECORDINGS
from emgasr.corpora.tables.units import resolve_montage, resolve_unit, step_name
from emgasr.corpora.takes import TABLE
from emgasr.corpora.takes import open_recording as open_bare
from emgasr.display.wording import listed
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Entry, Findings, read_manifest
from emgasr.recording import Recording, Signal, electrode_count

BARE = (*SUFFIXES, ".npz")  # the last is refused with what to do
DESCRIBED = (".hdf5", ".h5", ".bdf", ".edf")


@dataclass(frozen=True)
class Facts:
    """What a user says of samples whose file does not; what is left out is not said.

    Args:
        rate_hz: samples a second.
        unit: uV, mV, V, nV or counts.
        scale_uv: µV of one stored step, in place of a unit.
        columns: of a table of samples, the electrodes' columns by name or number from 1.
        montage: how the voltage was taken, one of MONTAGES.
    """

    rate_hz: float | None = None
    unit: str | None = None
    scale_uv: float | None = None
    columns: tuple[str, ...] = ()
    montage: str = ""


@dataclass(frozen=True)
class Named:
    """A recording that a path names, opened when it is asked for."""

    name: str
    open: Callable[[], Recording]


def named(path: str | Path, facts: Facts = Facts(), signal: Signal | None = None) -> tuple[list[Named], list[str]]:
    """Return the recordings that a path names, in order, and notes on what was found.

    A manifest (.jsonl) names its recordings; a folder those of its metadata.csv or recordings.csv, else the files in it
    that hold samples; another file itself.

    Args:
        path: what the user gave.
        facts: what the user says of bare samples.
        signal: what the recordings are to be read for; None: they are opened as they are.

    Raises:
        RecordingError: A folder holds no recording.
        ManifestError: A manifest cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() == ".jsonl" and not path.is_dir():
        manifest = read_manifest(path)
        opened = [partial(open_entry, entry, manifest.root) for entry in manifest.entries]
        return [Named(str(manifest.file(e)), o) for e, o in zip(manifest.entries, opened, strict=True)], []
    if not path.is_dir():
        return [Named(str(path), partial(open_single, path, facts, signal))], []
    for table, corpus in ((TABLE, "takes"), (RECORDINGS, "spans")):
        if (path / table).is_file():
            return _of_table(path, corpus, facts, signal)
    endings = (*SUFFIXES, *DESCRIBED)
    files = [file for file, passed in listing(path) if not passed and file.suffix.lower() in endings]
    if not files:
        advice = f"give a folder with {TABLE}, or with files of samples ({', '.join(endings)})"
        raise RecordingError(path, "holds no recording", advice)
    return [Named(str(file), partial(open_single, file, facts, signal)) for file in files], []


def open_single(path: str | Path, facts: Facts = Facts(), signal: Signal | None = None) -> Recording:
    """Open one file of any kind; see `named` for the arguments.

    Raises:
        RecordingError: The file cannot be read, does not say its rate or unit where nobody else does, or does not agree
            with what is said of it or with `signal`.
    """
    path = Path(path)
    recording = _bare(path, facts, signal) if path.suffix.lower() in BARE else _described(path, facts)
    if signal is not None:
        signal.check_same(Signal.of(recording), str(path))
    return recording


def _described(path: Path, facts: Facts) -> Recording:
    """A file that says its rate and unit itself: what is said of it must agree."""
    recording = open_any(path)
    if facts.rate_hz is not None and abs(facts.rate_hz - recording.rate_hz) > 1e-6 * recording.rate_hz:
        wrong = f"is at {recording.rate_hz:g} Hz, as it says itself, not at {facts.rate_hz:g} Hz"
        raise RecordingError(path, wrong, "leave the rate out (--rate)")
    if facts.unit is not None and resolve_unit(path, facts.unit) != (recording.unit, 1.0):
        wrong = f"is in {recording.unit}, as it says itself, not in {facts.unit}"
        raise RecordingError(path, wrong, "leave the unit out (--unit)")
    if facts.scale_uv is not None or facts.columns:
        option = "--scale-uv" if facts.scale_uv is not None else "--columns"
        raise RecordingError(path, f"describes its samples itself: {option} is for bare ones", f"leave {option} out")
    if montage := resolve_montage(path, facts.montage):
        if other := next((band.montage for band in recording.bands if band.montage not in ("", montage)), ""):
            wrong = f"is of montage {other}, as it says itself, not {montage}"
            raise RecordingError(path, wrong, "leave the montage out (--montage)")
        recording = replace(recording, bands=tuple(replace(band, montage=montage) for band in recording.bands))
    return recording


def _bare(path: Path, facts: Facts, signal: Signal | None) -> Recording:
    """A take, whose file says some of its rate, unit and electrodes, or nothing."""
    assumed: list[str] = []
    trained = ""
    rate_hz = facts.rate_hz if facts.rate_hz is not None else _own_rate(path, signal)
    if rate_hz is None and signal is not None:
        rate_hz = signal.rate_hz
        if path.suffix.lower() == ".npy" or path.suffix.lower() in TABLES:
            assumed.append(f"at {rate_hz:g} Hz")
    if rate_hz is None:
        raise _unsaid(path, rate=True, unit=facts.unit is None and facts.scale_uv is None)
    unit, scale_uv = facts.unit, facts.scale_uv
    if unit is None and scale_uv is None:
        unit = _own_unit(path, rate_hz, facts.columns)
    if unit is None and scale_uv is None and signal is not None:
        unit, scale_uv, trained = _as_at_training(path, signal)
        assumed += [] if trained else [f"in {unit}"]
    if unit is None and scale_uv is None:
        raise _unsaid(path, rate=False, unit=True)
    montage = resolve_montage(path, facts.montage)
    said = {"unit": unit, "scale_uv": scale_uv, "columns": facts.columns, "montage": montage}
    recording = open_bare(path, rate_hz=rate_hz, **said)  # type: ignore[arg-type]
    if signal is not None:
        electrodes = electrode_count(signal.bands)
        if recording.n_channels != electrodes:
            advice = "give a recording of the same electrodes" + (
                ", or say which columns hold them (--columns)" if path.suffix.lower() in TABLES else ""
            )
            raise RecordingError(path, f"has {recording.n_channels} channels, the model {electrodes}", advice)
        recording = replace(recording, bands=tuple(replace(band, montage=montage) for band in signal.bands))
    if assumed or trained:
        note = f"taken {' and '.join(assumed)}, as the model is: its file does not say (--rate, --unit)"
        if trained:
            note = f"read as at training: {' '.join([trained, *assumed])}; its file does not say (--rate, --unit)"
        recording = replace(recording, notes=(*recording.notes, note))
    return recording


def steps_of(entries: Iterable[Entry]) -> tuple[float, ...]:
    """Return what one stored step is in the bare takes among entries, in their recordings' unit: each value once."""
    said = (entry.options for entry in entries if entry.corpus in ("takes", "spans"))
    found = {(options.get("unit"), options.get("scale_uv")) for options in said}
    return tuple(sorted({resolve_unit("manifest", unit, scale)[1] for unit, scale in found}))


def _as_at_training(path: Path, signal: Signal) -> tuple[str | None, float | None, str]:
    """Return the unit or the scale of a take that says neither, and what the training takes' was in words, if known."""
    names = [step_name(signal.unit, step) for step in signal.steps]
    if len(names) > 1:
        wrong = f"does not say its unit, and the takes that the model was trained on had several ({listed(names)})"
        raise RecordingError(path, wrong, "say it (--unit or --scale-uv; unit=… or scale_uv=… of a source)")
    if not names:
        return signal.unit, None, ""
    return (signal.unit, None, names[0]) if signal.unit == "counts" else (None, signal.steps[0], names[0])


def _own_rate(path: Path, signal: Signal | None) -> float | None:
    """The rate that a WAV file states, in whole Hz: the model's, where that may be meant."""
    if path.suffix.lower() != ".wav" or not path.is_file():
        return None
    told = float(read_header(path).rate_hz)
    return signal.rate_hz if signal is not None and abs(told - signal.rate_hz) < 1 else told


def _own_unit(path: Path, rate_hz: float, columns: Sequence[str]) -> str | None:
    """The unit that the header of a table states."""
    if path.suffix.lower() not in TABLES:
        return None
    units = open_samples(path, rate_hz, columns=columns).units
    if len(units) > 1:
        wrong = f"its header tells several units ({listed(units)})"
        raise RecordingError(path, wrong, "choose columns of one unit (--columns)")
    return units[0] if units else None


def _unsaid(path: Path, rate: bool, unit: bool) -> RecordingError:
    what = " and ".join([*["rate"] * rate, *["unit"] * unit])
    options = " and ".join([*["--rate HZ"] * rate, *["--unit (uV, mV, V, nV or counts)"] * unit])
    advice = f"give {options}, or list it in a {TABLE} for `emgasr manifest --corpus takes`"
    return RecordingError(path, f"holds bare samples and does not say its {what}", advice)


def _of_table(path: Path, corpus: str, facts: Facts, signal: Signal | None) -> tuple[list[Named], list[str]]:
    trained = ""
    options: dict[str, Any] = {"scale_uv": facts.scale_uv, "columns": facts.columns, "unit": facts.unit}
    assumed = facts.unit is None and facts.scale_uv is None and signal is not None and len(signal.steps) < 2
    if assumed and signal is not None:
        options["unit"], options["scale_uv"], trained = _as_at_training(path, signal)
    if facts.montage:
        options["montage"] = resolve_montage(path, facts.montage)
    if signal is not None and len(signal.bands) > 1:
        options["bands"] = [[band.name, len(band.electrodes)] for band in signal.bands]
    findings = Findings()
    entries = scan(path, corpus, findings, **options)
    if facts.rate_hz is not None and (other := next((e for e in entries if e.rate_hz != facts.rate_hz), None)):
        wrong = f"is at {other.rate_hz:g} Hz by its table, not at {facts.rate_hz:g} Hz"
        raise RecordingError(other.path, wrong, "leave the rate out (--rate)")
    notes = [*findings.notes, *findings.left_over]
    scaling = {name: options[name] for name in ("unit", "scale_uv") if options[name] is not None}
    if assumed and any(scaling.items() <= entry.options.items() for entry in entries):
        read = f"read as at training: {trained}" if trained else f"taken in {options['unit']}, as the model is"
        notes.append(f"{read}, where {path.name} does not say its unit (--unit)")
    return [Named(entry.path, partial(open_entry, entry, path)) for entry in entries], notes
