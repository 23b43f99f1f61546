"""Symbols of a language model in, how ARPA files write them out, and back: whatever is written can be read again.

ARPA separates fields by white space. A space among the symbols is written as ␣; any other white space, control
characters, ␣ itself and what Unicode has no text for are written as ␛, the character's number in hexadecimal, and a
semicolon: ␛9; is a tab. So is ␛, where it would be taken for the beginning of that.
"""

from __future__ import annotations

import re

from emgasr.errors import LanguageModelError

SPACE_SIGN = "␣"
UNKNOWN_IN_CAPITALS = "<UNK>"  # as SRILM writes <unk>; KenLM takes both, and no other spelling
RESERVED = frozenset(("<s>", "</s>", "<unk>", UNKNOWN_IN_CAPITALS))  # what no text may hold as a word
_ESCAPE = "␛"
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{1,6}});|{SPACE_SIGN}")
_BARE = re.compile(rf"[\s\x00-\x1f\x7f\ud800-\udfff{SPACE_SIGN}]|{_ESCAPE}(?=[0-9a-f]{{1,6}};)|^<(?=UNK>$)")


def written(symbol: str) -> str:
    """Return the symbol as a field of an ARPA file; LanguageModelError for the empty one, which can be no field."""
    if not symbol:
        raise LanguageModelError("ARPA", "the empty symbol cannot be written", "leave it out")
    return _BARE.sub(_escaped, symbol)


def read(field: str) -> str:
    """Return the symbol that a field of an ARPA file stands for."""
    return _ESCAPED.sub(_unescaped, field) if SPACE_SIGN in field or _ESCAPE in field else field


def _escaped(match: re.Match[str]) -> str:
    return SPACE_SIGN if match[0] == " " else f"{_ESCAPE}{ord(match[0]):x};"


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return " "
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 else match[0]
