"""Tables of samples: the electrodes among their columns, their clocks, and what is refused with the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.samples.arrays import SampleFile, open_samples
from emgasr.errors import RecordingError

RATE = 2000.0
ROWS = 200
EMG = np.random.default_rng(0).integers(-400, 400, (ROWS, 2))
SECONDS = np.arange(ROWS) / RATE
NUMBERS = np.arange(ROWS)


def write(path: Path, header: str | None, columns: Sequence[Sequence[object]], mark: str = ",", end: str = "") -> Path:
    rows = [mark.join(map(str, row)) + end for row in zip(*columns, strict=True)]
    path.write_text("\n".join([*([header] if header is not None else []), *rows]) + "\n", encoding="utf-8")
    return path


def opened(path: Path, columns: Sequence[str] = (), rate_hz: float = RATE, unit: str = "counts") -> SampleFile:
    return open_samples(path, rate_hz, unit=unit, columns=columns)


def exact(times: np.ndarray, digits: int = 6) -> list[str]:
    return [f"{time:.{digits}f}" for time in times]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", NUMBERS),
        ("Unnamed: 0", NUMBERS),
        ("sample", NUMBERS),
        ("idx", NUMBERS + 1),
        ("index", NUMBERS + 5000),
        ("Sample Index", NUMBERS % 256),
        ("sample_number", NUMBERS * 2),
        ("no", NUMBERS),
        ("No.", NUMBERS + 1),
        ("#", NUMBERS),
        ("counter", NUMBERS % 128),
        ("packet counter", NUMBERS),
        ("frame", NUMBERS),
        ("ROW", NUMBERS),
        ("time", exact(SECONDS)),
        ("t", exact(SECONDS)),
        ("Time", exact(SECONDS + 17)),
        ("time_s", exact(SECONDS)),
        ("Time [s]", exact(SECONDS)),
        ("X[s]", exact(SECONDS)),
        ("time (ms)", exact(SECONDS * 1e3)),
        ("timestamp_ms", exact(SECONDS * 1e3)),
        ("ms", exact(SECONDS * 1e3)),
        ("time_us", exact(SECONDS * 1e6)),
        ("Time (µs)", exact(SECONDS * 1e6)),
        ("timestamp_ns", [1_700_000_000_000_000_000 + 500_000 * i for i in range(ROWS)]),
        ("timestamps", exact(1.7e9 + SECONDS)),
        ("Timestamp", [1_700_000_000_000 + i // 2 for i in range(ROWS)]),  # unix ms, two samples a step
        ("unix_us", [1_700_000_000_000_000 + 500 * i for i in range(ROWS)]),
        ("lsl_timestamp", exact(81234.5 + SECONDS)),
        ("TimeStamp", exact(SECONDS)),
        ("elapsed", exact(SECONDS)),
        ("datetime", [f"2024-05-01T12:00:00.{500 * i:06d}Z" for i in range(ROWS)]),
        ("Datetime", [f"2024-05-01 12:00:00.{500 * i:06d}" for i in range(ROWS)]),
        ("Time of day", [f"12:00:00.{500 * i:06d}" for i in range(ROWS)]),
    ],
)
def test_an_index_or_a_clock_is_no_electrode(tmp_path: Path, name: str, values: Sequence[object]) -> None:
    for header, columns in ((f"{name},ch1,ch2", [values, *EMG.T]), (f"chin,throat,{name}", [*EMG.T, values])):
        if not name and header.startswith("chin"):
            continue  # a column without a name that is not the first: see below
        file = opened(write(tmp_path / "t.csv", header, columns))
        np.testing.assert_array_equal(file.samples[:], EMG)
        assert not any("without samples" in note for note in file.notes)


@pytest.mark.parametrize(
    "names",
    [
        "ch1,ch2", "CH 1,CH 2", "emg_1,emg_2", "EMG1,EMG2", "EXG Channel 0,EXG Channel 1", "c1,c2", "0,1", "1,2",
        "Channel_3,Channel_7", "left1,right1", "chin,throat", "biceps,triceps", "E1,E2", "sEMG a,sEMG b",
        '"ch1","ch2"', "emg1 [uV],emg2 [uV]", "emg1_uV,emg2_uV", "ch1,ch1.1", "s1,s2", "T1,T2",
        "Avanti sensor 1: EMG 1 [uV],Avanti sensor 2: EMG 2 [uV]",
    ],
)  # fmt: skip
def test_names_of_one_scheme_are_electrodes(tmp_path: Path, names: str) -> None:
    file = opened(write(tmp_path / "t.csv", f"time,{names}", [exact(SECONDS), *EMG.T]), unit="uV")
    np.testing.assert_array_equal(file.samples[:], EMG)
    assert file.notes == ()


def test_columns_that_are_known_to_be_no_electrodes_are_passed_over_and_told(tmp_path: Path) -> None:
    others = "label,trigger,ACC_X,gyro z,battery,Temperature,Event Marker,accY,Status"
    noise = [np.random.default_rng(i).integers(0, 9, ROWS) for i in range(8)]
    words = ["rest" if i < 50 else "fist" for i in range(ROWS)]
    path = write(tmp_path / "t.csv", f"emg1,emg2,{others}", [*EMG.T, words, *noise])
    file = opened(path)
    np.testing.assert_array_equal(file.samples[:], EMG)
    (note,) = file.notes
    assert all(repr(name) in note for name in others.split(","))


@pytest.mark.parametrize(
    ("header", "columns", "told"),
    [
        ("emg1,emg2,foo", [*EMG.T, EMG[:, 0]], "has 'foo' beside electrodes"),
        ("emg1,,emg2", [EMG[:, 0], EMG[:, 1], EMG[:, 1]], "column 2 beside electrodes"),
        ("chin,throat,lap", [*EMG.T, NUMBERS], "'lap' rises evenly"),
        ("emg1,emg2,emg3", [*EMG.T, exact(1.7e9 + SECONDS)], "'emg3' rises evenly"),
        (None, [NUMBERS, *EMG.T], "column 1 rises evenly"),
        (None, [*EMG.T, exact(SECONDS)], "column 3 rises evenly"),
        (None, [NUMBERS % 256, *EMG.T], "column 1 rises evenly"),
        ("sample,ch1", [*EMG.T], "'sample' is called an index, but does not count"),
        (",ch1", [*EMG.T], "column 1 is called an index, but does not count"),
        ("time,label", [exact(SECONDS), NUMBERS], "no column of an electrode"),
    ],
)
def test_what_could_be_an_electrode_or_not_is_asked(
    tmp_path: Path, header: str | None, columns: Sequence[Sequence[object]], told: str
) -> None:
    with pytest.raises(RecordingError, match=told) as error:
        opened(write(tmp_path / "t.csv", header, columns))
    assert "name the electrodes (or give their numbers" in str(error.value)


def test_the_question_is_answered_by_columns(tmp_path: Path) -> None:
    named = write(tmp_path / "n.csv", "foo,emg1,emg2", [NUMBERS, *EMG.T])
    np.testing.assert_array_equal(opened(named, ["emg2", "EMG1"]).samples[:], EMG[:, ::-1])
    np.testing.assert_array_equal(opened(named, ["2", "3"]).samples[:], EMG)
    assert "'foo'" in opened(named, ["emg1", "emg2"]).notes[0]
    bare = write(tmp_path / "b.csv", None, [NUMBERS, *EMG.T])
    np.testing.assert_array_equal(opened(bare, ["2", "3"]).samples[:], EMG)
    for columns, told in ((["emg9"], "no column called 'emg9'"), (["2", "emg1"], "one twice"), (["0"], "no column")):
        with pytest.raises(RecordingError, match=told):
            opened(named, columns)
    twice = write(tmp_path / "t.csv", "a,a,time", [*EMG.T, exact(SECONDS)])
    with pytest.raises(RecordingError, match="several columns called 'a'"):
        opened(twice, ["a"])
    np.save(tmp_path / "x.npy", EMG)
    with pytest.raises(RecordingError, match="is no table of text: it has no columns to choose"):
        opened(tmp_path / "x.npy", ["a"])


def test_a_header_of_numbers_is_no_sample(tmp_path: Path) -> None:
    many = np.tile(EMG, 2)
    for names, columns, rows in (
        ("0,1", EMG.T, EMG),
        ("0,1,2,3", many.T, many),
        ("1,2,3,4", many.T, many),
        (",0,1", [NUMBERS, *EMG.T], EMG),
    ):
        file = opened(write(tmp_path / "t.csv", names, columns))
        np.testing.assert_array_equal(file.samples[:], rows)
        assert names.startswith(",") or "taken as the header" in file.notes[0]
    for first in ("0", "5,7", "0.0,1.0", "1,0", "1,2"):  # these are samples
        rows = np.array([[float(cell) for cell in first.split(",")]])
        file = opened(write(tmp_path / "t.csv", first, EMG[:, : rows.shape[1]].T))
        np.testing.assert_array_equal(file.samples[:1], rows)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", " "),
        lambda text: text.replace(",", "   "),
        lambda text: text.replace(",", ", "),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: "# made by hand\n\n" + text + "\n\n",
        lambda text: text.replace(",", ";").replace(".", ","),
        lambda text: text.replace(",", "\t").replace(".", ","),
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace("\n", ",,,\n"),
        lambda text: text.replace("\n", ",\n").replace("ch2,", "ch2"),
        lambda text: text + ",,\n,,\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("time,ch1,ch2", "# time,ch1,ch2"),
        lambda text: "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in text.splitlines()),
    ],
)
def test_a_table_reads_the_same_however_it_is_written(tmp_path: Path, written: Callable[[str], str]) -> None:
    emg = EMG / 4
    path = write(tmp_path / "t.csv", "time,ch1,ch2", [exact(SECONDS), *emg.T])
    path.write_bytes(written(path.read_text(encoding="utf-8")).encode())
    file = opened(path)
    np.testing.assert_array_equal(file.samples[:], emg)
    assert [len(clock.rows) for clock in file.clocks] == [ROWS]


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
@pytest.mark.parametrize("point", [".", ","])
@pytest.mark.parametrize("end", ["", "mark"])
def test_a_table_without_a_header_keeps_its_first_sample(tmp_path: Path, mark: str, point: str, end: str) -> None:
    if point == "," and mark in ", ":
        return  # a comma that parts cells is no decimal point
    text = [[str(value / 4).replace(".", point) for value in row] for row in EMG.tolist()]
    path = write(tmp_path / "t.csv", None, list(zip(*text, strict=True)), mark, mark if end else "")
    np.testing.assert_array_equal(opened(path).samples[:], EMG / 4)


@pytest.mark.parametrize("first", ["7,9,fist", "1.5,ch2,ch3", "3,4,button", "5,6,label"])
def test_a_first_line_of_numbers_and_words_is_asked_about(tmp_path: Path, first: str) -> None:
    with pytest.raises(RecordingError, match=r"line 1 holds numbers and words .*: is it a header, or a sample\?"):
        opened(write(tmp_path / "t.csv", first, [*EMG.T, NUMBERS * 0]))
    for header in (",0,1,label", "time,1,2,label"):
        first_column = NUMBERS if header.startswith(",") else exact(SECONDS)
        path = write(tmp_path / "t.csv", header, [first_column, *EMG.T, NUMBERS * 0])
        np.testing.assert_array_equal(opened(path).samples[:], EMG)


def test_clocks_that_tell_nothing_are_named(tmp_path: Path) -> None:
    for name, values in (("time", ["5"] * ROWS), ("Time", ["00:00:00:001"] * ROWS), ("date", ["2024-05-01"] * ROWS)):
        file = opened(write(tmp_path / "t.csv", f"{name},ch1,ch2", [values, *EMG.T]))
        np.testing.assert_array_equal(file.samples[:], EMG)
        assert file.clocks == ()
        assert f"the clock '{name}' is not used" in file.notes[0]


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    lines = ["ch1,ch2,,", "# one", "1,2,,", "", "%two", "3,4,,", ",,,", "5,,,"]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    file = opened(tmp_path / "t.csv")
    np.testing.assert_array_equal(file.samples[:], [[1, 2], [3, 4], [5, np.nan]])
    told = " | ".join(file.notes)
    for what in ("2 empty columns at the end", "2 remarks", "2 empty lines", "1 empty cell"):
        assert what in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"ch1,ch2\n1,2\n3\n", "line 3 has 1 columns, the others 2"),
        (b"ch1,ch2\n1,2\n3,4,5\n", "line 3 has 3 columns"),
        (b"ch1,ch2,,\n1,2,,\n3,4,5,\n", "line 3 holds values in a column without a name"),
        (b"a,b,c,time\n1,0.0\n", "header names 4 columns, line 2 has 2"),
        (b'"1,2\n1,2\n', "line 1: "),
        (b'ch1,ch2\n1,2\n"3,4\n', "line 3: "),
        (b"ch1,ch2\n1,2\n3,\0\n", "line 3 is not text"),
        (b"ch1,ch2\n1,2\n3,4 # spike\n", "line 3: '4 # spike' is not a number"),
        (b"ch1,ch2\n1,2\n\n3,x\n", "line 4: 'x' is not a number"),
        (b"ch1;ch2\n1,5;2\n1.5;2\n", "line 3: both commas and points"),
        (b"ch1;ch2\n1.234,5;2\n", "both commas and points"),
        (b"ch1,ch2\n", "holds no samples"),
        (b"\n\n# nothing\n", "holds no samples"),
        (b"PK\x03\x04\0\0\0\0", "not text"),
        (b"1" * (1 << 21), "not text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "Git LFS pointer"),
        (b"/annex/objects/SHA256E-s123--abc.csv\n", "git-annex pointer"),
        (b"%Sample Rate = 250 Hz\nch1,ch2\n1,2\n", "line 1 tells 250 Hz, 2000 Hz are declared"),
        (b"ch1 [mV],ch2 [mV]\n1,2\n", r"its header tells 'ch1 \[mV\]', counts is declared"),
    ],
)
def test_a_damaged_table_is_refused_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(RecordingError, match=told) as error:
        opened(tmp_path / "t.csv")
    assert "\n" not in str(error.value)


def test_a_unit_in_the_header_must_be_the_declared_one(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "ch1 [mV],ch2 (mV)", EMG.T)
    np.testing.assert_allclose(open_samples(path, RATE, 1000.0, unit="uV").samples[:], EMG * 1000.0)
    with pytest.raises(RecordingError, match="mend whichever is wrong"):
        open_samples(path, RATE, 1.0, unit="uV")


NAMES = "Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Other, Analog Channel 0, Timestamp, Other"
OPENBCI = f"""%OpenBCI Raw EXG Data
%Number of channels = 2
%Sample Rate = 250 Hz
%Board = OpenBCI_GUI$BoardCytonSerial
{NAMES}, Timestamp (Formatted)
"""


def openbci(path: Path, lost: slice = slice(0, 0)) -> Path:
    """600 samples at 250 Hz, without those of `lost`; the host's times come in packets of 10."""
    kept = np.delete(np.arange(600), lost)
    rows = [
        f"{i % 256:.1f}, {i % 7}, {-(i % 5)}, 0.5, 0.0, 1.0, {1.7e9 + i // 10 * 0.04:.6f}, 0.0, 2023-11-14 22:13:20.000"
        for i in kept.tolist()
    ]
    path.write_text(OPENBCI + "\n".join(rows) + "\n")
    return path


