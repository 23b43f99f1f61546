"""Bytes in, damaged bytes out, whatever they mean: flips, cuts, copies, splices and lies in a header's integers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutator = Callable[[Random, bytes, bytes], bytes]  # the second file is another one of the same format

LARGEST = 1 << 20  # bytes that a mutation may let a file grow to
HEAD = 512  # bytes in which most formats say what follows
INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, 1 << 62)
FIELDS = (b"0", b"-1", b"", b"1", b"99999999", b"2147483647", b"1e308", b"nan", b"inf", b"-0", b"0x10", b"1.5", b"\0")


def flip_bits(rng: Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        out[_place(rng, len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def set_bytes(rng: Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        out[_place(rng, len(out))] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(out)


def fill_block(rng: Random, data: bytes, other: bytes) -> bytes:
    begin, end = _block(rng, len(data))
    return data[:begin] + bytes([rng.choice((0, 255))]) * (end - begin) + data[end:]


def cut_short(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.choice((0, _place(rng, len(data)), rng.randrange(len(data)), len(data) - 1))]


def drop_block(rng: Random, data: bytes, other: bytes) -> bytes:
    begin, end = _block(rng, len(data))
    return data[:begin] + data[end:]


def repeat_block(rng: Random, data: bytes, other: bytes) -> bytes:
    begin, end = _block(rng, len(data))
    return data[:end] + data[begin:]


def swap_blocks(rng: Random, data: bytes, other: bytes) -> bytes:
    a, b, c, d = sorted(rng.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def insert_noise(rng: Random, data: bytes, other: bytes) -> bytes:
    at = _place(rng, len(data))
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 64, 4096))) + data[at:]


def splice(rng: Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one file, then the end of another, most often cut at the same place."""
    at = _place(rng, len(data))
    return data[:at] + other[at if rng.random() < 0.7 else rng.randrange(len(other)) :]


def append(rng: Random, data: bytes, other: bytes) -> bytes:
    return data + rng.choice((other, data, bytes(1), rng.randbytes(999)))


def grow(rng: Random, data: bytes, other: bytes) -> bytes:
    """One block again and again, up to a bound."""
    begin, end = _block(rng, len(data))
    times = max(1, min(rng.choice((10, 1000, LARGEST)), (LARGEST - len(data)) // (end - begin)))
    return data[:end] + data[begin:end] * times + data[end:]


def lie_in_integer(rng: Random, data: bytes, other: bytes) -> bytes:
    """Set an integer, mostly of the head, to an edge of its range, or to a little more or less than it was."""
    width = rng.choice((1, 2, 4, 4, 8))
    at = rng.randrange(max(1, min(len(data), HEAD) - width)) if rng.random() < 0.8 else _place(rng, len(data))
    order = "little" if rng.random() < 0.8 else "big"
    value = int.from_bytes(data[at : at + width], order)  # type: ignore[arg-type]
    value = rng.choice((*INTEGERS, -1, value + 1, value - 1, value * 2, -value)) % (1 << 8 * width)
    return data[:at] + value.to_bytes(width, order) + data[at + width :]  # type: ignore[arg-type]


def lie_in_field(rng: Random, data: bytes, other: bytes) -> bytes:
    """Set a field of EDF's kind of header: eight characters, filled up with blanks."""
    at = 8 * rng.randrange(max(1, min(len(data), 4 * HEAD) // 8)) + rng.choice((0, 0, 4))
    return data[:at] + rng.choice(FIELDS).ljust(8)[:8] + data[at + 8 :]


DAMAGE: tuple[Mutator, ...] = (
    flip_bits,
    set_bytes,
    fill_block,
    cut_short,
    drop_block,
    repeat_block,
    swap_blocks,
    insert_noise,
    splice,
    append,
    grow,
)


def _place(rng: Random, length: int) -> int:
    """Half of all places lie in the head, however long the file is."""
    return rng.randrange(min(length, HEAD) if rng.random() < 0.5 else length) if length else 0


def _block(rng: Random, length: int) -> tuple[int, int]:
    begin = _place(rng, length)
    return begin, min(length, begin + rng.choice((1, 4, 16, 256, 4096, max(1, length // 3))))
