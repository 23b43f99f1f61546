"""The tree of live hypotheses: what all of them share is finalized with its times, what none needs is dropped."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from emgasr.decoding.align import best_alignment
from emgasr.decoding.kernel.compiling import inner
from emgasr.decoding.kernel.masses import plus
from emgasr.decoding.margin import margins
from emgasr.runtime.compiled import compiled

BLANK = 0
HISTORY = 256  # symbols of final text that backspaces can still take back

# A node is a token sequence. A text is named by the node that wrote its last symbol.
NODE = np.dtype(
    [
        ("parent", np.int32),
        ("label", np.int32),  # its last token
        ("text", np.int32),
        ("below", np.int32),  # the text that a backspace returns to
        ("state", np.int32),  # the language model's behind the text
        ("child", np.int32),  # its newest child
        ("sibling", np.int32),  # the next older child of its parent
        ("slot", np.int32),  # where in the beam it was last
        ("depth", np.int32),
        ("lexicon", np.int32),  # of a word model's state: the node of the lexicon's tree
        ("spelled", np.int32),  # of a word model's state: the character model's context
        ("hot", np.int32),  # state of the hotwords
        ("ln_p", np.float64),  # ln p_LM of the text
        ("boost", np.float64),  # of the text: nats of hotwords and word bonuses
        ("prior", np.float64),  # the part of the score that the emissions have no say in
        ("factor", np.float64),  # e^(change of prior from the parent); plain or a logarithm, as masses are
        ("undo", np.float64),  # the factor of a backspace behind it, likewise
        ("largest", np.float64),  # the largest factor of a printing token behind it, likewise
        ("outside", np.float64),  # of a word model's state, see WordState
        ("ln_finish", np.float64),  # what the end of the word in progress would change, in nats
    ],
    align=True,
)
FINAL = np.dtype(
    [
        ("id", np.int32),
        ("frame", np.int32),
        ("confidence", np.float64),
        ("margin", np.float64),  # see `Evidence`, as the next two
        ("share", np.float64),
        ("wait", np.float64),
    ],
    align=True,
)
PROGRESS = np.dtype(
    [
        ("frame", np.int64),  # frames seen
        ("live", np.int64),  # hypotheses in the beam
        ("used", np.int64),  # nodes
        ("base", np.int64),  # the node up to which all is final
        ("open_from", np.int64),  # where in `window` the frames behind it begin
        ("open_to", np.int64),
        ("anchored", np.int64),  # 1: the first of these frames is where that node's token begins
        ("finalized", np.int64),  # tokens in `final`
        ("logs", np.int64),  # 1: masses are logarithms
        ("logs_until", np.int64),  # the frame up to which they stay so
        ("too_far", np.int64),  # 1: a node has factors that plain masses cannot hold
        ("ln_scale", np.float64),  # ln of what plain masses were divided by
    ]
)


class Tree(NamedTuple):
    """The arrays of one search; they grow when `advance` asks for it."""

    nodes: np.ndarray  # (nodes,) NODE
    beam: np.ndarray  # (2, entries) int32: the live nodes, and room for the next
    mass: np.ndarray  # (2, 2, entries) float64: ending in blank, in the last token; and room for the next
    window: np.ndarray  # (frames, V) float64: emissions that no final token has used up
    final: np.ndarray  # (tokens,) FINAL
    progress: np.ndarray  # (1,) PROGRESS


@inner
def finalize_shared(tree: Tree, within: int, logs: bool | None) -> bool:
    """Finalize the tokens that all live hypotheses share, or, if none were for `within` frames, those of the best.

    Return whether that changed the beam: then only the best is left.
    """
    progress, beam, mass = tree.progress[0], tree.beam, tree.mass
    forced = progress.open_to - progress.open_from > within
    if forced:
        best = best_entry(tree, logs)
        shares = agreeing(tree, best, logs)
        beam[0, 0], mass[0, 0, 0], mass[0, 1, 0] = beam[0, best], mass[0, 0, best], mass[0, 1, best]
        progress.live = 1
    else:
        shares = np.ones(0)
    shared = shared_node(tree)
    if shared != progress.base:
        finalize_up_to(shared, tree, logs, shares)
    if forced:
        _let_go(tree)
    return forced


@inner
def shared_node(tree: Tree) -> int:
    """Return the last node that all live hypotheses share."""
    progress, nodes, beam = tree.progress[0], tree.nodes, tree.beam
    shared = beam[0, 0]
    for entry in range(1, progress.live):
        node = beam[0, entry]
        if shared == progress.base:
            break
        while node != shared:
            if nodes[node].depth > nodes[shared].depth:
                node = nodes[node].parent
            else:
                shared = nodes[shared].parent
    return shared


@compiled(nogil=True)
def tail(node: int, tree: Tree) -> np.ndarray:
    """Return the token ids from the final node (its own last token not among them) to `node`."""
    nodes = tree.nodes
    count = nodes[node].depth - nodes[tree.progress[0].base].depth
    ids = np.zeros(count, np.int64)
    for place in range(count - 1, -1, -1):
        ids[place] = nodes[node].label
        node = nodes[node].parent
    return ids


@compiled(nogil=True)
def tail_times(ids: np.ndarray, tree: Tree) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frames (absolute), confidences and margins of tokens behind the final node, by the best alignment."""
    progress = tree.progress[0]
    window = tree.window[progress.open_from : progress.open_to]
    first = progress.frame - len(window)
    anchored = 1 if progress.anchored else 0
    aligned = np.zeros(len(ids) + anchored, np.int64)
    aligned[0] = tree.nodes[progress.base].label  # unless the first token takes its place
    for place in range(len(ids)):
        aligned[place + anchored] = ids[place]
    found, lasts, sure = best_alignment(window, aligned, anchored == 1)
    leads = margins(window, aligned[: len(found)], found, lasts)
    frames, confidences, lead = np.zeros(len(ids), np.int64), np.zeros(len(ids)), np.zeros(len(ids))
    for place in range(len(ids)):
        if len(found):
            frames[place], confidences[place] = found[place + anchored] + first, sure[place + anchored]
            lead[place] = leads[place + anchored]
        else:  # the last final token was placed where these do not fit behind it any more
            frame = min(place, len(window) - 1)
            frames[place], confidences[place] = frame + first, np.exp(window[frame, ids[place]])
    return frames, confidences, lead


