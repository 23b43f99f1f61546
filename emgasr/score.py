"""References and hypotheses in, error rates out: edits, rates per subject, intervals, confusions, false keys.

Alignments are rapidfuzz's, over numbers in place of symbols. jiwer makes the same call (the tests compare counts and
alignments over thousands of pairs), but it reads text only: it has no lists of keys or labels, splits words at the
plain space alone, strips the text's ends, and gives an empty reference a finite rate. So it is an oracle of the tests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from rapidfuzz.distance import Levenshtein

from emgasr.errors import DataError
from emgasr.files.plain_text import normalized

# Of reference and hypothesis, in order; None where one of the two has nothing.
Pairs = list[tuple[Hashable, Hashable]]


@dataclass(frozen=True)
class Counts:
    """Edits that turn references into hypotheses, by the ASR convention: an insertion is a symbol too many."""

    hits: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @staticmethod
    def of(pairs: Pairs) -> Counts:
        """Count the edits of an alignment."""
        hits = substitutions = insertions = deletions = 0
        for true, read in pairs:
            if true is None:
                insertions += 1
            elif read is None:
                deletions += 1
            elif true == read:
                hits += 1
            else:
                substitutions += 1
        return Counts(hits, substitutions, insertions, deletions)

    @property
    def reference_length(self) -> int:
        """Symbols in the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Edits of any kind."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Errors per reference symbol; of an empty reference 0 if nothing was inserted, else infinite."""
        if self.reference_length == 0:
            return 0.0 if self.insertions == 0 else float("inf")
        return self.errors / self.reference_length

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )


@dataclass(frozen=True)
class SubjectRates:
    """Corpus-level rate of each subject and their mean; `std` is the population standard deviation over subjects."""

    rates: dict[str, float]
    mean: float
    std: float
    interval: tuple[float, float]  # bootstrap over subjects


