"""What a search is asked (SearchConfig), what it is given (checked emissions), and what it answers (Hypothesis)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from emgasr.errors import ConfigError, DataError

# Float32 log-softmax sums to one within 1e-6; half precision or a missing log-softmax does not.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class SearchConfig:
    """How the beam search weighs and prunes.

    The score of a token sequence y, which writes the text w (what is left on the page after its backspaces), is

        score = ln Σ over alignments of y, Π over frames of p(label)^acoustic_scale · e^-blank_penalty if it is blank
                + lm_weight · ln p_LM(w) + Σ boosts of the hotwords in w
                + length_bonus · |y| - backspace_penalty · (backspaces in y)

    with every token of y counted in |y|, and the end of the sentence in p_LM only if `end_of_sentence`. With
    acoustic_scale 1 and no blank_penalty the first term is ln p(y | emissions). Hotwords that are complete but for
    the end of their last word count as complete where the emissions end.
    """

    beam: int = 50  # hypotheses kept after each frame
    top_k: int | None = 10  # labels that may begin in a frame, best first; None: all. Blank and repeats always may
    lm_weight: float = 1.0
    length_bonus: float = 0.0
    acoustic_scale: float = 1.0
    blank_penalty: float = 0.0  # nats that each blank frame of an alignment costs; below 0, blanks are favored
    backspace_penalty: float = 0.0  # a free undo invents pairs of a wrong key and a backspace
    end_of_sentence: bool = False
    n_best: int = 1  # hypotheses answered, of at most `beam`
    threshold: float | None = None  # nats below the best at which a hypothesis is dropped; None: never
    commit_within: int = 5000  # frames after which a stream commits its best hypothesis, whatever else lives

    def __post_init__(self) -> None:
        for name in ("beam", "top_k", "n_best", "commit_within"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError("search", f"{name} is {value}", "use 1 or more")
        for name in ("lm_weight", "length_bonus", "acoustic_scale", "blank_penalty", "backspace_penalty"):
            if not math.isfinite(getattr(self, name)):
                raise ConfigError("search", f"{name} is {getattr(self, name)}", "use a finite number")
        if self.threshold is not None and not self.threshold > 0:
            raise ConfigError("search", f"threshold is {self.threshold}", "use nats above 0, or leave it out")
        if self.acoustic_scale <= 0:
            raise ConfigError("search", f"acoustic_scale is {self.acoustic_scale}", "use a number above 0")


@dataclass(frozen=True)
class Hypothesis:
    """One answer: token ids, the frame at which each begins, how sure the emissions are of each, and its scores."""

    ids: tuple[int, ...]
    frames: tuple[int, ...]  # where each token begins in the best alignment
    confidences: tuple[float, ...]  # 0-1: the highest emission of the token within its frames of that alignment
    score: float  # what hypotheses are ranked by, see SearchConfig
    acoustic: float  # the first term of the score
    lm: float  # ln p_LM of the text, before its weight


def checked(emissions: np.ndarray, vocabulary: int, first_frame: int = 0) -> np.ndarray:
    """Return the emissions (F, V) as float64, or raise a DataError that names the first bad frame.

    Minus infinity is a probability of zero; NaN, plus infinity and rows that do not sum to one are refused.
    """
    emissions = np.asarray(emissions, dtype=np.float64)
    if emissions.ndim != 2 or emissions.shape[1] != vocabulary or not _fine(emissions).all():
        raise refusal(emissions, vocabulary, first_frame)
    return emissions


def refusal(emissions: np.ndarray, vocabulary: int, first_frame: int = 0) -> DataError:
    """What is wrong with emissions that are refused."""
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
