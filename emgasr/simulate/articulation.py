"""Words in, the drives of face and neck muscles that mouth them out: each letter moves muscles of its own.

Which muscles close the lips, round them, open the jaw or lift the tongue is anatomy (Netter; Blair and Smith 1986 for
the lips). Letters stand for sounds, so that any word can be mouthed without a lexicon: a simplification.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.simulate.movement import add_pulses, tone_drive
from emgasr.simulate.muscles import DRIVE_RATE_HZ

# Where a muscle lies below the line along the skin from the cheek over the corner of the mouth and the chin to the
# throat: mm along the line, and mm below the skin (after anatomical atlases, simplified).
FACE = {
    "MAS": (0.0, 9.0),  # masseter: closes the jaw
    "ZYG": (14.0, 7.0),  # zygomaticus major: draws the corner up
    "LAO": (26.0, 6.0),  # levator anguli oris
    "ORS": (40.0, 4.0),  # orbicularis oris, upper lip
    "RIS": (46.0, 6.0),  # risorius and buccinator: spread the lips
    "ORI": (56.0, 4.0),  # orbicularis oris, lower lip
    "DAO": (67.0, 5.0),  # depressor anguli oris
    "DLI": (76.0, 5.0),  # depressor labii inferioris
    "MEN": (88.0, 5.0),  # mentalis: lifts the chin
    "DIG": (106.0, 7.0),  # digastric, anterior belly: opens the jaw
    "GEN": (114.0, 17.0),  # genioglossus: the tongue's tip and body
    "MYL": (122.0, 10.0),  # mylohyoid: lifts the floor of the mouth
    "PLA": (138.0, 3.0),  # platysma
    "STH": (156.0, 7.0),  # sternohyoid: draws the hyoid down
}
NAMES = tuple(FACE)
LINE_MM = 160.0


def _vector(**drives: float) -> np.ndarray:
    return np.array([drives.get(name, 0.0) for name in NAMES])


_LETTERS = {
    "a": _vector(DIG=0.55, MYL=0.15, DLI=0.25, PLA=0.15),
    "b": _vector(ORS=0.40, ORI=0.45, MEN=0.25, MAS=0.10),
    "c": _vector(GEN=0.45, MYL=0.25, RIS=0.15, MAS=0.10),
    "d": _vector(GEN=0.45, MYL=0.20, DIG=0.15),
    "e": _vector(RIS=0.40, DIG=0.25, ZYG=0.15, DLI=0.10),
    "f": _vector(LAO=0.35, MEN=0.40, ORI=0.15),
    "g": _vector(MYL=0.50, STH=0.25, DIG=0.10),
    "h": _vector(PLA=0.20, STH=0.25, DIG=0.20),
    "i": _vector(ZYG=0.45, RIS=0.40, GEN=0.25),
    "j": _vector(GEN=0.40, ORS=0.25, ORI=0.25, MAS=0.15),
    "k": _vector(MYL=0.55, STH=0.15, GEN=0.20, PLA=0.10),
    "l": _vector(GEN=0.55, DIG=0.20, RIS=0.10),
    "m": _vector(ORS=0.45, ORI=0.40, MEN=0.10, MAS=0.20),
    "n": _vector(GEN=0.40, MYL=0.30, MAS=0.20),
    "o": _vector(ORS=0.35, ORI=0.35, DIG=0.35),
    "p": _vector(ORS=0.50, ORI=0.55, MEN=0.35, DAO=0.15),
    "q": _vector(MYL=0.50, ORS=0.30, ORI=0.30, STH=0.10),
    "r": _vector(GEN=0.30, MYL=0.40, ORI=0.20, DAO=0.10),
    "s": _vector(GEN=0.40, RIS=0.25, MAS=0.35, DLI=0.15),
    "t": _vector(GEN=0.55, MYL=0.25, MAS=0.25),
    "u": _vector(ORS=0.55, ORI=0.50, MEN=0.25),
    "v": _vector(LAO=0.25, MEN=0.30, ORI=0.20, DAO=0.15),
    "w": _vector(ORS=0.60, ORI=0.50, MYL=0.30, MEN=0.15),
    "x": _vector(MYL=0.45, RIS=0.25, MAS=0.30, GEN=0.20),
    "y": _vector(ZYG=0.35, GEN=0.45, RIS=0.20),
    "z": _vector(GEN=0.40, RIS=0.20, MAS=0.25, DAO=0.20),
}
_ORDER = "".join(_LETTERS)
_TONE = np.full(len(NAMES), 0.045)  # drive of a face that is about to speak
_LETTER_S = 0.125  # a mouthed letter's length: slower than speech, which has about 12 sounds a second
_LEAD_S, _LAG_S, _EDGE_S = 0.06, 0.05, 0.045  # muscles work before a sound is reached, and into the next one


@dataclass(frozen=True)
class Articulation:
    """How one person (or one person on one day) mouths: drives `letters` (26, M) and `tone` (M,), seconds a letter.

    `scatter` is the standard deviation of the logarithm of effort from take to take.
    """

    letters: np.ndarray
    tone: np.ndarray
    letter_s: float
    scatter: float


@dataclass(frozen=True)
class Mouthed:
    """What is mouthed in a session: words ("" is a silence), when each starts and ends in seconds, and its length."""

    words: tuple[str, ...]
    start_s: np.ndarray
    end_s: np.ndarray
    letters: tuple[np.ndarray, ...]
    duration_s: float


def learn_articulation(rng: np.random.Generator) -> Articulation:
    """Draw one person's articulation: the textbook's actions, bent for each letter and muscle."""
    table = np.stack(list(_LETTERS.values()))
    letters = table * rng.lognormal(0, 0.35, table.shape) + np.abs(rng.normal(0, 0.035, table.shape))
    return Articulation(
        letters=letters * rng.lognormal(0, 0.2),
        tone=_TONE * rng.lognormal(0, 0.35, len(NAMES)),
        letter_s=_LETTER_S * float(np.clip(rng.lognormal(0, 0.12), 0.75, 1.35)),
        scatter=float(np.clip(rng.lognormal(np.log(0.16), 0.2), 0.10, 0.25)),
    )


def daily(articulation: Articulation, rng: np.random.Generator) -> Articulation:
    """Return the articulation of one day: posture, effort and pace shift a little."""
    shift = rng.lognormal(0, 0.10, len(NAMES)) * rng.lognormal(0, 0.12)
    return Articulation(
        letters=articulation.letters * shift,
        tone=articulation.tone * rng.lognormal(0, 0.3, len(NAMES)),
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
            amplitude.append(effort * strength * rng.lognormal(0, s) * rng.lognormal(0, 1.5 * s, len(NAMES)))
            bounds.append((start - _LEAD_S, end + 0.3 * _LAG_S, _EDGE_S))
    if amplitude:
        placed = np.array(bounds)[:, None] * DRIVE_RATE_HZ
        add_pulses(drive, np.zeros(len(bounds), np.int64), np.array(amplitude, np.float32)[:, None], placed)
    return np.minimum(drive[0], np.float32(1.0))


def place_of_letter(letter: str) -> int:
    """Return whose movement a letter has, 0 to 25: its own, without accents; another sign's by its code point."""
    plain = unicodedata.normalize("NFKD", letter.casefold())[:1]
    return _ORDER.index(plain) if plain in _ORDER and plain else ord(letter) % len(_ORDER)


def _pauses(mouthed: Mouthed) -> list[tuple[float, float]]:
    """The stretches without a word; a silence is part of the pauses around it."""
    spoken = [i for i, word in enumerate(mouthed.words) if word]
    starts = [0.0, *(float(mouthed.end_s[i]) for i in spoken)]
    ends = [*(float(mouthed.start_s[i]) for i in spoken), mouthed.duration_s]
    return list(zip(starts, ends, strict=True))
