"""What a teacher of signals is made of in, its folder out, and back; a folder without config.yaml is unfinished.

teacher.safetensors   its tensors
config.yaml           what they are, and the labels that they were made on; written last
trained_on.jsonl      everybody whose recordings shaped them (`emgasr.manifests.lineage`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor

from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.errors import EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry
from emgasr.models.folder import cause

FORMAT = 1
TENSORS_NAME, CONFIG_NAME = "teacher.safetensors", "config.yaml"
MARKS = {"emgasr_pose_teacher": "pose", "emgasr_audio_teacher": "audio"}  # first keys of config.yaml, and kinds
_ADVICE = "copy the folder again"
_GIVE = "give the folder of a teacher of a signal beside muscles"

Content = TypeVar("Content")


def write_teacher(content: Any, tensors: Mapping[str, Tensor], folder: Path, shaped_by: Sequence[Entry]) -> None:
    """Write a teacher's folder; `content` is the dataclass that config.yaml holds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    lineage.write(shaped_by, folder)
    with replacing(folder / TENSORS_NAME) as path:
        path.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))
    write_yaml(to_mapping(content), folder / CONFIG_NAME)


def checksum_of(config: Any, tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of a teacher's options and tensors; 20 and 20.0 are one number."""
    found = hashlib.sha256()
    for name, value in sorted(to_mapping(config).items()):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        found.update(f"{name} {float(value):.12g}\n".encode() if number else f"{name} {value}\n".encode())
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return found.hexdigest()


def kind_of_teacher(folder: Path) -> str:
    """Return the kind of the teacher in a folder: pose or audio.

    Raises:
        ModelError: The folder holds no teacher of a signal, or one of another format.
    """
    return MARKS[_mark(_config(folder), folder)]


def read_teacher(
    folder: Path, content: type[Content], wanted: Callable[[Content], Mapping[str, Tensor]]
) -> tuple[Content, dict[str, Tensor]]:
    """Return what config.yaml holds, and the tensors, which are as `wanted` describes them (it is called on "meta").

    Raises:
        ModelError: The folder is missing, damaged, unfinished, of another kind or of another format.
    """
    rows = _config(folder)
    mark = _mark(rows, folder)
    if mark not in content.__dataclass_fields__:  # type: ignore[attr-defined]
        raise ModelError(folder, f"is a teacher of {MARKS[mark]}", "give one of the other kind")
    try:
        found = from_mapping(content, {}, rows, folder / CONFIG_NAME)
        with torch.device("meta"):  # without memory, until the file is known to hold such tensors
            described = wanted(found)
    except EmgasrError as error:
        raise ModelError(folder / CONFIG_NAME, cause(error), "was it made by a newer emgasr?") from error
    file = folder / TENSORS_NAME
    check_kinds(file, described, kinds_in(file))
    return found, read_weights(file)


def _config(folder: Path) -> Any:
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ModelError(folder, "is no teacher of a signal (no config.yaml)", _GIVE)
    return read_yaml(path, ModelError, _ADVICE)


def _mark(rows: Any, folder: Path) -> str:
    found = [mark for mark in MARKS if isinstance(rows, dict) and rows.get(mark) == FORMAT]
    if len(found) != 1:
        raise ModelError(folder / CONFIG_NAME, f"is no teacher of a signal of format {FORMAT}", _GIVE)
    return found[0]
