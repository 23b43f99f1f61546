"""How long a query takes in an index of many hours, on one core, and how much memory.

`python benchmarks/search.py [--hours 10] [--queries 16] [--width 64] [--rounds 30] [--json]` searches random
embeddings, as slow to change as a person's hand. `--model FOLDER --recordings FILE… --query TEXT` builds the index of
an aligned model over recordings (manifests among them) and searches that. `--index FOLDER` keeps or takes the index. A
query's time is that of the search by an embedded query: the median of the rounds, behind one that reads the file into
the page cache; that of the embedding by the model's teacher stands beside.
Memory: what the process holds for itself (RssAnon), and what of the file is mapped (RssFile).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np
import torch

from emgasr.corpora.single import named
from emgasr.crossmodal.embeddings import WindowReader, Windows
from emgasr.crossmodal.index import Index, build_index, is_index, read_index
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.crossmodal.retrieval import search
from emgasr.recording import Band, Recording

HOP_S, RECORDING_S = 0.5, 600.0
BETWEEN_S = 3.0  # from one random embedding to the next; in between they change evenly


@dataclass(frozen=True)
class NoModel:
    """What an index asks of a model."""

    checksum: str
    width: int


def main() -> None:
    """Build, search, print."""
    options = parser().parse_args()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    model = load_aligned(options.model) if options.model else cast(AlignedModel, NoModel("random", options.width))
    with tempfile.TemporaryDirectory() as place:
        folder = options.index or Path(place) / "index"
        started = time.perf_counter(), time.process_time()
        if not is_index(folder):
            read = of_files(model, options.recordings) if options.model else random_windows(options)
            build_index(model, HOP_S, read, folder)
        built_s, built_cpu_s = time.perf_counter() - started[0], time.process_time() - started[1]
        before = memory()
        index = read_index(folder, model)
        rng = np.random.default_rng(1)
        rows = model.embed_texts(options.query) if options.model else rng.standard_normal((8, options.width))
        found = figures(index, np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32), options)
        if options.model:
            found["embed_ms_median"] = embed_ms(model, options.query, options.rounds)
        found |= {"build_s": round(built_s, 1), "build_cpu_s": round(built_cpu_s, 1)}
        found |= {f"{name}_before": value for name, value in before.items()} | memory()
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>24}  {value}")


def figures(index: Index, queries: np.ndarray, options: argparse.Namespace) -> dict[str, Any]:
    """Return sizes, and times of queries in ms."""
    search(index, queries[0], options.top)
    wall, cpu = [], []
    for number in range(options.rounds):
        begun = time.perf_counter(), time.process_time()
        search(index, queries[number % len(queries)], options.top)
        wall.append(1000 * (time.perf_counter() - begun[0]))
        cpu.append(1000 * (time.process_time() - begun[1]))
    return {
        "hours": round(index.seconds / 3600, 3),
        "recordings": len(index.recordings),
        "embeddings": len(index.embeddings),
        "file_mb": round(index.embeddings.nbytes / 1e6, 1),
        "query_ms_median": round(statistics.median(wall), 2),
        "query_cpu_ms_median": round(statistics.median(cpu), 2),
        "query_ms_worst": round(max(wall), 2),
    }


def embed_ms(model: AlignedModel, texts: list[str], rounds: int) -> float:
    """Return the median time in ms in which the teacher embeds a query that is new to it."""
    times = []
    for number in range(rounds):
        begun = time.perf_counter()
        model.embed_texts([f"{texts[number % len(texts)]} {number}"])
        times.append(1000 * (time.perf_counter() - begun))
    return round(statistics.median(times), 2)


def memory() -> dict[str, float]:
    """Return MB that the process holds for itself, and of mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return {
        f"{name}_mb": round(int(values[key].split()[0]) / 1024, 1)
        for name, key in (("own", "RssAnon"), ("mapped", "RssFile"))
    }


def of_files(model: AlignedModel, paths: list[str]) -> Iterator[tuple[str, Recording, Windows]]:
    """Yield the windows of recordings."""
    reader = WindowReader(model, HOP_S)
    for path in paths:
        for each in named(path)[0]:
            recording = each.open()
            yield each.name, recording, reader.read(recording)


def random_windows(options: argparse.Namespace) -> Iterator[tuple[str, Recording, Windows]]:
    """Yield windows of recordings of RECORDING_S whose embeddings change evenly from one random one to the next."""
    rng = np.random.default_rng(0)
    bands = (Band.numbered("arm", 1),)
    count = round(RECORDING_S / HOP_S)
    for number in range(round(3600 * options.hours / RECORDING_S)):
        knots = rng.standard_normal((int(RECORDING_S / BETWEEN_S) + 2, options.queries, options.width))
        at = np.arange(count) * HOP_S / BETWEEN_S
        share = (at % 1)[:, None, None]
        parts = (1 - share) * knots[at.astype(int)] + share * knots[at.astype(int) + 1]
        parts /= np.linalg.norm(parts, axis=2, keepdims=True)
        silent = Recording(np.zeros((round(RECORDING_S), 1), np.float32), 1.0, "uV", bands, f"p{number}", "s")
        yield f"recording {number}", silent, Windows(np.arange(count), parts.astype(np.float32))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--hours", type=float, default=10.0)
    made.add_argument("--queries", type=int, default=16, help="embeddings of a window")
    made.add_argument("--width", type=int, default=64)
    made.add_argument("--rounds", type=int, default=30)
    made.add_argument("--top", type=int, default=10)
    made.add_argument("--model", type=Path)
    made.add_argument("--recordings", nargs="+", default=[])
    made.add_argument(
        "--query", nargs="+", default=["thumb and index finger pinch", "make a fist", "the wrist bends back"]
    )
    made.add_argument("--index", type=Path)
    made.add_argument("--json", action="store_true")
    return made


if __name__ == "__main__":
    main()
