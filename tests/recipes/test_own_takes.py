"""The recipe of own takes on made-up sets in the layouts of the real ones, and what its tables count."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import exit_code, main
from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import ComposedConfig
from emgasr.data.compose import Take
from emgasr.files.plain_data import read_yaml
from emgasr.frontend.features import LogSpectrogramConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.manifests.manifest import read_manifest
from emgasr.models.conformer import ConformerConfig
from emgasr.training.loop import FitConfig
from emgasr.training.objective import CTCConfig
from tests.helpers.miniatures import write_table
from tests.helpers.scripts import ROOT, script

RUN = ROOT / "recipes" / "own_takes" / "run.sh"
RATE_HZ = 200


def muscles(label: str, session: str, length: int = 160, channels: int = 4, seed: int = 0) -> np.ndarray:
    """int16 noise whose electrodes are as strong as the label says, and the session's gain."""
    rng = np.random.default_rng([seed, *label.encode(), *session.encode()])
    levels = np.random.default_rng(list(label.encode())).uniform(20, 200, channels)
    gain = np.random.default_rng(list(session.encode())).uniform(0.5, 2, channels)
    return (rng.normal(0, 1, (length, channels)) * levels * gain).astype(np.int16)


def write_takes(folder: Path, labels: str, sessions: dict[str, dict[str, object]], each: int = 9) -> Path:
    """metadata.csv and takes/, with the columns that each session has of its own."""
    (folder / "takes").mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for number, (session, columns) in enumerate(sessions.items()):
        for label in labels:
            for take in range(each):
                file = f"takes/{number}_{label}_{take}.npy"
                np.save(folder / file, muscles(label, f"{session}{columns}", seed=take))
                own = {"subject": "s01", "session": session.split(" ")[0], "rate_hz": RATE_HZ}
                rows.append({"file": file, "text": label, **own, **columns})
    write_table(folder / "metadata.csv", rows)
    return folder


def write_pool(folder: Path, people: dict[str, list[str]], labels: str, each: int = 2) -> Path:
    """What the pool's unpack.py writes: recordings of takes that lie end to end, and their labels."""
    (folder / "recordings").mkdir(parents=True)
    recordings: list[dict[str, object]] = []
    spans: list[dict[str, object]] = []
    for subject, sessions in people.items():
        for session in sessions:
            file = f"{subject}_{session}.npy"
            order = [label for label in labels for _ in range(each)]
            parts = [muscles(label, subject + session, seed=i) for i, label in enumerate(order)]
            np.save(folder / "recordings" / file, np.concatenate(parts))
            who = {"file": file, "subject": subject}
            recordings.append({**who, "session": session, "rate_hz": RATE_HZ, "unit": "counts"})
            spans += [{**who, "start_s": i * 0.8, "end_s": (i + 1) * 0.8, "label": x} for i, x in enumerate(order)]
    write_table(folder / "recordings.csv", recordings)
    write_table(folder / "labels.csv", spans)
    return folder


def write_words_and_silence(folder: Path, words: str = "ab") -> Path:
    """Ten people as in subvocal_pt, a word and silence in turn, a recording a word."""
    (folder / "recordings").mkdir(parents=True)
    recordings: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    for person in ("p001", "p002", "p003", "p005", "p009"):
        for word in words:
            file = f"recordings/{person}_{word}.npy"
            parts = [muscles(what, person, seed=i) for i in range(3) for what in (word, "silence")]
            np.save(folder / file, np.concatenate(parts))
            who = {"file": file, "participant": person}
            recordings.append({**who, "mode": "speech", "rate_hz": RATE_HZ, "scale_uv": 0.5})
            turns = [word, "silence"] * 3
            labels += [{**who, "start_s": i * 0.8, "end_s": (i + 1) * 0.8, "label": x} for i, x in enumerate(turns)]
    write_table(folder / "recordings.csv", recordings)
    write_table(folder / "labels.csv", labels)
    return folder


