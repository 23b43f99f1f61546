"""What speaks for tokens in, the probability that each token, word and segment is right out; and a file of the model.

`confidence.json` lies beside a model's weights. It names the weights, and the way of reading that it was fitted for:
a probability that belongs to something else would mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.confidence.calibrators import ADVICE, LARGEST, Calibrator, read_calibrator
from emgasr.confidence.features import OF_GROUPS, OF_TOKENS, group_features, token_features
from emgasr.config.fields import fields_of
from emgasr.decoding.hypothesis import Evidence
from emgasr.errors import ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json

FORMAT = 1
LEVELS = ("token", "word", "segment")


@dataclass(frozen=True)
class Scorer:
    """A weighted sum of features, none of which counts against, and the curve from it to a probability.

    Args:
        names: of the features.
        weights: (F,) of the features as they are, 0 or more.
        bias: added to their sum.
        curve: from the sum to a probability.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    curve: Calibrator

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the sums (n,) of features (n, F), as log-odds before the curve."""
        return features @ np.array(self.weights) + self.bias

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities (n,) of features (n, F)."""
        return self.curve(self.scores(features))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "weights": dict(zip(self.names, self.weights, strict=True)),
            "bias": self.bias,
            "curve": self.curve.as_dict(),
        }


@dataclass(frozen=True)
class Confidence:
    """The calibrated confidence of one model and one way of reading its emissions.

    Args:
        model_sha256: of the weights that it was fitted for.
        reading: what says how emissions are read (`reading_of` of the pipeline).
        token: of single tokens.
        word: of words of several tokens; None: a word is as sure as its least sure token.
        segment: of stretches between pauses; None: nothing is said of them.
        figures: what was measured on people left out, for people.
    """

    model_sha256: str
    reading: str
    token: Scorer
    word: Scorer | None = None
    segment: Scorer | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    def tokens(self, confidences: Sequence[float], evidence: Sequence[Evidence]) -> tuple[float, ...]:
        """Return the probability that each token is right, given the emissions' confidence and what else speaks for it."""
        if not len(confidences):
            return ()
        return tuple(self.token(token_features(confidences, evidence)).tolist())

    def of_word(self, probabilities: Sequence[float]) -> float:
        """Return the probability that a word is right, given those of its tokens."""
        if self.word is None:
            return min(probabilities)
        return float(self.word(group_features([np.asarray(probabilities)]))[0])

    def of_segment(self, probabilities: Sequence[float]) -> float | None:
        """Return the probability that a segment is right as a whole, given those of its tokens; None: unknown."""
        if self.segment is None:
            return None
        return float(self.segment(group_features([np.asarray(probabilities)]))[0])

    def mismatch(self, model_sha256: str, reading: str) -> str:
        """Return in a few words what it does not belong to; "" where it fits."""
        if self.model_sha256 != model_sha256:
            return "other weights"
        return "" if self.reading == reading else "another way of reading (search weights, language model or symbols)"

    def save(self, path: str | Path) -> None:
        """Write it as JSON; the old file stays if this fails."""
        scorers = {level: getattr(self, level) for level in LEVELS}
        content = {
            "emgasr_confidence": FORMAT,
            "model_sha256": self.model_sha256,
            "reading": self.reading,
            **{level: None if scorer is None else scorer.as_dict() for level, scorer in scorers.items()},
            "figures": dict(self.figures),
        }
        with replacing(path) as temporary:
            temporary.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Confidence:
        """Read it; a ModelError for a file that is none, or whose confidence would fall with what speaks for a token."""
        content = read_json(path, ModelError, ADVICE)
        kinds: dict[str, Any] = {"emgasr_confidence": int, "model_sha256": str, "reading": str, "figures": dict | None}
        found = fields_of(content, kinds, path, ModelError, ADVICE)
        if found["emgasr_confidence"] != FORMAT:
            raise ModelError(path, f"is no confidence of format {FORMAT}", ADVICE)
        scorers = [
            _scorer(content.get(level), OF_TOKENS if level == "token" else OF_GROUPS, f"{path}: {level}")
            for level in LEVELS
        ]
        if scorers[0] is None:
            raise ModelError(path, "lacks the confidence of tokens", ADVICE)
        return cls(found["model_sha256"], found["reading"], scorers[0], *scorers[1:], found["figures"] or {})


def _scorer(content: Any, names: tuple[str, ...], where: str) -> Scorer | None:
    if content is None:
        return None
    found = fields_of(content, {"weights": dict, "bias": float, "curve": dict}, where, ModelError, ADVICE)
    weights = fields_of(found["weights"], dict.fromkeys(names, float), where, ModelError, ADVICE)
    if not all(0 <= weight <= LARGEST for weight in weights.values()) or abs(found["bias"]) > LARGEST:
        raise ModelError(where, "a weight is below 0, or without bounds", ADVICE)
    curve = read_calibrator(found["curve"], where)
    return Scorer(names, tuple(map(float, weights.values())), float(found["bias"]), curve)
