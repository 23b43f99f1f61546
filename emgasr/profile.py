"""A folder that `emgasr calibrate` wrote in, a person's profile out: the model fitted to them, their level of rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emgasr.as_json import as_json
from emgasr.errors import ModelError
from emgasr.output import replacing
from emgasr.recording import Band
from emgasr.signal_watch import RestLevel

PROFILE = "profile.json"
FIT = "fit"
MODEL = Path(FIT) / "model"  # of a profile's folder


@dataclass(frozen=True)
class Profile:
    """One person's calibration of one donning; CER are greedy, on the held-out prompts.

    `rest_level` holds for each band the level that rest stays below (`emgasr.signal_watch.RestLevel`); empty: unknown.
    """

    person: str
    donning: str
    base_model: str
    made_unix_s: float
    unit: str
    fitting_s: float
    held_out_s: float
    held_out_keys: int
    cer_before: float
    cer_after: float
    rest_level: dict[str, float]

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
    path = Path(folder) / PROFILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Profile(**facts)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(path, "is no profile", "make one by `emgasr calibrate`") from error
