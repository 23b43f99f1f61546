"""Signals beside muscles: pose and sound of the same moments, with their gaps."""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from emgasr.corpora import open_entry, scan
from emgasr.corpora.beside import Beside, BesideFile, beside_file, open_beside, read_beside
from emgasr.errors import ConfigError, ManifestError, RecordingError
from emgasr.manifests.manifest import BESIDE, PART, Entry, Manifest, read_manifest, write_manifest
from tests.helpers.layouts import write_gaddy

RATE, SECONDS, JOINTS = 100, 6.0, 3


def pose(rate_hz: float = RATE) -> np.ndarray:
    """Angles that say when they were taken: joint i is i times the middle of its row, in seconds."""
    times = (np.arange(round(SECONDS * rate_hz)) + 0.5) / rate_hz
    return (times[:, None] * (1 + np.arange(JOINTS))).astype(np.float32)


def write_set(folder: Path, rate_hz: float = RATE, kind: str = "pose", name: str = "a_glove.npy") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "a.npy", np.random.default_rng(0).integers(-9, 9, (round(SECONDS * 200), 4)).astype(np.int16))
    np.save(folder / "a_glove.npy", pose(rate_hz))
    tables = {
        "recordings.csv": [
            ["file", "subject", "rate_hz", "unit", "beside", "beside_rate_hz", "beside_kind"],
            ["a.npy", "s1", 200, "counts", name, rate_hz, kind],
        ],
        "labels.csv": [["file", "start_s", "end_s", "label"], ["a.npy", 1, 3, "fist"]],
    }
    for table, rows in tables.items():
        with (folder / table).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


def only_entry(folder: Path) -> Entry:
    (entry,) = scan(folder, "spans")
    return entry


def test_a_manifest_keeps_the_pose_beside_a_recording(tmp_path: Path) -> None:
    entry = only_entry(write_set(tmp_path))
    manifest = write_manifest(Manifest((entry,), tmp_path), tmp_path / "m.jsonl")
    again = read_manifest(tmp_path / "m.jsonl")
    assert open_entry(again.entries[0], manifest.root).n_samples == 1200
    found = open_beside(again.entries[0], again.root)
    assert found is not None
    assert (found.kind, found.rate_hz, found.channels, found.duration_s) == ("pose", 100.0, JOINTS, SECONDS)
    np.testing.assert_array_equal(found.samples[0:600], pose())


def test_a_recording_without_one_has_none(tmp_path: Path) -> None:
    entry = only_entry(write_set(tmp_path))
    assert open_beside(replace(entry, options={"labels": "labels.csv", "unit": "counts"}), "/") is None


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 50.0, 100.0])
def test_frames_are_means_of_the_rows_that_they_cover(rate_hz: float) -> None:
    frames = Beside(pose(), RATE, "pose").windows([2.0, 5.0], 1.0, rate_hz)
    middles = (np.arange(round(rate_hz)) + 0.5) / rate_hz
    wanted = np.stack([(start + middles)[:, None] * (1 + np.arange(JOINTS)) for start in (1.0, 4.0)])
    np.testing.assert_allclose(frames.samples, wanted, atol=1e-5)
    assert (frames.gaps, frames.outside, frames.told) == (0, 0, "")


def test_a_slow_signal_is_held() -> None:
    frames = Beside(pose(10), 10.0, "pose").windows([2.0], 1.0, 20.0).samples[0, :, 0]
    np.testing.assert_allclose(frames, np.repeat(pose(10)[10:20, 0], 2), atol=1e-6)


def test_windows_with_a_gap_are_passed_over_and_counted() -> None:
    samples = pose()
    samples[250, 1] = np.nan
    samples[251, 0] = np.inf
    signal = Beside(samples, RATE, "pose")
    assert signal.gaps == 2
    found = signal.windows([2.5, 2.51, 3.0, 3.52, 0.5, 6.2], 1.0, 20.0)
    np.testing.assert_array_equal(found.whole, [True, False, False, True, False, False])
    assert (len(found.samples), found.gaps, found.outside) == (2, 2, 2)
    assert found.told == "of 6 windows beside muscles, 2 with a gap and 2 beyond the signal passed over"
    assert np.isfinite(found.samples).all()
    np.testing.assert_allclose(signal.posture, np.median(pose()[np.r_[0:250, 252:600]], 0))


def test_nothing_but_gaps_has_no_posture() -> None:
    with pytest.raises(RecordingError, match="nothing but gaps"):
        _ = Beside(np.full((9, 2), np.nan, np.float32), RATE, "pose").posture


