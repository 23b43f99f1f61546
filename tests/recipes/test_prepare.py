"""Each recipe on a miniature of its corpus: prepare, validate, train a step, evaluate; and what prepare refuses."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emgasr.cli import exit_code, main
from emgasr.corpora import open_entry
from emgasr.manifests import splits
from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
from tests.helpers.layouts import (
    NUMBER,
    session_name,
    write_bids_session,
    write_gaddy,
    write_hdf5_session,
    write_neuromotor,
    write_ninapro,
    write_split_file,
    write_typing_corpus,
    write_uci,
)
from tests.helpers.miniatures import write_spans
from tests.helpers.scripts import script

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TINY_TDS = ["--encoder.mlp_width", "24", "--encoder.channels", "4", "--encoder.blocks", "1", "--encoder.kernel", "4"]
TINY_CONFORMER = ["--encoder.width", "16", "--encoder.blocks", "2", "--encoder.intermediate_block", "1"]
TINY_CONFORMER += ["--encoder.heads", "2", "--encoder.mixer_channels", "4"]


def prepare(recipe: str, *arguments: object) -> int:
    """The exit code of a recipe's prepare.py."""
    module = script(f"recipes/{recipe}/prepare.py")
    return exit_code(module.run, [str(argument) for argument in arguments])


def validate_train_evaluate(manifest: Path, config: str, out: Path, *options: str) -> list[dict[str, Any]]:
    """The rows of an evaluation on the split test, after a step of training with a recipe's configuration."""
    assert main(["validate", str(manifest)]) == 0
    budget = ["--fit.steps", "1", "--fit.validations", "1", "--fit.warmup-steps", "1", "--fit.device", "cpu"]
    configs = [word for name in config.split("+") for word in ("--config", str(RECIPES / name))]
    assert main(["train", str(manifest), *configs, "--out", str(out), *budget, *options]) == 0
    assert main(["evaluate", str(out / "model"), str(manifest), "--out", str(out / "results")]) == 0
    return json.loads((out / "results" / "results.json").read_text())["rows"]


def counts(manifest: Path) -> Counter[str]:
    return Counter(entry.split for entry in read_manifest(manifest).entries)


WINDOWS = ["--data.shortest_s", "2", "--data.longest_s", "3", "--data.batch_s", "6", "--data.snap_s", "0.2"]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["tds.yaml", "splashnet_mini.yaml"])
def test_emg2qwerty_from_the_release_to_a_table(tmp_path: Path, config: str) -> None:
    corpus = write_typing_corpus(tmp_path / "corpus")
    assert prepare("emg2qwerty", "manifests", corpus, "--out", tmp_path, "--test-users", 1) == 0
    manifest = tmp_path / "generic.jsonl"
    assert counts(manifest) == {"train": 4, "validation": 4, "test": 2}
    (personal,) = tmp_path.glob("1000*.jsonl")
    assert counts(personal) == {"train": 1, "validation": 1, "test": 2}
    assert {entry.corpus for entry in read_manifest(manifest).entries} == {"emg2qwerty"}
    rows = validate_train_evaluate(manifest, f"emg2qwerty/{config}", tmp_path / "run", *WINDOWS, *TINY_TDS)
    assert [row["subject"] for row in rows] == ["all", personal.stem]
    assert {"cer_greedy", "cer_rendered_greedy", "wer_greedy", "interval"} <= rows[0].keys()


