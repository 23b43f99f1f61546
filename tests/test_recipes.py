"""The recipes' files hold: each configuration is one that training takes, each script one that a shell takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
YAMLS = sorted(path for folder in ("recipes", "egs") for path in (ROOT / folder).rglob("*.yaml"))
SEARCHES = [path for path in YAMLS if path.name.startswith("search")]
PRETRAINING = [path for path in YAMLS if path.name.startswith("pretrain")]
CROSSMODAL = [path for path in YAMLS if path.parent.name == "crossmodal"]
DESCRIBED = [path for path in CROSSMODAL if path.name.startswith("descriptions")]
ALIGNING = [path for path in CROSSMODAL if path not in DESCRIBED]
ASKED_FOR = {"pose.yaml": ["--teacher.kind", "pose", "--teacher.folder", "pose_teacher"]}  # by the script: it made them
LANGUAGE = [path for path in YAMLS if path.parent.name == "second_pass"]
CONFIGS = [path for path in YAMLS if path not in (*SEARCHES, *PRETRAINING, *CROSSMODAL, *LANGUAGE)]
SCRIPTS = sorted(path for folder in ("recipes", "egs") for path in (ROOT / folder).rglob("*.sh"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_configuration_is_one_that_training_takes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from emgasr.cli.options.config import from_command_line
    from emgasr.training.config import KINDS, TrainingConfig

    budget = ["--fit.steps", "0", "--fit.minutes", "1"]
    config = from_command_line(TrainingConfig, KINDS, ["--config", str(path), *budget], "test")
    assert config.fit.minutes == 1
    assert "is now" not in capsys.readouterr().err  # no old name


@pytest.mark.parametrize("path", PRETRAINING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_configuration_of_pretraining_is_one_that_it_takes(path: Path) -> None:
    from emgasr.cli.options.config import from_command_line
    from emgasr.pretraining.config import PretrainConfig

    budget = ["--fit.steps", "0", "--fit.minutes", "1"]
    assert from_command_line(PretrainConfig, {}, ["--config", str(path), *budget], "test").fit.minutes == 1


@pytest.mark.parametrize("path", ALIGNING, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_configuration_of_alignment_is_one_that_it_takes(path: Path) -> None:
    from emgasr.cli.options.config import from_command_line
    from emgasr.crossmodal.config import AlignConfig

    options = ["--fit.steps", "0", "--fit.minutes", "1", *ASKED_FOR.get(path.name, [])]
    assert from_command_line(AlignConfig, {}, ["--config", str(path), *options], "test").fit.minutes == 1


@pytest.mark.parametrize("path", DESCRIBED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_descriptions_holds_some(path: Path) -> None:
    from emgasr.crossmodal.descriptions import read_descriptions

    assert len(read_descriptions(path).concepts) > 1


@pytest.mark.parametrize("path", LANGUAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_configuration_of_a_language_model_is_one_that_its_training_takes(path: Path) -> None:
    from emgasr.cli.options.config import from_command_line
    from emgasr.training.language.config import LanguageTrainingConfig

    argv = ["--config", str(path), "--fit.minutes", "1"]
    assert from_command_line(LanguageTrainingConfig, {}, argv, "train-neural").network.width > 1


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_search_is_one_that_the_verbs_take(path: Path) -> None:
    from emgasr.decoding.search_file import read_search_config

    assert read_search_config(path).beam >= 1


@pytest.mark.process
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_script_runs_and_asks_for_what_it_lacks(path: Path) -> None:
    assert os.access(path, os.X_OK)
    done = subprocess.run([str(path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "usage: " in done.stderr
