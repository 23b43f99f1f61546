"""A search between two chunks in; the keys of its best hypothesis that are certain or old enough out, for good.

A stream must say at some time what it has read. `finalize` decides by two rules: a key is final if hypotheses that hold
most of the probability agree on it, or if it is older than a bound. Hypotheses that hold something else are given up,
so that no final key is ever taken back.
"""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.compiling import forget_outdated
from emgasr.decoding.kernel.tree import Tree, finalize_shared, tail, tail_times
from emgasr.decoding.search import SearchState, take_final
from emgasr.runtime.compiled import compiled

NEVER = 2**62  # frames


def finalize(state: SearchState, agreement: float, within_frames: int | None = None) -> SearchState:
    """Finalize, in place, what hypotheses with a share `agreement` of the probability agree on, and what is old.

    A key of the best hypothesis is old if it began `within_frames` or more before the newest frame; 0 finalizes all.
    """
    logs = True if state.logs else None
    _finalize(state.tree, agreement, NEVER if within_frames is None else within_frames, logs)
    take_final(state)
    return state


@compiled(nogil=True)
def _finalize(tree: Tree, agreement: float, within: int, logs: bool | None) -> None:
    progress, nodes, beam = tree.progress[0], tree.nodes, tree.beam[0]
    live, floor = progress.live, nodes[progress.base].depth
    if logs is None:
        mass = tree.mass[0, 0, :live] + tree.mass[0, 1, :live]
    else:
        mass = np.logaddexp(tree.mass[0, 0, :live], tree.mass[0, 1, :live])
        mass = np.exp(mass - mass.max())
    best = beam[mass.argmax()]
    count = nodes[best].depth - floor
    if count == 0:
        return
    path = np.zeros(count + 1, np.int64)  # the best hypothesis, by depth
    node = best
    for depth in range(count, -1, -1):
        path[depth] = node
        node = nodes[node].parent
    shared = np.zeros(live, np.int64)  # how far each hypothesis agrees with it
    through = np.zeros(count + 2)  # the probability of those that agree so far
    for entry in range(live):
        node = beam[entry]
        depth = nodes[node].depth - floor
        while depth > count or path[depth] != node:
            node = nodes[node].parent
            depth = nodes[node].depth - floor
        shared[entry] = depth
        through[depth] += mass[entry]
    total = through.sum()
    final = count
    while final > 0:
        through[final] += through[final + 1]
        if through[final] >= agreement * total:
            break
        final -= 1
    if final < count and within < progress.frame:
        frames, _ = tail_times(tail(best, tree), tree)
        while final < count and frames[final] < progress.frame - within:
            final += 1
    if final == 0:
        return
    kept = 0
    for entry in range(live):
        if shared[entry] >= final:
            beam[kept] = beam[entry]
            tree.mass[0, :, kept] = tree.mass[0, :, entry]
            kept += 1
    progress.live = kept
    finalize_shared(tree, NEVER, logs)


forget_outdated(_finalize)
