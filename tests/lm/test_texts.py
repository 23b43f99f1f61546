"""How text files become sentences of symbols."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.errors import DataError
from emgasr.lm.texts import read_listed, read_texts, sentences
from emgasr.tokens import ENTER


def test_lines_lose_their_margins_and_empty_ones_go(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("  One\ttwo \r\n\n \nthree", encoding="utf-8")
    assert list(read_texts([tmp_path / "a.txt"])) == ["One two", "three"]
    assert list(read_texts([tmp_path / "a.txt"], lowercase=True)) == ["one two", "three"]


def test_words_and_characters_are_a_sentence_a_line() -> None:
    assert list(sentences(["ab c", "d"], "words")) == [["ab", "c"], ["d"]]
    assert list(sentences(["ab c", "d"], "characters")) == ["ab c", "d"]


def test_keystrokes_end_lines_with_enter_and_go_on_after_it() -> None:
    cut = list(sentences(["it’s", "b…", "ж", "é"], "keystrokes"))
    assert cut == [f"it's{ENTER}b...{ENTER}", f"e{ENTER}"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for name in ("latin", "absent"):
        with pytest.raises(DataError, match=name):
            list(read_texts([tmp_path / name]))


def test_two_forms_of_a_text_teach_one_symbol(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeffcafé\rcafe\u0301\u2028cafe\u0301\n", encoding="utf-8")
    assert list(read_texts([tmp_path / "a.txt"])) == ["café", "café café"]
    assert read_listed(tmp_path / "a.txt", "words")[0] == (1, "café")
