"""Text of strangers in; plain text for a terminal, a page or a Markdown table out, whatever signs it has.

Escape codes, other control characters and signs that change the direction of text become JSON escapes (\\u001b). So
they do nothing, nothing is lost, and JSON stays valid.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Control characters but tab and new line; soft hyphen, marks and overrides of direction, separators of lines, what
# has no width (joiners stay: scripts and emoji need them), annotations, tags, and halves of surrogate pairs.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
LONGEST = 600  # characters of a line that is told: what it quotes may be a megabyte
_MARKDOWN = re.compile(r"[\\|`\[\]*$]|(?<!\w)_|_(?!\w)")


def visible(text: str) -> str:
    """Return `text` with each character that has an unseen effect as its JSON escape."""
    return _HIDDEN.sub(_escaped, text)


def visible_line(text: str) -> str:
    """Return `text` as one line: `visible`, with tabs and new lines shown too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def told_line(text: str) -> str:
    """Return `text` as one visible line for a person; of more than LONGEST characters the middle is left out."""
    line = visible(" ".join(text.split()))
    if len(line) <= LONGEST:
        return line
    left = LONGEST // 2
    return f"{line[:left]} … ({len(line) - 2 * left} more characters) … {line[-left:]}"


def html_text(text: object) -> str:
    """Return text for an HTML page: `visible`, and no character of it is markup."""
    return html.escape(visible(str(text)))


def markdown_text(text: object) -> str:
    """Return text for a cell or a line of Markdown: one line, and no character of it is markup."""
    marked = _MARKDOWN.sub(r"\\\g<0>", visible_line(str(text)))
    return marked.replace("&", "&amp;").replace("<", "&lt;")


def markdown_code(text: object) -> str:
    """Return text as a code span for a cell or a line of Markdown."""
    return "`" + visible_line(str(text)).replace("`", "'").replace("|", "\\|") + "`"


@contextmanager
def shown_streams() -> Iterator[None]:
    """Make everything `visible` that the block prints to standard output and error.

    Rich's own codes pass; `emgasr.display.console` makes the text between them visible.
    """
    streams = sys.stdout, sys.stderr
    out, error = (None if stream is None else Shown(stream) for stream in streams)
    sys.stdout, sys.stderr = out, error
    try:
        yield
    finally:  # who has put something else in their place meanwhile keeps it
        sys.stdout = streams[0] if sys.stdout is out else sys.stdout
        sys.stderr = streams[1] if sys.stderr is error else sys.stderr


class Shown:
    """A text stream that makes its text `visible`, and otherwise behaves as the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream  # where Rich writes

    def write(self, text: str) -> int:
        """Write `text`, made visible."""
        self.rich_proxied_file.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number > 0xFFFF:  # as JSON writes it: a pair
        high, low = divmod(number - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{number:04x}"
