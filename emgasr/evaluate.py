"""Emissions and what was really typed or said in; hypotheses and where they err out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emgasr.decoding import Hypothesis, SearchConfig, beam_search, greedy
from emgasr.errors import ConfigError, DataError
from emgasr.score import Counts, align, total, words
from emgasr.tokens import Tokens

if TYPE_CHECKING:
    from emgasr.lm import NGramModel
    from emgasr.manifest import Manifest
    from emgasr.recognizer import Recognizer
    from emgasr.recording import Recording

GREEDY, WITH_LM = "greedy", "lm"
BLOCK_KEYS, BLOCK_WORDS = 50, 10  # resampled for intervals: about a prompt or two, as a test may be a single session

Pairs = list[tuple[Hashable, Hashable]]  # of reference and hypothesis; None where one of the two has nothing


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


@dataclass(frozen=True, eq=False)
class Reading:
    """One hypothesis beside its reference: key, text and word alignments, each cut into blocks of counts."""

    hypothesis: Hypothesis
    symbols: tuple[str, ...]
    text: str
    pairs: Pairs
    keys: list[Counts]
    characters: list[Counts]
    words: list[Counts]
    times_s: np.ndarray | None
    false_keys: int

    @property
    def exact(self) -> bool:
        """Whether every symbol is right."""
        return total(self.keys).errors == 0


@dataclass(frozen=True, eq=False)
class Judged:
    """An item without its emissions: the reference, and a reading for `greedy` and (with a model) `lm`."""

    name: str
    subject: str
    reference: tuple[str, ...]
    text: str
    times_s: np.ndarray | None
    rest_minutes: float
    readings: dict[str, Reading]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A system on a split, every item judged; `settings` (search, seeds, checksums) go to the report as they are."""

    system: str
    split: str
    tokens: Tokens
    items: tuple[Judged, ...]
    seed: int = 0
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people, sorted."""
        return tuple(sorted({item.subject for item in self.items}))

    @property
    def ways(self) -> tuple[str, ...]:
        """How the emissions were read: `greedy`, and `lm` where there was a language model."""
        return tuple(self.items[0].readings)


def evaluate(
    items: Iterable[Item],
    tokens: Tokens,
    lm: NGramModel | None = None,
    search: SearchConfig | None = None,
    *,
    system: str = "emgasr",
    split: str = "test",
    seed: int = 0,
    settings: dict[str, object] | None = None,
) -> Evaluation:
    """Judge every item, greedily and, given a language model, by beam search; emissions are dropped as they are used.

    `search` must come from validation data (`emgasr.tuning`): nothing is tuned here. DataError if there is no item or
    nothing was to be read.
    """
    judged = tuple(_judge(item, tokens, lm, search or SearchConfig()) for item in items)
    if not judged:
        raise DataError(f"split {split}", "holds nothing to evaluate", "name a split that the manifest has")
    if not any(item.reference for item in judged):
        raise DataError(f"split {split}", "has no labels that the model knows", "evaluate on labelled recordings")
    return Evaluation(system, split, tokens, judged, seed, dict(settings or {}))


def items_of(recognizer: Recognizer, recordings: Iterable[tuple[str, Recording]]) -> Iterator[Item]:
    """Yield the items of (name, recording) pairs, one after the other: whole sessions where there are key events.

    A recording with key events, or with gesture spans, is read whole; one with utterances, an utterance at a time.
    """
    for name, recording in recordings:
        spoken = recording.spans.of_kind("utterance")
        if len(recording.events) or not len(spoken):
            yield _item(recognizer, name, recording)
            continue
        for i in range(len(spoken)):
            part = recording.segment(float(spoken.start_s[i]), float(spoken.end_s[i]))
            yield _item(recognizer, name if len(spoken) == 1 else f"{name}#{i}", part)


def reference_of(name: str, recording: Recording, tokens: Tokens) -> tuple[list[str], np.ndarray]:
    """Return the symbols that a recording's labels ask for, and their times in seconds (NaN where unknown).

    Key events give every key of the published set, whether or not `tokens` has it; a DataError if there are no labels.
    """
    if len(recording.events):
        known = scored_set(tokens)
        ids, kept = known.encode_keys(recording.events.keys)
        return known.symbols_of(ids), recording.events.time_s[kept]
    gestures, spoken = recording.spans.of_kind("gesture"), recording.spans.of_kind("utterance")
    if len(gestures):
        return list(gestures.texts), gestures.start_s
    if len(spoken):
        symbols = [symbol for text in spoken.texts for symbol in _symbols(text, tokens)]
        return symbols, np.full(len(symbols), np.nan)
    raise DataError(name, "has no labels to evaluate against", "give events or spans, or use `emgasr transcribe`")


def scored_set(tokens: Tokens) -> Tokens:
    """The symbols that references are written in: all 98 published keys for a model of keystrokes, else its own."""
    return Tokens.keystrokes() if tokens.kind == "keystrokes" else tokens


def refuse_tuning_on_test(manifest: Manifest, tuned_on: str, evaluated: str) -> None:
    """ConfigError unless `tuned_on` is a split apart from the evaluated one: weights fitted to the test flatter it."""
    where = "evaluate"
    if tuned_on == evaluated or tuned_on == "test":
        raise ConfigError(
            where, f"tuning on the split {tuned_on!r} would flatter the result", "tune on validation only"
        )
    # Takes may share a file, so a recording is its file, take and options together.
    seen = {(entry.sha256 or str(entry.path), entry.take, str(entry.options)) for entry in manifest.split(tuned_on)}
    for entry in manifest.split(evaluated):
        if (entry.sha256 or str(entry.path), entry.take, str(entry.options)) in seen:
            raise ConfigError(where, f"{entry.path} is in both {tuned_on!r} and {evaluated!r}", "make them disjoint")


def blocks(pairs: Pairs, size: int) -> list[Counts]:
    """Cut an alignment after every `size` reference symbols and count each block; together they are the whole."""
    cut: list[Counts] = []
    block = Counts()
    for true, read in pairs:
        if true is not None and block.reference_length == size:
            cut.append(block)
            block = Counts()
        if true is None:
            block += Counts(insertions=1)
        elif read is None:
            block += Counts(deletions=1)
        else:
            block += Counts(hits=1) if true == read else Counts(substitutions=1)
    return [*cut, block] if block != Counts() else cut


def _item(recognizer: Recognizer, name: str, recording: Recording) -> Item:
    symbols, times_s = reference_of(name, recording, recognizer.tokens)
    emissions = recognizer.emissions(recording)
    rest = recording.spans.of_kind("rest")
    return Item(
        name,
        recording.subject,
        symbols,
        emissions,
        times_s,
        recognizer.frame_times_s(len(emissions)),
        list(zip(rest.start_s.tolist(), rest.end_s.tolist(), strict=True)),
    )


def _symbols(text: str, tokens: Tokens) -> list[str]:
    return [text] if text in tokens.symbols else tokens.symbols_of(tokens.encode_text(text))


def _judge(item: Item, tokens: Tokens, lm: NGramModel | None, search: SearchConfig) -> Judged:
    scored = scored_set(tokens)
    reference = tuple(item.reference)
    text = scored.render(scored.ids(reference))
    hypotheses = {GREEDY: greedy(item.emissions)}
    if lm is not None:
        hypotheses[WITH_LM] = beam_search(item.emissions, tokens, lm, search)[0]
    readings = {way: _read(item, reference, text, hypothesis, tokens) for way, hypothesis in hypotheses.items()}
    rest_minutes = sum(end - start for start, end in item.rest) / 60 if item.frame_times_s is not None else 0.0
    return Judged(item.name, item.subject, reference, text, item.times_s, rest_minutes, readings)


def _read(item: Item, reference: tuple[str, ...], text: str, hypothesis: Hypothesis, tokens: Tokens) -> Reading:
    symbols, read_text = tuple(tokens.symbols_of(hypothesis.ids)), tokens.render(hypothesis.ids)
    pairs = align(reference, symbols)
    times_s = None
    false_keys = 0
    if item.frame_times_s is not None:
        times_s = np.asarray(item.frame_times_s)[np.asarray(hypothesis.frames, dtype=np.intp)]
        false_keys = sum(int(((times_s >= start) & (times_s < end)).sum()) for start, end in item.rest)
    return Reading(
        hypothesis,
        symbols,
        read_text,
        pairs,
        blocks(pairs, BLOCK_KEYS),
        blocks(align(text, read_text), BLOCK_KEYS),
        blocks(align(words(text), words(read_text)), BLOCK_WORDS),
        times_s,
        false_keys,
    )
