"""Recordings in; windows of labelled spans, normalized by session, out; and a classifier that reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.classifiers.config import ClassifyConfig, WindowFeaturesConfig, features_for
from emgasr.classifiers.windows import (
    REST,
    Judge,
    WindowRecognizer,
    WindowSet,
    drawn,
    fitted,
    learned_windows,
    windows_of,
)
from emgasr.errors import DataError, ModelError
from emgasr.frontend.features import TimeDomainConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.recording import Band, Recording, Signal, Spans

BANDS = (Band.numbered("arm", 2, ring=True),)
OWN = ClassifyConfig(normalize=NormalizeConfig("cumulative", warmup_frames=1, epsilon=1e-9))


def session(subject: str = "ann", level: float = 1.0, seed: int = 0) -> Recording:
    """3 s at 200 Hz: fist (the first electrode is loud), spread (the second one), rest; a second each."""
    samples = np.random.default_rng(seed).standard_normal((600, 2)).astype(np.float32)
    samples[:200, 0] *= 10
    samples[200:400, 1] *= 10
    spans = Spans.of([(0, 1, "gesture", "fist"), (1, 2, "gesture", "spread"), (2, 3, "rest", "rest")])
    return Recording(level * samples, 200.0, "uV", BANDS, subject, "d1", spans=spans)


def reader(config: ClassifyConfig = OWN, *recordings: Recording) -> WindowRecognizer:
    return WindowRecognizer(features_for(config, recordings or [session()]), config, Signal.of(session()))


def test_windows_lie_within_their_span_and_rest_has_no_name() -> None:
    found = windows_of(reader(), lambda: [session()])
    names = [found.names[label] for label in found.labels]
    assert names == ["fist"] * 9 + ["spread"] * 9 + [REST] * 9  # 200 ms every 100 ms of a second
    assert (found.takes, found.too_short, found.windows.shape) == (3, 0, (27, 8))


def test_each_session_is_normalized_by_its_own_level_and_spread() -> None:
    found = windows_of(reader(), lambda: [session("ann"), session("bob", level=7.0)])
    ann, bob = (found.windows[found.groups == group] for group in (0, 1))
    threshold_free = [0, 3, 4, 7]  # mean absolute value and waveform length
    np.testing.assert_allclose(ann[:, threshold_free], bob[:, threshold_free], atol=1e-3)


def test_a_training_set_sets_the_front_end_and_other_recordings_may_give_the_windows() -> None:
    config = replace(OWN, normalize=NormalizeConfig("fixed"))
    made, found = learned_windows(config, [session("ann"), session("bob", seed=1)], lambda: [session("cid", seed=2)])
    assert (found.takes, found.names) == (3, (REST, "fist", "spread"))
    torch.testing.assert_close(made.normalize.mean.flatten(), mean_frame(made, session("ann"), session("bob", seed=1)))
    short, _ = learned_windows(config, [session()], lambda: [session()], statistics_s=1.0)
    torch.testing.assert_close(short.normalize.mean.flatten(), mean_frame(short, session().segment(0.0, 1.0)))


def mean_frame(made: WindowRecognizer, *recordings: Recording) -> torch.Tensor:
    samples = torch.from_numpy(np.stack([recording.read() for recording in recordings]))
    frames, _ = made.features(samples, torch.full((len(samples),), samples.shape[1]))
    return frames.mean((0, 1)).flatten()


def test_spans_shorter_than_a_window_are_counted() -> None:
    short = session()
    spans = Spans.of([(0, 1, "gesture", "fist"), (1.0, 1.1, "gesture", "spread")])
    found = windows_of(reader(), lambda: [Recording(short.read(), 200.0, "uV", BANDS, "a", "d", spans=spans)])
    assert (found.takes, found.too_short, found.names) == (1, 1, ("fist",))
    with pytest.raises(DataError, match="there is one label alone"):
        fitted(OWN, found)
    bare = Recording(short.read(), 200.0, "uV", BANDS, "a", "d")
    with pytest.raises(DataError, match="no labelled span holds a whole window"):
        windows_of(reader(), lambda: [bare])


def test_windows_are_drawn_alike_from_each_label_and_person() -> None:
    labels, groups = np.repeat([0, 1], [80, 20]), np.tile([0, 1], 50)
    whole = WindowSet(np.arange(100.0)[:, None], labels, groups, ("a", "b"))
    some = drawn(whole, 32, seed=0)
    assert [int(((some.labels == a) & (some.groups == b)).sum()) for a in (0, 1) for b in (0, 1)] == [8, 8, 8, 8]
    assert len(drawn(whole, 60, seed=0).windows) == 60  # 10 of each of the small cells, 20 of the large ones
    np.testing.assert_array_equal(some.windows, drawn(whole, 32, seed=0).windows)
    assert drawn(whole, 100, seed=0) is whole


def test_windows_are_stored_as_plain_arrays(tmp_path: Path) -> None:
    found = windows_of(reader(), lambda: [session()])
    found.save(tmp_path / "w.npz")
    again = WindowSet.load(tmp_path / "w.npz")
    assert (again.names, again.takes, again.too_short) == (found.names, 3, 0)
    np.testing.assert_array_equal(again.windows, found.windows)
    np.savez(tmp_path / "x.npz", windows=np.array([{}], dtype=object))
    (tmp_path / "y.npz").write_bytes(b"PK")
    replace(found, labels=found.labels[1:]).save(tmp_path / "short.npz")
    replace(found, names=found.names[:1]).save(tmp_path / "nameless.npz")
    for name in ("x.npz", "y.npz", "short.npz", "nameless.npz", "none.npz"):
        with pytest.raises(ModelError, match="remove its job's folder to do it anew") as caught:
            WindowSet.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_classifier_reads_as_a_recognizer_does_with_rest_as_the_blank() -> None:
    listener = reader()
    listener.judged_by(*fitted(OWN, windows_of(listener, lambda: [session("ann"), session("bob", seed=1)])))
    assert listener.tokens.symbols_of([1, 2]) == ["fist", "spread"]
    emissions = listener.listen(session("cat", seed=2)).emissions
    assert emissions.shape == (29, 3)
    assert list(emissions[[4, 14, 24]].argmax(1)) == [1, 2, 0]


def test_thresholds_follow_the_signal_and_rectified_signals_keep_their_level() -> None:
    loud = features_for(OWN, [session(level=1000.0)])
    quiet = features_for(OWN, [session()])
    assert isinstance(loud, TimeDomainConfig)
    assert isinstance(quiet, TimeDomainConfig)
    assert loud.threshold == pytest.approx(1000 * quiet.threshold)
    plain = session()
    rectified = Recording(np.abs(plain.read()), 200.0, "uV", BANDS, "a", "d", spans=plain.spans)
    features = features_for(OWN, [rectified])
    assert isinstance(features, TimeDomainConfig)
    assert (quiet.center, features.center) == (True, False)


@pytest.mark.parametrize("of", ["time_domain", "band_power", "covariance"])
@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 2000.0])
def test_features_fit_any_rate(of: str, rate_hz: float) -> None:
    samples = np.random.default_rng(0).standard_normal((round(3 * rate_hz), 2)).astype(np.float32)
    recording = Recording(samples, rate_hz, "counts", BANDS, "a", "d", spans=Spans.of([(0, 3, "gesture", "x")]))
    config = ClassifyConfig(features=WindowFeaturesConfig(of=of), normalize=OWN.normalize)  # type: ignore[arg-type]
    made = WindowRecognizer(features_for(config, [recording]), config, Signal.of(recording))
    assert len(windows_of(made, lambda: [recording]).windows) >= 28


def test_others_count_together_as_the_windows_that_are_told_against_a_persons_own() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.standard_normal(2000), 10 + rng.standard_normal(2000)])[:, None]
    others = WindowSet(values, np.repeat([0, 1], 2000), np.tile([0, 1], 2000), ("a", "b"))
    own = WindowSet(np.full((30, 1), 4.0), np.zeros(30, int), np.zeros(30, int), ("b",))
    config = ClassifyConfig()
    edge = np.linspace(0, 10, 201)[:, None]

    def boundary(judge: Judge) -> float:
        return float(edge[np.argmax(judge(edge).argmax(1) == 1), 0])

    assert boundary(fitted(config, others)[1]) == pytest.approx(5.0, abs=0.15)
    # 30 own at 4 against 30 of others at 10: the mean of b is 7, and the edge lies half way to a.
    assert boundary(fitted(config, others, own)[1]) == pytest.approx(3.5, abs=0.15)
