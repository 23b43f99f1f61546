"""What a corpus declares of its signal in words: units, rates and bands in; factors to µV, Hz and Bands out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from emgasr.errors import RecordingError
from emgasr.recording import HIGHEST_HZ, LOWEST_HZ, MONTAGES, Band, Montage

MICROVOLTS = {"v": 1e6, "mv": 1e3, "uv": 1.0, "nv": 1e-3}
_PREFIXES = {"micro": "u", "milli": "m", "nano": "n", "μ": "u", "µ": "u"}
UNKNOWN = ("", "n/a")
ASK_UNIT = "say uV, mV, V or nV, or counts for a device with no factor to volts"


def volts(unit: str) -> float | None:
    """The µV of a unit of voltage, however it is spelled (mV, Volts, microvolt, uVolt); None if it is none."""
    bare = unit.strip().lower()
    for written, sign in _PREFIXES.items():
        bare = sign + bare.removeprefix(written) if bare.startswith(written) else bare
    return MICROVOLTS.get(re.sub("volts?$", "v", bare))


def resolve_unit(where: str | Path, unit: str | None, scale_uv: float | None = None) -> tuple[str, float]:
    """The recording's unit ("uV" or "counts") and what a stored value is multiplied by; RecordingError if unknown."""
    if scale_uv is not None:
        if not (math.isfinite(scale_uv) and scale_uv != 0):
            raise RecordingError(where, f"scale_uv is {scale_uv}", "give the µV of one step")
        return "uV", float(scale_uv)
    if unit is None or unit.strip().lower() in UNKNOWN:
        raise RecordingError(where, "has no unit", ASK_UNIT)
    if unit.strip().lower() == "counts":
        return "counts", 1.0
    factor = volts(unit)
    if factor is None:
        raise RecordingError(where, f"unknown unit {unit!r}", ASK_UNIT)
    return "uV", factor


def step_name(unit: str, step: float) -> str:
    """Return what one stored step is, given in a recording's unit ("uV" or "counts"), as `--unit` has it if it can."""
    if unit == "counts":
        return unit
    known = {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}
    return next((name for name, factor in known.items() if factor == step), f"{step:g} µV a step")


def resolve_bands(
    channels: int, bands: Sequence[Sequence[object]] | None, ring: bool, montage: str = ""
) -> tuple[Band, ...]:
    """Bands from [name, electrodes] pairs in the order of the channels; by default one band of all channels.

    A pair whose number is none, or exceeds the channels, and an unknown montage are a RecordingError.
    """
    checked = resolve_montage("bands", montage)
    made = []
    for pair in bands or [["band", channels]]:
        name, count = pair if len(pair) == 2 else (pair, None)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise RecordingError("bands", f"{pair!r} is no band", "give [name, electrodes], as in [left, 16]")
        if count > channels:
            wrong = f"{channels} channels but {count} electrodes in band {name!r}"
            raise RecordingError("bands", wrong, "describe every channel")
        made.append(Band.numbered(str(name), count, ring, checked))
    return tuple(made)


def resolve_montage(where: str | Path, montage: str) -> Montage:
    """The montage of a word, in any case; "" stays what is not told; RecordingError for another word."""
    word = montage.strip().lower()
    if word in ("", *MONTAGES):
        return cast(Montage, word)
    raise RecordingError(where, f"unknown montage {montage!r}", "say bipolar, reference or average, or leave it out")


def check_rate(where: str | Path, rate_hz: float | None) -> float:
    """The rate, or a RecordingError that asks for it where it is missing or none of a device."""
    if rate_hz is None or not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
        found = "has no rate" if rate_hz is None else f"has the rate {rate_hz}"
        raise RecordingError(where, found, "give rate_hz, the sampling rate of the device in Hz")
    return float(rate_hz)
