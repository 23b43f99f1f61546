"""Garwood's bounds: by the sums of Poisson's distribution, and the sentence of the field."""

from __future__ import annotations

import math

import pytest

from emgasr.errors import DataError
from emgasr.evaluation.operating.poisson import check_support, lower, upper


def at_most(count: int, mean: float) -> float:
    """The chance of `count` events or fewer."""
    return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1))


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_bounds_leave_five_percent_on_their_side(count: int) -> None:
    hours = 2.5
    assert at_most(count, upper(count, hours) * hours) == pytest.approx(0.05)
    if count:
        assert 1 - at_most(count - 1, lower(count, hours) * hours) == pytest.approx(0.05)


def test_none_in_1_8_hours_proves_less_than_1_7_an_hour() -> None:
    assert lower(0, 1.8) == 0
    assert upper(0, 1.8) == pytest.approx(1.664, abs=1e-3)


def test_what_the_hours_cannot_support_is_refused() -> None:
    check_support(1.7, 1.8)
    with pytest.raises(DataError, match=r"0 in 1\.8 h proves only < 1\.7 an hour, and 1 is asked for"):
        check_support(1, 1.8)
    with pytest.raises(DataError, match="do not rest"):
        check_support(6, 0)
