"""What speaks for tokens in, the probability that each token, word and segment is right out; and a file of the model.

`confidence.json` lies beside a model's weights. It names the weights, and the way of reading that it was fitted for:
a probability that belongs to something else would mean nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.confidence.calibrators import ADVICE, LARGEST, Calibrator, read_calibrator
from emgasr.confidence.features import OF_GROUPS, OF_TOKENS, group_features, token_features
from emgasr.config.fields import fields_of
from emgasr.config.parsing import to_mapping
from emgasr.decoding.hypothesis import Evidence, SearchConfig
from emgasr.errors import ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.tokens import Tokens

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
        reading: checksum of how emissions are read (`reading_sha256`).
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
        """Return the probability that each token is right, given its confidence by the emissions, and the evidence."""
        # One by one: sums of rows differ in their last digit by how many rows there are, and a stream has few.
        features = (token_features([sure], [known]) for sure, known in zip(confidences, evidence, strict=True))
        return tuple(float(self.token(row)[0]) for row in features)

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

    def refusal(self, path: Path, model_sha256: str, reading: str) -> str:
        """Return a line if it belongs to other weights, or to another way of reading; "" where it fits."""
        if (self.model_sha256, self.reading) == (model_sha256, reading):
            return ""
        other = "another way of reading (search weights, language model or symbols)"
        other = other if self.model_sha256 == model_sha256 else "other weights"
        advice = "confidences are those of the emissions; `emgasr tune --confidence` makes them probabilities again"
        return f"{path}: was fitted for {other}; {advice}"

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
        """Read it; a ModelError for a file that is none, or whose confidence falls with what speaks for a token."""
        content = read_json(path, ModelError, ADVICE)
        kinds: dict[str, Any] = {"emgasr_confidence": int, "model_sha256": str, "reading": str}
        found = fields_of(content, kinds, path, ModelError, ADVICE)
        if found["emgasr_confidence"] != FORMAT:
            raise ModelError(path, f"is no confidence of format {FORMAT}", ADVICE)
        token, word, segment = [
            _scorer(content.get(level), OF_TOKENS if level == "token" else OF_GROUPS, f"{path}: {level}")
            for level in LEVELS
        ]
        if token is None:
            raise ModelError(path, "lacks the confidence of tokens", ADVICE)
        return cls(found["model_sha256"], found["reading"], token, word, segment, _mapping(content, "figures"))


def reading_sha256(
    tokens: Tokens, search: SearchConfig | None, lm_sha256: str, held: dict[str, Any] | None = None
) -> str:
    """Return a checksum of how emissions are read; without a `search` greedily, or at an operating point of `held`."""
    content: dict[str, Any] = {"symbols": tokens.symbols_of(range(1, len(tokens)))}
    if search is not None:
        content |= {"search": to_mapping(replace(search, n_best=1)), "lm": lm_sha256}
    if held is not None:
        content["held"] = held
    return hashlib.sha256(as_json(content).encode()).hexdigest()


def _scorer(content: Any, names: tuple[str, ...], where: str) -> Scorer | None:
    if content is None:
        return None
    bias = fields_of(content, {"bias": float}, where, ModelError, ADVICE)["bias"]
    weights = fields_of(_mapping(content, "weights"), dict.fromkeys(names, float), where, ModelError, ADVICE)
    if not all(0 <= weight <= LARGEST for weight in weights.values()) or abs(bias) > LARGEST:
        raise ModelError(where, "a weight is below 0, or without bounds", ADVICE)
    return Scorer(names, tuple(map(float, weights.values())), float(bias), read_calibrator(content.get("curve"), where))


def _mapping(content: Any, name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}
