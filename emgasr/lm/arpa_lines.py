"""The bytes of one section of an ARPA file in, its n-grams as ids and natural logs out, compiled."""

from __future__ import annotations

import numba
import numpy as np

# What a section's reading ends with: all rows, or what is wrong with the line where it ended.
COMPLETE, NO_MORE_ROWS, WRONG_FIELDS, NO_NUMBER, ABOVE_ZERO, NO_SUCH_SYMBOL = range(6)

LARGEST = 1e38  # what a float32 can still hold after the change of base
LN10 = np.log(10.0)
_POWERS = 10.0 ** np.arange(23)  # exact in a double
_TAB, _NEWLINE, _RETURN, _SPACE = 9, 10, 13, 32
_PLUS, _MINUS, _POINT, _ZERO, _BACKSLASH, _E, _SMALL_E = 43, 45, 46, 48, 92, 69, 101


@numba.njit(cache=True, nogil=True)
def read_section(data, at, highest, spans, slots, ids, ln_p, backoff):  # type: ignore[no-untyped-def]
    """Read a section's lines from byte `at` on into ids (n, k), ln_p (n,) and backoff (n,), blank lines left out.

    1-grams are numbered by row, and where their symbols begin and end goes into `spans` (n, 2); of longer n-grams
    the symbols are looked up there, by `slots` (see `symbol_slots`). Returns how it ended, the rows done, the byte
    where the next line begins (of a wrong line: where it does itself) and where the wrong field begins.
    """
    order = ids.shape[1]
    for row in range(len(ids)):
        at = _next_line(data, at)
        line = at
        if at == len(data) or data[at] == _BACKSLASH:
            return NO_MORE_ROWS, row, line, at
        value, end = _number(data, at)
        if end < 0:
            return NO_NUMBER, row, line, at
        if value > 0:
            return ABOVE_ZERO, row, line, at
        ln_p[row] = value * LN10
        for column in range(order):
            at = _next_field(data, end)
            end = _field_end(data, at)
            if end == at:
                return WRONG_FIELDS, row, line, at
            if order == 1:
                spans[row, 0], spans[row, 1] = at, end
                ids[row, 0] = row
            else:
                ids[row, column] = slots[_slot(data, spans, slots, at, end)]
                if ids[row, column] < 0:
                    return NO_SUCH_SYMBOL, row, line, at
        at = _next_field(data, end)
        if not highest and at < len(data) and data[at] != _NEWLINE:
            value, end = _number(data, at)
            if end < 0:
                return NO_NUMBER, row, line, at
            backoff[row] = value * LN10
            at = _next_field(data, end)
        if at < len(data) and data[at] != _NEWLINE:
            return WRONG_FIELDS, row, line, at
    return COMPLETE, len(ids), at, at


@numba.njit(cache=True, nogil=True)
def symbol_slots(data, spans):  # type: ignore[no-untyped-def]
    """Return a hash table of the symbols between `spans`, and the first row whose symbol came before, or -1."""
    size = 16
    while size < 2 * len(spans):
        size *= 2
    slots = np.full(size, -1, np.int32)
    for row in range(len(spans)):
        slot = _slot(data, spans, slots, spans[row, 0], spans[row, 1])
        if slots[slot] >= 0:
            return slots, row
        slots[slot] = row
    return slots, -1


@numba.njit(cache=True, nogil=True)
def _slot(data, spans, slots, begin, end):  # type: ignore[no-untyped-def]
    """Return the place of the symbol in bytes begin to end, or the free one where it belongs."""
    value = np.uint64(14695981039346656037)  # FNV-1a (Fowler, Noll, Vo)
    for at in range(begin, end):
        value = (value ^ np.uint64(data[at])) * np.uint64(1099511628211)
    last = len(slots) - 1
    slot = np.int64(value & np.uint64(last))
    while slots[slot] >= 0:
        start = spans[slots[slot], 0]
        if spans[slots[slot], 1] - start == end - begin:
            same = 0
            while same < end - begin and data[start + same] == data[begin + same]:
                same += 1
            if same == end - begin:
                return slot
        slot = (slot + 1) & last
    return slot


@numba.njit(cache=True, nogil=True)
def _number(data, at):  # type: ignore[no-untyped-def]
    """Return the number that the field at this byte is, and the field's end, -1 if it is none or is too large."""
    negative = at < len(data) and data[at] == _MINUS
    if negative or (at < len(data) and data[at] == _PLUS):
        at += 1
    digits, exponent, seen = 0, 0, 0
    fraction = False
    while at < len(data):
        digit = np.int64(data[at]) - _ZERO
        if 0 <= digit <= 9:
            seen += 1
            if digits < 100_000_000_000_000_000:  # beyond that no digit can change the double
                digits = digits * 10 + digit
                if fraction:
                    exponent -= 1
            elif not fraction:
                exponent += 1
        elif data[at] == _POINT and not fraction:
            fraction = True
        else:
            break
        at += 1
    if seen == 0:
        return 0.0, -1
    if at < len(data) and (data[at] == _E or data[at] == _SMALL_E):
        at += 1
        less = at < len(data) and data[at] == _MINUS
        if less or (at < len(data) and data[at] == _PLUS):
            at += 1
        written, seen = 0, 0
        while at < len(data) and 0 <= np.int64(data[at]) - _ZERO <= 9:
            written = min(written * 10 + np.int64(data[at]) - _ZERO, 100_000)
            seen += 1
            at += 1
        if seen == 0:
            return 0.0, -1
        exponent += -written if less else written
    if at < len(data) and not _blank(data[at]) and data[at] != _NEWLINE:
        return 0.0, -1
    value = float(digits)
    if -len(_POWERS) < exponent < 0:
        value /= _POWERS[-exponent]
    elif 0 <= exponent < len(_POWERS):
        value *= _POWERS[exponent]
    elif digits != 0:
        value *= 10.0 ** min(exponent, 400)
    if value > LARGEST:
        return 0.0, -1
    return (-value if negative else value), at


@numba.njit(cache=True, nogil=True)
def _next_line(data, at):  # type: ignore[no-untyped-def]
    """Return where the first field at or after this byte begins, on this line or a later one."""
    while at < len(data) and (_blank(data[at]) or data[at] == _NEWLINE):
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _next_field(data, at):  # type: ignore[no-untyped-def]
    while at < len(data) and _blank(data[at]):
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _field_end(data, at):  # type: ignore[no-untyped-def]
    while at < len(data) and not _blank(data[at]) and data[at] != _NEWLINE:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _blank(byte):  # type: ignore[no-untyped-def]
    return byte == _SPACE or byte == _TAB or byte == _RETURN
