"""A recorded file in, its samples as a Source out: "file:PATH", in real time, faster, or as fast as they are taken."""

from __future__ import annotations

import numpy as np

from emgasr.corpora import open_any
from emgasr.errors import ConfigError
from emgasr.recording import Recording
from emgasr.sources.paced import paced_source
from emgasr.sources.source import Source
from emgasr.sources.spec import Spec


def open_source(spec: Spec) -> Source:
    """Replay the recording that the spec's path names (native, emg2qwerty, BDF or EDF)."""
    if not spec.bare:
        raise ConfigError(spec.where, "names no recording", "give file:PATH")
    return replay(open_any(spec.bare), spec)


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
