"""Whole takes and their labels in; a linear discriminant with shrinkage, the plain baseline for single takes, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from emgasr.data.compose import Take
from emgasr.frontend.features import BandPowerConfig, FeaturesConfig, SpectralCovarianceConfig, build_features

BANDS = 4  # of energy, of equal width up to the Nyquist rate
WINDOW_MS, HOP_MS = 160.0, 20.0  # of band energies
LOWEST_HZ = 15.0  # of covariances: below lie the movements of electrodes and cables


class ShrinkageLDA:
    """Gaussian classes of one covariance, shrunk to its diagonal by Ledoit and Wolf (J. Multivar. Anal. 88, 2004).

    Args:
        features: a row for each take, (n, D).
        labels: the label of each row.
        weights: how often each row counts in the mean of its class (default: once).
        parts: columns whose covariance with all others is left out, one part behind the other: how many they are, and
            what their evidence counts against that of the columns behind the last part, which count 1.
    """

    def __init__(
        self,
        features: np.ndarray,
        labels: Sequence[str],
        weights: np.ndarray | None = None,
        parts: Sequence[tuple[int, float]] = (),
    ) -> None:
        names = np.array(labels)
        weights = np.ones(len(names)) if weights is None else weights
        self.labels = sorted(set(labels))
        rows = [names == label for label in self.labels]
        self.means = np.stack([np.average(features[row], axis=0, weights=weights[row]) for row in rows])
        # Around means in which all rows count alike: else a mean that is drawn to a few rows makes all others scatter.
        plain = np.stack([features[row].mean(0) for row in rows])
        centered = features - plain[[self.labels.index(label) for label in labels]]
        covariance = np.zeros((features.shape[1],) * 2)
        first = 0
        for width, weight in (*parts, (features.shape[1] - sum(width for width, _ in parts), 1.0)):
            part = slice(first, first := first + width)
            # A product of densities, each to the power of its weight, is one of their covariances over the weights.
            covariance[part, part] = _shrunk(centered[:, part]) / weight
        self.covariance = covariance
        try:
            self.directions = np.linalg.solve(covariance, self.means.T)
        except np.linalg.LinAlgError:  # a signal that never changes: what has no variance says nothing
            self.directions = np.linalg.pinv(covariance, hermitian=True) @ self.means.T
        self.offsets = -0.5 * np.einsum("kd,dk->k", self.means, self.directions)

    def guess(self, features: np.ndarray) -> list[str]:
        """Return the likeliest label of each row (n, D), all labels being as likely before."""
        return [self.labels[i] for i in self.scores(features).argmax(1)]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return (n, labels) log-probabilities of each row (n, D), but for what all labels of a row share."""
        return np.asarray(features @ self.directions + self.offsets)


def band_energies(take: Take, epsilon: float = 8.0) -> np.ndarray:
    """Return the mean over a take of the log power in each of four bands, (electrodes * 4,).

    `epsilon` is added to the power, in its unit: 8 fits microvolts, and converters of 8 bits.
    """
    edges = tuple(take.rate_hz / 2 * i / BANDS for i in range(1, BANDS + 1))
    window_ms = min(WINDOW_MS, 1000 * len(take.samples) / take.rate_hz)
    config = BandPowerConfig(
        window_ms=window_ms, hop_ms=min(HOP_MS, window_ms), edges_hz=(edges[0] / 4, *edges), epsilon=epsilon
    )
    return _frames(config, take).mean(0)


def thirds_covariance(take: Take, epsilon: float = 0.1) -> np.ndarray:
    """Return the log covariance of a take's electrodes at its beginning, in its middle and at its end, in a row.

    Each is that of a tapered window over half of the take, in two bands of equal width from 15 Hz to the Nyquist rate.
    `epsilon` is added to the power, in its unit.
    """
    half = len(take.samples) // 2
    middle = (LOWEST_HZ + take.rate_hz / 2) / 2
    config = SpectralCovarianceConfig(
        window_ms=1000 * half / take.rate_hz,
        hop_ms=1000 * (half // 2) / take.rate_hz,
        bands_hz=((LOWEST_HZ, middle), (middle, take.rate_hz / 2)),
        epsilon=epsilon,
    )
    return _frames(config, take)[:3].flatten()


def centered(features: np.ndarray, sessions: Sequence[object]) -> np.ndarray:
    """Return features (n, D) without the mean of their sessions; `sessions` names the one of each row, labels none."""
    found = features.copy()
    for session in set(sessions):
        rows = np.array([other == session for other in sessions])
        found[rows] -= features[rows].mean(0)
    return found


def _frames(config: FeaturesConfig, take: Take) -> np.ndarray:
    samples = torch.from_numpy(take.samples - take.samples.mean(0))[None]
    features = build_features(config, take.rate_hz, 1, take.samples.shape[1])
    frames, _ = features(samples, torch.tensor([samples.shape[1]]))
    return frames[0].flatten(1).numpy()


def _shrunk(rows: np.ndarray) -> np.ndarray:
    """Return the covariance of rows without a mean, shrunk on the scale of each column."""
    if not rows.shape[1]:
        return np.zeros((0, 0))
    deviation = rows.std(0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)  # a column that is always the same says nothing
    return _ledoit_wolf(rows / scale) * np.outer(scale, scale)


def _ledoit_wolf(rows: np.ndarray) -> np.ndarray:
    count, width = rows.shape
    sample = rows.T @ rows / count
    target = np.trace(sample) / width * np.eye(width)
    distance = ((sample - target) ** 2).sum()
    noise = ((rows**2).T @ (rows**2) / count - sample**2).sum() / count
    share = min(1.0, noise / distance) if distance else 0.0
    return share * target + (1 - share) * sample
