"""BIDS as it is met: n/a, runs, copies beside the data, equal names, sidecars of nobody."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora import scan
from emgasr.corpora.bids.reader import open_recording
from emgasr.errors import RecordingError
from emgasr.manifests.leaks import leaks
from emgasr.manifests.manifest import Findings, Manifest
from emgasr.manifests.splits import by_session
from tests.helpers.edf_files import Channel, write_edf

RNG = np.random.default_rng(1)


def write(folder: Path, name: str = "sub-01_task-t", labels: tuple[str, ...] = ("EMG1", "EMG2"), **tables: str) -> Path:
    """A recording of 4 s, channel i with i times the spread, and its tables: events, channels."""
    channels = [Channel(label, (RNG.normal(0, 1e5 * (i + 1), (4, 100))).astype(int)) for i, label in enumerate(labels)]
    for kind, rows in tables.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}_{kind}.tsv").write_text(rows.replace(" ", "\t"))
    return write_edf(folder / f"{name}_emg.bdf", channels)


def lines(folder: Path) -> tuple[list[str], Findings]:
    findings = Findings()
    return [Path(entry.path).name for entry in scan(folder, "bids", findings)], findings


# --- events


@pytest.mark.parametrize(
    ("rows", "spans", "told"),
    [
        ("0.5 n/a fist n/a", [], "1 row with a label of unknown duration passed over (line 2)"),
        ("0.5 N/A fist n/a\n1 1 open n/a", ["open"], "unknown duration passed over (line 2)"),
        ("n/a 1 fist n/a\n1 1 open n/a", ["open"], "1 row without an onset passed over (line 2)"),
        ("n/a n/a fist n/a\nn/a 1 n/a n/a", [], "2 rows without an onset passed over (lines 2, 3)"),
        ("0.5 1 n/a fist", ["fist"], ""),
        ("0.5 1 n/a 3", ["3"], ""),
        ("0.5 1 fist 3", ["fist"], ""),
        ("0.5 1 fist open", ["fist"], "1 row with another label as value: trial_type is read (line 2)"),
        ("0.5 1 n/a n/a", [], "1 row without a label (trial_type or value) passed over (line 2)"),
        ("0.5 1 fist n/a\n0.5 1 fist n/a", ["fist"], "1 row passed over as repeats (line 3)"),
        ("0.5 0 fist n/a", ["fist"], "1 row with a label of no duration: it is a point (line 2)"),
        ("0.5 nan fist n/a", [], "1 row with a label of unknown duration passed over (line 2)"),
        ("0.5 1 NaN n/a", [], "1 row without a label (trial_type or value) passed over (line 2)"),
        ("0,5 1,5 fist n/a", ["fist"], ""),
        ("0.5 1 fist n/a\n   ", ["fist"], "1 row without content passed over (line 3)"),
        ("0.5 1 fist n/a\n\n\n", ["fist"], ""),
        ("0.5 n/a n/a prompt", [""], "1 row of a prompt of unknown duration: it is taken as a point (line 2)"),
        ("0.5 n/a n/a keystroke_n/a", [], "1 row of a key without its name passed over (line 2)"),
    ],
)
def test_what_is_not_known_is_read_as_the_standard_means_it_and_told(
    tmp_path: Path, rows: str, spans: list[str], told: str
) -> None:
    recording = open_recording(write(tmp_path, events=f"onset duration trial_type value\n{rows}\n"))
    assert list(recording.spans.texts) == spans
    assert told in "\n".join(recording.notes)
    assert len(recording.notes) == bool(told)


@pytest.mark.parametrize("label", ["rest", "Rest", "REST", "Silence", " pause "])
def test_rest_is_rest_in_any_case(tmp_path: Path, label: str) -> None:
    path = write(tmp_path)
    (tmp_path / "sub-01_task-t_events.tsv").write_text(f"onset\tduration\ttrial_type\n1\t1\t{label}\n2\t1\tfist\n")
    assert open_recording(path).spans.kinds == ("rest", "gesture")


@pytest.mark.parametrize("row", ["0.5 -1 fist", "soon 1 fist", "0.5 long fist", "inf 1 fist", "0.5 1e999 fist"])
def test_times_that_cannot_be_name_their_line(tmp_path: Path, row: str) -> None:
    path = write(tmp_path, events=f"onset duration trial_type\n1 1 open\n{row}\n")
    with pytest.raises(RecordingError, match=r"events\.tsv: line 3: "):
        open_recording(path)


def test_columns_of_events_that_are_not_read_are_named(tmp_path: Path) -> None:
    recording = open_recording(write(tmp_path, events="onset duration gesture hand\n0.5 1 fist left\n"))
    (note,) = recording.notes
    assert "1 row without a label" in note
    assert "other columns are not read: gesture, hand" in note


def test_events_of_all_splits_count_from_the_first(tmp_path: Path) -> None:
    rows = "onset duration trial_type\n1 1 fist\n3.5 1 open\n6 1 point\n9 1 late\n"
    paths = [write(tmp_path, f"sub-01_task-t_split-{i:02d}") for i in (1, 2)]
    (tmp_path / "sub-01_task-t_events.tsv").write_text(rows.replace(" ", "\t"))
    first, second = (open_recording(path) for path in paths)
    assert [*zip(first.spans.texts, first.spans.start_s, first.spans.end_s, strict=True)] == [
        ("fist", 1, 2),
        ("open", 3.5, 4),
    ]
    assert [*zip(second.spans.texts, second.spans.start_s, second.spans.end_s, strict=True)] == [
        ("open", 0, 0.5),
        ("point", 2, 3),
        ("late", 5, 6),  # beyond its 4 s, for validation to tell
    ]
    assert "holds for all splits: this one is from 4 to 8 s" in second.notes[0]
    paths[0].unlink()
    with pytest.raises(RecordingError, match="split 1 is not there"):
        open_recording(paths[1])


def test_events_of_one_split_are_its_own(tmp_path: Path) -> None:
    events = "onset duration trial_type\n1 1 fist\n"
    for i in (1, 2):
        recording = open_recording(write(tmp_path, f"sub-01_task-t_split-{i}", events=events))
        assert (recording.spans.start_s.tolist(), recording.notes) == ([1.0], ())


def test_lost_labels_are_told_of_the_corpus_too(tmp_path: Path) -> None:
    for subject in ("01", "02"):
        rows = "onset duration trial_type\n0.5 n/a fist\n"
        write(tmp_path / f"sub-{subject}" / "emg", f"sub-{subject}_task-t", events=rows)
    _, findings = lines(tmp_path)
    assert [line for line in findings.of_recordings if "unknown duration" in line] != []


# --- channels


@pytest.mark.parametrize("suffix", ["", "_with_table"])
def test_channels_of_equal_names_stay_apart(tmp_path: Path, suffix: str) -> None:
    tables = {"channels": "name type\n" + "EMG EMG\n" * 4} if suffix else {}
    recording = open_recording(write(tmp_path, labels=("EMG",) * 4, **tables))
    spread = recording.read().std(axis=0)
    np.testing.assert_allclose(spread / spread[0], [1, 2, 3, 4], rtol=0.2)
    assert recording.bands[0].electrodes == ("EMG 1", "EMG 2", "EMG 3", "EMG 4")
    assert "several channels are called EMG" in recording.notes[0]


def test_names_of_channels_are_met_in_any_case(tmp_path: Path) -> None:
    path = write(tmp_path, labels=("EMG A", "EMG B", "emg b"), channels="name type\nemg_a EMG\n")
    (tmp_path / "sub-01_task-t_channels.tsv").write_text("name\ttype\nemg a\tEMG\nEMG B\tEMG\nemg b\tMISC\n")
    assert open_recording(path).bands[0].electrodes == ("EMG A", "EMG B")
    (tmp_path / "sub-01_task-t_channels.tsv").write_text("name\ttype\nEmg B\tEMG\n")
    with pytest.raises(RecordingError, match="names channel 'Emg B', which"):
        open_recording(path)


@pytest.mark.parametrize(
    "rows",
    [
        "EMG EMG\nEMG EMG\n",  # fewer than the file has
        "EMG EMG\nTRIG TRIG\nEMG EMG\nEMG EMG\n",  # another order
        "A EMG\nB EMG\nC EMG\nEMG EMG\n",
    ],
)
def test_equal_names_that_a_table_does_not_part_are_asked_about(tmp_path: Path, rows: str) -> None:
    path = write(tmp_path, labels=("EMG", "EMG", "EMG", "TRIG"), channels=f"name type\n{rows}")
    with pytest.raises(RecordingError, match="which row is which channel"):
        open_recording(path)


def test_channels_that_are_passed_over_or_lacking_are_told(tmp_path: Path) -> None:
    rows = "name type status\nEMG1 EMG bad\nTRIG TRIG n/a\nGONE MISC n/a\n"
    recording = open_recording(write(tmp_path, labels=("EMG1", "TRIG", "EMG2"), channels=rows))
    assert recording.n_channels == 1
    assert recording.notes == (
        "1 channel (TRIG (TRIG)) passed over: not EMG by type",
        "1 channel (EMG2) passed over: not in sub-01_task-t_channels.tsv",
        "1 channel (GONE) in sub-01_task-t_channels.tsv, but not in the file",
        "1 channel (EMG1) read, though marked bad",
    )


# --- files


@pytest.mark.parametrize("beside", ["derivatives/clean", "sourcedata", "code", "stimuli", "Derivatives", ".hidden"])
def test_copies_beside_the_data_are_passed_over_and_told(tmp_path: Path, beside: str) -> None:
    write(tmp_path / "sub-01" / "emg")
    write(tmp_path / beside / "sub-01" / "emg")
    found, findings = lines(tmp_path)
    assert found == ["sub-01_task-t_emg.bdf"]
    (note,) = findings.notes
    assert "passed over: 1 (" in note
    assert beside in note
    assert len(lines(tmp_path / beside)[0]) == 1  # given itself, it is read


def test_resource_forks_other_names_and_other_cases(tmp_path: Path) -> None:
    path = write(tmp_path / "sub-01")
    (tmp_path / "sub-01" / "._sub-01_task-t_emg.bdf").write_bytes(b"\0\5\x16\7")
    write(tmp_path / "sub-01", "sub-01_task-eeg").rename(tmp_path / "sub-01" / "sub-01_task-eeg_eeg.bdf")
    path.rename(path.with_name("sub-01_task-t_EMG.BDF"))
    found, findings = lines(tmp_path)
    assert found == ["sub-01_task-t_EMG.BDF"]
    assert findings.notes == [
        "files that are not called *_emg passed over: 1 (sub-01/sub-01_task-eeg_eeg.bdf)",
        "hidden files passed over: 1 (sub-01/._sub-01_task-t_emg.bdf)",
    ] or findings.notes == [
        "hidden files passed over: 1 (sub-01/._sub-01_task-t_emg.bdf)",
        "files that are not called *_emg passed over: 1 (sub-01/sub-01_task-eeg_eeg.bdf)",
    ]


def test_links_are_followed_once(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    path = write(corpus / "sub-01")
    write(tmp_path / "store" / "sub-02", "sub-02_task-t")
    (corpus / "sub-02").symlink_to(tmp_path / "store" / "sub-02")  # outside
    (corpus / "sub-01" / "loop").symlink_to(corpus)
    (corpus / "up").symlink_to(tmp_path)
    (corpus / "again").symlink_to(corpus / "sub-01")
    (corpus / "sub-01" / "sub-01_task-u_emg.bdf").symlink_to(path)
    found, findings = lines(corpus)
    assert found == ["sub-01_task-t_emg.bdf", "sub-02_task-t_emg.bdf"]
    told = "\n".join(findings.notes)
    assert "further names of files that are read passed over: 1 (sub-01/sub-01_task-u_emg.bdf)" in told
    assert "links to folders that are read already passed over: 3 (" in told


def test_equal_contents_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "sub-01")
    copy = tmp_path / "sub-01" / "sub-01_task-copy_emg.bdf"
    copy.write_bytes(path.read_bytes())
    _, findings = lines(tmp_path)
    told = "2 recordings of no session: those of one subject count as one sitting"
    assert findings.notes == [told, f"{path} has the content of {copy}"]


@pytest.mark.parametrize(
    "name",
    [
        "sub-01/sub-01_task-T_events.tsv",
        "sub-01/sub-01_task-t_run-9_events.tsv.gz",
        "task-u_events.tsv",
        "sub-01/sub-01_task-u_channels.tsv",
        "sub-9/emg/sub-9_emg.json",
    ],
)
def test_a_sidecar_that_holds_for_no_recording_is_left_over(tmp_path: Path, name: str) -> None:
    write(tmp_path / "sub-01", events="onset duration trial_type\n1 1 fist\n")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("{}" if name.endswith("json") else "name\n")
    assert lines(tmp_path)[1].left_over == [f"{tmp_path / name}: holds for no recording"]


def test_events_of_other_kinds_of_data_are_not_ours(tmp_path: Path) -> None:
    write(tmp_path / "sub-01" / "emg")
    (tmp_path / "sub-01" / "eeg").mkdir()
    (tmp_path / "sub-01" / "eeg" / "sub-01_task-u_events.tsv").write_text("onset\n")
    assert lines(tmp_path)[1].left_over == []


def test_two_sidecars_for_one_recording_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, events="onset duration trial_type\n1 1 fist\n")
    (tmp_path / "task-t_sub-01_events.tsv").write_text("onset\tduration\n")
    with pytest.raises(RecordingError, match="both hold for it"):
        open_recording(path)


def test_listed_recordings_and_participants_without_files_are_told(tmp_path: Path) -> None:
    write(tmp_path / "sub-01" / "emg")
    scans = "filename\temg\nemg/sub-01_task-t_emg.bdf\tx\nemg/sub-01_task-v_emg.bdf\tx\nanat/sub-01_T1w.nii\tx\n"
    (tmp_path / "sub-01" / "sub-01_scans.tsv").write_text(scans)
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\n")
    findings = lines(tmp_path)[1]
    assert [line.rpartition(", ")[2] for line in findings.left_over] == [
        "line 3: emg/sub-01_task-v_emg.bdf is not there"
    ]
    assert findings.notes == ["participants.tsv: participants without a recording: 1 (sub-02)"]


def test_a_sampling_frequency_is_inherited_from_above(tmp_path: Path) -> None:
    path = write(tmp_path / "sub-01" / "emg")
    (tmp_path / "task-t_emg.json").write_text('{"SamplingFrequency": 50}')
    (tmp_path / "sub-01" / "emg" / "sub-01_task-t_emg.json").write_text('{"PowerLineFrequency": 50}')
    with pytest.raises(RecordingError, match=r"sampled at 100 Hz, .*says 50"):
        open_recording(path)


# --- sittings


def test_runs_of_a_session_are_one_sitting(tmp_path: Path) -> None:
    for session in ("01", "02"):
        for run in ("run-1", "run-2", "acq-b_run-1", "split-02"):
            write(tmp_path / f"sub-01/ses-{session}/emg", f"sub-01_ses-{session}_task-t_{run}")
    entries = scan(tmp_path, "bids")
    assert {entry.session for entry in entries} == {"01", "02"}
    assert len({entry.key("take") for entry in entries}) == 8
    tested = by_session(entries, ["02"])
    assert leaks(Manifest(tuple(tested), tmp_path, ("session:test", "take"))) == []
    with pytest.raises(Exception, match="01_2"):
        by_session(entries, ["01_2"])


def test_without_sessions_all_recordings_of_a_subject_are_one_sitting(tmp_path: Path) -> None:
    for name in ("sub-01_task-t_run-1", "sub-01_task-t_run-2", "sub-02_task-t"):
        write(tmp_path / name[:6], name)
    assert len({entry.key("session") for entry in scan(tmp_path, "bids")}) == 2


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sub-01_task-t_emg.bdf")
    with pytest.raises(RecordingError, match="no regular file"):
        scan(tmp_path, "bids")


def test_a_folder_without_recordings_of_the_layout_tells_what_lies_there(tmp_path: Path) -> None:
    write_edf(tmp_path / "session1.edf", [Channel("EMG", np.zeros((2, 100), int))])
    with pytest.raises(RecordingError, match=r"not called \*_emg passed over: 1 \(session1.edf\)"):
        scan(tmp_path, "bids")


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ("100", False),
        ('"100"', False),
        ('"n/a"', False),
        ("null", False),
        ('"2000"', True),
        ('"fast"', True),
        ("true", True),
    ],
)
def test_a_rate_in_the_sidecar_is_compared_however_it_is_written(tmp_path: Path, told: str, wrong: bool) -> None:
    path = write(tmp_path)
    (tmp_path / "sub-01_task-t_emg.json").write_text(f'{{"SamplingFrequency": {told}}}')
    if not wrong:
        assert open_recording(path).rate_hz == 100
    else:
        with pytest.raises(RecordingError, match=r"is sampled at 100 Hz, sub-01_task-t_emg\.json says"):
            open_recording(path)


@pytest.mark.parametrize("folder", ["sub-02/emg", "sub-02/ses-1/emg", "sub-01/ses-2/emg"])
def test_a_recording_in_the_folder_of_another_sitting_is_asked_about(tmp_path: Path, folder: str) -> None:
    with pytest.raises(
        RecordingError, match=r"is called s(ub|es)-\w+ and lies in the folder s(ub|es)-0?2; whose is it"
    ):
        open_recording(write(tmp_path / folder, "sub-01_ses-1_task-t"))


def test_tables_of_the_corpus_are_matched_in_the_spelling_of_windows(tmp_path: Path) -> None:
    write(tmp_path / "sub-01" / "emg")
    (tmp_path / "participants.tsv").write_text("participant_id\nSUB-01\n")
    (tmp_path / "sub-01" / "sub-01_scans.tsv").write_text("filename\n.\\emg\\sub-01_task-t_emg.bdf\n")
    _, findings = lines(tmp_path)
    assert (findings.left_over, findings.notes) == ([], [])