@compiled(nogil=True)
def agreeing(tree: Tree, entry: int, logs: bool | None) -> np.ndarray:
    """Return the share of the beam's probability that agrees with a hypothesis up to each of its tokens.

    `entry` is the hypothesis' place in the beam; the shares (n + 1,) begin with that of the final node, 1.
    """
    progress, nodes, beam = tree.progress[0], tree.nodes, tree.beam[0]
    live, floor = progress.live, nodes[progress.base].depth
    if logs is None:
        mass = tree.mass[0, 0, :live] + tree.mass[0, 1, :live]
    else:
        mass = np.logaddexp(tree.mass[0, 0, :live], tree.mass[0, 1, :live])
        mass = np.exp(mass - mass.max())
    count = nodes[beam[entry]].depth - floor
    path = np.zeros(count + 1, np.int64)  # the hypothesis, by depth
    node = beam[entry]
    for depth in range(count, -1, -1):
        path[depth] = node
        node = nodes[node].parent
    through = np.zeros(count + 1)  # the probability of those that agree so far, and no further
    for other in range(live):
        node = beam[other]
        depth = nodes[node].depth - floor
        while depth > count or path[depth] != node:
            node = nodes[node].parent
            depth = nodes[node].depth - floor
        through[depth] += mass[other]
    for depth in range(count - 1, -1, -1):
        through[depth] += through[depth + 1]
    return through / through[0]


