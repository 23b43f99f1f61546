"""The table that `evaluate` prints: each figure under its name, numbers of words, and sessions below their person."""

from __future__ import annotations

import pytest

from emgasr.cli.read.evaluate import table_of
from emgasr.display.console import print_table
from emgasr.evaluation.evaluate import Item, evaluate
from emgasr.evaluation.results import results_of
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS, emissions_of

WORDS = Tokens.words(["fist", "open"])


def lines(items: list[Item], tokens: Tokens, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each line of the table."""
    print_table(table_of(result.as_dict() for result in results_of(evaluate(items, tokens, system="m"))))
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_words_have_a_wer_an_accuracy_and_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    read = [("1", "fist", "fist"), ("2", "open", "fist")]
    items = [Item(day, "ann", [true], emissions_of([got], WORDS), session=day) for day, true, got in read]
    head, everybody, ann, first, second = lines(items, WORDS, capsys)
    assert head == ["system", "split", "subject", "accuracy", "WER", "words", "isolated", "95", "%", "interval"]
    assert everybody[:9] == ["m", "test", "all", "50.00", "%", "50.00", "%", "2", "2"]
    assert ann[3:9] == everybody[3:9]
    assert (first[2:6], second[2:6]) == (["ann,", "1", "100.00", "%"], ["ann,", "2", "0.00", "%"])
    assert "(accuracy)" in first


def test_the_table_of_typing_says_nothing_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    head, everybody, _ = lines([Item("a", "ann", list("ab c"), emissions_of("ab b"))], KEYS, capsys)
    assert head == ["system", "split", "subject", "CER", "raw", "CER", "text", "WER", "95", "%", "interval"]
    assert everybody[3:] == ["25.00", "%", "25.00", "%", "50.00", "%", "25.00–25.00", "(CER", "raw)"]


def test_letters_have_a_letter_error_rate(capsys: pytest.CaptureFixture[str]) -> None:
    letters = Tokens.characters("abc")
    head, *_ = lines([Item("a", "ann", list("abc"), emissions_of("abb", letters))], letters, capsys)
    assert head == ["system", "split", "subject", "letter", "error", "rate", "WER", "letters", "95", "%", "interval"]
