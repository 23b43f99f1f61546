"""The verbs that read with a model - evaluate, transcribe, info - run as a user runs them, on miniature recordings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.lm import estimate, write_arpa
from emgasr.manifests.manifest import Manifest, write_manifest
from tests.helpers.miniatures import native_entry, write_native

Told = Callable[[], tuple[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model, two recordings of each split, their manifest and a language model."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("world")
    save_keys_model(folder / "model", "# A card\n\nmade for a test")
    entries = []
    for seed, split in enumerate(["test", "test", "validation", "validation"]):
        path = write_native(folder, f"{split}{seed}.hdf5", seed=seed, subject=f"p{seed}")
        entries.append(native_entry(path, subject=f"p{seed}", session=f"day{seed}", split=split))
    write_manifest(Manifest(tuple(entries), folder, ("subject",)), folder / "manifest.jsonl")
    write_arpa(estimate([list("abab")] * 3, order=2), folder / "lm.arpa")
    return folder


def test_evaluate_prints_a_table_and_writes_what_explains_it(world: Path, tmp_path: Path, told: Told) -> None:
    out = tmp_path / "out"
    code = main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--out", str(out), "--system", "linear"])
    table, errors = told()
    assert (code, errors) == (0, "")
    assert [line.split()[:3] for line in table.splitlines()[1:4]] == [
        ["linear", "test", who] for who in ("all", "p0", "p1")
    ]
    assert sorted(path.name for path in out.iterdir()) == ["hypotheses.jsonl", "report.html", "results.json"]
    row = json.loads((out / "results.json").read_text())["rows"][0]
    assert {"system", "split", "subject", "cer_greedy", "interval", "parameters", "seed"} <= row.keys()
    assert row["keys"] == 4  # a and backspace of two people; the unknown key is dropped as the corpus does


def test_evaluate_tunes_on_validation_and_says_so(world: Path, told: Told) -> None:
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--lm", f"{world}/lm.arpa", "--beam", "4"]
    assert main([*arguments, "--tune-trials", "2", "--threads", "1"]) == 0
    assert "tuned on validation (2 trials)" in told()[0]
    assert main([*arguments, "--lm-weight", "0.5", "--json"]) == 0
    assert "cer_lm" in json.loads(told()[0])["rows"][0]


def test_a_tuned_search_is_kept_and_used_again(world: Path, tmp_path: Path, told: Told) -> None:
    lm, kept = ["--lm", f"{world}/lm.arpa"], tmp_path / "search.yaml"
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl", *lm]
    assert main([*arguments, "--beam", "4", "--tune-trials", "2", "--threads", "1", "--save-search", str(kept)]) == 0
    tuned = told()[0]
    assert main([*arguments, "--search", str(kept)]) == 0
    again = told()[0]
    assert again == tuned.replace("tuned on validation (2 trials)", "weights as given")
    assert main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", *lm, "--search", str(kept)]) == 0
    told()
    before = kept.read_bytes()
    assert main([*arguments, "--save-search", str(kept)]) == 2
    assert "already exists" in told()[1]
    assert kept.read_bytes() == before


def test_an_evaluation_that_was_stopped_before_its_end_kept_no_search_and_runs_again(
    world: Path, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--lm", f"{world}/lm.arpa", "--beam", "4"]
    arguments += ["--out", f"{tmp_path}/out", "--save-search", f"{tmp_path}/search.yaml"]
    with monkeypatch.context() as stopping:
        stopping.setattr("emgasr.evaluation.report.write_report", stopped)
        assert main(arguments) == 130
    assert main(arguments) == 0, told()
    assert (tmp_path / "search.yaml").is_file()


def stopped(*arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--search", "{}/manifest.jsonl"], "--search: needs a language model"),
        (["--save-search", "{}/search.yaml"], "no search without a language model"),
        (["--lm", "{}/lm.arpa", "--search", "{}/none.yaml"], "none.yaml"),
        (
            ["--lm", "{}/lm.arpa", "--search", "{}/none.yaml", "--validation-split", "validation"],
            "tune, or give the weights",
        ),
        (["--lm", "{}/lm.arpa", "--validation-split", "test"], "tuning on the split 'test' would flatter it"),
        (["--split", "night"], "holds no split 'night'"),
        (["--lm-weight", "1"], "--lm-weight: needs a language model"),
        (["--validation-split", "validation"], "nothing to tune without a language model"),
        (["--lm", "{}/lm.arpa", "--validation-split", "validation", "--lm-weight", "1"], "tune, or give the weights"),
        (["--lm", "{}/lm.arpa", "--tune-trials", "0"], "--tune-trials: is 0"),
        (["--lm", "{}/lm.arpa", "--threads", "0"], "--threads: is 0"),
        (["--lm", "{}/manifest.jsonl"], "manifest.jsonl"),
        (["--lm", "{}/none.arpa"], "none.arpa"),
        (["--out", "{}"], "already holds something"),
        (["--nonsense"], "--nonsense"),
        (["--seed", "x"], "invalid int value: 'x'"),
    ],
)
def test_evaluate_refuses_in_one_line(world: Path, told: Told, options: list[str], words: str) -> None:
    code = main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl", *(o.format(world) for o in options)])
    out, errors = told()
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert words in errors


def test_transcribe_prints_text_or_json_lines(world: Path, told: Told) -> None:
    recordings = [f"{world}/test0.hdf5", f"{world}/test1.hdf5"]
    assert main(["transcribe", f"{world}/model", *recordings]) == 0
    assert told()[0].count("== ") == 2
    assert main(["transcribe", f"{world}/model", *recordings, "--json", "--lm", f"{world}/lm.arpa", "--beam", "4"]) == 0
    lines = [json.loads(line) for line in told()[0].splitlines()]
    assert [line["recording"] for line in lines] == recordings
    assert lines[0]["duration_s"] == 3.0
    assert all(0 <= key["time_s"] <= 3 and 0 < key["confidence"] <= 1 for key in lines[0]["keys"])


def test_the_models_own_search_is_used_and_told(world: Path, tmp_path: Path, told: Told) -> None:
    model, lm = tmp_path / "model", ["--lm", f"{world}/lm.arpa"]
    shutil.copytree(world / "model", model)
    reading = ["transcribe", str(model), f"{world}/test0.hdf5"]
    assert main([*reading, *lm]) == 0
    assert "; default weights\n" in told()[1]
    (model / "search.yaml").write_text("lm_weight: 0.125\nbeam: 7\n")
    assert main([*reading, *lm]) == 0
    line = told()[1]
    assert line.startswith("search: beam 7, LM weight 0.125, length bonus 0,")
    assert line.endswith(f"; weights of {model}/search.yaml\n")
    assert main([*reading, *lm, "--length-bonus", "1.5"]) == 0
    assert f"LM weight 0.125, length bonus 1.5, acoustic scale 1, backspace penalty 0; weights of {model}" in told()[1]
    assert main(reading) == 0
    assert told()[1] == ""  # read greedily
    evaluating = ["evaluate", str(model), f"{world}/manifest.jsonl", *lm]
    assert main(evaluating) == 0
    assert told()[0].endswith(f"\nsearch: {line.removeprefix('search: ')}")
    assert main([*evaluating, "--validation-split", "validation", "--tune-trials", "2"]) == 0
    assert "tuned on validation (2 trials)" in told()[0]
    (model / "search.yaml").write_text("nonsense: 1\n")
    assert main([*reading, *lm]) == 2
    assert "nonsense" in told()[1]


def test_a_bad_recording_does_not_stop_the_others(world: Path, tmp_path: Path, told: Told) -> None:
    (tmp_path / "empty.hdf5").write_bytes(b"")
    code = main(["transcribe", f"{world}/model", str(tmp_path / "empty.hdf5"), f"{world}/test0.hdf5"])
    out, errors = told()
    assert code == 2
    assert errors.count("\n") == 1
    assert "empty.hdf5" in errors
    assert f"== {world}/test0.hdf5" in out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate_hz": 250.0}, "is at 250 Hz, the model at 200 Hz"),
        ({"unit": "counts"}, "is in counts, the model in uV"),
    ],
)
def test_a_recording_that_the_model_was_not_made_for_is_refused(
    world: Path, tmp_path: Path, told: Told, changes: dict, words: str
) -> None:
    path = write_native(tmp_path, **changes)
    assert main(["transcribe", f"{world}/model", str(path)]) == 2
    out, errors = told()
    assert (out, errors.count("\n")) == ("", 1)
    assert words in errors


def test_a_corrupt_model_is_refused(world: Path, tmp_path: Path, told: Told) -> None:
    shutil.copytree(world / "model", tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    for verb in (["transcribe"], ["info"]):
        assert main([*verb, str(tmp_path / "model"), *([f"{world}/test0.hdf5"] if verb == ["transcribe"] else [])]) == 2
        errors = told()[1]
        assert "model.safetensors" in errors
        assert errors.count("\n") == 1


def test_info_tells_what_each_thing_holds(world: Path, told: Told) -> None:
    assert main(["info", f"{world}/model"]) == 0
    text = told()[0]
    for needle in ("rate hz", "200", "keystrokes", "linear", "left 4, right 4", "made for a test"):
        assert needle in text
    found = {}
    for name in ("model", "manifest.jsonl", "test0.hdf5"):
        assert main(["info", f"{world}/{name}", "--json"]) == 0
        found[name] = json.loads(told()[0])
    assert found["model"]["parameters"] > 0
    assert found["manifest.jsonl"]["split_test"] == {"recordings": 2, "people": 2, "minutes": 0.1}
    assert found["test0.hdf5"]["channels"] == 8
    assert found["test0.hdf5"]["spans"] == {"prompt": 1}


@pytest.mark.parametrize("name", ["nowhere", "lm.arpa"])
def test_info_refuses_what_it_does_not_know(world: Path, told: Told, name: str) -> None:
    assert main(["info", f"{world}/{name}"]) == 2
    out, errors = told()
    assert (out, errors.count("\n")) == ("", 1)
    assert name in errors


def test_info_tells_what_is_wrong_with_the_search_that_lies_beside_a_model(
    world: Path, tmp_path: Path, told: Told
) -> None:
    shutil.copytree(world / "model", tmp_path / "model")
    for content in ("beam: &b 3\ntop_k: *b\n", "class_path: evil.E\n", "beam: null\n", ""):
        (tmp_path / "model" / "search.yaml").write_text(content)
        assert main(["info", str(tmp_path / "model")]) == 2
        assert "search.yaml" in told()[1]


def test_the_figures_say_how_many_unlabelled_seconds_they_took(world: Path, tmp_path: Path, told: Told) -> None:
    evaluating = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl"]
    assert main([*evaluating, "--unlabelled-seconds", "1.5", "--out", str(tmp_path / "out")]) == 0
    assert "unlabelled seconds of the person: " in told()[0]
    row = json.loads((tmp_path / "out" / "results.json").read_text())["rows"][0]
    lines = [json.loads(line) for line in (tmp_path / "out" / "hypotheses.jsonl").read_text().splitlines()]
    seconds = [line["unlabelled_seconds"] for line in lines]
    assert row["unlabelled_seconds_most"] == max(seconds)
    assert "Unlabelled seconds of the person" in (tmp_path / "out" / "report.html").read_text()
    for options, words in (
        (["--unlabelled-seconds", "some"], "--unlabelled-seconds: is 'some'"),
        (["--unlabelled-seconds", "-1"], "--unlabelled-seconds: -1 is out of range"),
        (["--unlabelled-seconds", "nan"], "--unlabelled-seconds: "),
        (["--align-turn", "1"], "--align-turn: needs seconds"),
    ):
        take = f"{world}/test0.hdf5"
        transcribing, streaming = (["transcribe", f"{world}/model", take], ["stream", f"{world}/model", "--source"])
        for verb in (evaluating, transcribing, [*streaming, f"file:{take},speed=fast"]):
            assert main([*verb, *options]) == 2
            assert words in told()[1]
