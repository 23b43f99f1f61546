"""Checks an experiment before time is spent on it: a manifest in; problems of recordings and leaks of splits out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.corpora import left_over, open_entry
from emgasr.data.sample_checks import CONSTANT, check_samples
from emgasr.display.wording import counted, listed
from emgasr.errors import EmgasrError
from emgasr.manifests.identity import spellings
from emgasr.manifests.leaks import leaks, spelled_alike, twice
from emgasr.manifests.manifest import TRAIN, Entry, Manifest, checksum_file
from emgasr.manifests.oddities import few_takes, mixtures, too_short
from emgasr.manifests.text_overlap import TextOverlap, read_lines, text_overlap
from emgasr.recording import UNTOLD, Recording, montage_of

# A prompt of `emgasr record` ends this long after its enter, when the next one has begun.
_RELEASE_S = 0.1

CLOSED = 3  # takes of a text on average: texts are then labels, of which a split can lack some


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
class Validation:
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
) -> Validation:
    """Check every recording, every split and, if given, what the language model's text knows of the other splits."""
    problems = [Problem("splits", leak) for leak in leaks(manifest)]
    problems += [Problem("corpus", f"matches nothing: {line}") for line in _left_over(manifest)]
    problems += [Problem(e.path, f"has the content of {other.path}") for e, other in twice(manifest.entries)]
    notes = [Problem("corpus", line) for line in (*manifest.notes, *spelled_alike(manifest.entries))]
    tallies: dict[str, _Tally] = {name: _Tally() for name in manifest.splits}
    for entry in manifest.entries:
        progress(entry)
        tally = tallies[entry.split]
        try:
            recording = open_entry(entry, manifest.root)
            tally.add(entry, recording)
            found, told = check_recording(recording)
            tally.silent.update(_labels(recording) if CONSTANT in found else ())
            found = [*entry_problems(entry, recording, manifest.file(entry)), *found]
            notes += [Problem(entry.path, line) for line in (*recording.notes, *told)]
        except EmgasrError as error:
            found = [str(error).removeprefix(f"{manifest.file(entry)}: ")]
        problems += [Problem(entry.path, what) for what in found]
    problems += [Problem("splits", what) for what in (*_mixtures(tallies.values()), *_silent_labels(tallies))]
    notes += [Problem("splits", what) for what in (*too_short(manifest.entries), *_label_notes(tallies))]
    overlaps = {}
    if lm_text:
        for name, tally in tallies.items():
            if name != TRAIN:
                overlaps[name] = text_overlap(tally.prompts, read_lines(lm_text))
                problems += [Problem("splits", what) for what in _known_prompts(name, overlaps[name])]
    summaries = tuple(tally.summary(name) for name, tally in tallies.items())
    return Validation(summaries, tuple(problems), tuple(notes), overlaps)


def _left_over(manifest: Manifest) -> Iterable[str]:
    """Rows that matched nothing when the corpus was scanned, and those that do so now."""
    try:
        now = left_over(manifest.entries, manifest.root)
    except EmgasrError:  # opening a recording tells
        now = []
    return dict.fromkeys([*manifest.left_over, *now])


def entry_problems(entry: Entry, recording: Recording, file: Path) -> Iterable[str]:
    """What of a recording is not as its entry says, and what an entry must say."""
    if not entry.subject.strip():
        yield "names no subject: nobody can tell whom it is of"
    if checksum_file(file) != entry.sha256:
        yield "the file is not the one that the manifest was made of (checksum); make the manifest anew"
    if recording.n_channels != entry.channels:
        yield f"has {recording.n_channels} channels, the manifest says {entry.channels}"
    if recording.rate_hz != entry.rate_hz:
        yield f"has {recording.rate_hz:g} Hz, the manifest says {entry.rate_hz:g}"
    if abs(recording.duration_s - entry.duration_s) > 1 / recording.rate_hz:
        yield f"lasts {recording.duration_s:.3f} s, the manifest says {entry.duration_s:.3f}"


