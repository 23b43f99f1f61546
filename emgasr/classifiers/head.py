"""Windows of an encoder's hidden frames in; a recognizer's head by linear discriminants, which a few windows move, out.

Every label is a normal distribution of hidden frames, all of one covariance (`emgasr.evaluation.discriminant`). So a
person's own repetition moves the means at once, with nothing to tune on the device and nobody's windows at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from emgasr.classifiers.config import PRIOR_WINDOWS
from emgasr.classifiers.contract import log_distribution
from emgasr.classifiers.lda import parts_of
from emgasr.classifiers.windows import REST, WindowSet
from emgasr.errors import DataError, ModelError
from emgasr.evaluation.discriminant import ShrinkageLDA
from emgasr.files.output import replacing
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.models.recognizer import Recognizer
from emgasr.tokens import Tokens

HEAD_NAME = "discriminant.safetensors"  # in a model folder: what the head was made from
NEVER = -1e6  # the blank's score where rest was not learned
SAME = 0.01  # of the largest weight: what 16-bit weights and 32-bit covariances leave of a head


@dataclass(frozen=True, eq=False)
class DiscriminantHead:
    """Labels as normal distributions of hidden frames.

    Args:
        names: of the labels; REST is rest.
        means: (L, D) of each label.
        covariance: (D, D) of all.
    """

    names: tuple[str, ...]
    means: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def of(found: WindowSet, hidden: int = 0) -> DiscriminantHead:
        """Return the head that windows ask for; a DataError if they are of one label.

        Args:
            hidden: as in `LDAConfig`.
        """
        if len(found.names) < 2:
            raise DataError("head", f"there is one label alone ({found.names[0]!r})", "give takes of two or more")
        made = ShrinkageLDA(
            found.windows.astype(np.float64), [f"{label:06d}" for label in found.labels], parts=parts_of(hidden)
        )
        return DiscriminantHead(tuple(found.names[int(label)] for label in made.labels), made.means, made.covariance)

    def adapted(self, own: WindowSet, prior_windows: float = PRIOR_WINDOWS) -> DiscriminantHead:
        """Return the head with the means of labels drawn towards a person's own windows of them.

        What was known of a label counts as `prior_windows` windows of it. Labels of the person that the head does not
        know are left out.
        """
        means = self.means.copy()
        for label, name in enumerate(own.names):
            if name in self.names and len(rows := own.windows[own.labels == label]):
                place = self.names.index(name)
                means[place] = (prior_windows * means[place] + rows.sum(0)) / (prior_windows + len(rows))
        return replace(self, means=means)

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L) of windows (n, D)."""
        directions, offsets = self._linear()
        return log_distribution(windows @ directions + offsets)

    def put_into(self, recognizer: Recognizer) -> None:
        """Make the recognizer write these labels by this head; rest becomes the blank."""
        recognizer.tokens = Tokens.words([name for name in self.names if name != REST])
        directions, offsets = self._linear()
        symbols = recognizer.tokens.symbols_of(range(1, len(recognizer.tokens)))
        weight = np.zeros((len(recognizer.tokens), directions.shape[0]))
        bias = np.full(len(recognizer.tokens), NEVER)
        for row, name in enumerate([REST, *symbols]):
            if name in self.names:
                weight[row], bias[row] = directions[:, self.names.index(name)], offsets[self.names.index(name)]
        made = torch.nn.Linear(weight.shape[1], len(weight)).to(recognizer.head.weight)
        with torch.no_grad():
            made.weight.copy_(torch.from_numpy(weight))
            made.bias.copy_(torch.from_numpy(bias))
        recognizer.head = made

    def save(self, folder: Path) -> None:
        """Write it into a model folder, as 32-bit floats, rows in the order of the model's tokens, rest first."""
        order = [self.names.index(name) for name in _order(self.names)]
        arrays = {"means": self.means[order].astype(np.float32), "covariance": self.covariance.astype(np.float32)}
        with replacing(folder / HEAD_NAME) as path:
            path.write_bytes(save(arrays))

    @staticmethod
    def load(folder: Path, recognizer: Recognizer) -> DiscriminantHead:
        """Read that of a model folder; a ModelError if it has none, or one that is not what the model writes by."""
        path = folder / HEAD_NAME
        if not path.is_file():
            raise ModelError(folder, f"has no {HEAD_NAME}: its head cannot be moved", "personalize it by other methods")
        if not isinstance(recognizer.head, torch.nn.Linear):
            raise ModelError(path, "belongs to no model whose head is linear", "remove it")
        symbols = recognizer.tokens.symbols_of(range(1, len(recognizer.tokens)))
        rested = float(recognizer.head.bias.detach()[0]) > NEVER
        names = _order([*symbols, *([REST] if rested else [])])
        width = recognizer.head.weight.shape[1]
        empty = {"means": torch.empty(len(names), width), "covariance": torch.empty(width, width)}
        check_kinds(path, empty, kinds_in(path))
        found = {name: value.double().numpy() for name, value in read_weights(path).items()}
        made = DiscriminantHead(tuple(names), found["means"], found["covariance"])
        made._check(path, recognizer.head)
        return made

    def _check(self, path: Path, head: torch.nn.Linear) -> None:
        """Raise a ModelError for a covariance that is none, and for a head that the model does not write by."""
        advice = "copy the model folder again"
        try:
            np.linalg.cholesky(self.covariance)  # reads one half alone
            sound = np.allclose(self.covariance, self.covariance.T, atol=1e-6 * np.abs(self.covariance).max())
        except np.linalg.LinAlgError:
            sound = False
        if not sound:
            raise ModelError(path, "its covariance is none (not symmetric, or not positive definite)", advice)
        directions, offsets = self._linear()
        first = 0 if REST in self.names else 1
        for made, written in ((directions.T, head.weight), (offsets, head.bias)):
            has = written.detach()[first:].double().cpu().numpy()
            if not np.allclose(made, has, rtol=0, atol=SAME * np.abs(has).max()):
                raise ModelError(path, "is not what the model's head was made from", advice)

    def _linear(self) -> tuple[np.ndarray, np.ndarray]:
        directions = np.linalg.solve(self.covariance, self.means.T)
        return directions, -0.5 * np.einsum("kd,dk->k", self.means, directions)


def _order(names: tuple[str, ...] | list[str]) -> list[str]:
    symbols = [name for name in names if name != REST]
    listed = Tokens.words(symbols)
    return [*([REST] if REST in names else []), *listed.symbols_of(range(1, len(listed)))]
