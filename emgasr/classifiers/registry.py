"""A classifier's options in, the classifier out: the one list of the kinds that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from emgasr.classifiers.contract import Classifier, ClassifierConfig
from emgasr.classifiers.knn import KNN, KNNConfig
from emgasr.classifiers.lda import LDA, LDAConfig
from emgasr.classifiers.random_forest import RandomForest, RandomForestConfig
from emgasr.classifiers.svm import SVM, SVMConfig
from emgasr.classifiers.tangent_space import TangentSpace, TangentSpaceConfig


class ClassifierKind(NamedTuple):
    """One kind of classifier: the dataclass of its options; what builds it from (options, seed); its features."""

    config: type[ClassifierConfig]
    build: Callable[..., Classifier]
    features: str


CLASSIFIERS: dict[str, ClassifierKind] = {
    "lda": ClassifierKind(LDAConfig, LDA, "time_domain"),
    "svm": ClassifierKind(SVMConfig, SVM, "time_domain"),
    "knn": ClassifierKind(KNNConfig, KNN, "time_domain"),
    "random_forest": ClassifierKind(RandomForestConfig, RandomForest, "time_domain"),
    "tangent_space": ClassifierKind(TangentSpaceConfig, TangentSpace, "covariance"),
}


def build_classifier(config: ClassifierConfig, seed: int) -> Classifier:
    """Build the classifier that `config` describes.

    Raises:
        ConfigError: it needs a library that is not installed.
    """
    return CLASSIFIERS[config.kind].build(config, seed)