@pytest.mark.slow
def test_the_bids_edition_gives_the_same_splits_and_says_which_it_is(tmp_path: Path) -> None:
    users = [f"1000000{user}" for user in range(2)]
    for user, name in enumerate(users):
        for session in range(4):
            write_hdf5_session(tmp_path / "release", name, NUMBER + 1000 * user + session)
            write_bids_session(tmp_path / "bids", name, NUMBER + 1000 * user + session)
    made = {}
    for edition in ("release", "bids"):
        assert (
            prepare(
                "emg2qwerty", "manifests", tmp_path / edition, "--out", tmp_path / f"{edition}_out", "--test-users", 1
            )
            == 0
        )
        made[edition] = read_manifest(tmp_path / f"{edition}_out" / "generic.jsonl")
    keys = {name: [(e.subject, e.session, e.split) for e in manifest.entries] for name, manifest in made.items()}
    assert keys["release"] == keys["bids"]
    assert {entry.corpus for entry in made["bids"].entries} == {"emg2qwerty_bids"}
    pairs = zip(*(manifest.entries for manifest in made.values()), strict=True)
    for release, bids in pairs:
        one, other = (open_entry(entry, made[of].root) for of, entry in (("release", release), ("bids", bids)))
        assert (one.subject, one.session, one.bands) == (other.subject, other.session, other.bands)
        assert (one.events.keys, one.spans.texts) == (other.events.keys, other.spans.texts)
    manifest = tmp_path / "bids_out" / "generic.jsonl"
    rows = validate_train_evaluate(manifest, "emg2qwerty/tds.yaml", tmp_path / "run", *WINDOWS, *TINY_TDS)
    assert {"cer_greedy", "interval"} <= rows[0].keys()


def test_published_split_files_are_followed(tmp_path: Path) -> None:
    corpus = write_typing_corpus(tmp_path / "corpus", users=2, sessions=3)
    first, second = [("10000000", NUMBER + i) for i in range(3)], [("10000001", NUMBER + 1000 + i) for i in range(3)]
    write_split_file(tmp_path / "splits" / "generic.yaml", train=first[:2], val=first[2:], test=second[2:])
    write_split_file(tmp_path / "splits" / "user0.yaml", train=second[:1], val=second[1:2], test=second[2:])
    assert prepare("emg2qwerty", "manifests", corpus, "--out", tmp_path, "--split-files", tmp_path / "splits") == 0
    assert counts(tmp_path / "generic.jsonl") == {"train": 2, "validation": 1, "test": 1}
    assert counts(tmp_path / "user0.jsonl") == {"train": 1, "validation": 1, "test": 1}


def rename_user(corpus: Path) -> None:
    write_hdf5_session(corpus / "more", "10000000", NUMBER + 7)


BAD_CORPORA: list[tuple[Callable[[Path], object], str]] = [
    (lambda corpus: first_file(corpus).write_bytes(first_file(corpus).read_bytes()[:9000]), "is truncated"),
    (lambda corpus: first_file(corpus).unlink(), f"session {NUMBER} of 10000000 has no file"),
    (lambda corpus: write_hdf5_session(corpus, "10000000", NUMBER + 7), f"session {NUMBER + 7} is not in metadata.csv"),
    (lambda corpus: copy(first_file(corpus), corpus / "again.hdf5"), "again.hdf5: has the content of"),
    (lambda corpus: copy(first_file(corpus), corpus / session_copy()), "has the content of"),
    (rename_user, "user 10000000 has sessions in"),
    (lambda corpus: early(corpus), "event lies outside its 4.000 s, the first at -0.500 s"),
    (lambda corpus: write_hdf5_session(corpus, "10000000", NUMBER, keystrokes="[{"), "'keystrokes' is broken JSON"),
]


def first_file(corpus: Path) -> Path:
    return corpus / f"{session_name(NUMBER)}.hdf5"


def session_copy() -> str:
    return f"{session_name(NUMBER + 9)}.hdf5"


def copy(path: Path, to: Path) -> None:
    to.write_bytes(path.read_bytes())


def early(corpus: Path) -> None:
    strokes = json.dumps([{"key": "a", "start": NUMBER - 0.5, "end": NUMBER - 0.4}])
    write_hdf5_session(corpus, "10000000", NUMBER, keystrokes=strokes)


