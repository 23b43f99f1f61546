"""`emgasr search`, `describe`, and --labels of `transcribe`, `stream` and `evaluate`: what they print and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.crossmodal.teachers.config import TeacherConfig
from tests.helpers.aligned_models import write_aligned
from tests.helpers.armbands import write_corpora
from tests.helpers.sentence_folders import write_sentence_folder

Told = Callable[[], tuple[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora, a model of both layouts, one of a single layout, one whose training left two gestures out."""
    root = tmp_path_factory.mktemp("world")
    write_corpora(root)
    write_aligned(root / "aligned")
    write_aligned(root / "single", corpora=("myo",), trained=("fist", "rest"))
    return root


def run(world: Path, line: str, *words: str, code: int = 0) -> None:
    assert main([*(word.format(w=world) for word in line.split()), *words]) == code


def test_search_ranks_stretches_builds_its_index_once_and_draws(world: Path, tmp_path: Path, told: Told) -> None:
    kept = f"--index {tmp_path}/index --top 4 --json"
    run(world, f"search {{w}}/aligned {{w}}/myo.jsonl fist {kept} --out {tmp_path}/p.png")
    out, err = told()
    first = json.loads(out)
    assert "'fist' is a gesture: searched by its 3 descriptions" in err
    assert (first["query"], first["recordings"], len(first["hits"])) == ("fist", 6, 4)
    assert [hit["rank"] for hit in first["hits"]] == [1, 2, 3, 4]
    assert all(0 <= hit["start_s"] < hit["best_s"] <= hit["end_s"] <= 12 for hit in first["hits"])
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    run(world, f"search {{w}}/aligned fist {kept}")
    assert json.loads(told()[0]) == first
    run(world, f"search {{w}}/aligned {{w}}/myo_b.hdf5 fist {kept}")
    assert {Path(hit["recording"]).name for hit in json.loads(told()[0])["hits"]} == {"myo_b.hdf5"}


def test_search_without_an_index_finds_the_same_and_prints_a_table(world: Path, told: Told) -> None:
    run(world, "search {w}/aligned {w}/myo_a.hdf5 {w}/bar_a.hdf5", "the fingers are spread", "--top", "3")
    out, err = told()
    lines = out.splitlines()
    assert lines[0].split() == ["recording", "subject", "label", "start", "end", "likeness"]
    assert len(lines) == 4
    assert "searched 2 recordings, 0.01 hours" in err


def test_more_than_there_is_to_find_is_said_and_no_error(world: Path, told: Told) -> None:
    run(world, "search {w}/aligned {w}/myo_a.hdf5 fist --top 500")
    out, err = told()
    count = len(out.splitlines()) - 1
    assert f"--top 500: 1 recording, 0.00 hours have {count} stretch" in err


