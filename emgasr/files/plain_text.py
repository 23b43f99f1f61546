"""Text in, its one form out: files of UTF-8 as texts or lines, and one spelling for texts that read the same.

A line ends with a line feed, a carriage return or both. Other separators of Unicode (U+2028, U+0085, form feeds) are
characters like any other, so that a line is read as it was written.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from emgasr.errors import ConfigError, DataError, EmgasrError
from emgasr.files.pointers import pointer_in
from emgasr.files.regular_file import read_bytes

_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_END_BYTES = re.compile(rb"\r\n|\n|\r")
_ADVICE = "convert the file to UTF-8 first"
_MEND = "mend the file, or fetch it again"
LARGEST_TEXT = 2**24  # bytes of a text that is read at once, unless its reader says otherwise


def normalized(text: str) -> str:
    """Return a text in the form that the package keeps and compares: composed (NFC), é as one character."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def is_utf16(begin: bytes) -> bool:
    """Return whether a text that begins with these bytes says that it is UTF-16, as Excel's "Unicode text" does."""
    return begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends; an end at the very end begins no further line."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def text_of(content: bytes, where: str | Path, error: type[EmgasrError] = ConfigError, advice: str = _MEND) -> str:
    """Return bytes as the UTF-8 text that they are, without a byte order mark; else `error`, which names `where`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise error(where, f"is not UTF-8 text (byte {cause.start})", advice) from cause


def read_text(
    path: str | Path, error: type[EmgasrError] = ConfigError, advice: str = _MEND, largest: int = LARGEST_TEXT
) -> str:
    """Return the text of a regular file of at most `largest` bytes, UTF-8 with or without its mark; else `error`."""
    return text_of(read_bytes(path, error, advice, largest), path, error, advice)


def read_lines(
    path: str | Path, error: type[EmgasrError] = DataError, advice: str = "give a text file"
) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, with or without a byte order mark, each without its end.

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
                    if is_utf16(raw):
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
