"""Gestures as NinaPro (.mat) and UCI (text) publish them, and handwriting as the neuromotor interface does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from emgasr.corpora import neuromotor, ninapro, scan, uci_gestures
from emgasr.errors import EmgasrError, RecordingError
from tests.helpers.layouts import NUMBER, write_neuromotor, write_ninapro, write_uci
from tests.helpers.miniatures import write_table


def test_db5_is_two_rings_in_counts_at_200_hz(tmp_path: Path) -> None:
    write_ninapro(tmp_path)
    opened = ninapro.open_recording(tmp_path / "S2_E2_A1.mat")
    np.testing.assert_array_equal(opened.read(0.5, 1.0), loadmat(tmp_path / "S2_E2_A1.mat")["emg"][100:200])
    assert (opened.rate_hz, opened.unit, opened.subject, opened.session) == (200.0, "counts", "s02", "A1")
    assert [(band.name, len(band.electrodes), band.ring) for band in opened.bands] == [
        ("upper", 8, True),
        ("lower", 8, True),
    ]
    assert opened.spans.texts == ("rest", "e2g01", "rest", "e2g02", "rest", "e2g01")
    assert opened.spans.kinds == ("rest", "gesture") * 3
    np.testing.assert_allclose(opened.spans.start_s, np.arange(6) * 1.5)


def test_db2_is_twelve_electrodes_in_microvolts_at_2_khz(tmp_path: Path) -> None:
    write_ninapro(tmp_path, 1, channels=12, rate_hz=2000)
    opened = ninapro.open_recording(tmp_path / "S1_E2_A1.mat", database="DB2")
    assert (opened.rate_hz, opened.unit, opened.n_channels, opened.duration_s) == (2000.0, "uV", 12, 9.0)
    np.testing.assert_allclose(opened.read(), loadmat(tmp_path / "S1_E2_A1.mat")["emg"] * 1e6, rtol=1e-5)


def test_files_are_listed_by_subject_and_exercise(tmp_path: Path) -> None:
    write_ninapro(tmp_path, 11)
    (tmp_path / "notes.mat").write_bytes(b"x")
    assert [entry.subject for entry in scan(tmp_path, "ninapro")] == [f"s{i:02d}" for i in range(1, 12)]


def test_corrected_labels_go_before_the_plain_ones_and_a_missing_number_is_in_the_name(tmp_path: Path) -> None:
    write_ninapro(tmp_path, 1, restimulus=None, subject=None)
    opened = ninapro.open_recording(tmp_path / "S1_E2_A1.mat")
    assert (opened.subject, len(opened.spans)) == ("s01", 6)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"channels": 10, "rate_hz": 100}, "has 10 channels, as DB1 has; DB2, DB3 and DB4 have 12, DB5 has 16"),
        ({"channels": 9}, "has 9 channels; DB2"),
        ({"emg": None}, "holds no table 'emg'"),
        ({"emg": "text"}, "holds no table 'emg'"),
        ({"stimulus": None, "restimulus": None}, "neither 'restimulus' nor 'stimulus'"),
        ({"restimulus": np.zeros((5, 1))}, "restimulus has 5 rows, emg 1800"),
        ({"subject": 7}, "is of subject 7, its name says 1"),
        ({"restimulus": np.full((1800, 1), np.nan)}, "restimulus holds what is no number of a gesture"),
        ({"restimulus": np.full((1800, 1), 1.5)}, "what is no number of a gesture"),
        ({"restimulus": np.full((1800, 1), -1)}, "what is no number of a gesture"),
        ({"restimulus": np.full((1800, 1), 10**9)}, "what is no number of a gesture"),
        ({"restimulus": np.full((1800, 1), 1j)}, "what is no number of a gesture"),
    ],
)
def test_the_wrong_database_or_table_is_refused(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    write_ninapro(tmp_path, 1, **more)
    with pytest.raises(RecordingError, match=told):
        ninapro.open_recording(tmp_path / "S1_E2_A1.mat")


def test_a_database_that_was_asked_for_must_be_it(tmp_path: Path) -> None:
    write_ninapro(tmp_path, 1)
    with pytest.raises(RecordingError, match="has 16 channels; DB2 has 12"):
        ninapro.open_recording(tmp_path / "S1_E2_A1.mat", database="db2")
    with pytest.raises(RecordingError, match="unknown database 'db9'"):
        ninapro.open_recording(tmp_path / "S1_E2_A1.mat", database="db9")


@pytest.mark.parametrize(
    ("content", "told"), [(b"", r"no \.mat file"), (b"\x89HDF\r\n" * 90, r"no \.mat file|MATLAB 7\.3")]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "S1_E1_A1.mat").write_bytes(content)
    with pytest.raises(RecordingError, match=told):
        ninapro.open_recording(tmp_path / "S1_E1_A1.mat")
    write_ninapro(tmp_path, 1)
    cut = tmp_path / "S1_E2_A1.mat"
    cut.write_bytes(cut.read_bytes()[:3000])
    with pytest.raises(RecordingError, match="cut off"):
        ninapro.open_recording(cut)


def test_a_log_of_the_uci_set_is_laid_on_the_devices_grid(tmp_path: Path) -> None:
    write_uci(tmp_path)
    entries = scan(tmp_path, "uci_gestures")
    assert [(entry.subject, entry.session) for entry in entries] == [
        ("s01", "22.03.16"),
        ("s02", "22.03.17"),
        ("s03", "22.03.18"),
    ]
    opened = uci_gestures.open_recording(entries[0].path)
    assert (opened.rate_hz, opened.unit, opened.n_samples) == (200.0, "uV", 1800)
    updates = np.random.default_rng(1).integers(-90, 90, (1800, 8)) * 10.0
    np.testing.assert_allclose(opened.read(), updates, atol=1e-3)
    assert (opened.spans.texts, opened.spans.kinds) == (("rest", "fist", "flexion"), ("rest", "gesture", "gesture"))
    np.testing.assert_allclose(opened.spans.start_s, [1.5, 3.0, 6.0], atol=0.005)


def uci(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return apply


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (uci(lambda rows: rows[:2]), "holds no rows"),
        (uci(lambda rows: ["dear diary"] * 90), "holds no rows"),
        (uci(lambda rows: [*rows[:900], rows[100], *rows[900:]]), "time goes back at row"),
        (uci(lambda rows: rows[:2000:20]), "rows come at 50 Hz"),
        (uci(lambda rows: [*rows[:4000], *rows[5500:]]), "its clock jumps by 1.5 s at row 4001"),
        (uci(lambda rows: [*rows[:50], rows[50].replace("e-05", "x") + "x", *rows[51:]]), "line 51 is not ten numbers"),
        (uci(lambda rows: [row[:-1] + "2.5" if i == 50 else row for i, row in enumerate(rows)]), "holds class 2.5"),
        (uci(lambda rows: [row[:-1] + "nan" if i == 50 else row for i, row in enumerate(rows)]), "no rows of ten"),
        (uci(lambda rows: [row[:-1] + "9" if i == 50 else row for i, row in enumerate(rows)]), "holds class 9"),
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "no regular file"),
    ],
)
def test_a_text_file_of_something_else_is_refused(tmp_path: Path, change: Callable[[Path], object], told: str) -> None:
    (path,) = uci_gestures.text_files(write_uci(tmp_path, 1))
    change(path)
    with pytest.raises(RecordingError, match=told):
        uci_gestures.open_recording(path)


def test_labels_of_a_log_follow_its_own_clock_over_a_gap(tmp_path: Path) -> None:
    (path,) = uci_gestures.text_files(write_uci(tmp_path, 1))
    whole = uci_gestures.open_recording(path)
    uci(lambda rows: [*rows[:1000], *rows[1500:2000], *rows[2005:]])(path)
    opened = uci_gestures.open_recording(path)
    assert opened.n_samples == whole.n_samples
    np.testing.assert_array_equal(opened.spans.start_s, whole.spans.start_s)
    assert opened.notes == (
        "1 row without ten columns passed over (line 8497)",
        "1 gaps in its clock, 0.501 s in all, are filled with the row before (the first at row 1001)",
    )


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_no_row_is_lost_with_another_line_end_or_without_a_header(tmp_path: Path, ends: str) -> None:
    (path,) = uci_gestures.text_files(write_uci(tmp_path, 1))
    whole = uci_gestures.open_recording(path).read()
    path.write_bytes(ends.join(path.read_text().split("\n")[1:]).encode())
    np.testing.assert_array_equal(uci_gestures.open_recording(path).read(), whole)


def test_a_prompt_without_a_text_is_told(tmp_path: Path) -> None:
    (path,) = neuromotor.session_files(write_neuromotor(tmp_path, 1))
    prompts([{"start": NUMBER + 1, "end": NUMBER + 2, "prompt": text} for text in ("a", " ", "")])(path)
    opened = neuromotor.open_recording(path)
    assert opened.spans.texts == ("a",)
    assert opened.notes[0].endswith("2 rows without a text passed over (lines 3, 4)")


def test_handwriting_is_one_ring_with_prompts_as_utterances(tmp_path: Path) -> None:
    write_neuromotor(tmp_path)
    entries = scan(tmp_path, "neuromotor")
    assert [entry.subject for entry in entries] == ["000", "001", "002"]
    opened = neuromotor.open_recording(entries[1].path)
    expected = np.random.default_rng(1).normal(0, 30, (8000, 16)).astype(np.float32)
    np.testing.assert_array_equal(opened.read(1, 2), expected[2000:4000])
    assert (opened.rate_hz, opened.unit, opened.bands[0].ring, opened.start_unix_s) == (2000.0, "uV", True, NUMBER)
    assert opened.bands[0].montage == "bipolar"
    assert (opened.spans.kinds, opened.spans.texts) == (("utterance", "utterance"), ("hi all", "ok?"))
    np.testing.assert_allclose(opened.spans.start_s, [0.5, 2.0], atol=1e-6)


def prompts(rows: list[dict[str, object]]) -> Callable[[Path], None]:
    return lambda path: write_table(neuromotor.prompts_file(path), rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: neuromotor.prompts_file(path).unlink(), r"no prompts beside it.*read_hdf"),
        (prompts([{"start": 1, "end": 2}]), "lacks the columns start, end and prompt"),
        (
            prompts([{"start": NUMBER + 2, "end": NUMBER + 1, "prompt": "a"}]),
            "line 2: the prompt ends before it starts",
        ),
        (prompts([{"start": "soon", "end": 1, "prompt": "a"}]), "line 2: start is 'soon'"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), "truncated"),
        (lambda path: path.rename(path.with_name("x.hdf5")), "cannot be read"),
    ],
)
def test_a_session_without_its_prompts_or_half_downloaded_is_refused(
    tmp_path: Path, change: Callable[[Path], object], told: str
) -> None:
    (path,) = neuromotor.session_files(write_neuromotor(tmp_path, 1))
    change(path)
    with pytest.raises(EmgasrError, match=told):
        neuromotor.open_recording(path)
