"""A pattern finds the fields of a file's name, or says what is wrong with it or with the name."""

from __future__ import annotations

import pytest

from emgasr.errors import ConfigError
from emgasr.quickstart.patterns import Pattern


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        ("{label}_{session}_{take}", "yes_s1_03.wav", {"label": "yes", "session": "s1", "take": "03"}),
        ("{label}_{session}_{n}.wav", "deep/yes_2020-07-09_3.WAV", {"label": "yes", "session": "2020-07-09", "n": "3"}),
        ("{label}_{session}_{take}", "good_day_s1_03.npy", {"label": "good_day", "session": "s1", "take": "03"}),
        ("{session+}_{label}_{take}", "day_1_yes_03.npy", {"session": "day_1", "label": "yes", "take": "03"}),
        ("{subject}/{label}/{take}", "ann/good_day/1-a.csv", {"subject": "ann", "label": "good_day", "take": "1-a"}),
        ("{label}{take}", "yes12.wav", {"label": "yes", "take": "12"}),
        ("{label}", "yes.wav", {"label": "yes"}),
        ("emg ({label}) take{take}", "emg (no) take7.csv", {"label": "no", "take": "7"}),
    ],
)  # fmt: skip
def test_fields_are_found(pattern: str, name: str, fields: dict[str, str]) -> None:
    assert Pattern.parse(pattern).match(name) == fields


@pytest.mark.parametrize("name", ["yes_03.wav", "yes_s1_03_old_.wav", "_s1_03.wav", "s1/03.wav"])
def test_a_name_of_another_form_has_none(name: str) -> None:
    assert Pattern.parse("{label}_{session}_{take}").match(name) in (None, {"label": "yes_s1", "session": "03"})


def test_the_names_that_do_not_fit_are_returned() -> None:
    found, others = Pattern.parse("{label}_{take}").match_all(["a_1.npy", "b.npy", "c_d_2.npy"])
    assert found == {"a_1.npy": {"label": "a", "take": "1"}, "c_d_2.npy": {"label": "c_d", "take": "2"}}
    assert others == ["b.npy"]


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("{session}_{take}", "does not say where the label stands"),
        ("{label}_{label}", "has the field 'label' twice"),
        ("{label}_{text}", "has a field 'text'"),
        ("{label}_{Take No}", "has a field 'Take No'"),
        ("{label_{take}", "has a brace that is not closed"),
        ("{label}{session}", "parts 'label' from 'session' by nothing"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Pattern.parse(pattern)
    assert wrong in str(refused.value)
