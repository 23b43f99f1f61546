"""Options by their old names: they mean what the new ones mean, and one line says so, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from emgasr.cli.options.config import from_command_line
from emgasr.config.parsing import from_mapping, to_mapping
from emgasr.config.renamed import renamed_keys
from emgasr.data.batches import ComposedConfig
from emgasr.errors import ConfigError
from emgasr.protocol.config import ProtocolConfig
from emgasr.training.config import KINDS, RENAMED, PersonalizeConfig, TrainingConfig
from emgasr.training.loop import FitConfig

OLD = """
steps: 30
learning_rate: 0.5
frame_from: 0.25
seed: 7
source: {kind: composed, batch_size: 5}
"""
NEW = TrainingConfig(
    seed=7, fit=FitConfig(steps=30, learning_rate=0.5), data=ComposedConfig(batch_size=5)
)  # and frame_from


def test_a_file_of_the_release_before_is_read_and_one_line_lists_its_old_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    for config in (
        from_command_line(TrainingConfig, KINDS, ["--config", str(path)], "test"),
        from_mapping(TrainingConfig, KINDS, yaml.safe_load(OLD), path),
    ):
        assert (config.seed, config.fit, config.data) == (NEW.seed, NEW.fit, NEW.data)
        assert config.objective.frame_from == 0.25
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"emgasr: {path}: steps is now fit.steps, learning_rate is now fit.learning_rate,")
    assert "source is now data" in told


def test_old_options_of_a_command_line_are_read_in_either_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    old = ["--steps", "3", "--learning-rate=0.5", "--source.kind", "composed", "--source.batch_size=9", "--seed", "2"]
    config = from_command_line(TrainingConfig, KINDS, old, "emgasr train")
    assert (config.seed, config.fit) == (2, FitConfig(steps=3, learning_rate=0.5))
    assert config.data == ComposedConfig(batch_size=9)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "train: --steps is now --fit.steps, --learning-rate is now --fit.learning-rate, --source is now" in told
    config = from_command_line(PersonalizeConfig, {}, ["--minutes", "2", "--source.batch_s", "8"], "test")
    assert (config.fit.minutes, config.data.batch_s) == (2.0, 8.0)


def test_new_names_are_left_alone_and_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    content = to_mapping(NEW)
    assert renamed_keys(TrainingConfig, content, "here") == content
    assert capsys.readouterr().err == ""


def test_an_option_by_both_its_names_is_refused() -> None:
    for both in ({"steps": 3, "fit": {"steps": 4}}, {"fit": {"steps": 4}, "steps": 3}, {"source": {}, "data": {}}):
        with pytest.raises(ConfigError, match=r"file\.yaml: \w+ is the old name of [\w.]+, which is there too"):
            from_mapping(TrainingConfig, KINDS, both, "file.yaml")


def test_a_section_that_is_none_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match="fit is 5, not a mapping"):
        from_mapping(TrainingConfig, KINDS, {"steps": 3, "fit": 5}, "file.yaml")


def test_every_new_name_is_there() -> None:
    content = to_mapping(NEW)
    for new in RENAMED.values():
        section, _, name = new.partition(".")
        assert not name or name in content[section]
        assert section in content


@dataclass(frozen=True)
class Rules:
    """One field that was called otherwise."""

    RENAMED: ClassVar[Mapping[str, str]] = {"settle_within_s": "finalize_within_s"}

    finalize_within_s: float = field(default=1.0)


def test_any_configuration_can_rename_a_field() -> None:
    assert from_mapping(Rules, {}, {"settle_within_s": 2.0}, "live.yaml") == Rules(2.0)


def test_old_names_within_sections_are_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    old = ["--calibration.rungs=[affine]", "--calibration.budget-s", "3"]
    content = {"calibration": {"rungs": ["affine"], "budget_s": 3}}
    config = from_mapping(ProtocolConfig, {}, content, "old.yaml")
    assert config == from_command_line(ProtocolConfig, {}, old, "test")
    assert config.adaptation.methods == ("affine",)
    assert "old.yaml: rungs is now methods" in capsys.readouterr().err
