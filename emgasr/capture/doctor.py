"""A source in; a diagnosis of each electrode, a verdict, and advice, out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emgasr.data.electrode_quality import WINDOW_S, Electrode, examine_electrodes
from emgasr.errors import RecordingError
from emgasr.frontend.mains import find_mains
from emgasr.frontend.measured import Measured
from emgasr.sources import Chunk, Source, Typing, channel_count, is_live

QUIET_UV, STILL_UV = 15.0, 40.0  # noise floor and rest level that a good contact stays below
RATE_SHARE = 0.005  # how far a measured rate may be off, beside what the measurement cannot tell
GOOD, USABLE, BAD = "good", "usable", "bad"


@dataclass(frozen=True)
class Finding:
    """What is wrong (`usable` or `bad`) and what to do."""

    verdict: str
    wrong: str
    advice: str


@dataclass(frozen=True)
class Diagnosis:
    """All that was found; `counts` are samples (or times) by kind of note, `measured_rate_hz` None when not live."""

    seconds: float
    unit: str
    declared_rate_hz: float
    measured_rate_hz: float | None
    rate_error_hz: float
    counts: dict[str, int]
    mains_hz: float | None
    electrodes: tuple[Electrode, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """good, usable or bad."""
        kinds = {finding.verdict for finding in self.findings}
        return BAD if BAD in kinds else USABLE if USABLE in kinds else GOOD

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"verdict": self.verdict, **asdict(self)}


def examine(source: Source, seconds: float, progress: Callable[[float], None] = lambda done: None) -> Diagnosis:
    """Listen to a person at rest for `seconds` and judge; RecordingError if nothing comes.

    A Typing source is told to rest.
    """
    if isinstance(source, Typing):
        source.show("")
    chunks: list[Chunk] = []
    started_s = time.monotonic()
    total_s = 0.0
    try:
        for chunk in source.chunks():
            chunks.append(chunk)
            total_s += len(chunk.samples) / source.rate_hz
            progress(min(1.0, total_s / seconds))
            if total_s >= seconds or time.monotonic() - started_s > 3 * seconds + 5:
                break
    finally:
        source.close()
    samples = [chunk.samples for chunk in chunks if len(chunk.samples)]
    if total_s < 5 * WINDOW_S:
        raise RecordingError("doctor", f"only {total_s:.2f} s of signal came", "see that the device is on and sending")
    mended = Measured(channel_count(source), source.unit).feed(np.concatenate(samples)).samples
    return diagnose(source, mended, chunks)


def diagnose(source: Source, samples: np.ndarray, chunks: list[Chunk]) -> Diagnosis:
    """Judge `samples` (T, C), which came in `chunks`."""
    rate_hz = source.rate_hz
    counts: dict[str, int] = {}
    for chunk in chunks:
        for note in chunk.notes:
            counts[note.kind] = counts.get(note.kind, 0) + max(1, note.samples)
    measured, error = _measured_rate(chunks, rate_hz) if is_live(source) else (None, 0.0)
    mains_hz = find_mains(samples, rate_hz)
    electrodes = examine_electrodes(samples, rate_hz, source.bands, mains_hz)
    findings = [
        *_rate_findings(measured, error, rate_hz),
        *_count_findings(counts, len(samples)),
        *_electrode_findings(electrodes, source.unit, mains_hz),
    ]
    return Diagnosis(
        seconds=len(samples) / rate_hz,
        unit=source.unit,
        declared_rate_hz=rate_hz,
        measured_rate_hz=measured,
        rate_error_hz=error,
        counts=counts,
        mains_hz=mains_hz,
        electrodes=tuple(electrodes),
        findings=tuple(findings),
    )


def _measured_rate(chunks: list[Chunk], rate_hz: float) -> tuple[float | None, float]:
    """Samples a second by the host's clock, and how far that may be off; None when too few came."""
    came = [chunk for chunk in chunks if len(chunk.samples)]
    arrivals = np.array([chunk.arrived_s for chunk in came])
    ends = np.array([chunk.time_s * rate_hz + len(chunk.samples) for chunk in came])
    filled = sum(n.samples for chunk in chunks for n in chunk.notes if n.kind in ("bridged", "gap"))
    span_s = arrivals[-1] - arrivals[0]
    if len(came) < 10 or span_s <= 0:
        return None, 0.0
    measured = (ends[-1] - ends[0] - filled) / span_s
    wobble_s = float(np.std(arrivals - ends / rate_hz - np.mean(arrivals - ends / rate_hz)))
    return float(measured), float(rate_hz * 2 * (wobble_s + np.median(np.diff(arrivals))) / span_s)


