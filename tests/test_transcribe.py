"""A transcript keeps text, keys, words and their times together; recordings that are read together are as if alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.lm import estimate
from emgasr.recording import Recording
from emgasr.state import tensors_of
from emgasr.transcribe import transcribe, transcript_of
from tests.helpers.known_emissions import KEYS, emissions_of
from tests.helpers.miniatures import make_recording
from tests.helpers.tiny_models import ENCODERS, WAYS, tiny_recognizer


class FakeRecognizer:
    """Reads "hez⌫y", a key every 0.2 s, whatever it is given."""

    tokens = KEYS

    def listen(self, recording: Recording) -> Any:
        return SimpleNamespace(emissions=emissions_of([*"hez", "⌫", "y"]), mended="", unlabelled_s=2.0, times_s=None)

    def probable(self, emissions: np.ndarray) -> np.ndarray:
        return emissions

    def frame_times_s(self, frames: int) -> np.ndarray:
        return np.arange(frames) / 10


def test_a_transcript_has_text_keys_words_times_and_confidences() -> None:
    transcript = transcribe(FakeRecognizer(), make_recording())  # type: ignore[arg-type]
    assert transcript.text == "hey"
    assert [key.symbol for key in transcript.keys] == ["h", "e", "z", "⌫", "y"]
    assert [key.time_s for key in transcript.keys] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert [key.confidence for key in transcript.keys] == pytest.approx([0.9] * 5, abs=1e-3)
    (word,) = transcript.words
    assert (word.text, word.start_s, word.end_s) == ("hey", pytest.approx(0.1), pytest.approx(0.9))
    told = transcript.as_dict()
    assert told["keys"][3] == {"key": "⌫", "time_s": 0.7, "confidence": 0.9}
    assert told["words"] == [{"word": "hey", "start_s": 0.1, "end_s": 0.9, "confidence": 0.9}]
    assert (told["text"], told["duration_s"], told["unlabelled_seconds"]) == ("hey", 3.0, 2.0)


def test_a_search_reads_what_the_language_model_expects() -> None:
    lm = estimate([["h", "e", "y"]] * 9, order=2)
    search = BeamSearch(KEYS, lm, SearchConfig(lm_weight=4.0, backspace_penalty=50.0, n_best=2))
    transcript = transcribe(FakeRecognizer(), make_recording(), search)  # type: ignore[arg-type]
    assert (transcript.text, [key.symbol for key in transcript.keys]) == ("hey", ["h", "e", "y"])
    best, second = transcript.nbest
    assert (best.text, best.score) == (transcript.text, transcript.score)
    assert second.score < best.score
    assert transcript.as_dict()["nbest"][0].keys() >= {"text", "keys", "score", "acoustic", "lm"}


def test_nothing_recorded_is_nothing_read() -> None:
    class Silent(FakeRecognizer):
        def listen(self, recording: Recording) -> Any:
            return SimpleNamespace(
                emissions=np.zeros((0, len(KEYS)), dtype=np.float32), mended="", unlabelled_s=0.0, times_s=None
            )

    for search in (None, BeamSearch(KEYS)):
        transcript = transcribe(Silent(), make_recording(), search)  # type: ignore[arg-type]
        assert (transcript.text, transcript.keys, transcript.words) == ("", (), ())


LENGTHS_S = (4.0, 0.1, 9.0, 0.0, 6.25, 9.0)


def recordings() -> list[Recording]:
    """Of many lengths, one of them without a sample and one with a value that no amplifier gives."""
    rng = np.random.default_rng(5)
    made = []
    for seconds in LENGTHS_S:
        samples = rng.normal(0, 30, (round(200 * seconds), 8)).astype(np.float32)
        samples[600:900] = np.nan
        made.append(make_recording(seconds, samples=samples))
    return made


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("normalize", WAYS)
def test_recordings_of_any_lengths_listened_to_together_are_as_if_alone(
    encoder: str, normalize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer, given = tiny_recognizer(encoder, normalize), recordings()
    monkeypatch.setattr(recognizer, "piece_frames", 50)  # 5 s: the longest take two pieces
    alone = [recognizer.listen(recording) for recording in given]
    together = recognizer.listen_together(given)
    for one, other in zip(alone, together, strict=True):
        assert one.emissions.shape == other.emissions.shape
        np.testing.assert_allclose(other.emissions, one.emissions, atol=2e-5)
        assert other.mended == one.mended
        found, known = tensors_of(other.statistics), tensors_of(one.statistics)
        assert all(torch.allclose(found[name], value, atol=1e-5) for name, value in known.items())


def test_recordings_read_together_have_the_keys_and_text_of_each_alone() -> None:
    recognizer, given = tiny_recognizer(), recordings()
    lm = estimate(["abba", "ab", "ba"], order=3)
    for search in (None, BeamSearch(recognizer.tokens, lm, SearchConfig(beam=8))):
        for recording, heard in zip(given, recognizer.listen_together(given), strict=True):
            found = transcript_of(recognizer, recording, heard, search)
            alone = transcribe(recognizer, recording, search)
            assert (found.text, found.notes, found.duration_s) == (alone.text, alone.notes, alone.duration_s)
            assert [(key.symbol, key.time_s) for key in found.keys] == [(key.symbol, key.time_s) for key in alone.keys]
