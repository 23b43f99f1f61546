"""Folders of models by name: one name means one model everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.cli.options.standard import PACKAGED_NAMES
from emgasr.models.folder import PACKAGED, named_folder, packaged_model
from emgasr.pipeline import model_folder


def test_a_name_means_the_packaged_model_and_a_folder_of_that_name_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tuple(PACKAGED) == PACKAGED_NAMES
    for name in PACKAGED:
        (tmp_path / name).mkdir()
        assert named_folder(name) == model_folder(name)[0] == packaged_model(name)
        assert not caplog.records
        (tmp_path / name / "config.yaml").touch()
        assert named_folder(name) == packaged_model(name)
        assert caplog.messages == [f"{name} is the model that ships with emgasr; ./{name} is the folder"]
        assert named_folder(f"./{name}") == named_folder(Path(name)) == Path(name)
        caplog.clear()
