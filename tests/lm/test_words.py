"""Word models: a text's worth against words scored one by one, refunds, other symbol sets, coverage, bad input."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import ConfigError, DataError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.lexicon import OUTSIDE, ROOT, read_lexicon
from emgasr.lm.words import WordModel, WordState
from emgasr.tokens import ENTER, SHIFT, Tokens
from tests.oracles.reference_search import BeamSearch as ReferenceSearch

TOKENS = Tokens.characters(["a", "b", "c", "d", " ", ENTER])
PIECES = Tokens("sentencepiece", ["▁", "▁a", "▁ab", "a", "b", "bc", "c▁a", "d"])
WORDS = estimate([["ab", "abc"], ["ab", "d", "ab"], ["abc", "cab", "ab"], ["bb"]], order=3)
CHARACTERS = estimate(["ab", "abc", "d", "cab", "bb", "ca"], order=3)
LEXICON = ["ab", "abc", "d", "cab"]
PENALTY = 0.4
MODEL = WordModel(WORDS, LEXICON, CHARACTERS, TOKENS, PENALTY)
IN_PIECES = WordModel(WORDS, LEXICON, CHARACTERS, PIECES, PENALTY)


def worth_of_words(words: list[str], end: bool) -> float:
    """ln p of finished words, one by one."""
    state, ln_p = WORDS.start(), 0.0
    for word in words:
        step, state = WORDS.score(state, word if word in LEXICON else "<unk>")
        ln_p += step if word in LEXICON else step + CHARACTERS.sentence(word).ln_p - PENALTY
    return ln_p + (WORDS.end(state) if end else 0.0)


def walk(model: WordModel, symbols: list[str]) -> list[tuple[float, WordState]]:
    """What the text is worth, and the state, behind each of its tokens."""
    ln_p, state = 0.0, model.start()
    behind = [(ln_p, state)]
    for symbol in symbols:
        step, state = model.score(state, symbol)
        ln_p += step
        behind.append((ln_p, state))
    return behind


def worth(model: WordModel, symbols: list[str]) -> float:
    ln_p, state = walk(model, symbols)[-1]
    return ln_p + model.end(state)


@settings(max_examples=200, deadline=None)
@given(st.text("abcd " + ENTER, max_size=14))
def test_scores_add_up_to_those_of_the_words_one_by_one(text: str) -> None:
    *finished, last = re.split(f"[ {ENTER}]", text)
    words = [*finished, last] if last else finished
    assert worth(MODEL, list(text)) == pytest.approx(worth_of_words(words, end=True), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES.symbols[1:]), max_size=9))
def test_pieces_score_as_the_words_that_they_write(pieces: list[str]) -> None:
    words = [word for word in "".join(pieces).split("▁") if word]
    assert worth(IN_PIECES, pieces) == pytest.approx(worth_of_words(words, end=True), abs=1e-9)


def test_tokens_that_are_words_score_as_words() -> None:
    model = WordModel(WORDS, LEXICON, CHARACTERS, Tokens.words(["ab", "d", "ca"]), PENALTY)
    assert worth(model, ["ab", "ca", "d"]) == pytest.approx(worth_of_words(["ab", "ca", "d"], end=True))


@settings(max_examples=100, deadline=None)
@given(text=st.text("abcd ", max_size=8), undone=st.text("abcd ", max_size=4), more=st.text("abcd ", max_size=4))
def test_what_follows_depends_on_the_state_alone(text: str, undone: str, more: str) -> None:
    ln_p, state = walk(MODEL, list(text))[-1]
    walk(MODEL, list(text + undone))  # a backspace returns to `state`: nothing else is kept
    for symbol in more:
        step, state = MODEL.score(state, symbol)
        ln_p += step
    assert (ln_p, state) == walk(MODEL, list(text + more))[-1]


@settings(max_examples=100, deadline=None)
@given(st.text("abcd", min_size=1, max_size=6))
def test_a_word_in_progress_is_worth_the_best_that_it_may_become(letters: str) -> None:
    before = worth_of_words(["ab"], end=False)
    ahead = [WORDS.score(0, word)[0] for word in LEXICON if word.startswith(letters)]
    state = WORDS.score(WORDS.start(), "ab")[1]
    spelled = walk_characters(letters)
    expected = max([*ahead, WORDS.score(state, "<unk>")[0] + spelled - PENALTY])
    ln_p, state_there = walk(MODEL, ["a", "b", " ", *letters])[-1]
    assert ln_p == pytest.approx(before + expected, abs=1e-9)
    assert MODEL.in_progress(state_there) == pytest.approx(expected, abs=1e-9)


def walk_characters(letters: str) -> float:
    state, ln_p = CHARACTERS.start(), 0.0
    for letter in letters:
        step, state = CHARACTERS.score(state, letter)
        ln_p += step
    return ln_p


@given(st.text("abcd", min_size=2, max_size=6))
def test_within_a_word_the_worth_never_rises(letters: str) -> None:
    worths = [ln_p for ln_p, _ in walk(MODEL, list(letters))]
    assert all(later <= earlier for earlier, later in itertools.pairwise(worths[1:]))


def test_a_state_tells_where_in_a_word_the_text_ends() -> None:
    (_, start), (_, in_tree), (_, off_tree), (_, behind) = walk(MODEL, ["b", "b", " "])
    assert (start.node, in_tree.node, off_tree.node, behind.node) == (ROOT, OUTSIDE, OUTSIDE, ROOT)
    assert start == (WORDS.start(), ROOT, CHARACTERS.start(), start.outside)
    assert walk(MODEL, ["a", "b"])[-1][1].node > ROOT
    assert hash(in_tree) != hash(off_tree)
    assert behind.context == WORDS.score(WORDS.start(), "<unk>")[1]


def test_a_space_without_a_word_before_it_is_not_free() -> None:
    empty = WORDS.score(WORDS.start(), "<unk>")[0] + CHARACTERS.sentence("").ln_p - PENALTY
    assert walk(MODEL, [" "])[-1][0] == pytest.approx(empty)
    assert worth(MODEL, list("ab  ab")) < worth(MODEL, list("ab ab"))
    assert walk(IN_PIECES, ["▁"])[-1] == (0.0, IN_PIECES.start())


def test_a_larger_penalty_closes_the_vocabulary() -> None:
    closed = WordModel(WORDS, LEXICON, CHARACTERS, TOKENS, unknown_penalty=50.0)
    assert worth(closed, list("bb")) == pytest.approx(worth(MODEL, list("bb")) - 50 + PENALTY)
    assert worth(closed, list("ab")) == pytest.approx(worth(MODEL, list("ab")))


def test_words_that_the_word_model_does_not_know_are_spelled_and_counted() -> None:
    model = WordModel(WORDS, [*LEXICON, "dada", "ab"], CHARACTERS, TOKENS, PENALTY)
    assert model.unmodeled == 1
    assert worth(model, list("dada")) == pytest.approx(worth(MODEL, list("dada")))
    assert (model.tree.word >= 0).sum() == len(model.lexicon) == 4


def test_the_tree_holds_the_lexicon_and_nothing_else() -> None:
    words = sorted({"".join(chr(97 + x) for x in row) for row in np.random.default_rng(0).integers(0, 4, (200, 5))})
    words += ["a", "ab", "dddddd"]
    unigrams = estimate([words, words[::3]], order=1)
    model = WordModel(unigrams, words, CHARACTERS, TOKENS)
    code = {letter: number for number, letter in enumerate(model.spelling.letters)}
    found = {}
    stack = [(ROOT, "")]
    while stack:
        node, prefix = stack.pop()
        children = range(model.tree.first[node], model.tree.first[node + 1])
        for child in children:
            letter = model.spelling.letters[model.tree.letter[child]]
            assert model.tree.child(node, code[letter]) == child
            stack.append((child, prefix + letter))
        assert len({*model.tree.letter[children]}) == len(children)
        if model.tree.word[node] >= 0:
            found[prefix] = unigrams.vocabulary[model.tree.word[node]]
        below = [unigrams.score(0, word)[0] for word in words if word.startswith(prefix)]
        assert model.tree.ahead[node] == max(below)
    assert found == {word: word for word in words}
    assert model.tree.child(OUTSIDE, 0) == OUTSIDE


def test_symbols_are_known_by_the_lexicon_or_by_the_character_model() -> None:
    tokens = Tokens.keystrokes(["a", "b", "c", "x", "y", "Key.space", "Key.shift", "Key.backspace"])
    words = estimate([["ab", "xa"]], order=2)
    model = WordModel(words, ["ab", "xa"], CHARACTERS, tokens)
    assert model.unknown_symbols(["a", "x", "y", " "]) == ["y"]
    assert model.symbols == {"a", "b", "c", "x", " "}
    assert model.score(model.start(), SHIFT) == (0.0, model.start())


def test_coverage_counts_what_the_lexicon_lacks() -> None:
    model = WordModel(WORDS, [*LEXICON, "dada"], CHARACTERS, TOKENS)
    coverage = model.coverage(["ab abc ca ", "ca d dada"])
    assert (coverage.vocabulary, coverage.unmodeled, coverage.words, coverage.types) == (4, 1, 6, 5)
    assert (coverage.oov_rate, coverage.oov_rate_types) == (0.5, 0.4)
    assert str(coverage) == (
        "lexicon of 4 words (1 more unknown to the word model): holds 3 of the text's 6"
        " (OOV rate 50.00 %; 40.00 % of 5 different), lacks ca, dada"
    )
    assert coverage.as_dict() == {
        "vocabulary": 4,
        "unmodeled": 1,
        "words": 6,
        "types": 5,
        "coverage": 0.5,
        "oov_rate": 0.5,
        "oov_rate_types": 0.4,
        "unknown": {"ca": 2, "dada": 1},
    }
    assert model.coverage([]).oov_rate == 0.0


def test_the_checksum_tells_all_that_scores_come_from() -> None:
    same = WordModel(WORDS, [*reversed(LEXICON), "ab", "dada"], CHARACTERS, TOKENS, PENALTY)
    assert same.checksum() == MODEL.checksum()
    others = [
        WordModel(CHARACTERS, ["d"], CHARACTERS, TOKENS, PENALTY),
        WordModel(WORDS, LEXICON[1:], CHARACTERS, TOKENS, PENALTY),
        WordModel(WORDS, LEXICON, WORDS, TOKENS, PENALTY),
        WordModel(WORDS, LEXICON, CHARACTERS, TOKENS, PENALTY + 1e-9),
    ]
    assert len({model.checksum() for model in (MODEL, *others)}) == 5


def test_words_that_the_tokens_cannot_write_are_refused() -> None:
    with pytest.raises(DataError, match="cannot write 'née', as none has 'n', nor 1 other word;"):
        WordModel(WORDS, ["ab", "née", "dab!"], CHARACTERS, TOKENS)
    with pytest.raises(DataError, match="cannot write 'a b', as none has ' ';"):
        WordModel(WORDS, ["a b"], CHARACTERS, TOKENS)
    with pytest.raises(DataError, match="cannot write '▁a', as none has '▁';"):
        WordModel(WORDS, ["▁a"], CHARACTERS, PIECES)


def test_a_search_with_other_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="its WordModel is made for other tokens"):
        BeamSearch(PIECES, MODEL)


@pytest.mark.parametrize("lexicon", [[], ["aaaa"], ["", "dddd"]])
def test_a_lexicon_without_a_word_of_the_model_is_refused(lexicon: list[str]) -> None:
    with pytest.raises(DataError, match="knows none of its"):
        WordModel(WORDS, lexicon, CHARACTERS, TOKENS)


@pytest.mark.parametrize("penalty", [math.nan, math.inf])
def test_a_penalty_that_is_no_number_is_refused(penalty: float) -> None:
    with pytest.raises(ConfigError, match="unknown_penalty is"):
        WordModel(WORDS, LEXICON, CHARACTERS, TOKENS, penalty)


def test_a_lexicon_file_is_read_in_its_order_each_word_once(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_bytes("\ufeffb\r\n\r\n a \nb\nü\n".encode())
    assert read_lexicon(path) == {"b": 1, "a": 3, "ü": 5}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "holds no words"),
        (b"\n \n", "holds no words"),
        (b"a\nb\tb |\n", "line 2 holds 3 words"),
        (b"a\n\xff\n", "line 2 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_lexicon_is_refused(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=line):
        read_lexicon(path)


def test_a_lexicon_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_lexicon(tmp_path / "none.txt")


def test_a_word_model_without_unk_makes_other_words_all_but_impossible() -> None:
    tables = [WORDS.table(order) for order in range(1, WORDS.order + 1)]
    tables[0] = tuple(column[1:] for column in tables[0])  # type: ignore[assignment]
    closed = NGramModel.from_tables(WORDS.vocabulary, tables)
    assert not closed.has_unknown
    model = WordModel(closed, LEXICON, CHARACTERS, TOKENS)
    assert worth(model, list("bb")) < -200
    assert worth(model, list("ab")) == pytest.approx(worth(MODEL, list("ab")))


def said(symbols: list[str]) -> np.ndarray:
    """Emissions that allow these symbols only, a blank behind each."""
    labels = [label for token in TOKENS.ids(symbols) for label in (token, 0)]
    emissions = np.full((len(labels), len(TOKENS)), -np.inf)
    emissions[np.arange(len(labels)), labels] = 0.0
    return emissions


@pytest.mark.parametrize(
    ("symbols", "words"),
    [("", 0), ("a", 1), ("ab", 1), ("ab ", 1), ("ab c", 2), ("  ab  dd ", 2)],
)
def test_each_word_has_its_bonus_from_its_first_letter_on(symbols: str, words: int) -> None:
    scores = []
    for bonus in (0.0, 1.5, -2.0):
        config = SearchConfig(word_bonus=bonus, beam=5)
        for search in (BeamSearch, ReferenceSearch):
            scores.append(search(TOKENS, MODEL, config).whole(said(list(symbols)))[0].score)
    none, bonus, penalty = scores[::2]
    assert (bonus - none, penalty - none) == pytest.approx((1.5 * words, -2.0 * words))
    assert scores[::2] == pytest.approx(scores[1::2])


def test_a_bonus_of_words_needs_a_model_of_words() -> None:
    with pytest.raises(ConfigError, match="word_bonus is 1, and no lexicon says what a word is"):
        BeamSearch(TOKENS, CHARACTERS, SearchConfig(word_bonus=1.0))


def test_runs_of_separators_are_free_where_they_are_asked_to_be() -> None:
    free = WordModel(WORDS, LEXICON, CHARACTERS, TOKENS, PENALTY, free_separators=True)
    assert worth(free, list("ab  abc")) == worth(free, list("ab abc")) == worth(MODEL, list("ab abc"))
    assert worth(free, list("  ab")) == worth(MODEL, list("ab"))
    assert worth(MODEL, list("ab  abc")) < worth(MODEL, list("ab abc"))
    assert free.checksum() != MODEL.checksum()
