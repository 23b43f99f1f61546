"""`emgasr tune` as a user meets it: weights beside the model and a picture of them, or a line on what is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.decoding.search_file import read_search_config
from emgasr.lm import estimate, write_arpa
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.recording import Events
from tests.helpers.miniatures import native_entry, write_native

Told = Callable[[], tuple[str, str]]
QUICK = ["--trials", "3", "--threads", "1", "--beam", "4"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model, a recording of each split, their manifest and a language model."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("made")
    save_keys_model(folder / "model")
    entries = []
    for seed, split in enumerate(["train", "test", "validation", "unlabelled"]):
        labels = {"events": Events.of([])} if split == "unlabelled" else {}
        path = write_native(folder, f"{split}.hdf5", seed=seed, **labels)
        entries.append(native_entry(path, session=f"day{seed}", split=split))
    write_manifest(Manifest(tuple(entries), folder), folder / "manifest.jsonl")
    write_arpa(estimate([list("abab")] * 3, order=2), folder / "lm.arpa")
    return folder


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """The same for one test to write into."""
    shutil.copytree(made, tmp_path / "world")
    return tmp_path / "world"


def tune(world: Path, *options: str) -> int:
    arguments = [f"{world}/model", f"{world}/manifest.jsonl", "--lm", f"{world}/lm.arpa", *QUICK, *options]
    return main(["tune", *arguments])


def test_weights_and_a_picture_lie_beside_the_model_and_are_used(world: Path, told: Told) -> None:
    assert tune(world) == 0
    table, errors = told()
    assert errors == ""
    for words in ("default", "best", "LM weight", "backspace penalty", "CER on validation", "fewer errors"):
        assert words in table
    assert f"weights: {world}/model/search.yaml\n" in table
    assert read_search_config(world / "model" / "search.yaml").beam == 4
    comment = (world / "model" / "search.yaml").read_text().splitlines()[0]
    assert comment.startswith("# found by emgasr tune on ")
    assert "split validation with lm.arpa" in comment
    if importlib.util.find_spec("matplotlib"):
        assert (world / "model" / "search.png").read_bytes().startswith(b"\x89PNG")
    assert main(["transcribe", f"{world}/model", f"{world}/test.hdf5", "--lm", f"{world}/lm.arpa"]) == 0
    assert f"weights of {world}/model/search.yaml" in told()[1]


def test_the_language_model_is_copied_into_the_folder_if_asked_and_every_verb_reads_with_it(
    world: Path, told: Told
) -> None:
    assert tune(world) == 0
    assert not (world / "model" / "lm.arpa.gz").exists()
    assert tune(world, "--copy-lm", "--overwrite") == 0
    told()
    (world / "lm.arpa").rename(world / "gone.arpa")
    line = f"; weights of {world}/model/search.yaml; lm.arpa.gz of {world}/model\n"
    assert main(["transcribe", f"{world}/model", f"{world}/test.hdf5"]) == 0
    text, errors = told()
    assert errors.endswith(line)
    assert "another language model" not in errors
    assert main(["transcribe", f"{world}/model", f"{world}/test.hdf5", "--lm", f"{world}/gone.arpa"]) == 0
    assert told()[0] == text
    assert main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl"]) == 0
    assert told()[0].endswith(line)
    assert main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--lm", "none"]) == 0
    assert "search: " not in told()[0]
    assert main(["info", f"{world}/model"]) == 0
    assert "language model" in told()[0]


def test_json_tells_all_and_the_seed_fixes_it(world: Path, tmp_path: Path, told: Told) -> None:
    found = []
    for name in ("one", "two"):
        assert tune(world, "--json", "--seed", "4", "--out", str(tmp_path / name / "weights.yaml")) == 0
        found.append(json.loads(told()[0]))
    assert found[0]["search"] == found[1]["search"]
    assert found[0]["errors"] <= found[0]["errors_default"]
    assert found[0]["cer"] == found[0]["errors"] / found[0]["symbols"]
    assert found[0]["out"] == str(tmp_path / "one" / "weights.yaml")
    assert {"cer_default", "trials", "minutes", "reading_s", "searching_s", "picture"} <= found[0].keys()
    assert not (world / "model" / "search.yaml").exists()


def test_what_is_there_is_replaced_only_if_asked(world: Path, told: Told) -> None:
    kept = world / "model" / "search.yaml"
    kept.write_text("lm_weight: 0.125\n")
    assert tune(world) == 2
    out, errors = told()
    assert (out, errors.count("\n")) == ("", 1)
    assert "search.yaml: already exists" in errors
    assert kept.read_text() == "lm_weight: 0.125\n"
    assert tune(world, "--overwrite") == 0
    assert kept.read_text().startswith("# found by")


def test_without_matplotlib_the_weights_come_without_a_picture(
    world: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    assert tune(world) == 0
    out, errors = told()
    assert "no picture: it needs matplotlib" in errors
    assert errors.count("\n") == 1
    assert "picture" not in out
    assert sorted(path.name for path in (world / "model").glob("search.*")) == ["search.yaml"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--split", "test"], "tuning on the split 'test' would flatter it"),
        (["--split", "night"], "holds no split 'night'"),
        (["--split", "unlabelled"], "has no labels"),
        (["--trials", "0"], "--trials: is 0"),
        (["--data-minutes", "nan"], "--data-minutes: is nan"),
        (["--threads", "-1"], "--threads: is -1"),
        (["--beam", "0"], "beam is 0"),
        (["--lm", "nowhere.arpa"], "nowhere.arpa"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(made: Path, told: Told, options: list[str], words: str) -> None:
    assert tune(made, *options) == 2
    out, errors = told()
    assert (out, errors.count("\n")) == ("", 1)
    assert words in errors
    assert not list((made / "model").glob("search.*"))


def test_what_the_model_was_trained_on_is_refused(world: Path, told: Told) -> None:
    training = {"manifest": f"{world}/manifest.jsonl", "train_split": "train"}
    (world / "training.yaml").write_text(json.dumps(training))
    assert tune(world, "--split", "train") == 2
    assert "train.hdf5, which is trained on" in told()[1]
    assert tune(world) == 0


def test_a_language_model_is_asked_for(made: Path, told: Told) -> None:
    assert main(["tune", f"{made}/model", f"{made}/manifest.jsonl"]) == 2
    assert "--lm" in told()[1]


def test_ctrl_c_leaves_nothing_written(made: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.evaluation.search_tuning.count_edits", stop)
    assert tune(made) == 130
    assert told()[1].splitlines()[-1] == "emgasr: interrupted"
    assert not list((made / "model").glob("search.*"))


def test_a_search_that_is_not_compiled_yet_is_announced_once(
    world: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emgasr.cli.options.search import tell_if_cold
    from emgasr.decoding import kernel
    from emgasr.decoding.kernel.compiling import forget_outdated

    class Fresh:
        """As `kernel.advance` is in a new process."""

        signatures: tuple[object, ...] = ()
        py_func = kernel.advance.py_func

        class stats:
            cache_path = str(world)

    monkeypatch.setattr(kernel, "advance", Fresh)
    tell_if_cold()
    assert told()[1] == "emgasr: compiling the search, once; this takes some seconds\n"
    index = world / "frames.advance-94.py311.nbi"
    index.touch()
    forget_outdated(Fresh)
    tell_if_cold()
    assert told()[1] == ""
    os.utime(index, (0, 0))  # older than a source
    forget_outdated(Fresh)
    tell_if_cold()
    assert "compiling" in told()[1]
    Fresh.signatures = ("compiled in this process",)
    tell_if_cold()
    assert told()[1] == ""
