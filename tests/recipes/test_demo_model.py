"""The packaged model's weights as 16-bit floats, half the bytes, and the sentences of its language model's texts."""

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
sentences = script("recipes/demo_model/sentences.py")


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


def test_texts_become_typed_sentences_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book").write_text(
        "THE BOOK\n\n\u201cWho\u2019s there?\u201d said she--softly; 'nobody\n"
        "you know', he said. It was 5 o'clock!\n\nNo.\n"
    )
    assert exit_code(sentences.run, [str(tmp_path / "book")]) == 0
    written = capsys.readouterr()
    assert written.out.splitlines() == ["the book", "who's there", "said she softly", "nobody you know, he said"]
    assert written.err == "book: 4 sentences, 2 left out\n"
