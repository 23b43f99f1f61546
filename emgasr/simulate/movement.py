"""Key times in, the drive to each muscle compartment of both arms out: reach, strike, hold and release of every key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.recording import Events
from emgasr.runtime.compiled import compiled
from emgasr.simulate.keyboard import KEYS, Reach, place_of_key
from emgasr.simulate.muscles import DRIVE_RATE_HZ, NAMES

PHASES = ("reach", "strike", "hold", "release")
_PLACE = {key: i for i, key in enumerate(KEYS)}


def _vector(**drives: float) -> np.ndarray:
    return np.array([drives.get(name, 0.0) for name in NAMES])


# Textbook actions of the muscles, for thumb, index, middle, ring, little: flexion with its enslaved neighbors
# (Zatsiorsky, Li, Latash 2000), and extension that lifts the finger.
FLEX = np.stack([
    _vector(FPL=0.60, APL=0.20),
    _vector(FDS2=0.62, FDP=0.16, FDS3=0.08),
    _vector(FDS3=0.62, FDP=0.18, FDS2=0.10, FDS4=0.13),
    _vector(FDS4=0.60, FDP=0.20, FDS3=0.14, FDS5=0.17),
    _vector(FDS5=0.60, FDP=0.14, FDS4=0.20, FCU=0.16),
])  # fmt: skip
LIFT = np.stack([
    _vector(APL=0.45),
    _vector(EDC2=0.42, EDC3=0.08),
    _vector(EDC3=0.42, EDC2=0.10, EDC4=0.16),
    _vector(EDC4=0.42, EDC3=0.18, EDM5=0.12),
    _vector(EDM5=0.42, EDC4=0.14, ECU=0.06),
])  # fmt: skip
_STIFFEN = _vector(ECR=0.10, ECU=0.08, EDC2=0.04, EDC3=0.05, EDC4=0.05, EDM5=0.04)  # wrist and idle fingers in a strike
# Drive for each key width that the hand goes inward (to the thumb), outward, away and near.
_REACH = np.stack([
    _vector(ECR=0.17, FCR=0.17, APL=0.09),
    _vector(ECU=0.18, FCU=0.16, EDM5=0.05),
    _vector(ECR=0.17, ECU=0.12, EDC2=0.05, EDC3=0.06, EDC4=0.06, EDM5=0.05),
    _vector(FCR=0.11, FCU=0.10, FDP=0.20),
])  # fmt: skip
_TONE = _vector(ECR=0.065, ECU=0.055, EDC2=0.035, EDC3=0.045, EDC4=0.045, EDM5=0.035, FDP=0.03, FCU=0.02, APL=0.03)


@dataclass(frozen=True)
class Technique:
    """How one person (or one person on one day) moves: drives per place of the keyboard; K places, M compartments.

    `hand` (K,), `way` (K, 2) inward and away in key widths; `strike`, `lift` (K, M); `reach` (K, 4, M) per direction;
    `tone` (2, M) of each arm while hands hover; `lead_s` (K,) from the start of a strike to the key's closing;
    `scatter` standard deviation of the logarithm of effort from press to press.
    """

    hand: np.ndarray
    way: np.ndarray
    strike: np.ndarray
    lift: np.ndarray
    reach: np.ndarray
    tone: np.ndarray
    lead_s: np.ndarray
    scatter: float


def learn_technique(rng: np.random.Generator, reaches: Mapping[str, Reach]) -> Technique:
    """Draw one person's technique: the textbook's actions, bent for each hand, finger, direction and key."""
    m = len(NAMES)
    hand = np.array([reaches[key].hand for key in KEYS])
    finger = np.array([reaches[key].finger for key in KEYS])
    way = np.array([[reaches[key].inward, reaches[key].away] for key in KEYS])
    force = rng.lognormal(0.0, 0.25)
    flex = FLEX * rng.lognormal(0, 0.35, (2, 5, m)) + np.abs(rng.normal(0, 0.035, (2, 5, m)))
    lift = LIFT * rng.lognormal(0, 0.35, (2, 5, m)) + np.abs(rng.normal(0, 0.035, (2, 5, m)))
    stiffen = _STIFFEN * rng.lognormal(0, 0.3, (2, m))
    reach = _REACH * rng.lognormal(0, 0.4, (2, 5, 4, m)) + np.abs(rng.normal(0, 0.03, (2, 5, 4, m)))
    effort = rng.lognormal(0, 0.12, len(KEYS))[:, None] * force
    strike = (flex[hand, finger] + stiffen[hand]) * rng.lognormal(0, 0.18, (len(KEYS), m)) * effort
    curl = np.clip(way[:, 1:], -1.5, 2.0)  # near keys are struck with a curled finger, far ones with a stretched one
    strike *= np.where(FLEX[finger] > 0.3, 1 - 0.10 * curl, 1.0)
    return Technique(
        hand=hand,
        way=way,
        strike=strike,
        lift=lift[hand, finger] * rng.lognormal(0, 0.18, (len(KEYS), m)) * effort,
        reach=reach[hand, finger] * rng.lognormal(0, 0.18, (len(KEYS), 4, m)) * force,
        tone=_TONE * rng.lognormal(0, 0.35, (2, m)),
        lead_s=np.clip(rng.normal(0.068, 0.012) + rng.normal(0, 0.008, len(KEYS)), 0.04, 0.10),
        scatter=float(np.clip(rng.lognormal(np.log(0.155), 0.2), 0.08, 0.25)),
    )


def daily(technique: Technique, rng: np.random.Generator) -> Technique:
    """Return the technique of one day: posture and effort shift a little, for each arm and muscle."""
    m = len(NAMES)
    shift = rng.lognormal(0, 0.10, (2, m)) * rng.lognormal(0, 0.12)
    return Technique(
        hand=technique.hand,
        way=technique.way + rng.normal(0, 0.12, 2),  # the keyboard stands a little elsewhere
        strike=technique.strike * shift[technique.hand],
        lift=technique.lift * shift[technique.hand],
        reach=technique.reach * shift[technique.hand][:, None],
        tone=technique.tone * rng.lognormal(0, 0.3, (2, m)),
        lead_s=technique.lead_s,
        scatter=technique.scatter,
    )


def muscle_drive(
    technique: Technique,
    events: Events,
    rests: Sequence[tuple[float, float]],
    duration_s: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the drives (2, S, M) float32 at DRIVE_RATE_HZ that type `events`; in `rests` the hands lie, tone falls."""
    steps = int(np.ceil(duration_s * DRIVE_RATE_HZ))
    drive = tone_drive(technique.tone, rests, steps, rng)
    order = [(i, _PLACE[place]) for i, key in enumerate(events.keys) if (place := place_of_key(key)) is not None]
    if order:
        kept, places = (np.array(column) for column in zip(*order, strict=True))
        amplitude, bounds = _pulses(technique, places, events.time_s[kept], events.release_s[kept], rng)
        add_pulses(drive, technique.hand[places], amplitude.astype(np.float32), bounds * DRIVE_RATE_HZ)
    return np.minimum(drive, np.float32(1.0), out=drive)


