"""A folder of `emgasr calibrate` in, a person's profile out: the model fitted to them, and their level of rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping
from emgasr.errors import ConfigError, ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.models.folder import named_folder
from emgasr.recording import Band
from emgasr.streaming.activity import RestLevel

PROFILE = "profile.json"
FIT = "fit"
MODEL = Path(FIT) / "model"  # of a profile's folder


@dataclass(frozen=True)
class Profile:
    """One person's calibration of one donning; CER are greedy, on the held-out prompts.

    `rest_level` holds for each band the level of rest (`emgasr.streaming.activity.RestLevel`); empty: unknown.
    """

    person: str
    donning: str
    base_model: str
    made_unix_s: Annotated[float, Within(0, 1e11)]
    unit: str
    fitting_s: Annotated[float, Within(0, 1e7)]
    held_out_s: Annotated[float, Within(0, 1e7)]
    held_out_keys: Annotated[int, Within(0, 1e9)]
    cer_before: Annotated[float, Within(0, 1e6)]
    cer_after: Annotated[float, Within(0, 1e6)]
    rest_level: dict[str, Annotated[float, Within(0, 1e12)]]

    def __post_init__(self) -> None:
        check_within(self, "")

    @property
    def better(self) -> bool:
        """Whether the fitted model reads the held-out prompts better."""
        return self.cer_after < self.cer_before

    def rest(self, bands: Sequence[Band]) -> RestLevel | None:
        """The level of rest for the bands of a signal; None if it is not known for all of them."""
        if not {band.name for band in bands} <= self.rest_level.keys():
            return None
        return RestLevel(tuple(self.rest_level[band.name] for band in bands))


def write_profile(profile: Profile, folder: str | Path) -> None:
    """Write profile.json."""
    with replacing(Path(folder) / PROFILE) as path:
        path.write_text(as_json(asdict(profile), indent=2) + "\n", encoding="utf-8")


def is_profile(folder: str | Path) -> bool:
    """Whether a folder is a profile's."""
    return (Path(folder) / PROFILE).is_file()


def read_profile(folder: str | Path) -> Profile:
    """The profile of a folder; a ModelError if it has none."""
    path, advice = Path(folder) / PROFILE, "make one by `emgasr calibrate`"
    if not path.is_file():
        raise ModelError(path, "is no profile", advice)
    facts = read_json(path, ModelError, advice)
    try:
        if missing := [field.name for field in fields(Profile) if isinstance(facts, dict) and field.name not in facts]:
            raise ConfigError(path, f"lacks {missing[0]}", advice)
        return from_mapping(Profile, {}, facts, path)
    except ConfigError as error:
        raise ModelError(path, f"is no profile ({error.wrong})", advice) from error


def model_folder(model: str | Path) -> tuple[Path, Profile | None]:
    """Return the folder of a model by its name: the packaged one, a model's own, or that of a profile with it.

    Raises:
        ConfigError: `model` is no path.
        ModelError: A profile is damaged.
    """
    if not isinstance(model, str | Path) or "\0" in str(model):
        raise ConfigError("load", f"{model!r} is no path", 'give a text or a pathlib.Path, "demo" or "armband"')
    folder = named_folder(model)
    return (folder / MODEL, read_profile(folder)) if is_profile(folder) else (folder, None)
