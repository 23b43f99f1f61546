"""The clock of a recording's samples: its gaps, its rate, and where labels that are on it stand in the signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emgasr.cli.data.manifest import run as manifest_verb
from emgasr.corpora import open_entry, scan
from emgasr.corpora.spans import open_recording
from emgasr.corpora.tables.clock import FIRST_SAMPLE, Clock, place_labels, read_clock
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import read_manifest
from emgasr.recording import Recording
from tests.helpers.miniatures import write_table

RATE = 100.0
HERE = Path("t.csv")


def clock(times: np.ndarray, rate_hz: float = RATE) -> Clock:
    return Clock.of(HERE, "time", np.arange(len(times)), times, rate_hz)


def lossy(total: int, *lost: slice) -> np.ndarray:
    """Times of samples of which some were lost."""
    kept = np.ones(total, bool)
    for part in lost:
        kept[part] = False
    return np.flatnonzero(kept) / RATE


@pytest.mark.parametrize("digits", [2, 3, 6])
@pytest.mark.parametrize("start", [0.0, 3.7, 1.7e9])
def test_gaps_are_found_with_place_and_length(digits: int, start: float) -> None:
    found = clock(
        np.round(start + lossy(60_000, slice(1000, 1001), slice(30_000, 30_500), slice(30_600, 30_607)), digits)
    )
    assert [gap.row for gap in found.gaps] == [1000, 29_999, 30_099]
    np.testing.assert_allclose([gap.seconds for gap in found.gaps], [0.01, 5.0, 0.07], atol=1e-5)
    assert "5.08 s without samples in 3 places: 0.01 s before sample 1000" in found.notes()[0]


@pytest.mark.parametrize("seed", range(5))
def test_jitter_late_packets_and_shared_times_are_no_gaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    even = np.arange(20_000) / RATE
    late = np.maximum.accumulate(even + rng.exponential(0.002, len(even)))
    shared = even[np.arange(len(even)) // 8 * 8]
    arrived = np.maximum.accumulate(shared + np.repeat(rng.exponential(0.01, len(even) // 8), 8))
    for times in (even, late, shared, arrived, np.floor(even), np.round(even, 1), even * 1.0005):
        assert clock(times).gaps == ()


@pytest.mark.parametrize("seed", range(5))
def test_a_gap_is_found_under_jitter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = lossy(20_000, slice(7000, 7100))
    times = np.maximum.accumulate(times + rng.exponential(0.004, len(times)))
    (gap,) = clock(times).gaps
    assert abs(gap.row - 7000) <= 1
    assert abs(gap.seconds - 1.0) < 0.02


def test_samples_that_came_twice_are_told() -> None:
    times = np.insert(np.arange(2000) / RATE, 500, np.arange(495, 500) / RATE * 0 + 4.99)
    found = clock(times)
    assert [(gap.row, round(gap.seconds, 3)) for gap in found.gaps] == [(505, -0.05)]
    assert "stands still in 1 place" in found.notes()[0]


def test_a_clock_of_another_rate_is_refused_and_a_near_one_told() -> None:
    for factor in (0.5, 0.98, 1.02, 1000.0):
        with pytest.raises(RecordingError, match=r"its times tell [\d.]+ Hz, 100 Hz are declared"):
            clock(np.arange(5000) / RATE * factor)
    (note,) = clock(np.arange(50_000) / RATE * 1.001).notes()
    assert "runs at 99.900 Hz where 100 Hz are declared: 0.500 s off at its end" in note
    lost = lossy(60_000, slice(10_000, 40_000))  # half of it is lost: the rate is that of the rest
    assert clock(lost).measured_hz == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize(
    ("at", "value", "told"), [(7, 0.01, "goes back at sample 7"), (9, np.nan, "not finite at sample 9")]
)
def test_time_that_goes_back_is_refused_with_its_place(at: int, value: float, told: str) -> None:
    times = np.arange(50) / RATE
    times[at] = value
    with pytest.raises(RecordingError, match=told):
        clock(times)


def test_a_label_stands_at_the_sample_of_its_time() -> None:
    """Compared with a search in the samples' own times."""
    rng = np.random.default_rng(0)
    for times in (
        lossy(5000, slice(100, 150), slice(3000, 3900)),
        1.7e9 + lossy(5000, slice(1, 90)),
        np.arange(5000) / RATE * 1.005,
        np.cumsum(rng.uniform(0.008, 0.012, 5000)),
    ):
        found = clock(times)
        for row in rng.integers(0, len(times), 50).tolist():
            assert found.to_seconds(float(times[row])) * RATE == pytest.approx(row, abs=0.51)
    gapped = clock(lossy(5000, slice(100, 150)))
    assert gapped.to_seconds(1.3) == pytest.approx(1.0, abs=0.011)  # within the gap: at its edge
    assert gapped.to_seconds(-1.0) == -1.0
    assert gapped.to_seconds(60.0) == pytest.approx(59.5)