def cells_of(text: str) -> list[list[str]]:
    """The cells of each line of tables in Markdown."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def prepare(*arguments: object) -> int:
    return exit_code(script("recipes/own_takes/prepare.py").run, [str(argument) for argument in arguments])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_spans_are_cut_into_takes_that_the_ordinary_verb_splits(tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "psl_words", {"person1": ["1"], "person2": ["1"]}, "xyz", each=5)
    assert prepare("takes", pool, tmp_path / "corpus") == 0
    rows = rows_of(tmp_path / "corpus" / "metadata.csv")
    assert len(rows) == 2 * 3 * 5
    whole = np.load(pool / "recordings" / "person2_1.npy")
    fourth = [row for row in rows if row["subject"] == "person2"][3]
    np.testing.assert_array_equal(np.load(tmp_path / "corpus" / fourth["file"]), whole[3 * 160 : 4 * 160])
    assert (fourth["text"], fourth["session"], fourth["rate_hz"], fourth["unit"]) == ("x", "1", "200.0", "counts")
    made = tmp_path / "m.jsonl"
    asked = ["--corpus", "takes", "--ring", "--test-every", "5", "--validation-every", "4", "--out", str(made)]
    assert main(["manifest", str(tmp_path / "corpus"), *asked]) == 0
    splits = [(entry.split, entry.subject, entry.text) for entry in read_manifest(made).entries]
    assert sorted(split for split in splits if split[0] == "test") == [
        ("test", person, text) for person in ("person1", "person2") for text in "xyz"
    ]
    assert splits.count(("validation", "person1", "y")) == 1
    assert splits.count(("train", "person1", "y")) == 3


def test_a_mode_of_speaking_becomes_a_session_that_can_be_left_out(tmp_path: Path) -> None:
    sessions: dict[str, dict[str, object]] = {"a 1": {"phase": "overt"}, "a 2": {"phase": "mouthing"}}
    folder = write_takes(tmp_path / "somach_words", "ud", sessions, each=2)
    assert prepare("blocks", folder, tmp_path / "corpus") == 0
    made = tmp_path / "m.jsonl"
    asked = ["--corpus", "takes", "--unit", "counts", "--test-sessions", "a_mouthing", "--out", str(made)]
    assert main(["manifest", str(tmp_path / "corpus"), *asked]) == 0
    found = {(entry.session, entry.split) for entry in read_manifest(made).entries}
    assert found == {("a_overt", "train"), ("a_mouthing", "test")}


def test_one_persons_recordings_keep_their_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = write_pool(tmp_path / "suguru", {"sub1": ["day1", "day2"], "sub2": ["day1"]}, "xy")
    assert prepare("person", pool, tmp_path / "corpus", "--subject", "sub1") == 0
    assert {row["file"] for row in rows_of(tmp_path / "corpus" / "recordings.csv")} == {
        "sub1_day1.npy",
        "sub1_day2.npy",
    }
    assert len(rows_of(tmp_path / "corpus" / "labels.csv")) == 2 * 4
    assert prepare("person", pool, tmp_path / "other", "--subject", "sub3") == 2
    assert "holds nobody called 'sub3'" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_removing_a_sessions_mean_mends_what_a_session_adds_and_the_test_is_learned_from_by_nobody() -> None:
    lda = script("recipes/own_takes/lda.py")

    def takes(session: str, scale: float) -> list[Take]:
        rng = np.random.default_rng(int(scale))
        loud = {"a": (90, 20), "b": (20, 90)}
        return [
            Take((scale * rng.normal(0, loud[label], (160, 2))).astype(np.float32), 200.0, label, "s", session, str(i))
            for i, label in enumerate("ab" * 10)
        ]

    far = [Take(t.samples * np.float32([300, 1]), 200.0, t.label, t.subject, "far", t.take) for t in takes("far", 1.0)]
    rows = {row["system"]: row for row in lda.rows_of([*takes("one", 1.0), *takes("two", 2.0)], far, "test")}
    assert rows["lda"]["accuracy"] == 0.5  # everything looks like the label whose first electrode is loud
    assert rows["lda_centered"]["accuracy"] == 1.0
    assert rows["lda_covariance_centered"]["accuracy"] == 1.0
    assert (rows["lda"]["trained_on"], rows["lda"]["items"], rows["lda"]["labels"]) == (40, 20, 2)


table = script("recipes/own_takes/table.py")


def write_reading(
    out: Path, name: str, seed: int, right: float, error: float, written: str, beside: tuple[int, float] = (2, 1.0)
) -> None:
    """What `emgasr evaluate` leaves of a run whose strings ask for ten of each of three words."""
    place = out / name / "emgasr" / f"seed{seed}" / "test"
    repeats = {"beside_equal": dict(zip(("words", "deleted"), beside, strict=True))}
    repeats["elsewhere"] = {"words": 30 - beside[0], "deleted": 7.0}
    rows: dict[str, dict[str, object]] = {
        "isolated": {"items": 4, "accuracy": right},
        "session": {"items": 4, "accuracy": right / 2},
        "strings": {"words": 30, "wer_greedy": error, "insertions_greedy": 0.1, "deletions_greedy": 0.2}
        | ({"repeats_greedy": repeats} if beside[0] else {}),
    }
    for part, row in rows.items():
        (place / part).mkdir(parents=True)
        (place / part / "results.json").write_text(json.dumps({"rows": [row, {"subject": "s"}]}))
    line = {"reference_words": list("abc" * 10), "words_greedy": list(written)}
    (place / "strings" / "hypotheses.jsonl").write_text(json.dumps(line) + "\n")
    (place.parent / "run").mkdir()
    log = [{"step": 1, "loss": 2.0}, {"step": 2, "plateau": "nothing but blanks"}] if seed else [{"step": 1}]
    (place.parent / "run" / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))


def test_strings_without_equal_neighbors_have_deletions_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_reading(tmp_path, "flextype_takes", 0, right=1.0, error=0.2, written="abc" * 10, beside=(0, 0.0))
    assert exit_code(table.run, [str(tmp_path)]) == 0
    (line,) = [row for row in cells_of(capsys.readouterr().out) if row[:2] == ["flextype_takes", "emgasr"]]
    assert line[5:7] == ["0.0 of 0", "6.0 of 30"]


def test_the_tables_are_means_over_seeds_and_people_count_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_reading(tmp_path, "suguru_sub1", 0, right=1.0, error=0.0, written="abc" * 10)
    write_reading(tmp_path, "suguru_sub2", 0, right=0.5, error=0.5, written="ab" * 10, beside=(4, 2.0))
    write_reading(tmp_path, "suguru_sub1", 1, right=0.5, error=1.0, written="")
    write_reading(tmp_path, "suguru_sub2", 1, right=0.0, error=0.25, written="abc" * 8, beside=(4, 2.0))
    for name, share in (("suguru_sub1", 0.5), ("suguru_sub2", 0.75)):
        (tmp_path / name / "lda" / "test").mkdir(parents=True)
        row = {"system": "lda", "accuracy": share, "items": 3}
        (tmp_path / name / "lda" / "test" / "results.json").write_text(json.dumps({"rows": [row]}))
    (tmp_path / "suguru_sub1" / "test.reads").write_text("emgasr seed 0 strings\nemgasr seed 0 strings\nlda\n")
    assert exit_code(table.run, [str(tmp_path)]) == 0
    cells = cells_of(capsys.readouterr().out)
    # Seeds: (100 + 50) / 2 and (50 + 0) / 2, and errors (0 + 50) / 2 and (100 + 25) / 2.
    assert ["suguru", "6", "50.0 ± 35.4", "25.0 ± 17.7", "62.5"] in cells
    (line,) = [row for row in cells if row[:2] == ["suguru", "emgasr"]]
    lost = ["6.0 of 12", "28.0 of 108", "1.93"]
    assert line == ["suguru", "emgasr", "120", "43.8 ± 26.5", "10.0 ± 0.0", *lost, "1 of 4", "2", "2"]
    assert len(json.loads((tmp_path / "results.json").read_text())["rows"]) == 6
    assert "| suguru | emgasr |" in (tmp_path / "RESULTS.md").read_text()


def test_nothing_that_was_read_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(table.run, [str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_old_default_says_everything_so_that_no_preset_lies_beneath() -> None:
    said = read_yaml(ROOT / "recipes" / "own_takes" / "ablation" / "old.yaml")
    free = {"steps", "minutes", "clock", "device", "workers", "words"}  # the budget, the machine, and what nobody sets
    for section, kind in {
        "fit": FitConfig,
        "objective": CTCConfig,
        "augment": AugmentConfig,
        "data": ComposedConfig,
    }.items():
        assert {each.name for each in fields(kind)} - free == set(said[section]), section
    for section, kind in {
        "features": LogSpectrogramConfig,
        "normalize": NormalizeConfig,
        "encoder": ConformerConfig,
    }.items():
        assert {each.name for each in fields(kind)} == set(said[section]), section


def recipe(data: Path, out: Path, programs: dict[str, str], **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | programs | settings
    return subprocess.run([str(RUN), str(data), str(out)], env=environment, capture_output=True, text=True, check=False)


def write_somach(data: Path) -> Path:
    blocks = {f"study_{s}_2026-02-11 {p}": {"phase": p} for s in "ab" for p in ("overt", "whispered", "mouthing")}
    return write_takes(data / "somach_words", "ud", blocks, each=2)


def write_suguru(data: Path) -> Path:
    return write_pool(data / "suguru", {"sub1": [f"day{i}" for i in range(1, 21)], "sub2": ["day1"]}, "xy", each=1)


LAYOUTS: dict[str, tuple[Callable[[Path], Path], str, int]] = {
    "somach_modes": (write_somach, "somach_modes", 2 * 2 * 2),
    "subvocal_people": (lambda data: write_words_and_silence(data / "subvocal_pt"), "subvocal_people", 3 * 2 * 3),
    "suguru_sub1": (write_suguru, "suguru", 5 * 2),
}


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_goes_from_its_files_to_a_table(tmp_path: Path, name: str, programs: dict[str, str]) -> None:
    write, shown, takes = LAYOUTS[name]
    write(tmp_path / "data")
    done = recipe(tmp_path / "data", tmp_path / "out", programs, SETS=name, SYSTEMS="lda")
    assert done.returncode == 0, done.stderr
    assert [shown, str(takes)] in [row[:2] for row in cells_of(done.stdout)]


@pytest.mark.slow
@pytest.mark.process
def test_a_model_goes_from_takes_to_the_table_and_a_second_run_reads_nothing_again(
    tmp_path: Path, programs: dict[str, str]
) -> None:
    write_pool(tmp_path / "data" / "psl_words", {"person1": ["1"], "person3": ["1"]}, "xyz", each=10)
    settings = {"SETS": "psl_takes", "SYSTEMS": "emgasr", "SEEDS": "0", "MINUTES": "0.02"}
    done = recipe(tmp_path / "data", tmp_path / "out", programs, **settings)
    assert done.returncode == 0, done.stderr
    reads = tmp_path / "out" / "psl_takes" / "test.reads"
    assert reads.read_text().splitlines() == [f"emgasr seed 0 {part}" for part in ("strings", "isolated", "session")]
    (place,) = (tmp_path / "out" / "psl_takes" / "emgasr").iterdir()
    (place / "test" / "isolated" / "results.json").unlink()  # as if it had been stopped before
    again = recipe(tmp_path / "data", tmp_path / "out", programs, **settings)
    assert reads.read_text().splitlines()[3:] == ["emgasr seed 0 isolated"]
    tables = [text[text.index("## Single takes") : text.index("## Strings")] for text in (done.stdout, again.stdout)]
    assert tables[0] == tables[1]
    assert "| psl_takes | emgasr |" in again.stdout


@pytest.mark.process
def test_a_set_that_does_not_exist_is_a_line(tmp_path: Path) -> None:
    done = recipe(tmp_path, tmp_path / "out", {}, SETS="somach")
    assert done.returncode == 2
    assert done.stderr == "SETS: there is no set somach\n"
