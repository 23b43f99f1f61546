"""Statistics of a session: carried in order, whatever comes in between; set by its first seconds; live as offline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.errors import ConfigError, ModelError, RecordingError
from emgasr.frontend.electrodes import profile
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.frontend.session import ALONE, SessionConfig
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader
from emgasr.recording import Recording
from emgasr.streaming.rules import OFFLINE, StreamConfig
from emgasr.streaming.stream import Stream
from tests.helpers.tiny_models import ENCODERS, FEATURES, HIDDEN, RATE_HZ, WAYS, easy_recording, tiny_recognizer, ways

RUNNING = [way for way in WAYS if ways(way)["normalize"].running]


def model(normalize: str, encoder: str = "linear") -> Recognizer:
    """A tiny recognizer whose training set's statistics, where it has any, are not those of the takes."""
    made = tiny_recognizer(encoder, normalize)
    if made.config.normalize.fitted:
        made.normalize.fit([(torch.randn(1, 50, *made.normalize.shape) * 3 + 4, torch.tensor([50]))])
    return made


def takes(lengths_s: list[float], session: str = "one", first_seed: int = 0) -> list[Recording]:
    """Takes of one session, each louder than the one before."""
    made = [easy_recording(first_seed + seed, seconds, session=session) for seed, seconds in enumerate(lengths_s)]
    return [replace(one, samples=np.asarray(one.samples) * (1 + number)) for number, one in enumerate(made)]


def frames_of(made: Recognizer, recording: Recording) -> torch.Tensor:
    """(F, N, E, K) feature frames in float64."""
    samples = torch.from_numpy(np.asarray(recording.samples[0 : recording.n_samples]))[None]
    return made.features(samples, torch.tensor([samples.shape[1]]))[0][0].double()


def by_definition(made: Recognizer, recordings: list[Recording], known: torch.Tensor | None = None) -> list[np.ndarray]:
    """Emissions of a linear model's takes by the statistics' definition: mean and variance of all that is known.

    `known` are frames that set the statistics before; without them the first frames are the warm-up.
    """
    config, found = made.config.normalize, []
    seen = torch.zeros(0, *made.normalize.shape, dtype=torch.float64) if known is None else known
    for recording in recordings:
        frames = frames_of(made, recording)
        rows = []
        everything = torch.cat([seen, frames])
        for now in range(len(seen), len(everything)):
            last = max(now + 1, min(config.warmup_frames, len(everything))) if known is None else now + 1
            part = everything[:last] if config.kind == "cumulative" else everything[: min(last, config.warmup_frames)]
            rows.append((everything[now] - part.mean(0)) / (part.var(0, correction=0) + config.epsilon).sqrt())
        seen = everything
        normalized = torch.cat([frames[:0], *(row[None] for row in rows)])[None].float()
        with torch.inference_mode():
            hidden, _, _ = made.encoder(normalized, torch.tensor([len(rows)]))
            found.append(made.log_probs(hidden)[0].numpy())
    return found


@pytest.mark.parametrize("normalize", ["cumulative", "warmup"])
def test_takes_shorter_than_the_warm_up_share_it(normalize: str) -> None:
    made = model(normalize)  # ten frames at 50 Hz
    given = takes([0.1, 0.06, 0.03, 0.12, 1.0])  # 4, 2, 0 and 5 frames: the warm-up ends in the fourth
    reader = SessionReader(made)
    heard = [reader.listen(one) for one in given]
    expected = by_definition(made, given)
    for one, other in zip(heard, expected, strict=True):
        np.testing.assert_allclose(one.emissions, other, atol=2e-4)
    before = [0.0, 0.1, 0.16, 0.19, 0.2 if normalize == "warmup" else 0.31]
    assert [round(one.unlabelled_s, 6) for one in heard] == before


def test_a_session_goes_on_whatever_is_read_in_between() -> None:
    made = model("adaptive")
    one, other = takes([2.0, 1.5, 1.0]), takes([1.0, 3.0], "two", 7)
    reader, alone = SessionReader(made), SessionReader(made)
    mixed = [reader.listen(take) for take in (one[0], other[0], one[1], other[1], one[2])]
    for place, take in ((0, one[0]), (2, one[1]), (4, one[2])):
        expected = alone.listen(take)
        np.testing.assert_array_equal(mixed[place].emissions, expected.emissions)
        assert mixed[place].unlabelled_s == expected.unlabelled_s
    assert not np.allclose(mixed[2].emissions, made.listen(one[1]).emissions, atol=1e-3)


@pytest.mark.parametrize("normalize", WAYS)
def test_the_first_recording_of_a_session_is_read_as_by_itself(normalize: str) -> None:
    made = model(normalize)
    for config in (SessionConfig(), ALONE):
        heard = SessionReader(made, config).listen(easy_recording(0, 5.0))
        np.testing.assert_array_equal(heard.emissions, made.listen(easy_recording(0, 5.0)).emissions)
        assert heard.unlabelled_s == 0.0


