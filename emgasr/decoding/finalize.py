"""A search between two chunks in; the keys of its best hypothesis that are certain or old enough out, for good.

A stream must say at some time what it has read. `finalize` decides by two rules: a key is final if hypotheses that hold
most of the probability agree on it, or if it is older than a bound. Hypotheses that hold something else are given up,
so that no final key is ever taken back.
"""

from __future__ import annotations

from emgasr.decoding.kernel.compiling import forget_outdated
from emgasr.decoding.kernel.tree import Tree, agreeing, best_entry, finalize_up_to, shared_node, tail, tail_times
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
    entry = best_entry(tree, logs)
    best = beam[entry]
    count = nodes[best].depth - nodes[progress.base].depth
    if count == 0:
        return
    shares = agreeing(tree, entry, logs)
    final = count
    while final > 0 and shares[final] < agreement:
        final -= 1
    if final < count and within < progress.frame:
        frames, _, _ = tail_times(tail(best, tree), tree)
        while final < count and frames[final] < progress.frame - within:
            final += 1
    if final == 0:
        return
    node = best
    for _ in range(count - final):
        node = nodes[node].parent
    kept = 0
    for other in range(progress.live):
        grown = beam[other]
        while nodes[grown].depth > nodes[node].depth:
            grown = nodes[grown].parent
        if grown == node:
            beam[kept] = beam[other]
            tree.mass[0, :, kept] = tree.mass[0, :, other]
            kept += 1
    progress.live = kept
    finalize_up_to(shared_node(tree), tree, logs, shares)


forget_outdated(_finalize)
