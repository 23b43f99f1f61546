"""The first bytes of a file in, the kind of a file that cannot be read here out."""

from __future__ import annotations

import codecs
import re

LONGEST = 64  # bytes that are looked at

_TO_ARPA = "give the ARPA file that it was made from"
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"mmap lm http://kheafield.com/code", "is a KenLM binary", f"{_TO_ARPA}: build_binary cannot turn it back"),
    (b"blmt", "is an IRSTLM binary", "run compile-lm --text yes on it"),
    (b"Qblmt", "is a quantized IRSTLM binary", "run compile-lm --text yes on it"),
    (b"SRILM_BINARY_NGRAM", "is an SRILM binary", "run ngram -lm FILE -write-lm FILE.arpa on it"),
    (b"Trie Language Model", "is a Sphinx binary", "run sphinx_lm_convert -ofmt arpa on it"),
    (b"\xd6\xfd\xb2\x7e", "is a finite-state transducer (OpenFst)", _TO_ARPA),
    (b"BZh", "is compressed with bzip2", "give it plain or gzipped"),
    (b"\xfd7zXZ\0", "is compressed with xz", "give it plain or gzipped"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", "give it plain or gzipped"),
    (b"PK\x03\x04", "is a ZIP archive", "unpack it first"),
    (codecs.BOM_UTF16_LE, "is UTF-16 text", "convert it to UTF-8 first"),
    (codecs.BOM_UTF16_BE, "is UTF-16 text", "convert it to UTF-8 first"),
)
# Its numbers are to be interpolated, not backed off from: read as ARPA, they would be wrong in silence.
_IARPA = re.compile(rb"(?:\xef\xbb\xbf)?\s*iARPA\s")


def foreign(begin: bytes) -> tuple[str, str] | None:
    """Return what a file that begins with these bytes is and what to do, or None if it may be an ARPA file."""
    for sign, what, advice in _KINDS:
        if begin.startswith(sign):
            return what, advice
    if b"Darpa Trigram LM" in begin:
        return "is a Sphinx binary (DMP)", "run sphinx_lm_convert -ofmt arpa on it"
    if _IARPA.match(begin):
        return "is an IRSTLM iARPA file, whose numbers are no back-off model's", "run compile-lm --text yes on it"
    return None
