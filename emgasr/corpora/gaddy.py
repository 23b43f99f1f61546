"""Silent speech as Gaddy & Klein published it (Zenodo 4064408): an utterance's i_emg.npy in, a Recording out.

The layout: folders silent_parallel_data, voiced_parallel_data and nonparallel_data with a folder a session, in which
utterance i has i_emg.npy (T, 8) at 1 kHz, unfiltered, and i_info.json (book, sentence_index, text, chunks). An index of
-1 marks silence. The unit is not told: counts.

What was spoken silently and aloud in one sitting, with the electrodes left on, is one session: the folders 5-4_silent
and 5-4 of the parts are the session 5-4.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from emgasr.config.fields import fields_of
from emgasr.corpora.beside import BesideFile
from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.samples.arrays import SampleFile, open_samples
from emgasr.corpora.samples.whole import Stamp, WholeSamples, stamp_of
from emgasr.errors import ConfigError, RecordingError
from emgasr.files.plain_data import read_json
from emgasr.files.regular_file import is_regular
from emgasr.frontend.conditioning import Conditioner, ConditioningConfig
from emgasr.frontend.mains import harmonics
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Recording, Samples, Spans
from emgasr.tokens import to_ascii

RATE_HZ, ELECTRODES = 1000.0, 8
FILTERED_RATE_HZ = 689.0625  # 441 / 640 of 1 kHz: eight samples a frame of 86.13 Hz, as published
UP, DOWN = 441, 640
PARTS = {"silent": "silent_parallel_data", "voiced": "voiced_parallel_data", "nonparallel": "nonparallel_data"}
EMG, INFO, SILENT = "_emg.npy", "_info.json", "_silent"  # ends of names
AUDIO = ("_audio_clean.flac", "_audio.flac", "_audio.wav")  # the same, best first; who has no FLAC converts it
SUBJECT = "speaker"  # the corpus is one person's
HIGHPASS_HZ, HIGHPASS_ORDER, MAINS_HZ, NOTCH_Q, HIGHEST_NOTCH_HZ = 2.0, 3, 60.0, 30.0, 420.0
SCALE, KNEE = 20.0, 50.0  # divided by 20, then 50 tanh(x / 50): what electrodes do when they slip is cut off softly

Filtering = Literal["causal", "zero_phase", "none"]


class Info(NamedTuple):
    """What i_info.json tells of an utterance; `samples` is its length by the chunks."""

    book: str
    sentence_index: int
    text: str
    samples: int

    @property
    def sentence(self) -> str:
        """What silent and voiced twins share."""
        return f"{self.book}:{self.sentence_index}"


def open_recording(path: str | Path, *, filtering: Filtering = "causal") -> Recording:
    """Open an utterance; it is filtered together with its neighbors in the session, when its samples are read.

    causal: a 2 Hz high-pass and notches at 60 Hz and its harmonics that see no later sample, with the utterance before
    in front; then down-sampling, which looks ahead by 15 ms. zero_phase: the published path, whose filters run both
    ways, over the utterance behind too. Both end in 689.06 Hz and the published soft limit. none: as stored, at 1 kHz.
    """
    path = Path(path)
    if filtering not in ("causal", "zero_phase", "none"):
        raise ConfigError("filtering", f"{filtering!r} is not known", "choose causal, zero_phase or none")
    info = read_info(info_file(path))
    file = _raw(path)
    total = file.samples.shape[0]
    if total != info.samples:
        raise RecordingError(path, f"holds {total} samples, its info tells {info.samples}", "fetch both again")
    samples: np.ndarray | Samples
    if filtering == "none":
        samples, rate = file.samples, RATE_HZ
    else:
        before = _neighbor(path, -1)
        first = _resampled(before[1] if before else 0)
        last = _resampled((before[1] if before else 0) + total)
        read = partial(_filtered_utterance, filtering=filtering)
        samples, rate = WholeSamples(path, (last - first, ELECTRODES), read), FILTERED_RATE_HZ
    spoken = normalized_text(info.text, info_file(path))
    end = samples.shape[0] / rate
    spans = Spans.of([(0.0, end, "utterance", spoken)]) if spoken and info.sentence_index >= 0 else Spans.empty()
    return Recording(
        samples,
        rate,
        "counts",
        (Band.numbered("face", ELECTRODES),),
        SUBJECT,
        session_of(path),
        spans=spans,
        notes=(*file.notes, *(() if spoken or info.sentence_index < 0 else ("an utterance of no words",))),
    )


def beside(path: Path) -> BesideFile | None:
    """Return the sound of an utterance, cleaned where that is there: i_audio_clean.flac or i_audio.flac."""
    stem = path.name[: -len(EMG)]
    found = (path.with_name(f"{stem}{ending}") for ending in AUDIO)
    return next((BesideFile(one, 0.0, "audio") for one in found if is_regular(one)), None)


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every utterance of the parts that are there, with causal filtering; silences are left out and counted.

    An i_info.json without its samples is told as left over.
    """
    entries, silences, opened = [], 0, []
    files = utterances(folder, findings)
    for path in files:
        if (fields := entry_fields(path)) is None:
            silences += 1
            continue
        recording = open_recording(path)
        opened.append((path, recording))
        entries.append(Entry.of(recording, path, "gaddy", **fields))
    tell_notes(findings, opened)
    if silences:
        findings.notes.append(f"{silences} silences (sentence_index -1) passed over")
    known = {info_file(path) for path in files}
    infos = find_files(folder, None, lambda path: in_parts(folder, path), [INFO], "of a part")
    findings.left_over += [f"{path}: has no samples beside it" for path in infos if path not in known]
    return entries


