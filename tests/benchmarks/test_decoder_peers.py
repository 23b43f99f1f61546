"""KenLM and pyctcdecode behind our interfaces: the same text and scores as ours where they mean the same."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import ConfigError, DataError, LanguageModelError
from emgasr.lm import estimate, read_arpa, write_arpa
from emgasr.tokens import BACKSPACE, Tokens
from tests.oracles.reference_search import BeamSearch as ReadableSearch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from decoder_peers import KenLMScorer, PyctcdecodeSearch

TOKENS = Tokens.characters(["a", "b", "c", " "])
UNLIMITED = {"token_min_logp": -math.inf, "beam_prune_logp": -math.inf}
EVERYTHING = 10**4


def random_emissions(frames: int, seed: int, labels: int = len(TOKENS)) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(frames, labels)) * 2
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    write_arpa(estimate(["abc abc", "cab", "bca abc", "aab"], order=4), tmp_path / "lm.arpa")
    return tmp_path / "lm.arpa"


@pytest.fixture
def kenlm_scorer(arpa: Path) -> KenLMScorer:
    pytest.importorskip("kenlm")
    return KenLMScorer(arpa)


def test_kenlm_scores_texts_as_our_model_of_the_same_file(arpa: Path, kenlm_scorer: KenLMScorer) -> None:
    ours = read_arpa(arpa)
    for seed in range(20):
        text = np.random.default_rng(seed).choice(["a", "b", "c", " ", "never seen"], 12)
        states = ours.start(), kenlm_scorer.start()
        for symbol in text:
            mine, theirs = (
                lm.score(state, str(symbol)) for lm, state in zip((ours, kenlm_scorer), states, strict=True)
            )
            assert theirs[0] == pytest.approx(mine[0], abs=1e-4)
            states = mine[1], theirs[1]
        assert kenlm_scorer.end(states[1]) == pytest.approx(ours.end(states[0]), abs=1e-4)
    assert kenlm_scorer.order == ours.order == 4


@pytest.mark.parametrize("seed", range(5))
def test_the_readable_search_finds_the_same_text_and_scores_with_kenlm(
    arpa: Path, kenlm_scorer: KenLMScorer, seed: int
) -> None:
    tokens = Tokens.characters(["a", "b", "c", " ", BACKSPACE])
    emissions = random_emissions(30, seed, len(tokens))
    config = SearchConfig(beam=20, lm_weight=0.8, length_bonus=0.7, end_of_sentence=True, n_best=3)
    ours = ReadableSearch(tokens, read_arpa(arpa), config).whole(emissions)
    theirs = ReadableSearch(tokens, kenlm_scorer, config).whole(emissions)  # type: ignore[arg-type]
    assert [h.ids for h in theirs] == [h.ids for h in ours]
    assert [h.score for h in theirs] == pytest.approx([h.score for h in ours], abs=1e-4)


def test_symbols_that_kenlm_does_not_know_are_named(kenlm_scorer: KenLMScorer) -> None:
    assert kenlm_scorer.unknown_symbols(["a", " ", "z", "ab"]) == ["z", "ab"]


@pytest.mark.parametrize("content", [None, "no model\n", "\\data\\\nngram 1=7\n\n\\1-grams:\n"])
def test_a_file_that_kenlm_cannot_read_is_one_line(tmp_path: Path, content: str | None) -> None:
    pytest.importorskip("kenlm")
    if content is not None:
        (tmp_path / "lm.bin").write_text(content)
    with pytest.raises(LanguageModelError, match=r"lm\.bin: KenLM cannot read it"):
        KenLMScorer(tmp_path / "lm.bin")


def test_a_missing_kenlm_says_how_to_install_it(arpa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(LanguageModelError, match="pip install kenlm"):
        KenLMScorer(arpa)


def test_a_missing_pyctcdecode_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyctcdecode", None)
    with pytest.raises(ConfigError, match="pip install --no-deps pyctcdecode pygtrie hypothesis"):
        PyctcdecodeSearch(TOKENS)


@pytest.mark.parametrize("seed", range(5))
def test_pyctcdecode_sums_alignments_as_we_do(seed: int) -> None:
    pytest.importorskip("pyctcdecode")
    emissions = random_emissions(5, seed)
    config = SearchConfig(beam=EVERYTHING, top_k=None, n_best=50)
    ours = BeamSearch(TOKENS, None, config).whole(emissions)
    theirs = PyctcdecodeSearch(TOKENS, None, config, **UNLIMITED).whole(emissions)
    assert [h.ids for h in theirs] == [h.ids for h in ours]
    assert [h.score for h in theirs] == pytest.approx([h.score for h in ours], abs=1e-6)
    assert theirs[0].frames == ours[0].frames
    assert theirs[0].confidences == pytest.approx(ours[0].confidences)


@pytest.mark.parametrize("end_of_sentence", [False, True])
def test_pyctcdecode_weighs_a_language_model_as_we_do(
    arpa: Path, kenlm_scorer: KenLMScorer, end_of_sentence: bool
) -> None:
    pytest.importorskip("pyctcdecode")
    for seed in range(5):
        emissions = random_emissions(5, seed)
        config = SearchConfig(EVERYTHING, None, 0.8, 1.5, end_of_sentence=end_of_sentence, n_best=EVERYTHING)
        ours = {h.ids: h for h in BeamSearch(TOKENS, read_arpa(arpa), config).whole(emissions)}
        theirs = PyctcdecodeSearch(TOKENS, kenlm_scorer, config, **UNLIMITED).whole(emissions)
        assert theirs[0].ids == next(iter(ours))
        assert {h.ids for h in theirs} == set(ours)
        for hypothesis in theirs:
            assert hypothesis.score == pytest.approx(ours[hypothesis.ids].score, abs=1e-4)
            assert hypothesis.lm == pytest.approx(ours[hypothesis.ids].lm, abs=1e-4)


def test_pyctcdecode_reads_a_cut_of_no_frames_and_impossible_labels(kenlm_scorer: KenLMScorer) -> None:
    pytest.importorskip("pyctcdecode")
    search = PyctcdecodeSearch(TOKENS, kenlm_scorer)
    assert search.whole(np.zeros((0, len(TOKENS))))[0].ids == ()
    with np.errstate(divide="ignore"):
        only_a = np.log(np.eye(len(TOKENS))[[0, 1, 1, 0]])
    assert TOKENS.symbols_of(search.whole(only_a)[0].ids) == ["a"]
    with pytest.raises(DataError, match="frame 1 "):
        search.whole(np.array([[0.0, *[-np.inf] * 4], [np.nan] * 5]))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (SearchConfig(acoustic_scale=0.5), "no acoustic_scale"),
        (SearchConfig(backspace_penalty=1), "no backspace_penalty"),
        (SearchConfig(blank_penalty=1), "no blank_penalty"),
        (SearchConfig(length_bonus=1), "no length_bonus without a language model"),
    ],
)
def test_what_pyctcdecode_cannot_do_is_refused(asked: SearchConfig, message: str) -> None:
    pytest.importorskip("pyctcdecode")
    with pytest.raises(ConfigError, match=message):
        PyctcdecodeSearch(TOKENS, None, asked)


def test_symbols_that_pyctcdecode_would_misread_are_refused() -> None:
    pytest.importorskip("pyctcdecode")
    with pytest.raises(ConfigError, match="takes the symbol '▁' for"):
        PyctcdecodeSearch(Tokens.characters(["a", "▁"]))


def test_a_language_model_of_other_symbols_is_refused(kenlm_scorer: KenLMScorer) -> None:
    pytest.importorskip("pyctcdecode")
    with pytest.raises(LanguageModelError, match="knows none of the model's 2 symbols"):
        PyctcdecodeSearch(Tokens.characters(["x", "y"]), kenlm_scorer)
