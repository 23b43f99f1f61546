"""What symbols and their error rate are called: by the kind of the symbols, in one place."""

from __future__ import annotations

import pytest

from emgasr.cli.progress import figures_line
from emgasr.evaluation.naming import naming_of
from emgasr.tokens import Tokens


@pytest.mark.parametrize(
    ("tokens", "plural", "rate"),
    [
        (Tokens.keystrokes(), "keys", "cer"),
        (Tokens.characters("abc"), "letters", "ler"),
        (Tokens.characters("abc "), "characters", "cer"),
        (Tokens.words(["fist", "wave in"]), "words", "wer"),
        (Tokens("sentencepiece", ["▁a", "b"]), "tokens", "ter"),
    ],
)
def test_each_kind_of_symbols_has_its_names(tokens: Tokens, plural: str, rate: str) -> None:
    assert (naming_of(tokens).plural, naming_of(tokens).rate) == (plural, rate)


def test_a_log_shows_figures_by_their_names() -> None:
    assert figures_line({"wer": 0.1254, "accuracy": 1.0, "error": 0.1}) == "WER 12.54 %, accuracy 100.00 %"
    assert figures_line({"ler": 0.5}) == "letter error rate 50.00 %"
