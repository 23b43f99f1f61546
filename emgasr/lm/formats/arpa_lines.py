"""The lines of a section of an ARPA file in, its n-grams as ids and natural logs out, and back: the compiled part."""

from __future__ import annotations

import numpy as np

from emgasr.lm.trie import LARGEST, LN10
from emgasr.runtime.compiled import compiled

# What a section's reading ends with: all rows, or what is wrong with the line where it ended.
COMPLETE, NO_MORE_ROWS, WRONG_FIELDS, NO_NUMBER, ABOVE_ZERO, NO_SUCH_SYMBOL, BACKED_OFF_HIGHEST = range(7)

DIGITS = 9  # distinguish any two float32: what is written is read as it was
FEWER_DIGITS = 6  # are enough for a number that was rounded to some decimals
LONGEST_NUMBER = 24  # bytes, sign and exponent included
IMPOSSIBLE = -99.0  # log10 of what cannot be, as SRILM writes it; others write -inf
_POWERS = 10.0 ** np.arange(23)  # exact in a double
_TAB, _NEWLINE, _RETURN, _SPACE = 9, 10, 13, 32
_PLUS, _MINUS, _POINT, _ZERO, _BACKSLASH, _E, _SMALL_E = 43, 45, 46, 48, 92, 69, 101
_SMALL_I, _SMALL_N, _SMALL_F = 105, 110, 102


@compiled(nogil=True)
def read_section(data, at, highest, spans, slots, ids, log10_p, log10_backoff):  # type: ignore[no-untyped-def]
    """Read a section's lines from byte `at` on into ids (n, k), log10_p (n,) and log10_backoff (n,), blank ones not.

    1-grams are numbered by row, and where their symbols begin and end goes into `spans` (n, 2); of longer n-grams
    the symbols are looked up there, by `slots` (see `symbol_slots`). -inf becomes IMPOSSIBLE. Returns how it ended,
    the rows done, the byte where the next line begins (of a wrong line: where it does itself), where the wrong field
    begins, and how many probabilities were -inf.
    """
    order, infinite = ids.shape[1], 0
    for row in range(len(ids)):
        at = _next_line(data, at)
        line = at
        if at == len(data) or data[at] == _BACKSLASH:
            return NO_MORE_ROWS, row, line, at, infinite
        value, end = _number(data, at)
        if end < 0:
            return NO_NUMBER, row, line, at, infinite
        if value > 0:
            return ABOVE_ZERO, row, line, at, infinite
        if value == -np.inf:
            value = IMPOSSIBLE
            infinite += 1
        log10_p[row] = value
        for column in range(order):
            at = _next_field(data, end)
            end = _field_end(data, at)
            if end == at:
                return WRONG_FIELDS, row, line, at, infinite
            if order == 1:
                spans[row, 0], spans[row, 1] = at, end
                ids[row, 0] = row
            else:
                ids[row, column] = slots[_slot(data, spans, slots, at, end)]
                if ids[row, column] < 0:
                    return NO_SUCH_SYMBOL, row, line, at, infinite
        at = _next_field(data, end)
        if at < len(data) and data[at] != _NEWLINE:
            value, end = _number(data, at)
            if end < 0 or np.isinf(value):
                return WRONG_FIELDS if highest else NO_NUMBER, row, line, at, infinite
            last = _next_field(data, end)
            if last < len(data) and data[last] != _NEWLINE:
                return WRONG_FIELDS, row, line, at, infinite
            if not highest:
                log10_backoff[row] = value
            elif value != 0:
                return BACKED_OFF_HIGHEST, row, line, at, infinite
            at = last
    return COMPLETE, len(ids), at, at, infinite


@compiled(nogil=True)
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


@compiled(nogil=True)
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


@compiled(nogil=True)
def _number(data, at):  # type: ignore[no-untyped-def]
    """Return the number that the field at this byte is, and the field's end, -1 if it is none or is too large."""
    negative = at < len(data) and data[at] == _MINUS
    if negative or (at < len(data) and data[at] == _PLUS):
        at += 1
    end = _field_end(data, at)
    if end - at == 3 and data[at] | 32 == _SMALL_I and data[at + 1] | 32 == _SMALL_N and data[at + 2] | 32 == _SMALL_F:
        return (-np.inf if negative else np.inf), end
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
    value = _shifted(float(digits), min(exponent, 400)) if digits else 0.0
    if value > LARGEST:
        return 0.0, -1
    return (-value if negative else value), at


