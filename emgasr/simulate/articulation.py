"""Words in, the drives of the muscles that mouth or spell them out: each letter moves muscles of its own."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.simulate.movement import add_pulses, tone_drive
from emgasr.simulate.muscles import DRIVE_RATE_HZ
from emgasr.simulate.places import ALPHABET, Place

_LEAD_S, _LAG_S, _EDGE_S = 0.06, 0.05, 0.045  # muscles work before a sound is reached, and into the next one


@dataclass(frozen=True)
class Articulation:
    """How a person (or a person on one day) makes words: drives `letters` (26, M) and `tone` (M,), seconds a letter.

    `scatter` is the standard deviation of the logarithm of effort from take to take.
    """

    letters: np.ndarray
    tone: np.ndarray
    letter_s: float
    scatter: float


@dataclass(frozen=True)
class Mouthed:
    """What is said in a session: words ("" is a silence), when each starts and ends in seconds, and its length."""

    words: tuple[str, ...]
    start_s: np.ndarray
    end_s: np.ndarray
    letters: tuple[np.ndarray, ...]
    duration_s: float


def learn_articulation(rng: np.random.Generator, place: Place) -> Articulation:
    """Draw one person's articulation: the textbook's actions at a place, bent for each letter and muscle."""
    table = place.letters
    letters = table * rng.lognormal(0, 0.35, table.shape) + np.abs(rng.normal(0, 0.035, table.shape))
    return Articulation(
        letters=letters * rng.lognormal(0, 0.2),
        tone=place.tone * rng.lognormal(0, 0.35, len(place.tone)),
        letter_s=place.letter_s * float(np.clip(rng.lognormal(0, 0.12), 0.75, 1.35)),
        scatter=float(np.clip(rng.lognormal(np.log(0.16), 0.2), 0.10, 0.25)),
    )


def daily(articulation: Articulation, rng: np.random.Generator) -> Articulation:
    """Return the articulation of one day: posture, effort and pace shift a little."""
    shift = rng.lognormal(0, 0.10, len(articulation.tone)) * rng.lognormal(0, 0.12)
    return Articulation(
        letters=articulation.letters * shift,
        tone=articulation.tone * rng.lognormal(0, 0.3, len(articulation.tone)),
        letter_s=articulation.letter_s * rng.lognormal(0, 0.05),
        scatter=articulation.scatter,
    )


def mouth(
    words: Sequence[str], articulation: Articulation, pause_s: tuple[float, float], rng: np.random.Generator
) -> Mouthed:
    """Place words in time, one after the other, with pauses around each; a word's pace varies from take to take.

    Args:
        words: in order; "" stands for a silence as long as a word.
        articulation: who mouths them, on which day.
        pause_s: the shortest and the longest pause between two of them.
        rng: what decides the times.
    """
    at, starts, ends, letters = float(rng.uniform(*pause_s)), [], [], []
    for word in words:
        pace = articulation.letter_s * rng.lognormal(0, 0.12)
        lengths = pace * rng.lognormal(0, 0.15, max(len(word), 5 if not word else 1))
        bounds = at + _LEAD_S + np.concatenate([[0.0], np.cumsum(lengths)])
        starts.append(at)
        ends.append(float(bounds[-1]) + _LAG_S)
        letters.append(bounds)
        at = ends[-1] + float(rng.uniform(*pause_s))
    return Mouthed(tuple(words), np.array(starts), np.array(ends), tuple(letters), at)


def articulation_drive(articulation: Articulation, mouthed: Mouthed, rng: np.random.Generator) -> np.ndarray:
    """Return the drives (S, M) float32 at DRIVE_RATE_HZ that mouth the words; between them the tone falls."""
    steps = int(np.ceil(mouthed.duration_s * DRIVE_RATE_HZ))
    drive = tone_drive(articulation.tone[None], _pauses(mouthed), steps, rng)
    amplitude, bounds = [], []
    s = articulation.scatter
    for word, edges in zip(mouthed.words, mouthed.letters, strict=True):
        effort = rng.lognormal(0, 1.25 * s)
        for letter, start, end in zip(word, edges[:-1], edges[1:], strict=False):
            if letter.isspace():
                continue
            strength = articulation.letters[place_of_letter(letter)]
            amplitude.append(effort * strength * rng.lognormal(0, s) * rng.lognormal(0, 1.5 * s, strength.size))
            bounds.append((start - _LEAD_S, end + 0.3 * _LAG_S, _EDGE_S))
    if amplitude:
        placed = np.array(bounds)[:, None] * DRIVE_RATE_HZ
        add_pulses(drive, np.zeros(len(bounds), np.int64), np.array(amplitude, np.float32)[:, None], placed)
    return np.minimum(drive[0], np.float32(1.0))


def place_of_letter(letter: str) -> int:
    """Return whose movement a letter has, 0 to 25: its own, without accents; another sign's by its code point."""
    plain = unicodedata.normalize("NFKD", letter.casefold())[:1]
    return ALPHABET.index(plain) if plain in ALPHABET and plain else ord(letter) % len(ALPHABET)


def _pauses(mouthed: Mouthed) -> list[tuple[float, float]]:
    """The stretches without a word; a silence is part of the pauses around it."""
    spoken = [i for i, word in enumerate(mouthed.words) if word]
    starts = [0.0, *(float(mouthed.end_s[i]) for i in spoken)]
    ends = [*(float(mouthed.start_s[i]) for i in spoken), mouthed.duration_s]
    return list(zip(starts, ends, strict=True))