def utterances(folder: Path, findings: Findings | None = None) -> list[Path]:
    """The i_emg.npy of every session, in the order of parts, sessions and numbers."""
    what = f"in a session's folder of {', '.join(PARTS.values())}"
    files = find_files(folder, findings, lambda path: in_parts(folder, path), [EMG], what)
    return sorted(files, key=lambda path: (list(PARTS.values()).index(path.parts[-3]), path.parts[-2], _number(path)))


def in_parts(folder: Path, path: Path) -> bool:
    """Whether a file lies in the folder of a session, in a part of the corpus in `folder`."""
    parts = path.relative_to(folder).parts
    return len(parts) == 3 and parts[0] in PARTS.values()


def entry_fields(path: Path) -> dict[str, Any] | None:
    """What an entry says beyond its recording: the sentence as its take, the text; None for a silence."""
    info = read_info(info_file(path))
    if info.sentence_index < 0:
        return None
    return {"take": info.sentence, "text": normalized_text(info.text, info_file(path))}


def session_of(path: Path) -> str:
    """The sitting that an utterance was recorded in: the folder's name, the same for silent and voiced twins."""
    return path.parent.name.removesuffix(SILENT)


def is_silent(path: Path) -> bool:
    """Whether an utterance was spoken silently, by its part, or by its session's folder where that is not told."""
    return path.parent.parent.name == PARTS["silent"] or path.parent.name.endswith(SILENT)


def info_file(path: Path) -> Path:
    """Where the text and place of an utterance stand."""
    return path.with_name(f"{path.name[: -len(EMG)]}{INFO}")


def read_info(path: Path) -> Info:
    """Read i_info.json; a RecordingError if it is missing, is not JSON or lacks a field."""
    again = "fetch the session again"
    kinds = {"book": str, "sentence_index": int, "text": str, "chunks": tuple[tuple[int, ...], ...]}
    facts = fields_of(read_json(path, RecordingError, again), kinds, path, RecordingError, again)
    lengths = [chunk[0] if chunk else -1 for chunk in facts["chunks"]]
    if min(lengths, default=0) < 0:
        raise RecordingError(path, "'chunks' is no list of [emg, audio, button] lengths", again)
    return Info(facts["book"].strip(), facts["sentence_index"], facts["text"], sum(lengths))


