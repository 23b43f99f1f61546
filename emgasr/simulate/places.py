"""Where a person makes words, face or forearm, in; the muscles there, each letter's drives, and the electrodes out.

On the face words are mouthed: which muscles close the lips, round them, open the jaw or lift the tongue is anatomy. On
the forearm they are spelled with one hand: which fingers a letter bends or stretches is the alphabet of American Sign
Language. Letters stand for sounds or signs, so that any word can be made without a lexicon: a simplification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.simulate import muscles
from emgasr.simulate.electrodes import UNIT_MICROVOLTS, Donning, draw_arm, ring_positions
from emgasr.simulate.movement import FLEX, LIFT
from emgasr.simulate.muscles import MotorUnits, grow_units, scatter_units

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
LINE_MM = 160.0
ALPHABET = "abcdefghijklmnopqrstuvwxyz"

Positions = Callable[[Donning, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Place:
    """Where words are made: drives `letters` (26, M) and `tone` (M,) of its muscles, seconds a letter, ring or line.

    `level_uv` is the µV per charge/mm. `grow` draws a person's anatomy: motor units, and the function that gives the
    electrodes' places (E, 2) in mm.
    """

    band: str
    letters: np.ndarray
    tone: np.ndarray
    letter_s: float
    level_uv: float
    ring: bool
    grow: Callable[[np.random.Generator], tuple[MotorUnits, Positions]]


def _vector(names: Sequence[str], **drives: float) -> np.ndarray:
    return np.array([drives.get(name, 0.0) for name in names])


def _face(**drives: float) -> np.ndarray:
    return _vector(tuple(FACE), **drives)


_MOUTHED = {
    "a": _face(DIG=0.55, MYL=0.15, DLI=0.25, PLA=0.15),
    "b": _face(ORS=0.40, ORI=0.45, MEN=0.25, MAS=0.10),
    "c": _face(GEN=0.45, MYL=0.25, RIS=0.15, MAS=0.10),
    "d": _face(GEN=0.45, MYL=0.20, DIG=0.15),
    "e": _face(RIS=0.40, DIG=0.25, ZYG=0.15, DLI=0.10),
    "f": _face(LAO=0.35, MEN=0.40, ORI=0.15),
    "g": _face(MYL=0.50, STH=0.25, DIG=0.10),
    "h": _face(PLA=0.20, STH=0.25, DIG=0.20),
    "i": _face(ZYG=0.45, RIS=0.40, GEN=0.25),
    "j": _face(GEN=0.40, ORS=0.25, ORI=0.25, MAS=0.15),
    "k": _face(MYL=0.55, STH=0.15, GEN=0.20, PLA=0.10),
    "l": _face(GEN=0.55, DIG=0.20, RIS=0.10),
    "m": _face(ORS=0.45, ORI=0.40, MEN=0.10, MAS=0.20),
    "n": _face(GEN=0.40, MYL=0.30, MAS=0.20),
    "o": _face(ORS=0.35, ORI=0.35, DIG=0.35),
    "p": _face(ORS=0.50, ORI=0.55, MEN=0.35, DAO=0.15),
    "q": _face(MYL=0.50, ORS=0.30, ORI=0.30, STH=0.10),
    "r": _face(GEN=0.30, MYL=0.40, ORI=0.20, DAO=0.10),
    "s": _face(GEN=0.40, RIS=0.25, MAS=0.35, DLI=0.15),
    "t": _face(GEN=0.55, MYL=0.25, MAS=0.25),
    "u": _face(ORS=0.55, ORI=0.50, MEN=0.25),
    "v": _face(LAO=0.25, MEN=0.30, ORI=0.20, DAO=0.15),
    "w": _face(ORS=0.60, ORI=0.50, MYL=0.30, MEN=0.15),
    "x": _face(MYL=0.45, RIS=0.25, MAS=0.30, GEN=0.20),
    "y": _face(ZYG=0.35, GEN=0.45, RIS=0.20),
    "z": _face(GEN=0.40, RIS=0.20, MAS=0.25, DAO=0.20),
}

# Thumb to little finger: F bent, H half bent, L stretched; then the wrist: f flexed, e extended, u to the ulna.
_SPELLED = {
    "a": "LFFFF",
    "b": "FLLLL",
    "c": "HHHHH",
    "d": "HLHHH",
    "e": "FHHHH",
    "f": "HHLLL",
    "g": "LLFFFf",
    "h": "FLLFFf",
    "i": "FFFFL",
    "j": "FFFFLu",
    "k": "LLLFF",
    "l": "LLFFF",
    "m": "FFFFH",
    "n": "FFFHH",
    "o": "FHHHH",
    "p": "LLLFFf",
    "q": "LLFFFu",
    "r": "FLLHH",
    "s": "FFFFFe",
    "t": "HFFFF",
    "u": "FLLFF",
    "v": "FLLFFe",
    "w": "FLLLF",
    "x": "FHFFF",
    "y": "LFFFL",
    "z": "FLFFFu",
}
_WRIST = {
    "f": _vector(muscles.NAMES, FCR=0.25, FCU=0.20),
    "e": _vector(muscles.NAMES, ECR=0.25, ECU=0.15),
    "u": _vector(muscles.NAMES, ECU=0.25, FCU=0.25),
}


def _hand(code: str) -> np.ndarray:
    """The drives (M,) that hold a hand shape."""
    share = {"F": (0.8, 0.0), "H": (0.4, 0.2), "L": (0.0, 0.8)}
    fingers = [share[sign][0] * FLEX[i] + share[sign][1] * LIFT[i] for i, sign in enumerate(code[:5])]
    return np.asarray(sum(fingers) * 0.7 + sum(_WRIST[sign] for sign in code[5:]))


def _grow_face(rng: np.random.Generator) -> tuple[MotorUnits, Positions]:
    place = np.array(list(FACE.values())) * [rng.normal(1.0, 0.04), 1.0] + rng.normal(0, [3.0, 0.8], (len(FACE), 2))
    centres = np.stack([place[:, 0], -np.maximum(place[:, 1], 2.0)], axis=1)
    units = scatter_units(rng, centres, reach_mm=30.0, tendon_mm=30.0)  # the face's fibres are short
    skin_mm = float(np.clip(rng.normal(5.0, 0.7), 3.5, 7.0))  # above the line from which depths count

    def positions(donning: Donning, rng: np.random.Generator) -> np.ndarray:
        """Evenly along the line, moved together by `turn` · 2 mm and each by 0.8 mm (sd)."""
        electrodes = len(donning.gain)
        usual = (np.arange(electrodes) + 0.5) * LINE_MM / electrodes
        along = usual + 2.0 * donning.turn + np.clip(rng.normal(0.0, 0.8, electrodes), -2.5, 2.5)
        return np.stack([along, np.full(electrodes, skin_mm)], axis=1)

    return units, positions


def _grow_forearm(rng: np.random.Generator) -> tuple[MotorUnits, Positions]:
    arm = draw_arm(rng, float(np.clip(rng.normal(1.0, 0.08), 0.78, 1.22)))
    return grow_units(rng, arm.muscle_radius_mm), lambda donning, _: ring_positions(arm, donning)


PLACES = {
    "face": Place(
        band="face",
        letters=np.stack([_MOUTHED[letter] for letter in ALPHABET]),
        tone=np.full(len(FACE), 0.045),  # a face that is about to speak
        letter_s=0.125,  # slower than speech, which has about 12 sounds a second
        level_uv=2.0 * UNIT_MICROVOLTS,
        ring=False,
        grow=_grow_face,
    ),
    "forearm": Place(
        band="arm",
        letters=np.stack([_hand(_SPELLED[letter]) for letter in ALPHABET]),
        tone=np.full(len(muscles.NAMES), 0.04),
        letter_s=0.30,  # spelled slowly; fluent signers make about five letters a second
        level_uv=UNIT_MICROVOLTS,
        ring=True,
        grow=_grow_forearm,
    ),
}
