"""What tests of verbs share."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[str, str]]:
    """A function that returns what was written to stdout and stderr since it was called last."""

    def read() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return read