def test_a_part_of_a_recording_has_that_part_beside_it(tmp_path: Path) -> None:
    entry = only_entry(write_set(tmp_path))
    part = open_beside(replace(entry, options={**entry.options, PART: [2.0, 4.0]}), "/")
    assert part is not None
    np.testing.assert_array_equal(part.samples[0:200], pose()[200:400])
    with pytest.raises(RecordingError, match="ends before 7 s"):
        open_beside(replace(entry, options={**entry.options, PART: [7.0, 8.0]}), "/")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"file": 3}, "option 'beside'"),
        ({"rate_hz": "fast"}, "option 'beside'"),
        ({"kind": "smell"}, "option 'beside'"),
        ({"more": 1}, "option 'beside'"),
        ({"file": "gone.npy"}, "gone.npy"),
        ({"file": "../" * 40 + "etc/passwd"}, "unknown kind of file"),
        ({"rate_hz": -1.0}, "rate"),
        ({"kind": "audio"}, "no file of audio"),
    ],
)
def test_a_bad_option_is_refused(tmp_path: Path, change: dict[str, object], wrong: str) -> None:
    entry = only_entry(write_set(tmp_path))
    told = {**entry.options[BESIDE], **change}
    with pytest.raises((ManifestError, RecordingError), match=wrong):
        open_beside(replace(entry, options={**entry.options, BESIDE: told}), "/")


def test_a_table_that_leaves_rate_or_kind_open_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "kind", kind="")
    with pytest.raises(RecordingError, match="say what a_glove"):
        scan(tmp_path / "kind", "spans")
    write_set(tmp_path / "rate", rate_hz=RATE)
    text = (tmp_path / "rate/recordings.csv").read_text().replace(",100,", ",,")
    (tmp_path / "rate/recordings.csv").write_text(text)
    with pytest.raises(RecordingError, match="beside_rate_hz is empty"):
        scan(tmp_path / "rate", "spans")


@pytest.mark.parametrize("damage", ["empty", "cut", "pickle", "objects", "three", "wide"])
def test_a_hostile_file_ends_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "p.npy"
    values: np.ndarray = pose()
    if damage == "three":
        values = np.zeros((9, 3, 3), np.float32)
    if damage == "wide":
        values = np.zeros((5000, 4097), np.int8)
    np.save(path, np.array([{}, []], object) if damage == "objects" else values, allow_pickle=True)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[:-9], "pickle": b"\x80\x04."}.get(damage, content))
    with pytest.raises(RecordingError) as caught:
        read_beside(BesideFile(path, 100.0, "pose"))
    assert "\n" not in str(caught.value)


def test_sound_is_brought_to_another_rate(tmp_path: Path) -> None:
    times = np.arange(22050 * 2) / 22050
    wavfile.write(tmp_path / "s.wav", 22050, (16000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16))
    sound = read_beside(BesideFile(tmp_path / "s.wav", 0.0, "audio"))
    assert (sound.rate_hz, sound.channels) == (22050.0, 1)
    (window,) = sound.windows([1.5], 0.5, 16000).samples[..., 0]
    wanted = 16000 / 2**15 * np.sin(2 * np.pi * 440 * (1.0 + np.arange(8000) / 16000))
    np.testing.assert_allclose(window[100:-100], wanted[100:-100], atol=2e-3)
    with pytest.raises(ConfigError, match="cannot be made"):
        sound.windows([1.5], 1.0, 3.0)


def test_stereo_and_a_wrong_rate_are_refused(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "s.wav", 8000, np.zeros((800, 2), np.int16))
    with pytest.raises(RecordingError, match="2 channels of sound"):
        read_beside(BesideFile(tmp_path / "s.wav", 0.0, "audio"))
    with pytest.raises(RecordingError, match="8000 Hz"):
        read_beside(BesideFile(tmp_path / "s.wav", 16000.0, "audio"))


def test_an_utterance_of_gaddys_corpus_has_its_sound_beside_it(tmp_path: Path) -> None:
    root = write_gaddy(tmp_path)
    entries = scan(root, "gaddy")
    assert all(open_beside(entry, root) is None for entry in entries)
    for entry in entries:
        stem = entry.path[: -len("_emg.npy")]
        wavfile.write(f"{stem}_audio.wav", 16000, np.zeros(round(16000 * entry.duration_s), np.int16))
    for entry in entries:
        sound = open_beside(entry, root)
        assert sound is not None
        assert sound.kind == "audio"
        assert abs(sound.duration_s - open_entry(entry, root).duration_s) < 0.01


@pytest.mark.skipif(importlib.util.find_spec("soundfile") is None, reason="soundfile reads FLAC")
def test_flac_is_read_in_pieces(tmp_path: Path) -> None:
    import soundfile

    values = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)
    path = tmp_path / "s.flac"
    soundfile.write(str(path), values, 16000)
    sound = read_beside(BesideFile(path, 0.0, "audio"))
    np.testing.assert_allclose(sound.samples[100:300][:, 0], values[100:300] / 2**15, atol=1e-7)
    path.write_bytes(b"no flac at all")
    with pytest.raises(RecordingError, match="FLAC"):
        read_beside(BesideFile(path, 0.0, "audio"))


def test_the_best_sound_of_an_utterance_is_taken(tmp_path: Path) -> None:
    root = write_gaddy(tmp_path)
    entry = scan(root, "gaddy")[0]
    stem = Path(entry.path[: -len("_emg.npy")])
    for ending in ("_audio.flac", "_audio_clean.flac"):
        stem.with_name(stem.name + ending).write_bytes(b"")
        found = beside_file(entry, root)
        assert found is not None
        assert found.path.name.endswith(ending)
