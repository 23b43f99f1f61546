"""A search between two chunks in; the keys of its best hypothesis that are certain or old enough out, for good.

A stream must say at some time what it has read. `settle` decides by two rules: what hypotheses that hold most of the
probability agree on is settled, and so is what is older than a bound, whatever else lives. Hypotheses that hold
something else are given up, so that what was settled is never taken back.
"""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.cache import forget_outdated
from emgasr.decoding.kernel.tree import BASE, DEPTH, FRAME, LIVE, LOGS, PARENT, Tree, commit, tail, tail_times
from emgasr.decoding.search import SearchState, take_committed
from emgasr.runtime.compiled import compiled

NEVER = 2**62  # frames


def settle(state: SearchState, agreement: float, within_frames: int | None = None) -> SearchState:
    """Commit, in place, what hypotheses with a share `agreement` of the probability agree on, and what is old.

    A key of the best hypothesis that began `within_frames` or more before the newest frame is old; 0 settles all of it.
    """
    logs = True if state.tree.marks[LOGS] else None
    _settle(state.tree, agreement, NEVER if within_frames is None else within_frames, logs)
    take_committed(state)
    return state


@compiled(nogil=True)
def _settle(tree: Tree, agreement: float, within: int, logs: bool | None) -> None:
    marks, links, beam = tree.marks, tree.links, tree.beam[0]
    live, floor = marks[LIVE], links[marks[BASE], DEPTH]
    if logs is None:
        mass = tree.mass[0, 0, :live] + tree.mass[0, 1, :live]
    else:
        mass = np.logaddexp(tree.mass[0, 0, :live], tree.mass[0, 1, :live])
        mass = np.exp(mass - mass.max())
    best = beam[mass.argmax()]
    count = links[best, DEPTH] - floor
    if count == 0:
        return
    path = np.zeros(count + 1, np.int64)  # the best hypothesis, by depth
    node = best
    for depth in range(count, -1, -1):
        path[depth] = node
        node = links[node, PARENT]
    shared = np.zeros(live, np.int64)  # how far each hypothesis agrees with it
    through = np.zeros(count + 2)  # the probability of those that agree so far
    for entry in range(live):
        node = beam[entry]
        depth = links[node, DEPTH] - floor
        while depth > count or path[depth] != node:
            node = links[node, PARENT]
            depth = links[node, DEPTH] - floor
        shared[entry] = depth
        through[depth] += mass[entry]
    total = through.sum()
    settled = count
    while settled > 0:
        through[settled] += through[settled + 1]
        if through[settled] >= agreement * total:
            break
        settled -= 1
    if settled < count and within < marks[FRAME]:
        frames, _ = tail_times(tail(best, tree), tree)
        while settled < count and frames[settled] < marks[FRAME] - within:
            settled += 1
    if settled == 0:
        return
    kept = 0
    for entry in range(live):
        if shared[entry] >= settled:
            beam[kept] = beam[entry]
            tree.mass[0, :, kept] = tree.mass[0, :, entry]
            kept += 1
    marks[LIVE] = kept
    commit(tree, NEVER, logs)


forget_outdated(_settle)
