"""Live streams at 2 kHz x 32 in 64 ms chunks, front end and search included: computing time, work, memory, exactness.

    python benchmarks/streaming.py --json [--hour-minutes 60]

Conformers S and M and the published TDS network, cached, each beside recomputing its receptive field for every chunk.
The weights are random; the head is set so that 4 keys a second stand out of blanks, as in typing. One thread.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.lm import NGramModel, estimate
from emgasr.models.conformer import SIZES
from emgasr.models.encoder import EncoderConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.tds import TDSConfig
from emgasr.recording import Band, Recording, Signal
from emgasr.simulate.prompts import default_prompts
from emgasr.streaming.delay import Stopwatch
from emgasr.streaming.stream import Stream
from emgasr.tokens import Tokens

RATE_HZ, CHUNK = 2000.0, 128
KEYS_HZ = 4.0
BANDS = (Band.numbered("left", 16, ring=True), Band.numbered("right", 16, ring=True))
MODELS: dict[str, EncoderConfig] = {"S": SIZES["S"], "M": SIZES["M"], "tds": TDSConfig()}


@dataclass(frozen=True)
class Loop:
    """Samples (T, 32) that repeat a stretch, made as they are read."""

    stretch: np.ndarray
    shape: tuple[int, int]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        return self.stretch[np.arange(*rows.indices(self.shape[0])) % len(self.stretch)]


def bursts(seconds: float) -> np.ndarray:
    """Noise whose loudness changes four times a second, float32 (T, 32)."""
    rng = np.random.default_rng(0)
    count = round(seconds * RATE_HZ)
    loudness = 5.0 * 10 ** rng.uniform(0, 1, (count // 500 + 1, 32)).repeat(500, 0)[:count]
    return (rng.normal(0, 1, (count, 32)) * loudness).astype(np.float32)


def recognizer_of(encoder: EncoderConfig, samples: np.ndarray) -> Recognizer:
    """An untrained recognizer of the published keys, blank in all but KEYS_HZ frames a second."""
    torch.manual_seed(0)
    model = Recognizer(RecognizerConfig(encoder=encoder), Signal(RATE_HZ, "uV", BANDS), Tokens.keystrokes()).eval()
    with torch.no_grad():
        hidden = model.hidden(*model.features(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))).hidden
        logits = model.head(hidden)[0]
        scale = 4 / logits.std()
        highest = (logits[:, 1:] - logits[:, 1:].mean(0)).amax(1) * scale
        model.head.weight *= scale
        model.head.bias -= logits.mean(0)
        model.head.bias *= scale
        model.head.weight[0] = 0
        model.head.bias[0] = highest.quantile(1 - KEYS_HZ / model.frame_rate_hz)
    return model


def step_times(stream: Stream, samples: np.ndarray, warm_s: float) -> None:
    """Feed samples chunk by chunk; the stream's own watch then knows what each took, warming up left out."""
    for first in range(0, len(samples) - CHUNK + 1, CHUNK):
        if first / RATE_HZ < warm_s:
            stream.watch = Stopwatch()
        stream.feed(samples[first : first + CHUNK])


@torch.inference_mode()
def recompute_s(model: Recognizer, samples: np.ndarray, rounds: int) -> float:
    """Median seconds of a forward pass over the receptive field of the outputs that one chunk makes ready."""
    field = model.encoder.history_frames + CHUNK // model.features.hop
    count = (field - 1) * model.features.hop + model.features.window
    part = torch.from_numpy(samples[:count])[None]
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        model(part, torch.tensor([count]))
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def measure(seconds: float, rounds: int, hour_minutes: float) -> dict[str, Any]:
    """The figures of every model, and of a long stream of the small Conformer."""
    samples = bursts(max(seconds, 30.0))
    lm = estimate(default_prompts("train"), order=6)
    search = SearchConfig(lm_weight=1.0, length_bonus=2.0)
    result: dict[str, Any] = {"torch": torch.__version__, "threads": torch.get_num_threads(), "chunk_ms": 64}
    recomputed = {}
    for name, encoder in MODELS.items():
        model = recognizer_of(encoder, samples[: round(20 * RATE_HZ)])
        stream = Stream(model, BeamSearch(model.tokens, lm, search))
        step_times(stream, samples[: round(seconds * RATE_HZ)], warm_s=5.0)
        mean_s = stream.watch.total_s / stream.watch.count
        recomputed[name] = recompute_s(model, samples, rounds)
        bare = _bare_s(model, samples, 200)
        result[name] = {
            "parameters": model.parameter_count,
            "rtf": round(mean_s * RATE_HZ / CHUNK, 5),
            **{f"p{share}_ms": round(stream.watch.quantile_ms(share / 100), 3) for share in (50, 95, 99)},
            "model_ms": round(1000 * bare, 3),
            "recompute_ms": round(1000 * recomputed[name], 3),
            "work_ratio_vs_recompute": round(recomputed[name] / bare, 2),
            "keys": stream.summary()["keys"],
        }
    for name in ("S", "M"):
        ratio = 1000 * recomputed["tds"] / result[name]["model_ms"]
        result[name]["work_ratio_vs_tds_recompute"] = round(ratio, 2)
    result["hour"] = long_stream(60 * hour_minutes, lm, search) if hour_minutes else None
    return result