def check_recording(recording: Recording) -> tuple[list[str], list[str]]:
    """Return (problems, notes) of a recording itself: its samples (see `check_samples`), read in blocks, and labels."""
    if recording.n_samples == 0:
        return ["holds no samples"], []
    problems, notes = check_samples(recording)
    return [*problems, *label_problems(recording)], [*notes, *label_notes(recording)]


def label_problems(recording: Recording) -> Iterable[str]:
    """What is wrong with a recording's labels, which is told without reading its samples."""
    last = recording.duration_s + 1 / recording.rate_hz
    outside = (recording.events.time_s < 0) | (recording.events.time_s > last)
    if outside.any():
        at = recording.events.time_s[np.argmax(outside)]
        many = "1 event lies" if outside.sum() == 1 else f"{outside.sum():,} events lie"
        yield f"{many} outside its {recording.duration_s:.3f} s, the first at {at:.3f} s"
    early = recording.events.release_s < recording.events.time_s
    if early.any():
        yield f"{early.sum()} keys are released before they are pressed"
    outside = (recording.spans.start_s < 0) | (recording.spans.end_s > last)
    if outside.any():
        i = int(np.argmax(outside))
        span = f"{recording.spans.start_s[i]:.3f} to {recording.spans.end_s[i]:.3f} s"
        # Times in another unit fit once they are divided by it.
        most = recording.spans.end_s.max()
        units = [name for name, each in (("milliseconds", 1000), ("samples", recording.rate_hz)) if most <= each * last]
        beyond = recording.spans.start_s > last
        asked = f": are its times {' or '.join(units)}?" if units and beyond.sum() > len(beyond) / 2 else ""
        many = "1 span lies" if outside.sum() == 1 else f"{outside.sum():,} spans lie"
        yield f"{many} outside its {recording.duration_s:.3f} s, the first at {span}{asked}"


def label_notes(recording: Recording) -> Iterable[str]:
    """What is odd in a recording's labels: spans of no length, and those that lie over one another."""
    spans = recording.spans
    empty = spans.end_s <= spans.start_s
    if empty.any():
        yield f"{counted(int(empty.sum()), 'span')} of no length, the first at {spans.start_s[np.argmax(empty)]:.3f} s"
    for kinds, laps_s in ((("prompt",), _RELEASE_S), (("utterance", "gesture", "rest"), 0.0)):
        rows = [i for i, kind in enumerate(spans.kinds) if kind in kinds]
        reach = np.maximum.accumulate(spans.end_s[rows]) if rows else np.empty(0)
        over = spans.start_s[rows][1:] < reach[:-1] - laps_s - 0.5 / recording.rate_hz
        if over.any():
            at = spans.start_s[rows][1:][np.argmax(over)]
            yield f"{counted(int(over.sum()), 'span')} over an earlier one, the first at {at:.3f} s"


class _Tally:
    """Counts one split while its recordings pass by."""

    def __init__(self) -> None:
        self.recordings = self.events = self.spans = 0
        self.seconds = 0.0
        self.subjects: set[str] = set()
        self.sessions: set[tuple[str, ...]] = set()
        self.rates_hz: dict[float, list[str]] = {}  # and the paths of their recordings
        self.channels: dict[int, list[str]] = {}
        self.units: dict[str, list[str]] = {}
        self.montages: dict[str, list[str]] = {}  # those that are told
        self.prompts: set[str] = set()
        self.labels: Counter[str] = Counter()
        self.spoken: Counter[str] = Counter()
        self.silent: Counter[str] = Counter()  # labels of recordings that are constant throughout
        self.bare: list[str] = []

    def add(self, entry: Entry, recording: Recording) -> None:
        self.recordings += 1
        self.seconds += recording.duration_s
        self.subjects.add(entry.subject)
        self.sessions.add(entry.key("session"))
        self.rates_hz.setdefault(recording.rate_hz, []).append(entry.path)
        self.channels.setdefault(recording.n_channels, []).append(entry.path)
        self.units.setdefault(recording.unit, []).append(entry.path)
        if (montage := montage_of(recording.bands)) and UNTOLD not in montage:
            self.montages.setdefault(montage, []).append(entry.path)
        self.events += len(recording.events)
        self.spans += len(recording.spans)
        spans = zip(recording.spans.kinds, recording.spans.texts, strict=True)
        for kind, text in spans:
            if kind in ("prompt", "utterance"):
                self.prompts.add(text)
            if kind in ("gesture", "utterance"):
                (self.labels if kind == "gesture" else self.spoken)[text] += 1
        if not len(recording.events) and not any(kind != "rest" for kind in recording.spans.kinds):
            self.bare.append(entry.path)

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