@pytest.mark.parametrize(
    ("line", "words", "wrong"),
    [
        ("search {w}/aligned {w}/myo_a.hdf5", ["  "], "query: is empty"),
        ("search {w}/aligned {w}/myo_a.hdf5", ["?!"], "has no word"),
        ("search {w}/aligned {w}/myo_a.hdf5", ["daumen und zeigefinger"], "3 of 3 words are not in the vocabulary"),
        ("search {w}/aligned {w}/myo_a.hdf5", [], "no recording, or no query"),
        ("search {w}/aligned {w}/myo_a.hdf5", ["fist", "--top", "0"], "--top: is 0"),
        ("search {w}/aligned {w}/myo_a.hdf5", ["fist", "--hop-seconds", "0.001"], "a frame of this model takes"),
        ("search {w}/aligned {w}/myo_a.hdf5", ["fist", "--out", "p.gif"], "is no PNG file"),
        ("search {w}/aligned", ["fist", "--index", "nowhere"], "nowhere holds no index"),
        ("search {w}/aligned", ["fist", "--index", "x", "--out", "p.png"], "draws recordings, and none is named"),
        ("search {w}/single {w}/bar_a.hdf5", ["fist"], "reads 8 electrodes at 200 Hz in counts, not"),
        ("search demo {w}/myo_a.hdf5", ["fist"], "is no aligned encoder"),
        ("describe {w}/aligned {w}/myo_a.hdf5", ["--top", "0"], "--top: is 0"),
        ("transcribe demo {w}/myo_a.hdf5", ["--labels", "fist"], "reads its own symbols alone"),
        ("transcribe {w}/aligned {w}/myo_a.hdf5", ["--labels", ","], "--labels: names no label"),
        ("transcribe {w}/aligned {w}/myo_a.hdf5", ["--labels", "fist, Fist"], "'fist' and 'Fist' are the same"),
        ("transcribe {w}/aligned {w}/myo_a.hdf5", ["--layout", "x"], "reads no x; choose"),
        ("stream {w}/aligned --source file:{w}/myo_a.hdf5,speed=fast", ["--labels", "fist"], "reads 2 layouts"),
        (
            "evaluate demo {w}/myo.jsonl",
            ["--split", "validation", "--zero-shot", "fist"],
            "reads its own symbols alone",
        ),
        (
            "evaluate {w}/aligned {w}/myo.jsonl --split validation",
            ["--zero-shot", "fist", "--labels", "flexion, spread"],
            "the gallery lacks 'fist'; name it in --labels too",
        ),
        (
            "evaluate {w}/aligned {w}/myo.jsonl --split validation",
            ["--zero-shot", "closed fingers"],
            "the split has no execution of closed fingers; labels there: fist, flexion, spread",
        ),
    ],
)
def test_what_cannot_be_is_one_line(world: Path, told: Told, line: str, words: list[str], wrong: str) -> None:
    run(world, line, *words, code=2)
    out, err = told()
    assert wrong in err
    assert out == ""
    assert "Traceback" not in err


def test_an_index_of_another_model_is_refused_and_a_changed_recording_is_said(
    world: Path, tmp_path: Path, told: Told
) -> None:
    write_corpora(tmp_path)
    place = f"--index {tmp_path}/index --top 2"
    run(world, f"search {{w}}/aligned {tmp_path}/myo_a.hdf5 {tmp_path}/myo_b.hdf5 fist {place}")
    told()
    run(world, f"search {{w}}/single fist {place}", code=2)
    assert "is an index of another model" in told()[1]
    (tmp_path / "myo_b.hdf5").write_bytes((tmp_path / "myo_c.hdf5").read_bytes())
    run(world, f"search {{w}}/aligned fist {place}")
    assert "1 recording changed or gone since it was built" in told()[1]
    run(world, f"search {{w}}/aligned {tmp_path}/myo_c.hdf5 fist {place}", code=2)
    assert "holds nothing of" in told()[1]


def test_a_recording_that_cannot_be_read_does_not_stop_a_search(world: Path, tmp_path: Path, told: Told) -> None:
    (tmp_path / "bad.hdf5").write_bytes(b"nothing")
    run(world, f"search {{w}}/aligned {tmp_path}/bad.hdf5 {{w}}/myo_a.hdf5 fist --top 1", code=2)
    out, err = told()
    assert "bad.hdf5" in err
    assert "myo_a.hdf5" in out


def test_a_teacher_that_is_gone_or_another_is_one_line_and_known_gestures_need_none(
    tmp_path: Path, world: Path, told: Told
) -> None:
    teacher = write_sentence_folder(tmp_path / "teacher")
    write_aligned(tmp_path / "aligned", teacher=TeacherConfig("sentence", str(teacher)))
    search = f"search --top 1 {tmp_path}/aligned {{w}}/myo_a.hdf5"
    run(world, search, "thumb and index finger pinch")
    teacher.rename(tmp_path / "moved")
    told()
    run(world, search, "fist")
    run(world, search, "thumb and index finger pinch", code=2)
    assert "teacher" in told()[1]
    write_sentence_folder(teacher, seed=1)
    run(world, search, "thumb and index finger pinch", code=2)
    assert "was aligned with another teacher" in told()[1]


