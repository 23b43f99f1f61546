"""Heads by linear discriminants: those of scikit-learn, in a recognizer and from its folder; moved by a repetition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.classifiers.head import HEAD_NAME, DiscriminantHead
from emgasr.classifiers.windows import REST, WindowRecognizer, WindowSet, windows_of
from emgasr.errors import DataError, ModelError
from emgasr.evaluation.discriminant import ShrinkageLDA
from emgasr.models.folder import load_recognizer, save_recognizer
from tests.helpers.word_takes import word_recognizer, word_takes


def drawn(names: tuple[str, ...], width: int, seed: int = 0, each: int = 200) -> WindowSet:
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(9).standard_normal((len(names), width)) * 2
    labels = np.repeat(np.arange(len(names)), each)
    windows = centers[labels] + rng.standard_normal((len(labels), width)) @ np.diag(np.linspace(0.5, 2, width))
    return WindowSet(windows, labels, np.zeros(len(labels), int), names)


def test_its_decisions_are_those_of_scikit_learns_discriminants() -> None:
    discriminant_analysis = pytest.importorskip("sklearn.discriminant_analysis")
    found, other = drawn(("a", "b", "c"), 5), drawn(("a", "b", "c"), 5, seed=1)
    peer = discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3)
    peer.fit(found.windows, found.labels)
    made = DiscriminantHead.of(found)
    assert (made.log_probs(other.windows).argmax(1) == peer.predict(other.windows)).mean() > 0.995


def test_a_recognizer_writes_by_it_and_its_folder_gives_it_back(tmp_path: Path) -> None:
    recognizer = word_recognizer()
    width = recognizer.head.weight.shape[1]
    found = drawn((REST, "stop", "go"), width)
    made = DiscriminantHead.of(found)
    made.put_into(recognizer)
    symbols = ["", *recognizer.tokens.symbols_of(range(1, len(recognizer.tokens)))]
    hidden = torch.from_numpy(found.windows).float()[None]
    written = recognizer.log_probs(hidden)[0].argmax(1).tolist()
    expected = made.log_probs(found.windows).argmax(1)
    assert [symbols[one] for one in written] == [made.names[one] for one in expected]
    save_recognizer(recognizer, tmp_path)
    made.save(tmp_path)
    again = load_recognizer(tmp_path)
    loaded = DiscriminantHead.load(tmp_path, again)
    order = [made.names.index(name) for name in loaded.names]
    np.testing.assert_allclose(loaded.means, made.means[order], rtol=1e-5)
    loaded.put_into(again)
    torch.testing.assert_close(again.head.weight, recognizer.head.weight, rtol=1e-3, atol=1e-3)


def test_hidden_frames_count_two_fifths_of_what_stands_behind_them() -> None:
    found, other = drawn(("a", "b", "c"), 6), drawn(("a", "b", "c"), 6, seed=1)

    labels = [found.names[label] for label in found.labels]
    hidden, behind = slice(0, 2), slice(2, 6)
    scores = sum(
        weight * ShrinkageLDA(found.windows[:, columns], labels).scores(other.windows[:, columns])
        for weight, columns in ((0.4, hidden), (1.0, behind))
    )
    scores = scores - scores.max(1, keepdims=True)
    expected = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    made = DiscriminantHead.of(found, hidden=2).log_probs(other.windows)
    likely = expected > -8  # log-probabilities end at a floor
    np.testing.assert_allclose(made[likely], expected[likely], atol=1e-6)
    assert likely.sum() > len(made)


def test_a_repetition_moves_the_means_by_its_share_and_unknown_labels_are_left_out() -> None:
    made = DiscriminantHead.of(drawn(("a", "b"), 4))
    own = WindowSet(np.full((10, 4), 3.0), np.zeros(10, int), np.zeros(10, int), ("b",))
    moved = made.adapted(own, prior_windows=30)
    np.testing.assert_allclose(moved.means[0], made.means[0])
    np.testing.assert_allclose(moved.means[1], (30 * made.means[1] + 10 * 3.0) / 40)
    other = replace(own, names=("z",))
    np.testing.assert_allclose(made.adapted(other).means, made.means)


def test_the_windows_of_a_recognizer_are_its_hidden_frames() -> None:
    recognizer = word_recognizer().eval()
    recording = word_takes(sessions=("d1",))[0][1]
    found = windows_of(WindowRecognizer.of(recognizer), lambda: [recording])
    assert found.windows.shape[1] == recognizer.head.weight.shape[1]
    assert len(found.windows)


def test_one_label_or_a_folder_without_a_head_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one label alone"):
        DiscriminantHead.of(drawn(("a",), 3))
    recognizer = word_recognizer()
    save_recognizer(recognizer, tmp_path)
    with pytest.raises(ModelError, match=HEAD_NAME):
        DiscriminantHead.load(tmp_path, recognizer)
    DiscriminantHead.of(drawn(("a", "b"), 3)).save(tmp_path)
    with pytest.raises(ModelError):
        DiscriminantHead.load(tmp_path, recognizer)


def test_a_covariance_that_is_none_or_another_models_head_is_one_line(tmp_path: Path) -> None:
    recognizer = word_recognizer()
    made = DiscriminantHead.of(drawn((REST, "stop", "go"), recognizer.head.weight.shape[1]))
    made.put_into(recognizer)
    slanted = made.covariance + np.triu(np.ones_like(made.covariance))
    for covariance in (0 * made.covariance, -made.covariance, np.ones_like(made.covariance), slanted):
        replace(made, covariance=covariance).save(tmp_path)
        with pytest.raises(ModelError, match="its covariance is none"):
            DiscriminantHead.load(tmp_path, recognizer)
    for other in (replace(made, means=1.1 * made.means), replace(made, covariance=2 * made.covariance)):
        other.save(tmp_path)
        with pytest.raises(ModelError, match="not what the model's head was made from"):
            DiscriminantHead.load(tmp_path, recognizer)
