"""Muscles below electrodes: drives of their compartments in, the signal of their motor units at the electrodes out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emgasr.recording import Montage
from emgasr.runtime.compiled import compiled

# Cross-section of the forearm at the ring (after anatomical atlases, simplified): angle in degrees (0 palmar midline,
# +90 thumb side, 180 back of the arm, -90 little finger's side) and distance from the axis over the muscles' radius.
COMPARTMENTS = {
    "FCR": (38.0, 0.82),
    "FCU": (-62.0, 0.82),
    "FDS2": (20.0, 0.66),
    "FDS3": (4.0, 0.76),
    "FDS4": (-16.0, 0.76),
    "FDS5": (-36.0, 0.66),
    "FDP": (-10.0, 0.40),
    "FPL": (60.0, 0.58),
    "APL": (128.0, 0.74),
    "ECR": (102.0, 0.82),
    "ECU": (240.0, 0.82),
    "EDC2": (154.0, 0.72),
    "EDC3": (170.0, 0.82),
    "EDC4": (188.0, 0.82),
    "EDM5": (208.0, 0.74),
}
NAMES = tuple(COMPARTMENTS)
UNITS_EACH = 28
DRIVE_RATE_HZ = 500.0
POTENTIAL_SAMPLES = 56
RATE_HZ = 2000.0
MONTAGE: Montage = "bipolar"  # an electrode is a pair of poles along the fibre
_BLOCK_S = 30.0  # potentials are drawn anew for each block, as conduction slows


@dataclass(frozen=True)
class MotorUnits:
    """The motor units of one place, U = compartments × UNITS_EACH: anatomy and firing, fixed for a person's life.

    `x_mm`, `y_mm` centre of the territory; `size` relative charge; `threshold` drive of recruitment (0 to 1);
    `velocity` conduction in mm/ms; `spread_mm` (U, 2) distances of the tripole's poles; `reach_mm` from the innervation
    zone to the electrodes and `end_mm` to the tendon; rates in Hz.
    """

    compartment: np.ndarray
    x_mm: np.ndarray
    y_mm: np.ndarray
    size: np.ndarray
    threshold: np.ndarray
    velocity: np.ndarray
    spread_mm: np.ndarray
    reach_mm: np.ndarray
    end_mm: np.ndarray
    peak_rate: np.ndarray


def grow_units(rng: np.random.Generator, muscle_radius_mm: float) -> MotorUnits:
    """Draw one arm's motor units below a ring; none lies outside the muscles' radius."""
    compartments = len(NAMES)
    angle = np.array([a for a, _ in COMPARTMENTS.values()]) + rng.normal(0, 8.0, compartments)
    depth = np.clip(np.array([d for _, d in COMPARTMENTS.values()]) + rng.normal(0, 0.06, compartments), 0.3, 0.9)
    radians = np.deg2rad(angle)
    centres = (depth * muscle_radius_mm)[:, None] * np.stack([np.cos(radians), np.sin(radians)], axis=1)
    units = scatter_units(rng, centres)
    shrink = np.minimum(1.0, 0.97 * muscle_radius_mm / np.hypot(units.x_mm, units.y_mm))
    return replace(units, x_mm=units.x_mm * shrink, y_mm=units.y_mm * shrink)


def scatter_units(
    rng: np.random.Generator, centres_mm: np.ndarray, reach_mm: float = 55.0, tendon_mm: float = 45.0
) -> MotorUnits:
    """Draw the motor units of compartments around `centres_mm` (compartments, 2), by the size principle.

    Many are small and early, few large and late (Fuglevand 1993). `reach_mm` lies between the innervation zone and the
    electrodes, `tendon_mm` between these and the tendon, on average.
    """
    compartments = len(centres_mm)
    strength = rng.lognormal(0, 0.25, compartments)
    width = rng.lognormal(0.2, 0.15)  # duration of this person's potentials
    pace = rng.normal(4.0, 0.3)
    n = compartments * UNITS_EACH
    compartment = np.repeat(np.arange(compartments), UNITS_EACH)
    order = np.tile((np.arange(UNITS_EACH) + 0.5) / UNITS_EACH, compartments)
    x = centres_mm[compartment, 0] + rng.normal(0, 2.2, n)
    y = centres_mm[compartment, 1] + rng.normal(0, 2.2, n)
    innervation = rng.normal(reach_mm, 12.0 / 55.0 * reach_mm, compartments)
    tendon = rng.normal(tendon_mm, 12.0 / 45.0 * tendon_mm, compartments)
    spread = np.stack([rng.normal(2.4, 0.2, n), rng.normal(9.0, 1.2, n)], axis=1) * width
    reach = np.clip(innervation[compartment] + rng.normal(0, 5.0, n), 25.0 / 55.0 * reach_mm, 100.0)
    return MotorUnits(
        compartment=compartment.astype(np.int64),
        x_mm=x,
        y_mm=y,
        size=strength[compartment] * 12.0**order * rng.lognormal(0, 0.2, n) / 12.0,
        threshold=0.03 * 25.0**order,  # 3 % to 75 % of the greatest drive
        velocity=np.clip(pace + 1.0 * (order - 0.5) + rng.normal(0, 0.2, n), 2.8, 5.6),
        spread_mm=spread,
        reach_mm=reach,
        end_mm=reach + np.clip(tendon[compartment] + rng.normal(0, 5.0, n), tendon_mm / 3.0, 80.0),
        peak_rate=rng.normal(42.0, 4.0, n) - 10.0 * order,
    )


def unit_potentials(
    units: MotorUnits, electrode_xy_mm: np.ndarray, along_mm: float, slowing: float, rate_hz: float
) -> np.ndarray:
    """Return the potentials (U, POTENTIAL_SAMPLES, E) float32, unscaled, of every unit at every electrode.

    A tripole travels from the innervation zone to the tendon and passes below a bipolar electrode along the fibre; its
    distance alone decides amplitude, width and spectrum. `along_mm` is how far the ring sits from its usual place;
    `slowing` (1 rested, < 1 tired) scales conduction.
    """
    return _potentials(
        units.x_mm, units.y_mm, units.size, units.velocity * slowing, units.spread_mm, units.reach_mm + along_mm,
        units.end_mm, np.ascontiguousarray(electrode_xy_mm, dtype=np.float64), 1000.0 / rate_hz, POTENTIAL_SAMPLES,
    )  # fmt: skip


@compiled(fastmath=True)
def _potentials(x, y, size, velocity, spread, reach, end, electrodes, step_ms, samples):  # type: ignore[no-untyped-def]
    half_pair = 10.0  # mm between a bipolar pair's middle and each pole
    out = np.empty((x.size, samples, electrodes.shape[0]), np.float32)
    for u in range(x.size):
        start_ms = reach[u] / velocity[u] - 0.36 * samples * step_ms
        front, back = 1.0, spread[u, 0] / spread[u, 1]  # charges: front, -(front + back'), back'; the sum is zero
        back = back / (1.0 - back)
        for e in range(electrodes.shape[0]):
            square = (x[u] - electrodes[e, 0]) ** 2 + (y[u] - electrodes[e, 1]) ** 2 + 1.0
            for t in range(samples):
                lead_position = velocity[u] * (start_ms + t * step_ms)
                total = 0.0
                for pole in range(3):
                    charge = front if pole == 0 else (-(front + back) if pole == 1 else back)
                    position = lead_position
                    if pole > 0:
                        position -= spread[u, pole - 1]
                    position = min(max(position, 0.0), end[u])
                    near = position - reach[u] - half_pair
                    far = position - reach[u] + half_pair
                    total += charge * (1.0 / np.sqrt(square + near * near) - 1.0 / np.sqrt(square + far * far))
                fade = min(1.0, (t + 0.5) / 6.0, (samples - t - 0.5) / 12.0)
                out[u, t, e] = size[u] * total * fade
    return out


@dataclass
class FiringState:
    """Where each unit stands between two blocks of a session; (U,) each, and the generator's word."""

    phase: np.ndarray
    goal: np.ndarray
    word: np.ndarray

    @classmethod
    def start(cls, units: int, seed: int) -> FiringState:
        """Return the state of `units` silent units; `seed` decides every later discharge."""
        return cls(np.full(units, 0.5), np.ones(units), np.array([seed], dtype=np.uint64))


