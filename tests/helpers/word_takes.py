"""Single takes of words that any front end can tell apart: each word makes other electrodes loud."""

from __future__ import annotations

import numpy as np
import torch

from emgasr.frontend.features import SpectralCovarianceConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Band, Recording, Signal, Spans
from emgasr.tokens import Tokens
from tests.helpers.tiny_models import CONFORMER

RATE_HZ = 200.0
WORDS = ("fist", "flexion", "spread")
BANDS = (Band.numbered("arm", 3, ring=False),)


def word_take(
    word: str, number: int = 0, session: str = "d1", subject: str = "s1", gain: float = 1.0, seconds: float = 1.0
) -> Recording:
    """A take of one word: its electrode is ten times as loud as the others in the middle half."""
    rng = np.random.default_rng((number, *word.encode(), *session.encode()))
    count = round(seconds * RATE_HZ)
    samples = rng.standard_normal((count, 3)).astype(np.float32)
    samples[count // 4 : -count // 4, WORDS.index(word)] *= 10
    spans = Spans.of([(0.0, count / RATE_HZ, "utterance", word)])
    return Recording(gain * samples, RATE_HZ, "counts", BANDS, subject, session, spans=spans)


def word_takes(each: int = 4, sessions: tuple[str, ...] = ("d1",), **more: float) -> list[tuple[str, Recording]]:
    """Named takes of all words, in the order of sessions."""
    return [
        (f"{session}/{word}{number}", word_take(word, number, session, **more))  # type: ignore[arg-type]
        for session in sessions
        for word in WORDS
        for number in range(each)
    ]


def word_recognizer() -> Recognizer:
    """A small untrained model of the words, with statistics that go on from take to take."""
    torch.manual_seed(0)
    features = SpectralCovarianceConfig(window_ms=160, hop_ms=40, bands_hz=((15, 95),))
    shape = RecognizerConfig(features, NormalizeConfig(kind="adaptive", prior_s=2.0), CONFORMER)
    return Recognizer(shape, Signal(RATE_HZ, "counts", BANDS), Tokens.words(WORDS))
