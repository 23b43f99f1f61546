"""What validation finds in recordings and splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora import scan
from emgasr.data import sample_checks as module
from emgasr.data.validate import check_recording, validate
from emgasr.errors import LanguageModelError, RecordingError
from emgasr.manifests.manifest import Findings, Manifest
from emgasr.recording import Events, Recording, Spans
from tests.helpers.miniatures import make_recording, native_entry, write_emg2qwerty, write_native, write_takes


def test_a_sound_recording_has_no_problem() -> None:
    assert check_recording(make_recording()) == ([], [])


def samples(change: Callable[[np.ndarray], object]) -> Recording:
    values = make_recording().samples[:].copy()
    change(values)
    return make_recording(samples=values)


@pytest.mark.parametrize(
    ("recording", "told"),
    [
        (samples(lambda x: x.__setitem__((450, 3), np.nan)), "not finite from sample 450, channel 3"),
        (samples(lambda x: x.__setitem__((0, 0), np.inf)), "not finite from sample 0, channel 0"),
        (samples(lambda x: x.fill(7)), "every channel is constant"),
        (make_recording(samples=np.empty((0, 8), np.float32)), "holds no samples"),
        (make_recording(events=Events.of([(1, 1, "a"), (3.5, 4, "b")])), "1 event lies outside its 3.000 s"),
        (make_recording(events=Events.of([(-0.5, 1, "a")])), "the first at -0.500 s"),
        (make_recording(events=Events.of([(1.0, 0.5, "a")])), "1 keys are released before they are pressed"),
        (make_recording(spans=Spans.of([(2, 3.5, "rest", "")])), "1 span lies outside"),
        (make_recording(spans=Spans.of([(-1, 3, "rest", "")])), "the first at -1.000 to 3.000 s"),
    ],
)
def test_what_is_wrong_with_a_recording_is_told(recording: Recording, told: str) -> None:
    (problem,) = check_recording(recording)[0]
    assert told in problem


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_VALUES", 100 * 8)
    broken = samples(lambda x: x.__setitem__((450, 3), np.nan))
    told = "is not finite from sample 450, channel 3 on (2.250 s): 1 value in 1 channel (left4)"
    assert check_recording(broken) == ([told], [])
    assert check_recording(make_recording()) == ([], [])


@pytest.mark.parametrize("block", [1 << 22, 32 * 1230])
def test_time_that_goes_back_within_a_second_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_VALUES", block)
    times = 1.6e9 + np.arange(60_000) / 2000  # long enough to be opened by a time a second
    times[1230] -= 0.01
    write_emg2qwerty(tmp_path / "s.hdf5", 30.0, times=times)
    report = validate(Manifest(tuple(scan(tmp_path, "emg2qwerty")), tmp_path))
    assert [problem.what for problem in report.problems] == ["time goes back or is unknown at sample 1230"]


def manifest_of(folder: Path, **changes: object) -> Manifest:
    """A training and a test recording of different days, the latter changed."""
    first, second = write_native(folder, "a.hdf5"), write_native(folder, "b.hdf5", seed=1)
    test = native_entry(second, split="test", session="day1")
    return Manifest((native_entry(first), replace(test, **changes)), folder, ("session",))  # type: ignore[arg-type]


def test_a_sound_manifest_is_summed_up(tmp_path: Path) -> None:
    report = validate(manifest_of(tmp_path))
    assert report.ok
    train = report.splits[0]
    assert (train.split, train.recordings, train.subjects, train.sessions) == ("train", 1, 1, 1)
    assert (train.rates_hz, train.channels, train.units, train.events, train.spans) == ((200.0,), (8,), ("uV",), 3, 1)
    assert train.hours == pytest.approx(3 / 3600)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sha256": "0" * 64}, "is not the one that the manifest was made of"),
        ({"channels": 16}, "has 8 channels, the manifest says 16"),
        ({"rate_hz": 2000.0}, "has 200 Hz, the manifest says 2000"),
        ({"duration_s": 4.0}, "lasts 3.000 s, the manifest says 4.000"),
        ({"path": "none.hdf5"}, "cannot be read (No such file"),
        ({"session": "day0"}, "the same session is in train and test"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    (problem,) = validate(manifest_of(tmp_path, **changes)).problems
    assert told in problem.what


def test_one_broken_file_does_not_hide_the_next(tmp_path: Path) -> None:
    made = manifest_of(tmp_path)
    for name in ("a.hdf5", "b.hdf5"):
        (tmp_path / name).write_bytes(b"")
    problems = validate(made).problems
    assert [Path(problem.where).name for problem in problems] == ["a.hdf5", "b.hdf5"]
    assert all("zero bytes" in problem.what for problem in problems)


def test_a_label_of_which_every_take_is_constant_is_told(tmp_path: Path) -> None:
    folder = write_takes(tmp_path / "data")
    for path in (folder / "takes").glob("*_b_*.npy"):
        np.save(path, np.full((80, 8), int(path.stem[-1]) + 10 * int(path.stem[1]), np.int8))
    np.save(folder / "takes" / "d1_a_0.npy", np.zeros((80, 8), np.int8))  # one take of many is told by itself alone
    entries = tuple(scan(folder, "takes", Findings(), unit="counts"))
    found = [problem.what for problem in validate(Manifest(entries, folder)).problems if problem.where == "splits"]
    assert found == ["all 10 takes of 'b' in train are constant: was it recorded?"]


def test_recordings_that_one_model_cannot_read_together_are_told(tmp_path: Path) -> None:
    first, second = write_native(tmp_path, "a.hdf5"), write_native(tmp_path, "b.hdf5", seed=1, unit="counts")
    (problem,) = validate(Manifest((native_entry(first), native_entry(second, split="test")), tmp_path)).problems
    assert "several units: uV in 1; counts in 1 (b.hdf5)" in problem.what


def test_test_prompts_in_the_language_models_text_are_a_problem(tmp_path: Path) -> None:
    prompt = Spans.of([(0.5, 2.5, "prompt", "No one would have believed, in the last years")])
    first = write_native(tmp_path, "a.hdf5")
    second = write_native(tmp_path, "b.hdf5", seed=1, spans=prompt)
    made = Manifest((native_entry(first), native_entry(second, split="test", session="day1")), tmp_path)
    (tmp_path / "known.txt").write_text("Well, no one would have\nbelieved in the last years of it")
    (tmp_path / "other.txt").write_text("a text about other things")
    report = validate(made, [tmp_path / "other.txt", tmp_path / "known.txt"])
    assert [problem.where for problem in report.problems] == ["splits"]
    assert "1 of 1 prompts of test stand whole" in report.problems[0].what
    assert set(report.overlaps) == {"test"}
    assert validate(made, [tmp_path / "other.txt"]).ok


def test_a_language_models_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff\xff")
    for name, told in (("none.txt", "cannot be read"), ("bad.txt", "line 1 is not UTF-8 text")):
        with pytest.raises(LanguageModelError, match=told):
            validate(manifest_of(tmp_path), [tmp_path / name])


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([(0.5, 1.5, "gesture", "a"), (1.0, 2.0, "gesture", "b")], "1 span over an earlier one, the first at 1.000 s"),
        ([(0.0, 2.5, "rest", ""), (1, 2, "gesture", "b"), (2, 3, "utterance", "c")], "2 spans over an earlier one"),
        ([(1.0, 1.0, "gesture", "a")], "1 span of no length, the first at 1.000 s"),
    ],
)
def test_what_is_odd_in_labels_is_noted(spans: list[tuple[float, float, str, str]], told: str) -> None:
    problems, (note,) = check_recording(make_recording(spans=Spans.of(spans)))
    assert problems == []
    assert told in note


def test_spans_that_meet_and_prompts_over_keys_are_not_odd() -> None:
    spans = [(0, 3, "prompt", "p"), (0.5, 1, "gesture", "a"), (1, 1.5, "rest", "")]
    assert check_recording(make_recording(spans=Spans.of(spans))) == ([], [])


@pytest.mark.parametrize(("laps_s", "notes"), [(0.1, 0), (0.2, 1)])
def test_a_prompt_that_ends_as_the_finger_leaves_enter_is_not_odd(laps_s: float, notes: int) -> None:
    spans = [(0, 1 + laps_s, "prompt", "p"), (1, 2, "prompt", "q")]
    problems, found = check_recording(make_recording(spans=Spans.of(spans)))
    assert (problems, len(found)) == ([], notes)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "milliseconds"), (200, "milliseconds or samples")])
def test_times_in_another_unit_are_asked_about(factor: float, unit: str) -> None:
    spans = Spans.of([(i * factor, (i + 1) * factor, "gesture", "a") for i in range(3)])
    (problem,), _ = check_recording(make_recording(spans=spans))
    assert problem.endswith(f"are its times {unit}?")
    (problem,), _ = check_recording(make_recording(spans=Spans.of([(0, 1, "rest", ""), (2, 3.5, "rest", "")])))
    assert problem.endswith("s")


def labelled(folder: Path, name: str, seed: int, labels: tuple[str, ...], kind: str = "utterance") -> Path:
    spans = Spans.of([(i * 0.2, i * 0.2 + 0.1, kind, label) for i, label in enumerate(labels)])
    return write_native(folder, name, seed=seed, spans=spans, events=Events.empty())


def test_labels_that_training_lacks_and_spellings_of_one_label_are_noted(tmp_path: Path) -> None:
    first = native_entry(labelled(tmp_path, "a.hdf5", 0, ("fist", "a", "A", "open hand"), "gesture"))
    second = native_entry(
        labelled(tmp_path, "b.hdf5", 1, ("Fist", "point", "a"), "gesture"), split="test", session="day1"
    )
    rest = native_entry(labelled(tmp_path, "c.hdf5", 2, ()), split="test", session="day2")
    report = validate(Manifest((first, second, rest), tmp_path))
    assert report.ok
    assert [note.what for note in report.notes] == [
        "2 labels of test that train lacks: 'Fist', 'point'",
        "3 labels of train that test never tries: 'A', 'fist', 'open hand'",
        f"1 recording of test without labels, or at rest: {rest.path}",
        "labels 'Fist', 'fist' differ by their spelling alone",
    ]


@pytest.mark.parametrize(
    ("said", "notes"),
    [
        # Once each: too few to be labels by themselves, but training's texts are.
        (
            ("yes", "maybe"),
            ["1 label of test that train lacks: 'maybe'", "1 label of train that test never tries: 'no'"],
        ),
        (("yes", "no"), []),
        (("no yes", "yes no no"), []),  # strings of the labels
        (("yes maybe", "no"), ["1 label of test that train lacks: 'maybe'"]),
        ((), ["1 recording of test without labels, or at rest: test.hdf5"]),
    ],
)
def test_labels_of_single_utterances_are_those_of_training(
    tmp_path: Path, said: tuple[str, ...], notes: list[str]
) -> None:
    first = native_entry(labelled(tmp_path, "train.hdf5", 0, ("yes", "no") * 5))
    second = native_entry(labelled(tmp_path, "test.hdf5", 1, said), split="test", session="day1")
    report = validate(Manifest((first, second), tmp_path))
    assert [note.what.replace(f"{tmp_path}/", "") for note in report.notes] == notes


def test_a_word_of_letters_that_were_trained_on_is_no_new_label(tmp_path: Path) -> None:
    first = native_entry(labelled(tmp_path, "train.hdf5", 0, ("a", "b") * 5))
    second = native_entry(labelled(tmp_path, "test.hdf5", 1, ("ab ba", "bc")), split="test", session="day1")
    report = validate(Manifest((first, second), tmp_path))
    assert [note.what for note in report.notes] == ["1 label of test that train lacks: 'bc'"]


@pytest.mark.parametrize("subject", ["", " ", "\t"])
def test_a_recording_of_nobody_is_refused_by_a_corpus_and_told_of_a_manifest(tmp_path: Path, subject: str) -> None:
    path = write_native(tmp_path, "a.hdf5", subject=subject)
    with pytest.raises(RecordingError, match=r"a\.hdf5: names no subject"):
        scan(tmp_path, "native")
    report = validate(Manifest((native_entry(path, subject=subject),), tmp_path))
    assert any("names no subject" in problem.what for problem in report.problems)