def muscle_signal(
    units: MotorUnits,
    drive: np.ndarray,
    electrode_xy_mm: np.ndarray,
    level_uv: float,
    seed: int,
    along_mm: float = 0.0,
    fatigability: float = 0.0,
) -> np.ndarray:
    """Return the signal (T, E) float32 µV at RATE_HZ of muscles at `drive` (S, compartments), without the world's part.

    Conduction slows by `fatigability` in an hour. `seed` decides every discharge; T has POTENTIAL_SAMPLES at the end.
    """
    state = FiringState.start(units.size.size, seed)
    per_step = round(RATE_HZ / DRIVE_RATE_HZ)
    block = round(_BLOCK_S * DRIVE_RATE_HZ)
    signal = np.zeros((drive.shape[0] * per_step + POTENTIAL_SAMPLES, len(electrode_xy_mm)), np.float32)
    for start in range(0, drive.shape[0], block):
        part = drive[start : start + block]
        slowing = 1.0 - fatigability * min(start / DRIVE_RATE_HZ / 3600.0, 1.0)
        potentials = np.float32(level_uv) * unit_potentials(units, electrode_xy_mm, along_mm, slowing, RATE_HZ)
        first = start * per_step
        reached = signal[first : first + len(part) * per_step + POTENTIAL_SAMPLES]
        discharge(units, part, potentials, state, reached, per_step)
    return signal


