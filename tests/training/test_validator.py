"""The validator of CTC: errors of whole recordings read greedily, a collapse noticed, no labels refused at once."""

from __future__ import annotations

import pytest
import torch

from emgasr.errors import DataError
from emgasr.recording import Events
from emgasr.training.validator import GreedyCER, greedy_errors
from tests.helpers.tiny_models import easy_recording, tiny_recognizer


def test_recordings_without_labels_are_refused_before_anything_is_fitted() -> None:
    silent = [("silent", easy_recording(events=Events.of([(1.0, 1.1, "Key.ctrl")])))]
    recognizer = tiny_recognizer()
    with pytest.raises(DataError, match="hold no labels"):
        GreedyCER(silent, recognizer.tokens)
    with pytest.raises(DataError, match="hold no labels"):
        greedy_errors(recognizer, silent)


def test_a_model_that_writes_nothing_has_lost_every_key_and_is_warned_of() -> None:
    recognizer = tiny_recognizer()
    torch.nn.init.zeros_(recognizer.head.weight)
    recognizer.head.bias.data = torch.tensor([20.0, 0, 0, 0])
    judged = GreedyCER([("one", easy_recording(9, 10.0))], recognizer.tokens)(recognizer)
    assert judged.figures == {"cer": 1.0}
    assert "nothing but blanks" in judged.warning
