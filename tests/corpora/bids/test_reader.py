"""BIDS EMG: BDF and EDF with sidecars."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("edfio")
from emgasr.corpora import open_any, scan
from emgasr.corpora.bids.reader import open_recording
from emgasr.errors import RecordingError
from tests.helpers.miniatures import BIDS_NAME, bids_samples, write_bids


@pytest.mark.parametrize("suffix", ["bdf", "edf"])
def test_samples_bands_and_labels_are_read(tmp_path: Path, suffix: str) -> None:
    opened = open_recording(write_bids(tmp_path, suffix), ring=True)
    step = 2000 / (2**24 if suffix == "bdf" else 2**16)
    np.testing.assert_allclose(opened.read(), bids_samples(), atol=2 * step + 1e-3)
    assert [(b.name, b.electrodes, b.ring) for b in opened.bands] == [
        ("left", ("E0", "E1"), True),
        ("right", ("E2", "E3"), True),
    ]
    assert (opened.subject, opened.session, opened.rate_hz, opened.unit) == ("07", "1600000000", 500.0, "uV")
    assert opened.events.keys == ('"', "Key.enter")  # a lone quotation mark is a key, not a quote
    np.testing.assert_array_equal(opened.events.release_s, [1.08, np.nan])
    assert (opened.spans.kinds, opened.spans.texts) == (("prompt",), ("a cat\n",))


@pytest.mark.parametrize("suffix", ["bdf", "edf"])
def test_slices_agree_with_edfio(tmp_path: Path, suffix: str) -> None:
    import edfio

    path = write_bids(tmp_path, suffix)
    whole = {"bdf": edfio.read_bdf, "edf": edfio.read_edf}[suffix](path)
    expected = np.stack([whole.get_signal(f"EMG{i}").data for i in range(4)], axis=1)
    samples = open_recording(path).samples
    for start, stop in ((0, 2000), (0, 1), (499, 501), (500, 1000), (777, 1999), (5, 5)):
        np.testing.assert_allclose(samples[start:stop], expected[start:stop], rtol=1e-6, atol=1e-4)


def test_millivolts_become_microvolts_and_either_source_of_the_unit_will_do(tmp_path: Path) -> None:
    told = open_recording(write_bids(tmp_path / "a", unit="", told_unit="mV"))
    header = open_recording(write_bids(tmp_path / "b", unit="mV"))
    for opened in (told, header):
        np.testing.assert_allclose(opened.read(), bids_samples() * 1000, rtol=1e-3, atol=1)


def test_no_unit_anywhere_is_refused_until_one_is_given(tmp_path: Path) -> None:
    path = write_bids(tmp_path, unit="", told_unit="n/a")
    with pytest.raises(RecordingError, match="channel EMG0: has no unit"):
        open_recording(path)
    assert open_recording(path, unit="counts").unit == "counts"
    with pytest.raises(RecordingError, match="unknown unit"):
        open_recording(path, unit="bananas")


def test_compressed_events_are_read(tmp_path: Path) -> None:
    path = write_bids(tmp_path)
    events = path.parent / f"{BIDS_NAME}_events.tsv"
    (path.parent / f"{BIDS_NAME}_events.tsv.gz").write_bytes(gzip.compress(events.read_bytes()))
    events.unlink()
    assert len(open_recording(path).events) == 2


def test_trial_types_become_spans(tmp_path: Path) -> None:
    path = write_bids(tmp_path)
    rows = "onset\tduration\ttrial_type\n0.5\t1\tfist\n2\t1\trest\n"
    (path.parent / f"{BIDS_NAME}_events.tsv").write_text(rows)
    assert open_recording(path).spans.kinds == ("gesture", "rest")


def test_a_folder_is_scanned_and_a_file_recognized(tmp_path: Path) -> None:
    path = write_bids(tmp_path)
    (entry,) = scan(tmp_path, "bids", ring=True)
    assert (entry.path, entry.subject, entry.duration_s, entry.channels) == (str(path), "07", 4.0, 4)
    assert open_any(path).n_samples == 2000


def test_a_rate_that_sidecars_and_file_disagree_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"sampled at 500 Hz, task-typing_emg\.json says 2000"):
        open_recording(write_bids(tmp_path, told_rate=2000))


def test_a_unit_that_sidecar_and_file_disagree_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"channel EMG0 is in uV, channels\.tsv says mV"):
        open_recording(write_bids(tmp_path, unit="uV", told_unit="mV"))


def replace_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        file = path.parent / f"{BIDS_NAME}_{name}"
        file.write_text(file.read_text().replace(old, new))

    return change


def replace_bytes(at: int, new: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[at : at + len(new)] = new
        path.write_bytes(content)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes()[:700]), "truncated within its header"),
        (lambda path: path.write_bytes(b""), "zero bytes"),
        (lambda path: path.write_bytes(b"dear diary" * 100), "not an EDF or BDF"),
        (lambda path: path.unlink(), "No such file"),
        (replace_bytes(252, b"x   "), "not an EDF or BDF"),
        (replace_text("channels.tsv", "EMG3\tEMG", "EMG9\tEMG"), "names channel 'EMG9'"),
        (replace_text("channels.tsv", "\tEMG", "\tEEG"), "no channel of type EMG"),
        (replace_text("channels.tsv", "name\t", "label\t"), "lacks the column 'name'"),
        (replace_text("channels.tsv", "\tright", ""), "another number of columns"),
        (replace_text("events.tsv", "1.0\t0.08", "soon\t0.08"), "line 3: onset is 'soon'"),
        (replace_text("events.tsv", "onset", "start"), "lacks the column 'onset'"),
        (lambda path: (path.parents[3] / "task-typing_emg.json").write_text("{"), "is not JSON"),
    ],
)
def test_damaged_files_and_sidecars_are_refused(tmp_path: Path, change: Callable[[Path], object], told: str) -> None:
    path = write_bids(tmp_path)
    change(path)
    with pytest.raises(RecordingError, match=told):
        open_recording(path)


def say_references(path: Path, *cells: str) -> Path:
    """Add column `reference` to channels.tsv, for the trigger and the four electrodes."""
    table = path.with_name(f"{BIDS_NAME}_channels.tsv")
    rows = zip(table.read_text().splitlines(), ("reference", "n/a", *cells), strict=True)
    table.write_text("".join(f"{row}\t{cell}\n" for row, cell in rows))
    return path


@pytest.mark.parametrize(
    ("cells", "montages"),
    [
        (("bipolar",) * 4, ["bipolar", "bipolar"]),  # as in NEMAR nm000104
        (("R1", "R1", "R2", "R2"), ["reference", "reference"]),  # a grid against one electrode each
        (("E2", "E4", "E6", "E8"), ["bipolar", "bipolar"]),  # the specification's own example: a pair a channel
        (("average",) * 4, ["average", "average"]),
        (("bipolar", "Bipolar", "n/a", "n/a"), ["bipolar", ""]),
    ],
)
def test_the_references_of_a_bands_channels_tell_its_montage(
    tmp_path: Path, cells: tuple[str, ...], montages: list[str]
) -> None:
    opened = open_recording(say_references(write_bids(tmp_path), *cells))
    assert [band.montage for band in opened.bands] == montages
    assert not [note for note in opened.notes if "montage" in note]


def test_references_that_tell_no_montage_are_noted_and_one_may_be_given(tmp_path: Path) -> None:
    path = say_references(write_bids(tmp_path), "bipolar", "n/a", "R1", "bipolar")
    opened = open_recording(path)
    assert [band.montage for band in opened.bands] == ["", ""]
    assert [note for note in opened.notes if "montage" in note] == [
        "band left: its montage is not told by channels.tsv (reference bipolar, or none)",
        "band right: its montage is not told by channels.tsv (reference R1, bipolar)",
    ]
    assert {band.montage for band in open_recording(path, montage="reference").bands} == {"reference"}


def test_emg_json_tells_a_montage_where_channels_tsv_does_not(tmp_path: Path) -> None:
    path = write_bids(tmp_path)
    (tmp_path / "task-typing_emg.json").write_text('{"SamplingFrequency": 500, "EMGReference": "bipolar"}')
    assert {band.montage for band in open_recording(path).bands} == {"bipolar"}
    with pytest.raises(RecordingError, match="is of montage bipolar, as its sidecars say, not reference"):
        open_recording(path, montage="reference")
    (tmp_path / "task-typing_emg.json").write_text('{"SamplingFrequency": 500, "EMGReference": "behind one ear"}')
    assert {band.montage for band in open_recording(path).bands} == {""}
