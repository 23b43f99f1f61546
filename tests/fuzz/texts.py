"""Text in, text with impossible numbers, foreign signs, moved lines or fields out: for lists and tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

TextMutator = Callable[[Random, str], str]

NUMBERS = (
    *("nan", "NaN", "inf", "-inf", "-1", "0", "-0.0", "1e18", "1000000000000000000", "1e308", "-1e308", "1e309"),
    *("1e-320", "", " ", "2147483648", "9223372036854775808", "18446744073709551616", "0x10", "1_000", "1,5", "٣", "½"),
    *("9" * 400, "9" * 5000, "n/a", "1e", "--1", "+1", "1 2", "true", "None", "1.0000001", "0.5", "7"),
)
SIGNS = (
    *(
        '"',
        "'",
        "\\",
        "\\n",
        "\0",
        "\ufeff",
        "\x1b[31m",
        "\x1b]0;x\x07",
        "\u2028",
        "\x85",
        "\x0b",
        "\x0c",
        "\x1c",
        "\r",
    ),
    *(
        "\n",
        "\t",
        ",",
        ";",
        "\u202e",
        "\ud800",
        "\udcff",
        "e\u0301",
        "\u00a0",
        "␣",
        "⌫",
        "<unk>",
        "</s>",
        "%",
        "#",
        "{}",
    ),
    *("=1+1", "<b>", "[", "]", "&a", "*a", "!!", "🖐", "A" * 3000, '"' * 3, "//", "\x7f"),
)
WORDS = (
    *("", " ", "n/a", "N/A", "NaN", "null", "None", "true", "yes", "~", "-", "..", "../..", "../" * 40, "/dev/zero"),
    *(
        "/dev/stdin",
        "C:\\x",
        "./x",
        "a\0b",
        "\x1b[2Jx",
        "\u202exyz",
        "x\u2028y",
        "\ud800",
        "x" * 5000,
        "REST",
        "é",
        "e\u0301",
    ),
    *(
        "<unk>",
        "<s>",
        "</s>",
        "<blank>",
        "⏎",
        "␣",
        "uV",
        "counts",
        "0",
        "-1",
        "1e999",
        "[]",
        "{}",
        "{1.__class__}",
        "%s",
    ),
)
BREAKS = ("\r", "\r\n", "\n\n", "\u2028", "\x85", "\x0b", " ", "", "\0")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[^\s,:\"{}\[\]]+")


def replace_number(rng: Random, text: str) -> str:
    return _replaced(rng, text, _NUMBER, rng.choice(NUMBERS))


def replace_word(rng: Random, text: str) -> str:
    return _replaced(rng, text, _WORD, rng.choice(WORDS))


def insert_sign(rng: Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(SIGNS) + text[at:]


def move_lines(rng: Random, text: str) -> str:
    """A line twice, gone, elsewhere, cut in two, joined with the next or repeated many times."""
    lines = text.split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(6)
    if what == 0:
        lines.insert(at, lines[at])
    elif what == 1:
        del lines[at]
    elif what == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif what == 3:
        cut = rng.randrange(len(lines[at]) + 1)
        lines[at : at + 1] = [lines[at][:cut], lines[at][cut:]]
    elif what == 4:
        lines[at : at + 2] = [" ".join(lines[at : at + 2])]
    else:
        lines[at:at] = [lines[at]] * min(2000, (1 << 19) // (len(lines[at]) + 1))
    return "\n".join(lines)


def change_breaks(rng: Random, text: str) -> str:
    """Other ends of lines, everywhere or once."""
    ends = rng.choice(BREAKS)
    if rng.random() < 0.5:
        return text.replace("\n", ends)
    return _replaced(rng, text, re.compile("\n"), ends)


def change_case(rng: Random, text: str) -> str:
    return rng.choice((str.upper, str.lower, str.swapcase, str.title))(text)


def cut_text(rng: Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


PLAIN: tuple[TextMutator, ...] = (
    replace_number,
    replace_number,
    replace_word,
    replace_word,
    insert_sign,
    insert_sign,
    move_lines,
    change_breaks,
    change_case,
    cut_text,
)


def change_field(rng: Random, text: str) -> str:
    """One field of one row: another value, gone, one more, or moved."""
    rows, delimiter = _rows(text)
    row = rng.choice(rows)
    at, to = rng.randrange(len(row)), rng.randrange(len(row))
    what = rng.randrange(5)
    if what <= 1:
        row[at] = rng.choice((*NUMBERS, *WORDS, f'"{row[at]}', f'"{row[at]}"', f" {row[at]} "))
    elif what == 2:
        del row[at]
    elif what == 3:
        row.insert(at, rng.choice((*NUMBERS, "", row[at])))
    else:
        row[at], row[to] = row[to], row[at]
    return "\n".join(delimiter.join(row) for row in rows)


def change_column(rng: Random, text: str) -> str:
    """One column of all rows: gone, twice, moved, emptied or all of one value; its name is kept or is not."""
    rows, delimiter = _rows(text)
    at, to = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    what, value, first = rng.randrange(5), rng.choice((*NUMBERS, *WORDS)), rng.randrange(2)
    for row in rows[first:]:
        if len(row) <= max(at, to):
            continue
        if what == 0:
            del row[at]
        elif what == 1:
            row.insert(to, row[at])
        elif what == 2:
            row[at], row[to] = row[to], row[at]
        else:
            row[at] = value if what == 3 else ""
    return "\n".join(delimiter.join(row) for row in rows)


def change_delimiter(rng: Random, text: str) -> str:
    _, delimiter = _rows(text)
    return text.replace(delimiter, rng.choice(("\t", ",", ";", " ", ", ", "|")))


TABLE: tuple[TextMutator, ...] = (*PLAIN, *[change_field] * 5, *[change_column] * 3, change_delimiter)


def _rows(text: str) -> tuple[list[list[str]], str]:
    delimiter = "\t" if "\t" in text else ","
    return [line.split(delimiter) for line in text.split("\n")], delimiter


def _replaced(rng: Random, text: str, what: re.Pattern[str], by: str) -> str:
    found = list(what.finditer(text))
    if not found:
        return text + by
    chosen = rng.choice(found)
    return text[: chosen.start()] + by + text[chosen.end() :]
