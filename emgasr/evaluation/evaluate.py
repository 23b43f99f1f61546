"""Emissions and what was really typed or said in, hypotheses and their errors out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from emgasr.confidence.judging import Judged as Believed
from emgasr.confidence.judging import judge
from emgasr.confidence.model import Confidence
from emgasr.confidence.samples import Sample, sample
from emgasr.decoding import Hypothesis, classify, greedy
from emgasr.decoding.held import Held
from emgasr.errors import DataError
from emgasr.evaluation.executions import Activity, judged
from emgasr.evaluation.items import Item, scored_set
from emgasr.evaluation.repeats import Repeats, repeats_of
from emgasr.files.plain_text import normalized
from emgasr.lm.words import WordModel
from emgasr.score import Counts, Pairs, align, cut, keys_at_rest, words
from emgasr.tokens import Tokens

GREEDY, WITH_LM, AT_POINT, SECOND = "greedy", "lm", "held", "second"  # the last: by two passes
BLOCK_KEYS, BLOCK_WORDS = 50, 10  # resampled for intervals: about a prompt or two, as a test may be a single session


class Search(Protocol):
    """What an evaluation asks of a search, as `emgasr.decoding.BeamSearch` is one."""

    @property
    def lm(self) -> Any:
        """The language model; None: there is none."""
        ...

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Return the hypotheses of emissions (F, V), the best first."""
        ...


@dataclass(frozen=True, eq=False)
class Reading:
    """One hypothesis beside its reference: alignments of symbols, text and words, each cut into blocks of counts.

    Args:
        hypothesis: ids, frames and confidences of the emissions.
        symbols: of the ids.
        text: what they leave on the page.
        pairs: alignment of the symbols.
        of_symbols: counts of `pairs`.
        of_characters: counts of the texts' characters.
        of_words: counts of the texts' words.
        times_s: of the symbols, where the frames' times are known.
        false_symbols: read in marked rest.
        repeats: of labels in a string, deletions and insertions beside an equal neighbor; None of keys.
    """

    hypothesis: Hypothesis
    symbols: tuple[str, ...]
    text: str
    pairs: Pairs
    of_symbols: list[Counts]
    of_characters: list[Counts]
    of_words: list[Counts]
    times_s: np.ndarray | None
    false_symbols: int
    repeats: Repeats | None
    confidences: tuple[float, ...] = ()  # calibrated, where the model has a confidence for this way of reading


@dataclass(frozen=True, eq=False)
class Judged:
    """An item without its emissions: the reference, and a reading for each way: `greedy`, `lm`, `second`.

    `label` is the forced choice: the most probable single symbol, where the reference is a single one and there are
    frames to choose by. `unlabelled_s` are the seconds of the person's signal that had entered the statistics before
    the item was read. `activity` judges the `executions` of single labels, and rest.
    """

    name: str
    subject: str
    reference: tuple[str, ...]
    text: str
    times_s: np.ndarray | None
    rest_minutes: float
    readings: dict[str, Reading]
    label: str | None = None
    notes: tuple[str, ...] = ()
    unlabelled_s: float = 0.0
    session: str = ""
    activity: Activity = field(default_factory=Activity)
    executions: tuple[tuple[float, float, str], ...] = ()

    @property
    def isolated(self) -> bool:
        """Whether it holds exactly one symbol: a take of a letter, word or gesture."""
        return len(self.reference) == 1

    @property
    def at_rest(self) -> bool:
        """Whether nothing was to be read: whatever is read there is put in."""
        return not self.reference


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A system on a split, every item judged; `settings` (search, seeds, checksums) go to the report as they are."""

    system: str
    split: str
    tokens: Tokens
    items: tuple[Judged, ...]
    seed: int = 0
    settings: dict[str, object] = field(default_factory=dict)
    word_model: WordModel | None = None  # of the search, if it had one: then its coverage must be told
    confidence: Confidence | None = None  # calibrated for the last of the ways

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people, sorted."""
        return tuple(sorted({item.subject for item in self.items}))

    @property
    def ways(self) -> tuple[str, ...]:
        """How emissions were read: `greedy`; `lm` by a search or `held` at a point; `second` by two passes."""
        return tuple(self.items[0].readings)

    def samples(self) -> list[Sample]:
        """Return what is right of the items by the last way: what a confidence is fitted to, and judged by."""
        found = []
        for item in self.items:
            reading = item.readings[self.ways[-1]]
            sides = (item.reference, item.text, reading.hypothesis, reading.times_s)
            found.append(sample(item.subject, item.name, *sides, self.tokens, item.executions))
        return found

    def reliability(self) -> dict[str, Believed]:
        """Return how far confidences by the last way are to be believed, by level."""
        return judge(self.samples(), self.confidence, self.seed)


