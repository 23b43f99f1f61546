"""Masses of hypotheses as plain numbers, or as natural logarithms where these reach too far: what to do with each.

Plain masses cost the least and hold what lies within some 300 nats of the best. `advance` is compiled for either, from
one source in these words: `logs` is None for plain masses, True for logarithms. It never drops what it should keep:
before a frame that plain masses cannot hold, it asks for logarithms (`rows.FURTHER`).
"""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.compiling import inlined

# Of plain masses: less than TINY is held to be lost, more than HUGE too much to go on from. The best is brought back to
# 1 where it leaves the other two. Factors of up to e^LARGEST_LN come before emissions in each product, so that whatever
# is not lost has lost no digits on the way: 2e-308 (the least double of all digits) · TOO_LARGE · e^LARGEST_LN < TINY.
TINY, HUGE = 1e-150, 1e280
TOO_SMALL, TOO_LARGE = 1e-20, 1e20
LARGEST_LN = 300.0
LOGS_FRAMES = 16  # how many frames logarithms are kept for, before plain masses are tried again


@inlined
def zero(logs: bool | None) -> float:
    """Return the mass of what cannot be."""
    if logs is None:
        return 0.0
    return -np.inf


@inlined
def of_ln(value: float, logs: bool | None) -> float:
    """Return the mass or factor with this logarithm."""
    if logs is None:
        return np.exp(value)
    return value


@inlined
def times(one: float, other: float, logs: bool | None) -> float:
    """Return the product."""
    if logs is None:
        return one * other
    return one + other


@inlined
def plus(one: float, other: float, logs: bool | None) -> float:
    """Return the sum."""
    if logs is None:
        return one + other
    low, high = min(one, other), max(one, other)
    return high if low == -np.inf else high + np.log1p(np.exp(low - high))
