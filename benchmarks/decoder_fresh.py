"""What needs a process of its own: the first call of a cached kernel in seconds, the growth of an hour's stream in MB.

`python benchmarks/decoder_fresh.py first_call_s|rss_growth_mb ARPA EMISSIONS CONFIG` prints one number; EMISSIONS is a
.npy of frames (F, 99) at 125 Hz, CONFIG a SearchConfig in JSON. Reading the model and importing are no part of a call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.decoding.search import BeamSearch
from emgasr.lm import read_arpa
from emgasr.tokens import Tokens

RATE_HZ, CHUNK_FRAMES = 125, 25
HOUR_S, WARM_S = 3600, 60


def first_call_s(search: BeamSearch, emissions: np.ndarray) -> float:
    """Return how long the first search of a second of emissions takes."""
    started = time.perf_counter()
    search.whole(emissions[:RATE_HZ])
    return time.perf_counter() - started


def rss_growth_mb(search: BeamSearch, emissions: np.ndarray) -> float:
    """Return how far resident memory rises after the first minute of an hour of stream, at any time in it."""
    state, warm, highest = search.start(), 0.0, 0.0
    chunks = np.array_split(emissions, len(emissions) // CHUNK_FRAMES)
    frames = 0
    while frames < HOUR_S * RATE_HZ:
        for chunk in chunks:
            state = search.step(chunk, state)
            frames += len(chunk)
            if frames <= WARM_S * RATE_HZ:
                warm = _resident_mb()
        highest = max(highest, _resident_mb())
    return highest - warm


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    what, arpa, emissions_file, config = sys.argv[1:]
    measure = {"first_call_s": first_call_s, "rss_growth_mb": rss_growth_mb}[what]
    wanted = SearchConfig(**json.loads(config))
    print(measure(BeamSearch(Tokens.keystrokes(), read_arpa(arpa), wanted), np.load(emissions_file)))
