"""A search configuration in, the numbers that the compiled search multiplies by out."""

from __future__ import annotations

import math
from typing import NamedTuple

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.tokens import Tokens


class Weights(NamedTuple):
    """A SearchConfig as the compiled search reads it; `ln_` marks natural logs of factors."""

    beam: int
    top_k: int  # labels that may begin in a frame, all of them at most
    backspace: int  # its id, -1 if there is none
    acoustic_scale: float
    lm_weight: float  # 0 without a language model
    ln_bonus: float  # of every token
    ln_undo: float  # what a backspace changes, beside the refund of what it deletes
    ln_undo_nothing: float  # what a backspace changes on an empty page
    blank_penalty: float  # nats
    threshold: float  # nats; infinite if every hypothesis is kept
    word_bonus: float  # nats
    finalize_within: int  # frames
    strict: bool  # blank and repeats must be among the `top_k` labels too


def weights_of(config: SearchConfig, tokens: Tokens, with_lm: bool) -> Weights:
    """Return the configuration as the compiled search reads it, every number of one type."""
    labels = len(tokens) - 1
    top_k = labels + 1 if config.top_k is None else int(config.top_k)
    bonus, penalty = float(config.length_bonus), float(config.backspace_penalty)
    earned = 0.0 if config.refund_bonus else bonus
    return Weights(
        beam=int(config.beam),
        top_k=min(top_k, labels),
        backspace=-1 if tokens.backspace_id is None else tokens.backspace_id,
        acoustic_scale=float(config.acoustic_scale),
        lm_weight=float(config.lm_weight) if with_lm else 0.0,
        ln_bonus=bonus,
        ln_undo=(-bonus if config.refund_bonus else earned) - penalty,
        ln_undo_nothing=earned - penalty,
        blank_penalty=float(config.blank_penalty),
        threshold=math.inf if config.threshold is None else float(config.threshold),
        word_bonus=float(config.word_bonus),
        finalize_within=int(config.finalize_within),
        strict=config.strict_top_k and top_k <= labels,
    )
