"""Where keys lie and which finger of whom reaches for them."""

from __future__ import annotations

import string

import numpy as np
import pytest

from emgasr.simulate.keyboard import FINGERS, KEYS, key_of_character, neighbors, personal_reaches, place_of_key


def reaches(seed: int = 0) -> dict:
    return personal_reaches(np.random.default_rng(seed))


def test_every_printing_character_of_the_corpus_has_a_key() -> None:
    for character in string.ascii_letters + string.digits + string.punctuation + " \n":
        key, shifted = key_of_character(character) or ("", False)
        assert key in KEYS
        assert shifted == (character in string.ascii_uppercase + '~!@#$%^&*()_+{}|:"<>?')


@pytest.mark.parametrize("key", ["Key.f12", "\x16", "é", ""])
def test_keys_that_the_layout_lacks_have_no_place(key: str) -> None:
    assert place_of_key(key) is None


def test_home_keys_need_no_reach_and_other_keys_do() -> None:
    hands = reaches()
    for key in "asdfjkl;":
        assert (hands[key].inward, hands[key].away) == (0.0, 0.0)
    for key in "qwertyuiopzxcvbnm":
        assert hands[key].away != 0


def test_inward_is_toward_the_thumb_of_either_hand() -> None:
    hands = reaches()
    assert hands["g"].inward > 0 > hands["Key.caps_lock"].inward
    assert hands["h"].inward > 0 > hands["'"].inward


def test_slips_hit_letters_beside_the_key() -> None:
    assert set("qwdzx") & set(neighbors("s")) == set("wdzx") - set("q")
    assert "p" not in neighbors("s")


def test_people_differ_in_their_habits_but_agree_on_home_keys() -> None:
    people = [reaches(seed) for seed in range(40)]
    assert len({(p["b"].hand, p["b"].finger) for p in people}) == 2
    assert len({p["Key.space"].hand for p in people}) == 2
    assert {FINGERS[p["f"].finger] for p in people} == {"index"}
