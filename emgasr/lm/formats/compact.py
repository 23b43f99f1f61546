"""N-gram models in, `.lm` files out, and back: the model's arrays as they are, memory-mapped instead of read.

A file is its head, a JSON of what the model is made of, and the arrays one after the other, each at a multiple of 64
bytes, little-endian. The head is `MAGIC`, version, length of the JSON, length of the file, CRC-32 of all that follows.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_of
from emgasr.files.pointers import check_fetched
from emgasr.lm.ngram import SPECIALS, NGramModel
from emgasr.lm.possible import impossible
from emgasr.lm.trie import LN10, MOST_ORDERS, owners, symbol_type

SUFFIX = ".lm"
VERSION = 2  # 1 held natural logarithms
MAGIC = b"\x89EMGLM\r\n"  # no text begins so, and a transfer as text would break it
_HEAD = struct.Struct("<8sIIQI")
_ALIGNMENT = 64
_ADVICE = "copy or build it again"


def is_compact(path: str | Path) -> bool:
    """Whether the file begins as a compact model does."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def write_compact(model: NGramModel, path: str | Path) -> None:
    """Write the model so that `open_compact` can map it."""
    contexts = len(model.fail)
    content = {"vocabulary": model.vocabulary, "counts": model.counts, "contexts": contexts}
    described = as_json(content).encode()
    at = _HEAD.size + len(described)
    check = zlib.crc32(described)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.seek(_HEAD.size)
        file.write(described)
        for name, kind, _ in _layout(len(model.vocabulary), contexts, sum(model.counts)):
            array = np.ascontiguousarray(getattr(model, name), dtype=kind)
            for part in (bytes(-at % _ALIGNMENT), array.data.cast("B") if array.size else b""):
                check = zlib.crc32(part, check)
                at += file.write(part)
        file.seek(0)
        file.write(_HEAD.pack(MAGIC, VERSION, len(described), at, check))


def open_compact(path: str | Path) -> NGramModel:
    """Map a model that `write_compact` wrote; its arrays are read from the file as they are needed.

    LanguageModelError for a file that is foreign, cut short, damaged, or from a later version.
    """
    check_fetched(path, LanguageModelError)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD.size)
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if len(head) == _HEAD.size else None
    except OSError as error:
        raise LanguageModelError(path, f"cannot be read ({error.strerror})", "give a compact model") from error
    if not head.startswith(MAGIC):
        raise LanguageModelError(path, "is no compact language model", f"give a {SUFFIX} file written by emgasr")
    if data is None:
        raise LanguageModelError(path, f"is cut short at {len(head)} bytes", _ADVICE)
    _, version, described, length, check = _HEAD.unpack(head)
    if version not in (1, VERSION):
        advice = "install the emgasr that wrote it, or build it again"
        raise LanguageModelError(path, f"is of version {version}, this emgasr reads {VERSION}", advice)
    if len(data) != length:
        wrong = "is cut short" if len(data) < length else "holds more than was written"
        raise LanguageModelError(path, f"{wrong}: {len(data)} bytes of {length}", _ADVICE)
    with memoryview(data) as view, view[_HEAD.size :] as checked:
        damaged = zlib.crc32(checked) != check
    try:
        if damaged:
            raise ValueError("its checksum does not fit")
        return _mapped(path, data, described, natural=version == 1)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise LanguageModelError(path, f"is damaged ({error})", _ADVICE) from error


def _layout(vocabulary: int, contexts: int, ngrams: int) -> list[tuple[str, Any, int]]:
    """Return name, type and length of each array."""
    return [
        ("first", np.dtype("<i4"), contexts + 1),
        ("fail", np.dtype("<i4"), contexts),
        ("log10_backoff", np.dtype("<f4"), contexts),
        ("symbol", symbol_type(vocabulary).newbyteorder("<"), ngrams),
        ("log10_p", np.dtype("<f4"), ngrams),
        ("next", np.dtype("<i4"), ngrams),
    ]


def _mapped(path: str | Path, data: mmap.mmap, described: int, natural: bool) -> NGramModel:
    at = _HEAD.size + described
    content = json_of(data[_HEAD.size : at], path, LanguageModelError, _ADVICE, len(data))
    vocabulary, counts, contexts = tuple(content["vocabulary"]), content["counts"], content["contexts"]
    if type(contexts) is not int or type(counts) is not list or {type(count) for count in counts} != {int}:
        raise ValueError("its counts are no numbers")
    if not 0 < len(counts) <= MOST_ORDERS or min(counts) < 0 or max(*counts, contexts) > len(data):
        raise ValueError("its counts are more than it can hold")
    arrays: dict[str, Any] = {}
    for name, kind, length in _layout(len(vocabulary), contexts, sum(counts)):
        at += -at % _ALIGNMENT
        arrays[name] = np.frombuffer(data, kind, length, at)
        at += arrays[name].nbytes
    if at != len(data):
        raise ValueError("its arrays do not fill it")
    if natural:
        for name in ("log10_backoff", "log10_p"):
            arrays[name] = (arrays[name] / LN10).astype(np.float32)
            arrays[name].flags.writeable = False
    model = NGramModel(vocabulary, counts, **arrays)
    if not _consistent(model):
        raise ValueError("its arrays do not fit together")
    if wrong := impossible(model):
        raise ValueError(wrong)
    return model


def _consistent(model: NGramModel) -> bool:
    """Whether no look-up can leave the arrays or go round in circles, whoever made the file."""
    ngrams, contexts, symbols = len(model.symbol), len(model.fail), len(model.vocabulary)
    known = model.symbol[: model.counts[0]]
    ends = np.cumsum([0, *model.counts])  # where the n-grams of each length end
    if not (ngrams and contexts and 0 <= model.next.min() <= model.next.max() < contexts):
        return False
    owner = owners(model.counts, model.next, contexts)
    begins = np.zeros(ngrams + 1, np.bool_)  # where the n-grams of another context begin
    if not 0 <= model.first.min() <= model.first.max() <= ngrams:
        return False
    begins[model.first] = True
    return bool(
        model.vocabulary[: len(SPECIALS)] == SPECIALS
        and all(isinstance(symbol, str) and symbol for symbol in model.vocabulary)
        and len(set(model.vocabulary)) == symbols
        and min(model.counts) >= 0
        and symbols - 1 <= len(known) <= symbols
        and (known == np.arange(symbols - len(known), symbols)).all()
        and model.symbol.max() < symbols
        and (begins[1:-1] | (model.symbol[1:] > model.symbol[:-1])).all()
        and (model.first[0], model.first[-1]) == (0, ngrams)
        and (model.first[1:] >= model.first[:-1]).all()
        and (model.first[np.searchsorted(owner, ends[:-1])] == ends[1:]).all()
        and (model.fail[0], model.fail.min()) == (0, 0)
        and (model.fail[1:] < np.arange(1, contexts)).all()
        and (model.next[owner[1:]] == np.arange(1, contexts)).all()
    )
