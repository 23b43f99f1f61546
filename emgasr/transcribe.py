"""Recordings in, their transcripts out: emissions of the model, read greedily or by a search, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any

from emgasr.confidence.beside import Fitting
from emgasr.corpora.single import open_single
from emgasr.decoding import BeamSearch, Hypothesis, greedy
from emgasr.decoding.held import Held
from emgasr.errors import DataError
from emgasr.frontend.measured import samples_of
from emgasr.models.listening import Heard
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.rescoring.segments import SecondSearch
from emgasr.transcript import Transcript, keys_of, segments_of, words_of

Input = str | Path | Recording | tuple[Any, float] | Callable[[], Recording]


def transcribe(recognizer: Recognizer, recording: Recording, search: BeamSearch | None = None) -> Transcript:
    """Read a recording: greedily, or by a `search` for the recognizer's tokens, such as `BeamSearch(tokens, lm)`.

    Values that no amplifier gives are filled in or passed over, as in a stream, and named in the transcript's `notes`.

    Raises:
        RecordingError: The recording's rate, unit or electrodes are not the model's.
        ModelError: The weights carry beyond what numbers can hold.
    """
    return transcript_of(recognizer, recording, recognizer.listen(recording), search)


def transcript_of(
    recognizer: Recognizer,
    recording: Recording,
    heard: Heard,
    search: BeamSearch | SecondSearch | Held | None = None,
    sure: Fitting | None = None,
) -> Transcript:
    """Return the transcript of a recording, given what the recognizer makes of it.

    Args:
        recognizer: what listened.
        recording: what it listened to.
        heard: what it made of it.
        search: what reads the emissions; None: the best path.
        sure: the calibrated confidence of this way of reading, and how sure keys must be.

    Raises:
        ModelError: The weights carry beyond what numbers can hold.
    """
    emissions = recognizer.probable(heard.emissions)
    confidence, least = (None, 0.0) if sure is None else (sure.confidence, sure.least)
    found = [greedy(emissions)] if search is None else search.whole(emissions)
    times_s = recognizer.frame_times_s(len(emissions)) if heard.times_s is None else heard.times_s
    notes = (*recording.notes, *([heard.mended] if heard.mended else []))

    def transcript(hypothesis: Hypothesis, nbest: tuple[Transcript, ...] = ()) -> Transcript:
        tokens = recognizer.tokens
        certain = hypothesis.confidences
        if confidence is not None:
            certain = confidence.tokens(certain, hypothesis.evidence)
        keys = keys_of(hypothesis.ids, times_s[list(hypothesis.frames)].tolist(), certain, tokens)
        keys = tuple(key for key in keys if key.confidence >= least)
        return Transcript(
            tokens.render(tokens.ids(key.symbol for key in keys)),
            keys,
            words_of(keys, tokens, min if confidence is None else confidence.of_word),
            recording.duration_s,
            notes,
            hypothesis.score,
            hypothesis.acoustic,
            hypothesis.lm,
            nbest,
            heard.unlabelled_s,
            () if confidence is None else segments_of(keys, tokens, confidence.of_segment),
        )

    several = isinstance(search, BeamSearch) and search.config.n_best > 1
    return transcript(found[0], tuple(map(transcript, found)) if several else ())


def recording_of(given: Any, recognizer: Recognizer) -> Recording:
    """Return a recording that fits a model, of whatever may be given for one (`Input`).

    Raises:
        RecordingError: It cannot be read, or its rate, unit or electrodes are not the model's.
        DataError: It is none of these.
    """
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Real):
        recording = _of_samples(*given, recognizer)
    elif isinstance(given, str | Path):
        recording = open_single(given, signal=recognizer.signal)
    elif isinstance(given, Recording):
        recording = given
    elif callable(given):
        recording = given()
    else:
        advice = "give a path, an emgasr.Recording, (samples, rate_hz), or a list of these"
        raise DataError("transcribe", f"got a {type(given).__name__}, not a recording", advice)
    recognizer.signal.check(recording)
    return recording


def _of_samples(samples: Any, rate_hz: float, recognizer: Recognizer) -> Recording:
    signal = recognizer.signal
    channels = sum(len(band.electrodes) for band in signal.bands)
    array = samples_of(samples, channels, signal.unit, "transcribe")
    return Recording(array, rate_hz, signal.unit, signal.bands, "array", "samples")
