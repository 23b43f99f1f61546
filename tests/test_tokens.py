"""Symbols, ids, raw keys and rendered text."""

from __future__ import annotations

import json
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.errors import DataError, ModelError
from emgasr.tokens import BACKSPACE, BLANK, ENTER, SHIFT, SPACE, Tokens, load_tokens, to_ascii, train_sentencepiece


def test_the_published_keys_come_in_their_order_after_the_blank() -> None:
    tokens = Tokens.keystrokes()
    assert len(tokens) == 99
    assert tokens.symbols[:27] == (BLANK, *string.ascii_lowercase)
    assert [tokens.published_ids[tokens.ids([key])[0]] for key in (BACKSPACE, ENTER, SPACE, SHIFT)] == [94, 95, 96, 97]
    assert sorted(tokens.published_ids) == list(range(99))
    assert tokens.published_ids[0] == 98


def test_a_compact_subset_maps_back_to_the_published_set_without_loss() -> None:
    compact = Tokens.keystrokes(["Key.space", "b", "a", BACKSPACE])
    assert compact.symbols == (BLANK, "a", "b", BACKSPACE, SPACE)
    full = Tokens.keystrokes()
    to_full = {published: index for index, published in enumerate(full.published_ids)}
    ids = compact.encode_text("ab ba")
    assert full.symbols_of(to_full[compact.published_ids[index]] for index in ids) == list("ab ba")


def test_raw_key_names_become_ids_and_other_keys_drop() -> None:
    tokens = Tokens.keystrokes()
    keys = ["H", "Key.shift", "’", "Key.tab", "\r", "Key.backspace", "", "é", "Key.f12", "Key.space", "ж", "…", BLANK]
    ids, kept = tokens.encode_keys(keys)
    assert tokens.symbols_of(ids) == ["H", SHIFT, "'", ENTER, BACKSPACE, "e", SPACE]
    assert kept == [0, 1, 2, 4, 5, 7, 9]


def test_the_shifts_of_either_side_are_dropped_as_the_published_code_drops_them() -> None:
    tokens = Tokens.keystrokes()
    ids, kept = tokens.encode_keys(["Key.shift_l", "A", "Key.shift", "Key.shift_r", "!"])
    assert (tokens.symbols_of(ids), kept) == (["A", SHIFT, "!"], [1, 2, 4])
    with pytest.raises(DataError, match="shift_l"):
        Tokens.keystrokes(["a", "Key.shift_l"])


def test_text_falls_back_to_ascii_only_where_it_must() -> None:
    assert Tokens.keystrokes().symbols_of(Tokens.keystrokes().encode_text("“naïve”—…\n`")) == [
        *'"naive"-...',
        ENTER,
        "`",
    ]
    accents = Tokens.characters("eé")
    assert accents.symbols_of(accents.encode_text("éeè")) == ["é", "e", "e"]


@pytest.mark.parametrize(("tokens", "text"), [(Tokens.keystrokes(), "ж"), (Tokens.characters("ab"), "abc")])
def test_an_unknown_symbol_of_a_text_is_named(tokens: Tokens, text: str) -> None:
    with pytest.raises(DataError, match=repr(text[-1])):
        tokens.encode_text(text)


def test_rendering_applies_backspaces_and_drops_what_does_not_print() -> None:
    tokens = Tokens.keystrokes()
    keys = [BACKSPACE, "t", "j", BACKSPACE, "h", SHIFT, "e", SPACE, ENTER, "x", BACKSPACE, BACKSPACE, "a"]
    assert tokens.render(tokens.ids(keys)) == "the a"
    assert tokens.render(tokens.ids(["a", ENTER, "b"])) == "a\nb"
    assert tokens.render([0, *tokens.ids("ok"), 0]) == "ok"


def test_which_tokens_print() -> None:
    tokens = Tokens.keystrokes()
    silent = [symbol for index, symbol in enumerate(tokens.symbols) if not tokens.printing(index)]
    assert silent == [BLANK, BACKSPACE, SHIFT]
    assert Tokens.characters("ab").backspace_id is None


