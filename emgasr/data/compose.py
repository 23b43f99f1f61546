"""Single takes of letters, words or gestures in; sequences of them with cross-faded joins and known times out.

What is made so is not a recording of someone writing or speaking: results on it are labelled "composed". A sequence
never mixes people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.data.spellings import RandomStrings, Texts
from emgasr.errors import ConfigError, DataError
from emgasr.recording import Band, Recording, Spans
from emgasr.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Take:
    """One performance of one label: samples float32 (T, C); `rest` takes fill the pauses and have no label to read."""

    samples: np.ndarray
    rate_hz: float
    label: str
    subject: str
    session: str
    take: str
    rest: bool = False


@dataclass(frozen=True, eq=False)
class Example:
    """Samples float32 (T, C), the token ids in them, and when each starts and ends, float64 (n,) seconds.

    Composed examples say whose takes they are made of; `worn` is the place of their session among those of the sampler
    (`ComposedExamples.sessions`), -1 where their takes are of several.
    """

    samples: np.ndarray
    ids: list[int]
    onset_s: np.ndarray
    offset_s: np.ndarray
    subject: str = ""
    session: str = ""
    takes: tuple[str, ...] = ()
    worn: int = -1


@dataclass(frozen=True)
class ComposeConfig:
    """How takes become sequences; trimming and stretching vary training data and are 0 in test lists.

    Args:
        join_ms: overlap of two neighbors, cross-faded with equal power; at most half of either.
        remove_offset: subtract each take's mean, so that joins make no steps.
        rest_shortest_ms: shortest rest between two takes.
        rest_longest_ms: longest rest between two takes; 0 for none. It is cut from rest takes of the same person.
        rest_probability: probability that there is rest between two takes, or before the first, or behind the last, if
            it is below 1; at 1 there is rest between all, and none at the ends.
        trim_ms: most that is cut off at random at either end of a take, never more than a quarter of it.
        longest_take_s: most of a take that training uses at once, a stretch of it at random; 0: all of it. For gestures
            that are held, of which any second is as good as the whole.
        stretch: largest random change of a take's duration, a fraction.
        same_session: whether a sequence keeps to the takes of one session.
        balance_sessions: whether training draws a label's sessions alike, however many takes each has: a few takes of
            the day at hand then count as much as the many of other days.
    """

    join_ms: Annotated[float, Within(0, 1e5)] = 50.0
    remove_offset: bool = True
    rest_shortest_ms: Annotated[float, Within(0, 1e6)] = 0.0
    rest_longest_ms: Annotated[float, Within(0, 1e6)] = 0.0
    rest_probability: Annotated[float, Within(0, 1)] = 1.0
    trim_ms: Annotated[float, Within(0, 1e5)] = 0.0
    longest_take_s: Annotated[float, Within(0, 1e6)] = 0.0
    stretch: Annotated[float, Within(0, 0.5)] = 0.0
    same_session: bool = False
    balance_sessions: bool = False

    def __post_init__(self) -> None:
        check_within(self, "compose")
        if self.rest_longest_ms < self.rest_shortest_ms:
            raise ConfigError("compose", "rest_longest_ms is below rest_shortest_ms", "swap them")


class ComposedExamples:
    """Sequences without end, composed on the fly: example `index` is a function of (seed, index) alone."""

    def __init__(
        self, takes: Iterable[Take], texts: Texts, tokens: Tokens, config: ComposeConfig, seed: int = 0
    ) -> None:
        self.groups = _groups(takes, tokens, config)
        self.texts = texts
        self.tokens = tokens
        self.config = config
        self.seed = seed
        sizes = np.array([group.size for group in self.groups], dtype=np.float64)
        self._share = sizes / sizes.sum()
        self.sessions: dict[tuple[str, str], list[Take]] = {}  # what was recorded of each person and session
        for group in self.groups:
            for take in (*(take for takes in group.takes.values() for take in takes), *group.rests):
                self.sessions.setdefault((take.subject, take.session), []).append(take)
        self._places = {session: place for place, session in enumerate(self.sessions)}

    def example(self, index: int) -> Example:
        """Example number `index`."""
        made = _render(self._plan(index), self.tokens, self.config)
        return replace(made, worn=self._places.get((made.subject, made.session), -1))

    def planned_samples(self, index: int) -> int:
        """How many samples example number `index` has, without making it."""
        plan = self._plan(index)
        return int(_starts(plan, self.config)[-1] + plan[-1].length)

    def _plan(self, index: int) -> list[_Piece]:
        rng = np.random.default_rng((self.seed, index))
        group = self.groups[rng.choice(len(self.groups), p=self._share)]
        text = self.texts.draw(group.labels, rng)
        takes = [self._drawn(group.takes[label], rng) for label in text]
        return _plan(takes, group.rests, self.config, rng)

    def _drawn(self, takes: list[Take], rng: np.random.Generator) -> Take:
        if self.config.balance_sessions:
            sessions = sorted({take.session for take in takes})
            session = sessions[rng.integers(len(sessions))]
            takes = [take for take in takes if take.session == session]
        return takes[rng.integers(len(takes))]


def compose(
    takes: Sequence[Take], tokens: Tokens, config: ComposeConfig, seed: int = 0, rests: Sequence[Take] = ()
) -> Example:
    """The sequence of these takes in this order, with rest cut from `rests` between them if the config asks for it."""
    if not takes:
        raise DataError("compose", "there is no take", "give at least one")
    group = _groups([*takes, *rests], tokens, config)
    if len(group) > 1:
        raise DataError("compose", "the takes are of several people or sessions", "compose each one's for itself")
    return _render(_plan(takes, group[0].rests, config, np.random.default_rng(seed)), tokens, config)


def compose_words(
    takes: Iterable[Take], words: Sequence[Sequence[str]], tokens: Tokens, config: ComposeConfig, seed: int = 0
) -> list[Example]:
    """A fixed test list: for each person every word at least once, and every take at least once.

    Words come in their order; those that need takes not used yet come again until all are. A DataError names a label
    that no word uses, or that a word needs and nobody's takes have.
    """
    rng = np.random.default_rng(seed)
    return [
        _render(_plan(sequence, group.rests, config, rng), tokens, config)
        for group in _groups(takes, tokens, config)
        for sequence in _cover(group, words, rng)
    ]


def compose_shuffled(
    takes: Iterable[Take], lengths: RandomStrings, tokens: Tokens, config: ComposeConfig, seed: int = 0
) -> list[Example]:
    """A fixed test list: each person's takes in random order, each exactly once, cut into strings."""
    rng = np.random.default_rng(seed)
    examples = []
    for group in _groups(takes, tokens, config):
        pool = [take for label in group.labels for take in group.takes[label]]
        order = [pool[i] for i in rng.permutation(len(pool))]
        while order:
            count = int(rng.integers(lengths.shortest, lengths.longest + 1))
            # A last string that would come out too short joins the one before it.
            count = len(order) if len(order) - count < lengths.shortest else count
            examples.append(_render(_plan(order[:count], group.rests, config, rng), tokens, config))
            order = order[count:]
    return examples


