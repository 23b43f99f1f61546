"""An index and the embedding of a query in; the stretches of recordings that are most like it, ranked, out.

Every embedding is compared (faiss, no approximation). A window is as like the query as its nearest part.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from emgasr.crossmodal.index import Index
from emgasr.errors import ConfigError, DataError

DROP = 0.1  # of likeness below its best window's: where a hit ends


@dataclass(frozen=True)
class Hit:
    """A stretch of a recording that is like a query.

    Args:
        place: of the recording in the index.
        start_s: where it begins.
        end_s: where it ends.
        best_s: the end of its window that is most like the query.
        likeness: of that window, -1 to 1.
    """

    place: int
    start_s: float
    end_s: float
    best_s: float
    likeness: float


def search(index: Index, query: np.ndarray, top: int) -> list[Hit]:
    """Return at most `top` stretches, the likest first; no two overlap or touch.

    A stretch is a window and its neighbors that are less like the query by at most DROP; stretches that meet are one.
    A window beside a stretch that is less like the query than that is its slope, and no hit of its own.

    Args:
        index: to be searched.
        query: (d,) of unit length.
        top: most hits.

    Raises:
        ConfigError: faiss is not installed.
        DataError: the index holds numbers that are no embeddings.
    """
    faiss = _faiss()
    queries, rows = index.file.queries, len(index.embeddings)
    seeker = _Seeker(index, query)
    asked = min(rows, max(64, 8 * top * queries))
    while True:
        scores, parts = faiss.knn(query[None].astype(np.float32), index.embeddings, asked, faiss.METRIC_INNER_PRODUCT)
        _check(index, float(scores[0, 0]))
        windows = parts[0] // queries
        _, first = np.unique(windows, return_index=True)  # of a window's parts, the nearest comes first
        first.sort()
        for window, likeness in zip(windows[first].tolist(), scores[0, first].tolist(), strict=True):
            seeker.take(window, likeness)
            if len(seeker.hits) == top:
                return seeker.ranked()
        if asked == rows:
            return seeker.ranked()
        asked = min(rows, 8 * asked)


def likeness_over_time(index: Index, place: int, query: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (n,) in seconds of a recording's windows, and how like a query (d,) each is."""
    first, last = index.first_windows[place : place + 2]
    ends_s = (index.recordings[place].numbers + 1) * index.file.hop_s
    return ends_s, _likeness(index, query, int(first), int(last))


def _faiss() -> Any:
    if find_spec("faiss") is None:
        raise ConfigError("search", "needs faiss", "pip install 'emgasr[crossmodal]'")
    import faiss

    return faiss


def _check(index: Index, likeness: float) -> None:
    if not -1.01 <= likeness <= 1.01:
        raise DataError(index.folder, "holds numbers that are no embeddings", "build the index again")


def _likeness(index: Index, query: np.ndarray, first: int, last: int) -> np.ndarray:
    queries = index.file.queries
    rows = np.asarray(index.embeddings[first * queries : last * queries])
    return np.asarray((rows @ query).reshape(-1, queries).max(1))


class _Stretch(NamedTuple):
    """Windows of one run without a gap, counted through the index: the first, the last, the best, its likeness."""

    first: int
    last: int
    best: int
    likeness: float


class _Seeker:
    """Takes windows, the likest first, and makes stretches of them."""

    def __init__(self, index: Index, query: np.ndarray) -> None:
        self.index, self.query = index, query
        self.firsts = index.first_windows
        self.hits: list[_Stretch] = []
        self._covered = np.zeros(self.firsts[-1], bool)  # windows of hits, and those beside them

    def take(self, window: int, likeness: float) -> None:
        """Make a hit of the next window, unless it belongs to one."""
        if self._covered[window]:
            return
        low, high = self._run(window)
        first = window - self._reach(np.arange(window - 1, low - 1, -1), likeness - DROP)
        last = window + self._reach(np.arange(window + 1, high + 1), likeness - DROP)
        met = [one for one in self.hits if low <= one.first <= last + 1 and first - 1 <= one.last <= high]
        best = met[0] if met else _Stretch(first, last, window, likeness)
        first, last = min([first, *(one.first for one in met)]), max([last, *(one.last for one in met)])
        self.hits = [one for one in self.hits if one not in met] + [best._replace(first=first, last=last)]
        self.hits.sort(key=lambda one: (-one.likeness, one.best))
        self._covered[max(low, first - 1) : min(high, last + 1) + 1] = True

    def ranked(self) -> list[Hit]:
        """Return the hits, the likest first."""
        found = []
        for one in self.hits:
            place = self._place(one.best)
            numbers, hop_s = self.index.recordings[place].numbers, self.index.file.hop_s
            start, end, best = (int(numbers[at - self.firsts[place]]) for at in (one.first, one.last, one.best))
            found.append(Hit(place, start * hop_s, (end + 1) * hop_s, (best + 1) * hop_s, one.likeness))
        return found

    def _place(self, window: int) -> int:
        return int(np.searchsorted(self.firsts, window, side="right")) - 1

    def _run(self, window: int) -> tuple[int, int]:
        """Return the first and the last window of the run without a gap that a window is of."""
        place = self._place(window)
        low = int(self.firsts[place])
        for _, count in self.index.recordings[place].runs:
            if window < low + count:
                return low, low + count - 1
            low += count
        raise AssertionError  # every window is in a run

    def _reach(self, windows: np.ndarray, least: float) -> int:
        """Return how many of these neighbors, the nearest first, follow each other with at least this likeness."""
        reach, block = 0, 16
        while reach < len(windows):
            some = windows[reach : reach + block]
            low, high = int(some.min()), int(some.max())
            likeness = _likeness(self.index, self.query, low, high + 1)[some - low]
            if (likeness < least).any():
                return reach + int((likeness < least).argmax())
            reach, block = reach + len(some), 2 * block
        return reach
