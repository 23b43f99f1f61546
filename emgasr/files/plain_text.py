"""Text in, its one form out: files of UTF-8 as lines, and one spelling for texts that read the same.

Lines end with a line feed, a carriage return or both, and nowhere else: what Unicode has besides (U+2028, U+0085, form
feeds) is a character like any other, so that what is written as a line is read as one.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from emgasr.errors import DataError, EmgasrError
from emgasr.files.pointers import pointer_in

_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_END_BYTES = re.compile(rb"\r\n|\n|\r")
_ADVICE = "convert the file to UTF-8 first"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def normalized(text: str) -> str:
    """Return the text as the package keeps and compares all text: composed (NFC), é as one character, not e and ´."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends; an end at the very end begins no further line."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def read_lines(
    path: str | Path, error: type[EmgasrError] = DataError, advice: str = "give a text file"
) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, with or without a byte order mark, as they stand there but for their ends.

    Raises:
        error: The file cannot be read, is a pointer to a file that was not fetched, or (with its line) is not UTF-8.
    """
    number = 1
    try:
        with open(path, "rb") as file:
            for raw in file:
                if number == 1:
                    raw = raw.removeprefix(codecs.BOM_UTF8)
                    if pointer := pointer_in(raw):
                        raise error(path, *pointer)
                    if raw.startswith(_UTF16):
                        raise error(path, "is UTF-16 text", _ADVICE)
                try:
                    lines = lines_of(raw.decode())
                except UnicodeDecodeError as cause:
                    number += len(_LINE_END_BYTES.findall(raw, 0, cause.start))
                    raise error(path, f"line {number} is not UTF-8 text", _ADVICE) from cause
                number += len(lines)
                yield from lines
    except OSError as cause:
        raise error(path, f"cannot be read ({cause.strerror or cause})", advice) from cause
    except ValueError as cause:  # a NUL in the path
        raise error(path, f"cannot be read ({cause})", advice) from cause
