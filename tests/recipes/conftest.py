"""Words that start `emgasr` and `python` for recipes, in one process for all that a recipe starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.forked import forked_programs


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with forked_programs(tmp_path_factory.mktemp("programs")) as words:
        yield words