def takes_from_recordings(recordings: Iterable[tuple[str, Recording]]) -> list[Take]:
    """A take for each span of kind "utterance", "gesture" or "rest" of (name, recording) pairs; prompts are left out.

    A take is named by its recording and, where there are several, its start in seconds.
    """
    takes: list[Take] = []
    for path, recording in recordings:
        spans = recording.spans
        for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
            if kind == "prompt":
                continue
            samples = recording.read(float(start), float(end))
            name = path if len(spans) == 1 else f"{path}@{start:.3f}"
            take = Take(samples, recording.rate_hz, text, recording.subject, recording.session, name, kind == "rest")
            takes.append(take)
    return takes


def as_recording(example: Example, tokens: Tokens, rate_hz: float, unit: str, bands: tuple[Band, ...]) -> Recording:
    """The example as a recording of origin "composed", with a span of kind "gesture" for each token."""
    symbols = tokens.symbols_of(example.ids)
    times = zip(example.onset_s, example.offset_s, symbols, strict=True)
    spans = Spans.of((onset, offset, "gesture", symbol) for onset, offset, symbol in times)
    return Recording(
        example.samples, rate_hz, unit, bands, example.subject, example.session, spans=spans, origin="composed"
    )


@dataclass(frozen=True, eq=False)
class _Group:
    takes: dict[str, list[Take]]
    rests: list[Take]

    @property
    def labels(self) -> list[str]:
        return list(self.takes)

    @property
    def size(self) -> int:
        return sum(map(len, self.takes.values()))


