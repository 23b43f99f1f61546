"""The second pass: its ranking by hand, its gate, its failures, its file; segments end alike by any chunking."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.config.parsing import write_yaml
from emgasr.decoding import BeamSearch, Hypothesis, SearchConfig
from emgasr.errors import ConfigError, EmgasrError, LanguageModelError
from emgasr.files.plain_data import read_yaml
from emgasr.lm import estimate
from emgasr.lm.neural.config import NetworkConfig
from emgasr.lm.neural.folder import save_neural
from emgasr.lm.neural.model import NeuralLM
from emgasr.lm.neural.network import make_network
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.rescoring.contract import Segment
from emgasr.rescoring.neural import NeuralScorer
from emgasr.rescoring.second_file import (
    NamedScorer,
    SecondPassFile,
    read_second_pass,
    second_pass_of,
    write_second_pass,
)
from emgasr.rescoring.second_pass import SecondPass, SecondPassConfig, rendered
from emgasr.rescoring.segments import SecondSearch
from emgasr.tokens import BACKSPACE, ENTER, Tokens

KEYS = Tokens.keystrokes([*"abc ", ENTER, BACKSPACE])


class Table:
    """A scorer that looks texts up."""

    kind, name, checksum, memory_bytes = "table", "table", "0" * 64, 0

    def __init__(self, ln_p: dict[str, float] | None = None, fails: BaseException | None = None) -> None:
        self.ln_p, self.fails = ln_p or {}, fails
        self.asked: list[Segment] = []

    def score(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        self.asked += segments
        if self.fails is not None:
            raise self.fails
        return [np.array([self.ln_p.get(text, -9.0) for text in segment.texts]) for segment in segments]


def hypotheses(*rows: tuple[str, float, float]) -> list[Hypothesis]:
    """Hypotheses of keys, scores and ln p of the search's language model."""
    made = []
    for keys, score, lm in rows:
        ids = tuple(KEYS.ids(keys))
        made.append(Hypothesis(ids, tuple(range(len(ids))), (0.5,) * len(ids), score, score - lm, lm))
    return made


def test_the_new_order_is_that_of_the_sum_by_hand() -> None:
    first = hypotheses(("ab", -1.0, -3.0), ("ac", -1.5, -2.0), ("a", -2.0, -1.0))
    config = SecondPassConfig(ngram_weight=0.5, character_bonus=0.1)
    second = SecondPass([Table({"ab": -4.0, "ac": -2.0, "a": -3.0})], [0.3], config, lm_weight=0.8)
    look = second.whole(first, KEYS)
    by_hand = {
        "ab": -1.0 + (0.5 - 0.8) * -3.0 + 0.3 * -4.0 + 0.2,
        "ac": -1.5 + (0.5 - 0.8) * -2.0 + 0.3 * -2.0 + 0.2,
        "a": -2.0 + (0.5 - 0.8) * -1.0 + 0.3 * -3.0 + 0.1,
    }
    order = sorted(by_hand, key=lambda text: -by_hand[text])
    assert [KEYS.render(each.ids) for each in look.hypotheses] == order
    assert [each.score for each in look.hypotheses] == pytest.approx([by_hand[text] for text in order])
    assert not look.gated


def test_nothing_is_asked_of_one_hypothesis_of_equal_texts_or_beyond_the_margin() -> None:
    scorer = Table({"ac": 0.0})
    second = SecondPass([scorer], [1.0], SecondPassConfig(gate_nats=2.0))
    for first in (
        hypotheses(("ab", -1.0, 0.0)),
        hypotheses(("ab", -1.0, 0.0), (f"ac{BACKSPACE}b", -1.1, 0.0)),
        hypotheses(("ab", -1.0, 0.0), ("ac", -3.0, 0.0)),
    ):
        look = second.whole(first, KEYS)
        assert look.gated
        assert look.hypotheses == tuple(first)
    assert not scorer.asked
    assert KEYS.render(second.whole(hypotheses(("ab", -1.0, 0.0), ("ac", -2.9, 0.0)), KEYS).hypotheses[0].ids) == "ac"


def test_equal_scores_keep_the_order_of_the_search() -> None:
    first = hypotheses(("ab", -1.0, 0.0), ("ac", -1.0, 0.0))
    look = SecondPass([Table()], [1.0]).whole(first, KEYS)
    assert [each.ids for each in look.hypotheses] == [each.ids for each in first]


