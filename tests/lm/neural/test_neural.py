"""Neural language models: a stream is the whole, a tree its lines, probabilities hand-computed, files checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.config.parsing import write_yaml
from emgasr.errors import ConfigError, EmgasrError, LanguageModelError
from emgasr.files.plain_data import read_yaml
from emgasr.lm.neural.config import NetworkConfig
from emgasr.lm.neural.folder import Mixture, load_neural, mixture_of, save_neural
from emgasr.lm.neural.model import NeuralLM
from emgasr.lm.neural.network import make_network
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.lm.ngram import BEGIN_ID, END_ID
from emgasr.tokens import Tokens, train_sentencepiece

KINDS: list[dict[str, Any]] = [
    {"kind": "transformer", "width": 16, "layers": 2, "heads": 2, "history": 6},
    {"kind": "gru", "width": 16, "layers": 2},
]
LETTERS = "abcdefgh "


def model(shape: dict[str, Any], seed: int = 0) -> NeuralLM:
    torch.manual_seed(seed)
    vocabulary = Vocabulary(Tokens.characters(LETTERS))
    network = make_network(NetworkConfig(**shape), len(vocabulary))
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.3)
    return NeuralLM(network, vocabulary)


@pytest.mark.parametrize("shape", KINDS)
def test_a_stream_of_symbols_is_the_whole_sentence(shape: dict[str, Any]) -> None:
    lm = model(shape)
    text = "abc fed cab hag " * 3
    whole = lm.symbol_scores([text])
    state = lm.start()
    ln_p, _ = lm.step(lm.network.start(1), BEGIN_ID)
    streamed = []
    for symbol in [*lm.vocabulary.ids(text), END_ID]:
        streamed.append(ln_p[symbol])
        ln_p, state = lm.step(state, symbol)
    np.testing.assert_allclose(streamed, whole, atol=1e-5)
    parts = []
    ids = torch.tensor([[BEGIN_ID, *lm.vocabulary.ids(text)]])
    kept = None
    with torch.inference_mode():
        for part in ids.split([1, 7, 2, 20, ids.shape[1] - 30], 1):
            scores, kept = lm.network(part, kept)
            parts.append(scores)
        np.testing.assert_allclose(torch.cat(parts, 1), lm.network(ids)[0], atol=1e-5)


@pytest.mark.parametrize("shape", KINDS)
def test_a_list_behind_a_context_scores_as_its_lines_do(shape: dict[str, Any]) -> None:
    lm = model(shape)
    texts = ["a bad cab", "a bad cafe", "", "bed", "a bad cab"]
    for text, scores in zip(texts, lm.score_list(texts), strict=True):
        np.testing.assert_allclose(scores, lm.symbol_scores([text]), atol=1e-5)
    context = "he had "[:5]  # the root and these fit into the history
    for text, scores in zip(texts, lm.score_list(texts, context), strict=True):
        np.testing.assert_allclose(scores, lm.symbol_scores([context + text])[len(context) :], atol=1e-5)


def test_batches_of_sentences_and_long_sentences_score_as_each_alone() -> None:
    lm = model(KINDS[0])
    sentences = ["abc", "h" * 1200, "", "fed cab", "abc"]
    alone = np.concatenate([lm.symbol_scores([sentence]) for sentence in sentences])
    np.testing.assert_allclose(lm.symbol_scores(sentences), alone, atol=1e-5)


def test_nothing_beyond_the_history_of_all_blocks_counts() -> None:
    lm = model(KINDS[0])
    reach = 2 * (6 - 1) + 1  # what predicts a symbol stands before it
    same = "gag bed cab"
    one, other = (lm.symbol_scores([first + same + "a"]) for first in ("aaaa", "hhhh"))
    assert one[4 + reach] == pytest.approx(other[4 + reach], abs=1e-6)
    assert one[4 + 2] != pytest.approx(other[4 + 2], abs=1e-4)


def test_perplexity_by_hand_of_a_network_that_knows_frequencies_alone() -> None:
    lm = model(KINDS[1])
    with torch.no_grad():
        lm.network.embedding.weight.zero_()
        lm.network.bias.copy_(
            torch.log(torch.tensor([0.05, 0.05, 0.1, 0.4, 0.2, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02]))
        )
    scored = lm.score_text(["ab", "a?"])
    assert scored.ln_p == pytest.approx(math.log(0.4 * 0.2 * 0.1) + math.log(0.4 * 0.05 * 0.1), abs=1e-5)
    assert scored.perplexity == pytest.approx((0.4 * 0.2 * 0.1 * 0.4 * 0.05 * 0.1) ** (-1 / 6), rel=1e-5)
    assert scored.perplexity_per_character == pytest.approx(scored.perplexity)
    assert (scored.sentences, scored.symbols, dict(scored.unknown)) == (2, 4, {"?": 1})
    assert scored.ln_p_unknown == pytest.approx(math.log(0.05), abs=1e-5)


@pytest.mark.parametrize("shape", KINDS)
def test_probabilities_sum_to_one(shape: dict[str, Any]) -> None:
    lm = model(shape)
    ln_p, _ = lm.step(lm.start(), lm.vocabulary.ids("a")[0])
    assert np.exp(ln_p.astype(np.float64)).sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", KINDS)
def test_the_count_of_parameters_is_known_before_they_are_made(shape: dict[str, Any]) -> None:
    config = NetworkConfig(**shape)
    assert config.parameters(12) == sum(value.numel() for value in make_network(config, 12).parameters())
    with pytest.raises(ConfigError, match="more than 10,000,000"):
        make_network(NetworkConfig(width=1024, layers=8), 100)


@pytest.mark.parametrize(
    ("kind", "text", "symbols"),
    [
        ("keystrokes", "it’s\nso", "it's⏎so"),
        ("characters", "a b\nc", "a b c"),
        ("words", "a b\nc", ["a", "b", "c"]),
    ],
)
def test_rendered_text_is_cut_as_training_text_is(kind: str, text: str, symbols: Any) -> None:
    vocabulary = Vocabulary.of_text(kind, [symbols])  # type: ignore[arg-type]
    assert list(vocabulary.split(text)) == list(symbols)
    assert vocabulary.symbols[:3] == ("<unk>", "<s>", "</s>")
    assert vocabulary.ids(["<s>", "never"]) == [0, 0]


def test_pieces_of_sentencepiece_and_their_characters(tmp_path: Path) -> None:
    train_sentencepiece(["the cat sat on the mat", "the hat"] * 5, 20, tmp_path / "t.model")
    vocabulary = Vocabulary(Tokens.sentencepiece(tmp_path / "t.model"))
    (sentence,) = vocabulary.sentences(["the cat"])
    assert "".join(sentence).replace("▁", " ") == " the cat"
    assert vocabulary.characters(sentence) == len("the cat") + 1
    save_neural(NeuralLM(make_network(NetworkConfig(**KINDS[1]), len(vocabulary)), vocabulary), tmp_path / "lm")
    assert load_neural(tmp_path / "lm").vocabulary.split("the cat") == sentence


def test_a_folder_gives_back_the_model(tmp_path: Path) -> None:
    lm = model(KINDS[0])
    save_neural(lm, tmp_path / "lm", mixture=Mixture(0.25, "ab"))
    again = load_neural(tmp_path / "lm")
    assert again.checksum == lm.checksum
    assert mixture_of(tmp_path / "lm") == Mixture(0.25, "ab")
    np.testing.assert_array_equal(again.symbol_scores(["a bad cab"]), lm.symbol_scores(["a bad cab"]))


def _config(folder: Path, **changes: Any) -> None:
    content = read_yaml(folder / "config.yaml", LanguageModelError, "")
    for name, value in changes.items():
        (content["network"] if name in content["network"] else content)[name] = value
    write_yaml(content, folder / "config.yaml")


def _tokens(folder: Path, content: Any) -> None:
    (folder / "tokens.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "config.yaml").unlink(), "no config.yaml"),
        (lambda folder: (folder / "config.yaml").write_text("a: [1"), "config.yaml"),
        (lambda folder: _config(folder, emgasr_neural_lm=9), "format 1"),
        (lambda folder: _config(folder, layers=7), "other parameters"),
        (lambda folder: _config(folder, width=4096, layers=24), "more than 10,000,000"),
        (lambda folder: _config(folder, layers="many"), "layers"),
        (lambda folder: _config(folder, surprise=1), "surprise"),
        (
            lambda folder: (folder / "tokens.json").write_text('{"kind": "characters", "symbols": ["<blank>", "a"]}'),
            "other",
        ),
        (lambda folder: (folder / "tokens.json").write_text('{"kind": "words", "symbols": ["<blank>", "<s>"]}'), "<s>"),
        (lambda folder: (folder / "tokens.json").write_text("{}"), "tokens"),
        (lambda folder: (folder / "tokens.json").unlink(), "tokens.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 100), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
    ],
)
def test_a_damaged_folder_is_one_line(tmp_path: Path, harm: Any, said: str) -> None:
    save_neural(model(KINDS[0]), tmp_path / "lm")
    harm(tmp_path / "lm")
    with pytest.raises(EmgasrError, match=said) as caught:
        load_neural(tmp_path / "lm")
    assert isinstance(caught.value, LanguageModelError)
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    lm = model(KINDS[1])
    with torch.no_grad():
        lm.network.bias[3] = math.nan
    save_neural(lm, tmp_path / "lm")
    with pytest.raises(LanguageModelError, match="not finite"):
        load_neural(tmp_path / "lm")
