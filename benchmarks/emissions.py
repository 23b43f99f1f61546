"""Key presses in, synthetic emissions out: what decoders are timed on, the same for the same seed and source.

The presses are real ones (a folder of emg2qwerty's events in the BIDS layout) or the simulator's typist's. Emissions
are peaks of 1 to 3 frames with jitter, confusions mostly with keys nearby, misses and false keys, blank elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.decoding import greedy
from emgasr.errors import DataError
from emgasr.recording import Events
from emgasr.score import count_edits, total
from emgasr.simulate.keyboard import POSITIONS, key_of_character, personal_reaches
from emgasr.simulate.prompts import default_prompts
from emgasr.simulate.replay import read_key_events
from emgasr.simulate.typist import draw_habits, type_prompts
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens

RATES_HZ = {"31": 31.25, "125": 125.0}
CUT_S = 20.0
LEAST_KEYS = 20  # in a cut: slower than a key a second is a pause, not typing
# The spread (nats) of the scores of keys within a peak that makes greedy decoding of the real presses err at 16.8 %.
NOISE = {"31": 1.16, "125": 1.15}

# What a press takes from the blank, as a beta distribution: of most, and of the nearly missed and false ones.
_MASS, _FAINT_MASS = (20.0, 1.0), (1.2, 2.0)
_FAINT_SHARE, _FALSE_KEYS_HZ = 0.06, 0.25
_JITTER_S = 0.008
_WIDTHS = (0.5, 0.35, 0.15)  # shares of peaks of 1, 2 and 3 frames
_APART, _PER_KEY_WIDTH, _SHIFTED = 1.0, 2.0, 4.0  # nats that another key is behind, by its distance, if it needs shift
_FRAME_NOISE = 0.15  # of the scores of a peak's later frames, as a part of the peak's own
_FLOOR, _FLOOR_SPREAD = -7.0, 1.5  # ln of what keys have together in a frame without a press, and its spread


@dataclass(frozen=True)
class Cut:
    """Some seconds of typing: token ids and when each key went down, from the start of the cut."""

    ids: tuple[int, ...]
    times_s: np.ndarray


@dataclass(frozen=True)
class Typing:
    """What is measured, what weights are tuned on (other sessions), and text that is in neither."""

    measured: list[Cut]
    tuning: list[Cut]
    text: list[str]


def real_typing(folder: Path, measured: int, tuning: int, seed: int) -> Typing:
    """Cut sessions under `folder` (`*_events.tsv`, plain or gzipped); the prompts of all others are the text."""
    files = sorted(folder.rglob("*_events.tsv*"))
    if len(files) < 3:
        raise DataError(folder, f"holds {len(files)} files of key events", "give at least 3 sessions (*_events.tsv.gz)")
    rng = np.random.default_rng([seed, 0])
    order = rng.permutation(len(files)).tolist()
    parts = max(len(files) // 6, 1), max(len(files) // 12, 1)
    shown: list[set[str]] = []
    sessions: list[Events] = []
    for i in order:
        events, spans, _ = read_key_events(files[i])
        sessions.append(events)
        shown.append({" ".join(text.split()) for text in spans.of_kind("prompt").texts})
    both = sum(parts)
    cut_text = set().union(*shown[:both])
    text = sorted(set().union(*shown[both:]) - cut_text)
    return Typing(
        _cuts(sessions[: parts[0]], measured, rng), _cuts(sessions[parts[0] : both], tuning, rng), [*filter(None, text)]
    )


def simulated_typing(measured: int, tuning: int, seed: int) -> Typing:
    """Let simulated people type the package's test prompts (measured) and validation prompts (tuning)."""
    rng = np.random.default_rng([seed, 1])
    cuts = []
    for count, split in ((measured, "test"), (tuning, "validation")):
        sessions = [_typed(split, rng) for _ in range(max(count // 3, 1))]
        cuts.append(_cuts(sessions, count, rng))
    return Typing(*cuts, text=list(default_prompts("train")))


def _typed(split: str, rng: np.random.Generator) -> Events:
    prompts = default_prompts(split)
    order = (prompts[i] for _ in range(99) for i in rng.permutation(len(prompts)))
    return type_prompts(order, draw_habits(rng), personal_reaches(rng), rng, limit_s=12 * CUT_S).events


def _cuts(sessions: Sequence[Events], count: int, rng: np.random.Generator) -> list[Cut]:
    """Draw `count` stretches of CUT_S, as many of each session as can be, none overlapping."""
    tokens = Tokens.keystrokes()
    cuts: list[Cut] = []
    for number, events in enumerate(sessions):
        wanted = (count - len(cuts) + len(sessions) - number - 1) // (len(sessions) - number)
        starts = np.arange(events.time_s[0] - 0.5, events.time_s[-1] - CUT_S, CUT_S)
        found = [
            cut for start in rng.permutation(starts) if len((cut := _cut(events, start, tokens)).ids) >= LEAST_KEYS
        ]
        cuts += found[:wanted]
    if len(cuts) < count:
        raise DataError("typing", f"holds {len(cuts)} cuts of {CUT_S:g} s, not {count}", "give more or longer sessions")
    return cuts


def _cut(events: Events, start_s: float, tokens: Tokens) -> Cut:
    inside = events.between(start_s, start_s + CUT_S)
    ids, positions = tokens.encode_keys(inside.keys)
    return Cut(tuple(ids), inside.time_s[positions] - start_s)


def emission_set(cuts: Sequence[Cut], rate: str, seed: int) -> list[np.ndarray]:
    """Return the emissions (F, 99), float32 log-softmax, of each cut at the rate named "31" or "125"."""
    return [_emissions(cut, rate, np.random.default_rng([seed, int(rate), number])) for number, cut in enumerate(cuts)]


def greedy_cer(cuts: Sequence[Cut], emissions: Sequence[np.ndarray]) -> float:
    """Return the corpus-level CER of the collapsed best paths, in percent."""
    return 100 * total(count_edits(c.ids, greedy(e).ids) for c, e in zip(cuts, emissions, strict=True)).rate


def _emissions(cut: Cut, rate: str, rng: np.random.Generator) -> np.ndarray:
    frames, noise = round(CUT_S * RATES_HZ[rate]), NOISE[rate]
    behind, needs_shift = _confusability()
    keys = np.zeros((frames, behind.shape[0]))  # probability of each key in each frame
    at = np.floor((cut.times_s + rng.normal(0, _JITTER_S, len(cut.ids))) * RATES_HZ[rate]).astype(int)
    at = np.clip(at, 0, frames - 1)
    widths = rng.choice(3, len(at), p=_WIDTHS) + 1
    for number, (key, first, width) in enumerate(zip(np.subtract(cut.ids, 1), at, widths, strict=True)):
        if number + 1 < len(at):  # a network leaves a blank between two presses of one key, where there is room for it
            width = int(np.clip(at[number + 1] - first - (cut.ids[number] == cut.ids[number + 1]), 1, width))
        mass = rng.beta(*(_FAINT_MASS if rng.random() < _FAINT_SHARE else _MASS))
        _press(keys, key, first, width, mass, behind, noise, rng)
    for _ in range(rng.poisson(_FALSE_KEYS_HZ * CUT_S)):
        key = int(rng.choice(np.subtract(cut.ids, 1)))  # as often as they are pressed
        _press(keys, key, int(rng.integers(frames)), 1, rng.beta(*_FAINT_MASS), behind, noise, rng)
    floor = np.exp(rng.normal(_FLOOR, _FLOOR_SPREAD, (frames, 1)))
    keys += np.minimum(floor, 0.1) * _softmax(rng.normal(0, 2.0, keys.shape) - _SHIFTED * needs_shift)
    keys *= np.minimum(1.0, 0.999 / keys.sum(axis=1, keepdims=True))
    blank = 1 - keys.sum(axis=1, keepdims=True)
    return np.log(np.concatenate([blank, keys], axis=1)).astype(np.float32)


def _press(
    keys: np.ndarray,
    key: int,
    first: int,
    width: int,
    mass: float,
    behind: np.ndarray,
    noise: float,
    rng: np.random.Generator,
) -> None:
    """Add a peak to the probabilities of keys (F, K): its keys' scores are drawn once, and a little anew each frame."""
    scores = behind[key] + rng.normal(0, noise, len(behind))
    for frame in range(first, min(first + width, len(keys))):
        keys[frame] += mass * _softmax(scores + rng.normal(0, _FRAME_NOISE * noise, len(behind)))


def _confusability() -> tuple[np.ndarray, np.ndarray]:
    """Return how far behind each key's score is (nats, 0 or below) in the peak of each key, and which need shift."""
    named = {BACKSPACE: "Key.backspace", ENTER: "Key.enter", " ": "Key.space", SHIFT: "Key.shift"}
    places, shifted = [], []
    for symbol in Tokens.keystrokes().symbols[1:]:
        key, shift = key_of_character(symbol) or (named[symbol], False)
        places.append(POSITIONS[key])
        shifted.append(shift)
    apart = np.linalg.norm(np.array(places)[:, None] - np.array(places)[None], axis=-1)
    behind = -(_APART + _PER_KEY_WIDTH * apart) - _SHIFTED * np.array(shifted)
    np.fill_diagonal(behind, 0.0)
    return behind, np.array(shifted)


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