def test_labels_are_on_the_clock_or_count_from_the_first_sample() -> None:
    unix = clock(1.7e9 + lossy(6000, slice(3000, 3500)))
    for start in (0.0, 1.7e9):
        placed, told = place_labels(HERE, [unix], [(start + 40.0, start + 41.0), (start + 10, start + 11)])
        np.testing.assert_allclose(placed, [(35.0, 36.0), (10.0, 11.0)], atol=1e-6)
        assert told == ()
    assert place_labels(HERE, [], [(1.0, 2.0)]) == ([(1.0, 2.0)], ())
    _, told = place_labels(HERE, [unix], [(31.0, 32.0), (29.0, 30.5), (50.0, 51.0)])
    assert told[0].startswith("2 labels lie where its clock shows no samples: 31 to 32 s, 29 to 30.5 s")


@pytest.mark.parametrize("begin", [0.0, 0.3, 0.62, 1.7e9 + 0.62])
def test_times_that_many_samples_share_place_labels_as_well(begin: float) -> None:
    """Whole seconds: the first of them is part of one."""
    shared = clock(np.floor(begin + np.arange(6000) / RATE))
    assert shared.gaps == ()
    assert shared.start_s == pytest.approx(begin, abs=0.011)
    for labels in ([(10.0, 11.0), (0.0, 0.5)], [(begin + 10.0, begin + 11.0), (begin, begin + 0.5)]):
        if begin in (0.3, 0.62):
            labels = labels[:1]
            with pytest.raises(RecordingError, match="more than one clock"):
                place_labels(HERE, [shared], labels)
            continue
        placed, _ = place_labels(HERE, [shared], labels)
        np.testing.assert_allclose(placed, [(10.0, 11.0), (0.0, 0.5)], atol=0.011)


def test_labels_that_fit_two_ways_are_asked_about() -> None:
    late = clock(5.0 + np.arange(6000) / RATE)
    with pytest.raises(RecordingError, match=r"5 s apart.*label_clock is one of 'time', 'first sample'"):
        place_labels(HERE, [late], [(10.0, 11.0)])
    assert place_labels(HERE, [late], [(10.0, 11.0)], FIRST_SAMPLE)[0] == [pytest.approx((10.0, 11.0))]
    assert place_labels(HERE, [late], [(10.0, 11.0)], "time")[0] == [pytest.approx((5.0, 6.0))]
    assert place_labels(HERE, [late], [(2.0, 3.0)])[0] == [pytest.approx((2.0, 3.0))]
    with pytest.raises(RecordingError, match="has no clock 'sun'"):
        place_labels(HERE, [late], [(2.0, 3.0)], "sun")


def test_two_clocks_that_disagree_are_asked_about() -> None:
    made = clock(np.arange(5500) / RATE)  # numbered after the samples were lost
    real = Clock.of(HERE, "timestamp", np.arange(5500), 1.7e9 + lossy(6000, slice(3000, 3500)), RATE)
    with pytest.raises(RecordingError, match="'time', 'timestamp', 'first sample'"):
        place_labels(HERE, [made, real], [(40.0, 41.0)])
    assert place_labels(HERE, [made, real], [(20.0, 21.0)])[0] == [pytest.approx((20.0, 21.0))]
    assert place_labels(HERE, [made, real], [(1.7e9 + 40, 1.7e9 + 41)])[0] == [pytest.approx((35.0, 36.0))]


def write_radio(folder: Path, name: str = "time", start: float = 0.0, unit: float = 1.0, **row: object) -> Path:
    """Ten seconds of which two were lost at 4 s; a burst is at 7 s of the clock."""
    folder.mkdir(exist_ok=True)
    times = lossy(1000, slice(400, 600))
    emg = np.random.default_rng(0).integers(-3, 4, (len(times), 2))
    emg[(times >= 7) & (times < 8)] *= 100
    rows = [f"{(start + t) / unit:.6f},{a},{b}" for t, (a, b) in zip(times.tolist(), emg.tolist(), strict=True)]
    (folder / "r.csv").write_text("\n".join([f"{name},ch1,ch2", *rows]) + "\n")
    write_table(folder / "recordings.csv", [{"file": "r.csv", "subject": "s1", "rate_hz": 100, "unit": "uV", **row}])
    return folder


