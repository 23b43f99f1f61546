"""Confidence fitted on people: better believed than before, monotone, written, read, and refused on too little."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.confidence.fitting import fit
from emgasr.confidence.judging import judge
from emgasr.confidence.model import Confidence
from emgasr.decoding.hypothesis import Evidence
from emgasr.errors import DataError, ModelError
from tests.helpers.readings import samples

FITTED = fit(samples(), "a" * 64, "b" * 64)


def test_probabilities_of_people_left_out_are_better_believed_than_before() -> None:
    for level in ("token", "word"):
        one = FITTED.judged[level]
        assert one.after is not None
        assert one.after.ece < one.before.ece
        assert one.after.brier < one.before.brier


def test_it_holds_for_people_it_has_not_seen() -> None:
    after = judge(samples(people=4, seed=9), FITTED.confidence)["token"].after
    assert after is not None
    assert after.ece < 0.06
    assert after.auroc is not None
    assert after.auroc > 0.8


probabilities = st.floats(1e-9, 1)
evidence = st.tuples(st.floats(-30, 30), st.floats(0, 1), st.integers(0, 500))


@given(probabilities, evidence, probabilities, evidence)
def test_a_token_of_which_all_speaks_more_is_no_less_sure(
    one: float, known: tuple[float, float, int], other: float, more: tuple[float, float, int]
) -> None:
    low, high = sorted((one, other))
    (margin, share, wait), (lead, agreed, late) = known, more
    below = Evidence(min(margin, lead), min(share, agreed), max(wait, late))
    above = Evidence(max(margin, lead), max(share, agreed), min(wait, late))
    first, second = FITTED.confidence.tokens([low, high], [below, above])
    assert 0 <= first <= second <= 1


@given(st.lists(st.tuples(probabilities, probabilities), min_size=1, max_size=6))
def test_a_word_of_surer_tokens_is_no_less_sure(pairs: list[tuple[float, float]]) -> None:
    low, high = ([f(pair) for pair in pairs] for f in (min, max))
    assert 0 <= FITTED.confidence.of_word(low) <= FITTED.confidence.of_word(high) <= 1


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    FITTED.confidence.save(tmp_path / "confidence.json")
    assert Confidence.load(tmp_path / "confidence.json") == FITTED.confidence


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("emgasr_confidence",), 9),
        (("model_sha256",), None),
        (("token",), None),
        (("token",), []),
        (("token", "weights", "margin"), -1.0),
        (("token", "weights", "margin"), "high"),
        (("token", "weights"), 3),
        (("word", "bias"), 1e300),
        (("word", "curve"), {"kind": "platt"}),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    path = tmp_path / "confidence.json"
    FITTED.confidence.save(path)
    content = inner = json.loads(path.read_text())
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"confidence\.json"):
        Confidence.load(path)


def test_too_few_tokens_are_refused_and_too_few_segments_are_said() -> None:
    with pytest.raises(DataError, match="too few"):
        fit(samples(people=2, recordings=1, tokens=12), "", "")
    assert any("segment" in note and "too few" in note for note in FITTED.notes)
    assert FITTED.confidence.of_segment([0.5]) is None


def test_of_one_person_recordings_are_left_out_and_a_note_says_so() -> None:
    found = fit(samples(people=1, recordings=6), "", "")
    assert found.confidence.figures["left_out"] == "recordings"
    assert "one person" in found.notes[0]


def test_it_belongs_to_its_weights_and_its_way_of_reading() -> None:
    confidence, path = FITTED.confidence, Path("confidence.json")
    assert confidence.refusal(path, "a" * 64, "b" * 64) == ""
    assert "other weights" in confidence.refusal(path, "c" * 64, "b" * 64)
    assert "another way of reading" in confidence.refusal(path, "a" * 64, "c" * 64)


def test_tokens_one_by_one_are_as_sure_as_together() -> None:
    rng = np.random.default_rng(3)
    sure, known = rng.random(50).tolist(), [Evidence(*row) for row in rng.random((50, 3)).tolist()]
    together = FITTED.confidence.tokens(sure, known)
    assert [FITTED.confidence.tokens([s], [k])[0] for s, k in zip(sure, known, strict=True)] == list(together)