def test_words_are_rendered_with_spaces_and_deleted_whole() -> None:
    tokens = Tokens.words(["fist", "wave", BACKSPACE])
    assert tokens.render(tokens.encode_text(f"fist wave {BACKSPACE} fist")) == "fist fist"
    with pytest.raises(DataError, match="'pinch'"):
        tokens.encode_text("fist pinch")


@pytest.mark.parametrize("symbols", [[], ["a", "a"], ["a", ""], [BLANK]])
def test_impossible_symbol_sets_are_refused(symbols: list[str]) -> None:
    with pytest.raises(DataError):
        Tokens.characters(symbols)


def test_only_published_keys_are_keystrokes() -> None:
    with pytest.raises(DataError, match="é"):
        Tokens.keystrokes(["a", "é"])
    with pytest.raises(DataError, match="no published ids"):
        _ = Tokens.characters("ab").published_ids


@given(st.text(st.sampled_from(string.printable[:95]), max_size=30))
def test_printable_text_survives_encoding_and_rendering(text: str) -> None:
    tokens = Tokens.keystrokes()
    assert tokens.render(tokens.encode_text(text)) == text


@given(st.text(max_size=20))
def test_ascii_stays_as_it_is_whatever_stands_around_it(text: str) -> None:
    kept = [character for character in text if character.isascii()]
    assert [character for character in kept if character not in to_ascii(text)] == []


@pytest.mark.parametrize(
    "tokens", [Tokens.keystrokes(), Tokens.keystrokes("ab"), Tokens.characters("é ⌫"), Tokens.words("x")]
)
def test_symbol_sets_survive_being_saved(tokens: Tokens, tmp_path: Path) -> None:
    tokens.save(tmp_path)
    assert load_tokens(tmp_path) == tokens
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.json"]


def test_sentencepiece_writes_text_in_pieces_and_back(tmp_path: Path) -> None:
    texts = ["the quick hands move over the keys", "the keys move", "hands over the quick keys"] * 5
    train_sentencepiece(texts, 40, tmp_path / "pieces.model")
    tokens = Tokens.sentencepiece(tmp_path / "pieces.model")
    ids = tokens.encode_text("the hands move quick")
    assert 0 not in ids
    assert all(tokens.printing(index) for index in ids)
    assert tokens.render(ids) == "the hands move quick"
    with pytest.raises(DataError, match="'Ω'"):
        tokens.encode_text("Ω")
    tokens.save(tmp_path / "model")
    assert load_tokens(tmp_path / "model") == tokens


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps({"kind": "keystrokes", "symbols": ["a"]}),
        json.dumps({"kind": "keystrokes", "symbols": []}),
        json.dumps({"kind": "other", "symbols": [BLANK, "a"]}),
        json.dumps({"kind": "words", "symbols": [BLANK, 3]}),
        json.dumps({"kind": "words", "symbols": [BLANK, "a", "a"]}),
    ],
)
def test_damaged_token_files_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokens\.json"):
        load_tokens(tmp_path)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_tokens(tmp_path)
    (tmp_path / "tokens.model").write_text("nonsense")
    with pytest.raises(ModelError, match="not a sentencepiece model"):
        load_tokens(tmp_path)
    with pytest.raises(DataError, match="no text"):
        train_sentencepiece([" "], 40, tmp_path / "pieces.model")


@pytest.mark.parametrize("text", ["café", "Ångström", "tiếng Việt", "한글"])
def test_two_forms_of_a_text_are_one(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert composed != decomposed
    for alphabet in (sorted({*composed}), sorted({*decomposed}), composed, decomposed):
        if len(set(alphabet)) == len(alphabet):
            tokens = Tokens.characters(alphabet)
            ids = tokens.encode_text(composed)
            assert tokens.encode_text(decomposed) == ids
            assert tokens.render(ids) == composed
    assert Tokens.words([decomposed]) == Tokens.words([composed])
    assert Tokens.words([composed]).encode_text(decomposed) == Tokens.words([decomposed]).ids([composed]) == [1]


def test_keystrokes_write_both_forms_alike() -> None:
    keys = Tokens.keystrokes()
    assert keys.encode_text("cafe\u0301") == keys.encode_text("café") == keys.encode_text("cafe")
    assert keys.encode_keys(["c", "e\u0301"]) == keys.encode_keys(["c", "é"])