@inner
def best_entry(tree: Tree, logs: bool | None) -> int:
    """Return the place in the beam of the most probable hypothesis."""
    best, mass = 0, tree.mass
    for entry in range(1, tree.progress[0].live):
        if plus(mass[0, 0, entry], mass[0, 1, entry], logs) > plus(mass[0, 0, best], mass[0, 1, best], logs):
            best = entry
    return best


@inner
def finalize_up_to(shared: int, tree: Tree, logs: bool | None, shares: np.ndarray) -> None:
    """Finalize the tokens up to a node that all live hypotheses share.

    `shares` are those that agreed up to each token (`agreeing`), before others were given up; none: all did.
    """
    progress, nodes = tree.progress[0], tree.nodes
    ids = tail(tree.beam[0, best_entry(tree, logs)], tree)
    frames, confidences, leads = tail_times(ids, tree)
    count = nodes[shared].depth - nodes[progress.base].depth
    for place in range(count):
        token = tree.final[progress.finalized + place]
        token.id, token.frame, token.confidence = ids[place], frames[place], confidences[place]
        token.margin, token.wait = leads[place], progress.frame - frames[place]
        token.share = shares[place + 1] if place + 1 < len(shares) else 1.0
    progress.finalized += count
    progress.open_from = progress.open_to - (progress.frame - frames[count - 1])
    progress.anchored = 1
    progress.base = shared
    nodes[shared].parent = -1


@inner
def _let_go(tree: Tree) -> None:
    """Forget the emissions behind the only hypothesis, all of which is final."""
    progress = tree.progress[0]
    if tree.mass[0, 0, 0] >= tree.mass[0, 1, 0] or tree.nodes[progress.base].label == BLANK:
        progress.open_from, progress.anchored = progress.open_to, 0
    else:
        progress.open_from, progress.anchored = progress.open_to - 1, 1


@inner
def shift_window(window: np.ndarray, progress: Any) -> None:
    """Move the emissions that are still needed to the front of their array."""
    first = progress.open_from
    count = progress.open_to - first
    for frame in range(count):
        for label in range(window.shape[1]):
            window[frame, label] = window[first + frame, label]
    progress.open_from, progress.open_to = 0, count


@compiled(nogil=True)
def compact(tree: Tree) -> None:
    """Drop every node that no live hypothesis grew from, and every text that none can return to.

    Text more than HISTORY symbols back is forgotten: a backspace there leaves what is left and refunds nothing, as on
    an empty page. Its factor is that of node 0, which stays for that.
    """
    progress, nodes, beam = tree.progress[0], tree.nodes, tree.beam
    used = progress.used
    keep = np.zeros(used, np.bool_)
    keep[0] = keep[progress.base] = True
    for entry in range(progress.live):
        node = beam[0, entry]
        while not keep[node]:
            keep[node] = True
            node = nodes[node].parent
    text = nodes[progress.base].text
    for _ in range(HISTORY):
        text = nodes[text].below
    nodes[text].below = text
    for node in range(used - 1, -1, -1):  # downwards: a text lies before what was typed onto it
        if keep[node]:
            keep[nodes[node].text] = True
            if nodes[node].text == text:
                nodes[node].undo = nodes[0].undo
            if nodes[node].text == node:
                keep[nodes[node].below] = True
    moved = np.full(used, -1, np.int32)
    count = 0
    for node in range(used):
        if keep[node]:
            moved[node] = count
            nodes[count] = nodes[node]
            count += 1
    for number in range(count):
        kept = nodes[number]
        kept.child = -1
        kept.text, kept.below = moved[kept.text], moved[kept.below]
        if kept.parent >= 0:
            kept.parent = moved[kept.parent]
    for number in range(count):
        parent = nodes[number].parent
        if parent >= 0:
            nodes[number].sibling, nodes[parent].child = nodes[parent].child, number
    for entry in range(progress.live):
        beam[0, entry] = moved[beam[0, entry]]
    progress.base, progress.used = moved[progress.base], count
