"""A typed character in, the ASCII key that emg2qwerty's published code takes it for out: one sign for one, or none.

The published code replaces four signs by name and others as the package unidecode does, and drops what that writes with
more than one character (ß, …, «). Here this holds for what keyboards of Latin letters write: accented letters by their
decomposition, and the signs below.
"""

from __future__ import annotations

import unicodedata

# The published code's own, then what unidecode says of signs that do not decompose into a letter and accents.
_SIGNS = {
    **dict.fromkeys("’‘‛′´ʼ", "'"),
    **dict.fromkeys("“”‟¨", '"'),
    **dict.fromkeys("—‐‑‒–‾¯−", "-"),
    **dict.fromkeys("‚¸", ","),
    **{"‹": "<", "›": ">", "⁄": "/", "÷": "/", "×": "x", "·": "*", "•": "*", "‧": ".", "†": "+", "‗": "_", "‵": "`"},
    **{"¡": "!", "¿": "?", "¦": "|", "¬": "!", "µ": "u", "¶": "P", "₤": "L", "₩": "W", "₦": "N", "₫": "D", "₽": "R"},
    **{"Ð": "D", "ð": "d", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "Ŧ": "T", "ŧ": "t", "Ł": "L", "ł": "l", "ı": "i"},
    **{"Ø": "O", "ø": "o", "Ŀ": "L", "ŀ": "l", "ĸ": "k"},
}


def ascii_key(character: str) -> str:
    """Return the one ASCII sign that a typed character is taken for; empty where there is none."""
    composed = unicodedata.normalize("NFC", character)
    if len(composed) != 1:
        return ""
    sign = _SIGNS.get(composed)
    if sign is None:
        sign = "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c))
    return sign if len(sign) == 1 and sign.isascii() else ""