def label(folder: Path, *starts: float) -> None:
    rows: list[dict[str, object]] = [{"file": "r.csv", "start_s": s, "end_s": s + 1, "label": "fist"} for s in starts]
    write_table(folder / "labels.csv", rows)


def assert_on_the_burst(recording: Recording) -> None:
    (start,), (end,) = recording.spans.start_s, recording.spans.end_s
    assert (start, end) == (pytest.approx(5.0, abs=0.006), pytest.approx(6.0, abs=0.006))
    inside, outside = recording.read(start, end), recording.read(end, 8.0)
    assert abs(inside).max() == 300
    assert abs(outside).max() == 3


@pytest.mark.parametrize(
    ("name", "start", "unit", "first"),
    [
        ("time", 0.0, 1.0, 0.0),
        ("time_ms", 0.0, 1e-3, 0.0),
        ("time", 0.0, 1e-3, 0.0),  # its unit is known by the rate
        ("Time (µs)", 0.0, 1e-6, 0.0),
        ("timestamp", 1.7e9, 1.0, 1.7e9),
        ("timestamp", 1.7e9, 1.0, 0.0),
        ("timestamp", 1.7e9, 1e-3, 1.7e9),
    ],
)
def test_a_label_stays_beside_its_burst_after_a_gap(
    tmp_path: Path, name: str, start: float, unit: float, first: float
) -> None:
    label(write_radio(tmp_path / "c", name, start, unit), first + 7)
    (entry,) = scan(tmp_path / "c", "spans")
    recording = open_entry(entry, "/")
    assert_on_the_burst(recording)
    assert "2 s without samples in 1 place: 2 s before sample 400" in " ".join(recording.notes)


def test_an_ambiguous_clock_is_answered_in_the_table_or_by_an_option(tmp_path: Path) -> None:
    folder = write_radio(tmp_path / "c", start=5.0)
    label(folder, 7.0)
    with pytest.raises(RecordingError, match="say which they are on: label_clock"):
        scan(folder, "spans")
    assert_on_the_burst(open_entry(scan(folder, "spans", label_clock="first sample")[0], "/"))
    label(folder, 12.0)
    assert_on_the_burst(open_entry(scan(folder, "spans", label_clock="time")[0], "/"))
    label(write_radio(folder, start=5.0, label_clock="time"), 12.0)
    assert_on_the_burst(open_entry(scan(folder, "spans")[0], "/"))


def test_the_command_line_names_columns_and_clocks(tmp_path: Path) -> None:
    folder = write_radio(tmp_path / "c", start=5.0)
    text = (folder / "r.csv").read_text().replace("ch1", "lap")
    (folder / "r.csv").write_text(text)
    label(folder, 7.0)
    out = tmp_path / "m.jsonl"
    arguments = [str(folder), "--corpus", "spans", "--out", str(out), "--label-clock", "first sample"]
    with pytest.raises(RecordingError, match="'lap' beside electrodes"):
        manifest_verb(arguments)
    assert manifest_verb([*arguments, "--columns", "lap", "ch2"]) == 0
    manifest = read_manifest(out)
    assert_on_the_burst(open_entry(manifest.entries[0], manifest.root))


def test_columns_stand_in_the_table_too(tmp_path: Path) -> None:
    folder = write_radio(tmp_path / "c", columns="ch2")
    label(folder, 7.0)
    (entry,) = scan(folder, "spans")
    assert open_entry(entry, "/").n_channels == 1
    assert entry.options["columns"] == ["ch2"]
    with pytest.raises(RecordingError, match="no column called 'ch9'"):
        open_recording(folder / "r.csv", rate_hz=100, unit="uV", columns=["ch9"])


@pytest.mark.parametrize("seconds", [4, 60])
def test_times_that_are_read_once_a_second_tell_the_same_gaps(seconds: int) -> None:
    reads: list[int] = []

    class Counted(np.ndarray):
        def __getitem__(self, rows):  # type: ignore[no-untyped-def, override]
            found = super().__getitem__(rows)
            reads.append(np.size(found))
            return found

    kept = np.delete(np.arange(seconds * 2000), np.r_[1000:1600, 5000:5020, 7000:7001])
    times = 1.6e9 + kept / 2000
    found = read_clock(HERE, "time", times.view(Counted), len(times), 2000.0)
    assert found.lost() == ((1000, 600), (4400, 20), (6380, 1))
    assert found.lost() == clock(times, 2000.0).lost()
    assert sum(reads) < 0.2 * len(times) or seconds < 20
