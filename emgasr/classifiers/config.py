"""What a classifier as a system of a protocol is configured by; its features by the signal that it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np

from emgasr.classifiers.contract import ClassifierConfig
from emgasr.classifiers.lda import LDAConfig
from emgasr.classifiers.registry import CLASSIFIERS
from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.frontend.features import BandPowerConfig, FeaturesConfig, SpectralCovarianceConfig, TimeDomainConfig
from emgasr.frontend.features.spectrum import FLOOR
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.pretrained import load_pretrained
from emgasr.recording import Recording

KINDS: dict[str, dict[str, type]] = {"classifier": {name: kind.config for name, kind in CLASSIFIERS.items()}}
BANDS = 4  # of power, of equal width up to half the rate
LOWEST_HZ = 15.0  # below lie the movements of electrodes and cables
STEP_SHARE = 0.1  # of the median standard deviation: what a crossing or a turn must step over
PRIOR_WINDOWS = 30.0  # of a label: what others performed of it, against a person's own
LOOKED_AT = 200  # recordings whose strength is measured
NORMALIZE = NormalizeConfig(kind="adaptive", prior_s=8.0, epsilon=1e-6)


@dataclass(frozen=True)
class WindowFeaturesConfig:
    """The windows that a classifier judges, and what it sees of each.

    Args:
        of: time_domain (mean absolute value, zero crossings, slope sign changes, waveform length), band_power (log
            power in four bands up to half the rate), covariance (matrix logarithm of the electrodes' covariance from
            15 Hz), encoder (what a pretrained encoder makes of the signal); auto: as the kind of classifier asks for.
            Thresholds and floors follow the strength of the training signal.
        encoder: with `of` encoder, the folder of `emgasr pretrain`; {fold} in it stands for the fold's name.
        window_ms: length of a window, rounded to whole samples.
        hop_ms: time from one window to the next, rounded to whole samples.
    """

    of: Literal["auto", "time_domain", "band_power", "covariance", "encoder"] = "auto"
    encoder: str = ""
    window_ms: Annotated[float, Within(1, 1e5)] = 200.0
    hop_ms: Annotated[float, Within(1, 1e5)] = 100.0

    def __post_init__(self) -> None:
        check_within(self, "features")
        if (self.of == "encoder") != bool(self.encoder):
            wrong = f"is {self.encoder!r}, and features.of is {self.of}"
            raise ConfigError("features.encoder", wrong, "give of encoder and the folder of a pretrained one together")


@dataclass(frozen=True)
class ClassifyConfig:
    """A classifier of windows as a system of `emgasr protocol`, beside networks.

    Args:
        seed: of what is drawn: windows, trees.
        prior_windows: what others performed of a label counts together as so many windows of it against the person's
            own, however many they are. Tuned on validation people: between 20 and 40 a repetition helps most.
        classifier: what judges windows.
        features: the windows, and what is seen of each.
        normalize: level and spread of each feature, by the rules that networks have; with an encoder, of its hidden
            frames, while its own configuration says how it reads features. It takes no kind with a warm-up then.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    prior_windows: Annotated[float, Within(0.001, 1e9)] = PRIOR_WINDOWS
    classifier: ClassifierConfig = field(default_factory=LDAConfig)
    features: WindowFeaturesConfig = field(default_factory=WindowFeaturesConfig)
    normalize: NormalizeConfig = field(default_factory=lambda: NORMALIZE)

    def __post_init__(self) -> None:
        check_within(self)


def features_for(config: ClassifyConfig, recordings: Sequence[Recording]) -> FeaturesConfig:
    """Return the features of a system for the signal of these training recordings, all of one rate and unit."""
    rate_hz = recordings[0].rate_hz
    deviation, power, rectified = _strength(recordings[:: -(-len(recordings) // LOOKED_AT)])
    if config.features.of == "encoder":
        read = load_pretrained(Path(config.features.encoder)).config.features
        return replace(read, epsilon=max(FLOOR * power, 1e-30))
    window_ms, hop_ms = (_whole_ms(ms, rate_hz) for ms in (config.features.window_ms, config.features.hop_ms))
    of: str = config.features.of
    of = CLASSIFIERS[config.classifier.kind].features if of == "auto" else of
    floor = max(FLOOR * power, 1e-30)
    if of == "time_domain":
        return TimeDomainConfig("time_domain", window_ms, hop_ms, STEP_SHARE * deviation, center=not rectified)
    # The level of a rectified signal says how strong it is; of others it says nothing.
    lowest = 0.0 if rectified else min(LOWEST_HZ, rate_hz / 8)
    if of == "covariance":
        whole = ((lowest, rate_hz / 2),)
        return SpectralCovarianceConfig("spectral_covariance", window_ms, hop_ms, whole, shrinkage=0.01, epsilon=floor)
    edges = tuple(lowest + (rate_hz / 2 - lowest) * i / BANDS for i in range(BANDS + 1))
    return BandPowerConfig("band_power", window_ms, hop_ms, edges, floor)


def _strength(recordings: Sequence[Recording]) -> tuple[float, float, bool]:
    """Return the median standard deviation and power of electrodes, and whether no sample is below 0."""
    deviations, powers, lowest = [], [], np.inf
    for recording in recordings:
        samples = recording.read()
        samples = samples[np.isfinite(samples).all(1)].astype(np.float64)
        if len(samples):
            deviations.append(samples.std(0))
            powers.append(np.square(samples).mean(0))
            lowest = min(lowest, float(samples.min()))
    if not deviations:
        return 0.0, 0.0, False
    rectified = lowest >= 0
    deviation = float(np.median(np.concatenate(deviations)))
    return deviation, float(np.median(np.concatenate(powers))) if rectified else deviation**2, rectified


def _whole_ms(duration_ms: float, rate_hz: float) -> float:
    return max(1, round(duration_ms * rate_hz / 1000)) * 1000 / rate_hz
