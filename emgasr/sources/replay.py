"""A recorded file in, its samples as a Source out: "file:PATH", in real time, faster, or as fast as they are taken.

A single take (.npy, .wav, a table) may need rate=…, unit=… (or scale_uv=…) and columns=1+2, any file montage=….
What it lacks is taken as the training takes of the model that listens had it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from emgasr.corpora.single import Facts, open_single
from emgasr.errors import ConfigError
from emgasr.recording import MONTAGES, Recording, Signal
from emgasr.sources.paced import paced_source
from emgasr.sources.source import Source
from emgasr.sources.spec import Spec


def open_source(spec: Spec, signal: Signal | None = None, tell: Callable[[str], object] = lambda line: None) -> Source:
    """Replay the recording that the spec's path names: a session, BDF or EDF, or a single take.

    Args:
        spec: the path and its options.
        signal: what listens; None: nothing is assumed of a take.
        tell: is called with each note on the recording.
    """
    if not spec.bare:
        raise ConfigError(spec.where, "names no recording", "give file:PATH")
    columns = spec.text("columns", "")
    facts = Facts(
        spec.rate_hz() if spec.text("rate", "") else None,
        spec.text("unit", "") or None,
        spec.number("scale_uv", least=-math.inf) if spec.text("scale_uv", "") else None,
        tuple(columns.split("+")) if columns else (),
        spec.text("montage", "", choices=("", *MONTAGES)),
    )
    recording = open_single(spec.bare, facts, signal)
    for note in recording.notes:
        tell(f"{spec.bare}: {note}")
    return replay(recording, spec)


def replay(recording: Recording, spec: Spec) -> Source:
    """A recording as a source, by the options of `spec`; where its own clock shows a gap, the source tells one."""
    position = 0
    lost: tuple[tuple[int, int], ...] = getattr(recording.samples, "lost", ())

    def read(rows: int) -> np.ndarray:
        nonlocal position
        first = position
        position = min(first + rows, recording.n_samples)
        return np.asarray(recording.samples[first:position], dtype=np.float32)

    return paced_source(read, recording.rate_hz, recording.unit, recording.bands, spec, recording.origin, lost)
