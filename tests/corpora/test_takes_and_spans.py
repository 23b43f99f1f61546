"""Folders of single takes, and of continuous recordings with labelled spans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from emgasr.corpora import open_entry, scan
from emgasr.corpora.takes import open_recording as open_take
from emgasr.errors import ManifestError, RecordingError
from emgasr.manifests.manifest import Findings, Manifest, read_manifest, write_manifest
from tests.helpers.miniatures import write_spans, write_table, write_takes


def test_a_take_is_a_recording_with_one_utterance(tmp_path: Path) -> None:
    write_takes(tmp_path)
    entries = scan(tmp_path, "takes", unit="counts", ring=True)
    assert len(entries) == 20
    opened = open_entry(entries[0], "/")
    raw = np.load(tmp_path / "takes" / "d1_a_0.npy")
    np.testing.assert_array_equal(opened.read(), raw.astype(np.float32))
    np.testing.assert_array_equal(opened.read(0.1, 0.2), raw[20:40])
    assert (opened.unit, opened.rate_hz, opened.subject, opened.session) == ("counts", 200.0, "s01", "d1")
    assert (opened.spans.kinds, opened.spans.texts, opened.spans.end_s[0]) == (("utterance",), ("a",), 0.4)
    (band,) = opened.bands
    assert (len(band.electrodes), band.ring) == (8, True)
    assert (entries[0].take, entries[0].text) == ("d1_a_0", "a")


def test_bands_and_units_can_be_told(tmp_path: Path) -> None:
    write_takes(tmp_path)
    entry = scan(tmp_path, "takes", unit="mV", bands=[["left", 4], ["right", 4]])[0]
    opened = open_entry(entry, "/")
    assert [(band.name, len(band.electrodes), band.ring) for band in opened.bands] == [
        ("left", 4, False),
        ("right", 4, False),
    ]
    np.testing.assert_allclose(opened.read(), np.load(entry.path) * 1000.0)


def test_wav_and_csv_takes_read_like_npy(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-900, 900, (300, 2), dtype=np.int16)
    wavfile.write(tmp_path / "t.wav", 1000, values)
    np.savetxt(tmp_path / "t.csv", values, delimiter=",")
    clocked = np.column_stack([np.arange(300) / 1000, values])
    np.savetxt(tmp_path / "c.csv", clocked, delimiter=",", header="time_s,chin,throat", comments="")
    for name in ("t.wav", "t.csv", "c.csv"):
        opened = open_take(tmp_path / name, rate_hz=1000, unit="uV")
        np.testing.assert_array_equal(opened.read(0.1, 0.2), values[100:200])


def test_a_single_channel_may_be_one_dimensional(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.arange(50, dtype=np.float32))
    assert open_take(tmp_path / "t.npy", rate_hz=100, unit="uV").samples.shape == (50, 1)


def save(name: str, values: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.save(folder / name, values)
        return folder / name

    return make


def write(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def wav_at_500_hz(folder: Path) -> Path:
    wavfile.write(folder / "t.wav", 500, np.zeros((300, 2), np.int16))
    return folder / "t.wav"


def cut_npy(folder: Path) -> Path:
    path = save("t.npy", np.zeros((300, 2)))(folder)
    path.write_bytes(path.read_bytes()[:-50])
    return path


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: folder / "none.npy", "cannot be read"),
        (lambda folder: folder, "is a folder"),
        (write("t.npy", b""), "zero bytes"),
        (write("t.npy", b"dear diary"), "truncated or not a .npy"),
        (write("t.wav", b"dear diary, this is no RIFF file"), "not a WAV"),
        (write("t.mat", b"x"), "unknown kind of file '.mat'"),
        (write("t.csv", b"1,2\n3,x\n"), "line 2: .x. is not a number"),
        (write("t.csv", b"time,a\n0,1\n0.002,1\n0.001,2\n"), "clock 'time' goes back at sample 2"),
        (write("t.csv", b"time,a\n0,1\n0.1,1\n0.2,2\n"), r"its times tell 10\.0 Hz, 1000 Hz are declared"),
        (wav_at_500_hz, "header tells 500 Hz, 1000"),
        (cut_npy, "truncated"),
        (save("t.npy", np.array([{"a": 1}], dtype=object)), "not a .npy array of numbers"),
        (save("t.npy", np.array([["a", "b"]])), "not numbers"),
        (save("t.npy", np.zeros((9, 9), bool)), "holds bool"),
        (save("t.npy", np.zeros((8, 400))), "more channels than samples"),
        (save("t.npy", np.zeros((0, 8))), r"shape \(0, 8\)"),
        (save("t.npy", np.zeros((4, 4, 4))), "shape"),
    ],
)
def test_a_damaged_or_unfit_take_is_refused(tmp_path: Path, make: Callable[[Path], Path], told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        open_take(make(tmp_path), rate_hz=1000, unit="counts")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate_hz": 1000}, "has no unit"),
        ({"rate_hz": 1000, "unit": "n/a"}, "has no unit"),
        ({"rate_hz": 1000, "unit": "parsec"}, "unknown unit 'parsec'"),
        ({"rate_hz": 1000, "scale_uv": 0.0}, "scale_uv is 0.0"),
        ({"unit": "uV"}, "has no rate"),
        ({"unit": "uV", "rate_hz": -5}, "has the rate -5"),
        ({"unit": "uV", "rate_hz": 1000, "bands": [["left", 3]]}, "2 channels but 3 electrodes"),
    ],
)
def test_what_the_files_do_not_say_is_asked_for(tmp_path: Path, options: dict[str, object], told: str) -> None:
    path = save("t.npy", np.zeros((300, 2)))(tmp_path)
    with pytest.raises(RecordingError, match=told):
        open_take(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"file": "takes/none.npy"}, "line 2: names takes/none.npy, which is not there"),
        ({"rate_hz": "fast"}, "line 2: rate_hz is 'fast'"),
        ({"rate_hz": "nan"}, "line 2: rate_hz"),
        ({"text": ""}, "line 2: text is empty"),
    ],
)
def test_a_wrong_row_of_metadata_is_named(tmp_path: Path, row: dict[str, object], told: str) -> None:
    write_takes(tmp_path)
    good = {"file": "takes/d1_a_0.npy", "text": "a", "subject": "s", "session": "d", "rate_hz": 200}
    write_table(tmp_path / "metadata.csv", [good | row])
    with pytest.raises(RecordingError, match=told):
        scan(tmp_path, "takes", unit="counts")


def test_a_missing_table_column_or_folder_is_named(tmp_path: Path) -> None:
    for told in ("metadata.csv: cannot be read", "lacks the column 'file'"):
        with pytest.raises(RecordingError, match=told):
            scan(tmp_path, "takes", unit="counts")
        (tmp_path / "metadata.csv").write_text("name,text\na,b\n")
    with pytest.raises(RecordingError, match="is not a folder"):
        scan(tmp_path / "none", "takes")
    with pytest.raises(RecordingError, match="no recording of the layout 'native'"):
        scan(tmp_path, "native")


def test_spans_scale_and_offset_come_from_the_tables(tmp_path: Path) -> None:
    entries = scan(write_spans(tmp_path), "spans", kind="utterance")
    assert [entry.subject for entry in entries] == ["p0", "p1", "p2", "p3", "p4"]
    opened = open_entry(entries[1], "/")
    raw = np.load(tmp_path / "recordings" / "p1.npy")
    np.testing.assert_allclose(opened.read(), raw * 0.5 + [7, -3])
    assert opened.unit == "uV"
    assert opened.spans.kinds == ("rest", "utterance", "utterance")
    assert opened.spans.texts == ("rest", "fist", "point")
    np.testing.assert_allclose(opened.spans.end_s, [0.9, 1.9, 2.9])


def test_an_unscaled_recording_needs_a_unit_or_a_scale(tmp_path: Path) -> None:
    write_spans(tmp_path)
    rows = [{"file": "p0.npy", "subject": "p0", "rate_hz": 100}]
    write_table(tmp_path / "recordings.csv", rows)
    with pytest.raises(RecordingError, match="has no unit"):
        scan(tmp_path, "spans")
    assert scan(tmp_path, "spans", scale_uv=10.0)[0].options["scale_uv"] == 10.0
    assert open_entry(scan(tmp_path, "spans", unit="counts")[0], "/").unit == "counts"


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        ("labels.csv", {"file": "p0.npy", "start_s": 2, "end_s": 1, "label": "x"}, "line 2: the span ends before"),
        ("labels.csv", {"file": "p0.npy", "start_s": "", "end_s": 1, "label": "x"}, "line 2: start_s is ''"),
        ("labels.csv", {"file": "p0.npy", "begin": 2}, "lacks the column 'start_s'"),
        ("recordings.csv", {"file": "p9.npy", "subject": "a", "rate_hz": 100}, "names p9.npy, which is not there"),
        ("recordings.csv", {"file": "p0.npy", "rate_hz": 100, "unit": "uV"}, "line 2: no subject"),
        ("recordings.csv", {"file": "p0.npy", "subject": "a", "rate_hz": 0, "unit": "uV"}, "has the rate 0"),
        (
            "recordings.csv",
            {"file": "p0.npy", "subject": "a", "rate_hz": 100, "scale_uv": 1, "offset_uv_ch1": 5, "offset_uv_ch2": "x"},
            "line 2: offset_uv_ch2 is 'x'",
        ),
    ],
)
def test_a_wrong_row_of_the_tables_is_named(tmp_path: Path, table: str, row: dict[str, object], told: str) -> None:
    write_table(write_spans(tmp_path) / table, [row])
    with pytest.raises(RecordingError, match=told):
        scan(tmp_path, "spans")


def test_an_option_that_a_layout_does_not_know_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    entry = scan(write_spans(tmp_path), "spans")[0]
    with pytest.raises(ManifestError, match="has no option 'colour'"):
        open_entry(replace(entry, options={**entry.options, "colour": "red"}), "/")
    with pytest.raises(ManifestError, match="unknown layout 'tarot'"):
        open_entry(replace(entry, corpus="tarot"), "/")


# --- every row is used, or told


def spans_in(folder: Path, labels: list[str], recordings: list[str] | None = None, **files: int) -> Findings:
    """Write these rows of the tables, and recordings of 4 s; findings to scan them with."""
    folder.mkdir(exist_ok=True)
    for name in files or {"r": 0}:
        np.save(folder / f"{name}.npy", np.random.default_rng(0).normal(0, 50, (400, 2)).astype(np.float32))
    rows = recordings or ["r.npy,ann,d1,100,uV"]
    (folder / "recordings.csv").write_text("file,subject,session,rate_hz,unit\n" + "\n".join(rows))
    (folder / "labels.csv").write_text("file,start_s,end_s,label\n" + "\n".join(labels))
    return Findings()


@pytest.mark.parametrize("name", ["r.npy", "recordings\\r.npy", "./r.npy", "R.npy", "r", " r.npy ", "/x/y/r.npy", "R "])
def test_labels_are_matched_however_their_rows_spell_the_recording(tmp_path: Path, name: str) -> None:
    findings = spans_in(tmp_path / "c", [f"{name},1,2,fist", f"{name},2.5,3,rest"])
    (entry,) = scan(tmp_path / "c", "spans", findings)
    assert open_entry(entry, "/").spans.texts == ("fist", "rest")
    assert findings.left_over == []
    assert len(findings.notes) == (0 if name in ("r.npy", "./r.npy", "recordings\\r.npy", " r.npy ") else 1)


def test_rows_that_mean_no_recording_are_left_over_with_their_lines(tmp_path: Path) -> None:
    labels = ["q.npy,0,1,a", "r.npy,1,2,b", "", "q.npy,2,3,a", "t.npy,0,1,c", ",3,4,d"]
    findings = spans_in(tmp_path / "c", labels, ["t.npy,ann,d1,100,uV", "T.npy,ann,d1,100,uV"], t=0, T=0)
    labelled = scan(tmp_path / "c", "spans", findings)
    assert findings.left_over == [
        "labels.csv lines 2, 5 name 'q.npy', which is no recording",
        "labels.csv line 3 names 'r.npy', which is no recording",
        "labels.csv line 7 names '', which is no recording",
    ]
    assert [len(open_entry(entry, "/").spans) for entry in labelled] == [1, 0]
    assert findings.notes[:-1] == ["labels.csv: no row labels 1 recording, as T.npy"]
    assert "has the content of" in findings.notes[-1]
    spans_in(tmp_path / "c", ["t,0,1,c"], ["t.npy,ann,d1,100,uV", "T.npy,ann,d1,100,uV"])
    again = Findings()
    scan(tmp_path / "c", "spans", again)
    assert again.left_over == ["labels.csv line 2 names 't', which may be t.npy or T.npy"]


def test_rest_is_rest_in_any_case_and_blanks_at_the_ends_of_labels_are_told(tmp_path: Path) -> None:
    labels = ["r.npy,0,0.5,Rest", "r.npy,1,1.5, REST ", "r.npy,2,2.5,Silence", "r.npy,3,3.5, fist"]
    findings = spans_in(tmp_path / "c", [*labels, labels[0]])
    (entry,) = scan(tmp_path / "c", "spans", findings)
    spans = open_entry(entry, "/").spans
    assert spans.kinds == ("rest", "rest", "rest", "gesture")
    assert spans.texts == ("Rest", "REST", "Silence", "fist")
    assert findings.notes == [
        "labels.csv: 2 labels without the blanks at the ends (lines 3, 5)",
        "labels.csv: 1 row passed over as repeats (line 6)",
    ]


@pytest.mark.parametrize(
    ("labels", "recordings", "told"),
    [
        (["r.npy,1,2, "], None, "labels.csv: line 2: the label is empty"),
        (["r.npy,1,nan,a"], None, "line 2: end_s is 'nan'"),
        (["r.npy,1,,a"], None, "line 2: end_s is ''"),
        (["r.npy,'1,2',a"], None, "line 2: start_s is"),
        (["r.npy,1,2,a"], ["r.npy, ,d1,100,uV"], "recordings.csv: line 2: no subject"),
        (["r.npy,1,2,a"], ["r.npy,n/a,d1,100,uV"], "line 2: no subject"),
        (["r.npy,1,2,a"], ["r.npy,ann,d1,100,uV", "R,bob,d1,100,uV"], "line 3: names R, as line 2 does"),
        (["r.npy,1,2,a"], ["r.npy,ann,d1,100,uV", "q.npy,bob,d1,100,uV"], "line 3: names q.npy, which is not there"),
    ],
)
def test_rows_that_cannot_be_are_refused_with_their_lines(
    tmp_path: Path, labels: list[str], recordings: list[str] | None, told: str
) -> None:
    findings = spans_in(tmp_path / "c", labels, recordings)
    with pytest.raises(RecordingError) as error:
        scan(tmp_path / "c", "spans", findings)
    assert told in str(error.value)


def test_files_that_no_row_names_and_sessions_without_a_name_are_told(tmp_path: Path) -> None:
    rows = ["r.npy,ann,,100,uV", "RECORDINGS\\S.NPY, Ann ,,100, Counts "]
    findings = spans_in(tmp_path / "c", ["r.npy,1,2,a", "s.npy,1,2,a"], rows, r=0, t=0, s=0)
    entries = scan(tmp_path / "c", "spans", findings)
    assert [(entry.subject, entry.session, Path(entry.path).name) for entry in entries] == [
        ("ann", "", "r.npy"),
        ("Ann", "", "s.npy"),
    ]
    assert open_entry(entries[1], "/").unit == "counts"
    assert findings.notes[:-1] == [
        "recordings.csv: 1 row matched to a file of another spelling (line 3)",
        "recordings.csv: no row names 1 file beside the others, as t.npy",
        "recordings.csv: 2 recordings of no session: those of one subject count as one sitting",
    ]


def test_offsets_are_numbered_from_one_and_count_with_any_unit(tmp_path: Path) -> None:
    write_spans(tmp_path)
    row: dict[str, object] = {"file": "p0.npy", "subject": "a", "rate_hz": 100, "unit": "mV"}
    write_table(tmp_path / "recordings.csv", [row | {"offset_uv_ch1": 5, "offset_uv_ch2": -2}])
    raw = np.load(tmp_path / "recordings" / "p0.npy").astype(np.float64)
    np.testing.assert_allclose(open_entry(scan(tmp_path, "spans")[0], "/").read(), raw * 1000 + [5, -2])
    for columns in ({"offset_uv_ch1": 5, "offset_uv_ch3": 5}, {"offset_uv_ch_1": 5}, {"offset_uv_chx": 5}):
        write_table(tmp_path / "recordings.csv", [row | columns])
        with pytest.raises(RecordingError, match=r"line 2: gives offset_uv_ch.*, but not offset_uv_ch"):
            scan(tmp_path, "spans")


def test_takes_are_matched_stripped_and_listed_once(tmp_path: Path) -> None:
    write_takes(tmp_path, takes=1)
    good = {"file": "takes\\D1_a_0", "text": " a\u2028b ", "subject": " s1 ", "session": " d 1 ", "rate_hz": 200}
    write_table(tmp_path / "metadata.csv", [good])
    findings = Findings()
    (entry,) = scan(tmp_path, "takes", findings, unit="counts")
    assert (entry.text, entry.subject, entry.session, entry.take) == ("a\u2028b", "s1", "d 1", "d1_a_0")
    assert findings.notes == [
        "metadata.csv: 1 row matched to a file of another spelling (line 2)",
        "metadata.csv: no row names 3 files beside the others, as d1_b_0.npy",
        "metadata.csv: 1 text without the blanks at the ends (line 2)",
    ]
    written = write_manifest(Manifest((entry,), tmp_path), tmp_path / "m.jsonl")
    assert read_manifest(tmp_path / "m.jsonl") == written
    for row, told in (
        (good | {"file": "takes/d1_a_0.npy"}, "line 3: names takes/d1_a_0.npy, as line 2 does"),
        (good | {"text": " ", "file": "takes/d2_a_0.npy"}, "line 3: text is empty"),
        (good | {"subject": "", "file": "takes/d2_a_0.npy"}, "line 3: no subject"),
    ):
        write_table(tmp_path / "metadata.csv", [good, row])
        with pytest.raises(RecordingError, match=told):
            scan(tmp_path, "takes", unit="counts")


@pytest.mark.parametrize(
    "option",
    [
        {"rest": "rest"},
        {"ring": "yes"},
        {"scale_uv": [1]},
        {"offset_uv": 3},
        {"labels": 7},
        {"path": "/etc/passwd"},
        {"bands": [["left", 10**12]]},
        {"bands": [3]},
        {"bands": [["left", "two"]]},
    ],
)
def test_options_of_the_wrong_kind_never_reach_a_reader(tmp_path: Path, option: dict[str, object]) -> None:
    from dataclasses import replace

    entry = scan(write_spans(tmp_path), "spans")[0]
    with pytest.raises((ManifestError, RecordingError)):
        open_entry(replace(entry, options={**entry.options, **option}), "/")


@pytest.mark.parametrize("word", ["", "n/a", "N/A", "nan", "NaN", "#N/A"])
def test_a_name_or_label_that_is_not_there_is_none(tmp_path: Path, word: str) -> None:
    values = np.zeros((400, 1), np.float32)
    np.save(tmp_path / "r.npy", values)

    def tables(subject: str, session: str, label: str) -> None:
        row = {"file": "r.npy", "subject": subject, "session": session, "rate_hz": 200, "unit": "uV"}
        write_table(tmp_path / "recordings.csv", [row])
        write_table(tmp_path / "metadata.csv", [row | {"text": label}])
        write_table(tmp_path / "labels.csv", [{"file": "r.npy", "start_s": 0, "end_s": 1, "label": label}])

    tables("S1", word, "fist")
    assert [scan(tmp_path, layout)[0].session for layout in ("spans", "takes")] == ["", ""]
    tables(word, "a", "fist")
    for layout in ("spans", "takes"):
        with pytest.raises(RecordingError, match="line 2: no subject"):
            scan(tmp_path, layout)
    tables("S1", "a", word)
    for layout, told in (("spans", "the label is"), ("takes", "text is")):
        with pytest.raises(RecordingError, match=f"line 2: {told}"):
            scan(tmp_path, layout)


@pytest.mark.parametrize("layout", ["spans", "takes"])
def test_a_recording_that_git_annex_did_not_fetch_is_named_for_what_it_is(tmp_path: Path, layout: str) -> None:
    row = {"file": "r.npy", "subject": "s", "session": "a", "rate_hz": 200, "unit": "uV", "text": "x"}
    write_table(tmp_path / ("recordings.csv" if layout == "spans" else "metadata.csv"), [row])
    (tmp_path / "r.npy").symlink_to(".git/annex/objects/x/y/SHA256E-s1--r.npy")
    with pytest.raises(RecordingError, match="is a git-annex pointer"):
        scan(tmp_path, layout)


def test_a_unit_and_a_scale_that_differ_are_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.ones((400, 1), np.float32))
    write_table(tmp_path / "labels.csv", [{"file": "r.npy", "start_s": 0, "end_s": 1, "label": "x"}])
    row = {"file": "r.npy", "subject": "s", "session": "a", "rate_hz": 200, "text": "x"}
    for unit, scale in (("uV", 0.195), ("counts", 0.195), ("mV", 1000), ("", 2)):
        for layout, table in (("spans", "recordings.csv"), ("takes", "metadata.csv")):
            write_table(tmp_path / table, [row | {"unit": unit, "scale_uv": scale}])
            assert open_entry(scan(tmp_path, layout)[0], "/").read()[0, 0] == np.float32(scale)
            write_table(tmp_path / table, [row | {"unit": "mV", "scale_uv": 0.195}])
            with pytest.raises(RecordingError, match=r"the unit is mV, and scale_uv \(µV of one step\) 0.195; which"):
                scan(tmp_path, layout)


def test_a_clock_of_labels_that_a_file_lacks_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "r.npy", np.ones((400, 1), np.float32))
    write_table(tmp_path / "labels.csv", [{"file": "r.npy", "start_s": 0, "end_s": 1, "label": "x"}])
    row = {"file": "r.npy", "subject": "s", "rate_hz": 200, "unit": "uV"}
    write_table(tmp_path / "recordings.csv", [row])
    assert len(scan(tmp_path, "spans", label_clock="first sample")) == 1
    with pytest.raises(RecordingError, match="has no clock 'time': its labels count from the first sample"):
        scan(tmp_path, "spans", label_clock="time")