def discharge(
    units: MotorUnits, drive: np.ndarray, potentials: np.ndarray, state: FiringState, out: np.ndarray, per_step: int
) -> None:
    """Let the units fire at `drive` (S, compartments) and add their potentials to `out` (T, E), changed in place.

    T is S·per_step + POTENTIAL_SAMPLES. A unit fires above its threshold, faster with more drive, at intervals that
    jitter by a sixth (a renewal process).
    """
    _discharge(
        units.compartment, units.threshold, units.peak_rate, drive, potentials, state.phase, state.goal, state.word,
        out, per_step, 1.0 / DRIVE_RATE_HZ,
    )  # fmt: skip


@compiled()
def _uniform(word):  # type: ignore[no-untyped-def]
    word[0] += np.uint64(0x9E3779B97F4A7C15)  # splitmix64 (Steele, Lea, Flood 2014)
    z = word[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) / 9007199254740992.0


@compiled(fastmath=True)
def _discharge(  # type: ignore[no-untyped-def]
    compartment, threshold, peak_rate, drive, potentials, phase, goal, word, out, per_step, step_s
):
    least_rate, gain, jitter = 9.0, 90.0, 0.17
    for u in range(compartment.size):
        c = compartment[u]
        floor = threshold[u]
        progress = phase[u]
        resting = True
        for s in range(drive.shape[0]):
            excess = drive[s, c] - floor
            if excess <= 0.0:
                if not resting:
                    progress = (0.4 + 0.6 * _uniform(word)) * goal[u]
                    resting = True
                continue
            resting = False
            advance = min(least_rate + gain * excess, peak_rate[u]) * step_s
            progress += advance
            if progress < goal[u]:
                continue
            progress -= goal[u]
            late = per_step - 1 - min(int(progress / advance * per_step), per_step - 1)
            spread = _uniform(word) + _uniform(word) + _uniform(word) + _uniform(word) - 2.0  # variance 1/3
            goal[u] = 1.0 + jitter * 1.732 * spread
            first = s * per_step + late
            for t in range(potentials.shape[1]):
                for e in range(potentials.shape[2]):
                    out[first + t, e] += potentials[u, t, e]
        phase[u] = progress
