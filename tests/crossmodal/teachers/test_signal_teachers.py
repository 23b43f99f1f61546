"""Teachers of pose and sound: frozen, the same for the same seed, apart by gesture; damaged folders are refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from emgasr.corpora import open_entry, scan
from emgasr.corpora.beside import Beside, open_beside
from emgasr.crossmodal.teachers.audio import (
    AudioConfig,
    AudioTeacher,
    load_audio_teacher,
    measure_audio_teacher,
    save_audio_teacher,
)
from emgasr.crossmodal.teachers.folder import CONFIG_NAME, TENSORS_NAME, kind_of_teacher
from emgasr.crossmodal.teachers.pose import PoseTeacher, load_pose_teacher, save_pose_teacher
from emgasr.crossmodal.teachers.pose_network import PoseAutoencoder, PoseConfig
from emgasr.crossmodal.teachers.pose_training import TEACHER_FOLDER, PoseTraining, train_pose_teacher
from emgasr.crossmodal.teachers.signal import SignalTeacher, Taught, taught_windows, windows_before
from emgasr.errors import ConfigError, DataError, ModelError
from emgasr.manifests import lineage
from emgasr.recording import Band, Recording, Spans
from emgasr.training.loop import FitConfig
from tests.helpers.layouts import write_gaddy

JOINTS, RATE = 5, 50.0
POSE = PoseConfig(window_s=0.8, frame_rate_hz=10, patch_frames=2, width=16, blocks=1, heads=2, batch_size=16)
FIT = FitConfig(steps=40, warmup_steps=5, validations=2, learning_rate=5e-3, device="cpu", restart_at=0.0)
GESTURES = ("fist", "point", "open")


def hand(subject: str, seed: int) -> tuple[Recording, Beside]:
    """A recording of three gestures, twice each with rest between, and a hand whose resting posture is its own."""
    rng = np.random.default_rng(seed)
    shapes = np.random.default_rng(99).normal(0, 20, (len(GESTURES), JOINTS))
    total = round(24 * RATE)
    angles = np.zeros((total, JOINTS))
    spans = []
    for turn, (_, which) in enumerate(itertools.product(range(2), range(3))):
        start = 4 * turn + 1
        rows = slice(round(start * RATE), round((start + 2) * RATE))
        angles[rows] += shapes[which] * rng.uniform(0.8, 1.2)
        spans += [(start - 1, start, "rest", "rest"), (start, start + 2, "gesture", GESTURES[which])]
    angles += rng.normal(0, 40, JOINTS) + rng.normal(0, 1, angles.shape)
    muscles = np.zeros((24 * 200, 2), np.float32)
    recording = Recording(muscles, 200, "counts", (Band.numbered("arm", 2),), subject, "1", spans=Spans.of(spans))
    return recording, Beside(angles.astype(np.float32), RATE, "pose", subject)


def taught(people: int = 3, left_out: tuple[str, ...] = ()) -> Taught:
    pairs = [hand(f"p{seed}", seed) for seed in range(people)]
    return taught_windows(pairs, POSE.window_s, POSE.frame_rate_hz, POSE.relative, left_out)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> PoseTeacher:
    shaped = lineage.of_recordings([hand("p0", 0)[0]])
    training = PoseTraining(POSE, FIT, 1)
    return train_pose_teacher(taught(), training, tmp_path_factory.mktemp("pose"), shaped_by=shaped)


def test_windows_are_of_labelled_spans_and_touch_none_that_is_left_out() -> None:
    every, some = taught(), taught(left_out=("fist",))
    assert set(every.labels) == set(GESTURES)
    assert set(some.labels) == {"point", "open"}
    assert every.windows.shape[1:] == (POSE.frames, JOINTS)
    assert len(every.windows) == len(every.labels) == len(every.people)
    kept = every.windows[[label != "fist" for label in every.labels]]
    np.testing.assert_allclose(some.windows, kept, atol=1e-3)


def test_windows_that_reach_into_a_label_left_out_are_counted() -> None:
    recording, beside = hand("p", 0)
    recording = replace(recording, spans=Spans.of([(1, 3, "gesture", "fist"), (3, 4, "rest", "rest")]))
    found = taught_windows([(recording, beside)], 0.8, 10, True, ("fist",), rest=True)
    assert set(found.labels) == {"rest"}
    assert found.passed == ("p/1: 2 windows that reach into a label that is left out passed over",)
    assert len(found.windows) == 2


def test_gaps_are_passed_over_and_told() -> None:
    recording, beside = hand("p", 0)
    samples = np.array(beside.samples)
    samples[round(1.5 * RATE)] = np.nan
    found = taught_windows([(recording, replace(beside, samples=samples))], 0.8, 10, True)
    assert "with a gap" in found.passed[0]
    assert np.isfinite(found.windows).all()
    with pytest.raises(DataError, match="no window"):
        taught_windows([(recording, replace(beside, samples=np.full_like(samples, np.nan)))], 0.8, 10, True)


def test_a_posture_of_rest_of_its_own_changes_nothing() -> None:
    recording, beside = hand("p", 0)
    moved = replace(beside, samples=np.asarray(beside.samples) + np.float32(64))
    one, other = (taught_windows([(recording, signal)], 0.8, 10, True).windows for signal in (beside, moved))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_embeddings_tell_gestures_of_other_people_apart(teacher: PoseTeacher) -> None:
    _, beside = hand("other", 17)
    ends = [4 * turn + 2.5 for turn in range(6)]
    rows = teacher.embed(windows_before(teacher, beside, ends).samples)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    likeness = rows[:3] @ rows[3:].T
    np.testing.assert_array_equal(likeness.argmax(1), [0, 1, 2])


def test_training_lowers_the_error_of_what_is_hidden(teacher: PoseTeacher) -> None:
    windows = torch.from_numpy(taught().windows)
    torch.manual_seed(0)
    fresh = PoseAutoencoder(POSE, teacher.network.mean, teacher.network.sd)
    errors = []
    for network in (fresh, teacher.network):
        torch.manual_seed(3)
        errors.append(float(network.losses(windows)["masked"].detach()))
    assert errors[1] < 0.8 * errors[0]


def test_what_is_hidden_is_not_seen() -> None:
    torch.manual_seed(0)
    network = PoseAutoencoder(POSE, torch.zeros(JOINTS), torch.ones(JOINTS))
    windows = torch.randn(4, POSE.frames, JOINTS, requires_grad=True)
    kept = torch.tensor([[0, 2]] * 4)
    network.encoded(network.normalized(windows), kept).square().sum().backward()
    assert windows.grad is not None
    moved = windows.grad.abs().sum((0, 2)).reshape(POSE.patches, POSE.patch_frames).sum(1)
    np.testing.assert_array_equal(moved.numpy() > 0, [True, False, True, False])


def test_order_in_time_counts(teacher: PoseTeacher) -> None:
    windows = taught().windows[:8]
    assert not np.allclose(teacher.embed(windows), teacher.embed(windows[:, ::-1]), atol=1e-3)


def test_the_same_seed_gives_the_same_teacher_and_a_resumed_one_too(teacher: PoseTeacher, tmp_path: Path) -> None:
    training = PoseTraining(POSE, FIT, 1)
    again = train_pose_teacher(taught(), training, tmp_path / "again")
    assert again.checksum == teacher.checksum

    def stop(entry: dict[str, object]) -> None:
        if entry["step"] == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_pose_teacher(taught(), training, tmp_path / "cut", report=stop)
    assert train_pose_teacher(taught(), training, tmp_path / "cut", resume=True).checksum == teacher.checksum
    other = train_pose_teacher(taught(), replace(training, seed=2), tmp_path / "other")
    assert other.checksum != teacher.checksum


def test_other_people_choose_the_weights(tmp_path: Path) -> None:
    judged = taught_windows([hand("j", 8)], POSE.window_s, POSE.frame_rate_hz, POSE.relative).windows
    seen: list[dict[str, object]] = []
    train_pose_teacher(taught(), PoseTraining(POSE, FIT, 1), tmp_path, judged=judged, report=seen.append)
    errors = [entry["validation_hidden_error"] for entry in seen if "validation_hidden_error" in entry]
    assert len(errors) >= 2
    assert errors[-1] < errors[0]  # type: ignore[operator]


def test_a_folder_gives_the_teacher_back(teacher: PoseTeacher, tmp_path: Path) -> None:
    save_pose_teacher(teacher, tmp_path / "t", lineage.of_recordings([hand("p0", 0)[0]]))
    found = load_pose_teacher(tmp_path / "t")
    windows = taught().windows
    np.testing.assert_array_equal(found.embed(windows), teacher.embed(windows))
    assert found.frames(windows[:2]).shape == (2, POSE.patches, POSE.width)
    assert (found.checksum, found.labels, found.name) == (teacher.checksum, ("fist", "open", "point"), "t")
    assert (found.content.people, kind_of_teacher(tmp_path / "t")) == (3, "pose")
    assert lineage.people(lineage.read(tmp_path / "t") or ()) == ["p0"]


def test_the_usual_teacher_has_no_half_a_million_parameters() -> None:
    network = PoseAutoencoder(PoseConfig(), torch.zeros(22), torch.ones(22))
    assert sum(parameter.numel() for parameter in network.parameters()) < 500_000


@pytest.mark.parametrize("shape", [(2, 8, 4), (2, 7, 5), (8, 5), (2, 8, 5, 1)])
def test_windows_of_another_shape_are_refused(teacher: PoseTeacher, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="shape"):
        teacher.embed(np.zeros(shape, np.float32))


def test_no_windows_have_no_embeddings(teacher: PoseTeacher) -> None:
    assert teacher.embed(np.zeros((0, POSE.frames, JOINTS), np.float32)).shape == (0, POSE.width)


def test_windows_with_gaps_are_refused(teacher: PoseTeacher, tmp_path: Path) -> None:
    windows = np.full((2, POSE.frames, JOINTS), np.nan, np.float32)
    with pytest.raises(DataError, match="gaps"):
        teacher.embed(windows)
    with pytest.raises(DataError, match="gaps"):
        train_pose_teacher(Taught(windows, ("a", "b"), ("p", "p")), PoseTraining(POSE, FIT), tmp_path)


def test_another_kind_of_signal_is_refused(teacher: PoseTeacher) -> None:
    with pytest.raises(DataError, match="reads pose"):
        windows_before(teacher, Beside(np.zeros((900, 1), np.float32), 100, "audio"), [2.0])
    with pytest.raises(DataError, match="the teacher reads 5"):
        windows_before(teacher, Beside(np.zeros((900, 6), np.float32), 100, "pose"), [2.0])


def damage_config(folder: Path, was: str, now: str) -> None:
    path = folder / CONFIG_NAME
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no folder": lambda folder: [path.unlink() for path in folder.iterdir()],
    "unfinished": lambda folder: (folder / CONFIG_NAME).unlink(),
    "no weights": lambda folder: (folder / TENSORS_NAME).unlink(),
    "cut weights": lambda folder: (folder / TENSORS_NAME).write_bytes((folder / TENSORS_NAME).read_bytes()[:-40]),
    "no YAML": lambda folder: (folder / CONFIG_NAME).write_text("a: [1"),
    "a class": lambda folder: (folder / CONFIG_NAME).write_text("!!python/object/apply:os.system ['true']"),
    "a list": lambda folder: (folder / CONFIG_NAME).write_text("[1, 2]"),
    "newer": lambda folder: damage_config(folder, "emgasr_pose_teacher: 1", "emgasr_pose_teacher: 2"),
    "another key": lambda folder: damage_config(folder, "channels: 5", "channels: 5\nsmell: 3"),
    "other sizes": lambda folder: damage_config(folder, "channels: 5", "channels: 6"),
    "huge": lambda folder: damage_config(folder, "  width: 16", "  width: 1000000"),
    "no divisor": lambda folder: damage_config(folder, "  heads: 2", "  heads: 3"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_ends_in_one_line(teacher: PoseTeacher, tmp_path: Path, damage: str) -> None:
    save_pose_teacher(teacher, tmp_path / "t")
    DAMAGES[damage](tmp_path / "t")
    with pytest.raises(ModelError) as caught:
        load_pose_teacher(tmp_path / "t")
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(teacher: PoseTeacher, tmp_path: Path) -> None:
    broken = PoseAutoencoder(POSE, torch.full((JOINTS,), float("nan")), torch.ones(JOINTS))
    save_pose_teacher(PoseTeacher(broken, teacher.content), tmp_path)
    with pytest.raises(ModelError, match="not finite"):
        load_pose_teacher(tmp_path)


SOUND = AudioConfig(window_s=0.4, frame_rate_hz=8000, mels=16, patch_s=0.1, parts=3)


def tones(hz: float, seed: int) -> np.ndarray:
    times = np.arange(SOUND.frames) / SOUND.frame_rate_hz
    noise = np.random.default_rng(seed).normal(0, 0.01, SOUND.frames)
    return (np.sin(2 * np.pi * hz * times) * 0.3 + noise)[:, None].astype(np.float32)


def of_tones(seed: int = 0) -> Taught:
    windows = np.stack([tones(hz, seed + turn) for turn, hz in enumerate([300, 900, 2500] * 4)])
    return Taught(windows, ("low", "middle", "high") * 4, ("p",) * 12)


@pytest.fixture(scope="module")
def listener() -> AudioTeacher:
    return measure_audio_teacher(of_tones(), SOUND)


def test_sounds_alike_have_embeddings_alike(listener: AudioTeacher) -> None:
    rows = listener.embed(of_tones(50).windows)
    assert rows.shape == (12, 3 * SOUND.mels)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal((rows[:3] @ rows[3:6].T).argmax(1), [0, 1, 2])
    assert listener.frames(of_tones().windows).shape == (12, SOUND.patches, SOUND.mels)


def test_bins_equal_torchaudios(listener: AudioTeacher) -> None:
    from emgasr.runtime.torchaudio_guard import torchaudio

    windows = of_tones(9).windows[:2]
    spectrum = torchaudio.transforms.MelSpectrogram(8000, n_fft=200, hop_length=80, n_mels=16, center=False)
    bins = spectrum(torch.from_numpy(windows[..., 0])).clamp(min=1e-10).log().transpose(1, 2).numpy()[:, :30]
    wanted = ((bins - listener.mean) / listener.sd).reshape(2, 3, 10, 16).mean(2)
    np.testing.assert_allclose(listener.frames(windows), wanted, atol=1e-5)


def test_a_models_frames_are_pooled_as_they_are() -> None:
    config = AudioConfig(of="frames", window_s=1.0, frame_rate_hz=50, patch_s=0.1, parts=2)
    windows = np.random.default_rng(0).normal(3, 2, (6, 50, 7)).astype(np.float32)
    made = measure_audio_teacher(Taught(windows, ("a",) * 6, ("p",) * 6), config)
    scored = (windows - windows.mean((0, 1))) / windows.std((0, 1))
    halves = scored.reshape(6, 2, 25, 7).mean(2).reshape(6, 14)
    np.testing.assert_allclose(made.embed(windows), halves / np.linalg.norm(halves, axis=1)[:, None], atol=1e-5)


def test_a_folder_gives_the_listener_back(listener: AudioTeacher, tmp_path: Path) -> None:
    save_audio_teacher(listener, tmp_path)
    found = load_audio_teacher(tmp_path)
    assert (found.checksum, kind_of_teacher(tmp_path)) == (listener.checksum, "audio")
    np.testing.assert_array_equal(found.embed(of_tones().windows), listener.embed(of_tones().windows))
    with pytest.raises(ModelError, match="is a teacher of audio"):
        load_pose_teacher(tmp_path)


def test_more_parts_than_patches_are_refused() -> None:
    with pytest.raises(ConfigError, match="fewer than 9 parts"):
        AudioConfig(parts=9, window_s=0.5)


def test_gaddys_sound_teaches_beside_muscles(tmp_path: Path) -> None:
    root = write_gaddy(tmp_path)
    entries = [entry for entry in scan(root, "gaddy") if "voiced" in entry.path]
    pairs = []
    for number, entry in enumerate(entries):
        count = round(16000 * entry.duration_s)
        sound = np.random.default_rng(number).integers(-9000, 9000, count).astype(np.int16)
        wavfile.write(entry.path.replace("_emg.npy", "_audio.wav"), 16000, sound)
        beside = open_beside(entry, root)
        assert beside is not None
        pairs.append((open_entry(entry, root), beside))
    config = AudioConfig(window_s=0.6)
    found = taught_windows(pairs, config.window_s, config.frame_rate_hz, False)
    made: SignalTeacher = measure_audio_teacher(found, config)
    recording, beside = pairs[0]
    windows = windows_before(made, beside, [0.7, recording.duration_s])
    assert made.embed(windows.samples).shape == (2, made.width)


def test_labels_of_numpy_are_texts(tmp_path: Path) -> None:
    one = taught(1)
    made = train_pose_teacher(
        replace(one, labels=tuple(np.array(one.labels))), PoseTraining(POSE, replace(FIT, steps=2)), tmp_path
    )
    assert made.labels == one.known


def test_the_run_folder_holds_log_and_teacher(tmp_path: Path) -> None:
    train_pose_teacher(taught(1), PoseTraining(POSE, replace(FIT, steps=3)), tmp_path)
    assert (tmp_path / "log.jsonl").is_file()
    assert (tmp_path / TEACHER_FOLDER / CONFIG_NAME).is_file()