@pytest.mark.parametrize("normalize", ["none", "fixed"])
def test_without_running_statistics_there_is_nothing_to_carry(normalize: str) -> None:
    made = model(normalize)
    reader = SessionReader(made, SessionConfig(True, "all"), before_s=5.0)
    assert not reader.looks_ahead
    for take in takes([1.0, 1.0]):
        heard = reader.listen(take)
        np.testing.assert_array_equal(heard.emissions, made.listen(take).emissions)
        assert heard.unlabelled_s == 0.0


def test_the_first_seconds_set_the_statistics_and_enter_them_once() -> None:
    made, given = model("cumulative"), takes([1.0, 0.8, 0.9, 1.1])
    reader = SessionReader(made, SessionConfig(True, 2.2))
    reader.begin(lambda: given)
    first = torch.cat([frames_of(made, part) for part in (given[0], given[1], given[2].segment(0.0, 0.4))])
    constant = (first.mean(0), (first.var(0, correction=0) + made.config.normalize.epsilon).sqrt())
    heard = [reader.listen(one) for one in given]
    assert [one.unlabelled_s for one in heard] == pytest.approx([2.2, 2.2, 2.2, 2.7])

    def emissions(normalized: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            hidden, _, _ = made.encoder(normalized[None].float(), torch.tensor([len(normalized)]))
            return made.log_probs(hidden)[0].numpy()

    for place in (0, 1):
        expected = emissions((frames_of(made, given[place]) - constant[0]) / constant[1])
        np.testing.assert_allclose(heard[place].emissions, expected, atol=2e-4)
    third = frames_of(made, given[2])
    known = len(first) - len(frames_of(made, given[0])) - len(frames_of(made, given[1]))
    rows = [(third[:known] - constant[0]) / constant[1]]
    for now in range(known, len(third)):
        part = torch.cat([first, third[known : now + 1]])
        rows.append(((third[now] - part.mean(0)) / (part.var(0, correction=0) + 0.1).sqrt())[None])
    np.testing.assert_allclose(heard[2].emissions, emissions(torch.cat(rows)), atol=2e-4)
    expected = by_definition(made, given[3:], torch.cat([first, third[known:]]))[0]
    np.testing.assert_allclose(heard[3].emissions, expected, atol=2e-4)


def test_all_of_a_session_normalizes_all_of_it_alike() -> None:
    made, given = model("cumulative"), takes([1.0, 0.8])
    everything = torch.cat([frames_of(made, one) for one in given])
    reader = SessionReader(made, SessionConfig(True, "all"))
    reader.begin(lambda: given)
    for one in given:
        heard = reader.listen(one)
        normalized = (frames_of(made, one) - everything.mean(0)) / (everything.var(0, correction=0) + 0.1).sqrt()
        with torch.inference_mode():
            hidden, _, _ = made.encoder(normalized[None].float(), torch.tensor([len(normalized)]))
            expected = made.log_probs(hidden)[0].numpy()
        np.testing.assert_allclose(heard.emissions, expected, atol=2e-4)
        assert heard.unlabelled_s == pytest.approx(1.8)


def test_without_carry_each_recording_begins_with_what_the_first_seconds_set() -> None:
    made, given = model("adaptive"), takes([1.0, 0.8, 0.9])
    carried, alone = (SessionReader(made, SessionConfig(carry, 1.0)) for carry in (True, False))
    for reader in (carried, alone):
        reader.begin(lambda: given)
    start = carried.listen(given[0])  # all of it had entered: the statistics are as they were set
    np.testing.assert_array_equal(alone.listen(given[0]).emissions, start.emissions)
    np.testing.assert_array_equal(alone.listen(given[1]).emissions, carried.listen(given[1]).emissions)
    third = alone.listen(given[2])
    assert third.unlabelled_s == 1.0
    np.testing.assert_array_equal(third.emissions, made.listen(given[2], start.statistics).emissions)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("normalize", RUNNING)
def test_recordings_that_share_the_forward_passes_are_carried_alike(normalize: str, encoder: str) -> None:
    made = model(normalize, encoder)
    given = [*takes([0.1, 2.0, 1.3]), *takes([1.5], "two", 5), *takes([0.7], "one", 9)]
    for config in (SessionConfig(), SessionConfig(True, 0.5), ALONE):
        one_by_one, together = SessionReader(made, config), SessionReader(made, config)
        for reader in (one_by_one, together):
            reader.begin(lambda: given) if reader.looks_ahead else None
        heard = [*together.listen_together(given[:3]), *together.listen_together(given[3:])]
        for alike, recording in zip(heard, given, strict=True):
            expected = one_by_one.listen(recording)
            np.testing.assert_allclose(alike.emissions, expected.emissions, atol=5e-5)
            assert alike.unlabelled_s == expected.unlabelled_s


def test_a_refused_recording_leaves_the_session_as_it_was() -> None:
    made, given = model("adaptive"), takes([1.0, 1.0])
    foreign = replace(given[1], rate_hz=500.0)
    reader, other = SessionReader(made), SessionReader(made)
    reader.listen(given[0])
    with pytest.raises(RecordingError, match="500"):
        reader.listen_together([given[1], foreign])
    with pytest.raises(RecordingError, match="500"):
        reader.listen(foreign)
    other.listen(given[0])
    np.testing.assert_array_equal(reader.listen(given[1]).emissions, other.listen(given[1]).emissions)


@pytest.mark.parametrize("features", FEATURES)
def test_a_dead_electrode_of_the_first_seconds_has_no_say_and_is_named(features: str) -> None:
    made = tiny_recognizer("linear", "cumulative", features=FEATURES[features])
    given = takes([2.0, 1.0])
    silent, noisy = [np.array(one.samples) for one in given], [np.array(one.samples) for one in given]
    for one, other in zip(silent, noisy, strict=True):
        one[:, 2], other[:, 2] = 0.0, np.random.default_rng(1).normal(0, 1e-3, len(other))
    heard = []
    for samples in (silent, noisy):
        worn = [replace(one, samples=array) for one, array in zip(given, samples, strict=True)]
        reader = SessionReader(made, SessionConfig(True, 2.0))
        reader.begin(lambda worn=worn: worn)  # type: ignore[misc]
        heard.append([reader.listen(one) for one in worn])
    for one, other in zip(*heard, strict=True):
        np.testing.assert_allclose(one.emissions, other.emissions, atol=2e-3)
    assert heard[0][0].mended == "left3 dead in the session's first seconds, and taken for the training mean"
    assert heard[0][1].mended == ""  # it is said once


def test_rings_are_turned_back_to_where_the_training_people_wear_them() -> None:
    made = model("cumulative")
    straight = [replace(one, samples=rings(seed, 3.0)) for seed, one in enumerate(takes([3.0, 3.0]))]
    made.template = profile([replace(straight[0], samples=rings(7, 20.0))])
    turned = [replace(one, samples=_turned(rings(seed, 3.0))) for seed, one in enumerate(straight)]
    readers = [SessionReader(made, SessionConfig(True, "all", turns)) for turns in (0, 1)]
    found = []
    for reader, worn in zip(readers, (straight, turned), strict=True):
        reader.begin(lambda worn=worn: worn)  # type: ignore[misc]
        found.append([reader.listen(one) for one in worn])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other.emissions, one.emissions, atol=1e-5)
    assert found[1][0].mended == "rings are turned back by -1, -1 electrodes"
    made.template = None
    with pytest.raises(ModelError, match="no profile of the training people"):
        SessionReader(made, SessionConfig(True, 2.0, 1))


