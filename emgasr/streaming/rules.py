"""A YAML file beside a model in, the rules by which a live reading finalizes keys out, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.decoding import BeamSearch
from emgasr.files.plain_data import read_yaml
from emgasr.models.folder import LIVE_NAME
from emgasr.streaming.activity import RestLevel
from emgasr.streaming.decoder import BeamReader
from emgasr.streaming.delay import finalizing_frames


@dataclass(frozen=True)
class LiveRules:
    """When a live reading finalizes keys; the defaults suit typing, slow letters want a longer bound and no pause.

    Args:
        agreement: share of the search's probability that must agree on a key to finalize it, 0.5 to 1; 1: all of it.
        finalize_within_s: age at which a key of the best hypothesis becomes final, whatever else lives; None: never.
        pause_s: seconds without a key after which every partial key becomes final, and a sentence ends if the search
            has `end_of_sentence`; None: never. Both are a millisecond to an hour.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"settle_within_s": "finalize_within_s"}

    agreement: Annotated[float, Within(0.5, 1)] = 0.8
    finalize_within_s: Annotated[float, Within(0.001, 3600)] | None = 1.0
    pause_s: Annotated[float, Within(0.001, 3600)] | None = 2.0

    def __post_init__(self) -> None:
        check_within(self, "live rules")

    def reader(self, search: BeamSearch, frame_rate_hz: float, unit: int) -> BeamReader:
        """Return a reader that applies these rules each `unit` frames."""
        bounds = (self.finalize_within_s, self.pause_s)
        within, pause = (None if s is None else finalizing_frames(frame_rate_hz, s) for s in bounds)
        return BeamReader(search, self.agreement, within, pause, unit)


NO_RULES = LiveRules(1.0, None, None)


@dataclass(frozen=True)
class StreamConfig(LiveRules):
    """When a stream shows keys and finalizes them.

    Args:
        agreement, finalize_within_s, pause_s: see `LiveRules`.
        min_confidence: keys with less are not shown.
        rest: the level that activity exceeds; None: no gate. Behind its warm-up, the running normalization learns
            nothing from what lies below either, so that keys after a long rest look as they did before.
        unlabelled_s: the first seconds are held back until they set the statistics of level and spread, and then read.
        align_turns: most electrodes by which a ring is turned back, as these seconds ask for.
        rest_blank: at rest, a frame whose blank has at least this probability holds no key; 0: no frame does.
    """

    min_confidence: Annotated[float, Within(0, 1)] = 0.0
    rest: RestLevel | None = None
    rest_blank: Annotated[float, Within(0, 1)] = 0.1
    unlabelled_s: Annotated[float, Within(0, 3600)] = 0.0
    align_turns: Annotated[int, Within(0, 1024)] = 0


OFFLINE = StreamConfig(**asdict(NO_RULES))  # reads as `Pipeline.transcribe` does


def read_rules(path: str | Path) -> LiveRules:
    """Read rules as `write_rules` writes them; older names of fields are read too, and a line names the new ones.

    Raises:
        ConfigError: A field is unknown, mistyped, or given by both of its names.
    """
    return from_mapping(LiveRules, {}, read_yaml(path), path)


def rules_of(model: Path) -> LiveRules:
    """Return the rules that lie beside a model, or the usual ones."""
    path = model / LIVE_NAME
    return read_rules(path) if os.path.lexists(path) else LiveRules()


def write_rules(rules: LiveRules, path: str | Path, comment: str = "") -> None:
    """Write `rules` as YAML, a line of `comment` above; the old file stays if this fails."""
    write_yaml(to_mapping(rules), path, comment)