def evaluate(
    items: Iterable[Item],
    tokens: Tokens,
    search: Search | None = None,
    *,
    second: Search | None = None,
    system: str = "emgasr",
    split: str = "test",
    seed: int = 0,
    settings: dict[str, object] | None = None,
    confidence: Confidence | None = None,
) -> Evaluation:
    """Judge every item, read greedily and, if there are, by `search` and by two passes; emissions are dropped then.

    The weights of `search` must come from validation data (`search_tuning`): nothing is tuned here. Items of which
    nothing was to be read add what is put in to the errors, over the true symbols of all (as sclite and jiwer count).
    DataError if there is no item, or only labels that the model does not know.
    """
    judged = tuple(_judge(item, tokens, search, second, confidence) for item in items)
    if not judged:
        raise DataError(f"split {split}", "holds nothing to evaluate", "name a split that the manifest has")
    if not any(item.reference or item.rest_minutes for item in judged):
        raise DataError(f"split {split}", "has no labels that the model knows", "evaluate on labelled recordings")
    word_model = search.lm if search is not None and isinstance(search.lm, WordModel) else None
    return Evaluation(system, split, tokens, judged, seed, dict(settings or {}), word_model, confidence)


def blocks(pairs: Pairs, size: int) -> list[Counts]:
    """Return the counts of an alignment's pieces of `size` reference symbols; together they are the whole."""
    return [Counts.of(piece) for piece in cut(pairs, size)]


def _judge(
    item: Item, tokens: Tokens, search: Search | None, second: Search | None, confidence: Confidence | None
) -> Judged:
    scored = scored_set(tokens)
    reference = tuple(map(normalized, item.reference))
    text = scored.render(scored.ids(reference))
    hypotheses = {GREEDY: greedy(item.emissions)}
    if search is not None:
        hypotheses[AT_POINT if isinstance(search, Held) else WITH_LM] = search.whole(item.emissions)[0]
    if second is not None:
        hypotheses[SECOND] = second.whole(item.emissions)[0]
    readings = {way: _read(item, reference, text, hypothesis, tokens) for way, hypothesis in hypotheses.items()}
    if confidence is not None:
        way, reading = list(readings.items())[-1]
        hypothesis = reading.hypothesis
        sure = confidence.tokens(hypothesis.confidences, hypothesis.evidence)
        readings[way] = replace(reading, confidences=sure)
    chosen = len(reference) == 1 and len(tokens) > 1 and len(item.emissions) > 0
    label = tokens.symbols_of([classify(item.emissions)])[0] if chosen else None
    rest_minutes = keys_at_rest((), item.rest)[1] / 60 if item.frame_times_s is not None else 0.0
    return Judged(
        item.name,
        item.subject,
        reference,
        text,
        item.times_s,
        rest_minutes,
        readings,
        label,
        item.notes,
        item.unlabelled_s,
        item.session,
        judged(item, tokens),
        tuple(item.executions),
    )


def _read(item: Item, reference: tuple[str, ...], text: str, hypothesis: Hypothesis, tokens: Tokens) -> Reading:
    symbols, read_text = tuple(tokens.symbols_of(hypothesis.ids)), tokens.render(hypothesis.ids)
    pairs = align(reference, symbols)
    times_s = None
    false_symbols = 0
    if item.frame_times_s is not None:
        times_s = np.asarray(item.frame_times_s)[np.asarray(hypothesis.frames, dtype=np.intp)]
        false_symbols, _ = keys_at_rest(times_s, item.rest)
    return Reading(
        hypothesis,
        symbols,
        read_text,
        pairs,
        blocks(pairs, BLOCK_WORDS if tokens.kind == "words" else BLOCK_KEYS),
        blocks(align(text, read_text), BLOCK_KEYS),
        blocks(align(words(text), words(read_text)), BLOCK_WORDS),
        times_s,
        false_symbols,
        repeats_of(reference, symbols) if tokens.noun in ("word", "letter") else None,
    )
