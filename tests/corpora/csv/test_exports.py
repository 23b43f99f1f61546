"""Tables of samples as devices and spreadsheets export them: every spelling gives the same samples, or a question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.samples.arrays import SampleFile, open_samples
from emgasr.errors import RecordingError

RATE, ROWS = 1000.0, 200
EMG = np.random.default_rng(1).integers(-4000, 4000, (ROWS, 2)) / 8
PLAIN = "\n".join(["time,EMG1,EMG2", *(f"{i / RATE:.3f},{a:.3f},{b:.3f}" for i, (a, b) in enumerate(EMG))]) + "\n"
ROWS_ALONE = PLAIN.partition("\n")[2]


def semicolons(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


def paired(*rates: float) -> str:
    """Rows of a clock and a channel for each sensor, as Delsys writes them; a slower sensor ends earlier."""
    lines = []
    for i, values in enumerate(EMG):
        cells = [
            (f"{i / rate:.6f}", f"{value:.3f}") if i * RATE < ROWS * rate else ("", "")
            for rate, value in zip(rates, values, strict=True)
        ]
        lines.append(",".join(cell for pair in cells for cell in pair))
    return "\n".join(lines) + "\n"


def opened(tmp_path: Path, content: str | bytes, unit: str = "uV", suffix: str = ".csv") -> SampleFile:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_samples(path, RATE, unit=unit)


DISCOVER = (
    "Application:,Trigno Discover,,\nCollection Length (seconds):,0.2,,\nTrigno 1,,Trigno 2,\n"
    "EMG 1 Time Series (s),EMG 1 (uV),EMG 2 Time Series (s),EMG 2 (uV)\n1000 Hz,,1000 Hz,\n"
)
SIGNALS = (
    '# {"x": {"sensor": ["EMG", "ACC", "EMG"], "column": ["nSeq", "DI", "CH1", "CH2", "CH3"], "sampling rate": 1000}}\n'
    "# EndOfHeader\n"
)
PAIRS = "X[s],EMG.A 1,X[s],EMG.A 2"
WORKS = "Label: {} Sampling frequency: {} Number of points: 200 start: 0 Unit: uV Domain Units: Seconds\n"


@pytest.mark.parametrize(
    "content",
    [
        "sep=,\n" + PLAIN,
        "sep=;\r\n" + semicolons(PLAIN).replace("\n", "\r\n"),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace("\n", ",,\n").replace("EMG2,,", "EMG2"),
        PLAIN.replace("-", "−"),
        "My recording\n" + PLAIN,
        "".join(f"key {i}: high pass frequency: 20\n" for i in range(90)) + PLAIN,
        "// made by X\n// with Y\n" + PLAIN,
        "Subject,S1\nDate,2024-01-01\nSampling Rate,1000\n" + PLAIN,
        "Name:\tS1\nFrequency:\t1000\nUnits:\tuV\n" + PLAIN.replace(",", "\t"),
        "MyoResearch,1000\n\ntime,Biceps,Triceps\ns,uV,uV\n" + ROWS_ALONE,
        "Messung;Test\n" + semicolons(PLAIN).replace("time;EMG1;EMG2", "Zeit,s;Kanal 1;Kanal 2"),
        *(PLAIN.replace("time", word) for word in ("Zeit", "Tiempo", "temps", "时间", "Время", "seconds_elapsed")),
        DISCOVER + paired(RATE, RATE),
        f"{WORKS.format('Biceps', '1000')}{WORKS.format('ACC X', '148.1')}{PAIRS}\n{paired(RATE, RATE)}",
        SIGNALS + "".join(f"{i % 16}\t0\t{a:.3f}\t7\t{b:.3f}\t\n" for i, (a, b) in enumerate(EMG)),
        "time,EMG1,EMG2,REF,ax,orient_w,movement\n" + ROWS_ALONE.replace("\n", ",0,1,2,x\n"),
    ],
)  # fmt: skip
def test_what_stands_around_the_samples_changes_none(tmp_path: Path, content: str | bytes) -> None:
    np.testing.assert_allclose(opened(tmp_path, content).samples[:], EMG, atol=1e-4)


def test_lines_above_the_header_are_counted_and_quoted(tmp_path: Path) -> None:
    (note,) = opened(tmp_path, "Subject,S1\nRate,1000\n" + PLAIN).notes
    assert note == "2 lines above the header passed over ('Subject,S1' …)"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Sampling Rate,2000\n" + PLAIN, "line 1 tells 2000 Hz, 1000 Hz are declared"),
        ("Sample Rate: 2 kHz\n" + PLAIN, "line 1 tells 2000 Hz"),
        (DISCOVER.replace("1000 Hz", "1259 Hz") + paired(RATE, RATE), "line 5 tells 1259 Hz"),
        (WORKS.format("Biceps", "1000").replace("uV", "Volts") + PLAIN, "line 1 tells Volts, 1 µV"),
        ("time,EMG1,EMG2\ns,mV,mV\n" + ROWS_ALONE, r"its header tells 'EMG1 \[mV\]'"),
        (PLAIN.replace("EMG1,EMG2", "EMG1 (millivolts),EMG2 (millivolts)"), "1 µV a step is declared"),
        ("Frame,EMG1,EMG2\nSub,left,right\n" + ROWS_ALONE, "lines 1 and 2 could both name its columns"),
        ("X[s],EMG 1,X[s],EMG 2\n" + paired(RATE, RATE / 2), r"its clock 'X\[s\]' is not finite at sample 100"),
        ("X[s],EMG 1,X[s],EMG 2\n" + paired(RATE, RATE * 2), r"its times tell 2000.0 Hz, 1000 Hz are declared"),
        ("min,CH1,CH2\n,500,500\n" + ROWS_ALONE, r"line 2 has no time \('min'\): is it a sample\?"),
        ("".join(f"{i},1.5,12:00:00.{i:03d}\n" for i in range(50)), "has no header, and '12:00:00.000' in column 3"),
        (PLAIN.replace(f"{EMG[3, 0]:.3f}", '"6,287"'), "line 5: '6,287' is not a number; write a decimal point"),
        (PLAIN.replace("EMG1,EMG2", "EMG1_raw,EMG1_filtered"), "'EMG1_raw', 'EMG1_filtered' look like forms of one"),
        ("1,2,3,4\n5,6,7,8\n", "more channels than samples"),
    ],
)  # fmt: skip
def test_what_contradicts_or_could_be_read_two_ways_is_refused(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        opened(tmp_path, content)


def test_a_sensor_that_is_passed_over_takes_its_clock_along(tmp_path: Path) -> None:
    text = "X[s],EMG 1,X[s],ACC.X 1\n" + paired(RATE, RATE / 4)
    file = opened(tmp_path, text)
    np.testing.assert_allclose(file.samples[:], EMG[:, :1], atol=1e-4)
    assert file.notes == ("columns that hold no electrode are passed over: 'X[s]', 'ACC.X 1'",)


@pytest.mark.parametrize("word", ["NA", "N/A", "#N/A", "NaN", "null", ""])
def test_a_value_that_is_not_there_is_unknown_and_counted(tmp_path: Path, word: str) -> None:
    lines = PLAIN.split("\n")
    lines[8] = lines[8].rpartition(",")[0] + "," + word
    file = opened(tmp_path, "\n".join(lines))
    assert np.isnan(file.samples[:][7]).tolist() == [False, True]
    assert file.notes == ("1 empty cell read as unknown (NaN)",)


def clock(time_of: Callable[[int], str]) -> str:
    return "Timestamp,EMG1\n" + "".join(f"{time_of(i)},{value:.3f}\n" for i, (value, _) in enumerate(EMG))


@pytest.mark.parametrize(
    "time_of",
    [
        lambda i: f"02.01.2024 10:00:00.{i:03d}",
        lambda i: f"01/02/2024 10:00:00.{i:03d} PM",
        lambda i: f"2024/1/2 23:59:59.{i + 800:03d}" if i < 200 else f"2024/1/3 00:00:00.{i - 200:03d}",
        lambda i: f"23:59:59.{i + 900:03d}" if i < 100 else f"00:00:00.{i - 100:03d}",
        lambda i: f"00:{i / RATE:06.3f}",
        lambda i: str((2**32 - 100_000 + 1000 * i) % 2**32),
    ],
)
def test_a_clock_is_obeyed_however_it_is_written(tmp_path: Path, time_of: Callable[[int], str]) -> None:
    (found,) = opened(tmp_path, clock(time_of)).clocks
    assert found.times_s[-1] - found.times_s[0] == pytest.approx((ROWS - 1) / RATE)
    assert found.gaps == ()
    (gap,) = opened(tmp_path, clock(lambda i: time_of(i if i < 60 else i + 40))).clocks[0].gaps
    assert (gap.row, round(gap.seconds, 3)) == (60, 0.04)


def test_a_clock_that_is_not_understood_is_told_with_what_that_means(tmp_path: Path) -> None:
    (note,) = opened(tmp_path, clock(lambda i: f"Monday {i}")).notes
    assert note == "the clock 'Timestamp' is not used: 'Monday 0' is not understood, so its gaps are not seen"


def test_a_number_that_was_cut_off_is_told(tmp_path: Path) -> None:
    assert opened(tmp_path, PLAIN.rstrip("\n")).notes == ()
    (note,) = opened(tmp_path, PLAIN[:-3]).notes
    assert note == "its last line has no end and its last number fewer decimals: was the file cut off?"


@pytest.mark.parametrize(("first", "below", "rows"), [("0", "1.5", 20), ("0", "1", 21), ("7", "1.5", 21)])
def test_a_header_of_one_number_is_one_where_it_can_be_no_sample(
    tmp_path: Path, first: str, below: str, rows: int
) -> None:
    assert opened(tmp_path, "\n".join([first, *[below] * 20]) + "\n").samples.shape == (rows, 1)