def test_openbci_recordings_read_as_they_come(tmp_path: Path) -> None:
    file = opened(openbci(tmp_path / "OpenBCI-RAW.txt"), rate_hz=250.0)
    wanted = np.array([[i % 7, -(i % 5)] for i in range(600)])
    np.testing.assert_array_equal(file.samples[:], wanted)
    assert not any("without samples" in note for note in file.notes)
    assert any("Accel Channel 0" in note for note in file.notes)
    with pytest.raises(RecordingError, match="line 3 tells 250 Hz, 1000 Hz are declared"):
        opened(tmp_path / "OpenBCI-RAW.txt", rate_hz=1000.0)


def test_a_counter_that_starts_again_tells_what_was_lost(tmp_path: Path) -> None:
    file = opened(openbci(tmp_path / "OpenBCI-RAW.txt", slice(250, 290)), rate_hz=250.0)
    assert any("(Sample Index) shows 0.16 s without samples" in note for note in file.notes)


def test_an_index_that_skips_is_a_gap_of_the_clock(tmp_path: Path) -> None:
    kept = np.delete(np.arange(240), slice(100, 140))
    file = opened(write(tmp_path / "t.csv", ",ch1,ch2", [kept, *EMG.T]))
    assert "(index) shows 0.02 s without samples in 1 place: 0.02 s before sample 100" in " ".join(file.notes)
    again = opened(write(tmp_path / "t.csv", ",ch1,ch2", [NUMBERS % 120, *EMG.T]))
    assert "starts again once, first at sample 120" in " ".join(again.notes)
    assert again.clocks == ()
    joined = np.concatenate([np.arange(70), np.arange(50), np.arange(80)])  # three recordings, one behind the other
    again = opened(write(tmp_path / "t.csv", ",ch1,ch2", [joined, *EMG.T]))
    assert "starts again 2 times, first at sample 70" in " ".join(again.notes)
    assert again.clocks == ()
