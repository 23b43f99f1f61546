"""The benchmark of searches: its figures of a small index."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import search


def test_it_times_queries_and_tells_memory(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = "search --hours 0.5 --queries 2 --width 8 --rounds 3 --json"
    monkeypatch.setattr(sys, "argv", words.split())
    search.main()
    found = json.loads(capsys.readouterr().out)
    assert (found["hours"], found["recordings"], found["embeddings"]) == (0.5, 3, 7200)
    assert 0 < found["query_ms_median"] <= found["query_ms_worst"]
    assert found["own_mb"] > 10
