"""A fusion.yaml in; which models answer together, and how, out, and back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.config.typed_data import shown
from emgasr.errors import ConfigError, EmgasrError, ModelError
from emgasr.files.plain_data import read_yaml
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry, checksum_file

NAME, FORMAT = "fusion.yaml", 1
AGAIN = "fuse the models again (`emgasr fuse`)"
# What a model reads by: a change of any of these files is another model.
PARTS = ("config.yaml", "model.safetensors", "tokens.json", "tokens.model")
Kind = Literal["geometric", "arithmetic", "rover"]


@dataclass(frozen=True)
class System:
    """One of the models that answer together.

    Args:
        model: its folder, from the folder of the fusion.
        sha256: checksum of the files that it reads by.
        bands: of a recording, those that it reads, in order.
        temperature: what its log-probabilities are divided by, before weights; fitted on held-out people.
        weight: how much it counts, beside those of the others.
        shift_frames: by how many of the fused frames its own come later than their times say.
    """

    model: str
    sha256: str
    bands: tuple[str, ...]
    temperature: Annotated[float, Within(0.01, 100)] = 1.0
    weight: Annotated[float, Within(0, 1)] = 1.0
    shift_frames: Annotated[int, Within(-100, 100)] = 0

    def __post_init__(self) -> None:
        check_within(self, "system")


@dataclass(frozen=True)
class FusionConfig:
    """How several models answer together.

    Args:
        systems: the models.
        kind: geometric or arithmetic mean of the probabilities of each frame, or rover: a vote on symbols.
        back_after_s: a sensor that was out is read again when it has worked for so long.
        late_s: live, a sensor whose samples lag by more is out until they come.
        n_best: hypotheses of each model that vote (rover).
        votes: how much the first choice of each model counts beside the probabilities, 0 to 1 (rover).
        absence: by what the probability that there is no symbol is multiplied (rover).
        fitted_on: recordings of the people whom temperatures and weights were fitted on.
    """

    systems: tuple[System, ...]
    kind: Kind = "geometric"
    back_after_s: Annotated[float, Within(0, 3600)] = 1.0
    late_s: Annotated[float, Within(0.01, 3600)] = 1.0
    n_best: Annotated[int, Within(1, 1000)] = 10
    votes: Annotated[float, Within(0, 1)] = 0.0
    absence: Annotated[float, Within(0.01, 100)] = 1.0
    fitted_on: tuple[Entry, ...] = field(default=())

    def __post_init__(self) -> None:
        check_within(self, "fusion")
        if len(self.systems) < 2:
            raise ConfigError("fusion", "is of a single system", "name two models or more")
        names = [(system.sha256, system.bands) for system in self.systems]
        for place, name in enumerate(names):
            if name in names[:place]:
                wrong = f"holds one model twice: {self.systems[place].model}"
                raise ConfigError("fusion", wrong, "name each model once; its weight says how much it counts")
        if not any(system.weight for system in self.systems):
            raise ConfigError("fusion", "gives every system the weight 0", "give one a weight")


def checksum_of(model: Path) -> str:
    """Return one checksum of the files that a model reads by."""
    digest = hashlib.sha256()
    for name in PARTS:
        if (model / name).is_file():
            digest.update(f"{name} {checksum_file(model / name)}\n".encode())
    return digest.hexdigest()


def is_fusion(folder: Path) -> bool:
    """Whether a folder holds a fused system."""
    return os.path.lexists(folder / NAME)


def write_fusion(config: FusionConfig, folder: Path) -> None:
    """Write fusion.yaml into a folder."""
    content = {"emgasr_fusion": FORMAT, **to_mapping(config)}
    content["fitted_on"] = [lineage.as_row(entry) for entry in config.fitted_on]
    write_yaml(content, folder / NAME, "models that answer together (emgasr fuse)")


def read_fusion(folder: Path) -> FusionConfig:
    """Read the fusion.yaml of a folder.

    Raises:
        ModelError: It is damaged, or a model that it names is missing or has changed.
    """
    path = folder / NAME
    content = read_yaml(path, ModelError, AGAIN)
    if not isinstance(content, dict) or content.pop("emgasr_fusion", None) != FORMAT:
        raise ModelError(path, f"is no fusion of format {FORMAT}", AGAIN)
    systems, entries = content.pop("systems", None), content.pop("fitted_on", [])
    try:
        read = tuple(from_mapping(System, {}, one, path) for one in _list(systems, "systems"))
        fitted = tuple(lineage.of_row(path, row) for row in _list(entries, "fitted_on"))
        told = from_mapping(_Rest, {}, content, path)
        config = FusionConfig(read, fitted_on=fitted, **vars(told))
    except EmgasrError as error:
        raise ModelError(path, error.wrong, AGAIN) from error
    for system in config.systems:
        check_system(system, folder)
    return config


def check_system(system: System, folder: Path) -> None:
    """Raise a ModelError unless the model of a system lies where it should and is as it was."""
    place = folder / system.model
    if not (place / "config.yaml").is_file():
        raise ModelError(folder / NAME, f"names {system.model}, where no model is", f"put it back, or {AGAIN}")
    if checksum_of(place) != system.sha256:
        wrong = f"{system.model} is not the model that was fused: its checksum differs"
        raise ModelError(folder / NAME, wrong, f"put that one back, or {AGAIN}")


def _list(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ConfigError(NAME, f"{name} is {shown(value)}", "give a list")
    return value


@dataclass(frozen=True)
class _Rest:
    """What fusion.yaml holds beside lists."""

    kind: Kind = "geometric"
    back_after_s: float = 1.0
    late_s: float = 1.0
    n_best: int = 10
    votes: float = 0.0
    absence: float = 1.0
