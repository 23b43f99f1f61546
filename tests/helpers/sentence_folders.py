"""A tiny sentence-transformers folder, written by hand: a BERT of one layer, random weights, its own vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

_WORDS = (
    "a all and are away bend bends closed curled down everyday finger fingers fist flexor forearm hand index into is "
    "little make middle of open palm pinch pinching point relaxed rest ring spread stays straight the thumb tip "
    "touches turn turns up wrist"
)
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_PIECES = tuple(letter for one in "abcdefghijklmnopqrstuvwxyz" for letter in (one, f"##{one}") if letter != "a")
VOCABULARY = (*_SPECIAL, *_WORDS.split(), *_PIECES)
WIDTH, LONGEST = 16, 32
MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
_CONFIG = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": LONGEST,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "pad_token_id": 0,
}


def write_sentence_folder(folder: Path, seed: int = 0) -> Path:
    """Write the files that a published folder has, but for those that nothing reads."""
    (folder / "1_Pooling").mkdir(parents=True)
    write_json(folder / "modules.json", modules())
    write_json(folder / "config.json", _CONFIG)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": LONGEST, "do_lower_case": False})
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "tokenizer.json", _tokenizer())
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    write_json(
        folder / "tokenizer_config.json",
        special | {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": LONGEST},
    )
    save_file(weights(seed), folder / "model.safetensors", {"format": "pt"})
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n\n# A tiny embedder\n", encoding="utf-8")
    return folder


def modules(*changes: tuple[int, dict[str, str]]) -> list[dict[str, Any]]:
    """The content of modules.json, with changes of single modules."""
    kind = "sentence_transformers.models."
    listed = [{"idx": n, "name": str(n), "path": place, "type": kind + one} for n, (place, one) in enumerate(MODULES)]
    for number, change in changes:
        listed[number].update(change)
    return listed


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights by the names that BertModel gives them."""
    draw = torch.Generator().manual_seed(seed)
    layer = "encoder.layer.0."
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": (LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    linear = {
        "attention.self.query": 0,
        "attention.self.key": 0,
        "attention.self.value": 0,
        "attention.output.dense": 0,
    }
    for name in linear:
        shapes |= {f"{layer}{name}.weight": (WIDTH, WIDTH), f"{layer}{name}.bias": (WIDTH,)}
    shapes |= {f"{layer}intermediate.dense.weight": (32, WIDTH), f"{layer}intermediate.dense.bias": (32,)}
    shapes |= {f"{layer}output.dense.weight": (WIDTH, 32), f"{layer}output.dense.bias": (WIDTH,)}
    shapes |= {"pooler.dense.weight": (WIDTH, WIDTH), "pooler.dense.bias": (WIDTH,)}
    found = {name: 0.5 * torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    for name in ("embeddings", f"{layer}attention.output", f"{layer}output"):
        found[f"{name}.LayerNorm.weight"] = torch.ones(WIDTH)
        found[f"{name}.LayerNorm.bias"] = torch.zeros(WIDTH)
    return found


def _tokenizer() -> dict[str, Any]:
    """The content of tokenizer.json: lower-case WordPiece, as BERT's."""
    added = [
        {"id": n, "content": one, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        | {"special": True}
        for n, one in enumerate(_SPECIAL)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
        | {"strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
        | {"max_input_chars_per_word": 100, "vocab": {one: n for n, one in enumerate(VOCABULARY)}},
    }
