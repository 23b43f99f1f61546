"""The compiled core of the prefix beam search: rows of log-probabilities in, the beam of live hypotheses moved on."""

from emgasr.decoding.kernel.cache import forget_outdated, is_cold
from emgasr.decoding.kernel.frames import advance
from emgasr.decoding.kernel.scratch import Scratch, scratch

forget_outdated(advance)

__all__ = ["Scratch", "advance", "is_cold", "scratch"]
