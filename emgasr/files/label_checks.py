"""Texts and times of labels in; a DataError for those that no file gives back, out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from emgasr.errors import DataError


def listed(what: str, values: object) -> Sequence[object]:
    """Return the values of `what`; a DataError if they are no list."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise DataError(what, f"{values!r} is no list of texts", "give a tuple of them")
    return values


def check_texts(what: str, values: Iterable[object]) -> None:
    """Raise a DataError if a value of `what` is no text that every file can hold."""
    for value in values:
        if not is_text(value):
            raise DataError(what, f"{value!r} is no text", "give texts alone")


def is_text(value: object) -> bool:
    """Return whether a value is a text that every file can hold; one with half of a surrogate pair is not."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value))


def set_seconds(owner: object, name: str, count: int, what: str, unknown: bool = False) -> None:
    """Make an owner's times float64 (count,); a DataError unless they are finite, or NaN where `unknown` is allowed."""
    try:
        values = np.asarray(getattr(owner, name), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(what, f"{name} holds what is no number", "give seconds") from error
    if values.shape != (count,):
        raise DataError(what, f"{name} has shape {values.shape} for {count} labels")
    if not (unknown or np.isfinite(values).all()):
        raise DataError(what, f"{name} is not finite at label {int(np.argmin(np.isfinite(values)))}")
    object.__setattr__(owner, name, values)


def check_sorted(times_s: np.ndarray, what: str) -> None:
    """Raise a DataError where time goes back."""
    if (np.diff(times_s) < 0).any():
        at = int(np.argmax(np.diff(times_s) < 0)) + 1
        raise DataError(what, f"time goes back at label {at} ({times_s[at - 1]:.3f} s, then {times_s[at]:.3f} s)")
