"""Typed characters as the keys that emg2qwerty's published code takes them for."""

from __future__ import annotations

import pytest

from emgasr.tokens import PUBLISHED_KEYS, Tokens
from emgasr.typed_signs import ascii_key

# What the published code has for them: read off it and off unidecode 1.4.
ONE_SIGN = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "−": "-", "é": "e", "Ñ": "N", "ç": "c", "å": "a",
    "e\u0301": "e", "ø": "o", "Ł": "L", "ı": "i", "ª": "a", "º": "o", "²": "2", "×": "x", "·": "*", "¿": "?", "¡": "!",
    "‚": ",", "\u00a0": " ", "ｆ": "f",
}  # fmt: skip
DROPPED = ["ß", "…", "«", "»", "Æ", "œ", "„", "½", "ж", "中", "€", "Key.tab", "\t", "", "ab"]


@pytest.mark.parametrize(("typed", "key"), ONE_SIGN.items())
def test_one_sign_stands_for_one(typed: str, key: str) -> None:
    assert ascii_key(typed) == key
    tokens = Tokens.keystrokes()
    assert tokens.symbols_of(tokens.encode_keys([typed])[0]) == [key]


@pytest.mark.parametrize("typed", DROPPED)
def test_what_takes_more_than_one_sign_or_none_is_dropped(typed: str) -> None:
    assert Tokens.keystrokes().encode_keys([typed]) == ([], [])


def test_all_that_latin_keyboards_write_is_taken_as_unidecode_takes_it() -> None:
    unidecode = pytest.importorskip("unidecode")
    for character in map(chr, [*range(0xA1, 0x180), *range(0x2010, 0x2022), *range(0x2032, 0x2036)]):
        published = {"—": "-"}.get(character, unidecode.unidecode(character))
        expected = published if published in PUBLISHED_KEYS and len(published) == 1 else ""
        assert ascii_key(character) == expected, character
