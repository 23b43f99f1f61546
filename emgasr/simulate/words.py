"""A person who mouths or spells words, with electrodes on face or forearm, in; sessions and single takes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # scipy.signal is imported when it is first used: it takes a second, and most verbs do without

from emgasr.errors import DataError
from emgasr.recording import Band, Recording, Spans
from emgasr.simulate.articulation import Articulation, articulation_drive, daily, learn_articulation, mouth
from emgasr.simulate.electrodes import don
from emgasr.simulate.muscles import MONTAGE, RATE_HZ, MotorUnits, muscle_signal
from emgasr.simulate.places import PLACES, Positions
from emgasr.simulate.world import intrude

REST = "rest"  # the label of a take in which nothing is said
TAKE_PAUSE_S = (1.0, 1.6)
MARGIN_S = (0.25, 0.45)  # rest that a take keeps before and after its word; two of them fit into a pause
MOST_ELECTRODES = 32
RATES_HZ = (200, round(RATE_HZ))


@dataclass(frozen=True)
class Speaker:
    """One simulated person who makes words at one place; anatomy and articulation are the same in all sessions."""

    seed: int
    place: str
    articulation: Articulation
    units: MotorUnits
    positions: Positions
    loudness: float
    mains_hz: float

    @property
    def subject(self) -> str:
        """The person's name in recordings and manifests, as "sim0001"."""
        return f"sim{self.seed:04d}"


def simulate_speaker(seed: int, place: str = "face") -> Speaker:
    """Return the person that `seed` stands for, who makes words at `place` (of PLACES): the same one in every run."""
    if seed < 0:
        raise DataError("simulation", f"a person's seed cannot be {seed}", "use 0 or more")
    if place not in PLACES:
        raise DataError("simulation", f"knows no place {place!r}", f"use one of {', '.join(PLACES)}")
    rng = np.random.default_rng([0x3A7E, seed, list(PLACES).index(place)])
    units, positions = PLACES[place].grow(rng)
    return Speaker(
        seed=seed,
        place=place,
        articulation=learn_articulation(rng, PLACES[place]),
        units=units,
        positions=positions,
        loudness=float(rng.lognormal(0.0, 0.25)),
        mains_hz=float(rng.choice([50.0, 60.0])),
    )


def simulate_words(
    speaker: Speaker,
    session_seed: int,
    words: Sequence[str],
    *,
    electrodes: int = 6,
    rate_hz: int = 1000,
    pause_s: tuple[float, float] = TAKE_PAUSE_S,
) -> Recording:
    """Return one session: `words` made in their order with pauses between, float32 µV; the same in every run.

    Electrodes, in a line from the cheek to the throat or in a ring around the forearm, are put on afresh: each sits a
    little off its usual place, with its own contact, noise and hum. A span "utterance" marks each word from its first
    muscle to its last, a span "rest" (labelled REST) each silence, which "" or REST among the words asks for.

    Args:
        speaker: who makes the words.
        session_seed: which session, 0 or more.
        words: what is said, in order.
        electrodes: how many, 1 to MOST_ELECTRODES.
        rate_hz: samples a second, within RATES_HZ; the signal is made at 2 kHz and filtered before it is thinned out.
        pause_s: the shortest and the longest pause.

    Raises:
        DataError: no word, or electrodes, a rate or a seed outside their ranges.
    """
    _check(session_seed, words, electrodes, rate_hz)
    rng = np.random.default_rng([0x7A4E, speaker.seed, session_seed])
    place = PLACES[speaker.place]
    said = ["" if word == REST else word for word in words]
    today = daily(speaker.articulation, rng)
    mouthed = mouth(said, today, pause_s, rng)
    donning = don(rng, electrodes)
    signal = muscle_signal(
        speaker.units,
        articulation_drive(today, mouthed, rng),
        speaker.positions(donning, rng),
        place.level_uv * speaker.loudness,
        int(rng.integers(2**63)),
        donning.along_mm if place.ring else donning.along_mm / 2,  # single electrodes are stuck on, a band slides
    )
    signal = intrude(signal[: round(mouthed.duration_s * RATE_HZ)], donning, speaker.mains_hz, RATE_HZ, rng, place.ring)
    spans = Spans.of(
        (start, end, "utterance" if word else "rest", word or REST)
        for word, start, end in zip(said, mouthed.start_s.tolist(), mouthed.end_s.tolist(), strict=True)
    )
    samples = scipy.signal.resample_poly(signal, rate_hz, round(RATE_HZ), axis=0).astype(np.float32)
    return Recording(
        samples=samples,
        rate_hz=float(rate_hz),
        unit="uV",
        bands=(Band.numbered(place.band, electrodes, place.ring, MONTAGE),),
        subject=speaker.subject,
        session=str(session_seed),
        spans=spans,
        origin="simulated",
    )


def cut_takes(recording: Recording) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the label and the samples (T, C) of each span of a session, with some of the rest before and after it."""
    rng = np.random.default_rng([0xC077, *recording.subject.encode(), *recording.session.encode()])
    spans = recording.spans
    for start_s, end_s, label in zip(spans.start_s, spans.end_s, spans.texts, strict=True):
        before, after = rng.uniform(*MARGIN_S, 2)
        yield label, recording.read(float(start_s - before), float(end_s + after))


def shuffled_words(words: Sequence[str], takes: int, rest_takes: int, seed: Sequence[int]) -> list[str]:
    """Return every word `takes` times and REST `rest_takes` times, in an order drawn anew for each `seed`."""
    order = [*(word for word in words for _ in range(takes)), *([REST] * rest_takes)]
    return [order[i] for i in np.random.default_rng([0x0DE2, *seed]).permutation(len(order))]


def _check(session_seed: int, words: Sequence[str], electrodes: int, rate_hz: int) -> None:
    if session_seed < 0:
        raise DataError("simulation", f"a session's seed cannot be {session_seed}", "use 0 or more")
    if not words:
        raise DataError("simulation", "was given no words", "give at least one")
    if not 1 <= electrodes <= MOST_ELECTRODES:
        raise DataError("simulation", f"cannot have {electrodes} electrodes", f"give 1 to {MOST_ELECTRODES}")
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise DataError(
            "simulation", f"cannot have {rate_hz} samples a second", f"give {RATES_HZ[0]} to {RATES_HZ[1]} Hz"
        )