@pytest.mark.parametrize(("change", "line"), BAD_CORPORA)
def test_a_bad_session_is_a_line_and_can_be_left_out(
    tmp_path: Path, change: Callable[[Path], object], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_typing_corpus(tmp_path / "corpus", users=2, sessions=4)
    change(corpus)
    asked = ("emg2qwerty", "manifests", corpus, "--out", tmp_path, "--test-users", 1)
    assert prepare(*asked) == 2
    lines = capsys.readouterr().err.splitlines()
    assert sum(line in found for found in lines) == 1
    assert "pass --leave-out-bad" in lines[-1]
    assert not list(tmp_path.glob("*.jsonl")) or [path.name for path in tmp_path.glob("*.jsonl")] == ["survey.jsonl"]
    assert prepare(*asked, "--leave-out-bad") == 0
    assert counts(tmp_path / "generic.jsonl").total() in (5, 6)


def test_wanted_sessions_are_taken_from_the_archive_and_a_second_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_typing_corpus(tmp_path / "corpus", users=2, sessions=2)
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(corpus, "emg2qwerty-data-2021-08")
    whole = (tmp_path / "all.tar.gz").read_bytes()
    asked = ("extract", "-", "--metadata", corpus / "metadata.csv", "--users", "10000001", "--out", tmp_path / "some")
    for data, code, line in ((whole[: len(whole) // 2], 2, "give it again"), (whole, 0, "2 written")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert prepare("emg2qwerty", *asked) == code
        said = capsys.readouterr()
        assert line in said.out + said.err
    names = sorted(path.name for path in (tmp_path / "some").iterdir())
    assert names == [f"{session_name(NUMBER + 1000 + i)}.hdf5" for i in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("config", ["characters.yaml", "characters.yaml+silent_speech/raw.yaml"])
def test_silent_speech_from_utterances_to_word_errors(
    tmp_path: Path, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_gaddy(tmp_path / "corpus")
    (tmp_path / "lm.txt").write_text("its a cafe of sorts after all\n")
    (tmp_path / "words.txt").write_text("its\na\nnoon\n")
    known = ("--lexicon", tmp_path / "words.txt", "--lm-text", tmp_path / "lm.txt")
    assert prepare("silent_speech", corpus, "--splits", corpus / "testset.json", "--out", tmp_path, *known) == 0
    said = capsys.readouterr().out
    assert "test words in the lexicon: 3 of 7" in said
    assert "test sentences whole in the LM's text: 1 of 1" in said
    manifest = tmp_path / "causal.jsonl"
    assert counts(manifest) == {"train": 9, "validation": 1, "test": 2}
    options = [*TINY_CONFORMER, "--data.batch_size", "2"]
    rows = validate_train_evaluate(manifest, f"silent_speech/{config}", tmp_path / "run", *options)
    assert "wer_greedy" in rows[0]
    assert rows[0]["items"] == 2


@pytest.mark.slow
def test_the_published_path_and_pieces_are_prepared_too(tmp_path: Path) -> None:
    corpus = write_gaddy(tmp_path / "corpus")
    asked = ("--splits", corpus / "testset.json", "--out", tmp_path, "--filtering", "zero_phase", "--pieces", 40)
    assert prepare("silent_speech", corpus, *asked) == 0
    manifest = tmp_path / "zero_phase.jsonl"
    entry = read_manifest(manifest).entries[0]
    assert entry.options == {"filtering": "zero_phase"}
    options = [*TINY_CONFORMER, "--data.batch_size", "2", "--tokens.model", str(tmp_path / "pieces.model")]
    config = "silent_speech/characters.yaml+silent_speech/pieces.yaml"
    assert "wer_greedy" in validate_train_evaluate(manifest, config, tmp_path / "run", *options)[0]


def test_a_bad_utterance_and_a_missing_sentence_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = write_gaddy(tmp_path / "corpus")
    (corpus / "nonparallel_data" / "5-10" / "1_info.json").write_text("{")
    (corpus / "silent_parallel_data" / "5-4_silent" / "5_emg.npy").unlink()
    asked = ("silent_speech", corpus, "--splits", corpus / "testset.json", "--out", tmp_path)
    assert prepare(*asked) == 2
    assert "1_info.json: is not JSON" in capsys.readouterr().err
    assert prepare(*asked, "--leave-out-bad") == 0
    assert "test: no recording of books/War of the Worlds:5" in capsys.readouterr().err
    assert prepare("silent_speech", corpus, "--out", tmp_path) == 2
    assert "has no splits" in capsys.readouterr().err


def test_a_sidecar_of_another_rate_and_a_text_without_ascii_are_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_bids_session(tmp_path / "bids", "10000000", NUMBER)
    next(path.parent.glob("*_emg.json")).write_text(json.dumps({"SamplingFrequency": 1000}))
    assert prepare("emg2qwerty", "manifests", tmp_path / "bids", "--out", tmp_path) == 2
    told = capsys.readouterr().err.splitlines()
    assert "is sampled at 2000 Hz" in told[0]
    assert "_emg.json says 1000; mend either" in told[0]
    assert len(told) == 2
    corpus = write_gaddy(tmp_path / "corpus")
    info = corpus / "nonparallel_data" / "5-10" / "1_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"text": "中"}))
    assert prepare("silent_speech", corpus, "--splits", corpus / "testset.json", "--out", tmp_path) == 2
    told = capsys.readouterr().err.splitlines()
    assert "its text holds '中', which has no ASCII form; write it in ASCII" in told[0]
    assert len(told) == 2


def test_a_full_disk_ends_prepare_with_a_line_and_a_second_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")
    corpus = write_typing_corpus(tmp_path / "corpus", users=2, sessions=4)
    asked = ("emg2qwerty", "manifests", corpus, "--out", tmp_path / "out", "--test-users", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2100, hard))  # a few lines of the survey
    try:
        assert prepare(*asked) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = capsys.readouterr().err
    assert "survey.jsonl: cannot be written" in told
    assert "run again: it goes on from here" in told
    assert told.count("\n") == 1
    known = len((tmp_path / "out" / "survey.jsonl").read_text().splitlines())
    assert 0 < known < 8
    assert prepare(*asked) == 0
    assert counts(tmp_path / "out" / "generic.jsonl").total() == 6


def test_handwriting_by_people_never_seen(tmp_path: Path) -> None:
    corpus = write_neuromotor(tmp_path / "corpus", users=4)
    assert prepare("handwriting", corpus, "--out", tmp_path, "--test-users", 1, "--validation-users", 1) == 0
    manifest = tmp_path / "manifest.jsonl"
    assert counts(manifest) == {"train": 2, "validation": 1, "test": 1}
    options = [*TINY_CONFORMER, "--data.batch_size", "2", "--encoder.kernel", "4"]
    rows = validate_train_evaluate(manifest, "handwriting/conformer.yaml", tmp_path / "run", *options)
    assert {"cer_greedy", "wer_greedy"} <= rows[0].keys()


GESTURES: dict[str, tuple[Callable[[Path], Path], list[object], list[str]]] = {
    "ninapro": (lambda folder: write_ninapro(folder, 4), ["--database", "db5"], []),
    "uci_gestures": (lambda folder: write_uci(folder, 4), [], []),
    "spans": (lambda folder: write_spans(folder, 4), [], ["--features.bands_hz", "[[5, 20], [20, 45]]"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("layout", GESTURES)
def test_gestures_by_people_never_seen(tmp_path: Path, layout: str) -> None:
    write, asked, options = GESTURES[layout]
    corpus, made = write(tmp_path / "corpus"), tmp_path / "all" / "manifest.jsonl"
    if layout == "spans":
        assert main(["manifest", str(corpus), "--corpus", "spans", "--ring", "--out", str(made)]) == 0
    else:
        assert prepare("gestures", corpus, "--layout", layout, "--out", tmp_path / "all", *asked) == 0
    everyone = read_manifest(made)
    people = sorted({entry.subject for entry in everyone.entries})
    apart = splits.by_subject(splits.by_subject(everyone.entries, people[:1]), people[1:2], "validation")
    write_manifest(Manifest(tuple(apart), everyone.root, ("subject",)), tmp_path / "manifest.jsonl")
    options = [*options, *TINY_CONFORMER, "--data.batch_size", "2", "--data.rest_longest_ms", "0", "--spread", "0"]
    options = ["--augment.spread" if word == "--spread" else word for word in options]
    rows = validate_train_evaluate(tmp_path / "manifest.jsonl", "gestures/conformer.yaml", tmp_path / "run", *options)
    assert [row["subject"] for row in rows] == ["all", people[0]]


def test_the_wrong_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ninapro(tmp_path / "corpus", 1, channels=10)
    assert prepare("gestures", tmp_path / "corpus", "--layout", "ninapro", "--out", tmp_path) == 2
    assert "has 10 channels, as DB1 has" in capsys.readouterr().err
    assert (
        prepare("gestures", tmp_path / "corpus", "--layout", "uci_gestures", "--database", "db2", "--out", tmp_path)
        == 2
    )
    assert "--database: does not apply" in capsys.readouterr().err
