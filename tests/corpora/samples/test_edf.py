"""EDF and BDF: headers, ranges and clocks of every kind are read exactly, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.bids.reader import open_recording
from emgasr.errors import RecordingError
from tests.helpers.edf_files import Channel, times, write_edf

RNG = np.random.default_rng(0)


def emg(label: str = "EMG 1", records: int = 4, samples: int = 100, bits: int = 24, **more: object) -> Channel:
    half = 1 << (bits - 1)
    return Channel(label, RNG.integers(-half, half, (records, samples)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", ["bdf", "edf"])
def test_samples_agree_with_edfio_in_slices_and_at_the_ends_of_the_range(tmp_path: Path, suffix: str) -> None:
    edfio = pytest.importorskip("edfio")
    bits = 24 if suffix == "bdf" else 16
    half = 1 << (bits - 1)
    channels = [emg(f"EMG {i}", bits=bits, physical=physical) for i, physical in enumerate(
        [("-1000", "1000"), ("-0.001", "3e4"), ("5", "-5")]
    )]  # fmt: skip
    channels[0].stored[0, :4] = [-half, half - 1, 0, -1]
    path = write_edf(tmp_path / f"a_emg.{suffix}", channels)
    whole = (edfio.read_bdf if suffix == "bdf" else edfio.read_edf)(path)
    expected = np.stack([signal.data for signal in whole.signals], axis=1)
    recording = open_recording(path)
    np.testing.assert_allclose(recording.read(), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(recording.read()[:2, 0], [-1000, 1000], rtol=1e-7)
    for start, stop in ((0, 1), (99, 101), (100, 200), (177, 399), (5, 5)):
        np.testing.assert_array_equal(recording.samples[start:stop], recording.read()[start:stop])


def test_no_library_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "edfio", None)
    assert open_recording(write_edf(tmp_path / "a.bdf", [emg()])).n_samples == 400


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": "1"}, "not an EDF or BDF file"),
        ({"version": "0"}, "holds samples of 16 bits"),
        ({"signals": "0"}, "0 signals in 512 bytes"),
        ({"signals": "9999"}, "9999 signals"),
        ({"signals": "-1"}, "-1 signals"),
        ({"signals": "x"}, "number of signals is 'x'"),
        ({"header": "256"}, "1 signals in 256 bytes"),
        ({"header": "99999999"}, "in 99999999 bytes"),
        ({"records": "x"}, "number of records is 'x'"),
        ({"records": "5"}, r"tells 5 records \(5 s\), the file holds 4 \(4 s\).*truncated"),
        ({"records": "0"}, "tells 0 records"),
        ({"records": "-1"}, r"was not finished: its header counts no records, the file holds 4 \(4 s\)"),
        ({"samples": "99999999"}, r"tells 4 records \(4 s\), the file holds 0 and a part of one"),
        ({"samples": "0"}, "holds no signal"),
        ({"samples": "-100"}, "holds no samples"),
        ({"samples": "1e2"}, "is '1e2'"),
        ({"record_s": "0"}, "records last 0 s"),
        ({"record_s": "-1"}, "records last -1 s"),
        ({"record_s": "nan"}, "length of a record is 'nan'"),
        ({"record_s": "1e999"}, "length of a record is '1e999'"),
        ({"record_s": "1_0"}, "length of a record is '1_0'"),
    ],
)
def test_a_header_that_cannot_be_is_refused_before_anything_is_read(
    tmp_path: Path, fields: dict[str, str], told: str
) -> None:
    path = write_edf(tmp_path / "a.bdf", [emg()], **fields)
    with pytest.raises(RecordingError, match=told):
        open_recording(path)


@pytest.mark.parametrize(
    ("physical", "digital"),
    [
        (("0", "0"), None),
        (("-1e999", "1e999"), None),
        (("nan", "1"), None),
        (("-inf", "inf"), None),
        (("", ""), None),
        (("-1,5", "1,5"), None),
        (("-1e308", "1e308"), None),
        (("-1", "1"), ("5", "5")),
        (("-1", "1"), ("5", "-5")),
        (("-1", "1"), ("-8388609", "8388607")),
        (("-1", "1"), ("0.5", "7")),
    ],
)
def test_a_range_without_steps_matters_only_where_it_is_used(
    tmp_path: Path, physical: tuple[str, str], digital: tuple[str, str] | None
) -> None:
    flat = emg("EMG 2", physical=physical, digital=digital)
    with pytest.raises(RecordingError, match=r"EMG 2"):
        open_recording(write_edf(tmp_path / "a.bdf", [emg(), flat]))
    flat.label = "TRIG"
    assert open_recording(write_edf(tmp_path / "b.bdf", [emg(), flat])).n_channels == 1


def test_bytes_behind_the_records_are_told_and_not_read(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "a.bdf", [emg()])
    path.write_bytes(path.read_bytes() + bytes(1234))
    recording = open_recording(path)
    assert recording.n_samples == 400
    assert recording.notes == ("the 1,234 bytes behind the 4 records of the header are not read",)


@pytest.mark.parametrize("cut", [1, 299, 300, 900])
def test_a_file_that_is_too_short_says_how_much_is_there(tmp_path: Path, cut: int) -> None:
    path = write_edf(tmp_path / "a.bdf", [emg()])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RecordingError, match=rf"4 records \(4 s\), the file holds {(1200 - cut) // 300}"):
        open_recording(path)


@pytest.mark.parametrize("reserved", ["BDF+D", "BDF+C"])
@pytest.mark.parametrize("first", ["+0", "+0.4", "-0"])
def test_records_that_follow_each_other_are_read_whatever_the_file_calls_itself(
    tmp_path: Path, reserved: str, first: str
) -> None:
    onsets = [f"+{float(first) + i:g}" for i in range(4)]
    channels = [emg(), Channel("BDF Annotations", times(onsets, 24))]
    assert open_recording(write_edf(tmp_path / "a.bdf", channels, reserved=reserved)).n_samples == 400


@pytest.mark.parametrize("reserved", ["BDF+D", "BDF+C"])
@pytest.mark.parametrize(
    ("onsets", "told"),
    [
        (["+0", "+1", "+2.5", "+3.5"], "record 3 begins at 2.5 s, those before end at 2 s"),
        (["+0", "+1", "+1", "+2"], "record 3 begins at 1 s"),
        (["+0", "+1.02", "+2", "+3"], "record 2 begins at 1.02 s"),
    ],
)
def test_gaps_between_records_are_refused_with_their_place(
    tmp_path: Path, reserved: str, onsets: list[str], told: str
) -> None:
    channels = [emg(), Channel("BDF Annotations", times(onsets, 24))]
    with pytest.raises(RecordingError, match=told):
        open_recording(write_edf(tmp_path / "a.bdf", channels, reserved=reserved))


def test_a_discontinuous_file_must_tell_its_times(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="tells no times"):
        open_recording(write_edf(tmp_path / "a.edf", [emg(bits=16)], reserved="EDF+D"))
    channels = [emg(bits=16), Channel("EDF Annotations", times(["+0", "", "+2", "+3"], 16))]
    with pytest.raises(RecordingError, match="record 2 tells no time"):
        open_recording(write_edf(tmp_path / "b.edf", channels, reserved="EDF+D"))
    assert open_recording(write_edf(tmp_path / "c.edf", channels, reserved="EDF+C")).n_samples == 400


def test_annotations_inside_the_file_are_counted(tmp_path: Path) -> None:
    channels = [emg(), Channel("BDF Annotations", times(["+0", "+1", "+2", "+3"], 24, remark="fist"))]
    recording = open_recording(write_edf(tmp_path / "a.bdf", channels, reserved="BDF+C"))
    assert recording.notes == ("1 annotation inside the file is not read: labels are read from events.tsv alone",)


# --- channels without a table


@pytest.mark.parametrize(
    ("labels", "electrodes"),
    [
        (["EMG 1", "Status"], ("EMG 1",)),
        (["EMG1", "EMG2", "ACC X", "unknown"], ("EMG1", "EMG2")),
        (["emg fpl", "TRIG"], ("emg fpl",)),
        (["E0", "E1", "Status"], ("E0", "E1")),
        (["A1", "ECG", "Trigger", "GYRO_Y", "Temp", "Battery", "Counter"], ("A1",)),
        (["EMG", "EMG", "EMG"], ("EMG 1", "EMG 2", "EMG 3")),
        (["EMG", "EMG 1", "EMG"], ("EMG 1'", "EMG 1", "EMG 2")),
        (["", ""], ("channel 1", "channel 2")),
        (["µV-ch", "größe"], ("µV-ch", "größe")),
    ],
)
def test_electrodes_are_told_from_other_channels_by_name(
    tmp_path: Path, labels: list[str], electrodes: tuple[str, ...]
) -> None:
    channels = [emg(label) for label in labels]
    recording = open_recording(write_edf(tmp_path / "a.bdf", channels))
    assert recording.bands[0].electrodes == electrodes
    rest = [label for label in labels if label not in electrodes and not any(label in e for e in electrodes)]
    assert all(any(label in note for note in recording.notes) for label in rest)
    kept = [channels[i] for i, label in enumerate(labels) if label not in rest]
    first = [channel.stored[0, 0] * 2000 / (2**24 - 1) + 1000 / (2**24 - 1) for channel in kept]
    np.testing.assert_allclose(recording.read()[0], first, atol=1e-3)


def test_only_other_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no channel is called EMG"):
        open_recording(write_edf(tmp_path / "a.bdf", [emg("Status"), emg("ECG")]))


def test_another_rate_matters_only_among_electrodes(tmp_path: Path) -> None:
    assert open_recording(write_edf(tmp_path / "a.bdf", [emg(), emg("ACC", samples=10)])).rate_hz == 100
    with pytest.raises(RecordingError, match="several rates"):
        open_recording(write_edf(tmp_path / "b.bdf", [emg(), emg("EMG 2", samples=10)]))
