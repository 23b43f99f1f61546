"""What tests hear of a source: its chunks for a while, their samples, the kinds of their notes."""

from __future__ import annotations

import time

import numpy as np

from emgasr.sources import Chunk, Source


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def kinds(chunks: list[Chunk]) -> set[str]:
    return {note.kind for chunk in chunks for note in chunk.notes}


def take(source: Source, seconds: float) -> list[Chunk]:
    chunks, end_s = [], time.monotonic() + 30.0
    for chunk in source.chunks():
        chunks.append(chunk)
        if chunk.time_s >= seconds or time.monotonic() > end_s:
            break
    source.close()
    return chunks
