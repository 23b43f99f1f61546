"""A stranger's language model, a folder of transformers or a .gguf, in; its files, once they are checked, out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from emgasr.errors import LanguageModelError, ModelError
from emgasr.files.foreign_model import check_alone, check_settings
from emgasr.files.plain_data import json_of, read_json
from emgasr.files.plain_text import read_text
from emgasr.files.regular_file import is_regular, status_of
from emgasr.files.weights import kinds_in
from emgasr.manifests.manifest import checksum_file

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_READ = ("*config*.json", "*token*.json", "vocab*", "merges.txt", INDEX)  # what can change the scores, beside weights
_ADVICE = "fetch the folder again, or choose another"
_GGUF = b"GGUF"
_LARGEST_SETTINGS = 2**22  # bytes
_NO_LIMIT = str(int(1e30))  # what transformers writes for "no limit"; we read integers of 64 bits


class CausalFiles(NamedTuple):
    """A model that was checked.

    Args:
        path: the folder, or the .gguf file.
        files: all files that determine scores.
    """

    path: Path
    files: tuple[Path, ...]

    @property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of the files and their names."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name}\0{checksum_file(file)}\n".encode())
        return digest.hexdigest()

    @property
    def bytes(self) -> int:
        """Size of the files."""
        return sum(file.stat().st_size for file in self.files)


def check_causal(path: str | Path) -> CausalFiles:
    """Return what a language model's folder or file holds, once nothing in it can run code.

    Raises:
        LanguageModelError: It is not there, damaged, unfinished or a pickle, or it asks for code.
    """
    path = Path(path)
    try:
        return _checked_file(path) if path.suffix == ".gguf" else _checked_folder(path)
    except ModelError as error:
        raise LanguageModelError(error.where, error.wrong, error.advice) from error


def _checked_file(path: Path) -> CausalFiles:
    status_of(path, ModelError, "give a .gguf file")
    with open(path, "rb") as file:
        if file.read(4) != _GGUF:
            raise ModelError(path, "is no GGUF file", "fetch it again, or choose another")
    return CausalFiles(path, (path,))


def _checked_folder(path: Path) -> CausalFiles:
    if not path.is_dir():
        raise ModelError(path, "is no folder" if path.exists() else "does not exist", "give a folder of transformers")
    for name in _NEEDED:
        status_of(path / name, ModelError, _ADVICE)
    for file in sorted(path.glob("*config*.json")):
        text = read_text(file, ModelError, largest=_LARGEST_SETTINGS)
        content = json_of(text.replace(_NO_LIMIT, "0").encode(), file, ModelError)
        if not isinstance(content, dict):
            raise ModelError(file, "is no mapping", _ADVICE)
        check_settings(file, content)
    check_alone(path)
    weights = _weights(path)
    for file in weights:
        kinds_in(file)
    files = {*weights, *(file for pattern in _READ for file in path.glob(pattern))}
    return CausalFiles(path, tuple(sorted(files)))


def _weights(path: Path) -> list[Path]:
    """The files of weights, inside the folder."""
    if is_regular(path / WEIGHTS):
        return [path / WEIGHTS]
    if not is_regular(path / INDEX):
        if any(path.glob("*.bin")) or any(path.glob("*.pt")):
            wrong = "has its weights as a pickle alone, which can run code"
            raise ModelError(path, wrong, f"convert them to {WEIGHTS}")
        raise ModelError(path, f"lacks its weights ({WEIGHTS})", _ADVICE)
    content = read_json(path / INDEX, ModelError, _ADVICE)
    named = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(named, dict) or not named or not all(isinstance(name, str) for name in named.values()):
        raise ModelError(path / INDEX, "lists no weights", _ADVICE)
    for name in set(named.values()):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(path / INDEX, f"names the file {name[:80]!r}, which is no part of the folder", _ADVICE)
    return [path / name for name in sorted(set(named.values()))]
