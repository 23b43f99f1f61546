"""Any causal language model: scores by hand of a tiny one, and folders that would run code or are damaged refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.errors import LanguageModelError
from emgasr.rescoring.contract import Segment
from emgasr.rescoring.llm import CausalScorer
from emgasr.rescoring.llm_folder import check_causal
from emgasr.runtime.transformers_guard import prepare_transformers

transformers = pytest.importorskip("transformers")
WORDS = ["<end>", "a", "b", "c", " ", "\n"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a tiny Llama whose tokens are characters; it has an end and no beginning."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    prepare_transformers()
    place = tmp_path_factory.mktemp("llm") / "tiny"
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.save_pretrained(place)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.LlamaConfig(vocab_size=len(WORDS), max_position_embeddings=32, eos_token_id=0, **shape)
    transformers.LlamaForCausalLM(config).save_pretrained(place)
    return place


def by_hand(folder: Path, text: str) -> float:
    model = transformers.LlamaForCausalLM.from_pretrained(folder).eval()
    ids = [0, *(WORDS.index(sign) for sign in text), 0]
    with torch.no_grad():
        ln_p = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)
    return sum(float(ln_p[place, index]) for place, index in enumerate(ids[1:]))


def test_the_first_token_and_the_end_are_scored_though_there_is_no_beginning(folder: Path) -> None:
    scorer = CausalScorer(folder)
    texts = ["ab", "abc a", "c\n", ""]
    (found,) = scorer.score([Segment(texts)])
    np.testing.assert_allclose(found, [by_hand(folder, text) for text in texts], atol=1e-4)
    assert scorer.memory_bytes == sum(4 * size for size in _sizes(folder))


def _sizes(folder: Path) -> list[int]:
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    return [value.numel() for value in model.parameters()]


def test_behind_a_context_differences_are_those_of_whole_texts(folder: Path) -> None:
    scorer = CausalScorer(folder)
    (found,) = scorer.score([Segment(["ab", "b"], "ac c")])
    whole = [by_hand(folder, "ac c" + text) for text in ("ab", "b")]
    assert found[0] - found[1] == pytest.approx(whole[0] - whole[1], abs=1e-4)
    (cut,) = scorer.score([Segment(["ab", "b"], "ac c" * 20)])
    assert np.isfinite(cut).all()
    with pytest.raises(LanguageModelError, match="reads 32 tokens"):
        scorer.score([Segment(["ab" * 30, "b"])])


def test_signs_that_it_does_not_know_are_a_failure(folder: Path) -> None:
    with pytest.raises(LanguageModelError, match="cannot cut 'aXb' into tokens"):
        CausalScorer(folder).score([Segment(["aXb", "ab"])])


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda place: _edit(place / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"}), "code"),
        (lambda place: _edit(place / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}), "code"),
        (lambda place: _edit(place / "config.json", attn_implementation="somebody/kernel"), "code"),
        (lambda place: (place / "adapter_config.json").write_text("{}"), "another model"),
        (lambda place: (place / "model.safetensors").rename(place / "pytorch_model.bin"), "pickle"),
        (lambda place: (place / "model.safetensors").write_bytes(b"\xff" * 64), "cannot be read"),
        (lambda place: (place / "config.json").write_text("[1]"), "no mapping"),
        (lambda place: (place / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda place: _index(place, "../elsewhere.safetensors"), "no part of the folder"),
        (lambda place: _index(place, "evil.bin"), "no part of the folder"),
    ],
)
def test_a_folder_that_would_run_code_or_is_damaged_is_one_line(
    folder: Path, tmp_path: Path, harm: Any, said: str
) -> None:
    place = tmp_path / "llm"
    shutil.copytree(folder, place)
    harm(place)
    with pytest.raises(LanguageModelError, match=said) as caught:
        check_causal(place)
    assert "\n" not in str(caught.value)


def _index(place: Path, name: str) -> None:
    (place / "model.safetensors").unlink()
    (place / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"lm_head.weight": name}}))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda place: _edit(place / "config.json", model_type="nothing_known"), "cannot be loaded"),
        (lambda place: _edit(place / "config.json", num_hidden_layers=2), "lacks"),
        (lambda place: _edit(place / "tokenizer_config.json", eos_token=None), "without an end"),
    ],
)
def test_what_the_library_cannot_load_whole_is_one_line(folder: Path, tmp_path: Path, harm: Any, said: str) -> None:
    place = tmp_path / "llm"
    shutil.copytree(folder, place)
    harm(place)
    with pytest.raises(LanguageModelError, match=said) as caught:
        CausalScorer(place)
    assert "\n" not in str(caught.value)


def test_what_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\x03\x04" * 9)
    with pytest.raises(LanguageModelError, match="no GGUF"):
        check_causal(tmp_path / "x.gguf")
    with pytest.raises(LanguageModelError, match=r"y\.gguf"):
        check_causal(tmp_path / "y.gguf")
