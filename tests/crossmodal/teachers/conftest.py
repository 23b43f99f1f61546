"""The tiny sentence-transformers folder of these tests, written once, and a copy for tests that damage it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.sentence_folders import write_sentence_folder


@pytest.fixture(scope="session")
def sentence_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sentence_folder(tmp_path_factory.mktemp("teacher") / "tiny-embedder")


@pytest.fixture
def damaged(sentence_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sentence_folder, tmp_path / "tiny-embedder"))