def rings(seed: int, seconds: float) -> np.ndarray:
    """(T, 8) noise of two rings of four electrodes, each electrode of a level of its own."""
    levels = np.array([1, 5, 20, 60, 60, 1, 5, 20], np.float32)
    noise = np.random.default_rng(seed).normal(0, 1, (round(seconds * RATE_HZ), 8))
    return (noise * levels).astype(np.float32)


def _turned(samples: np.ndarray) -> np.ndarray:
    return np.concatenate([np.roll(samples[:, :4], 1, axis=1), np.roll(samples[:, 4:], 1, axis=1)], 1)


class Noted:
    """Wraps a stream's reader, and keeps the emissions that it is given."""

    def __init__(self, reader: Any) -> None:
        self.reader, self.rows = reader, [np.zeros((0, 4))]

    def read(self, rows: np.ndarray) -> None:
        self.rows.append(rows.copy())
        self.reader.read(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0, 2.9])
@pytest.mark.parametrize("normalize", WAYS)
def test_a_stream_of_a_session_s_takes_has_the_emissions_of_reading_them_offline(
    normalize: str, seconds: float
) -> None:
    made, given = model(normalize, "conformer"), takes([0.13, 1.0, 0.6, 2.0])
    stream = Stream(made, config=replace(OFFLINE, rest_blank=0.0, unlabelled_s=seconds))
    noted = Noted(stream._reader)
    stream._reader = noted  # type: ignore[assignment]
    reader = SessionReader(made, SessionConfig(True, seconds))
    if reader.looks_ahead:
        reader.begin(lambda: given)
    for number, take in enumerate(given):
        if number:
            stream.gap(0.0)
        for chunk in np.array_split(np.asarray(take.samples), 3 + number):
            stream.feed(chunk)
    stream.close()
    live = np.concatenate(noted.rows)
    offline = np.concatenate([reader.listen(take).emissions for take in given])
    np.testing.assert_allclose(live, offline, atol=5e-5)
    assert stream.time_s == pytest.approx(3.73)


