"""Numbers of configurations: each states its bounds, and whoever goes beyond them is told which one and where."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from emgasr.config.bounds import Within, bounds_of, check_within
from emgasr.config.typed_data import built
from emgasr.data.augment import AugmentConfig
from emgasr.errors import ConfigError
from emgasr.frontend.conditioning import ConditioningConfig
from emgasr.protocol.config import AdaptationConfig, ProtocolConfig
from emgasr.protocol.folds import RuleConfig
from emgasr.streaming.profile import Profile
from emgasr.streaming.rules import LiveRules
from emgasr.streaming.stream import StreamConfig
from emgasr.training.config import KINDS, PersonalizeConfig, TrainingConfig
from emgasr.training.loop import FitConfig
from emgasr.training.objective import CTCConfig

PARTS = (FitConfig, CTCConfig, AugmentConfig)
NAMED = (TrainingConfig, PersonalizeConfig, ProtocolConfig, ConditioningConfig, AdaptationConfig, RuleConfig)
SECTIONS = [kind for kinds in KINDS.values() for kind in kinds.values()]
CONFIGS = [*NAMED, *PARTS, *SECTIONS, LiveRules, StreamConfig]


def numbers(config: type) -> Iterator[tuple[str, Any, type, Within | None]]:
    """Each number of a configuration's own fields: its field's name and hint, its type, its bounds."""
    hints = typing.get_type_hints(config, include_extras=True)
    for name in (field.name for field in dataclasses.fields(config)):
        if not dataclasses.is_dataclass(hints[name]):
            yield from ((name, hints[name], kind, within) for kind, within in bounds_of(hints[name]))


NUMBERS = [pytest.param(config, *number, id=f"{config.__name__}.{number[0]}") for config in CONFIGS
           for number in numbers(config)]  # fmt: skip


@pytest.mark.parametrize(("config", "name", "hint", "kind", "within"), NUMBERS)
def test_every_number_of_a_configuration_states_finite_bounds_and_keeps_them(
    config: type, name: str, hint: Any, kind: type, within: Within | None
) -> None:
    assert within is not None
    assert -math.inf < within.low < within.high < math.inf
    beyond = [within.low - max(1, abs(within.low)), within.high + max(1, abs(within.high))]
    for value in (*beyond, *([math.nan, math.inf] if kind is float else [10**30])):
        given = value if kind is float else int(value)
        with pytest.raises(ConfigError, match=rf"{name}: .* is out of range; give .* to ") as error:
            config(**{name: shaped(hint, given)} | budget(config))
        assert "\n" not in str(error.value)


def shaped(hint: Any, value: Any) -> Any:
    """A value as its field wants it: alone, in a list, or in a list of pairs."""
    lists = typing.get_origin(hint) is tuple
    pairs = lists and typing.get_origin(typing.get_args(hint)[0]) is tuple
    return ((value, value),) if pairs else (value,) if lists else value


def budget(config: type) -> dict[str, Any]:
    return {"fit": FitConfig(steps=1)} if issubclass(config, TrainingConfig | PersonalizeConfig) else {}


@pytest.mark.parametrize("config", CONFIGS)
def test_the_defaults_lie_within_the_bounds(config: type) -> None:
    check_within(config(**budget(config)))


def test_levels_of_a_profile_are_bounded() -> None:
    facts = dict(person="a", donning="b", base_model="m", made_unix_s=1e9, unit="uV", fitting_s=60.0, held_out_s=20.0,
                 held_out_keys=9, cer_before=0.5, cer_after=0.25, rest_level={"left": 3.0})  # fmt: skip
    assert Profile(**facts).better
    for wrong in ({"rest_level": {"left": 3.0, "right": -1.0}}, {"made_unix_s": 1e300}, {"cer_after": math.nan}):
        with pytest.raises(ConfigError, match=f"{next(iter(wrong))}: .* is out of range"):
            Profile(**facts | wrong)


@dataclass(frozen=True)
class Mixed:
    """One number or a list of them, or a list of pairs, or nothing."""

    size: Annotated[int, Within(1, 4)] | tuple[Annotated[int, Within(1, 8)], ...] | None = None
    pairs: tuple[tuple[Annotated[float, Within(0, 1)], Annotated[float, Within(5, 6)]], ...] = ()

    def __post_init__(self) -> None:
        check_within(self, "mixed")


def test_the_bounds_of_a_list_are_those_of_its_items() -> None:
    Mixed(4), Mixed((8, 1)), Mixed(pairs=((0, 5), (1, 6)))
    for wrong in ({"size": 5}, {"size": (1, 9)}, {"pairs": ((0, 5), (5, 1))}):
        with pytest.raises(ConfigError, match="mixed"):
            Mixed(**wrong)


def test_whoever_reads_a_file_names_it_with_the_number() -> None:
    for config, values, wrong in (
        (LiveRules, {"finalize_within_s": 1e308}, r"live\.yaml: live rules\.finalize_within_s: 1e\+308 is out"),
        (PersonalizeConfig, {"fit": {"steps": 1}, "data": {"snap_s": -1.0}}, r"live\.yaml: data\.snap_s: -1 is out"),
        (PersonalizeConfig, {"fit": {"steps": 1, "minutes": 1.0}}, r"live\.yaml: training budget: needs either"),
    ):
        with pytest.raises(ConfigError, match=wrong) as error:
            built(config, {}, values, Path("live.yaml"))
        assert error.value.where == "live.yaml"
