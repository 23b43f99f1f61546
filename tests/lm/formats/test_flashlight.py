"""Lexicons of flashlight become ours; what cannot is counted and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.errors import DataError
from emgasr.lm.formats.flashlight import read_flashlight, write_lexicon
from emgasr.lm.lexicon import read_lexicon
from emgasr.lm.spelling import Spelling
from emgasr.tokens import Tokens

LINES = "cab\tc a b |\nabba a b b a |\n\ncab\tk a b |\nHELLO\th e l l o |\ncab\tc a b |\nlone\nnée\tn é e |\nbc ▁b c\n"


def test_words_whose_tokens_are_their_characters_are_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(LINES, encoding="utf-8")
    found = read_flashlight(tmp_path / "theirs.txt")
    assert found.words == ("cab", "abba", "née", "bc")
    assert found.left == {
        "spelled otherwise": ("line 4: cab (k a b |)", "line 5: HELLO (h e l l o |)"),
        "there already": ("line 6: cab (c a b |)",),
        "without a spelling": ("line 7: lone ()",),
    }
    assert found.lines == 8
    write_lexicon(found.words, tmp_path / "ours.txt")
    assert list(read_lexicon(tmp_path / "ours.txt")) == ["cab", "abba", "née", "bc"]


def test_words_that_a_model_cannot_write_are_left_over(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text(LINES, encoding="utf-8")
    found = read_flashlight(tmp_path / "theirs.txt", spelling=Spelling.of(Tokens.characters("abc ")))
    assert found.words == ("cab", "abba", "bc")
    assert found.left["not to be written by the model"] == ("line 8: née (n é e |)",)


def test_another_sign_may_end_words(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("cab c a b <sp>\na| a | <sp>\n")
    assert read_flashlight(tmp_path / "theirs.txt", "<sp>").words == ("cab", "a|")


def test_a_lexicon_of_phones_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("cab K AE B |\n")
    with pytest.raises(DataError, match=r"no word whose tokens are its characters \(line 1: cab \(K AE B \|\)\)"):
        read_flashlight(tmp_path / "theirs.txt")