@pytest.mark.parametrize("normalize", ["cumulative", "fixed"])
def test_a_stream_turns_rings_back_as_reading_its_takes_offline_does(normalize: str) -> None:
    made = model(normalize)
    straight = takes([3.0, 2.0])
    made.template = profile([replace(straight[0], samples=rings(7, 20.0))])
    given = [replace(one, samples=_turned(rings(seed, one.duration_s))) for seed, one in enumerate(straight)]
    given[0].samples[100:110, 5] = np.nan  # mended before electrodes change places, or behind: all the same
    reader = SessionReader(made, SessionConfig(True, 4.0, 1))
    reader.begin(lambda: given)
    stream = Stream(made, config=replace(OFFLINE, rest_blank=0.0, unlabelled_s=4.0, align_turns=1))
    noted = Noted(stream._reader)
    stream._reader = noted  # type: ignore[assignment]
    events = stream.feed(given[0].samples)
    stream.gap(0.0)
    for chunk in np.array_split(given[1].samples, 7):
        events += stream.feed(chunk)
    stream.close()
    offline = [reader.listen(take).emissions for take in given]
    np.testing.assert_allclose(np.concatenate(noted.rows), np.concatenate(offline), atol=5e-5)
    plain = SessionReader(made, SessionConfig(True, 4.0))
    plain.begin(lambda: given)
    assert np.abs(plain.listen(given[0]).emissions - offline[0]).max() > 0.01
    assert [str(event.text) for event in events if getattr(event, "kind", "") == "turned"] == [
        "rings are turned back by -1, -1 electrodes"
    ]


def test_a_stream_that_cannot_turn_rings_is_refused_before_it_begins() -> None:
    made = model("cumulative")
    with pytest.raises(ConfigError, match="needs seconds to find the turn in"):
        Stream(made, config=StreamConfig(align_turns=1))
    with pytest.raises(ModelError, match="no profile of the training people"):
        Stream(made, config=StreamConfig(align_turns=1, unlabelled_s=2.0))


def test_a_stream_holds_its_first_seconds_back_and_then_reads_them() -> None:
    made = model("cumulative")
    samples = np.asarray(easy_recording(0, 6.0).samples)
    stream = Stream(made, config=StreamConfig(unlabelled_s=2.0))
    assert stream.feed(samples[: round(1.5 * RATE_HZ)]) == []
    assert stream.time_s == 1.5
    events = stream.feed(samples[round(1.5 * RATE_HZ) :])
    assert min(event.key.time_s for event in events if hasattr(event, "key")) < 2.0
    assert stream.time_s == 6.0
    assert stream.unlabelled_s == pytest.approx(6.0, abs=0.06)
    short = Stream(made, config=StreamConfig(unlabelled_s=20.0))
    short.feed(samples)
    assert short.close()  # what there is sets the statistics
    assert short.unlabelled_s == pytest.approx(6.0, abs=0.06)


def test_declared_rest_does_not_set_the_statistics() -> None:
    made = model("cumulative")
    loud, rest = np.asarray(easy_recording(0, 3.0).samples), np.zeros((400, 8), np.float32)

    def mean_after(pieces: list[tuple[np.ndarray, bool]]) -> np.ndarray:
        stream = Stream(made, config=StreamConfig(unlabelled_s=2.0))
        for piece, still in pieces:
            stream.feed(piece, rest=still)
        return stream._state.normalize.mean.numpy()

    known = mean_after([(loud[:400], False)])
    np.testing.assert_allclose(mean_after([(rest, True), (loud[:400], False)]), known, atol=1e-9)


def test_first_seconds_set_statistics_of_hidden_frames_where_those_of_frames_are_fixed() -> None:
    normal = tiny_recognizer("linear", HIDDEN)
    made = Recognizer(replace(normal.config, normalize=NormalizeConfig("fixed")), normal.signal, normal.tokens).eval()
    recording = easy_recording(0, 4.0)
    known = made.listen(recording).statistics
    frames = len(frames_of(made, recording))
    reader = SessionReader(made, SessionConfig(unlabelled_seconds="all"))
    assert reader.looks_ahead
    reader.begin(lambda: [recording])
    heard = reader.listen(recording)
    np.testing.assert_allclose(heard.emissions, made.listen(recording, known, frames).emissions, atol=1e-5)
    assert np.abs(heard.emissions - made.emissions(recording)).max() > 0.01
    assert heard.unlabelled_s == pytest.approx(4.0)
