"""What several models make of a recording, each by itself, in; a vote on every symbol, as emissions, out.

Each model reads the recording in stretches between common pauses, as n-best lists. Their hypotheses, weighted by model
and posterior, make one confusion network (ROVER: Fiscus 1997, and with n-best lists Mangu, Brill and Stolcke 2000).
A slot of it becomes a frame, a certain blank between each two, so that it is read as any emissions are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emgasr.decoding import BeamSearch, Hypothesis, SearchConfig
from emgasr.fusion.combine import CERTAIN_BLANK
from emgasr.fusion.system import Member
from emgasr.rescoring.confusion import Slot, confusion_network
from emgasr.score import matched
from emgasr.tokens import Tokens

PAUSE_S, LEAST_S, MOST_S = 0.3, 15.0, 60.0  # of a pause at which stretches end, and of a stretch
SILENT = np.log(0.9)  # a blank that is more likely belongs to a pause
TIE = 1e-5  # so that float32 holds it


class Reading(NamedTuple):
    """What one model makes of a stretch: hypotheses, the best first, and the times of the best one's symbols."""

    hypotheses: tuple[Hypothesis, ...]
    times_s: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Vote:
    """One of the models that vote: its emissions, and how they are searched."""

    place: int
    emissions: np.ndarray
    frame_times_s: np.ndarray
    search: BeamSearch
    temperature: float
    weight: float

    @staticmethod
    def of(place: int, member: Member, emissions: np.ndarray, n_best: int) -> Vote:
        """Return the vote of a member, which searches by its own language where it knows one."""
        pipeline, tokens = member.pipeline, member.recognizer.tokens
        beam = max(n_best, pipeline.search.beam if pipeline.language is not None else 0)
        if pipeline.language is None:
            search = BeamSearch(tokens, None, SearchConfig(beam=max(beam, 16), lm_weight=0.0, n_best=n_best))
        else:
            found = pipeline.searching(beam=beam).beam_search(n_best)
            assert found is not None
            search = found
        system = member.system
        times_s = member.recognizer.frame_times_s(len(emissions))
        return Vote(place, member.recognizer.probable(emissions), times_s, search, system.temperature, system.weight)

    def read(self, start_s: float, end_s: float) -> Reading:
        """Return what the model makes of its frames between two times."""
        first, last = np.searchsorted(self.frame_times_s, (start_s, end_s)).tolist()
        found = tuple(self.search.whole(self.emissions[first:last]))
        return Reading(found, tuple(self.frame_times_s[first:last][list(found[0].frames)].tolist()))


def stretches(votes: Sequence[Vote], end_s: float) -> Iterator[tuple[float, float]]:
    """Yield the times between which all models read by themselves: from pause to pause, or MOST_S at most."""
    busy = np.sort(np.concatenate([vote.frame_times_s[vote.emissions[:, 0] < SILENT] for vote in votes]))
    last_s = max([end_s, *(float(vote.frame_times_s[-1]) for vote in votes if len(vote.frame_times_s))]) + 1.0
    gaps = np.flatnonzero(np.diff(busy) >= PAUSE_S)
    middles = (busy[gaps] + busy[gaps + 1]) / 2
    start_s = 0.0
    while start_s < last_s:
        near = middles[(middles >= start_s + LEAST_S) & (middles <= start_s + MOST_S)]
        stop_s = float(near[0]) if len(near) else min(start_s + MOST_S, last_s)
        yield start_s, stop_s
        start_s = stop_s


def network_of(
    readings: Sequence[Reading],
    temperatures: Sequence[float],
    weights: Sequence[float],
    votes: float,
    tokens: Tokens,
) -> list[Slot]:
    """Return the confusion network of what models make of one stretch.

    Args:
        readings: of the models.
        temperatures: what the scores of each model's hypotheses are divided by.
        weights: of the models.
        votes: part of a model's weight that goes to its first hypothesis, the rest to all by their posteriors.
        tokens: of all models.
    """
    weighted: list[tuple[list[str], float]] = []
    for reading, temperature, weight in zip(readings, temperatures, weights, strict=True):
        posteriors = posteriors_of([hypothesis.score for hypothesis in reading.hypotheses], temperature)
        shares = (1 - votes) * posteriors
        shares[0] += votes
        weighted += [
            (tokens.symbols_of(hypothesis.ids), weight * float(share))
            for hypothesis, share in zip(reading.hypotheses, shares, strict=True)
        ]
    return confusion_network(weighted)


def posteriors_of(scores: Sequence[float], temperature: float) -> np.ndarray:
    """Return the share (n,) of each hypothesis, given scores in nats that a temperature divides."""
    scaled = np.asarray(scores, np.float64) / temperature
    shares = np.exp(scaled - scaled.max())
    found: np.ndarray = shares / shares.sum()
    return found


def vote(
    votes: Sequence[Vote], tokens: Tokens, firsts: float, absence: float, end_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return emissions (2 n + 1, V) of the n slots of all stretches, and the time of each row.

    Args:
        votes: of the models.
        tokens: of all models.
        firsts: how much first hypotheses count, see `network_of`.
        absence: by what the probability that a slot holds nothing is multiplied.
        end_s: of the recording.
    """
    rows: list[np.ndarray] = []
    times_s: list[float] = []
    temperatures, weights = [one.temperature for one in votes], [one.weight for one in votes]
    leader = int(np.argmax(weights))
    for start_s, stop_s in stretches(votes, end_s):
        readings = [one.read(start_s, stop_s) for one in votes]
        network = network_of(readings, temperatures, weights, firsts, tokens)
        rows += [row_of(slot, tokens, absence) for slot in network]
        times_s += _times(network, readings[leader], tokens, start_s, stop_s)
    silent = np.full(len(tokens), CERTAIN_BLANK)
    silent[0] = 0.0
    emissions = np.tile(silent, (2 * len(rows) + 1, 1))
    if rows:
        emissions[1::2] = rows
    edges = np.array([0.0, *times_s, max([end_s, *times_s[-1:]])])
    between = np.empty(2 * len(rows) + 1)
    between[1::2] = edges[1:-1]
    between[::2] = (edges[:-1] + edges[1:]) / 2
    return emissions.astype(np.float32), between


def row_of(slot: Slot, tokens: Tokens, absence: float) -> np.ndarray:
    """Return the log-probabilities (V,) of a slot; of equal ones the symbol that came first is a hair more likely."""
    found = np.full(len(tokens), np.exp(CERTAIN_BLANK))
    for place, (symbol, probability) in enumerate(slot.items()):
        number = tokens.ids([symbol])[0] if symbol else 0
        found[number] += probability * (absence if not symbol else 1.0) * (1 - TIE * place)
    return np.log(found / found.sum())


def _times(network: Sequence[Slot], reading: Reading, tokens: Tokens, start_s: float, stop_s: float) -> list[float]:
    """Return the time of each slot: of the symbol of one model's best hypothesis that it agrees with, or between."""
    likely = [max((symbol for symbol in slot if symbol), key=slot.__getitem__, default="") for slot in network]
    own = tokens.symbols_of(reading.hypotheses[0].ids)
    known = {slot: reading.times_s[symbol] for slot, symbol in matched(likely, own)}
    places = [-1, *known, len(network)]
    return np.interp(np.arange(len(network)), places, [start_s, *known.values(), stop_s]).tolist()
