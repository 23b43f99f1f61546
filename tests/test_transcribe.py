"""A transcript keeps text, keys, times and confidences together."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from emgasr import transcribe
from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import DataError
from emgasr.lm import estimate
from tests.helpers.known_emissions import KEYS, emissions_of
from tests.helpers.miniatures import make_recording


class FakeRecognizer:
    """Reads "hez⌫y", a key every 0.2 s, whatever it is given."""

    tokens = KEYS

    def listen(self, recording: object) -> SimpleNamespace:
        return SimpleNamespace(emissions=emissions_of([*"hez", "⌫", "y"]), mended="")

    def probable(self, emissions: np.ndarray) -> np.ndarray:
        return emissions

    def frame_times_s(self, frames: int) -> np.ndarray:
        return np.arange(frames) / 10


def test_a_transcript_has_text_keys_times_and_confidences() -> None:
    transcript = transcribe(FakeRecognizer(), make_recording())  # type: ignore[arg-type]
    assert transcript.text == "hey"
    assert transcript.symbols == ("h", "e", "z", "⌫", "y")
    assert transcript.times_s.tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert transcript.confidences == pytest.approx((0.9,) * 5, abs=1e-3)
    told = transcript.as_dict()
    assert told["keys"][3] == {"key": "⌫", "time_s": 0.7, "confidence": 0.9}
    assert (told["text"], told["duration_s"]) == ("hey", 3.0)


def test_a_search_reads_what_the_language_model_expects() -> None:
    search = BeamSearch(
        KEYS, estimate([["h", "e", "y"]] * 9, order=2), SearchConfig(lm_weight=4.0, backspace_penalty=50.0)
    )
    transcript = transcribe(FakeRecognizer(), make_recording(), search)  # type: ignore[arg-type]
    assert (transcript.text, transcript.symbols) == ("hey", ("h", "e", "y"))
    assert len(transcript.times_s) == len(transcript.confidences) == 3


def test_nothing_recorded_is_nothing_read() -> None:
    class Silent(FakeRecognizer):
        def listen(self, recording: object) -> SimpleNamespace:
            return SimpleNamespace(emissions=np.zeros((0, len(KEYS)), dtype=np.float32), mended="")

    for search in (None, BeamSearch(KEYS)):
        transcript = transcribe(Silent(), make_recording(), search)  # type: ignore[arg-type]
        assert (transcript.text, transcript.symbols, len(transcript.times_s)) == ("", (), 0)


def test_the_function_stays_a_function_beside_its_module() -> None:
    import emgasr
    import emgasr.transcribe as again
    from emgasr.transcribe import Transcript

    assert callable(emgasr.transcribe)
    assert again is emgasr.transcribe
    assert Transcript.__module__ == "emgasr.transcribe"


@pytest.mark.parametrize("model", [None, "model", 5])
def test_what_is_no_recognizer_is_refused_in_one_line(model: object) -> None:
    with pytest.raises(DataError, match="not a recognizer"):
        transcribe(model, make_recording())  # type: ignore[arg-type]
