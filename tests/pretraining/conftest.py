"""Two small corpora of different layouts, for tests of pretraining runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.armbands import write_corpora


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A manifest of eight electrodes at 200 Hz and one of ten at 500 Hz: four people to train on, two who judge."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))
