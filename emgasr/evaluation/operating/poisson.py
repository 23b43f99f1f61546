"""A count of events and the hours that they were waited for in; exact bounds of their rate out.

F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936.
"""

from __future__ import annotations

from scipy.stats import chi2

from emgasr.errors import DataError

LEVEL = 0.95  # of each bound by itself: 0 in 1.8 hours prove less than 1.7 an hour


def lower(count: int, hours: float, level: float = LEVEL) -> float:
    """Return the rate an hour that lies below the true one with this level of confidence."""
    return float(chi2.ppf(1 - level, 2 * count) / 2 / hours) if count else 0.0


def upper(count: int, hours: float, level: float = LEVEL) -> float:
    """Return the rate an hour that lies above the true one with this level of confidence."""
    return float(chi2.ppf(level, 2 * count + 2) / 2 / hours)


def check_support(wanted: float, hours: float) -> None:
    """Raise a DataError if not even a count of 0 in these hours would prove the wanted rate an hour."""
    if hours <= 0:
        raise DataError("operating point", "the validation people do not rest", "give recordings of rest, or with rest")
    least = upper(0, hours)
    if least > wanted:
        wrong = f"0 in {hours:.2g} h proves only < {least:.2g} an hour, and {wanted:g} is asked for"
        raise DataError("operating point", wrong, f"give {upper(0, 1) / wanted:.2g} h of rest, or ask for more an hour")