def _groups(takes: Iterable[Take], tokens: Tokens, config: ComposeConfig) -> list[_Group]:
    groups: dict[tuple[str, ...], _Group] = {}
    first: Take | None = None
    for take in takes:
        first = first or take
        if take.rate_hz != first.rate_hz or take.samples.shape[1:] != first.samples.shape[1:]:
            raise DataError(
                f"take {take.take}",
                f"has {take.samples.shape[1]} channels at {take.rate_hz:g} Hz, others {first.samples.shape[1]} at "
                f"{first.rate_hz:g} Hz",
                "compose takes of one device",
            )
        if len(take.samples) == 0:
            raise DataError(f"take {take.take}", "is empty", "leave it out")
        key = (take.subject, take.session) if config.same_session else (take.subject,)
        group = groups.setdefault(key, _Group({}, []))
        if take.rest:
            group.rests.append(take)
        else:
            if take.label not in group.takes and not tokens.encode_text(take.label):
                raise DataError(f"take {take.take}", "has an empty label", "label it, or mark it as rest")
            group.takes.setdefault(take.label, []).append(take)
    whole = [_Group(dict(sorted(group.takes.items())), group.rests) for group in groups.values() if group.takes]
    if not whole:
        raise DataError("compose", "there are no labelled takes", "check the split")
    if config.rest_longest_ms and any(not group.rests for group in whole):
        raise DataError("compose", "a person has no rest takes to cut rest from", "set rest_longest_ms to 0")
    return whole


def _cover(group: _Group, words: Sequence[Sequence[str]], rng: np.random.Generator) -> Iterator[list[Take]]:
    used = {label for word in words for label in word}
    if missing := sorted(used - set(group.labels)):
        raise DataError("compose", f"no take of {missing[0]!r}, which a word needs", "leave such words out")
    if unused := sorted(set(group.labels) - used):
        raise DataError("compose", f"no word uses {unused[0]!r}, so its takes would go untested", "add a word with it")
    ahead = {label: _shuffled(takes, rng) for label, takes in group.takes.items()}
    fresh = {label: len(takes) for label, takes in group.takes.items()}  # takes not used yet
    again = False
    while not again or any(fresh.values()):
        for word in words:
            if again and not any(fresh[label] for label in word):
                continue
            yield [next(ahead[label]) for label in word]
            for label in word:
                fresh[label] = max(0, fresh[label] - 1)
        again = True


