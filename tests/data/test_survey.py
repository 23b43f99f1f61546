"""Files of a corpus become entries once; what is wrong with the others is told, a line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.corpora import native
from emgasr.data.survey import Survey, duplicates, survey
from emgasr.errors import OutputError, RecordingError
from emgasr.recording import Events
from tests.helpers.miniatures import make_recording, write_native


def files(folder: Path) -> list[Path]:
    for name, seed in (("a.hdf5", 1), ("b.hdf5", 2)):
        write_native(folder, name, seed=seed, events=Events.of([(0.5, 0.6, "a")]))
    write_native(folder, "early.hdf5", seed=3, events=Events.of([(-0.5, 0.6, "a")]))
    (folder / "half.hdf5").write_bytes((folder / "a.hdf5").read_bytes()[:700])
    return sorted(folder.glob("*.hdf5"))


def test_bad_files_are_told_and_good_ones_listed(tmp_path: Path) -> None:
    found = survey(files(tmp_path / "data"), "native", tmp_path / "out" / "survey.jsonl")
    assert [(Path(entry.path).name, entry.session) for entry in found.entries] == [
        ("a.hdf5", "day1"),
        ("b.hdf5", "day2"),
    ]
    early, half = found.problems
    assert "early.hdf5: 1 event lies outside its 3.000 s, the first at -0.500 s" in early
    assert "half.hdf5: " in half
    told: list[str] = []
    with pytest.raises(RecordingError, match="2 problems"):
        found.checked(False, told.append)
    assert told == found.problems
    assert found.checked(True, told.append) == found.entries


def test_a_second_run_opens_only_what_is_new_or_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, journal = files(tmp_path / "data"), tmp_path / "survey.jsonl"
    first = survey(paths[:1], "native", journal)
    with journal.open("a") as log:
        log.write('{"path": "cut o')  # the run was killed while it wrote
    opened: list[str] = []

    def open_recording(path: Path) -> object:
        opened.append(path.name)
        return make_recording(events=Events.empty())

    monkeypatch.setattr(native, "open_recording", open_recording)
    again = survey(paths[:2], "native", journal, name=lambda path: {"take": path.stem})
    assert opened == ["b.hdf5"]
    assert [entry.take for entry in again.entries] == ["a", "b"]
    assert again.entries[0].sha256 == first.entries[0].sha256
    paths[0].touch()
    survey(paths[:2], "native", journal)
    assert opened == ["b.hdf5", "a.hdf5"]
    survey(paths[:2], "native", journal)
    assert opened == ["b.hdf5", "a.hdf5"]
    assert len(journal.read_text().splitlines()) == 2


def test_notes_are_told_once_more_by_a_second_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, journal = files(tmp_path / "data")[:1], tmp_path / "survey.jsonl"
    noted = make_recording(events=Events.empty(), notes=("2 rows passed over",))
    monkeypatch.setattr(native, "open_recording", lambda path: noted)
    for _ in range(2):
        told: list[str] = []
        survey(paths, "native", journal).checked(False, told.append)
        assert told == [f"note: {paths[0]}: 2 rows passed over"]


@pytest.mark.parametrize("change", ['"channels": "8"', '"entry": []', '"notes": 5', "x", "[" * 999])
def test_a_line_of_the_journal_that_is_none_of_ours_is_read_anew(tmp_path: Path, change: str) -> None:
    paths, journal = files(tmp_path / "data")[:1], tmp_path / "survey.jsonl"
    first = survey(paths, "native", journal)
    for old in ('"channels": 8', '"entry": {', '"notes": []'):
        if old.split(":")[0] == change.split(":")[0]:
            journal.write_text(journal.read_text().replace(old, change if "{" not in old else change + ', "x": {'))
            break
    else:
        journal.write_text(change + journal.read_text())
    assert survey(paths, "native", journal).entries == first.entries


def test_sessions_that_lie_there_twice_are_told(tmp_path: Path) -> None:
    paths = [write_native(tmp_path / folder, name, seed=seed) for folder, name, seed in (
        ("x", "a.hdf5", 1), ("x", "b.hdf5", 1), ("y", "c.hdf5", 2),
    )]  # fmt: skip
    (tmp_path / "x" / "d.hdf5").write_bytes(paths[0].read_bytes())
    found = survey(sorted(tmp_path.rglob("*.hdf5")), "native", tmp_path / "survey.jsonl")
    renamed = [
        entry if "d.hdf5" not in entry.path else type(entry)(**{**vars(entry), "session": "day9"})
        for entry in found.entries
    ]
    x = tmp_path / "x"
    assert duplicates(renamed) == [
        f"{x / 'b.hdf5'}: is session day1 of ann again, as {x / 'a.hdf5'}",
        f"{x / 'd.hdf5'}: has the content of {x / 'a.hdf5'}",
        f"{tmp_path / 'y' / 'c.hdf5'}: user ann has sessions in {x} too",
    ]


def test_nothing_good_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no good recording"):
        Survey([], []).checked(False, print)


def test_a_full_disk_is_told_and_a_second_run_goes_on(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    paths, journal = files(tmp_path / "data")[:2], tmp_path / "survey.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))  # as much as one line
    try:
        with pytest.raises(OutputError, match=r"cannot be written .* it goes on from here"):
            survey(paths, "native", journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(survey(paths, "native", journal).entries) == 2
