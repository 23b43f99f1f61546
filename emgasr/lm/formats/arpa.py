"""ARPA files (plain or gzipped) in, n-gram models out, and back; an error names the damaged line."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.files.output import replacing
from emgasr.files.pointers import check_fetched
from emgasr.lm.contexts import with_contexts
from emgasr.lm.formats import arpa_lines
from emgasr.lm.formats.arpa_lines import IMPOSSIBLE
from emgasr.lm.formats.arpa_symbols import UNKNOWN_IN_CAPITALS, read, written
from emgasr.lm.formats.compact import MAGIC
from emgasr.lm.formats.foreign import LONGEST, foreign
from emgasr.lm.ngram import SPECIALS, UNKNOWN, NGramModel, composed
from emgasr.lm.possible import impossible
from emgasr.lm.trie import LN10, MOST_ORDERS, BadNGram, MissingContext, Table

ADVICE = "rebuild or fetch the model again"
_GZIP = b"\x1f\x8b"
_MOST_PACKED = 100  # times smaller than its text a gzipped model can be; ours are about 4 times
_COMPRESSION = 6  # twice as fast as gzip's highest, and no larger by more than a hundredth
_LINES = 4096  # written at once
_BLANKS = b" \t\r\n"
_FIELDS = re.compile(rb"[ \t\r]+")
_COUNT = re.compile(rb"ngram[ \t]+(\d{1,9})[ \t]*=[ \t]*(\d{1,18})")
_DATA = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t\r]*\\data\\[ \t\r]*$", re.MULTILINE)


def read_arpa(path: str | Path) -> NGramModel:
    """Read an ARPA file of any order, as the tools write it; what it lacks is filled in and noted.

    Missing back-offs are 0, a probability of -inf is 10^-99, <UNK> is <unk>, an n-gram whose context is not listed
    gets the context with what the model says of it (as SRILM reads it). Symbols are as `arpa_symbols` says,
    in composed form. `NGramModel.notes` lists what was filled. A model without <unk> is read as it is: see
    `NGramModel.has_unknown`. LanguageModelError, with the line, for all that is no such file.
    """
    check_fetched(path, LanguageModelError)
    try:
        return _Reader(path, _content(Path(path))).model()
    except (OSError, EOFError, zlib.error) as error:
        raise LanguageModelError(path, f"cannot be read ({error})", "give an ARPA file, plain or .gz") from error


def write_arpa(model: NGramModel, path: str | Path) -> None:
    """Write the model as an ARPA file, gzipped if the name ends in .gz; symbols as `arpa_symbols` says."""
    names = [symbol.encode() if symbol in SPECIALS else written(symbol).encode() for symbol in model.vocabulary]
    with replacing(path) as temporary, _create(temporary) as file:
        counted = "".join(f"ngram {order}={count}\n" for order, count in enumerate(model.counts, 1))
        file.write(f"\\data\\\n{counted}".encode())
        for order in range(1, model.order + 1):
            file.write(f"\n\\{order}-grams:\n".encode())
            file.writelines(_lines(model.table(order), names, highest=order == model.order))
        file.write(b"\n\\end\\\n")


def _lines(table: Table, names: list[bytes], highest: bool) -> Iterator[memoryview]:
    """Yield the lines of one order, some thousands at a time."""
    joined = np.frombuffer(b"".join(names), dtype=np.uint8)
    starts = np.cumsum([0, *map(len, names)])
    ids, ln_p, backoff = table
    longest = 2 * arpa_lines.LONGEST_NUMBER + ids.shape[1] * (max(map(len, names)) + 1) + 2
    out = np.empty(_LINES * longest, dtype=np.uint8)
    for begin in range(0, len(ids), _LINES):
        rows = slice(begin, begin + _LINES)
        yield out[: arpa_lines.write_rows(ids[rows], ln_p[rows], backoff[rows], highest, joined, starts, out)].data


class _Reader:
    """One pass over the bytes of an ARPA file."""

    def __init__(self, path: str | Path, data: bytes | mmap.mmap) -> None:
        self.path = path
        self.data = data
        self.bytes = np.frombuffer(data, dtype=np.uint8)
        self.at = 0  # where the next line begins
        self.line = 0  # where the last one began
        self.sections: list[int] = []  # where the lines of each order begin
        self.spans = np.empty((0, 2), dtype=np.int64)  # where each symbol begins and ends among the 1-grams
        self.slots = np.empty(0, dtype=np.int32)
        self.notes: list[str] = []

    def model(self) -> NGramModel:
        counts = self._header()
        tables = [self._section(order, count, order == len(counts)) for order, count in enumerate(counts, 1)]
        if (line := self._next_line()) != b"\\end\\":
            raise self._error(f"expected \\end\\, found {_shown(line)}")
        if (line := self._next_line()) is not None:
            raise self._error(f"goes on behind \\end\\ with {_shown(line)}")
        symbols = self._symbols()
        try:
            try:
                model = NGramModel.from_tables(symbols, tables)
            except MissingContext:
                model, filled = with_contexts(symbols, tables)
                self.notes.append(f"{filled} contexts of its n-grams are not listed: filled in by backing off")
            if above := impossible(model):
                raise LanguageModelError(self.path, above, ADVICE)
            return replace(model, notes=tuple(self.notes))
        except BadNGram as error:
            self.line = self._line_of(error.order, error.row)
            raise self._error(error.wrong) from None
        except LanguageModelError as error:
            raise LanguageModelError(self.path, error.wrong, ADVICE) from None

    def _symbols(self) -> list[str]:
        """Return the symbols of the 1-grams, composed where that does not make two of them one."""
        found: list[str] = []
        for row, (begin, end) in enumerate(self.spans.tolist()):
            try:
                field = self.data[begin:end].decode()
            except UnicodeDecodeError:
                self.line = self._line_of(1, row)
                raise self._error(f"{_shown(self.data[begin:end])} is not UTF-8 text") from None
            found.append(UNKNOWN if field == UNKNOWN_IN_CAPITALS else read(field))
        if found.count(UNKNOWN) > 1:
            self.line = self._line_of(1, len(found) - 1 - found[::-1].index(UNKNOWN))
            raise self._error("<unk> comes a second time, once as <UNK>")
        symbols, unused = composed(found)
        if unused:
            self.notes.append(f"{unused} symbols stand there composed and decomposed: only the composed form is used")
        return symbols

    def _header(self) -> list[int]:
        """Read to the first section's title; return the counts of n-grams, 1-grams first."""
        title = _DATA.search(self.data)  # what stands before it is comment
        if title is None:
            raise LanguageModelError(self.path, "has no \\data\\ line", "give an ARPA file")
        self.at = title.end()
        counts: list[int] = []
        while (line := self._next_line()) is not None:
            if line == b"\\1-grams:" and counts:
                return counts
            match = _COUNT.fullmatch(line)
            if len(counts) == MOST_ORDERS:
                raise self._error(f"says more than {MOST_ORDERS} orders")
            if match is None or int(match[1]) != len(counts) + 1:
                raise self._error(f"expected 'ngram {len(counts) + 1}=COUNT' or \\1-grams:, found {_shown(line)}")
            counts.append(int(match[2]))
        raise self._error("ends before \\1-grams:")

    def _section(self, order: int, count: int, highest: bool) -> Table:
        before = self.at
        if order > 1 and (line := self._next_line()) != f"\\{order}-grams:".encode():
            if count == 0:  # some tools leave out the title of an empty section too
                self.at = before
                self.sections.append(self.at)
                return np.empty((0, order), dtype=np.int32), np.empty(0), np.empty(0)
            raise self._error(f"expected \\{order}-grams: after the {order - 1}-grams counted, found {_shown(line)}")
        self.sections.append(self.at)
        # A header can say anything: no more room is made than the rest of the file can fill.
        rows = min(count, (len(self.data) - self.at) // len(b"0" + b" a" * order + b"\n") + 1)
        ids = np.empty((rows, order), dtype=np.int32)
        log10_p, log10_backoff = np.empty(rows, dtype=np.float32), np.zeros(rows, dtype=np.float32)
        if order == 1:
            self.spans = np.empty((rows, 2), dtype=np.int64)
        ended, done, line_at, field_at, infinite = arpa_lines.read_section(
            self.bytes, self.at, highest, self.spans, self.slots, ids, log10_p, log10_backoff
        )
        if ended != arpa_lines.COMPLETE:
            self.line = line_at
            raise self._error(self._complaint(ended, done, line_at, field_at, order, count))
        self.at = line_at
        if infinite:
            self.notes.append(f"{infinite} {order}-grams have a log-probability of -inf: read as {IMPOSSIBLE:g}")
        if order == 1:
            self.slots, again = arpa_lines.symbol_slots(self.bytes, self.spans)
            if again >= 0:
                begin, end = self.spans[again].tolist()
                self.line = self._line_of(order, again)
                raise self._error(f"{_shown(self.data[begin:end])} comes a second time")
        return ids, LN10 * log10_p.astype(np.float64), LN10 * log10_backoff.astype(np.float64)

    def _complaint(self, ended: int, done: int, line_at: int, field_at: int, order: int, count: int) -> str:
        line = self._line_at(line_at)
        field = _FIELDS.split(self._line_at(field_at))[0].decode(errors="replace")[:60]
        if ended == arpa_lines.NO_MORE_ROWS:
            return f"section holds {done} {order}-grams, the header says {count}"
        if ended == arpa_lines.ABOVE_ZERO:
            return f"log-probability {field} is above zero"
        if ended == arpa_lines.BACKED_OFF_HIGHEST:
            return f"back-off {field} of a {order}-gram, which no longer n-gram follows"
        fields = len(_FIELDS.split(line))
        if ended == arpa_lines.WRONG_FIELDS or not order + 1 <= fields <= order + 2:
            return f"expected a probability and {order} symbols, found {_shown(line)}"
        if ended == arpa_lines.NO_SUCH_SYMBOL:
            return f"{field!r} is not among the 1-grams"
        try:
            float(field)
        except ValueError:
            return f"{field!r} is not a number"
        return f"{field} is no logarithm of a probability"

    def _next_line(self) -> bytes | None:
        """Return the next line that is not blank, None at the end of the file."""
        while self.at < len(self.data):
            self.line = self.at
            end = self.data.find(b"\n", self.at)
            self.at = len(self.data) if end < 0 else end + 1
            if line := self.data[self.line : self.at].strip(_BLANKS):
                return line
        self.line = len(self.data)
        return None

    def _line_at(self, at: int) -> bytes:
        end = self.data.find(b"\n", at)
        return self.data[at : len(self.data) if end < 0 else end].strip(_BLANKS)

    def _line_of(self, order: int, row: int) -> int:
        """Return where the line of one of a section's n-grams begins."""
        self.at = self.sections[order - 1]
        for _ in range(row + 1):
            self._next_line()
        return self.line

    def _error(self, wrong: str) -> LanguageModelError:
        number = np.count_nonzero(self.bytes[: self.line] == ord("\n")) + 1
        return LanguageModelError(f"{self.path}:{number}", wrong, ADVICE)


def _content(path: Path) -> bytes | mmap.mmap:
    """Return the text of a plain or gzipped file, its lines ended by line feeds; LanguageModelError for other kinds."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise LanguageModelError(path, "is a device", "give an ARPA file, plain or .gz")
        if stat.S_ISREG(status.st_mode) and status.st_size:
            content: bytes | mmap.mmap = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        else:
            content = file.read()
    packed = content[: len(_GZIP)] == _GZIP
    if packed:
        content = _unpacked(path, content)
    if content[: len(MAGIC)] == MAGIC:
        wrong = "is a compact model" + (" that was gzipped" if packed else "")
        raise LanguageModelError(path, wrong, "gunzip it first" if packed else "open it as one")
    if what := foreign(content[:LONGEST]):
        raise LanguageModelError(path, *what)
    if content.find(b"\n") < 0 and content.find(b"\r") >= 0:  # as Macs once ended lines
        content = content[:].replace(b"\r", b"\n")
    return content


def _unpacked(path: Path, content: bytes | mmap.mmap) -> bytes:
    """Return what a gzipped file holds, if it is no more than text could be packed to."""
    parts, size = [], 0
    with gzip.open(io.BytesIO(content)) as file:
        while part := file.read(1 << 20):
            parts.append(part)
            size += len(part)
            if size > _MOST_PACKED * len(content) + (1 << 20):
                wrong = f"unpacks to more than {_MOST_PACKED} times its size, as no ARPA file does"
                raise LanguageModelError(path, wrong, ADVICE)
    return b"".join(parts)


def _create(path: Path) -> IO[bytes]:
    return gzip.open(path, "wb", _COMPRESSION) if path.suffix == ".gz" else open(path, "wb")  # type: ignore[return-value]


def _shown(line: bytes | None) -> str:
    return "the end of the file" if line is None else repr(line.decode(errors="replace")[:60])
