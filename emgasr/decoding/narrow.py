"""A search between two chunks and tokens in; the same search out, with the hypotheses alone that begin with them."""

from __future__ import annotations

from collections.abc import Sequence

from emgasr.decoding.finalize import finalize
from emgasr.decoding.kernel.tree import tail
from emgasr.decoding.search import SearchState

ALL = 1 - 1e-9  # a share of the probability: all of it, but for rounding


def keep_beginning(state: SearchState, ids: Sequence[int]) -> SearchState:
    """Drop, in place, the hypotheses that do not begin with `ids`, the final ones among them; finalize what is shared.

    Of a search that keeps none of them the best hypothesis stays.
    """
    tree, wanted = state.tree, list(ids)[len(state.ids) :]
    live = int(tree.progress["live"][0])
    nodes = tree.beam[0, :live].tolist()
    kept = [entry for entry, node in enumerate(nodes) if tail(node, tree)[: len(wanted)].tolist() == wanted]
    if kept and len(kept) < live:
        tree.beam[0, : len(kept)] = tree.beam[0, kept]
        tree.mass[0, :, : len(kept)] = tree.mass[0][:, kept]
        tree.progress["live"] = len(kept)
    return finalize(state, ALL)
