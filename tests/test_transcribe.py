"""A transcript keeps text, keys, times and confidences together."""

from __future__ import annotations

import numpy as np
import pytest
from known_emissions import KEYS, emissions_of
from miniatures import make_recording

from emgasr import transcribe


class FakeRecognizer:
    """Reads "hez⌫y", a key every 0.2 s, whatever it is given."""

    tokens = KEYS

    def emissions(self, recording: object) -> np.ndarray:
        return emissions_of([*"hez", "⌫", "y"])

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


def test_the_function_stays_a_function_beside_its_module() -> None:
    import emgasr
    import emgasr.transcribe as again
    from emgasr.transcribe import Transcript

    assert callable(emgasr.transcribe)
    assert again is emgasr.transcribe
    assert Transcript.__module__ == "emgasr.transcribe"
