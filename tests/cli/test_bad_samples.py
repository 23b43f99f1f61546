"""Verbs on recordings with values that no amplifier gives: they go on, and say what was passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.sessions.native import save_session
from tests.helpers.tiny_models import easy_recording, save_keys_model

Told = Callable[[], tuple[str, str]]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20])
def test_the_verb_reads_on_and_says_what_it_passed_over(value: float, tmp_path: Path, told: Told) -> None:
    save_keys_model(tmp_path / "model")
    recording = easy_recording(3, 8.0)
    samples = recording.read()
    samples[100, 0] = value
    save_session(replace(recording, samples=samples), tmp_path / "r.hdf5")
    assert main(["transcribe", str(tmp_path / "model"), str(tmp_path / "r.hdf5"), "--json"]) == 0
    out, errors = told()
    assert json.loads(out)["notes"][0].startswith("1 value that no amplifier gives (left1;")
    assert "1 value that no amplifier gives" in errors
    assert main(["condition", str(tmp_path / "r.hdf5"), "--out", str(tmp_path / "c.hdf5"), "--highpass-hz", "20"]) == 0
    assert "1 value that no amplifier gives" in told()[1]
    assert main(["transcribe", str(tmp_path / "model"), str(tmp_path / "c.hdf5"), "--json"]) == 0
    assert "notes" not in json.loads(told()[0])
