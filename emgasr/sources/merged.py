"""Sources of several sensors in; their chunks in the order of their times, each with its source's number, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emgasr.errors import EmgasrError
from emgasr.sources.source import Chunk, Source


def merged(sources: Sequence[Source]) -> Iterator[tuple[int, Chunk | EmgasrError | None]]:
    """Yield the number of a source and its next chunk, always of the source that is farthest behind.

    In place of a chunk comes None where a source has ended, or the error that it ended by; the others go on.
    """
    waiting = {number: iter(source.chunks()) for number, source in enumerate(sources)}
    until_s = dict.fromkeys(waiting, 0.0)
    while waiting:
        number = min(waiting, key=lambda one: until_s[one])
        try:
            chunk = next(waiting[number])
        except (StopIteration, EmgasrError) as error:
            del waiting[number]
            yield number, error if isinstance(error, EmgasrError) else None
            continue
        until_s[number] = chunk.time_s + len(chunk.samples) / sources[number].rate_hz
        yield number, chunk
