"""Frame posteriors of held labels and an operating point in; activations, a token each, out.

A label is active when its probability (the mean of some frames) stands at the threshold or above for some frames one
after another; no label becomes active for a refractory time after that. A label that stays on is one activation. All is
counted in frames, so that any chunking gives the same activations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.decoding.hypothesis import Evidence, Hypothesis, checked
from emgasr.files.plain_data import read_yaml
from emgasr.runtime.compiled import compiled
from emgasr.tokens import Tokens

HELD: Final = "held"
TOKENS: Final = "tokens"
LEAST = 1e-13  # probability that any lower one counts as


@dataclass(frozen=True)
class OperatingPoint:
    """From when on a reading says something.

    Args:
        reads: "held": labels of frames are held for a while, as gestures are; "tokens": what a search or the best path
            writes, keys or words.
        threshold: probability of the label in a frame; or confidence of a token; less is not said.
        frames: one after another at the threshold that make a held label active.
        mean_frames: of which a held label's probability is the mean, the latest one the last.
        refractory_s: seconds behind an activation in which there is no other; of tokens, in which no word is read.
        model_sha256: of the weights that it was chosen for.
        calibrated: whether a token's confidence is a calibrated one.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    reads: Literal["held", "tokens"] = HELD
    threshold: Annotated[float, Within(0, 1)] = 0.5
    frames: Annotated[int, Within(1, 100_000)] = 1
    refractory_s: Annotated[float, Within(0, 3600)] = 0.0
    mean_frames: Annotated[int, Within(1, 10_000)] = 1
    model_sha256: str = ""
    calibrated: bool = False

    def __post_init__(self) -> None:
        check_within(self, "operating point")

    def refusal(self, path: Path, model_sha256: str, calibrated: bool) -> str:
        """Return a line if it was chosen for something else; "" where it fits."""
        if self.model_sha256 != model_sha256:
            return f"{path}: was chosen for other weights and is left out; `emgasr operate` chooses anew"
        if self.reads == TOKENS and self.calibrated != calibrated:
            other = "with" if self.calibrated else "without"
            return f"{path}: was chosen {other} a calibrated confidence and is left out; `emgasr operate` chooses anew"
        return ""


def read_point(path: str | Path) -> OperatingPoint:
    """Read an operating point; a ConfigError names an unknown or mistyped field."""
    return from_mapping(OperatingPoint, {}, read_yaml(path), path)


def write_point(point: OperatingPoint, path: str | Path, comment: str = "") -> None:
    """Write it as YAML, a line of `comment` above; the old file stays if this fails."""
    write_yaml(to_mapping(point), path, comment)


@dataclass
class HeldState:
    """Where a reading of held labels stands: the latest probabilities (frames, V), and the run of a label (STATE,)."""

    latest: np.ndarray
    run: np.ndarray


@dataclass(frozen=True, eq=False)
class Held:
    """Labels that are read at an operating point: offline at once, or by a reader of streams."""

    tokens: Tokens
    point: OperatingPoint
    frame_rate_hz: float
    resting: tuple[int, ...] = (0,)  # ids that mark rest
    lm: Any = None  # no language model reads labels that are held

    @property
    def refractory(self) -> int:
        """The refractory time in frames."""
        return round(self.point.refractory_s * self.frame_rate_hz)

    def begun(self) -> HeldState:
        """Return the state before the first frame."""
        return HeldState(np.zeros((self.point.mean_frames - 1, len(self.tokens))), np.zeros(len(STATE)))

    def read(self, rows: np.ndarray, state: HeldState, first: int = 0) -> list[tuple[int, int, float, Evidence]]:
        """Read on through rows (F, V); the state goes on in place.

        Returns:
            Of each activation the label's id, its first frame, the mean probability until it was active, and evidence.
        """
        if not len(rows):
            return []
        means = np.concatenate([state.latest, np.exp(rows.astype(np.float64))])
        state.latest = means[len(means) - len(state.latest) :]
        label, probability, lead = leading(moving_mean(means, self.point.mean_frames), self.resting)
        asked = (self.point.threshold, self.point.frames, self.refractory)
        places, sure, leads = activations(label, probability, lead, state.run, *asked)
        begins = first + 1 - self.point.frames
        return [
            (int(label[place]), begins + place, mean, Evidence(gained))
            for place, mean, gained in zip(places.tolist(), sure.tolist(), leads.tolist(), strict=True)
        ]

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Return the only hypothesis of emissions (F, V): its activations; its score is ln of their probabilities."""
        found = self.read(checked(emissions, len(self.tokens)), self.begun())
        ids, frames, sure, evidence = zip(*found, strict=True) if found else ((), (), (), ())
        score = float(np.log(np.maximum(sure, 1e-30)).sum())
        return [Hypothesis(ids, frames, sure, score, score, 0.0, evidence)]


@compiled(nogil=True)
def moving_mean(probabilities: np.ndarray, frames: int) -> np.ndarray:
    """Return the means (F, V) of the latest `frames` rows of probabilities (frames - 1 + F, V), summed in order."""
    means = np.zeros((len(probabilities) - frames + 1, probabilities.shape[1]))
    for frame in range(len(means)):
        for row in range(frame, frame + frames):
            for label in range(probabilities.shape[1]):
                means[frame, label] += probabilities[row, label]
    return means / frames


def leading(probabilities: np.ndarray, resting: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each frame the label that leads (F,), its probability (F,), and the nats over the best other (F,)."""
    meant, others = probabilities.copy(), probabilities.copy()
    meant[:, list(resting)] = 0
    label = meant.argmax(1)
    rows = np.arange(len(meant))
    own = meant[rows, label]
    others[rows, label] = 0
    return label, own, np.log(np.maximum(own, LEAST)) - np.log(np.maximum(others.max(1), LEAST))


STATE = ("label", "run", "sum", "lead", "said", "left")


@compiled(nogil=True)
def activations(
    label: np.ndarray,
    probability: np.ndarray,
    lead: np.ndarray,
    state: np.ndarray,
    threshold: float,
    frames: int,
    refractory: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the frames (n,) that make labels active, with mean probability and summed lead; `state` goes on in place.

    Args:
        label, probability, lead: (F,) of each frame, see `leading`.
        state: (STATE,) zeros at the start.
        threshold, frames, refractory: of the operating point, the last in frames.
    """
    places = np.zeros(len(label), np.int64)
    sure, leads = np.zeros(len(label)), np.zeros(len(label))
    count = 0
    for frame in range(len(label)):
        state[5] = max(0.0, state[5] - 1)
        if probability[frame] < threshold:
            state[:5] = 0.0
            continue
        if label[frame] != state[0]:
            state[:5] = 0.0
            state[0] = label[frame]
        state[1] += 1
        if state[1] <= frames:
            state[2] += probability[frame]
            state[3] += lead[frame]
        if state[1] >= frames and state[4] == 0 and state[5] == 0:
            places[count], sure[count], leads[count] = frame, state[2] / frames, state[3]
            count += 1
            state[4], state[5] = 1.0, refractory + 1.0
    return places[:count], sure[:count], leads[:count]
