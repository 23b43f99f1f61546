"""A whole protocol on people whose typing is easy: what is refused, what is run, what comes out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emgasr.corpora import open_entry
from emgasr.errors import ConfigError, DataError, EmgasrError, ManifestError, OutputError
from emgasr.frontend.session import SessionConfig
from emgasr.manifests.leaks import part_name
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.protocol.config import AdaptationConfig
from emgasr.protocol.folds import RuleConfig, make_splits
from emgasr.protocol.plan import run, together
from emgasr.protocol.report import write_report
from emgasr.protocol.results import PersonResult
from emgasr.training.run import train
from tests.helpers.jobs import Here
from tests.helpers.people import CONFIG, prepared, system, write_corpus


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[PersonResult], Here]:
    """A folder with a protocol of three folds run to its end, its results, and the engine that ran it."""
    folder = tmp_path_factory.mktemp("protocol")
    write_corpus(folder)
    engine = Here()
    results = run(prepared(folder), engine)
    return folder, results, engine


@pytest.mark.slow
def test_each_person_is_read_by_every_method_that_their_minutes_allow(done: Any) -> None:
    folder, results, engine = done
    rows = [result.row for result in results]
    steps = {(row["method"], row["minutes"], row["sessions"]) for row in rows if row["subject"] == "ann"}
    methods = {(method, 0.2, "test") for method in ("statistics", "affine", "head", "all")}
    assert steps == methods | {("none", 0.0, "test"), ("none", 0.0, "all")}  # nobody has five minutes
    assert {row["subject"] for row in rows} == {row["fold"] for row in rows} == {"ann", "bob", "cat"}
    by_method = {row["method"]: row for row in rows if row["sessions"] == "test" and row["subject"] == "bob"}
    assert {row["keys"] for row in by_method.values()} == {by_method["none"]["keys"]}  # the same test at every step
    assert by_method["all"]["adaptation"]["seconds"] == pytest.approx(12)
    assert by_method["none"]["train_people"] == 1
    assert len(engine.seen) == 3 * (1 + 2 + 4 * 2)  # a training, and a job for each method and amount
    assert not list((folder / "out").glob("jobs/**/personal"))  # no copies of models are left behind


def test_a_second_run_has_nothing_to_do_and_lost_results_come_out_as_they_were(done: Any) -> None:
    folder, results, _ = done
    engine = Here()
    assert run(prepared(folder), engine) == results
    assert engine.seen == []
    name = "linear/bob/seed0/all-0.2"
    (folder / "out" / "jobs" / name / "result.json").unlink()
    assert run(prepared(folder), engine) == results
    assert engine.seen == [name]


def test_people_are_read_together_up_to_the_minutes_of_a_job(tmp_path: Path) -> None:
    assert together(["a", "b", "c", "d"], Counter(a=60, b=60, c=200, d=1), 120) == [["a", "b"], ["c"], ["d"]]
    assert together(["a", "b"], Counter(a=60, b=60), 0) == [["a"], ["b"]]
    assert together([], Counter(), 60) == []
    write_corpus(tmp_path, ("ann", "bob", "cat", "dan", "eve", "fay", "gus"))
    few = replace(CONFIG, adaptation=replace(CONFIG.adaptation, methods=("affine",), minutes=(0.2,)))
    rule = RuleConfig("groups", groups=2, test_sessions=1)  # a person's two sessions are 32 s

    def read(out: str, minutes: float) -> dict[str, tuple[str, ...]]:
        jobs = prepared(tmp_path, out, replace(few, job_minutes=minutes), rule=rule).jobs
        return {job.name: job.parts for job in jobs if job.after and "/group0/" in job.name}

    whole = read("a", 60)
    assert list(whole) == [f"linear/group0/seed0/{step}" for step in ("none-0", "none-all", "affine-0.2")]
    (people,) = set(whole.values())
    assert len(people) > 2
    parted = read("b", 65 / 60)
    assert [parted[f"linear/group0/seed0/none-0-part{n}"] for n in (1, 2)] == [people[:2], people[2:4]]
    assert read("c", 65 / 60) == parted


@pytest.mark.slow
def test_a_person_who_cannot_be_read_is_named_and_the_next_run_reads_them_alone(tmp_path: Path) -> None:
    write_corpus(tmp_path, ("ann", "bob", "cat", "dan", "eve", "fay"))
    rule, few = (
        RuleConfig("groups", groups=2, test_sessions=1),
        replace(CONFIG, adaptation=AdaptationConfig(methods=())),
    )
    made = prepared(tmp_path, config=few, rule=rule)
    results = run(made, Here())
    (job,) = (job for job in made.jobs if job.name == "linear/group0/seed0/none-0")
    broken = job.parts[1]
    folder, recording = job.folder(tmp_path / "out"), tmp_path / f"{broken}1.hdf5"
    (folder / "result.json").unlink()
    recording.rename(tmp_path / "away")
    with pytest.raises(DataError, match=rf"^job {job.name}: failed: {broken}: .*{broken}1.hdf5.*; see .*log.txt"):
        run(made, Here())
    kept = [json.loads(path.read_text())["part"] for path in sorted((folder / "parts").iterdir())]
    assert kept == [name for name in job.parts if name != broken]
    (tmp_path / "away").rename(recording)
    again = Here()
    assert run(made, again) == results
    assert again.seen == [job.name]
    assert f"{len(kept)} of {len(job.parts)} parts are there from an earlier try" in (folder / "log.txt").read_text()


def test_results_of_a_job_for_each_person_are_not_mixed_with_these(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    earlier = tmp_path / "out" / "jobs" / "linear" / "ann" / "seed0" / "ann" / "none-0"
    earlier.mkdir(parents=True)
    prepared(tmp_path)
    (earlier / "result.json").write_text("{}")
    with pytest.raises(
        OutputError, match=r"seed0/ann: holds readings by an earlier version, .*; choose another folder"
    ):
        prepared(tmp_path)


def test_folds_start_alike_and_say_so(done: Any) -> None:
    folder, _, _ = done
    paths = sorted((folder / "out").glob("jobs/*/*/seed0/train/result.json"))
    results = [json.loads(path.read_text()) for path in paths]
    assert len({one["result"]["parameters_sha256"] for one in results}) == 1
    changed = results[0] | {"result": results[0]["result"] | {"parameters_sha256": "0" * 64}}
    before = paths[0].read_text()
    paths[0].write_text(json.dumps(changed))
    try:
        with pytest.raises(DataError, match="fold bob starts from other parameters than fold ann"):
            run(prepared(folder), Here())
    finally:
        paths[0].write_text(before)


def test_a_model_of_another_fold_is_not_read(done: Any) -> None:
    folder, _, _ = done
    run_of = folder / "out" / "jobs" / "linear" / "ann" / "seed0" / "train" / "run" / "start.json"
    other = folder / "out" / "jobs" / "linear" / "bob" / "seed0" / "train" / "run" / "start.json"
    name = "linear/ann/seed0/none-0"
    result = folder / "out" / "jobs" / name / "result.json"
    before, kept = run_of.read_text(), result.read_text()
    run_of.write_text(other.read_text())
    result.unlink()
    try:
        with pytest.raises(DataError, match="was trained on other recordings than the fold's"):
            run(prepared(folder), Here())
    finally:
        run_of.write_text(before)
        result.write_text(kept)


@pytest.mark.slow
def test_held_out_recordings_among_the_trained_ones_stop_the_reading(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    made = prepared(tmp_path)
    learned = tmp_path / "out" / "folds" / "ann" / "learned.jsonl"
    held_out = read_manifest(learned.parent / "held_out.jsonl")
    manifest = read_manifest(learned)
    leak = replace(held_out.entries[-1], split="train", path=str(held_out.file(held_out.entries[-1])))
    write_manifest(replace(manifest, entries=(*manifest.entries, leak)), learned)
    with pytest.raises(DataError, match="linear: the weights were fitted on ann/day1, which is held out"):
        run(made, Here())


@pytest.mark.slow
def test_the_report_tells_how_it_was_made_and_nothing_that_is_not_in_the_rows(done: Any) -> None:
    folder, results, _ = done
    table = write_report(folder / "out", results, "A title", published="| x | 1 |", seconds=7200)
    text = (folder / "out" / "RESULTS.md").read_text()
    made = read_manifest(folder / "manifest.jsonl")
    checksum = make_splits(made, RuleConfig(test_sessions=1)).checksum()
    for told in (
        "# A title",
        "`the command`",
        checksum,
        "leave-one-subject-out",
        "2.00 h",
        "curve.png",
        "worst person",
    ):
        assert told in text
    assert text.index("## Published, not re-run here") < text.index("| x | 1 |")
    zero = next(row for row in table if row.cell.method == "none" and row.cell.sessions == "test")
    assert f"{100 * zero.figures['cer_greedy'].mean:.2f} % ±" in text
    assert (folder / "out" / "curve.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads((folder / "out" / "results.json").read_text())
    assert content["rows"] == [*(row.as_dict() for row in table), *(result.row for result in results)]
    assert content["splits_sha256"] == checksum
    card = folder / "out" / "jobs" / "linear" / "ann" / "seed0" / "train" / "run" / "model" / "README.md"
    for _ in range(2):  # written anew, the section is replaced
        assert card.read_text().count("## On people held out") == 1
        assert checksum in card.read_text()
        write_report(folder / "out", results, "A title")


def test_other_settings_in_the_same_folder_are_refused(done: Any) -> None:
    folder, _, _ = done
    other = replace(CONFIG, adaptation=replace(CONFIG.adaptation, steps=3))
    with pytest.raises(EmgasrError, match="is the result of other settings"):
        run(prepared(folder, config=other), Here())


def test_readings_of_another_training_or_language_model_are_not_taken_for_these(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    (tmp_path / "lm.arpa").write_text("one")
    with_lm = replace(CONFIG, lm=str(tmp_path / "lm.arpa"), lm_text=(str(tmp_path / "lm.arpa"),))

    def prints(**changes: Any) -> list[str]:
        return [job.fingerprint() for job in prepared(tmp_path, **changes).jobs]

    plain, longer = prints(), prints(systems={"linear": system(tmp_path, "--fit.steps", "7")})
    assert len(plain) == len(longer) > 3
    assert not set(plain) & set(longer)
    before = prints(config=with_lm)
    (tmp_path / "lm.arpa").write_text("two")
    assert not set(before) & set(prints(config=with_lm))


@pytest.mark.slow
def test_composed_lists_validate_and_test(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    corpus = read_manifest(tmp_path / "manifest.jsonl")
    entries = []
    for entry in corpus.entries:
        path = tmp_path / f"list_{entry.path}"
        path.write_bytes((tmp_path / entry.path).read_bytes() + b" ")
        listed = Entry.of(open_entry(entry, corpus.root), path, "native", take=f"{part_name(entry)}@0.000")
        entries.append(listed)
    lists = {"strings": Manifest(tuple(entries), tmp_path)}
    few = replace(CONFIG.adaptation, methods=("affine",), minutes=(0.2,))
    one = replace(CONFIG, adaptation=few)
    rows = [result.row for result in run(prepared(tmp_path, config=one, lists=lists), Here())]
    assert {(row["list"], row["items"], row["sessions"]) for row in rows} == {
        ("strings", 1, "test"),
        ("strings", 2, "all"),
    }
    wrong = replace(entries[0], take=f"{part_name(corpus.entries[-1])}@0.000")
    with pytest.raises(ManifestError, match="is or holds a recording of"):
        prepared(tmp_path, "b", lists={"strings": Manifest((wrong, *entries[1:]), tmp_path)})
    with pytest.raises(ManifestError, match="holds nothing of the sessions of"):
        prepared(tmp_path, "c", lists={"strings": Manifest(tuple(entries[:2]), tmp_path)})
    with pytest.raises(ManifestError, match="cuts sessions in time"):
        prepared(tmp_path, "d", lists=lists, rule=RuleConfig("within-subject"))


def test_lists_to_carry_by_name_are_taken_for_all_for_one_release(capsys: pytest.CaptureFixture[str]) -> None:
    for listed, carry in ((("isolated",), True), ((), False)):
        assert replace(CONFIG, carry=listed).carry is carry
        assert "all lists are carried" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="needs seconds"):
        SessionConfig(align_turns=1)


def test_weights_to_start_from_must_be_known_and_of_other_people(tmp_path: Path) -> None:
    corpus = read_manifest(write_corpus(tmp_path))
    first = [
        replace(e, split="train" if e.session == "day0" else "validation") for e in corpus.entries if e.subject == "ann"
    ]
    write_manifest(replace(corpus, entries=tuple(first)), tmp_path / "ann.jsonl")
    config = system(tmp_path, f"--manifest={tmp_path / 'ann.jsonl'}")
    train(config, tmp_path / "run")
    for init, told in ((tmp_path / "run" / "model", "which is held out"), (tmp_path / "x" / "model", "nothing tells")):
        with pytest.raises(EmgasrError, match=f"system linear, fold ann: .*{told}"):
            prepared(tmp_path, systems={"linear": system(tmp_path, f"--init={init}")})


@pytest.mark.slow
def test_a_language_model_is_tuned_on_validation_and_knows_no_test_prompt(tmp_path: Path) -> None:
    from emgasr.cli import main

    write_corpus(tmp_path, sessions=1)
    (tmp_path / "text.txt").write_text("ab\nba\naabb\n" * 9)
    assert main(["lm", "build", str(tmp_path / "text.txt"), "--order", "2", "--out", str(tmp_path / "lm.arpa")]) == 0
    with_lm = replace(CONFIG, lm=str(tmp_path / "lm.arpa"), tune_trials=2, adaptation=AdaptationConfig(methods=()))
    with pytest.raises(ConfigError, match="nothing tells whether it knows the test's text"):
        prepared(tmp_path, config=with_lm)
    asked = replace(with_lm, lm_text=(str(tmp_path / "text.txt"),))
    rule = RuleConfig(test_sessions=0)
    rows = [result.row for result in run(prepared(tmp_path, config=asked, rule=rule), Here())]
    assert all("cer_lm" in row for row in rows)
    assert {row["sessions"] for row in rows} == {"test"}
    assert len(list((tmp_path / "out").glob("jobs/**/search.yaml"))) == 3


def test_nothing_to_run_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    with pytest.raises(ConfigError, match="no system to run"):
        prepared(tmp_path, systems={})