def test_texts_are_rendered_and_each_is_scored_once() -> None:
    scorer = Table({"b": -1.0, "c": -2.0})
    first = hypotheses((f"a{BACKSPACE}b", -1.0, 0.0), ("b", -1.2, 0.0), ("c", -1.3, 0.0))
    SecondPass([scorer], [1.0]).whole(first, KEYS)
    assert [list(segment.texts) for segment in scorer.asked] == [["b", "c"]]


@pytest.mark.parametrize(
    ("before", "typed", "texts", "context"),
    [
        ("", ["ab", "ac"], ["ab", "ac"], ""),
        (f"aa{ENTER}b", ["a", "c"], ["a", "c"], "aa\nb"),
        (f"c{ENTER}aa{ENTER}b", ["a", "c"], ["a", "c"], "aa\nb"),
        ("ab", [f"{BACKSPACE}c", "c"], ["c", "bc"], "a"),
    ],
)
def test_a_backspace_reaches_into_the_context(before: str, typed: list[str], texts: list[str], context: str) -> None:
    found = rendered([KEYS.ids(keys) for keys in typed], KEYS, KEYS.ids(before), 1)
    assert found == (texts, context)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (MemoryError(), "table: runs out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "runs out of memory"),
        (RuntimeError("shapes differ\nat length"), r"fails \(shapes differ\)"),
        (LanguageModelError("table", "is damaged", ""), "is damaged"),
    ],
)
def test_a_failure_is_an_error_or_the_first_pass_and_never_a_zero(failure: BaseException, said: str) -> None:
    first = hypotheses(("ab", -1.0, 0.0), ("ac", -1.5, 0.0))
    with pytest.raises(LanguageModelError, match=said):
        SecondPass([Table(fails=failure)], [1.0]).whole(first, KEYS)
    look = SecondPass([Table(fails=failure)], [1.0], fallback=True).whole(first, KEYS)
    assert look.hypotheses == tuple(first)
    assert look.failure is not None
    assert not look.gated


def test_scores_that_are_no_numbers_are_a_failure() -> None:
    with pytest.raises(LanguageModelError, match="no numbers"):
        SecondPass([Table({"b": math.nan})], [1.0]).whole(hypotheses(("b", 0.0, 0.0), ("c", -0.1, 0.0)), KEYS)


def emissions(text: str, confused: dict[int, tuple[str, float]], hold: int = 3, pause: int = 0) -> np.ndarray:
    """Log-probabilities of keys held for `hold` frames; at some places another key has a share instead."""
    rows = []
    for place, key in enumerate(text):
        p = np.full(len(KEYS), 1e-4)
        other, share = confused.get(place, (key, 0.0))
        p[KEYS.ids([key])[0]] = 1 - share
        p[KEYS.ids([other])[0]] = max(share, p[KEYS.ids([other])[0]])
        rows += [p] * hold
        blank = np.full(len(KEYS), 1e-4)
        blank[0] = 1.0
        rows += [blank] * hold
    rows += [blank] * pause
    found = np.array(rows)
    return np.log(found / found.sum(1, keepdims=True))


LM = estimate(["abc abc" + ENTER, "cab cab" + ENTER, "ab ba" + ENTER], 2)


def two_passes(scorer: Any, **config: Any) -> SecondSearch:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=30, lm_weight=0.2))
    usual = {"settle_s": 0.2, "pause_s": 1.0}
    return SecondSearch(search, SecondPass([scorer], [1.0], SecondPassConfig(**(usual | config)), 0.2), 30.0, unit=2)


TYPED = f"abc{ENTER}cab{ENTER}ba"
CONFUSED = {1: ("c", 0.55), 5: ("b", 0.6), 8: ("a", 0.52)}


def test_a_second_look_turns_each_line_to_what_the_scorer_prefers() -> None:
    first = BeamSearch(KEYS, LM, SearchConfig(beam=30, lm_weight=0.2)).whole(emissions(TYPED, CONFUSED))[0]
    assert KEYS.render(first.ids) != "abc\ncab\nba"

    class Prefers(Table):
        def score(self, segments: Sequence[Segment]) -> list[np.ndarray]:
            right = "abc\ncab\nba"
            whole = [[(segment.context + text).strip() for text in segment.texts] for segment in segments]
            return [np.array([0.0 if text in right else -9.0 for text in texts]) for texts in whole]

    search = two_passes(Prefers())
    found = search.whole(emissions(TYPED, CONFUSED))[0]
    assert KEYS.render(found.ids) == "abc\ncab\nba"
    assert search.report.segments == 3
    assert search.report.changed >= 2
    assert list(found.frames) == sorted(found.frames)


