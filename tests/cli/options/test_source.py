"""Help tells of every source and every option that a source takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import emgasr.sources
from emgasr.cli import main
from emgasr.cli.options.source import SOURCES


@pytest.mark.parametrize("verb", ["record", "doctor", "calibrate"])
def test_help_lists_the_sources(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    told = capsys.readouterr().out
    assert SOURCES in told
    assert max(map(len, told.splitlines())) <= 120


def test_every_option_that_a_source_takes_is_in_the_help() -> None:
    folder = Path(emgasr.sources.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    taken = set(re.findall(r'(?:spec|self|wanted)\.(?:text|number|integer)\(\s*"(\w+)"', code))
    assert {"board", "speed", "bridge_ms", "rate", "highpass_hz"} <= taken
    assert not {option for option in taken if f"{option}=" not in SOURCES}
