"""Labelled recordings in; emissions with what was really typed or said out, to be judged or to tune a search on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emgasr.display.wording import listed
from emgasr.errors import ConfigError, DataError
from emgasr.files.plain_data import read_yaml
from emgasr.fusion.reading import reader_of
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_apart
from emgasr.manifests.manifest import TEST, TRAIN, Entry, Manifest, read_manifest
from emgasr.tokens import Tokens

if TYPE_CHECKING:
    from emgasr.frontend.session import SessionConfig
    from emgasr.fusion.system import Ensemble
    from emgasr.models.listening import Heard
    from emgasr.models.recognizer import Recognizer
    from emgasr.recording import Recording


@dataclass(frozen=True, eq=False)
class Item:
    """One stretch to be judged: emissions (F, V) in natural logs, and the symbols that were really produced.

    The reference may hold keys that the model does not know: they count as errors. `times_s` (n,) are the true times
    of the reference, `frame_times_s` (F,) those of the frames, `rest` the stretches (start, end) in seconds in which
    nothing was typed; each may be left out, and what needs it is then not reported.
    """

    name: str
    subject: str
    reference: Sequence[str]
    emissions: np.ndarray
    times_s: np.ndarray | None = None
    frame_times_s: np.ndarray | None = None
    rest: Sequence[tuple[float, float]] = ()
    notes: tuple[str, ...] = ()  # what was passed over, filled in or taken for something
    session: str = ""
    unlabelled_s: float = 0.0  # seconds of the person's signal that had entered the statistics before
    executions: Sequence[tuple[float, float, str]] = ()  # start and end in seconds of each single label, and the label


@dataclass(frozen=True)
class Opened:
    """(name, recording) pairs of entries of a manifest, each opened by `open_entry` when its turn comes."""

    entries: Sequence[Entry]
    open_entry: Callable[[Entry], Recording]

    def __iter__(self) -> Iterator[tuple[str, Recording]]:
        for entry in self.entries:
            yield entry.path, self.open_entry(entry)


def items_of(
    recognizer: Recognizer | Ensemble,
    recordings: Iterable[tuple[str, Recording]],
    session: SessionConfig | None = None,
    before_s: float = 0.0,
) -> Iterator[Item]:
    """Yield the items of (name, recording) pairs, one after the other: whole sessions where there are key events.

    A recording with key events, or with gesture spans, is read whole; one with utterances, an utterance at a time. One
    without labels is of a person at rest: what is written there is put in, and it says so in its notes.

    Args:
        recognizer: what reads: a model, or several together.
        recordings: those of a session in order; opened twice where the session's first seconds set its statistics.
        session: with which statistics each is read; None: as `SessionConfig()` says.
        before_s: seconds of the person's signal that are in the recognizer's statistics already.
    """
    reader = reader_of(recognizer, session, before_s)
    if reader.looks_ahead:
        recordings = recordings if iter(recordings) is not recordings else list(recordings)
        again = recordings
        reader.begin(lambda: (part for name, recording in again for _, part in parts_of(name, recording)))
    for name, recording in recordings:
        for part_name, part in parts_of(name, recording):
            yield _judged(recognizer, part_name, part, reader.listen(part))


def parts_of(name: str, recording: Recording) -> Iterator[tuple[str, Recording]]:
    """Yield what is read by itself, with its name."""
    spoken = recording.spans.of_kind("utterance")
    if len(recording.events) or not len(spoken):
        yield name, recording
        return
    for i in range(len(spoken)):
        part = recording.segment(float(spoken.start_s[i]), float(spoken.end_s[i]))
        yield name if len(spoken) == 1 else f"{name}#{i}", part


def reference_of(recording: Recording, tokens: Tokens) -> tuple[list[str], np.ndarray]:
    """Return the symbols that a recording's labels ask for, and their times in seconds (NaN where unknown).

    Key events give every key of the published set, whether or not `tokens` has it. No labels ask for nothing.
    """
    if len(recording.events):
        known = scored_set(tokens)
        ids, kept = known.encode_keys(recording.events.keys)
        return known.symbols_of(ids), recording.events.time_s[kept]
    gestures, spoken = recording.spans.of_kind("gesture"), recording.spans.of_kind("utterance")
    if len(gestures):
        written = [_symbols(label, tokens, whole=True) for label in gestures.texts]
        times_s = np.repeat(gestures.start_s, [len(symbols) for symbols in written])
        return [symbol for symbols in written for symbol in symbols], times_s
    symbols = [symbol for text in spoken.texts for symbol in _symbols(text, tokens)]
    return symbols, np.full(len(symbols), np.nan)


def at_rest(recording: Recording) -> bool:
    """Whether nothing labels it: nothing was typed, done or said."""
    return not (len(recording.events) or {"gesture", "utterance"} & set(recording.spans.kinds))


def scored_set(tokens: Tokens) -> Tokens:
    """The symbols that references are written in: all 98 published keys for a model of keystrokes, else its own."""
    return Tokens.keystrokes() if tokens.kind == "keystrokes" else tokens


def refuse_tuning_on_test(
    validation: Manifest, tuned_on: str, manifest: Manifest, evaluated: str, model: Path | None = None
) -> None:
    """ConfigError if what the search is tuned on is, or holds, what is evaluated or tested: that flatters the result.

    The tests are the split `evaluated` and those named "test" of both manifests. Of a `model` with its run's
    training.yaml beside it, the test of the manifest that it was trained from counts too. A ManifestError tells what
    shaped the weights of the model: it reads that too well for weights of a search to be found there.
    """
    if tuned_on == TEST or (tuned_on == evaluated and validation.checksum() == manifest.checksum()):
        raise ConfigError("search", f"tuning on the split {tuned_on!r} would flatter it", "tune on validation only")
    entries = validation.split(tuned_on)
    tests = [(manifest, evaluated), (manifest, TEST), (validation, TEST)]
    if model is not None:
        check_apart(trained_on(model) or (), entries)
    if (training := training_of(model)) is not None:
        tests.append((training[0], TEST))
    held_out = {_identity(entry): split for source, split in tests for entry in source.entries if entry.split == split}
    for entry in entries:
        if (other := held_out.get(_identity(entry))) is not None:
            wrong = f"{entry.path} is in both {tuned_on!r} (tuned on) and {other!r} (evaluated)"
            raise ConfigError("search", wrong, "keep them apart; `emgasr validate` lists what they share")


def refuse_tested_people(validation: Manifest, split: str, manifest: Manifest, evaluated: str = TEST) -> None:
    """Raise a ConfigError if somebody of a split, on whom probabilities are fitted or a point is chosen, is tested too.

    Where the manifest claims only its sessions apart, people are known to be the same, and sessions are compared.
    """
    what = "session" if "session" in manifest.claims and "subject" not in manifest.claims else "subject"
    tested = {entry.key(what) for entry in manifest.entries if entry.split == evaluated}
    both = sorted({entry.subject for entry in validation.split(split) if entry.key(what) in tested})
    if both:
        wrong = f"{listed(both)} of the split {split!r} {'is' if len(both) == 1 else 'are'} tested too"
        raise ConfigError("validation", wrong, "take other people (or claim sessions apart, if that is meant)")


def tuning_stretches(
    items: Iterable[Item], tokens: Tokens, minutes: float, stretch_s: float = 20.0
) -> list[tuple[np.ndarray, list[int]]]:
    """Cut validation items into stretches of about `stretch_s` at pauses, for `search_tuning.tune`; at most `minutes`.

    Keys that the model cannot write are left out here: no search can find them. Items with unknown times stay whole.
    """
    stretches: list[tuple[np.ndarray, list[int]]] = []
    left_s = 60 * minutes
    for item in items:
        for emissions, symbols, length_s in _cut_at_pauses(item, stretch_s):
            if left_s <= 0:
                return stretches
            stretches.append((emissions, tokens.ids(symbol for symbol in symbols if symbol in tokens.symbols)))
            left_s -= length_s
    return stretches


def _judged(recognizer: Recognizer | Ensemble, name: str, recording: Recording, heard: Heard) -> Item:
    symbols, times_s = reference_of(recording, recognizer.tokens)
    spans = recording.spans.of_kind("rest")
    rest = list(zip(spans.start_s.tolist(), spans.end_s.tolist(), strict=True))
    frame_times_s = recognizer.frame_times_s(len(heard.emissions)) if heard.times_s is None else heard.times_s
    notes = [*recording.notes, *([heard.mended] if heard.mended else [])]
    if at_rest(recording):
        notes.append("has no labels and is taken as rest: all that is written there is put in")
        rest = [(0.0, max([recording.duration_s, *(np.nextafter(frame_times_s[-1:], np.inf))]))]
    return Item(
        name,
        recording.subject,
        symbols,
        heard.emissions,
        times_s,
        frame_times_s,
        rest,
        tuple(notes),
        recording.session,
        heard.unlabelled_s,
        _executions(recording, symbols),
    )


def _executions(recording: Recording, symbols: Sequence[str]) -> list[tuple[float, float, str]]:
    """Return when each gesture was performed; a recording of one symbol without gestures is performed throughout."""
    spans = recording.spans.of_kind("gesture")
    if len(spans):
        return list(zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.texts, strict=True))
    if len(symbols) == 1 and not len(recording.events):
        return [(0.0, recording.duration_s, symbols[0])]
    return []


def training_of(model: Path | None) -> tuple[Manifest, str] | None:
    """The manifest and split that a model was trained on, where its run still tells and the file is still there."""
    run = model.resolve().parent / "training.yaml" if model is not None else Path()
    content = read_yaml(run) if run.is_file() else None
    if not isinstance(content, dict) or not Path(str(content.get("manifest", ""))).is_file():
        return None
    return read_manifest(str(content["manifest"])), str(content.get("train_split", TRAIN))


def trained_on(model: Path) -> list[Entry] | None:
    """Everything that a model's weights were fitted to, as far as it or its run tells; None: nobody knows."""
    if (entries := lineage.read(model)) is not None:
        return lineage.trained(entries)
    found = training_of(model)
    return None if found is None else [entry for entry in found[0].entries if entry.split == found[1]]


