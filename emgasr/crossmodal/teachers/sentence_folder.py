"""A sentence-transformers folder of a stranger in; what may be loaded of it, checked before any of it runs, out.

Such a folder names Python classes, and its weights can be pickles: both run code. Here a class is of a short list, the
weights are safetensors, no file brings code or options of its own, and every module lies inside the folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from emgasr.errors import ModelError
from emgasr.files.foreign_model import check_alone, check_settings
from emgasr.files.plain_data import read_json, yaml_of
from emgasr.files.plain_text import read_text
from emgasr.files.regular_file import is_regular, status_of
from emgasr.files.weights import kinds_in

WEIGHTS = "model.safetensors"
# Modules as all versions of the library name them: sentence_transformers.models.Pooling, ….modules.pooling.Pooling.
_MODULE = re.compile(r"sentence_transformers(\.[a-z_]+)+\.(Transformer|Pooling|Dense|Normalize)")
_PLACE = re.compile(r"[A-Za-z0-9_-]*")  # of a module: a folder in the folder, or (empty) the folder itself
_IDENTITY = "torch.nn.modules.linear.Identity"
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.[A-Za-z0-9]+")
_NEEDED: dict[str, tuple[str, ...]] = {  # files of each class that must be there
    "Transformer": ("config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS),
    "Pooling": ("config.json",),
    "Dense": ("config.json", WEIGHTS),
    "Normalize": (),
}
_READ = ("*config*.json", "*token*.json", "vocab.txt", WEIGHTS)  # all files of a module that can change its answers
_OPTIONS = ("model_args", "tokenizer_args", "config_args", "model_kwargs", "processor_kwargs", "config_kwargs")
_ADVICE = "fetch the folder again, or choose another"
_LARGEST_CARD = 2**20


class SentenceFolder(NamedTuple):
    """A folder that was checked.

    Args:
        path: the folder.
        files: all files that determine embeddings.
        transformer: folder of the transformer's files.
        languages: what the front matter of its README.md declares, as ("en",).
    """

    path: Path
    files: tuple[Path, ...]
    transformer: Path
    languages: tuple[str, ...]


def check_folder(folder: str | Path) -> SentenceFolder:
    """Return what a sentence-transformers folder holds, once nothing in it can run code.

    Raises:
        ModelError: There is no such folder; a file is missing, damaged or a pickle; or the folder asks for what a plain
            sentence embedder does not need: other classes, code, or options of the loader.
    """
    path = Path(folder)
    if not path.is_dir():
        wrong = "is no folder" if path.exists() else "does not exist"
        raise ModelError(path, wrong, "give a sentence-transformers folder")
    if not is_regular(path / "modules.json"):
        raise ModelError(path, "is no sentence-transformers folder (modules.json is missing)", _ADVICE)
    modules = _modules(path)
    files = {path / "modules.json"}
    for kind, place in modules:
        inside = path / place
        for name in _NEEDED[kind]:
            if name == WEIGHTS and not is_regular(inside / name) and any(inside.glob("*.bin")):
                wrong = "has its weights as a pickle alone, which can run code"
                raise ModelError(inside, wrong, f"convert them to {WEIGHTS}")
            status_of(inside / name, ModelError, _ADVICE)
        _check_module(inside, kind)
        files |= {file for pattern in _READ for file in inside.glob(pattern)}
    transformer = path / modules[0][1]
    return SentenceFolder(path, tuple(sorted(files)), transformer, _languages(path / "README.md"))


def _modules(path: Path) -> list[tuple[str, str]]:
    """Return class and place of each module; the first reads text, and one pools its vectors."""
    listed = read_json(path / "modules.json", ModelError, _ADVICE)
    found = []
    for module in listed if isinstance(listed, list) else []:
        kind, place = (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        named = _MODULE.fullmatch(kind) if isinstance(kind, str) else None
        if named is None:
            wrong = f"names the class {str(kind)[:80]!r}, which is none of Transformer, Pooling, Dense, Normalize"
            raise ModelError(path / "modules.json", f"{wrong} of sentence-transformers", "choose another folder")
        if not isinstance(place, str) or not _PLACE.fullmatch(place):
            wrong = f"has a module at {str(place)[:80]!r}, which is no folder in this one"
            raise ModelError(path / "modules.json", wrong, "choose another folder")
        found.append((named[2], place))
    kinds = [kind for kind, _ in found]
    if kinds[:1] != ["Transformer"] or kinds.count("Transformer") != 1 or "Pooling" not in kinds:
        wrong = "does not list a Transformer first and a Pooling after it"
        raise ModelError(path / "modules.json", wrong, "choose another folder")
    return found


def _check_module(place: Path, kind: str) -> None:
    """Check the settings of one module, and the header of its weights."""
    for file in sorted(place.glob("*config*.json")):
        content = read_json(file, ModelError, _ADVICE)
        if not isinstance(content, dict):
            if file.name in _NEEDED[kind]:
                raise ModelError(file, "is no mapping", _ADVICE)
            continue  # some folders keep a list of their training data beside
        check_settings(file, content)
        if options := next((key for key in _OPTIONS if content.get(key)), ""):
            raise ModelError(file, f"sets options of the loader ({options})", "choose another folder")
        activation = content.get("activation_function", _IDENTITY) if kind == "Dense" else _IDENTITY
        if not isinstance(activation, str) or not _ACTIVATION.fullmatch(activation):
            wrong = f"names the function {str(activation)[:80]!r}, which is no activation of PyTorch"
            raise ModelError(file, wrong, "choose another folder")
    check_alone(place)
    if WEIGHTS in _NEEDED[kind]:
        kinds_in(place / WEIGHTS)


def _languages(card: Path) -> tuple[str, ...]:
    """Return the languages in the front matter of a model card; none if there is no card, or it cannot be read."""
    try:
        text = read_text(card, ModelError, largest=_LARGEST_CARD)
        matter = re.match(r"---\n(.*?)\n---\s", text, re.DOTALL)
        content = yaml_of(matter[1], card, ModelError, words_only=True) if matter else None
    except ModelError:
        return ()
    told = content.get("language") if isinstance(content, dict) else None
    listed = told if isinstance(told, list) else [told]
    return tuple(one for one in listed if isinstance(one, str) and one)