@compiled(nogil=True)
def _next_line(data, at):  # type: ignore[no-untyped-def]
    """Return where the first field at or after this byte begins, on this line or a later one."""
    while at < len(data) and (_blank(data[at]) or data[at] == _NEWLINE):
        at += 1
    return at


@compiled(nogil=True)
def _next_field(data, at):  # type: ignore[no-untyped-def]
    while at < len(data) and _blank(data[at]):
        at += 1
    return at


@compiled(nogil=True)
def _field_end(data, at):  # type: ignore[no-untyped-def]
    while at < len(data) and not _blank(data[at]) and data[at] != _NEWLINE:
        at += 1
    return at


@compiled(nogil=True)
def _blank(byte):  # type: ignore[no-untyped-def]
    return byte in (_SPACE, _TAB, _RETURN)


@compiled(nogil=True)
def write_rows(ids, ln_p, backoff, highest, names, starts, out):  # type: ignore[no-untyped-def]
    """Write the lines of n-grams (n, k) to the bytes `out`, the highest order's without back-offs; return how many.

    Symbol s is written as the bytes starts[s] to starts[s + 1] of `names`. A line takes at most two numbers of
    `LONGEST_NUMBER`, its symbols and a byte for each field.
    """
    at = 0
    for row in range(len(ids)):
        at = _put_number(out, at, np.float64(ln_p[row]) / LN10)
        for column in range(ids.shape[1]):
            out[at] = _SPACE if column else _TAB
            at += 1
            for place in range(starts[ids[row, column]], starts[ids[row, column] + 1]):
                out[at] = names[place]
                at += 1
        if not highest:
            out[at] = _TAB
            at = _put_number(out, at + 1, np.float64(backoff[row]) / LN10)
        out[at] = _NEWLINE
        at += 1
    return at


@compiled(nogil=True)
def _put_number(out, at, value):  # type: ignore[no-untyped-def]
    """Write a number of a float32 in `FEWER_DIGITS` where they give the same one, else in `DIGITS`; return its end.

    Either as C's %g does.
    """
    if value < 0:
        out[at] = _MINUS
        at += 1
        value = -value
    if value == 0:
        out[at] = _ZERO
        return at + 1
    exponent = int(np.floor(np.log10(value)))
    digits, count = np.rint(_shifted(value, FEWER_DIGITS - 1 - exponent)), FEWER_DIGITS
    if np.float32(_shifted(digits, exponent + 1 - FEWER_DIGITS)) != np.float32(value):
        digits, count = np.rint(_shifted(value, DIGITS - 1 - exponent)), DIGITS
    digits = int(digits)
    if digits >= 10**count:  # it was rounded up to the next power of ten
        exponent += 1
        digits //= 10
    while count > 1 and digits % 10 == 0:
        digits //= 10
        count -= 1
    plain = -5 < exponent < DIGITS
    whole = max(exponent, 0) + 1 if plain else 1  # digits before the point
    if plain and exponent < 0:
        count -= exponent  # zeros in front
    if count < whole:
        digits *= 10 ** (whole - count)
        count = whole
    length = count + (count > whole)
    for place in range(length - 1, -1, -1):
        if place == whole:
            out[at + place] = _POINT
        else:
            out[at + place] = _ZERO + digits % 10
            digits //= 10
    at += length
    if not plain:
        out[at] = _SMALL_E
        out[at + 1] = _MINUS if exponent < 0 else _PLUS
        out[at + 2] = _ZERO + abs(exponent) // 10
        out[at + 3] = _ZERO + abs(exponent) % 10
        at += 4
    return at


@compiled(nogil=True)
def _shifted(value, exponent):  # type: ignore[no-untyped-def]
    """Return value · 10^exponent, exact powers used where there are some."""
    if -len(_POWERS) < exponent < 0:
        return value / _POWERS[-exponent]
    if 0 <= exponent < len(_POWERS):
        return value * _POWERS[exponent]
    return value * 10.0**exponent