def tone_drive(
    tones: np.ndarray, rests: Sequence[tuple[float, float]], steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Return posture's drive (places, S, M): slow wandering around `tones` (places, M), a quarter at rest."""
    knots = int(np.ceil(steps / DRIVE_RATE_HZ)) + 2
    wander = np.exp(rng.normal(0, 0.35, (*tones.shape, knots)))
    wander = 0.5 * wander[..., :-1] + 0.5 * wander[..., 1:]
    seconds = np.arange(steps) / DRIVE_RATE_HZ
    at = np.minimum(seconds.astype(int), knots - 3)
    weight = seconds - at
    active = np.ones(steps)
    for start_s, end_s in rests:
        edge = np.clip((seconds - start_s) / 0.25, 0, 1) * np.clip((end_s - seconds) / 0.25, 0, 1)
        active = np.minimum(active, 1 - 0.75 * edge)
    drive = np.empty((len(tones), steps, tones.shape[1]), np.float32)
    for place in range(len(tones)):
        for c in range(tones.shape[1]):
            smooth = wander[place, c, at] * (1 - weight) + wander[place, c, at + 1] * weight
            drive[place, :, c] = tones[place, c] * active * smooth
    return drive


def _pulses(
    technique: Technique, places: np.ndarray, press: np.ndarray, release: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return amplitude (n, PHASES, M) and bounds (n, PHASES, 3) in seconds (start, end, edge) of every key's pulses."""
    n, m = places.size, len(NAMES)
    release = np.where(np.isfinite(release), release, press + 0.09)
    release = np.maximum(release, press + 0.02)
    goal = technique.way[places] + rng.normal(0, 0.15, (n, 2))
    moved, free_s = _moves(technique.hand[places], goal, press)
    lead = np.clip(technique.lead_s[places] + rng.normal(0, 0.008, n), 0.04, 0.10)
    haste = np.clip(free_s / 0.25, 0.35, 1.0)  # seconds since this hand's last key: fast keys get short preparation
    directions = _directions(moved)
    posture = _directions(goal)
    reach = technique.reach[places]
    amplitude = np.empty((n, len(PHASES), m))
    amplitude[:, 0] = np.einsum("nd,ndm->nm", directions, reach) + 0.7 * technique.lift[places]
    amplitude[:, 1] = technique.strike[places] + 0.35 * np.einsum("nd,ndm->nm", posture, reach)
    amplitude[:, 2] = 0.40 * technique.strike[places] + 0.5 * np.einsum("nd,ndm->nm", posture, reach)
    amplitude[:, 3] = technique.lift[places] + 0.2 * np.einsum("nd,ndm->nm", _directions(-goal), reach)
    s = technique.scatter
    amplitude *= rng.lognormal(0, s, (n, 1, 1)) * rng.lognormal(0, s, (n, len(PHASES), 1))
    amplitude *= rng.lognormal(0, 1.5 * s, (n, 1, m)) * rng.lognormal(0, 1.2 * s, (n, len(PHASES), m))
    jitter = rng.normal(0, 0.008, (n, 4))
    bounds = np.empty((n, len(PHASES), 3))
    bounds[:, 0] = np.stack([press - lead - 0.11 * haste, press - 0.4 * lead, np.full(n, 0.035)], axis=1)
    bounds[:, 1] = np.stack([press - lead, press + 0.015, np.full(n, 0.025)], axis=1)
    bounds[:, 2] = np.stack([press - 0.01, np.maximum(release - 0.025, press + 0.01), np.full(n, 0.02)], axis=1)
    bounds[:, 3] = np.stack([release - 0.045, release + 0.05, np.full(n, 0.03)], axis=1)
    bounds[:, :, :2] += jitter[:, :, None]
    return amplitude, bounds


def _moves(hand: np.ndarray, goal: np.ndarray, press: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each key's way from where its hand was (it drifts home in about 0.25 s), and the seconds since then."""
    moved, free_s = np.empty_like(goal), np.empty(press.size)
    at = np.zeros((2, 2))
    last = np.full(2, -10.0)
    for i, (h, t) in enumerate(zip(hand.tolist(), press.tolist(), strict=True)):
        free_s[i] = t - last[h]
        here = at[h] * np.exp(-free_s[i] / 0.25)
        moved[i] = goal[i] - here
        at[h], last[h] = goal[i], t
    return moved, free_s


def _directions(way: np.ndarray) -> np.ndarray:
    """Split ways (n, 2) into inward, outward, away, near (n, 4), all ≥ 0, long ways compressed."""
    parts = np.stack([way[:, 0], -way[:, 0], way[:, 1], -way[:, 1]], axis=1)
    return np.maximum(parts, 0.0) ** 0.75


def add_pulses(drive: np.ndarray, place: np.ndarray, amplitude: np.ndarray, bounds: np.ndarray) -> None:
    """Add pulses with soft edges to `drive` (places, S, M) float32, changed in place.

    `place` (n,), `amplitude` (n, phases, M) float32, `bounds` (n, phases, 3) start, end and edge in steps.
    """
    _add_pulses(drive, place, amplitude, bounds)


@compiled()
def _add_pulses(drive, hand, amplitude, bounds):  # type: ignore[no-untyped-def]
    for i in range(hand.size):
        for phase in range(bounds.shape[1]):
            start, end, edge = bounds[i, phase]
            for s in range(max(int(start - edge) + 1, 0), min(int(end + edge), drive.shape[1] - 1) + 1):
                inside = min(s - start, end - s) / edge  # -1 at the foot, +1 and more on the plateau
                shape = 1.0 if inside >= 1.0 else 0.5 + 0.5 * np.sin(0.5 * np.pi * max(inside, -1.0))
                for c in range(amplitude.shape[2]):
                    drive[hand[i], s, c] += shape * amplitude[i, phase, c]
