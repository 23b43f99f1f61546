"""Bag of words against scikit-learn's; random vectors against what chance gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from emgasr.crossmodal.teachers.bag_of_words import BagOfWords
from emgasr.crossmodal.teachers.config import TeacherConfig
from emgasr.crossmodal.teachers.contract import check_understood, words_of
from emgasr.crossmodal.teachers.random_control import RandomControl
from emgasr.errors import ConfigError, DataError

TEXTS = ["The wrist bends towards the palm", "the wrist stays straight", "a fist", "Curl the fingers; curl the thumb"]


def test_bag_of_words_is_tf_idf() -> None:
    oracle = TfidfVectorizer(token_pattern=r"[^\W\d_]+").fit(TEXTS)
    asked = [*TEXTS, "the palm, the palm and a foot"]
    np.testing.assert_allclose(BagOfWords(TEXTS).embed(asked), oracle.transform(asked).toarray(), atol=1e-6)


def test_order_case_and_spaces_of_training_texts_do_not_matter() -> None:
    one, other = BagOfWords(TEXTS), BagOfWords([text.upper().replace(" ", "  ") for text in reversed(TEXTS)])
    assert one.checksum == other.checksum
    np.testing.assert_array_equal(one.embed(TEXTS), other.embed(TEXTS))


def test_other_training_texts_make_another_bag() -> None:
    assert BagOfWords(TEXTS).checksum != BagOfWords(TEXTS[1:]).checksum
    assert BagOfWords(["a b", "b"]).checksum != BagOfWords(["a b", "a"]).checksum


def test_a_text_without_a_known_word_has_no_bag() -> None:
    with pytest.raises(DataError, match="'grasp it': has no word of the training texts"):
        BagOfWords(TEXTS).embed(["a fist", "grasp it"])
    with pytest.raises(DataError, match="no text with a word"):
        BagOfWords(["12", "!"])


def test_random_vectors_are_those_of_a_sphere_and_know_no_meaning() -> None:
    texts = [f"the {one} finger is {how}" for one in ("index", "middle", "ring") for how in ("straight", "curled")]
    found = RandomControl(0, 4096).embed(texts)
    across = (found @ found.T)[~np.eye(len(texts), dtype=bool)]
    assert np.abs(across).max() < 5 / np.sqrt(4096)
    assert abs(found.mean()) < 5 / np.sqrt(found.size) / np.sqrt(4096)


def test_random_vectors_are_of_the_spelling_and_the_seed() -> None:
    one = RandomControl(1, 8)
    np.testing.assert_array_equal(one.embed(["A  fist"]), one.embed(["a fist"]))
    assert not np.allclose(RandomControl(2, 8).embed(["a fist"]), one.embed(["a fist"]))
    assert len({RandomControl(seed, width).checksum for seed in (1, 2) for width in (8, 9)}) == 4


def test_random_vectors_are_the_same_on_every_machine() -> None:
    # By hand: the first 4 bytes of SHAKE-256 of "0 fist" as a share of 2**32, through the normal quantile, and so on.
    from hashlib import shake_256
    from statistics import NormalDist

    drawn = shake_256(b"0 fist").digest(12)
    values = [
        NormalDist().inv_cdf((int.from_bytes(drawn[at : at + 4], "little") + 0.5) / 2**32) for at in range(0, 12, 4)
    ]
    expected = np.array(values) / np.linalg.norm(values)
    np.testing.assert_allclose(RandomControl(0, 3).embed(["fist"])[0], expected, atol=1e-6)


def test_words_are_runs_of_letters_and_their_marks() -> None:
    assert words_of("Curl—the 3 finger-tips, don't; E\u0301TE\u0301 शक्ति") == [
        *("curl", "the", "finger", "tips", "don", "t"),
        "été",
        "शक्ति",
    ]


def test_a_query_with_more_than_half_of_its_words_unknown_is_refused() -> None:
    teacher = BagOfWords(TEXTS)
    assert check_understood("the wrist", teacher) is None
    note = check_understood("grasp the fist", teacher)
    assert note == "1 of 3 words are not in the vocabulary of bag of words (grasp); it names no language"
    assert check_understood("grasp it: the fist", teacher) is not None
    with pytest.raises(DataError, match=r"2 of 3 words are not in the vocabulary of bag of words \(grasp, it\)"):
        check_understood("grasp it, fist", teacher)


def test_words_of_training_count_as_known_whatever_the_vocabulary() -> None:
    teacher = BagOfWords(TEXTS)
    assert check_understood("flexor pollicis", teacher, ["Flexor pollicis longus contracts"]) is None


@pytest.mark.parametrize(("query", "told"), [(" ", "query: is empty"), ("5!", "'5!': has no word")])
def test_a_query_says_something(query: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        check_understood(query, RandomControl(0, 8))


def test_options_have_bounds() -> None:
    for width, seed in ((1, 0), (2**17, 0), (8, -1)):
        with pytest.raises(ConfigError, match="out of range"):
            TeacherConfig("random", width=width, seed=seed)
