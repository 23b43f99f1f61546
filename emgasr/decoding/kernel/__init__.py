"""The compiled core of the prefix beam search: rows of log-probabilities in, the beam of live hypotheses moved on."""

from emgasr.decoding.kernel.arrays import Scratch, scratch
from emgasr.decoding.kernel.compiling import forget_outdated, is_cold
from emgasr.decoding.kernel.frames import advance

forget_outdated(advance)

__all__ = ["Scratch", "advance", "is_cold", "scratch"]