def normalized_text(text: str, where: Path) -> str:
    """The text in lowercase letters a to z, digits and single spaces: accents dropped, punctuation too.

    Dashes, slashes and line ends part words; what has no ASCII form is a RecordingError.
    """
    plain = to_ascii(re.sub(r"[-–—―/\s]+", " ", text)).lower()
    kept = re.sub(r"[!-/:-@\[-`{-~]", "", plain)
    if unknown := sorted(set(re.sub(r"[a-z0-9 ]", "", kept))):
        raise RecordingError(where, f"its text holds {unknown[0]!r}, which has no ASCII form", "write it in ASCII")
    return " ".join(kept.split())


def _filtered_utterance(path: Path, filtering: Filtering) -> np.ndarray:
    """Return the samples of one utterance (T, 8) float32, filtered with its neighbors."""
    files = (path, *(found[0] for step in (-1, 1) if (found := _neighbor(path, step))))
    return _filtered(path, filtering, tuple(map(stamp_of, files)))


@lru_cache(maxsize=8)  # a recording is read in pieces
def _filtered(path: Path, filtering: Filtering, stamps: tuple[Stamp, ...]) -> np.ndarray:
    own = _raw(path).samples[:].astype(np.float64)
    before, behind = _neighbor(path, -1), _neighbor(path, 1)
    first = before[1] if before else 0
    joined = np.concatenate([*([_raw(before[0]).samples[:].astype(np.float64)] if before else []), own])
    if filtering == "causal":
        config = ConditioningConfig(HIGHPASS_HZ, 0.0, HIGHPASS_ORDER, f"{MAINS_HZ:.0f}", NOTCH_Q, FILTERED_RATE_HZ)
        filtered = Conditioner(config, RATE_HZ).whole(joined)
    else:
        filtered = zero_phase(np.concatenate([joined, *([_raw(behind[0]).samples[:]] if behind else [])]))
    filtered = filtered[_resampled(first) : _resampled(first + len(own))]
    return (KNEE * np.tanh(filtered / SCALE / KNEE)).astype(np.float32)


def zero_phase(samples: np.ndarray) -> np.ndarray:
    """The published path over samples (T, C) at 1 kHz: notches to 420 Hz and high-pass, both ways; then 689.06 Hz."""
    from scipy.signal import butter, filtfilt, iirnotch, resample_poly

    values = np.asarray(samples, np.float64)
    for hz in harmonics(MAINS_HZ, RATE_HZ):
        if hz <= HIGHEST_NOTCH_HZ:
            values = filtfilt(*iirnotch(hz, NOTCH_Q, fs=RATE_HZ), values, axis=0)
    values = filtfilt(*butter(HIGHPASS_ORDER, HIGHPASS_HZ, "highpass", fs=RATE_HZ), values, axis=0)
    return resample_poly(values, UP, DOWN, axis=0)


def _raw(path: Path) -> SampleFile:
    file = open_samples(path, RATE_HZ)
    if (channels := file.samples.shape[1]) != ELECTRODES:
        raise RecordingError(path, f"has {channels} channels", f"the corpus has {ELECTRODES}")
    return file


def _neighbor(path: Path, step: int) -> tuple[Path, int] | None:
    """The file of the utterance before (-1) or behind (1) in the session, and its samples; None where there is none."""
    other = path.with_name(f"{_number(path) + step}{EMG}")
    return (other, int(_raw(other).samples.shape[0])) if is_regular(other) else None


def _number(path: Path) -> int:
    try:
        return int(path.name[: -len(EMG)])
    except ValueError as error:
        raise RecordingError(path, "is not called <number>_emg.npy", "keep the names of the corpus") from error


def _resampled(samples: int) -> int:
    """How many samples of 689.06 Hz begin within a number of samples of 1 kHz."""
    return -(-samples * UP // DOWN)
