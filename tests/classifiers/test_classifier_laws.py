"""The laws of classifiers, for each row of the registry, and what scikit-learn and pyriemann make of the same."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.classifiers.contract import ClassifierConfig, log_distribution, needed
from emgasr.classifiers.lda import LDA, LDAConfig
from emgasr.classifiers.random_forest import RandomForestConfig
from emgasr.classifiers.registry import CLASSIFIERS, build_classifier
from emgasr.classifiers.svm import SVM, SVMConfig
from emgasr.classifiers.tangent_space import TangentSpace, TangentSpaceConfig, covariances
from emgasr.config.parsing import from_mapping, to_mapping
from emgasr.errors import ConfigError

pytest.importorskip("sklearn")
pytest.importorskip("pyriemann")

CONFIGS = [
    RandomForestConfig(trees=20) if name == "random_forest" else kind.config() for name, kind in CLASSIFIERS.items()
]
every_kind = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
Windows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def windows(count: int = 150, apart: float = 2.0, seed: int = 0, labels: int = 3) -> Windows:
    """Windows (n, 6) of some labels by four people, 6 being a triangle of a matrix of three electrodes."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(count) % labels
    found = rng.standard_normal((count, 6))
    found[np.arange(count), numbers] += apart
    return found, numbers, np.arange(count) // labels % 4, np.ones(count)


@every_kind
@pytest.mark.parametrize("labels", [2, 3])
def test_windows_never_seen_get_distributions_that_name_their_label(config: ClassifierConfig, labels: int) -> None:
    made = build_classifier(config, seed=0)
    made.fit(*windows(labels=labels))
    others, right, _, _ = windows(seed=1, labels=labels)
    log_probs = made.log_probs(others)
    assert log_probs.shape == (150, labels)
    assert np.isfinite(log_probs).all()
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1.0, atol=1e-6)
    assert (log_probs.argmax(1) == right).mean() > 0.75


@every_kind
def test_the_same_windows_and_seed_give_the_same_probabilities(config: ClassifierConfig) -> None:
    first, second = (build_classifier(config, seed=3) for _ in range(2))
    for made in (first, second):
        made.fit(*windows())
    np.testing.assert_array_equal(first.log_probs(windows(seed=1)[0]), second.log_probs(windows(seed=1)[0]))


@every_kind
def test_windows_of_greater_weight_have_more_to_say(config: ClassifierConfig) -> None:
    """Of one label, half of the windows lie elsewhere; the more these weigh, the more likely it is there."""
    found, labels, groups, weights = windows(300, apart=1.0)
    moved = (labels == 0) & (np.arange(300) % 2 == 0)
    found[moved, 0] -= 3
    asked = np.array([[-2.0, 0, 0, 0, 0, 0]])
    said = []
    for weight in (1.0, 20.0):
        made = build_classifier(config, seed=0)
        made.fit(found, labels, groups, np.where(moved, weight, weights))
        said.append(float(made.log_probs(asked)[0, 0]))
    assert said[1] > said[0] - 1e-9
    if config.kind == "lda":
        assert said[1] > said[0] + 0.1


@every_kind
def test_a_row_is_the_kind_of_its_options(config: ClassifierConfig) -> None:
    assert type(config) is CLASSIFIERS[config.kind].config
    assert from_mapping(type(config), {}, to_mapping(config), "a file") == config


def test_the_discriminant_is_that_of_scikit_learn() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found, labels, groups, weights = windows(200, apart=1.0)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[1 / 3] * 3).fit(found, labels)
    ours = LDA(LDAConfig())
    ours.fit(found, labels, groups, weights)
    asked = windows(100, seed=5)[0]
    np.testing.assert_allclose(ours.log_probs(asked), theirs.predict_log_proba(asked), atol=0.05)


def test_the_support_vectors_guess_what_scikit_learns_own_guess() -> None:
    from sklearn.svm import SVC

    found, labels, groups, weights = windows(150, apart=1.0)
    theirs = SVC(C=1.0, gamma="scale", class_weight="balanced", decision_function_shape="ovr").fit(found, labels)
    ours = SVM(SVMConfig())
    ours.fit(found, labels, groups, weights)
    asked = windows(100, seed=5)[0]
    np.testing.assert_array_equal(ours.log_probs(asked).argmax(1), theirs.decision_function(asked).argmax(1))


def test_the_tangent_space_is_that_of_the_covariances_themselves() -> None:
    from pyriemann.tangentspace import TangentSpace as Theirs
    from scipy.linalg import logm
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((90, 3, 20)) * (1 + 2 * np.eye(3)[np.arange(90) % 3])[:, :, None]
    matrices = mixed @ mixed.swapaxes(1, 2) / 20
    rows, columns = np.triu_indices(3)
    scale = np.where(rows == columns, 1, np.sqrt(2))
    triangles = np.stack([np.real(logm(matrix))[rows, columns] * scale for matrix in matrices])
    np.testing.assert_allclose(covariances(triangles), matrices, rtol=1e-8)
    labels = np.arange(90) % 3
    theirs = Theirs().fit(matrices)
    regression = LogisticRegression(C=0.1, max_iter=200).fit(theirs.transform(matrices), labels)
    ours = TangentSpace(TangentSpaceConfig())
    ours.fit(triangles, labels, np.zeros(90, int), np.ones(90))
    expected = regression.predict_log_proba(theirs.transform(matrices))
    np.testing.assert_allclose(ours.log_probs(triangles), expected, atol=1e-3)
    with pytest.raises(ConfigError, match="are no triangle of a matrix"):
        covariances(np.zeros((2, 5)))


def test_a_library_that_is_not_installed_is_named_with_what_installs_it() -> None:
    with pytest.raises(ConfigError, match=r"needs not_there; pip install 'emgasr\[benchmark\]'"):
        needed("not_there.tools")


def test_no_probability_is_zero() -> None:
    log_probs = log_distribution(np.array([[0.0, -1e9], [3.0, 3.0]]))
    assert np.isfinite(log_probs).all()
    np.testing.assert_allclose(np.exp(log_probs), [[1, 0], [0.5, 0.5]], atol=1e-8)
