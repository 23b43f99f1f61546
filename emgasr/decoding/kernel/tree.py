"""The tree of live hypotheses: what all of them share is committed with its times, what none needs is dropped."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emgasr.decoding.align import best_alignment
from emgasr.decoding.kernel.masses import plus
from emgasr.runtime.compiled import compiled

BLANK = 0
HISTORY = 256  # symbols of committed text that backspaces can still take back

# Columns of `links`: the tree. A text is named by the node that wrote its last symbol; BELOW is what a backspace
# returns to, STATE, NODE and SPELLED the language model's state behind the text (the last two a word model's), HOT that
# of the hotwords, SLOT where in the beam a node was last.
PARENT, LABEL, TEXT, BELOW, STATE, CHILD, SIBLING, SLOT, DEPTH, NODE, SPELLED, HOT = range(12)
LINKS = 12
# Columns of `values`: ln p_LM of the text, its boosts and bonuses of words, the score's part without emissions; as
# factors, plain or logarithms as masses are, its change on the way from the parent and its change if a backspace came
# next; of a word model OUTSIDE, and the change if the word ended; the largest factor of a printing token there.
LN_P, BOOST, PRIOR, FACTOR, UNDO, OUTSIDE_LN_P, FINISH, MOST_GAIN = range(8)
VALUES = 8
# Columns of `marks`, the counters of a search: frames seen, live hypotheses, nodes in use, the node up to which all is
# committed, where in `window` the frames behind it begin and end, whether the first of them is where that node's token
# begins, tokens in `committed`; whether masses are logarithms, the frame up to which they stay so, whether there is a
# node whose factors are too far from 1 for plain ones.
FRAME, LIVE, USED, BASE, WINDOW, FILLED, ANCHORED, COMMITTED, LOGS, LOGS_UNTIL, TOO_FAR = range(11)
MARKS = 11


class Tree(NamedTuple):
    """The arrays of one search; they grow when `advance` asks for it."""

    links: np.ndarray  # (nodes, LINKS) int32
    values: np.ndarray  # (nodes, VALUES) float64
    beam: np.ndarray  # (2, entries) int32: the live nodes, and room for the next
    mass: np.ndarray  # (2, 2, entries) float64: ending in blank, in the last token; and room for the next; see LOGS
    window: np.ndarray  # (frames, V) float64: emissions that no committed token has used up
    committed: np.ndarray  # (tokens, 2) int32: id and frame
    confidence: np.ndarray  # (tokens,) float64
    marks: np.ndarray  # (MARKS,) int64
    ln_scale: np.ndarray  # (1,) float64: the natural log of what masses were divided by


@compiled(nogil=True)
def commit(tree: Tree, within: int, logs: bool | None) -> bool:
    """Commit the tokens that all live hypotheses share, or, if none were for `within` frames, those of the best.

    Return whether the beam has changed by it: only the best is left then.
    """
    marks, links, beam, mass = tree.marks, tree.links, tree.beam, tree.mass
    forced = marks[FILLED] - marks[WINDOW] > within
    if forced:
        best = _best(tree, logs)
        beam[0, 0], mass[0, 0, 0], mass[0, 1, 0] = beam[0, best], mass[0, 0, best], mass[0, 1, best]
        marks[LIVE] = 1
    shared = beam[0, 0]
    for entry in range(1, marks[LIVE]):
        node = beam[0, entry]
        if shared == marks[BASE]:
            break
        while node != shared:
            if links[node, DEPTH] > links[shared, DEPTH]:
                node = links[node, PARENT]
            else:
                shared = links[shared, PARENT]
    if shared != marks[BASE]:
        _commit_up_to(shared, tree, logs)
    if forced:
        _let_go(tree)
    return forced


@compiled(nogil=True)
def tail(node: int, tree: Tree) -> np.ndarray:
    """The token ids from the committed node (its own last token not among them) to `node`."""
    links = tree.links
    count = links[node, DEPTH] - links[tree.marks[BASE], DEPTH]
    ids = np.zeros(count, np.int64)
    for place in range(count - 1, -1, -1):
        ids[place] = links[node, LABEL]
        node = links[node, PARENT]
    return ids


@compiled(nogil=True)
def tail_times(ids: np.ndarray, tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Frames (absolute) and confidences of tokens behind the committed node, by the best alignment of the window."""
    marks = tree.marks
    window = tree.window[marks[WINDOW] : marks[FILLED]]
    first = marks[FRAME] - len(window)
    anchored = 1 if marks[ANCHORED] else 0
    aligned = np.zeros(len(ids) + anchored, np.int64)
    aligned[0] = tree.links[marks[BASE], LABEL]  # unless the first token takes its place
    for place in range(len(ids)):
        aligned[place + anchored] = ids[place]
    found, sure = best_alignment(window, aligned, anchored == 1)
    frames, confidences = np.zeros(len(ids), np.int64), np.zeros(len(ids))
    for place in range(len(ids)):
        if len(found):
            frames[place], confidences[place] = found[place + anchored] + first, sure[place + anchored]
        else:  # the last commit placed its token where these do not fit behind it any more
            frame = min(place, len(window) - 1)
            frames[place], confidences[place] = frame + first, np.exp(window[frame, ids[place]])
    return frames, confidences


