"""A search configuration in, the numbers that the compiled search multiplies by out."""

from __future__ import annotations

import math

import numpy as np

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.tokens import Tokens

# Places in `weights` (float64): what the search is asked, as SearchConfig has it, in nats where it has nats. BACKSPACE
# is -1 if there is none; LN_UNDO what a backspace changes beside the refund of what it deletes, LN_UNDO_NOTHING what it
# changes on an empty page; LN_BLANK what a blank frame costs; THRESHOLD infinite if all are kept; STRICT 1 or 0.
(
    BEAM, TOP_K, BACKSPACE, SCALE, ALPHA, LN_BONUS, LN_UNDO, LN_UNDO_NOTHING, LN_BLANK, THRESHOLD, COMMIT_WITHIN,
    WORD_BONUS, STRICT,
) = range(13)  # fmt: skip
WEIGHTS = 13


def weights_of(config: SearchConfig, tokens: Tokens, with_lm: bool) -> np.ndarray:
    """(WEIGHTS,) float64: the configuration as the kernel has it."""
    labels = len(tokens) - 1
    top_k = labels + 1 if config.top_k is None else config.top_k
    weights = np.zeros(WEIGHTS)
    weights[BEAM] = config.beam
    weights[TOP_K] = min(top_k, labels)
    weights[BACKSPACE] = -1 if tokens.backspace_id is None else tokens.backspace_id
    weights[SCALE] = config.acoustic_scale
    weights[ALPHA] = config.lm_weight if with_lm else 0.0
    weights[LN_BONUS] = config.length_bonus
    earned = 0.0 if config.refund_bonus else config.length_bonus
    weights[LN_UNDO_NOTHING] = earned - config.backspace_penalty
    weights[LN_UNDO] = (-config.length_bonus if config.refund_bonus else earned) - config.backspace_penalty
    weights[LN_BLANK] = config.blank_penalty
    weights[THRESHOLD] = math.inf if config.threshold is None else config.threshold
    weights[COMMIT_WITHIN] = config.commit_within
    weights[WORD_BONUS] = config.word_bonus
    weights[STRICT] = config.strict_top_k and top_k <= labels
    return weights
