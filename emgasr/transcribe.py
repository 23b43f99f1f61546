"""A recording in, its text out, with the time and confidence of each key; in memory bounded whatever the length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emgasr.errors import DataError

if TYPE_CHECKING:  # `import emgasr` imports this module, and must not import what is heavy
    import numpy as np

    from emgasr.decoding import BeamSearch
    from emgasr.models.recognizer import Recognizer
    from emgasr.recording import Recording


@dataclass(frozen=True, eq=False)
class Transcript:
    """What was read: the text, and the keys that wrote it (backspaces included) with their times and confidences."""

    text: str
    symbols: tuple[str, ...]
    times_s: np.ndarray
    confidences: tuple[float, ...]
    duration_s: float
    notes: tuple[str, ...] = ()  # what was passed over or filled in, on the way from the file to the text
    score: float = 0.0  # natural log: what hypotheses are ranked by
    acoustic: float = 0.0  # its parts of the emissions, and ln p of the language model before its weight
    lm: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON."""
        keys = zip(self.symbols, self.times_s.tolist(), self.confidences, strict=True)
        return {
            "text": self.text,
            "duration_s": round(self.duration_s, 3),
            "keys": [{"key": k, "time_s": round(t, 3), "confidence": round(c, 4)} for k, t, c in keys],
            **({"notes": list(self.notes)} if self.notes else {}),
        }


def transcribe(recognizer: Recognizer, recording: Recording, search: BeamSearch | None = None) -> Transcript:
    """Read a recording: greedily, or by a `search` for the recognizer's tokens, such as `BeamSearch(tokens, lm)`.

    Values that no amplifier gives are filled in or passed over, as in a stream, and told in the transcript's `notes`.
    Raises a RecordingError if the recording's rate, unit or electrodes are not the model's, a DataError for anything
    but a recognizer and a recording.
    """
    return transcripts(recognizer, recording, search)[0]


def transcripts(
    recognizer: Recognizer, recording: Recording, search: BeamSearch | None = None
) -> tuple[Transcript, ...]:
    """Read a recording as `transcribe` does, and return each hypothesis of the search (its `n_best`), best first."""
    from emgasr.decoding import greedy
    from emgasr.recording import Recording

    if not callable(getattr(recognizer, "listen", None)):
        wrong = f"got a {type(recognizer).__name__}, not a recognizer"
        raise DataError("transcribe", wrong, "give emgasr.load(), or emgasr.load(folder) of a model")
    if not isinstance(recording, Recording):
        advice = (
            "give emgasr.Recording(samples, rate_hz, unit, bands, subject, session), or emgasr.open_recording(path)"
        )
        raise DataError("transcribe", f"got a {type(recording).__name__}, not a recording", advice)
    heard = recognizer.listen(recording)
    emissions = recognizer.probable(heard.emissions)
    found = [greedy(emissions)] if search is None else search.whole(emissions)
    times_s = recognizer.frame_times_s(len(heard.emissions))
    notes = (*recording.notes, *([heard.mended] if heard.mended else []))
    return tuple(
        Transcript(
            recognizer.tokens.render(hypothesis.ids),
            tuple(recognizer.tokens.symbols_of(hypothesis.ids)),
            times_s[list(hypothesis.frames)],
            hypothesis.confidences,
            recording.duration_s,
            notes,
            hypothesis.score,
            hypothesis.acoustic,
            hypothesis.lm,
        )
        for hypothesis in found
    )
