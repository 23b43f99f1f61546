"""Names of keys in, where each lies and which finger reaches for it out (US layout, touch typing, personal habits)."""

from __future__ import annotations

import string
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

HANDS = ("left", "right")
FINGERS = ("thumb", "index", "middle", "ring", "little")
BACKSPACE, ENTER, SPACE = "Key.backspace", "Key.enter", "Key.space"
LEFT_SHIFT, RIGHT_SHIFT = "Key.shift", "Key.shift_r"

# Rows from the digits down: x of the first key in key widths (ANSI stagger), y of the row (home 0, away +), the keys.
_ROWS = (
    (0.0, 2, "`1234567890-="),
    (1.5, 1, "qwertyuiop[]\\"),
    (1.75, 0, "asdfghjkl;'"),
    (2.25, -1, "zxcvbnm,./"),
)
_SPECIAL = {
    BACKSPACE: (13.5, 2),
    ENTER: (13.1, 0),
    SPACE: (6.0, -2),
    LEFT_SHIFT: (0.6, -1),
    "Key.shift_l": (0.6, -1),
    RIGHT_SHIFT: (13.0, -1),
    "Key.tab": (0.3, 1),
    "Key.caps_lock": (0.4, 0),
    "Key.ctrl": (0.2, -2),
    "Key.ctrl_l": (0.2, -2),
    "Key.ctrl_r": (11.5, -2),
    "Key.alt": (1.7, -2),
    "Key.cmd": (2.9, -2),
    "Key.left": (12.5, -2),
    "Key.down": (13.5, -2),
    "Key.right": (14.5, -2),
    "Key.up": (13.5, -1.3),
    "Key.esc": (0.0, 3),
}
_SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))
_SHIFTED.update(zip(string.ascii_uppercase, string.ascii_lowercase, strict=True))

_HOME = {
    ("left", "little"): "a",
    ("left", "ring"): "s",
    ("left", "middle"): "d",
    ("left", "index"): "f",
    ("right", "index"): "j",
    ("right", "middle"): "k",
    ("right", "ring"): "l",
    ("right", "little"): ";",
}
_TOUCH = {
    ("left", "little"): "`1qaz",
    ("left", "ring"): "2wsx",
    ("left", "middle"): "3edc",
    ("left", "index"): "45rtfgvb",
    ("right", "index"): "67yuhjnm",
    ("right", "middle"): "8ik,",
    ("right", "ring"): "9ol.",
    ("right", "little"): "0p;/-['=]\\",
}
# What some people do otherwise than the textbook: key -> (hand, finger, share of people who do so).
_HABITS = {
    "y": ("left", "index", 0.12),
    "b": ("right", "index", 0.3),
    "6": ("left", "index", 0.5),
    "c": ("left", "index", 0.3),
    "x": ("left", "middle", 0.2),
    "z": ("left", "ring", 0.25),
    "q": ("left", "ring", 0.2),
    "p": ("right", "ring", 0.25),
    ",": ("right", "index", 0.1),
    ".": ("right", "middle", 0.15),
    "'": ("right", "ring", 0.1),
    "1": ("left", "ring", 0.3),
    "0": ("right", "ring", 0.3),
    "-": ("right", "ring", 0.2),
    BACKSPACE: ("right", "ring", 0.25),
    ENTER: ("right", "ring", 0.2),
    SPACE: ("left", "thumb", 0.25),
}


@dataclass(frozen=True)
class Reach:
    """One key as one person types it: hand and finger (indices), and the way from the finger's home in key widths.

    `inward` is toward the thumb (radial), `away` toward the screen; both are signed.
    """

    hand: int
    finger: int
    inward: float
    away: float


def _positions() -> dict[str, tuple[float, float]]:
    found = {key: (x + i, float(y)) for x, y, row in _ROWS for i, key in enumerate(row)}
    return found | {key: (x, float(y)) for key, (x, y) in _SPECIAL.items()}


POSITIONS = MappingProxyType(_positions())
KEYS = tuple(POSITIONS)


def key_of_character(character: str) -> tuple[str, bool] | None:
    """Return (key without shift, whether shift is held) that types `character`, or None when no key does."""
    if character == " ":
        return SPACE, False
    if character == "\n":
        return ENTER, False
    if character in POSITIONS and len(character) == 1:
        return character, False
    if character in _SHIFTED:
        return _SHIFTED[character], True
    return None


def place_of_key(key: str) -> str | None:
    """Return the place (a member of KEYS) that a recorded key name is typed at, or None when the layout lacks it."""
    if key in POSITIONS:
        return key
    found = key_of_character(key)
    return found[0] if found else None


def neighbors(key: str) -> tuple[str, ...]:
    """Return the letters and marks next to `key`: what a slip of the finger hits."""
    x, y = POSITIONS[key]
    return tuple(
        other
        for other, (u, v) in POSITIONS.items()
        if other != key and len(other) == 1 and not other.isdigit() and abs(u - x) <= 1.1 and abs(v - y) <= 1.0
    )


def personal_reaches(rng: np.random.Generator) -> dict[str, Reach]:
    """Return how one person reaches for each of KEYS; habits are drawn with `rng`."""
    fingers = {key: place for place, keys in _TOUCH.items() for key in keys}
    for key, (x, _) in _SPECIAL.items():
        fingers[key] = ("left" if x < 6 else "right", "little")
    fingers[SPACE] = ("right", "thumb")
    for key, (hand, finger, share) in _HABITS.items():
        if rng.random() < share:
            fingers[key] = (hand, finger)
    return {key: _reach(key, *fingers[key]) for key in KEYS}


def _reach(key: str, hand: str, finger: str) -> Reach:
    x, y = POSITIONS[key]
    if finger == "thumb":
        home_x, home_y = (5.3, -2.0) if hand == "left" else (7.3, -2.0)
    else:
        home_x, home_y = POSITIONS[_HOME[hand, finger]]
    sign = 1 if hand == "left" else -1
    return Reach(HANDS.index(hand), FINGERS.index(finger), sign * (x - home_x), y - home_y)