def _mixtures(tallies: Iterable[_Tally]) -> list[str]:
    """A line for each rate, number of channels, unit or montage that some recordings do not share with the others."""
    kinds = ("rates", "numbers of channels", "units", "montages")
    groups: dict[str, dict[str, list[str]]] = {kind: {} for kind in kinds}
    for tally in tallies:
        told = [("rates", f"{rate:g} Hz", paths) for rate, paths in tally.rates_hz.items()]
        told += [("numbers of channels", str(count), paths) for count, paths in tally.channels.items()]
        told += [("units", unit, paths) for unit, paths in tally.units.items()]
        told += [("montages", montage, paths) for montage, paths in tally.montages.items()]
        for what, value, paths in told:
            groups[what].setdefault(value, []).extend(paths)
    return mixtures(groups)


def _silent_labels(tallies: dict[str, _Tally]) -> Iterable[str]:
    """Labels of which no take holds a signal."""
    for name, tally in tallies.items():
        takes = tally.labels + tally.spoken
        for label, count in tally.silent.items():
            if count == takes[label]:
                yield f"all {count} takes of {label!r} in {name} are constant: was it recorded?"


def _labels(recording: Recording) -> list[str]:
    """The texts of gestures and utterances."""
    spans = zip(recording.spans.kinds, recording.spans.texts, strict=True)
    return [text for kind, text in spans if kind in ("gesture", "utterance")]


def _label_notes(tallies: dict[str, _Tally]) -> Iterable[str]:
    """Labels that one of training and another split has and the other lacks, or that differ by their spelling alone.

    Recordings without any label are told too. Texts of utterances are labels where they are said so often.
    """
    total: Counter[str] = sum((tally.spoken for tally in tallies.values()), Counter())
    spoken = tallies[TRAIN].spoken if TRAIN in tallies else total
    closed = spoken.total() >= CLOSED * len(spoken)
    known = tallies[TRAIN].labels + (spoken if closed else Counter()) if TRAIN in tallies else Counter()
    yield from few_takes(known)
    seen = set(known)
    for name, tally in tallies.items():
        own = {*tally.labels, *(_labels_in(tally.spoken, known) if closed else ())}
        seen |= own
        if known and (new := sorted(own - known.keys())):
            yield f"{counted(len(new), 'label')} of {name} that {TRAIN} lacks: {listed(map(repr, new))}"
        if own and (untried := sorted(known.keys() - own)):
            yield f"{counted(len(untried), 'label')} of {TRAIN} that {name} never tries: {listed(map(repr, untried))}"
        if tally.bare:
            yield f"{counted(len(tally.bare), 'recording')} of {name} without labels, or at rest: {listed(tally.bare)}"
    for alike in spellings([text for text in sorted(seen) if len(text) > 1]):
        yield f"labels {listed(map(repr, alike))} differ by their spelling alone"


def _labels_in(texts: Iterable[str], known: Container[str]) -> Iterable[str]:
    """The labels that utterances are made of: each text itself, or its words or letters where labels are among them."""
    for text in texts:
        words, letters = text.split(), [letter for letter in text if not letter.isspace()]
        if text not in known and any(word in known for word in words):
            yield from words
        elif text not in known and all(letter in known for letter in letters):
            yield from letters
        else:
            yield text


def _known_prompts(split: str, overlap: TextOverlap) -> Iterable[str]:
    if overlap.prompts_found:
        found = f"{overlap.prompts_found} of {overlap.prompts} prompts of {split}"
        yield f"{found} stand whole in the language model's text, as {overlap.examples[0]!r}"
