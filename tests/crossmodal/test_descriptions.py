"""Files of descriptions, read and written; and the recipe's, which describes every named label of the pool."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from emgasr.crossmodal.descriptions import (
    VIEWS,
    Description,
    Descriptions,
    check_described,
    read_descriptions,
    write_descriptions,
)
from emgasr.errors import DataError

RECIPE = Path(__file__).parents[2] / "recipes/crossmodal/descriptions.yaml"
SMALL = """
concepts:
  fist:
    fingers: ["all fingers are curled"]
    name: [fist, make a   fist]
    held_out: [{view: use, text: "how a boxer punches"}]
  rest:
    name: ["no"]
labels: {hand_close: fist, power_grip: fist}
"""
# The labels of each set that has names, as its source spells them.
SETS = {
    "laval": "hand_close hand_open neutral radial_dev ulnar_dev wrist_extension wrist_flexion",
    "ciil": "hand_close hand_open no_motion wrist_extension wrist_flexion",
    "myodisco": "double_tap extension finger_gun flexion hand_close hand_open point rest snap thumbs_up",
    "3dc": "chuck_grip neutral open_hand pinch_grip power_grip pronation radial_dev supination ulnar_dev "
    "wrist_extension wrist_flexion",
    "myo_readings": "extension fist flexion pronation radial_dev rest supination ulnar_dev",
    "wyoflex": "extension flexion power_grip",
    "gesture_series": "extension fist flexion radial rest ulnar",
    "flextype": "rest index-pinch middle-pinch ring-pinch pinky-pinch knock l-sign pinky-up rock-and-roll "
    "three-fingers thumb-out two-finger-wave wiggle-fingers",
    "ninapro_db1": "g00 g01 g02 g03 g04 g05 g06 g07 g08 g09 g10 g11 g12",
}


def small(tmp_path: Path, text: str = SMALL) -> Descriptions:
    path = tmp_path / "descriptions.yaml"
    path.write_text(text, encoding="utf-8")
    return read_descriptions(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(DataError) as caught:
        small(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'descriptions.yaml'}: ")
    return str(caught.value)


def test_texts_are_read_with_their_views(tmp_path: Path) -> None:
    found = small(tmp_path)
    assert found.concepts["fist"] == (
        Description("all fingers are curled", "fingers"),
        Description("fist", "name"),
        Description("make a fist", "name"),
        Description("how a boxer punches", "use", held_out=True),
    )
    assert found.texts("fist") == ("all fingers are curled", "fist", "make a fist")
    assert found.texts("fist", held_out=True) == ("how a boxer punches",)
    assert len(found.texts("fist", held_out=None)) == 4
    assert found.texts("rest") == ("no",)  # text, though YAML would take it for a truth value


def test_a_label_means_its_concept_and_else_itself(tmp_path: Path) -> None:
    found = small(tmp_path)
    assert [found.concept_of(label) for label in ("hand_close", "fist", "wave")] == ["fist", "fist", "wave"]
    assert found.texts("power_grip") == found.texts("fist")


def test_labels_without_descriptions_are_counted_and_named(tmp_path: Path) -> None:
    found = small(tmp_path)
    check_described(found, ["fist", "power_grip", "rest"])
    with pytest.raises(DataError, match=r"2 of 3 labels have no description \(snap, wave\)"):
        check_described(found, ["wave", "fist", "snap", "wave"])
    with pytest.raises(DataError, match=r"10 of 10 labels .*\(m0, m1, m2, m3, m4, m5, m6, m7, …\)"):
        check_described(found, [f"m{number}" for number in range(10)])
    with pytest.raises(DataError, match="1 of 1 labels have no description"):
        found.texts("wave")


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    odd = ("1e-3", "null", "yes", "a: b", "12:30", "# no comment", "'quoted' \"twice\"", "été", "- item", "x" * 900)
    found = Descriptions({"fist": tuple(Description(text, "name") for text in odd)}, {"no": "fist", "1": "fist"})
    write_descriptions(found, tmp_path / "written.yaml")
    assert read_descriptions(tmp_path / "written.yaml") == found
    write_descriptions(small(tmp_path), tmp_path / "written.yaml")
    assert read_descriptions(tmp_path / "written.yaml") == small(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["all fingers are curled"]', '["  "]', "concept fist: a description in the view fingers is empty"),
        ('["no"]', '["Make A\u00a0fist"]', "concept rest: 'Make A fist' describes fist too"),
        ('["no"]', '["HOW a boxer punches"]', "concept rest: 'HOW a boxer punches' describes fist too"),
        ('["no"]', "[]", "concept rest: has no description;"),
        ('name: ["no"]', "{}", "concept rest: has no description;"),
        ('name: ["no"]', "held_out: [{view: use, text: idle}]", "has no description but held-out ones"),
        ('name: ["no"]', 'nams: ["no"]', "concept rest: the view 'nams' is unknown"),
        ("view: use", "view: sound", "concept fist: the view 'sound' is unknown"),
        ("view: use, ", "", "a held-out item is no view and text"),
        ('["no"]', "no", "concept rest: name is no list of texts"),
        ('["no"]', "[[no]]", "concept rest: an item of name is no text"),
        ('\n    name: ["no"]', " [no]", "concept rest: is no mapping"),
        ("power_grip: fist", "power_grip: grasp", "label power_grip: means 'grasp', which is no concept"),
        ("power_grip: fist", "power_grip: [fist]", "label power_grip: does not mean one concept"),
        ("power_grip: fist", "rest: fist", "label rest: means fist and is a concept itself"),
        ("power_grip", "hand_close", "the key 'hand_close' stands twice"),
        ("labels:", "tables:", "is no mapping of concepts and labels"),
        (SMALL, "[fist]", "is no mapping of concepts and labels"),
        (SMALL, "concepts: fist", "concepts: is no mapping"),
        (SMALL, "concepts: {}", "hold no concept"),
        (SMALL, "concepts: {fist: !!python/name:os.system x}", "has a tag"),
        ('["no"]', '["' + "no " * 400 + '"]', "a description has 1,199 characters"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert told in refusal(tmp_path, SMALL.replace(old, new))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "is larger than" in refusal(tmp_path, SMALL + "#" * 2**21)


def test_the_recipe_describes_every_named_label_of_the_pool() -> None:
    found = read_descriptions(RECIPE)
    for labels in SETS.values():
        check_described(found, labels.split())


def test_labels_of_one_set_mean_different_gestures() -> None:
    found = read_descriptions(RECIPE)
    for labels in SETS.values():
        concepts = Counter(found.concept_of(label) for label in labels.split())
        assert concepts.most_common(1)[0][1] == 1


def test_the_recipe_has_no_label_or_concept_that_no_set_has() -> None:
    found = read_descriptions(RECIPE)
    labels = {label for one in SETS.values() for label in one.split()}
    assert set(found.labels) <= labels
    assert {found.concept_of(label) for label in labels} == set(found.concepts)


def test_each_gesture_has_all_views_and_held_out_texts_of_several() -> None:
    for concept, described in read_descriptions(RECIPE).concepts.items():
        trained = [one for one in described if not one.held_out]
        held_out = [one for one in described if one.held_out]
        assert len(trained) >= 8, concept
        assert {one.view for one in trained} == set(VIEWS), concept
        assert len({one.view for one in held_out}) == len(held_out) >= 2, concept