@pytest.mark.parametrize("cuts", [[1] * 200, [7, 1, 2, 50, 3], [13, 40]])
def test_any_chunking_gives_the_same_tokens(cuts: list[int]) -> None:
    scorer = Table({"bc\n": -1.0, "ab\n": -1.0, "ba": -1.0})
    rows = np.concatenate([emissions(TYPED, CONFUSED, pause=40), emissions("cab", {1: ("b", 0.5)})])
    whole = two_passes(scorer).whole(rows)[0]
    reader = two_passes(scorer).reader()
    done, tokens = 0, []
    for cut in [*cuts, len(rows)]:
        reader.read(rows[done : done + cut])
        tokens += reader.taken()
        done += cut
    reader.end()
    tokens += reader.taken()
    assert tuple(each[0] for each in tokens) == whole.ids
    assert tuple(each[1] for each in tokens) == whole.frames
    assert reader.ended >= 4


def test_without_confusion_two_passes_read_as_one_does_and_long_lines_end() -> None:
    text = "abc abc cab ab ba abc abc"
    rows = emissions(text, {})
    search = two_passes(Table(), longest_s=1.0)
    assert KEYS.render(search.whole(rows)[0].ids) == text
    assert search.report.segments >= 3
    assert two_passes(Table()).whole(rows[:0])[0].ids == ()


def neural(folder: Path, alphabet: str = "abc \n") -> Path:
    torch.manual_seed(0)
    vocabulary = Vocabulary.of_text("keystrokes", [alphabet.replace("\n", ENTER)])
    network = make_network(NetworkConfig(kind="gru", width=8, layers=1), len(vocabulary))
    save_neural(NeuralLM(network, vocabulary), folder)
    return folder


def test_a_neural_scorer_scores_text_from_its_start_to_its_end(tmp_path: Path) -> None:
    scorer = NeuralScorer.load(neural(tmp_path / "lm"), KEYS)
    (found,) = scorer.score([Segment(["ab", "ab\nc"])])
    by_hand = [scorer.model.symbol_scores([symbols]).sum() for symbols in ("ab", f"ab{ENTER}c")]
    np.testing.assert_allclose(found, by_hand, atol=1e-5)


def test_a_language_model_of_other_symbols_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="knows 0 of the"):
        NeuralScorer.load(neural(tmp_path / "lm", "xyz"), KEYS)


def test_a_file_gives_back_the_second_pass_and_finds_its_model_elsewhere(tmp_path: Path) -> None:
    folder = neural(tmp_path / "lm")
    sha256 = NeuralScorer.load(folder, KEYS).checksum
    named = NamedScorer("neural", str(folder), 0.7, sha256)
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "second_pass.yaml"
    write_second_pass(SecondPassFile(SecondPassConfig(n_best=7, gate_nats=3.5), (named,), "ab" * 32), path)
    assert read_yaml(path, ConfigError, "")["scorers"][0]["path"] == "../lm"
    again = read_second_pass(path)
    assert (again.config.n_best, again.config.gate_nats, again.lm_sha256) == (7, 3.5, "ab" * 32)
    second = again.open(KEYS, 1.0)
    assert second.weights == (0.7,)
    assert second_pass_of(folder).open(KEYS, 1.0).weights == (0.5,)
    neural(folder, "abcd \n")
    with pytest.raises(LanguageModelError, match="another language model"):
        again.open(KEYS, 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"emgasr_second_pass": 2}, "format 1"),
        ({"scorers": []}, "no scorers"),
        ({"scorers": [{"kind": "neural"}]}, "lacks"),
        ({"scorers": [{"kind": "pickle", "path": "x"}]}, "pickle"),
        ({"scorers": [{"kind": "neural", "path": "x", "weight": 1e9}]}, "weight"),
        ({"scorers": [{"kind": "neural", "path": "x", "sha256": "q"}]}, "sha256"),
        ({"n_best": 0}, "n_best"),
        ({"gate": 1}, "gate"),
        ({"lm_sha256": "x"}, "SHA-256"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    content = {"emgasr_second_pass": 1, "scorers": [{"kind": "neural", "path": "x"}], **change}
    write_yaml(content, tmp_path / "second_pass.yaml")
    with pytest.raises(EmgasrError, match=said):
        read_second_pass(tmp_path / "second_pass.yaml")


def test_what_is_no_language_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="no language model"):
        second_pass_of(tmp_path)
