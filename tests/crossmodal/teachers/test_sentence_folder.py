"""Folders of strangers: what a plain sentence embedder needs is let in, whatever could run code is refused unread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from emgasr.crossmodal.teachers.sentence_folder import check_folder
from emgasr.errors import ModelError
from tests.helpers.sentence_folders import WIDTH, modules, write_json

DENSE = "sentence_transformers.models.Dense"
NEW_NAME = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"


def changed(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, content | changes)


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        check_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_plain_folder_is_let_in_with_its_languages(sentence_folder: Path) -> None:
    found = check_folder(sentence_folder)
    assert found.languages == ("en",)
    assert {file.name for file in found.files} >= {"modules.json", "config.json", "tokenizer.json", "model.safetensors"}
    assert not any(file.name == "README.md" for file in found.files)


def test_modules_may_have_their_newer_names(damaged: Path) -> None:
    write_json(damaged / "modules.json", modules((1, {"type": NEW_NAME})))
    assert check_folder(damaged).path == damaged


def test_there_must_be_such_a_folder(tmp_path: Path, sentence_folder: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere")
    assert "is no folder" in refusal(sentence_folder / "config.json")
    assert "modules.json is missing" in refusal(tmp_path)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "1_Pooling/config.json"]
)
def test_a_missing_file_is_named(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    assert f"{name}: cannot be read" in refusal(damaged)


def test_weights_cut_short_are_refused(damaged: Path) -> None:
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors: cannot be read" in refusal(damaged)


def test_a_pickle_is_not_loaded(damaged: Path) -> None:
    (damaged / "model.safetensors").rename(damaged / "pytorch_model.bin")
    assert "a pickle alone" in refusal(damaged)


@pytest.mark.parametrize(
    "kind",
    [
        "os.system",
        "modeling_own.Pooling",
        "sentence_transformers_evil.models.Pooling",
        "sentence_transformers.models.Router",
        "sentence_transformers.models.Pooling.load",
        "sentence_transformers.models..Pooling",
        None,
        ["sentence_transformers.models.Pooling"],
    ],
)
def test_other_classes_are_refused(damaged: Path, kind: Any) -> None:
    write_json(damaged / "modules.json", modules((1, {"type": kind})))
    assert "modules.json: names the class" in refusal(damaged)


@pytest.mark.parametrize("place", ["..", "../other", "/etc", "1_Pooling/..", None])
def test_modules_outside_the_folder_are_refused(damaged: Path, place: Any) -> None:
    write_json(damaged / "modules.json", modules((1, {"path": place})))
    assert "which is no folder in this one" in refusal(damaged)


@pytest.mark.parametrize("content", [[], {}, "text", modules()[1:], modules()[:1], [*modules(), modules()[0]]])
def test_a_transformer_and_a_pooling_are_needed(damaged: Path, content: Any) -> None:
    write_json(damaged / "modules.json", content)
    assert "does not list a Transformer first" in refusal(damaged)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("config.json", {"auto_map": {"AutoModel": "own.Model"}}, "code from elsewhere (auto_map)"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["own.T", None]}}, "code from elsewhere (auto_map)"),
        ("preprocessor_config.json", {"auto_map": {"AutoProcessor": "own.P"}}, "code from elsewhere (auto_map)"),
        ("config.json", {"quantization_config": {"quant_method": "x"}}, "code from elsewhere (quantization_config)"),
        ("config.json", {"attn_implementation": "someone/kernel"}, "code from elsewhere (attn_implementation)"),
        ("config.json", {"_attn_implementation": "someone/kernel"}, "code from elsewhere (attn_implementation)"),
        ("sentence_bert_config.json", {"model_args": {"trust_remote_code": True}}, "options of the loader"),
        ("sentence_roberta_config.json", {"processor_kwargs": {"x": 1}}, "options of the loader"),
        ("adapter_config.json", {"base_model_name_or_path": "someone/else"}, "would load another model"),
    ],
)
def test_whatever_brings_code_or_options_is_refused(damaged: Path, name: str, changes: Any, told: str) -> None:
    changed(damaged / name, **changes)
    assert told in refusal(damaged)


def test_a_dense_module_has_an_activation_of_pytorch_and_no_pickle(damaged: Path) -> None:
    place = damaged / "3_Dense"
    place.mkdir()
    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": DENSE}
    write_json(damaged / "modules.json", [*modules(), dense])
    settings = {"in_features": WIDTH, "out_features": 4, "bias": True}
    write_json(place / "config.json", settings | {"activation_function": "torch.nn.modules.activation.Tanh"})
    (place / "pytorch_model.bin").write_bytes(b"pickle")
    assert "a pickle alone" in refusal(damaged)
    save_file({"linear.weight": torch.ones(4, WIDTH), "linear.bias": torch.ones(4)}, place / "model.safetensors")
    assert place / "model.safetensors" in check_folder(damaged).files
    for function in ("torch.hub.load", "torch.nn.modules.activation.os.system", "os.system", 3):
        changed(place / "config.json", activation_function=function)
        assert "no activation of PyTorch" in refusal(damaged)


@pytest.mark.parametrize("name", ["modules.json", "config.json", "1_Pooling/config.json"])
def test_settings_that_are_no_json_are_refused(damaged: Path, name: str) -> None:
    (damaged / name).write_text('{"a": NaN}', encoding="utf-8")
    assert f"{name}: holds NaN" in refusal(damaged)


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage:\n- en\n- de\n---\n# two", ("en", "de")),
        ("---\nlicense: mit\n---\n# none", ()),
        ("# no front matter", ()),
        ("---\nlanguage: &a !!python/object:os.system x\n---\n", ()),
    ],
)
def test_languages_are_those_of_the_card(damaged: Path, card: str, languages: tuple[str, ...]) -> None:
    (damaged / "README.md").write_text(card, encoding="utf-8")
    assert check_folder(damaged).languages == languages
