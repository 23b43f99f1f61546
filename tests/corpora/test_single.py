"""Single takes without a table: what their files say, what is said of them, and what is taken from a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from emgasr.corpora import scan
from emgasr.corpora.single import Facts, named, open_single, steps_of
from emgasr.errors import EmgasrError, RecordingError
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.recording import Band, Signal
from tests.helpers.miniatures import native_entry, write_native, write_spans, write_takes

MODEL = Signal(1000.0, "uV", (Band.numbered("chin", 2), Band.numbered("neck", 1)))
VALUES = np.random.default_rng(0).integers(-900, 900, (300, 3), dtype=np.int16)


def take(folder: Path, kind: str) -> Path:
    path = folder / f"take.{kind}"
    if kind == "npy":
        np.save(path, VALUES)
    elif kind == "wav":
        wavfile.write(path, 1000, VALUES)
    else:
        np.savetxt(path, VALUES, fmt="%d", delimiter=",", header="emg1,emg2,emg3", comments="")
    return path


@pytest.mark.parametrize(
    ("kind", "assumed"), [("npy", "at 1000 Hz and in uV"), ("csv", "at 1000 Hz and in uV"), ("wav", "in uV")]
)
def test_what_a_take_does_not_say_is_the_models_and_a_note_says_so(tmp_path: Path, kind: str, assumed: str) -> None:
    opened = open_single(take(tmp_path, kind), signal=MODEL)
    assert (opened.rate_hz, opened.unit, opened.bands) == (1000.0, "uV", MODEL.bands)
    np.testing.assert_array_equal(opened.read(), VALUES)
    assert [note for note in opened.notes if note.startswith("taken")] == [
        f"taken {assumed}, as the model is: its file does not say (--rate, --unit)"
    ]


@pytest.mark.parametrize(("step", "name"), [(1000.0, "mV"), (1.0, "uV"), (0.195, "0.195 µV a step")])
def test_a_take_that_does_not_say_its_unit_is_read_as_those_of_training_were(
    tmp_path: Path, step: float, name: str
) -> None:
    trained = replace(MODEL, steps=(step,))
    for kind, rate in (("npy", " at 1000 Hz"), ("csv", " at 1000 Hz"), ("wav", "")):
        opened = open_single(take(tmp_path, kind), signal=trained)
        np.testing.assert_array_equal(opened.read(), (VALUES.astype(float) * step).astype(np.float32))
        assert [note for note in opened.notes if note.startswith("read")] == [
            f"read as at training: {name}{rate}; its file does not say (--rate, --unit)"
        ]
    said = open_single(take(tmp_path, "wav"), Facts(unit="nV"), trained)
    np.testing.assert_allclose(said.read(), VALUES * 1e-3, rtol=1e-6)
    assert said.notes == ()


def test_takes_of_training_in_several_units_say_nothing_of_a_new_one(tmp_path: Path) -> None:
    several = replace(MODEL, steps=(0.5, 1000.0))
    with pytest.raises(RecordingError, match=r"had several \(0.5 µV a step, mV\); say it \(--unit or --scale-uv;"):
        open_single(take(tmp_path, "wav"), signal=several)
    assert open_single(take(tmp_path, "wav"), Facts(unit="mV"), several).unit == "uV"


def test_the_steps_of_a_manifest_are_those_of_its_bare_takes(tmp_path: Path) -> None:
    volts = scan(write_takes(tmp_path / "a"), "takes", unit="mV")
    scaled = scan(write_takes(tmp_path / "b"), "takes", scale_uv=1000.0)
    half = scan(write_spans(tmp_path / "c"), "spans")  # by its table
    session = native_entry(write_native(tmp_path))
    assert steps_of([session]) == ()
    assert steps_of([*volts, *scaled, session]) == (1000.0,)
    assert steps_of([*volts, *half]) == (0.5, 1000.0)


def test_a_table_of_takes_without_units_is_read_as_at_training_and_its_own_units_go_before(tmp_path: Path) -> None:
    model = Signal(200.0, "uV", (Band.numbered("arm", 8),), (0.5,))
    folder = write_takes(tmp_path / "listed")
    (first, *_), notes = named(folder, signal=model)
    assert notes == ["read as at training: 0.5 µV a step, where listed does not say its unit (--unit)"]
    stored = np.load(first.name).astype(np.float32)
    np.testing.assert_allclose(first.open().read(), 0.5 * stored, rtol=1e-6)
    table = folder / "metadata.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},unit", *(f"{row},mV" for row in rows)]))
    (first, *_), notes = named(folder, signal=model)
    assert notes == []
    np.testing.assert_allclose(first.open().read(), 1000 * stored, rtol=1e-6)
    (first, *_), notes = named(folder, signal=replace(model, steps=(0.5, 1000.0)))
    assert notes == []
    np.testing.assert_allclose(first.open().read(), 1000 * stored, rtol=1e-6)
    table.write_text("\n".join([header, *rows]))
    with pytest.raises(RecordingError, match="has no unit"):
        named(folder, signal=replace(model, steps=(0.5, 1000.0)))


@pytest.mark.parametrize("kind", ["npy", "csv", "wav"])
def test_what_is_said_of_a_take_goes_before_the_models_and_needs_no_note(tmp_path: Path, kind: str) -> None:
    opened = open_single(take(tmp_path, kind), Facts(1000.0, "mV"), MODEL)
    np.testing.assert_array_equal(opened.read(), VALUES * np.float32(1000))
    assert opened.notes == ()
    scaled = open_single(take(tmp_path, kind), Facts(1000.0, scale_uv=0.5))
    np.testing.assert_array_equal(scaled.read(), VALUES * np.float32(0.5))
    assert (scaled.unit, scaled.spans.texts) == ("uV", ())


def test_a_header_says_the_unit_and_the_columns_can_be_chosen(tmp_path: Path) -> None:
    table = np.column_stack([VALUES, VALUES[:, ::-1]])
    header = "emg1 (mV),emg2 (mV),emg3 (mV),emg4 (uV),emg5 (uV),emg6 (uV)"
    np.savetxt(tmp_path / "t.csv", table, fmt="%d", delimiter=",", header=header, comments="")
    with pytest.raises(RecordingError, match="its header tells several units"):
        open_single(tmp_path / "t.csv", signal=MODEL)
    opened = open_single(tmp_path / "t.csv", Facts(columns=("1", "2", "3")), MODEL)
    np.testing.assert_array_equal(opened.read(), VALUES * np.float32(1000))
    assert any(note.startswith("taken at 1000 Hz, as the model is") for note in opened.notes)


def test_a_wav_header_of_whole_hertz_may_mean_the_models_rate(tmp_path: Path) -> None:
    near = Signal(999.6, "uV", MODEL.bands)
    assert open_single(take(tmp_path, "wav"), signal=near).rate_hz == 999.6
    assert open_single(take(tmp_path, "wav"), Facts(unit="uV")).rate_hz == 1000.0


@pytest.mark.parametrize(
    ("kind", "facts", "signal", "told"),
    [
        ("npy", Facts(), None, "does not say its rate and unit; give --rate HZ and --unit"),
        ("npy", Facts(rate_hz=1000), None, "does not say its unit; give --unit"),
        ("wav", Facts(), None, "does not say its unit"),
        ("wav", Facts(rate_hz=500), MODEL, "header tells 1000 Hz, 500 Hz are declared"),
        ("npy", Facts(rate_hz=500), MODEL, "take.npy: is at 500 Hz, the model at 1000 Hz"),
        ("wav", Facts(), Signal(2000.0, "uV", MODEL.bands), "take.wav: is at 1000 Hz, the model at 2000 Hz"),
        ("npy", Facts(unit="counts"), MODEL, "take.npy: is in counts, the model in uV"),
        ("npy", Facts(unit="parsec"), MODEL, "unknown unit 'parsec'"),
        ("npy", Facts(), Signal(1000.0, "uV", (Band.numbered("a", 8),)), "has 3 channels, the model 8"),
        ("csv", Facts(), Signal(1000.0, "uV", (Band.numbered("a", 2),)), r"has 3 channels, the model 2; .*--columns"),
        ("npy", Facts(columns=("1",)), MODEL, "has no columns to choose"),
    ],
)
def test_a_take_that_does_not_say_enough_or_does_not_fit_is_one_line(
    tmp_path: Path, kind: str, facts: Facts, signal: Signal | None, told: str
) -> None:
    with pytest.raises(RecordingError, match=told) as caught:
        open_single(take(tmp_path, kind), facts, signal)
    assert "\n" not in str(caught.value)
    assert "take." in str(caught.value)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (Facts(rate_hz=500), "is at 200 Hz, as it says itself, not at 500 Hz"),
        (Facts(unit="mV"), "is in uV, as it says itself, not in mV"),
        (Facts(scale_uv=0.5), "--scale-uv is for bare ones"),
        (Facts(columns=("1",)), "--columns is for bare ones"),
    ],
)
def test_what_is_said_of_a_file_that_describes_itself_must_agree(tmp_path: Path, facts: Facts, told: str) -> None:
    path = write_native(tmp_path)
    assert open_single(path, Facts(200.0, "uV")).n_channels == 8
    with pytest.raises(RecordingError, match=told):
        open_single(path, facts)


def test_a_path_names_a_file_the_rows_of_a_table_or_the_files_of_a_folder(tmp_path: Path) -> None:
    model = Signal(200.0, "counts", (Band.numbered("arm", 8),))
    folder = write_takes(tmp_path / "listed")
    found, notes = named(folder, signal=model)
    assert [Path(each.name).stem for each in found[:6]] == [f"d1_a_{i}" for i in range(5)] + ["d1_b_0"]
    assert (found[0].open().subject, found[0].open().unit) == ("s01", "counts")
    assert notes == ["taken in counts, as the model is, where listed does not say its unit (--unit)"]
    bare, notes = named(folder / "takes", signal=model)
    assert ([Path(each.name).name for each in bare[:2]], notes) == (["d1_a_0.npy", "d1_a_1.npy"], [])
    assert bare[0].open().bands == model.bands
    spans, _ = named(write_spans(tmp_path / "spans"), Facts())
    assert [len(each.open().spans) for each in spans] == [3] * 5
    session = write_native(tmp_path)
    write_manifest(Manifest((native_entry(session),), tmp_path), tmp_path / "m.jsonl")
    (listed,), _ = named(tmp_path / "m.jsonl")
    assert (listed.name, listed.open().subject) == (str(session), "ann")
    assert [each.name for each in named(session)[0]] == [str(session)]


def test_a_folder_without_recordings_and_a_table_at_another_rate_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("nothing")
    with pytest.raises(RecordingError, match="holds no recording"):
        named(tmp_path / "empty")
    with pytest.raises(EmgasrError, match="is at 200 Hz by its table, not at 100 Hz"):
        named(write_takes(tmp_path / "takes"), Facts(100.0, "uV"))


def test_a_montage_is_what_is_said_and_never_the_models(tmp_path: Path) -> None:
    bands = tuple(replace(band, montage="bipolar") for band in MODEL.bands)
    bipolar = replace(MODEL, bands=bands)
    path = take(tmp_path, "npy")
    assert {band.montage for band in open_single(path, signal=bipolar).bands} == {""}
    assert open_single(path, Facts(montage="Bipolar"), bipolar).bands == bands
    with pytest.raises(RecordingError, match=r"take\.npy: is of montage average, the model of bipolar"):
        open_single(path, Facts(montage="average"), bipolar)
    with pytest.raises(RecordingError, match=r"unknown montage 'mono'; say bipolar, reference or average"):
        open_single(path, Facts(montage="mono"), bipolar)


def test_a_file_that_says_its_montage_is_not_contradicted(tmp_path: Path) -> None:
    bands = (Band.numbered("left", 4, montage="bipolar"), Band.numbered("right", 4))
    path = write_native(tmp_path, bands=bands)
    assert {band.montage for band in open_single(path, Facts(montage="bipolar")).bands} == {"bipolar"}
    with pytest.raises(RecordingError, match="is of montage bipolar, as it says itself, not reference"):
        open_single(path, Facts(montage="reference"))
