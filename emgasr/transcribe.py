"""A recording in, its text out, with the time and confidence of each key; in memory bounded whatever the length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emgasr.decoding import Hypothesis, SearchConfig, beam_search, greedy
from emgasr.tokens import Tokens

if TYPE_CHECKING:
    from emgasr.lm import NGramModel
    from emgasr.recognizer import Recognizer
    from emgasr.recording import Recording

# The search keeps what it has seen until it ends, so long recordings are searched in stretches cut at pauses.
STRETCH_FRAMES = 12_000


@dataclass(frozen=True, eq=False)
class Transcript:
    """What was read: the text, and the keys that wrote it (backspaces included) with their times and confidences."""

    text: str
    symbols: tuple[str, ...]
    times_s: np.ndarray
    confidences: np.ndarray
    duration_s: float

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        keys = zip(self.symbols, self.times_s.tolist(), self.confidences.tolist(), strict=True)
        return {
            "text": self.text,
            "duration_s": round(self.duration_s, 3),
            "keys": [{"key": k, "time_s": round(t, 3), "confidence": round(c, 4)} for k, t, c in keys],
        }


def transcribe(
    recognizer: Recognizer,
    recording: Recording,
    lm: NGramModel | None = None,
    search: SearchConfig | None = None,
) -> Transcript:
    """Read a recording: greedily, or by beam search where there is a language model or a `search` configuration.

    Raises a RecordingError if the recording's rate, unit or electrodes are not the model's.
    """
    emissions = recognizer.emissions(recording)
    hypothesis = read_emissions(emissions, recognizer.tokens, lm, search)
    times_s = recognizer.frame_times_s(len(emissions))[np.asarray(hypothesis.frames, dtype=np.intp)]
    return Transcript(
        recognizer.tokens.render(hypothesis.ids),
        tuple(recognizer.tokens.symbols_of(hypothesis.ids)),
        times_s,
        np.asarray(hypothesis.confidences, dtype=np.float64),
        recording.duration_s,
    )


def read_emissions(
    emissions: np.ndarray, tokens: Tokens, lm: NGramModel | None = None, search: SearchConfig | None = None
) -> Hypothesis:
    """Return the best hypothesis for emissions (F, V), searched in stretches if they are long."""
    if lm is None and search is None:
        return greedy(emissions)
    ids: list[int] = []
    frames: list[int] = []
    confidences: list[float] = []
    score = acoustic = language = 0.0
    for start, end in stretches(emissions, STRETCH_FRAMES):
        best = beam_search(emissions[start:end], tokens, lm, search)[0]
        ids += best.ids
        frames += [start + frame for frame in best.frames]
        confidences += best.confidences
        score, acoustic, language = score + best.score, acoustic + best.acoustic, language + best.lm
    return Hypothesis(tuple(ids), tuple(frames), tuple(confidences), score, acoustic, language)


def stretches(emissions: np.ndarray, longest: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) frames that cover emissions (F, V), none above `longest`, cut at the surest long pauses."""
    start = 0
    while len(emissions) - start > longest:
        window = slice(start + longest * 3 // 4, start + longest)
        end = window.start + _middle_of_longest_pause(emissions[window])
        yield start, end
        start = end
    yield start, len(emissions)


def _middle_of_longest_pause(emissions: np.ndarray) -> int:
    blank = emissions.argmax(axis=1) == 0
    edges = np.diff(np.concatenate(([0], blank.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return len(emissions)
    longest = int(np.argmax(ends - starts))
    return max(1, int(starts[longest] + ends[longest]) // 2)