@compiled(nogil=True)
def _best(tree: Tree, logs: bool | None) -> int:
    best, mass = 0, tree.mass
    for entry in range(1, tree.marks[LIVE]):
        if plus(mass[0, 0, entry], mass[0, 1, entry], logs) > plus(mass[0, 0, best], mass[0, 1, best], logs):
            best = entry
    return best


@compiled(nogil=True)
def _commit_up_to(shared: int, tree: Tree, logs: bool | None) -> None:
    marks = tree.marks
    ids = tail(tree.beam[0, _best(tree, logs)], tree)
    frames, confidences = tail_times(ids, tree)
    count = tree.links[shared, DEPTH] - tree.links[marks[BASE], DEPTH]
    first = marks[COMMITTED]
    committed, confidence = tree.committed, tree.confidence
    for place in range(count):
        committed[first + place, 0], committed[first + place, 1] = ids[place], frames[place]
        confidence[first + place] = confidences[place]
    marks[COMMITTED] += count
    marks[WINDOW] = marks[FILLED] - (marks[FRAME] - frames[count - 1])
    marks[ANCHORED] = 1
    marks[BASE] = shared
    tree.links[shared, PARENT] = -1


@compiled(nogil=True)
def _let_go(tree: Tree) -> None:
    """Forget the emissions behind the only hypothesis, which has been committed whole."""
    marks = tree.marks
    if tree.mass[0, 0, 0] >= tree.mass[0, 1, 0] or tree.links[marks[BASE], LABEL] == BLANK:
        marks[WINDOW], marks[ANCHORED] = marks[FILLED], 0
    else:
        marks[WINDOW], marks[ANCHORED] = marks[FILLED] - 1, 1


@compiled(nogil=True)
def shift_window(tree: Tree) -> None:
    """Move the emissions that are still needed to the front of their array."""
    marks, window, first = tree.marks, tree.window, tree.marks[WINDOW]
    count = marks[FILLED] - first
    for frame in range(count):
        for label in range(window.shape[1]):
            window[frame, label] = window[first + frame, label]
    marks[WINDOW], marks[FILLED] = 0, count


@compiled(nogil=True)
def compact(tree: Tree) -> None:
    """Drop every node that no live hypothesis grew from, and every text that none can return to.

    Behind HISTORY symbols text is forgotten: a backspace there leaves what is left and refunds nothing, as on an empty
    page. What it gives then is what it gave in node 0, which stays for that.
    """
    marks, links, values, beam = tree.marks, tree.links, tree.values, tree.beam
    used = marks[USED]
    keep = np.zeros(used, np.bool_)
    keep[0] = keep[marks[BASE]] = True
    for entry in range(marks[LIVE]):
        node = beam[0, entry]
        while not keep[node]:
            keep[node] = True
            node = links[node, PARENT]
    text = links[marks[BASE], TEXT]
    for _ in range(HISTORY):
        text = links[text, BELOW]
    links[text, BELOW] = text
    for node in range(used - 1, -1, -1):  # downwards: a text lies before what was typed onto it
        if keep[node]:
            keep[links[node, TEXT]] = True
            if links[node, TEXT] == text:
                values[node, UNDO] = values[0, UNDO]
            if links[node, TEXT] == node:
                keep[links[node, BELOW]] = True
    moved = np.full(used, -1, np.int32)
    count = 0
    for node in range(used):
        if keep[node]:
            moved[node] = count
            for column in range(LINKS):
                links[count, column] = links[node, column]
            for column in range(VALUES):
                values[count, column] = values[node, column]
            count += 1
    for node in range(count):
        links[node, CHILD] = -1
        links[node, TEXT], links[node, BELOW] = moved[links[node, TEXT]], moved[links[node, BELOW]]
        if links[node, PARENT] >= 0:
            links[node, PARENT] = moved[links[node, PARENT]]
    for node in range(count):
        parent = links[node, PARENT]
        if parent >= 0:
            links[node, SIBLING], links[parent, CHILD] = links[parent, CHILD], node
    for entry in range(marks[LIVE]):
        beam[0, entry] = moved[beam[0, entry]]
    marks[BASE], marks[USED] = moved[marks[BASE]], count
