"""Text in, key events out: speed, rollover, slips and backspaces of a touch typist, as measured on emg2qwerty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.errors import DataError
from emgasr.recording import Events, Spans
from emgasr.simulate.keyboard import (
    BACKSPACE,
    ENTER,
    KEYS,
    LEFT_SHIFT,
    RIGHT_SHIFT,
    Reach,
    key_of_character,
    neighbors,
)

# How many keys a slip runs on before it is noticed, so how long a run of backspaces is (facts.md §1; tail by us).
_RUN_SHARES = np.array([0.54, 0.24, 0.09, 0.05, 0.03, 0.02, 0.02, 0.01])
# Median seconds of intervals that do not follow speed alone, and spread of their logarithm (measured on 20 users).
_AFTER_ENTER = (0.80, 0.22)
_BEFORE_BACKSPACE = (0.41, 0.40)
_AFTER_BACKSPACE = (0.26, 0.50)


@dataclass(frozen=True)
class TypistHabits:
    """How one person types.

    Median `interval_s` inside words and the `spread` of its logarithm; median `hold_s` of a key; `slip_rate` and
    `pause_rate` (hesitations) a key; `digraphs` (K, K), factors on the interval of a pair of keys.
    """

    interval_s: float
    spread: float
    hold_s: float
    slip_rate: float
    pause_rate: float
    digraphs: np.ndarray


@dataclass(frozen=True)
class Typed:
    """What was typed and when: key events, spans of prompts (up to their enter) and rests, and the duration."""

    events: Events
    spans: Spans
    duration_s: float


def draw_habits(rng: np.random.Generator) -> TypistHabits:
    """Draw a typist: 179 to 390 keys a minute, 0.7 to 13.5 % backspaces (5th to 95th percentile of the corpus)."""
    return TypistHabits(
        interval_s=float(np.clip(rng.lognormal(np.log(0.162), 0.21), 0.09, 0.27)),
        spread=float(np.clip(rng.normal(0.44, 0.05), 0.3, 0.6)),
        hold_s=float(np.clip(rng.lognormal(np.log(0.090), 0.16), 0.055, 0.14)),
        slip_rate=float(np.clip(rng.lognormal(np.log(0.0235), 0.55), 0.004, 0.06)),
        pause_rate=float(np.clip(rng.lognormal(np.log(0.07), 0.3), 0.02, 0.15)),
        digraphs=rng.lognormal(0.0, 0.2, (len(KEYS), len(KEYS))),
    )


def check_text(text: str, where: str = "text") -> None:
    """Raise a DataError when `text` is empty or holds a character that no key of the layout types."""
    if not text.strip():
        raise DataError(where, "holds no text", "give at least one line to type")
    for character in text:
        if key_of_character(character) is None:
            raise DataError(
                where, f"holds {character!r}, which no key of a US keyboard types", "replace or remove that character"
            )


def type_prompts(
    prompts: Iterable[str],
    habits: TypistHabits,
    reaches: Mapping[str, Reach],
    rng: np.random.Generator,
    limit_s: float | None = None,
    rest_s: float = 0.0,
) -> Typed:
    """Type `prompts` one after the other, each ended by enter, with rests of some seconds at both ends and each minute.

    Every slip is mended, so that the keys of a prompt render to its span's text, whose enter is included as in the
    corpus. With `limit_s`, typing stops before the prompt that would end later than a second before it, and the rest
    of the time is rest. `rest_s` is added to the rest before the first prompt.
    """
    presses: list[tuple[float, float, str]] = []
    spans: list[tuple[float, float, str, str]] = []
    now = rest_s + float(rng.uniform(3.0, 5.0))
    rested = 0.0
    for prompt in prompts:
        check_text(prompt, "prompt")
        text = prompt.rstrip("\n") + "\n"
        keys, times, holds = _one_prompt(text, habits, reaches, rng)
        pause = 0.0 if not spans or now - rested < rng.uniform(40, 90) else float(rng.uniform(4.0, 8.0))
        start = now + pause
        end = start + times[-1] + 0.1
        if limit_s is not None and end + 1.0 > limit_s:
            break
        if pause or not spans:
            spans.append((rested if not spans else now, start, "rest", ""))
            rested = start
        presses += [(start + t, start + t + h, key) for key, t, h in zip(keys, times, holds, strict=True)]
        spans.append((start, end, "prompt", text))
        now = end
    if not presses:
        raise DataError("simulation", "there is time for no prompt", "allow more minutes or shorter prompts")
    duration = now + float(rng.uniform(2.0, 4.0)) if limit_s is None else limit_s
    spans.append((now + 0.3, duration, "rest", ""))
    return Typed(Events.of(presses), Spans.of(spans), duration)


def _one_prompt(
    text: str, habits: TypistHabits, reaches: Mapping[str, Reach], rng: np.random.Generator
) -> tuple[list[str], list[float], list[float]]:
    typed = _with_slips(text, habits.slip_rate, rng)
    keys, times, holds = [], [], []
    now, before = 0.0, ENTER
    for character in typed:
        key, shifted = (BACKSPACE, False) if character == "\b" else key_of_character(character) or (ENTER, False)
        now += _interval(before, key, habits, reaches, rng)
        if shifted:
            keys.append(RIGHT_SHIFT if reaches[key].hand == 0 else LEFT_SHIFT)
            times.append(now)
            holds.append(0.12 + 1.5 * habits.hold_s)
            now += 0.09
        keys.append(character if shifted else key)
        times.append(now)
        holds.append(float(np.clip(rng.lognormal(np.log(habits.hold_s), 0.27), 0.02, 0.35)))
        before = key
    return keys, times, _possible_holds(keys, times, holds, reaches)


def _with_slips(text: str, slip_rate: float, rng: np.random.Generator) -> str:
    """Return the characters really typed: slips, what follows until they are noticed, their backspaces, the text."""
    typed = []
    for i, character in enumerate(text):
        if rng.random() < slip_rate:
            wrong = _slip(text[:-1], i, rng)  # nobody slips past enter, or it would end the prompt
            run = min(1 + int(rng.choice(_RUN_SHARES.size, p=_RUN_SHARES)), len(wrong))
            typed.append(wrong[:run] + "\b" * run)
        typed.append(character)
    return "".join(typed)


def _slip(text: str, i: int, rng: np.random.Generator) -> str:
    """Return what a slip at `i` writes: a neighboring key, two letters swapped, one left out, or one doubled."""
    kind = rng.random()
    known = key_of_character(text[i]) if i < len(text) else None
    if kind < 0.70 and known and (near := neighbors(known[0])):
        return str(rng.choice(near)) + text[i + 1 :]
    if kind < 0.80:
        return text[i + 1 : i + 2] + text[i : i + 1] + text[i + 2 :]
    if kind < 0.90:
        return text[i + 1 :]
    return text[i - 1 : i] + text[i:]


def _interval(
    before: str, key: str, habits: TypistHabits, reaches: Mapping[str, Reach], rng: np.random.Generator
) -> float:
    pace = habits.interval_s / 0.162
    if before == ENTER:
        return float(np.clip(rng.lognormal(np.log(_AFTER_ENTER[0]), _AFTER_ENTER[1]), 0.4, 3.0)) * pace**0.3
    if key == BACKSPACE and before == BACKSPACE:
        return float(np.clip(rng.lognormal(np.log(0.15), 0.25), 0.085, 0.6)) * pace**0.3
    if key == BACKSPACE or before == BACKSPACE:
        median, spread = _BEFORE_BACKSPACE if key == BACKSPACE else _AFTER_BACKSPACE
        return float(np.clip(rng.lognormal(np.log(median), spread), 0.12, 2.5)) * pace**0.5
    if key == before:
        return float(np.clip(rng.lognormal(np.log(0.155), 0.2), 0.085, 0.6)) * pace**0.5
    one, two = reaches[before], reaches[key]
    same_hand = one.hand == two.hand
    ease = 1.35 if same_hand and one.finger == two.finger else 1.08 if same_hand else 0.78
    median = habits.interval_s * ease * habits.digraphs[KEYS.index(before), KEYS.index(key)]
    interval = float(np.clip(rng.lognormal(np.log(median), habits.spread), 0.025, 2.0))
    if ease > 1.2:
        interval = max(interval, 0.07)
    if rng.random() < habits.pause_rate:
        interval += float(rng.lognormal(np.log(0.38), 0.55))
    return interval


def _possible_holds(
    keys: Sequence[str], times: Sequence[float], holds: Sequence[float], reaches: Mapping[str, Reach]
) -> list[float]:
    """Shorten holds so that no finger holds a key when it presses its next one."""
    possible = list(holds)
    upcoming: dict[tuple[int, int], float] = {}
    for i in range(len(keys) - 1, -1, -1):
        place = key_of_character(keys[i])
        reach = reaches[place[0] if place else keys[i]]
        finger = (reach.hand, reach.finger)
        possible[i] = max(min(holds[i], upcoming.get(finger, np.inf) - times[i] - 0.025), 0.015)
        upcoming[finger] = times[i]
    return possible
