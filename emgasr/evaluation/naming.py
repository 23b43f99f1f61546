"""A symbol set in; the names that rows, tables, logs and pages give its error rate and its symbols out."""

from __future__ import annotations

from dataclasses import dataclass

from emgasr.tokens import Tokens

ACCURACY = "accuracy"  # of forced choice; more is better


@dataclass(frozen=True)
class Naming:
    """What the symbols of a model are called, and the error rate over them.

    Args:
        noun: one symbol, as in "30 words".
        rate: name of the error rate in rows and logs: `wer` becomes `wer_greedy` and `validation_wer`.
        short: its name at a figure.
        heading: of the symbols, above figures.
        column: its name in a table that also holds rates of the text.
    """

    noun: str
    rate: str
    short: str
    heading: str
    column: str

    @property
    def plural(self) -> str:
        """Several symbols; the name of their number in rows."""
        return f"{self.noun}s"


NAMINGS = (
    Naming("key", "cer", "CER", "Raw keys", "raw CER"),
    Naming("character", "cer", "CER", "Characters", "CER"),
    Naming("letter", "ler", "letter error rate", "Letters", "letter error rate"),
    Naming("word", "wer", "WER", "Words", "WER"),
    Naming("token", "ter", "token error rate", "Tokens", "token error rate"),
)
BY_NOUN = {naming.noun: naming for naming in NAMINGS}
SHORT = {naming.rate: naming.short for naming in NAMINGS} | {ACCURACY: ACCURACY}  # of a figure that a log names


def naming_of(tokens: Tokens) -> Naming:
    """Return how a symbol set is called: keys have a CER, words and gestures a WER, letters a letter error rate."""
    return BY_NOUN[tokens.noun]
