"""A reading beside its reference in; which of its tokens, words and segments are right out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from emgasr.decoding.hypothesis import Hypothesis
from emgasr.files.plain_text import normalized
from emgasr.score import matched, words
from emgasr.tokens import Tokens
from emgasr.transcript import segment_places, word_places


@dataclass(frozen=True, eq=False)
class Group:
    """Words or segments of a reading: the places of each one's tokens, and whether it is right."""

    places: tuple[tuple[int, ...], ...] = ()
    right: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True, eq=False)
class Sample:
    """The tokens, words and segments of one reading, with what is right.

    Args:
        person, recording: whose, and of what.
        hypothesis: the reading.
        right: (n,) whether each token stands for one of the reference.
        words: what stands on the page; none where each token is a word.
        segments: a segment is right if all its words are, and none is missing between them.
    """

    person: str
    recording: str
    hypothesis: Hypothesis
    right: np.ndarray
    words: Group
    segments: Group


def sample(
    person: str,
    recording: str,
    reference: Sequence[str],
    text: str,
    hypothesis: Hypothesis,
    times_s: np.ndarray | None,
    tokens: Tokens,
    executions: Sequence[tuple[float, float, str]] = (),
) -> Sample:
    """Return what is right in a reading.

    Where executions of labels have times, a token is right that is read while its label is performed: of flickers an
    alignment would take any. Else it is right where a least-edits alignment pairs it with its like.

    Args:
        person, recording: whose, and of what.
        reference: the true symbols, in composed form.
        text: what they leave on the page.
        hypothesis: the reading.
        times_s: (n,) of its tokens; None: unknown, so that pauses part no segments.
        tokens: the model's.
        executions: start and end in seconds of each label that was performed, and the label.
    """
    ids = list(hypothesis.ids)
    symbols = tokens.symbols_of(ids)
    right = np.zeros(len(ids), bool)
    if executions and times_s is not None:
        for start, end, label in executions:
            right |= (times_s >= start) & (times_s < end) & np.array([symbol == label for symbol in symbols], bool)
    else:
        right[[read for _, read in matched(reference, symbols)]] = True
    spelled = word_places(ids, tokens)
    whole = tokens.kind == "words"
    true_words = list(reference) if whole else words(text)
    hits = {read: true for true, read in matched(true_words, [normalized(word) for word, _ in spelled])}
    word_right = np.array([number in hits for number in range(len(spelled))], bool)
    word_group = Group(tuple(tuple(places) for _, places in spelled), word_right)
    return Sample(
        person,
        recording,
        hypothesis,
        right,
        Group() if whole else word_group,
        _segments(ids, times_s, tokens, word_group, hits),
    )


def _segments(
    ids: Sequence[int], times_s: np.ndarray | None, tokens: Tokens, written: Group, hits: dict[int, int]
) -> Group:
    first_of = {places[0]: number for number, places in enumerate(written.places)}
    groups, right = [], []
    for places in segment_places(ids, times_s, tokens):
        own = [first_of[place] for place in places if place in first_of]
        if not own:
            continue
        true = [hits.get(number) for number in own]
        inside = all(a is not None and b is not None and b == a + 1 for a, b in pairwise(true))
        groups.append(tuple(places))
        right.append(true[0] is not None and inside)
    return Group(tuple(groups), np.array(right, bool))
