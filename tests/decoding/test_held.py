"""Held labels at an operating point: frames one after another, refractory times, and any chunking the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding.held import Held, OperatingPoint, read_point, write_point
from emgasr.errors import ConfigError
from emgasr.streaming.decoder import HeldReader
from emgasr.tokens import Tokens

GESTURES = Tokens.words(["fist", "point", "rest"])
FIST, POINT, RESTING = (GESTURES.ids([name])[0] for name in ("fist", "point", "rest"))


def posteriors(*runs: tuple[int, int, float]) -> np.ndarray:
    """Emissions (F, V): runs of (frames, id, probability), the other labels sharing what is left."""
    rows = []
    for frames, label, probability in runs:
        row = np.full(len(GESTURES), (1 - probability) / (len(GESTURES) - 1))
        row[label] = probability
        rows += [np.log(row)] * frames
    return np.array(rows)


def held(threshold: float = 0.8, frames: int = 3, refractory_s: float = 0.0, mean_frames: int = 1) -> Held:
    """Ten frames a second."""
    return Held(GESTURES, OperatingPoint("held", threshold, frames, refractory_s, mean_frames), 10.0, (0, RESTING))


def read(emissions: np.ndarray, **point: Any) -> list[tuple[str, int]]:
    """The labels and first frames of activations."""
    found = held(**point).whole(emissions)[0]
    return list(zip(GESTURES.symbols_of(found.ids), found.frames, strict=True))


def test_a_label_is_active_after_frames_one_after_another() -> None:
    emissions = posteriors((5, 0, 0.9), (2, FIST, 0.9), (1, 0, 0.9), (9, FIST, 0.9), (5, 0, 0.9))
    assert read(emissions) == [("fist", 8)]
    assert read(emissions, frames=1) == [("fist", 5), ("fist", 8)]
    assert read(emissions, frames=10) == []
    assert read(emissions, threshold=0.95) == []


def test_rest_and_blank_are_never_active() -> None:
    assert read(posteriors((9, RESTING, 0.9), (9, 0, 0.9))) == []


def test_a_label_that_stays_on_is_one_activation_and_another_label_is_another() -> None:
    assert read(posteriors((50, FIST, 0.9), (5, POINT, 0.9), (5, FIST, 0.9))) == [
        ("fist", 0),
        ("point", 50),
        ("fist", 55),
    ]


def test_nothing_is_active_in_a_refractory_time() -> None:
    emissions = posteriors((5, FIST, 0.9), (1, 0, 0.9), (4, FIST, 0.9), (20, 0, 0.9), (5, FIST, 0.9))
    assert read(emissions, refractory_s=1.0) == [("fist", 0), ("fist", 30)]
    assert read(emissions, refractory_s=0.5) == [("fist", 0), ("fist", 6), ("fist", 30)]


def test_a_flicker_is_smoothed_away_and_a_gap_is_bridged() -> None:
    flickers = posteriors((9, 0, 0.9), (2, FIST, 0.9), (9, 0, 0.9))
    bridged = posteriors((9, 0, 0.9), (5, FIST, 0.95), (1, 0, 0.9), (5, FIST, 0.95), (9, 0, 0.9))
    assert read(flickers, frames=1, threshold=0.5, mean_frames=4) == []
    assert read(bridged, frames=8, threshold=0.5, mean_frames=4) == [("fist", 11)]
    assert read(bridged, frames=8, threshold=0.5) == []


def test_confidence_is_the_mean_probability_until_the_label_was_active() -> None:
    found = held().whole(posteriors((1, FIST, 0.8), (1, FIST, 0.9), (1, FIST, 1 - 1e-6), (5, FIST, 0.85)))[0]
    assert found.confidences == pytest.approx(((0.8 + 0.9 + 1) / 3,), abs=1e-5)
    assert found.evidence[0].margin > 0


@settings(deadline=None)
@given(
    st.integers(0, 99), st.lists(st.integers(0, 200), max_size=6), st.integers(1, 5), st.sampled_from([0.0, 0.4, 1.5])
)
def test_any_chunking_gives_the_same_activations(seed: int, cuts: list[int], frames: int, wait_s: float) -> None:
    rng = np.random.default_rng(seed)
    scores = np.repeat(rng.normal(0, 3, (50, len(GESTURES))), 4, axis=0) + rng.normal(0, 1, (200, len(GESTURES)))
    emissions = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    label = held(0.5, frames, wait_s, 1 + seed % 4)
    reader = HeldReader(label)
    found = []
    for rows in np.split(emissions, sorted(cuts)):
        reader.read(rows)
        found += reader.taken()
    whole = label.whole(emissions)[0]
    assert [token.id for token in found] == list(whole.ids)
    assert [token.frame for token in found] == list(whole.frames)
    assert [token.confidence for token in found] == list(whole.confidences)


def test_a_point_is_written_and_read_and_belongs_to_its_weights(tmp_path: Path) -> None:
    point = OperatingPoint("tokens", 0.75, 1, 0.5, 1, "a" * 64, True)
    write_point(point, tmp_path / "operating.yaml", "found somewhere")
    assert read_point(tmp_path / "operating.yaml") == point
    assert point.refusal(tmp_path, "a" * 64, True) == ""
    assert "other weights" in point.refusal(tmp_path, "b" * 64, True)
    assert "calibrated" in point.refusal(tmp_path, "a" * 64, False)


@pytest.mark.parametrize("line", ["threshold: 2", "frames: 0", "refractory_s: -1", "reads: minds", "speed: 3"])
def test_a_point_that_cannot_be_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "operating.yaml").write_text(line + "\n")
    with pytest.raises(ConfigError):
        read_point(tmp_path / "operating.yaml")
