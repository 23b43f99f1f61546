"""Filters with state: any chunking equals the whole, and the whole equals scipy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, iirnotch, resample_poly, sosfilt, sosfilt_zi, sosfreqz, tf2sos

from emgasr.cli import main
from emgasr.errors import ConfigError, RecordingError
from emgasr.frontend.conditioning import Conditioner, ConditioningConfig, condition
from emgasr.frontend.mains import find_mains, harmonics, mains_rms
from emgasr.sessions.native import open_session, save_session
from emgasr.simulate import simulate_person, simulate_session
from tests.helpers.miniatures import make_recording, write_emg2qwerty

RATE_HZ = 1000.0
CONFIGS = {
    "nothing": ConditioningConfig(highpass_hz=0, mains="none"),
    "highpass": ConditioningConfig(mains="none"),
    "band and notches": ConditioningConfig(highpass_hz=20, lowpass_hz=400, order=4, mains="50"),
    "halved": ConditioningConfig(mains="60", rate_hz=500),
    "a fraction": ConditioningConfig(highpass_hz=5, mains="none", rate_hz=300),
    "an awkward fraction": ConditioningConfig(highpass_hz=0, mains="none", rate_hz=689.0),
}


def noise(rows: int, seed: int = 0, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 50, (rows, channels))


@pytest.mark.parametrize("name", CONFIGS)
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 120), max_size=12), st.integers(0, 2**32 - 1))
def test_any_chunking_gives_the_same_samples(name: str, sizes: list[int], seed: int) -> None:
    conditioner = Conditioner(CONFIGS[name], RATE_HZ)
    samples = noise(sum(sizes), seed)
    state, parts = conditioner.start(2), []
    for chunk in np.split(samples, np.cumsum(sizes)[:-1]) if sizes else []:
        out, state = conditioner.step(chunk, state)
        parts.append(out)
    parts.append(conditioner.flush(state))
    np.testing.assert_allclose(np.concatenate(parts), conditioner.whole(samples), rtol=0, atol=1e-10)


def test_filters_are_scipys_second_order_sections() -> None:
    config = ConditioningConfig(highpass_hz=20, lowpass_hz=400, order=4, mains="50", notch_q=30)
    notches = [tf2sos(*iirnotch(hz, 30, fs=RATE_HZ)) for hz in range(50, 500, 50) if hz < 475]
    sos = np.concatenate([butter(4, (20, 400), "bandpass", fs=RATE_HZ, output="sos"), *notches])
    samples = noise(3000)
    expected, _ = sosfilt(sos, samples, axis=0, zi=sosfilt_zi(sos)[:, :, None] * samples[0])
    np.testing.assert_allclose(Conditioner(config, RATE_HZ).whole(samples), expected, atol=1e-9)


@pytest.mark.parametrize(("rate_hz", "up", "down"), [(500, 1, 2), (300, 3, 10), (689, 689, 1000)])
@pytest.mark.parametrize("rows", [1, 7, 999, 2500])
def test_down_sampling_is_scipys_resample_poly(rate_hz: float, up: int, down: int, rows: int) -> None:
    conditioner = Conditioner(ConditioningConfig(highpass_hz=0, mains="none", rate_hz=rate_hz), RATE_HZ)
    samples = noise(rows)
    np.testing.assert_allclose(conditioner.whole(samples), resample_poly(samples, up, down), atol=1e-10)
    assert conditioner.rate_hz == rate_hz


def test_mains_and_harmonics_go_and_what_lies_between_stays() -> None:
    conditioner = Conditioner(ConditioningConfig(highpass_hz=20, mains="60"), 2000.0)
    _, response = sosfreqz(conditioner.sos, worN=[60, 180, 300, 90, 150, 210], fs=2000.0)
    assert (np.abs(response[:3]) < 1e-6).all()
    assert (np.abs(response[3:]) > 0.9).all()


def test_a_tone_above_the_new_rate_does_not_fold_down() -> None:
    time_s = np.arange(4000) / RATE_HZ
    tone = np.sin(2 * np.pi * 400 * time_s)[:, None]  # would appear at 100 Hz after taking every second sample
    out = Conditioner(ConditioningConfig(highpass_hz=0, mains="none", rate_hz=500), RATE_HZ).whole(tone)
    assert np.abs(out[100:-100]).max() < 0.01


def test_an_offset_makes_no_step_at_the_start() -> None:
    out = Conditioner(ConditioningConfig(mains="none"), RATE_HZ).whole(np.full((100, 1), 5e4))
    assert np.abs(out).max() < 1e-6


def test_samples_come_out_as_the_type_they_went_in() -> None:
    conditioner = Conditioner(CONFIGS["halved"], RATE_HZ)
    assert conditioner.whole(noise(50).astype(np.float32)).dtype == np.float32
    assert conditioner.whole(noise(50)).dtype == np.float64


def test_an_output_waits_for_no_more_than_the_stated_lookahead() -> None:
    conditioner = Conditioner(CONFIGS["halved"], RATE_HZ)
    samples = noise(1000)
    out, _ = conditioner.step(samples, conditioner.start(2))
    newest_s = (len(out) - 1) / 500
    assert 1.0 - 1 / RATE_HZ - newest_s <= conditioner.lookahead_s + 1 / 500
    later = samples.copy()
    at = 500 + round(conditioner.lookahead_s * RATE_HZ) + 1
    later[at:] += 1e6
    np.testing.assert_array_equal(conditioner.whole(later)[:251], conditioner.whole(samples)[:251])


def test_bandwidth_is_never_made_up() -> None:
    with pytest.raises(RecordingError, match="cannot raise 250 Hz to 2000 Hz"):
        Conditioner(ConditioningConfig(mains="none", rate_hz=2000), 250.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"highpass_hz": -1}, "highpass_hz"),
        ({"highpass_hz": 500, "mains": "none"}, "below 500 Hz"),
        ({"highpass_hz": 90, "lowpass_hz": 80}, "nothing would be left"),
        ({"order": 0}, "order"),
        ({"mains": "55"}, "mains"),
        ({"mains": "auto"}, "needs a signal"),
        ({"notch_q": 0}, "notch_q"),
        ({"mains": "none", "rate_hz": 1000 / np.pi}, "no simple fraction"),
    ],
)
def test_impossible_filters_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Conditioner(ConditioningConfig(**changes), RATE_HZ)  # type: ignore[arg-type]


@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize("off_hz", [-0.1, 0.0, 0.15])
def test_the_mains_are_found_in_the_signal(hz: float, off_hz: float) -> None:
    time_s = np.arange(20_000) / 2000
    samples = np.random.default_rng(0).normal(0, 20, (20_000, 4))
    samples += 3.0 * np.sin(2 * np.pi * (hz + off_hz) * time_s)[:, None]
    assert find_mains(samples, 2000.0) == hz


@pytest.mark.slow
@pytest.mark.parametrize("seed", [9001, 9020])
def test_the_mains_are_found_under_muscles_at_work(seed: int) -> None:
    person = simulate_person(seed)
    typing = simulate_session(person, 0, prompts=("hello",))
    assert find_mains(typing.read(), 2000.0) == person.mains_hz


@pytest.mark.parametrize("seed", range(5))
def test_no_mains_are_found_where_there_are_none(seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 20, (20_000, 4))
    assert find_mains(samples, 2000.0) is None
    assert find_mains(samples[:100], 2000.0) is None


def test_the_level_of_the_mains_is_that_of_its_tones() -> None:
    time_s = np.arange(20_000) / 2000
    tones = 4 * np.sin(2 * np.pi * 50 * time_s) + 2 * np.sin(2 * np.pi * 150 * time_s)
    samples = np.random.default_rng(0).normal(0, 1, (20_000, 2))
    samples[:, 1] += tones
    level = mains_rms(samples, 2000.0, 50.0)
    assert level[0] < 0.3
    assert level[1] == pytest.approx(np.sqrt(8 + 2), rel=0.05)
    assert harmonics(50.0, 400.0) == [50.0, 100.0, 150.0]


@pytest.mark.parametrize("name", ["highpass", "a fraction"])
def test_a_recording_is_conditioned_as_its_stream_is_however_it_is_read(name: str) -> None:
    recording = make_recording(4.0, rate_hz=RATE_HZ)
    conditioned = condition(recording, CONFIGS[name])
    expected = Conditioner(CONFIGS[name], RATE_HZ).whole(recording.read())
    np.testing.assert_array_equal(conditioned.read(), expected)
    np.testing.assert_array_equal(conditioned.samples[500:600], expected[500:600])
    np.testing.assert_array_equal(conditioned.samples[600:1000], expected[600:1000])
    np.testing.assert_array_equal(conditioned.samples[100:300], expected[100:300])
    assert conditioned.events is recording.events


def test_the_verb_writes_a_conditioned_file_and_refuses_to_write_over_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "raw.hdf5", tmp_path / "clean.hdf5"
    recording = make_recording(4.0, rate_hz=RATE_HZ)
    save_session(recording, source)
    command = ["condition", str(source), "--out", str(target), "--rate-hz", "500", "--mains", "50"]
    assert main(command) == 0
    assert "1000 → 500 Hz" in capsys.readouterr().out
    config = ConditioningConfig(mains="50", rate_hz=500)
    np.testing.assert_array_equal(open_session(target).read(), Conditioner(config, RATE_HZ).whole(recording.read()))
    assert main(command) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["condition", str(source)]) == 2
    assert main(["condition", str(source), "--out", str(tmp_path / "up.hdf5"), "--rate-hz", "2000"]) == 2
    assert "cannot be made up" in capsys.readouterr().err
    assert not (tmp_path / "up.hdf5").exists()


def test_the_verb_tells_what_reading_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = 1.6e9 + np.arange(8000) / 2000
    times[3000:] += 2.5
    write_emg2qwerty(tmp_path / "raw.hdf5", times=times)
    assert main(["condition", str(tmp_path / "raw.hdf5"), "--out", str(tmp_path / "clean.hdf5"), "--mains", "50"]) == 0
    assert (
        "note: its clock (time) shows 2.5 s without samples in 1 place: 2.5 s before sample 3000"
        in capsys.readouterr().out
    )