def _identity(entry: Entry) -> tuple[str, str, str]:
    """What one recording is: takes may share a file, so its content alone does not tell."""
    return entry.sha256, entry.take, str(sorted(entry.options.items()))


def _cut_at_pauses(item: Item, stretch_s: float) -> Iterator[tuple[np.ndarray, Sequence[str], float]]:
    """Yield (emissions, symbols, seconds) of successive stretches, each ending within its last pause's middle."""
    times_s, frame_times_s = item.times_s, item.frame_times_s
    if frame_times_s is None or not len(frame_times_s):
        yield item.emissions, item.reference, stretch_s
        return
    timed = times_s is not None and np.isfinite(times_s).all()
    first_key, first_frame, start_s = 0, 0, 0.0
    while times_s is not None and timed:
        late = np.flatnonzero(times_s >= start_s + 0.75 * stretch_s)
        late = late[late > first_key]
        if not len(late):
            break
        near = late[times_s[late] <= start_s + 1.25 * stretch_s]
        near = near if len(near) else late[:1]  # after a pause as long as a stretch
        key = int(near[np.argmax(times_s[near] - times_s[near - 1])])
        end_s = float(times_s[key - 1] + times_s[key]) / 2
        frame = int(np.searchsorted(frame_times_s, end_s))
        yield item.emissions[first_frame:frame], item.reference[first_key:key], end_s - start_s
        first_key, first_frame, start_s = key, frame, end_s
    yield item.emissions[first_frame:], item.reference[first_key:], float(frame_times_s[-1]) - start_s


def _symbols(text: str, tokens: Tokens, whole: bool = False) -> list[str]:
    """The symbols that write a text; kept `whole`, as a label is, it is one symbol except to a model of characters.

    What the model cannot write stands as it is, and counts as an error.
    """
    if text in tokens.symbols or (whole and tokens.kind != "characters"):
        return [text]
    try:
        return tokens.symbols_of(tokens.encode_text(text))
    except DataError:
        return text.split() if tokens.kind == "words" else list(text)
