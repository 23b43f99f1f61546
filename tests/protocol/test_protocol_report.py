"""What a protocol says of itself: read for its report, or told in one line what it lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emgasr.errors import OutputError
from emgasr.protocol.report import read_run, render

RUN: dict[str, Any] = {
    **{"command": "emgasr protocol run", "emgasr": "1.0", "splits_sha256": "0" * 64, "recordings_sha256": "1" * 64},
    **{"rule": {"rule": "groups", "groups": 5, "seed": 3}, "seeds": [0, 1]},
}


def test_a_report_tells_how_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    text = render(read_run(tmp_path), [], [], [], [], "Title", "", False, None)
    assert "| splits | checksum `" + "0" * 64 + "`, seed 3 |" in text
    assert "| seeds of training | 0, 1 |" in text


@pytest.mark.parametrize("name", [*RUN, "rule.rule", "rule.seed"])
@pytest.mark.parametrize("value", [None, 1.5, [["a"]], {"b": 1}])
def test_a_run_that_lacks_or_garbles_what_a_report_tells_is_one_line(name: str, value: Any, tmp_path: Path) -> None:
    run = json.loads(json.dumps(RUN))
    inside = run["rule"] if "." in name else run
    inside[name.rpartition(".")[2]] = value
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(OutputError, match=rf"run\.json: lacks or garbles {name}"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path: path.write_text("[" * 200_000), "nests more than"),
        (lambda path: path.write_text('"run"'), "is no mapping"),
        (lambda path: path.write_text(json.dumps(RUN)[:-9]), "is not JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe{}"), "is not UTF-8"),
        (lambda path: None, "is not the folder of a protocol"),
    ],
)
def test_what_is_no_run_is_refused(write: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    write(tmp_path / "run.json")
    with pytest.raises(OutputError, match=told):
        read_run(tmp_path)
