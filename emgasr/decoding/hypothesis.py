"""Emissions in, checked emissions out; and the types of a search: its configuration and its hypotheses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np

from emgasr.errors import ConfigError, DataError

# Float32 log-softmax sums to one within 1e-6; half precision or a missing log-softmax does not.
SUM_TOLERANCE = 1e-3


# What each field of a SearchConfig may be, both ends included: within these the search is exact.
BOUNDS: dict[str, tuple[float, float]] = {
    "beam": (1, 1_000_000),
    "top_k": (1, 1_000_000),
    "lm_weight": (-100.0, 100.0),
    "length_bonus": (-100.0, 100.0),
    "word_bonus": (-100.0, 100.0),
    "acoustic_scale": (0.001, 100.0),
    "blank_penalty": (-100.0, 100.0),
    "backspace_penalty": (-100.0, 100.0),
    "n_best": (1, 1_000_000),
    "threshold": (0.001, 100_000.0),
    "finalize_within": (1, 1_000_000_000),
}
COUNTS = ("beam", "top_k", "n_best", "finalize_within")
SWITCHES = ("strict_top_k", "refund_bonus", "end_of_sentence")


@dataclass(frozen=True)
class SearchConfig:
    """How the beam search weighs and prunes hypotheses.

    The score of a token sequence y, which writes the text w (what is left on the page after its backspaces), is

        score = ln Σ over alignments of y, Π over frames of p(label)^acoustic_scale · e^-blank_penalty if it is blank
                + lm_weight · ln p_LM(w) + Σ boosts of the hotwords in w + word_bonus · (words in w)
                + length_bonus · |y| - backspace_penalty · (backspaces in y)

    Every token of y counts in |y|. With acoustic_scale 1 and no blank_penalty the first term is ln p(y | emissions).
    Where the emissions end, a hotword counts as complete if it lacks the end of its last word alone. Words are those of
    a lexicon's model (WordModel); the last one counts as soon as it has a letter.

    Args:
        beam: hypotheses kept after each frame, 1 to 1,000,000.
        top_k: labels that may begin in a frame, best first; None: all. Blank and repeats always may.
        lm_weight: weight of ln p_LM, -100 to 100, as every weight in nats below.
        length_bonus: nats for each token.
        acoustic_scale: exponent of the emissions, 0.001 to 100.
        blank_penalty: nats that each blank frame of an alignment costs; below 0, blanks are favored.
        backspace_penalty: nats that a backspace costs; at 0 a search invents pairs of a wrong key and a backspace.
        end_of_sentence: whether p_LM counts the end of the sentence.
        n_best: hypotheses returned, at most `beam`.
        threshold: nats below the best at which a hypothesis is dropped, 0.001 to 100,000; None: never.
        finalize_within: frames, to 10^9, after which a stream's best hypothesis is final, whatever else lives.
        word_bonus: nats for each word, flashlight's word score; 0 without a lexicon.
        refund_bonus: whether |y| counts neither a backspace nor what it deletes, as in emg2qwerty's decoder.
        strict_top_k: whether blank and repeats must be among the top_k labels too, as in emg2qwerty's decoder.

    Raises:
        ConfigError: A field is not within its `BOUNDS`.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"commit_within": "finalize_within"}

    beam: int = 50
    top_k: int | None = 10
    lm_weight: float = 1.0
    length_bonus: float = 0.0
    acoustic_scale: float = 1.0
    blank_penalty: float = 0.0
    backspace_penalty: float = 0.0
    end_of_sentence: bool = False
    n_best: int = 1
    threshold: float | None = None
    finalize_within: int = 5000
    word_bonus: float = 0.0
    refund_bonus: bool = False
    strict_top_k: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value: Any = getattr(self, name)
            if value is None and name in ("top_k", "threshold"):
                continue
            kind: Any
            kind, what = (Integral, "a whole number") if name in COUNTS else (Real, "a number")
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ConfigError("search", f"{name} is {shown(value)}", f"use {what} from {low:,.10g} to {high:,.10g}")
            if not low <= value <= high:
                advice = f"use {low:,.10g} to {high:,.10g}" + (
                    ", or leave it out" if name in ("top_k", "threshold") else ""
                )
                raise ConfigError("search", f"{name} is {shown(value)}", advice)
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError("search", f"{name} is {shown(getattr(self, name))}", "use true or false")


def shown(value: object) -> str:
    """Return a value as an error's one line shows it, cut where it is long."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # an int of more than 4,300 digits
        return "a number of thousands of digits"
    return repr(text[:40])[1:-1] + ("..." if len(text) > 40 else "")


class Evidence(NamedTuple):
    """What speaks for a token beside the emissions' confidence; from it `emgasr.confidence` makes a probability.

    Args:
        margin: nats by which it leads over the best other symbol, or none, at its place (`emgasr.decoding.margin`).
        share: of the beam's probability that agreed on it when it became final, 0 to 1; 1 without a search.
        wait: frames from its first until it became final, or the emissions ended; 0 without a search.
    """

    margin: float = 0.0
    share: float = 1.0
    wait: float = 0.0


@dataclass(frozen=True)
class Hypothesis:
    """One answer: token ids, the frame at which each begins, how sure the emissions are of each, and its scores."""

    ids: tuple[int, ...]
    frames: tuple[int, ...]  # where each token begins in the best alignment
    confidences: tuple[float, ...]  # 0-1: the highest emission of the token within its frames of that alignment
    score: float  # what hypotheses are ranked by, see SearchConfig
    acoustic: float  # the first term of the score
    lm: float  # ln p_LM of the text, before its weight
    evidence: tuple[Evidence, ...] = ()  # for each token; empty where nobody looked


def checked(emissions: np.ndarray, vocabulary: int, first_frame: int = 0) -> np.ndarray:
    """Return the emissions (F, V) as float64, or raise a DataError that names the first bad frame.

    Minus infinity is a probability of zero; NaN, plus infinity and rows that do not sum to one are refused.
    """
    emissions = np.asarray(emissions, dtype=np.float64)
    if emissions.ndim != 2 or emissions.shape[1] != vocabulary or not _fine(emissions).all():
        raise refusal(emissions, vocabulary, first_frame)
    return emissions


def refusal(emissions: np.ndarray, vocabulary: int, first_frame: int = 0) -> DataError:
    """Return the error that says what is wrong with emissions."""
    if emissions.ndim != 2 or emissions.shape[1] != vocabulary:
        wrong = f"shape {emissions.shape} is not (frames, {vocabulary})"
        return DataError("emissions", wrong, "use the model's tokens")
    row = int(_fine(emissions).argmin())
    if np.isnan(emissions[row]).any() or (emissions[row] == np.inf).any():
        return DataError("emissions", f"frame {first_frame + row} holds NaN or infinity", "check the model")
    with np.errstate(over="ignore"):
        total = np.exp(emissions[row]).sum()
    wrong = f"the probabilities of frame {first_frame + row} sum to {total:.4g}, not to 1"
    return DataError("emissions", wrong, "give natural-log probabilities (log-softmax)")


def _fine(emissions: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(np.exp(emissions).sum(axis=1) - 1) <= SUM_TOLERANCE
