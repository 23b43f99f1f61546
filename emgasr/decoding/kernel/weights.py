"""A search configuration in, the numbers that the compiled search multiplies by out."""

from __future__ import annotations

import math

import numpy as np

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.tokens import Tokens

# Places in `weights` (float64): what the search is asked, as SearchConfig has it, ready to multiply. BACKSPACE is -1 if
# there is none; BONUS e^LN_BONUS; LN_UNDO the bonus less a backspace's penalty; LN_BLANK what a blank frame costs;
# THRESHOLD e^-threshold, 0 keeps all.
(
    BEAM, TOP_K, BACKSPACE, SCALE, ALPHA, LN_BONUS, BONUS, LN_UNDO, LN_BLANK, THRESHOLD, COMMIT_WITHIN,
) = range(11)  # fmt: skip
WEIGHTS = 11


def weights_of(config: SearchConfig, tokens: Tokens, with_lm: bool) -> np.ndarray:
    """(WEIGHTS,) float64: the configuration as the kernel has it."""
    labels = len(tokens) - 1
    weights = np.zeros(WEIGHTS)
    weights[BEAM] = config.beam
    weights[TOP_K] = labels if config.top_k is None else min(config.top_k, labels)
    weights[BACKSPACE] = -1 if tokens.backspace_id is None else tokens.backspace_id
    weights[SCALE] = config.acoustic_scale
    weights[ALPHA] = config.lm_weight if with_lm else 0.0
    weights[LN_BONUS] = config.length_bonus
    weights[BONUS] = math.exp(config.length_bonus)
    weights[LN_UNDO] = config.length_bonus - config.backspace_penalty
    weights[LN_BLANK] = config.blank_penalty
    weights[THRESHOLD] = 0.0 if config.threshold is None else math.exp(-config.threshold)
    weights[COMMIT_WITHIN] = config.commit_within
    return weights