def align(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Pairs:
    """Return a least-edits alignment as (reference symbol or None, hypothesis symbol or None) pairs, in order.

    Texts, and symbols that are texts, are compared in their composed form (see `emgasr.files.plain_text.normalized`).
    """
    reference, hypothesis = _one_form(reference), _one_form(hypothesis)
    numbers: dict[Hashable, int] = {}  # rapidfuzz compares symbols by hash: numbering them rules out collisions
    left = [numbers.setdefault(symbol, len(numbers)) for symbol in reference]
    right = [numbers.setdefault(symbol, len(numbers)) for symbol in hypothesis]
    pairs: Pairs = []
    for step in Levenshtein.opcodes(left, right):
        old: list[Hashable] = list(reference[step.src_start : step.src_end])
        new: list[Hashable] = list(hypothesis[step.dest_start : step.dest_end])
        width = max(len(old), len(new))
        pairs.extend(zip(old + [None] * (width - len(old)), new + [None] * (width - len(new)), strict=True))
    return pairs


def matched(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return where symbols that are read right stand in the reference and in the hypothesis, in order."""
    return hits_of(align(reference, hypothesis))


def hits_of(pairs: Pairs) -> list[tuple[int, int]]:
    """Return the places in reference and hypothesis of an alignment's equal symbols, in order."""
    places: list[tuple[int, int]] = []
    true = read = 0
    for old, new in pairs:
        if old is not None and old == new:
            places.append((true, read))
        true, read = true + (old is not None), read + (new is not None)
    return places


def cut(pairs: Pairs, size: int) -> list[Pairs]:
    """Cut an alignment after every `size` reference symbols; what is inserted stays with the piece before it."""
    pieces: list[Pairs] = []
    seen = size
    for pair in pairs:
        if not pieces or (pair[0] is not None and seen == size):
            pieces.append([])
            seen = 0
        pieces[-1].append(pair)
        seen += pair[0] is not None
    return pieces


def _one_form(symbols: Sequence[Hashable]) -> Sequence[Hashable]:
    if isinstance(symbols, str):
        return normalized(symbols)
    return [normalized(symbol) if isinstance(symbol, str) else symbol for symbol in symbols]


def count_edits(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Counts:
    """Count the edits of a least-edits alignment between two sequences (characters, words, ids, any symbols)."""
    return Counts.of(align(reference, hypothesis))


def words(text: str) -> list[str]:
    """Return the words of a text, for the word error rate: what white space separates, in composed form."""
    return normalized(text).split()


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum, whose `.rate` is the corpus-level rate."""
    return sum(counts, Counts())


def bootstrap_interval(
    counts: Sequence[Counts],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the corpus-level rate over utterances, or over whole `groups`.

    `groups` names each utterance's unit (its subject, say); all utterances of a drawn unit come along. With fewer
    than two units there is nothing to resample and both ends are the rate itself.
    """
    if not counts:
        raise DataError("bootstrap interval", "there is nothing to resample", "score at least one utterance")
    if groups is None:
        units = list(counts)
    else:
        units = list(_totals(counts, groups).values())
    errors = np.array([unit.errors for unit in units], dtype=np.float64)
    lengths = np.array([unit.reference_length for unit in units], dtype=np.float64)
    if len(units) < 2 or lengths.sum() == 0:
        rate = total(units).rate
        return rate, rate
    generator = np.random.default_rng(seed)
    rates = []
    for _ in range(resamples):
        drawn = generator.integers(0, len(units), len(units))
        if lengths[drawn].sum() > 0:  # a draw of empty references alone has no rate
            rates.append(errors[drawn].sum() / lengths[drawn].sum())
    tail = (1 - confidence) / 2
    low, high = np.quantile(rates, (tail, 1 - tail))
    return float(low), float(high)


def per_subject(
    counts: Sequence[Counts],
    subjects: Sequence[str],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> SubjectRates:
    """Return each subject's corpus-level rate, their mean and population standard deviation, with an interval.

    Raises:
        DataError: There is no utterance, or `subjects` are not as many as `counts`.
    """
    if not counts:
        raise DataError("scores per subject", "there are no utterances", "score at least one")
    rates = {str(subject): subtotal.rate for subject, subtotal in _totals(counts, subjects).items()}
    values = np.array(list(rates.values()))
    interval = mean_interval(values, seed, (1 - confidence) / 2, resamples)
    return SubjectRates(rates, float(values.mean()), float(values.std()), interval)


def mean_interval(
    rates: Sequence[float] | np.ndarray, seed: int = 0, tail: float = 0.025, resamples: int = 2000
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of subjects' rates, subjects drawn with replacement.

    Args:
        rates: one of each subject.
        seed: of the draws.
        tail: share of the resampled means left out at each end.
        resamples: how often as many subjects as there are get drawn.
    """
    return means_interval([rates], seed, tail, resamples)


def means_interval(
    groups: Sequence[Sequence[float] | np.ndarray], seed: int = 0, tail: float = 0.025, resamples: int = 2000
) -> tuple[float, float]:
    """Return the interval of the mean over groups, such as corpora, of their subjects' mean rates.

    Each group counts alike, and its subjects are drawn anew from itself (see `mean_interval`).
    """
    generator = np.random.default_rng(seed)
    means = np.zeros(resamples)
    for rates in groups:
        values = np.asarray(rates, dtype=np.float64)
        means += values[generator.integers(0, len(values), (resamples, len(values)))].mean(axis=1) / len(groups)
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share, `right` of `count` (E. B. Wilson, JASA 22, 1927).

    Raises:
        DataError: There is nothing to count.
    """
    if count < 1:
        raise DataError("interval of a share", "there is nothing to count", "give at least one")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    middle = right + z2 / 2
    half = (z2 * (right * (count - right) / count + z2 / 4)) ** 0.5
    return max(0.0, (middle - half) / (count + z2)), min(1.0, (middle + half) / (count + z2))


def confusions(
    references: Iterable[Sequence[Hashable]], hypotheses: Iterable[Sequence[Hashable]]
) -> Counter[tuple[Hashable, Hashable]]:
    """Count (reference, hypothesis) pairs over the alignments of all utterances; None stands for nothing."""
    counter: Counter[tuple[Hashable, Hashable]] = Counter()
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        counter.update(align(reference, hypothesis))
    return counter


def keys_at_rest(times_s: Sequence[float] | np.ndarray, rest: Iterable[tuple[float, float]]) -> tuple[int, float]:
    """Return how many keys a hypothesis puts inside the stretches of rest, and how many seconds of rest there are.

    `times_s` are the hypothesis's key times in seconds; a stretch holds start <= t < end. Overlaps count once.
    """
    times = np.sort(np.asarray(times_s, dtype=np.float64))
    keys, seconds, covered = 0, 0.0, -np.inf
    for start, end in sorted(rest):
        start = max(start, covered)
        if end > start:
            keys += int(np.searchsorted(times, end) - np.searchsorted(times, start))
            seconds += end - start
            covered = end
    return keys, seconds


def _totals(counts: Sequence[Counts], groups: Sequence[Hashable]) -> dict[Hashable, Counts]:
    if len(groups) != len(counts):
        raise DataError("scores", f"{len(counts)} utterances but {len(groups)} groups", "name the group of each")
    totals: dict[Hashable, Counts] = defaultdict(Counts)
    for unit, group in zip(counts, groups, strict=True):
        totals[group] += unit
    return dict(totals)
