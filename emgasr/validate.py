"""Checks an experiment before time is spent on it: a manifest in; problems of recordings and leaks of splits out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import EmgasrError
from emgasr.leaks import leaks
from emgasr.manifest import TRAIN, Entry, Manifest, checksum_file
from emgasr.recording import Recording
from emgasr.text_overlap import TextOverlap, read_lines, text_overlap

BLOCK_VALUES = 1 << 22  # samples times channels read at once: 16 MiB of float32


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where (a recording's file, or "splits")."""

    where: str
    what: str


@dataclass(frozen=True)
class SplitSummary:
    """What one split holds."""

    split: str
    recordings: int
    subjects: int
    sessions: int
    hours: float
    rates_hz: tuple[float, ...]
    channels: tuple[int, ...]
    units: tuple[str, ...]
    events: int
    spans: int


@dataclass(frozen=True)
class Report:
    """What a validation found; `notes` tell what reading passed over; `overlaps` by split, with the model's text."""

    splits: tuple[SplitSummary, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    overlaps: dict[str, TextOverlap]

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        overlaps = {
            split: {**asdict(o), "ngram_fraction": o.ngram_fraction, "prompt_fraction": o.prompt_fraction}
            for split, o in self.overlaps.items()
        }
        return {
            "ok": self.ok,
            "splits": [asdict(s) for s in self.splits],
            "problems": [asdict(p) for p in self.problems],
            "notes": [asdict(n) for n in self.notes],
            "language_model_text": overlaps,
        }


def validate(
    manifest: Manifest, lm_text: Sequence[str | Path] = (), progress: Callable[[Entry], object] = lambda entry: None
) -> Report:
    """Check every recording, every split and, if given, what the language model's text knows of the other splits."""
    problems = [Problem("splits", leak) for leak in leaks(manifest)]
    problems += [Problem("corpus", f"matches nothing: {line}") for line in manifest.left_over]
    notes = [Problem("corpus", line) for line in manifest.notes]
    tallies: dict[str, _Tally] = {name: _Tally() for name in manifest.splits}
    for entry in manifest.entries:
        progress(entry)
        tally = tallies[entry.split]
        try:
            recording = manifest.open(entry)
            tally.add(entry, recording)
            notes += [Problem(entry.path, line) for line in recording.notes]
            found = list(entry_problems(entry, recording, manifest.file(entry)))
        except EmgasrError as error:
            found = [str(error).removeprefix(f"{manifest.file(entry)}: ")]
        problems += [Problem(entry.path, what) for what in found]
    problems += [Problem("splits", what) for what in _mixtures(tallies)]
    overlaps = {}
    if lm_text:
        for name, tally in tallies.items():
            if name != TRAIN:
                overlaps[name] = text_overlap(tally.prompts, read_lines(lm_text))
                problems += [Problem("splits", what) for what in _known_prompts(name, overlaps[name])]
    summaries = tuple(tally.summary(name) for name, tally in tallies.items())
    return Report(summaries, tuple(problems), tuple(notes), overlaps)


def entry_problems(entry: Entry, recording: Recording, file: Path) -> Iterable[str]:
    """What is wrong with one recording: against its entry, in its samples (read in blocks), in its labels."""
    if checksum_file(file) != entry.sha256:
        yield "the file is not the one that the manifest was made of (checksum); make the manifest anew"
    if recording.n_channels != entry.channels:
        yield f"has {recording.n_channels} channels, the manifest says {entry.channels}"
    if recording.rate_hz != entry.rate_hz:
        yield f"has {recording.rate_hz:g} Hz, the manifest says {entry.rate_hz:g}"
    if abs(recording.duration_s - entry.duration_s) > 1 / recording.rate_hz:
        yield f"lasts {recording.duration_s:.3f} s, the manifest says {entry.duration_s:.3f}"
    yield from recording_problems(recording)


def recording_problems(recording: Recording) -> Iterable[str]:
    """What is wrong with a recording itself: empty, not finite, constant, time that goes back, labels outside."""
    if recording.n_samples == 0:
        yield "holds no samples"
        return
    yield from _sample_problems(recording)
    yield from label_problems(recording)


def label_problems(recording: Recording) -> Iterable[str]:
    """What is wrong with a recording's labels, which is told without reading its samples."""
    last = recording.duration_s + 1 / recording.rate_hz
    outside = (recording.events.time_s < 0) | (recording.events.time_s > last)
    if outside.any():
        at = recording.events.time_s[np.argmax(outside)]
        yield f"{outside.sum()} events lie outside its {recording.duration_s:.3f} s, the first at {at:.3f} s"
    early = recording.events.release_s < recording.events.time_s
    if early.any():
        yield f"{early.sum()} keys are released before they are pressed"
    outside = (recording.spans.start_s < 0) | (recording.spans.end_s > last)
    if outside.any():
        i = int(np.argmax(outside))
        span = f"{recording.spans.start_s[i]:.3f} to {recording.spans.end_s[i]:.3f} s"
        yield f"{outside.sum()} spans lie outside its {recording.duration_s:.3f} s, the first at {span}"


def _sample_problems(recording: Recording) -> Iterable[str]:
    rows = max(1, BLOCK_VALUES // max(1, recording.n_channels))
    times = getattr(recording.samples, "times", None)
    low = np.full(recording.n_channels, np.inf)
    high, bad, latest = -low, 0, -np.inf
    for start in range(0, recording.n_samples, rows):
        stop = min(start + rows, recording.n_samples)
        block = np.asarray(recording.samples[start:stop])
        wrong = ~np.isfinite(block)
        if wrong.any() and not bad:
            row, channel = (int(i) for i in np.argwhere(wrong)[0])
            yield f"is not finite from sample {start + row}, channel {channel} on"
        bad += int(wrong.sum())
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        if times is not None:
            clock = np.concatenate([[latest], times(start, stop)])
            if not (np.diff(clock) >= 0).all():
                yield f"time goes back or is unknown at sample {start + int(np.argmax(~(np.diff(clock) >= 0)))}"
                times = None
            latest = clock[-1]
    if not bad and (low == high).all():
        yield "every channel is constant: nothing was recorded"


class _Tally:
    """Counts one split while its recordings pass by."""

    def __init__(self) -> None:
        self.recordings = self.events = self.spans = 0
        self.seconds = 0.0
        self.subjects: set[str] = set()
        self.sessions: set[tuple[str, ...]] = set()
        self.rates_hz: set[float] = set()
        self.channels: set[int] = set()
        self.units: set[str] = set()
        self.prompts: set[str] = set()

    def add(self, entry: Entry, recording: Recording) -> None:
        self.recordings += 1
        self.seconds += recording.duration_s
        self.subjects.add(entry.subject)
        self.sessions.add(entry.key("session"))
        self.rates_hz.add(recording.rate_hz)
        self.channels.add(recording.n_channels)
        self.units.add(recording.unit)
        self.events += len(recording.events)
        self.spans += len(recording.spans)
        spans = zip(recording.spans.kinds, recording.spans.texts, strict=True)
        self.prompts.update(text for kind, text in spans if kind in ("prompt", "utterance"))

    def summary(self, name: str) -> SplitSummary:
        return SplitSummary(
            split=name,
            recordings=self.recordings,
            subjects=len(self.subjects),
            sessions=len(self.sessions),
            hours=self.seconds / 3600,
            rates_hz=tuple(sorted(self.rates_hz)),
            channels=tuple(sorted(self.channels)),
            units=tuple(sorted(self.units)),
            events=self.events,
            spans=self.spans,
        )


def _mixtures(tallies: dict[str, _Tally]) -> Iterable[str]:
    for what, name in (("rates_hz", "rates"), ("channels", "numbers of channels"), ("units", "units")):
        values = sorted(set().union(*(getattr(tally, what) for tally in tallies.values())))
        if len(values) > 1:
            yield f"one model cannot read them all: several {name} ({', '.join(map(str, values))})"


def _known_prompts(split: str, overlap: TextOverlap) -> Iterable[str]:
    if overlap.prompts_found:
        found = f"{overlap.prompts_found} of {overlap.prompts} prompts of {split}"
        yield f"{found} stand whole in the language model's text, as {overlap.examples[0]!r}"
