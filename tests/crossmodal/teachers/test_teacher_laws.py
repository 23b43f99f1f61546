"""What every teacher of text promises, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emgasr.crossmodal.teachers import TeacherConfig, TextTeacher, text_teacher
from emgasr.errors import DataError

TEXTS = ["make a fist", "open the hand", "the thumb touches the tip of the index finger", "rest"]
KINDS = ["bag_of_words", "random", pytest.param("sentence", marks=pytest.mark.slow)]


@pytest.fixture(params=KINDS)
def built(request: pytest.FixtureRequest, sentence_folder: Path) -> Callable[[], TextTeacher]:
    return lambda: text_teacher(TeacherConfig(request.param, str(sentence_folder), seed=3, width=24), TEXTS)


def test_embeddings_are_float32_and_of_unit_length(built: Callable[[], TextTeacher]) -> None:
    teacher = built()
    found = teacher.embed(TEXTS)
    assert (found.shape, found.dtype) == ((len(TEXTS), teacher.width), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert teacher.embed([]).shape == (0, teacher.width)


def test_a_text_has_one_embedding_whatever_stands_beside_it(built: Callable[[], TextTeacher]) -> None:
    teacher = built()
    together = teacher.embed([*TEXTS, TEXTS[0]])
    np.testing.assert_array_equal(together[0], together[-1])
    np.testing.assert_allclose(np.vstack([teacher.embed([text]) for text in TEXTS]), together[:-1], atol=1e-6)


def test_texts_have_embeddings_of_their_own(built: Callable[[], TextTeacher]) -> None:
    found = built().embed(TEXTS)
    assert (found @ found.T - np.eye(len(TEXTS)) < 0.999).all()


def test_a_teacher_built_again_is_the_same(built: Callable[[], TextTeacher]) -> None:
    first, second = built(), built()
    assert first.checksum == second.checksum
    assert len(bytes.fromhex(first.checksum)) == 32
    np.testing.assert_array_equal(first.embed(TEXTS), second.embed(TEXTS))


def test_an_empty_text_is_refused(built: Callable[[], TextTeacher]) -> None:
    with pytest.raises(DataError, match="text: is empty"):
        built().embed(["make a fist", " \n"])


def test_words_of_training_are_known(built: Callable[[], TextTeacher]) -> None:
    assert [word for text in TEXTS for word in built().unknown_words(text)] == []