def _bare_s(model: Recognizer, samples: np.ndarray, chunks: int) -> float:
    """Seconds of one chunk without search, after the warm-up: what recomputing is compared with."""
    state = model.start()
    _, _, state = model.step(torch.from_numpy(samples[: 40 * CHUNK])[None], None, state)
    times = []
    for number in range(40, 40 + chunks):
        chunk = torch.from_numpy(samples[number * CHUNK : (number + 1) * CHUNK])[None]
        started = time.perf_counter()
        _, _, state = model.step(chunk, None, state)
        times.append(time.perf_counter() - started)
    pairs = np.add(times[::2], times[1::2]) / 2  # a chunk of the encoder may be two that are fed
    return float(np.median(pairs))


def long_stream(seconds: float, lm: NGramModel, search: SearchConfig) -> dict[str, Any]:
    """Growth of resident memory after the first minute, and how far emissions are from those of the recording."""
    stretch = bursts(30.0)
    model = recognizer_of(SIZES["S"], stretch[: round(20 * RATE_HZ)])
    source = Loop(stretch, (round(seconds * RATE_HZ), 32))
    expected = model.emissions(Recording(source, RATE_HZ, "uV", BANDS, "nobody", "loop"))
    stream = Stream(model, BeamSearch(model.tokens, lm, search))
    read = stream._reader.read
    difference, at = 0.0, 0

    def compared(rows: np.ndarray) -> None:
        nonlocal difference, at
        difference = max(difference, float(np.abs(rows - expected[at : at + len(rows)]).max(initial=0)))
        at += len(rows)
        read(rows)

    stream._reader.read = compared  # type: ignore[method-assign]
    first_mb = _resident_mb()
    for first in range(0, source.shape[0], CHUNK):
        stream.feed(source[first : first + CHUNK])
        if first // CHUNK == round(60 * RATE_HZ) // CHUNK:
            first_mb = _resident_mb()
    stream.close()
    return {
        "minutes": round(seconds / 60, 2),
        "rss_growth_mb": round(_resident_mb() - first_mb, 2),
        "max_abs_difference": difference,
        "frames": at,
        "frames_offline": len(expected),
        "keys": stream.summary()["keys"],
        "p99_ms": round(stream.watch.quantile_ms(0.99), 3),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'':6}{'real time':>11}{'p50':>9}{'p95':>9}{'p99':>9}{'model':>9}{'recompute':>11}{'ratio':>8}"]
    for name in MODELS:
        row = result[name]
        lines.append(
            f"{name:6}{100 * row['rtf']:>9.2f} %{row['p50_ms']:>9.2f}{row['p95_ms']:>9.2f}{row['p99_ms']:>9.2f}"
            f"{row['model_ms']:>9.2f}{row['recompute_ms']:>11.1f}{row['work_ratio_vs_recompute']:>8.1f}"
        )
    if result["hour"]:
        lines.append(json.dumps(result["hour"]))
    return "\n".join(lines)


def main() -> None:
    """Measure and print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of stream that each model is timed on")
    parser.add_argument("--rounds", type=int, default=5, help="of recomputing")
    parser.add_argument("--hour-minutes", type=float, default=60.0, help="length of the long stream; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options.seconds, options.rounds, options.hour_minutes)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