def _rate_findings(measured: float | None, error: float, declared: float) -> list[Finding]:
    if measured is None or abs(measured - declared) <= RATE_SHARE * declared + error:
        return []
    off = f"it sends {measured:.1f} ± {error:.1f} samples a second, {declared:g} Hz is declared"
    verdict = BAD if abs(measured / declared - 1) > 0.05 else USABLE
    return [Finding(verdict, off, "declare the device's true rate, or look for what loses samples")]


def _count_findings(counts: dict[str, int], total: int) -> list[Finding]:
    findings = []
    lost = counts.get("bridged", 0) + counts.get("gap", 0)
    if lost:
        verdict = BAD if lost > 0.01 * total else USABLE
        advice = "bring the device nearer, charge it, and end other radio traffic"
        findings.append(Finding(verdict, f"{lost} samples were lost ({lost / (lost + total):.2%})", advice))
    for kind, wrong, advice in (
        ("repeated", "samples came twice and were left out", "update the device's driver"),
        ("replaced", "values were not finite", "update the device's driver, or check what sends the stream"),
        ("dropped", "samples were thrown away because this computer was too slow", "end other programs"),
        ("stalled", "times nothing came for a second or more", "bring the device nearer, check its battery"),
        ("disconnected", "times the source was gone", "check cable, battery and distance"),
        ("jump", "times the device's clock jumped", "end other programs that set the clock"),
        ("drift", "times its clock was found to drift", "declare the rate that it really has"),
    ):
        if count := counts.get(kind, 0):
            findings.append(Finding(BAD if kind == "disconnected" else USABLE, f"{count} {wrong}", advice))
    return findings


def _electrode_findings(electrodes: list[Electrode], unit: str, mains_hz: float | None) -> list[Finding]:
    findings = []
    for state, advice in (
        ("dead", "check its cable; if it stays dead, the device is broken"),
        ("saturated", "lower the gain, or clean and moisten the contact"),
        ("detached", "press it to the skin, or moisten it; tighten the band"),
        ("noisy", "clean and moisten the contact"),
    ):
        names = [f"{electrode.band} {electrode.name}" for electrode in electrodes if electrode.state == state]
        if names:
            several = len(names) > max(1, len(electrodes) // 8)
            findings.append(Finding(BAD if several else USABLE, f"{state}: {', '.join(names)}", advice))
    if not any(electrode.state != "dead" for electrode in electrodes):
        return findings
    alive = [electrode for electrode in electrodes if electrode.state == "good"] or electrodes
    hum, floor, level, rms = (
        float(np.median([getattr(electrode, name) for electrode in alive]))
        for name in ("mains", "noise_floor", "rest_level", "rms")
    )
    if mains_hz and hum > 0.5 * rms:
        wrong = f"hum of {mains_hz:g} Hz is most of the signal ({hum:.1f} {unit} of {rms:.1f})"
        advice = "unplug chargers nearby, touch ground, or filter it (emgasr condition)"
        findings.append(Finding(USABLE, wrong, advice))
    if unit == "uV" and floor > QUIET_UV:
        wrong = f"the noise floor is {floor:.1f} µV"
        findings.append(Finding(USABLE, wrong, "moisten the contacts, move away from power supplies"))
    if unit == "uV" and level > STILL_UV and level > 2 * floor:
        findings.append(Finding(USABLE, f"the rest level is {level:.1f} µV", "lay the arm down, relax, measure again"))
    return findings
