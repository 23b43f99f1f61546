"""Checkpoints: tensors that claim more than they hold, archives that unfold, pickles that would run."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from emgasr.errors import ModelError
from emgasr.files.checkpoint_file import read_checkpoint


class Calls:
    """Unpickling it calls `function` with `arguments`."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def test_what_is_there_is_read(tmp_path: Path) -> None:
    weight = torch.arange(6.0).view(2, 3)
    content = {"a": weight, "view": weight[:, 1:], "again": weight, "n": [1, ("b", None)], "empty": torch.zeros(0)}
    torch.save(content, tmp_path / "a.pt")
    found = read_checkpoint(tmp_path / "a.pt")
    assert found["n"] == content["n"]
    for name in ("a", "view", "again", "empty"):
        assert torch.equal(found[name], content[name])


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ({"w": torch.zeros(1).expand(10**9)}, "claims 1,000,000,000 numbers"),
        ({"deep": [{"w": torch.zeros(4)[None].expand(10**6, 4)}]}, "claims 4,000,000 numbers"),
        ({"w": torch.zeros(3, 3).to_sparse()}, "another kind"),
        ({"w": torch.zeros(10**9, device="meta")}, "another kind"),
        ({"w": Calls(bytearray, 10**12)}, "would run"),
        ({"w": Calls(print, "ran")}, "needs more than data"),
        (Calls(torch.FloatStorage, 10**9), "needs more than data|claim|cannot be read"),
    ],
)
def test_what_would_run_or_grow_is_refused(
    content: object, wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ModelError, match=wrong) as error:
        read_checkpoint(tmp_path / "a.pt")
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def packed(path: Path) -> None:
    torch.save({"w": torch.zeros(10**6)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("write", "wrong"),
    [
        (packed, "is packed"),
        (lambda path: path.write_bytes(pickle.dumps({"w": 1})), "no checkpoint of PyTorch"),
        (lambda path: path.write_bytes(b""), "no checkpoint of PyTorch"),
        (lambda path: path.mkdir(), "is a folder, not a file"),
        (lambda path: torch.save({"w": 1}, path, _use_new_zipfile_serialization=False), "no checkpoint of PyTorch"),
    ],
)
def test_other_files_are_refused(write: Callable[[Path], object], wrong: str, tmp_path: Path) -> None:
    write(tmp_path / "a.pt")
    with pytest.raises(ModelError, match=wrong):
        read_checkpoint(tmp_path / "a.pt")


@pytest.mark.parametrize("at", [0, 5, 23])
def test_a_changed_weight_is_told_by_its_checksum(at: int, tmp_path: Path) -> None:
    weight = torch.arange(6.0) + 0.5
    torch.save({"w": weight}, tmp_path / "a.pt")
    content = bytearray((tmp_path / "a.pt").read_bytes())
    content[content.index(weight.numpy().tobytes()) + at] ^= 1
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match="is damaged"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_checkpoint_without_checksums_is_read(tmp_path: Path) -> None:
    weight = torch.arange(6.0)
    written = torch.serialization.get_crc32_options()
    try:
        torch.serialization.set_crc32_options(False)
        torch.save({"w": weight}, tmp_path / "a.pt")
    finally:
        torch.serialization.set_crc32_options(written)
    assert torch.equal(read_checkpoint(tmp_path / "a.pt")["w"], weight)
