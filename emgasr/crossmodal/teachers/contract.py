"""The contract of teachers of text: texts in, unit vectors out; and the rule for words that they do not know."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np

from emgasr.crossmodal.descriptions import spelling
from emgasr.errors import DataError, ModelError

_SHOWN = 8  # words that a line lists


class TextTeacher(Protocol):
    """What turns texts into embeddings, and is never trained.

    The laws of every kind: tests/crossmodal/teachers/test_teacher_laws.py.
    """

    @property
    def kind(self) -> str:
        """Kind of the teacher, as in its configuration."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def width(self) -> int:
        """Length of an embedding."""

    @property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of all that determines the embeddings."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that it declares to be made for, as `en`; empty where it declares none."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return an embedding of each text: (n, width) float32, rows of unit length.

        Raises:
            DataError: A text is empty, too long, or has no word that the teacher can read.
        """

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that the teacher has no whole word for, in the text's order, each once."""


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and their marks, of any script, casefolded, in the text's order."""
    return ["".join(run) for letters, run in groupby(spelling(text), _is_letter) if letters]


def check_understood(text: str, teacher: TextTeacher, read: Iterable[str] = ()) -> str | None:
    """Return a note on words of a query that its teacher does not know, None if it knows all.

    Args:
        text: the query.
        teacher: what will embed it.
        read: texts that training read; their words (`flexor`) are known, whatever the teacher's vocabulary.

    Raises:
        DataError: The query is empty, or more than half of its words are unknown: it is likely in another language.
    """
    if not text.strip():
        raise DataError("query", "is empty", "describe a gesture")
    words = list(dict.fromkeys(words_of(text)))
    if not words:
        raise DataError(f"query {text!r}", "has no word", "describe a gesture")
    known = {word for one in read for word in words_of(one)}
    unknown = [word for word in teacher.unknown_words(text) if word not in known]
    if not unknown:
        return None
    shown = ", ".join(unknown[:_SHOWN]) + (", …" if len(unknown) > _SHOWN else "")
    made_for = f"is made for the language {', '.join(teacher.languages)}" if teacher.languages else "names no language"
    if 2 * len(unknown) > len(words):
        wrong = f"{len(unknown)} of {len(words)} words are not in the vocabulary of {teacher.name} ({shown})"
        advice = f"ask in everyday words of its language (it {made_for})"
        raise DataError(f"query {text!r}", wrong, advice)
    return f"{len(unknown)} of {len(words)} words are not in the vocabulary of {teacher.name} ({shown}); it {made_for}"


def _is_letter(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LM"


def check_texts(texts: Sequence[str]) -> None:
    """Raise a DataError for a text without a sign in it."""
    if any(not text.strip() for text in texts):
        raise DataError("text", "is empty", "describe a gesture")


def unit_rows(rows: np.ndarray, where: str) -> np.ndarray:
    """Return rows (n, width) as float32 of unit length.

    Raises:
        ModelError: A row is not finite, or 0.
    """
    found = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ModelError(where, "gives embeddings that are no finite direction", "fetch the folder again")
    return (found / lengths).astype(np.float32)
