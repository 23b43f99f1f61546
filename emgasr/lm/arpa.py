"""ARPA files (plain or .gz) in, n-gram models out, and back; damage is told with its line number."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.ngram import BEGIN, END, NGramModel
from emgasr.output import replacing

SPACE_SIGN = "␣"  # ARPA separates fields by white space, so a space among the symbols is written as this
LN10 = math.log(10)
_FIELDS = re.compile(r"[ \t]+")
_COUNT = re.compile(r"ngram[ \t]+(\d+)[ \t]*=[ \t]*(\d+)")


def read_arpa(path: str | Path) -> NGramModel:
    """Read an ARPA file of any order; its log10 values become natural logs, missing back-offs are 0."""
    try:
        with _open(Path(path), "rt") as file:
            return _Reader(path, file).model()
    except UnicodeDecodeError as error:
        raise LanguageModelError(path, "is not UTF-8 text", "give an ARPA file, not a binary model") from error
    except (OSError, EOFError) as error:
        raise LanguageModelError(path, f"cannot be read ({error})", "give an ARPA file, plain or .gz") from error


def write_arpa(model: NGramModel, path: str | Path) -> None:
    """Write the model as an ARPA file, gzipped if the name ends in .gz; a space is written as ␣."""
    with replacing(path) as temporary, _open(temporary, "wt") as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {order}={count}\n" for order, count in enumerate(model.counts, 1))
        for order in range(1, model.order + 1):
            file.write(f"\n\\{order}-grams:\n")
            for ngram, ln_p, ln_backoff in model.ngrams(order):
                file.write(f"{ln_p / LN10:.9g}\t{' '.join(map(_written, ngram))}")
                if order < model.order:
                    file.write(f"\t{ln_backoff / LN10:.9g}")
                file.write("\n")
        file.write("\n\\end\\\n")


class _Reader:
    """One pass over the lines of an ARPA file."""

    def __init__(self, path: str | Path, file: IO[str]) -> None:
        self.path = path
        self.number = 0
        self.lines = self._numbered(file)
        self.interned: dict[str, str] = {}

    def model(self) -> NGramModel:
        counts = self._header()
        ln_p: dict[tuple[str, ...], float] = {}
        ln_backoff: dict[tuple[str, ...], float] = {}
        for order, count in enumerate(counts, 1):
            self._section(order, count, order == len(counts), ln_p, ln_backoff)
        if (line := next(self.lines, None)) != "\\end\\":
            raise self._error(f"expected \\end\\, found {_shown(line)}")
        for needed in (BEGIN, END):
            if (needed,) not in ln_p:
                raise LanguageModelError(self.path, f"has no {needed} among its 1-grams", "rebuild the model")
        ids = {ngram[0]: id for id, ngram in enumerate(ngram for ngram in ln_p if len(ngram) == 1)}
        tables = []
        for order in range(1, len(counts) + 1):
            ngrams = [ngram for ngram in ln_p if len(ngram) == order]
            rows = np.array([[ids[symbol] for symbol in ngram] for ngram in ngrams], dtype=np.int32)
            p = np.array([ln_p[ngram] for ngram in ngrams])
            b = np.array([ln_backoff.get(ngram, 0.0) for ngram in ngrams])
            tables.append((rows.reshape(-1, order), p, b))
        return NGramModel.from_tables(list(ids), tables)

    def _header(self) -> list[int]:
        """Read to the first section's title; return the counts of n-grams, 1-grams first."""
        for line in self.lines:  # what stands before \data\ is comment
            if line == "\\data\\":
                break
        else:
            raise LanguageModelError(self.path, "has no \\data\\ line", "give an ARPA file")
        counts: list[int] = []
        for line in self.lines:
            if line == "\\1-grams:" and counts:
                return counts
            match = _COUNT.fullmatch(line)
            if match is None or int(match[1]) != len(counts) + 1:
                raise self._error(f"expected 'ngram {len(counts) + 1}=COUNT' or \\1-grams:, found {_shown(line)}")
            counts.append(int(match[2]))
        raise self._error("ends before \\1-grams:")

    def _section(
        self,
        order: int,
        count: int,
        highest: bool,
        ln_p: dict[tuple[str, ...], float],
        ln_backoff: dict[tuple[str, ...], float],
    ) -> None:
        if order > 1 and (line := next(self.lines, None)) != f"\\{order}-grams:":
            raise self._error(f"expected \\{order}-grams: after the {order - 1}-grams counted, found {_shown(line)}")
        for done in range(count):
            line = next(self.lines, None)
            if line is None or line.startswith("\\"):
                raise self._error(f"section holds {done} {order}-grams, the header says {count}")
            fields = _FIELDS.split(line)
            if len(fields) != order + 1 and (highest or len(fields) != order + 2):
                raise self._error(f"expected a probability and {order} symbols, found {_shown(line)}")
            ngram = tuple(self._symbol(field) for field in fields[1 : order + 1])
            if ngram in ln_p:
                raise self._error(f"{' '.join(fields[1 : order + 1])!r} stands here a second time")
            if order > 1 and ngram[:-1] not in ln_p:
                raise self._error(f"the context of {' '.join(fields[1 : order + 1])!r} is not among the n-grams")
            ln_p[ngram] = self._logarithm(fields[0])
            if ln_p[ngram] > 0:
                raise self._error(f"log-probability {fields[0]} is above zero")
            if len(fields) == order + 2 and (backoff := self._logarithm(fields[-1])):
                ln_backoff[ngram] = backoff

    def _symbol(self, written: str) -> str:
        return self.interned.setdefault(written, written.replace(SPACE_SIGN, " "))

    def _logarithm(self, field: str) -> float:
        try:
            value = float(field)
        except ValueError:
            raise self._error(f"{_shown(field)} is not a number") from None
        if not math.isfinite(value):
            raise self._error(f"{field} is no logarithm of a probability")
        return value * LN10

    def _numbered(self, file: IO[str]) -> Iterator[str]:
        for self.number, raw in enumerate(file, 1):
            if line := raw.strip(" \t\r\n"):
                yield line

    def _error(self, wrong: str) -> LanguageModelError:
        return LanguageModelError(f"{self.path}:{self.number}", wrong, "rebuild or fetch the model again")


def _open(path: Path, mode: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]
    return open(path, mode, encoding="utf-8", newline="\n")


def _written(symbol: str) -> str:
    written = symbol.replace(" ", SPACE_SIGN)
    if not written or any(character in written for character in "\t\r\n"):
        raise LanguageModelError("ARPA", f"symbol {symbol!r} cannot be written", "leave tabs and line breaks out")
    return written


def _shown(line: str | None) -> str:
    return "the end of the file" if line is None else repr(line[:60])
