"""The packaged model's weights as 16-bit floats: half the bytes, read as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.cli import exit_code
from emgasr.models.folder import load_recognizer, save_recognizer
from tests.helpers.miniatures import make_recording
from tests.helpers.scripts import script
from tests.helpers.tiny_models import tiny_recognizer

half = script("recipes/demo_model/half.py")


def run(*arguments: object) -> int:
    return exit_code(half.run, [str(argument) for argument in arguments])


def test_weights_take_half_the_bytes_and_read_alike(tmp_path: Path) -> None:
    recognizer = tiny_recognizer().eval()
    save_recognizer(recognizer, tmp_path / "model", "# a card\n")
    assert run(tmp_path / "model", tmp_path / "half") == 0
    before, after = load_recognizer(tmp_path / "model"), load_recognizer(tmp_path / "half")
    whole, smaller = ((tmp_path / name / half.WEIGHTS).stat().st_size for name in ("model", "half"))
    assert 0 <= whole - smaller - 2 * before.parameter_count < 100  # of the header, whose numbers are shorter
    assert (tmp_path / "half" / "README.md").read_text() == "# a card\n"
    assert all(value.dtype == torch.float32 for value in after.parameters())
    recording = make_recording(4.0)
    assert np.abs(before.emissions(recording) - after.emissions(recording)).max() < 0.02


def test_weights_that_16_bits_cannot_hold_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recognizer = tiny_recognizer()
    with torch.no_grad():
        recognizer.head.bias[0] = 70_000.0
    save_recognizer(recognizer, tmp_path / "model")
    assert run(tmp_path / "model", tmp_path / "half") == 2
    assert "head.bias holds weights beyond 65,504" in capsys.readouterr().err
    assert not (tmp_path / "half").exists()