def test_describe_names_gestures_of_labels_and_of_contractions(world: Path, told: Told) -> None:
    run(world, "describe {w}/aligned {w}/myo_a.hdf5 --json --top 2")
    rows = [json.loads(line) for line in told()[0].splitlines()]
    assert [row["label"] for row in rows] == ["fist", "flexion", "spread"] * 2
    assert {row["found_by"] for row in rows} == {"labels"}
    for row in rows:
        likeness = [near["likeness"] for near in row["nearest"]]
        assert likeness == sorted(likeness, reverse=True)
        assert len(likeness) == 2
    run(world, "describe {w}/aligned {w}/myo.jsonl --top 9")
    out, err = told()
    assert out.splitlines()[0].split() == ["recording", "label", "nearest", "in", "words", "start", "end"]
    assert len(out.splitlines()) == 37
    assert "--top 9: there are 4 gestures, and all are listed" in err


def test_transcribe_reads_labels_of_any_layout_and_says_what_they_are(world: Path, told: Told) -> None:
    run(world, "transcribe {w}/aligned {w}/bar_a.hdf5 --labels", "spread, curled palm")
    out, err = told()
    assert set(out.split()) <= {"spread", "curled", "palm"}
    assert "nobody described 'curled palm'" in err
    run(world, "transcribe {w}/aligned {w}/bar_a.hdf5")
    assert "no --labels: reads the 3 gestures that were trained (fist, spread, wrist_flexion)" in told()[1]


def test_stream_prints_what_transcribe_prints(world: Path, told: Told) -> None:
    run(world, "transcribe {w}/aligned {w}/bar_a.hdf5 --labels", "spread, fist, flexion")
    whole = told()[0].split()
    layout = "--layout 10-electrodes-500-hz-counts --pause-seconds 0 --json"
    run(
        world,
        f"stream {{w}}/aligned --source file:{{w}}/bar_a.hdf5,speed=fast {layout} --labels",
        "spread, fist, flexion",
    )
    events = [json.loads(line) for line in told()[0].splitlines()]
    assert [event["key"] for event in events if event.get("state") == "final"] == whole


def test_evaluate_takes_labels_by_their_meaning(world: Path, told: Told) -> None:
    run(world, "evaluate {w}/aligned {w}/myo.jsonl --split validation --json --labels", "spread, Wrist flexion, fist")
    row = json.loads(told()[0])["rows"][0]
    assert row["executions"] == 12
    assert "gestures_unknown_to_the_model" not in row


def test_zero_shot_shows_gallery_and_chance_and_says_what_was_trained(world: Path, tmp_path: Path, told: Told) -> None:
    classes = ["--zero-shot", "spread, wrist flexion"]
    more = f"--split validation --out {tmp_path}/out --quiet"
    run(world, f"evaluate {{w}}/single {{w}}/myo.jsonl {more}", *classes, "--labels", "spread, wrist flexion, fist")
    out, err = told()
    assert "gallery of 3: fist, spread, wrist flexion" in out.replace(
        "spread, wrist flexion, fist", "fist, spread, wrist flexion"
    )
    assert "33.33 %" in out
    assert "4 executions of 1 other gesture left out (fist)" in err
    assert "trained:" not in err
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert [row["subject"] for row in rows] == ["all", "myo_e", "myo_f"]
    assert (rows[0]["executions"], rows[0]["chance"], rows[0]["trained"]) == (8, pytest.approx(1 / 3), [])
    assert sorted(rows[0]["gallery"]) == ["fist", "spread", "wrist flexion"]
    run(world, "evaluate {w}/aligned {w}/myo.jsonl --split validation --json", *classes)
    out, err = told()
    assert "trained: spread, wrist flexion" in err
    assert json.loads(out)["rows"][0]["chance"] == 0.5


def test_info_shows_what_an_aligned_encoder_reads_and_was_taught(world: Path, told: Told) -> None:
    run(world, "info {w}/single --json")
    found = json.loads(told()[0])
    assert found["kind"] == "aligned encoder"
    assert found["gestures_trained"] == ["fist", "rest"]
    assert [name.split("-electrodes")[0] for name in found["layouts"]] == ["8"]
    assert len(found["checksum"]) == 64
