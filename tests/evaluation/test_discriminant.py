"""The shrinkage LDA and its features, against direct formulas and, where it is installed, scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.data.compose import Take
from emgasr.evaluation.discriminant import ShrinkageLDA, band_energies, centered, thirds_covariance

RATE_HZ = 200.0


def blobs(count: int = 12, width: int = 20, seed: int = 0) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Three classes of one covariance, and fresh rows around them."""
    rng = np.random.default_rng(seed)
    labels = [name for name in "abc" for _ in range(count)]
    means = np.repeat(rng.normal(0, 3, (3, width)), count, 0)
    features = rng.normal(0, 1, means.shape) @ rng.normal(0, 1, (width, width)) + means
    return features, labels, features + rng.normal(0, 2, features.shape)


def take_of(samples: np.ndarray) -> Take:
    return Take(samples.astype(np.float32), RATE_HZ, "a", "ann", "day1", "one")


def test_it_takes_the_nearest_mean_under_the_covariance_shrunk_by_the_formula_of_ledoit_and_wolf() -> None:
    features, labels, fresh = blobs(count=40, width=6)
    means = {label: features[np.array(labels) == label].mean(0) for label in "abc"}
    rest = np.stack([row - means[label] for row, label in zip(features, labels, strict=True)])
    scale = rest.std(0)
    rows = rest / scale
    sample = sum(np.outer(row, row) for row in rows) / len(rows)
    mean_power = np.trace(sample) / 6
    squared = ((sample - mean_power * np.eye(6)) ** 2).sum()
    spread = sum(((np.outer(row, row) - sample) ** 2).sum() for row in rows) / len(rows) ** 2
    share = min(spread, squared) / squared
    shrunk = share * mean_power * np.eye(6) + (1 - share) * sample
    inverse = np.linalg.inv(shrunk * np.outer(scale, scale))
    nearest = [min("abc", key=lambda label, x=x: (x - means[label]) @ inverse @ (x - means[label])) for x in fresh]
    assert ShrinkageLDA(features, labels).guess(fresh) == nearest
    assert len(set(nearest)) == 3


def test_it_is_scikit_learns() -> None:
    reference = pytest.importorskip("sklearn.discriminant_analysis").LinearDiscriminantAnalysis
    features, labels, fresh = blobs()
    other = reference(solver="lsqr", shrinkage="auto").fit(features, labels)
    agreed = np.array(ShrinkageLDA(features, labels).guess(fresh)) == other.predict(fresh)
    assert np.mean(agreed) > 0.95  # classes are scaled together here


def test_a_row_of_weight_two_counts_as_two() -> None:
    features, labels, fresh = blobs()
    weights = np.ones(len(labels))
    weights[0] = 2
    weighted = ShrinkageLDA(features, labels, weights)
    twice = ShrinkageLDA(np.vstack([features, features[:1]]), [*labels, labels[0]])
    np.testing.assert_allclose(weighted.means, twice.means)
    assert len(weighted.guess(fresh)) == len(fresh)


def test_parts_are_discriminants_of_their_own_whose_scores_add_up_by_their_weights() -> None:
    features, labels, fresh = blobs(count=60, width=7)
    one, other = ShrinkageLDA(features[:, :3], labels), ShrinkageLDA(features[:, 3:], labels)
    expected = 0.25 * one.scores(fresh[:, :3]) + other.scores(fresh[:, 3:])
    found = ShrinkageLDA(features, labels, parts=[(3, 0.25)])
    np.testing.assert_allclose(found.scores(fresh), expected, rtol=1e-8)
    assert not found.covariance[:3, 3:].any()


def test_a_column_that_is_always_the_same_says_nothing() -> None:
    features, labels, fresh = blobs(count=60, width=5)
    constant = np.full((len(features), 1), 0.0)
    padded = ShrinkageLDA(np.concatenate([features, constant], 1), labels)
    guesses = np.array(padded.guess(np.concatenate([fresh, constant], 1)))
    same = guesses == np.array(ShrinkageLDA(features, labels).guess(fresh))
    assert same.mean() > 0.98  # but for the shrinkage, which counts the columns


def test_a_tone_has_its_power_in_its_band_and_electrode() -> None:
    time_s = np.arange(400) / RATE_HZ
    samples = np.zeros((400, 2))
    samples[:, 1] = 100 * np.sin(2 * np.pi * 62.5 * time_s)  # in the third of four bands up to 100 Hz
    found = band_energies(take_of(samples)).reshape(2, 4)
    assert found.argmax() == 4 + 2
    np.testing.assert_allclose(found[0], np.log10(8.0), atol=1e-4)  # silence: what is added, alone
    np.testing.assert_allclose(10 ** found[1, 2], 100**2 / 4 * 32, rtol=0.05)  # of a window of 32 under a unit taper


def test_a_take_shorter_than_a_window_has_its_energies_too() -> None:
    assert np.isfinite(band_energies(take_of(np.random.default_rng(0).normal(0, 9, (20, 3))))).all()


def test_covariances_of_white_noise_are_its_power_on_the_diagonal_at_each_of_three_times() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (20_000, 2))
    noise[10_000:] *= 3
    found = thirds_covariance(take_of(noise)).reshape(3, 2, 3)  # times, bands, triangle
    # Under a taper of unit energy, white noise has its variance as power at every frequency.
    np.testing.assert_allclose(found[0], [[np.log(100), 0, np.log(100)]] * 2, atol=0.1)
    np.testing.assert_allclose(found[2], [[np.log(900), 0, np.log(900)]] * 2, atol=0.1)
    assert (found[1, :, 0] > found[0, :, 0]).all()
    assert (found[1, :, 0] < found[2, :, 0]).all()


@pytest.mark.parametrize("length", [150, 151, 333, 400])
def test_covariances_are_of_three_windows_whatever_the_length(length: int) -> None:
    noise = np.random.default_rng(0).normal(0, 10, (length, 4))
    assert thirds_covariance(take_of(noise)).shape == (3 * 2 * 10,)


def test_centering_takes_out_what_a_session_adds_and_leaves_the_rest() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (6, 3))
    sessions = ["x", "y", "x", "y", "x", "x"]
    shifted = rows + np.array([[5.0] if session == "x" else [-2.0] for session in sessions])
    np.testing.assert_allclose(centered(rows, sessions), centered(shifted, sessions), atol=1e-12)
    assert np.abs(centered(rows, sessions) - rows).max() > 0.1


def test_rows_that_never_change_say_nothing() -> None:
    labels = ["a", "b"] * 4
    still = ShrinkageLDA(np.zeros((8, 3)), labels)
    np.testing.assert_allclose(still.scores(np.ones((2, 3))), 0.0)
    rows = np.array([[-2.0], [2.0]] * 4) + np.linspace(-0.1, 0.1, 8)[:, None]
    beside = ShrinkageLDA(np.concatenate([np.zeros((8, 2)), rows], 1), labels, parts=((2, 1.0),))
    np.testing.assert_allclose(
        beside.scores(np.array([[0.0, 0.0, 1.0]])), ShrinkageLDA(rows, labels).scores(np.array([[1.0]])), rtol=1e-6
    )