def _shuffled(takes: Sequence[Take], rng: np.random.Generator) -> Iterator[Take]:
    while True:
        for i in rng.permutation(len(takes)):
            yield takes[i]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows `first` to `last` of a take, stretched to `length` samples."""

    take: Take
    first: int
    last: int
    length: int


def _plan(
    takes: Sequence[Take], rests: Sequence[Take], config: ComposeConfig, rng: np.random.Generator
) -> list[_Piece]:
    pieces: list[_Piece] = []
    sometimes = config.rest_probability < 1

    def pause(rate_hz: float) -> None:
        if config.rest_longest_ms and (not sometimes or rng.random() < config.rest_probability):
            pieces.extend(_rest(rests, rate_hz, config, rng))

    for number, take in enumerate(takes):
        if number or sometimes:
            pause(take.rate_hz)
        count = len(take.samples)
        trim = min(round(config.trim_ms * take.rate_hz / 1000), count // 4)
        first, cut = (int(number) for number in rng.integers(0, trim + 1, size=2))
        last, most = count - cut, round(config.longest_take_s * take.rate_hz)
        if most and last - first > most:
            first = int(rng.integers(first, last - most + 1))
            last = first + most
        length = max(1, round((last - first) * (1 + rng.uniform(-config.stretch, config.stretch))))
        pieces.append(_Piece(take, first, last, length))
    if sometimes:
        pause(takes[-1].rate_hz)
    return pieces


def _rest(rests: Sequence[Take], rate_hz: float, config: ComposeConfig, rng: np.random.Generator) -> Iterator[_Piece]:
    wanted = round(rng.uniform(config.rest_shortest_ms, config.rest_longest_ms) * rate_hz / 1000)
    join = round(config.join_ms * rate_hz / 1000)
    while wanted > 0:
        take = rests[int(rng.integers(len(rests)))]
        length = min(wanted + join, len(take.samples))
        first = int(rng.integers(len(take.samples) - length + 1))
        yield _Piece(take, first, first + length, length)
        wanted -= max(1, length - join)  # half a join is lost at either end


def _overlaps(pieces: Sequence[_Piece], config: ComposeConfig) -> np.ndarray:
    """(n + 1,) samples that each piece shares with the one before it; none before the first and after the last."""
    lengths = np.array([piece.length for piece in pieces])
    join = round(config.join_ms * pieces[0].take.rate_hz / 1000)
    inner = np.minimum(np.minimum(lengths[:-1], lengths[1:]) // 2, join)
    return np.concatenate([[0], inner, [0]]).astype(np.int64)


def _starts(pieces: Sequence[_Piece], config: ComposeConfig) -> np.ndarray:
    lengths = np.array([0, *(piece.length for piece in pieces[:-1])])
    return np.cumsum(lengths - _overlaps(pieces, config)[:-1])


def _render(pieces: Sequence[_Piece], tokens: Tokens, config: ComposeConfig) -> Example:
    overlaps, starts = _overlaps(pieces, config), _starts(pieces, config)
    first = pieces[0].take
    samples = np.zeros((int(starts[-1]) + pieces[-1].length, first.samples.shape[1]), dtype=np.float32)
    ids: list[int] = []
    times: list[tuple[float, float]] = []
    for number, (piece, start) in enumerate(zip(pieces, starts, strict=True)):
        before, after = int(overlaps[number]), int(overlaps[number + 1])
        samples[start : start + piece.length] += _faded(_cut(piece, config), before, after)
        if not piece.take.rest:
            label = tokens.encode_text(piece.take.label)
            ids.extend(label)
            # Neighbors meet in the middle of their join; of a label of several tokens only the whole is known.
            times.extend([(start + before / 2, start + piece.length - after / 2)] * len(label))
    onset, offset = np.array(times, dtype=np.float64).T / first.rate_hz
    sessions = sorted({piece.take.session for piece in pieces})
    names = tuple(piece.take.take for piece in pieces if not piece.take.rest)
    return Example(samples, ids, onset, offset, first.subject, "+".join(sessions), names)


def _cut(piece: _Piece, config: ComposeConfig) -> np.ndarray:
    samples = piece.take.samples[piece.first : piece.last]
    if config.remove_offset:
        samples = samples - samples.mean(0, dtype=np.float64).astype(np.float32)
    return samples if piece.length == len(samples) else _stretched(samples, piece.length)


def _stretched(samples: np.ndarray, length: int) -> np.ndarray:
    """Cubic (Catmull-Rom) interpolation of samples (T, C) at `length` even steps."""
    positions = np.linspace(0, len(samples) - 1, length)
    base = np.floor(positions).astype(np.int64)
    t = (positions - base).astype(np.float32)[:, None]
    a, b, c, d = (samples[np.clip(base + shift, 0, len(samples) - 1)] for shift in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _faded(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """Fade in over `before` and out over `after` samples, so that two unrelated signals keep their power in a join."""
    gain = np.ones((len(samples), 1), dtype=np.float32)
    if before:
        gain[:before, 0] = np.sin((np.arange(before) + 0.5) / before * np.pi / 2)
    if after:
        gain[-after:, 0] = np.cos((np.arange(after) + 0.5) / after * np.pi / 2)
    return samples * gain
