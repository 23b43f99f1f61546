"""The estimator's edges; that it equals lmplz is shown in tests/oracles."""

from __future__ import annotations

import math

import pytest

from emgasr.errors import LanguageModelError
from emgasr.lm import estimate


def test_tiny_texts_get_the_fallback_discounts() -> None:
    model = estimate([["a"]], order=2)
    # 1-grams: a and </s>, once each, 0.5 off; the half that is left goes to a, </s> and <unk> alike.
    assert math.exp(model.ln_p["a",]) == pytest.approx(0.25 + 0.5 / 3)
    assert math.exp(model.ln_p["<unk>",]) == pytest.approx(0.5 / 3)
    assert math.exp(model.ln_p["<s>", "a"]) == pytest.approx(0.5 + 0.5 * (0.25 + 0.5 / 3))
    assert math.exp(model.ln_backoff["<s>",]) == pytest.approx(0.5)


def test_an_order_longer_than_any_sentence_stops_at_the_sentence() -> None:
    assert estimate([["a", "b"]], order=9).order == 4


def test_empty_sentences_count_as_ends() -> None:
    often, seldom = estimate([["a"], [], []], order=2), estimate([["a"]], order=2)
    assert often.end(often.start()) > seldom.end(seldom.start())


@pytest.mark.parametrize("sentences", [[], [[]], [["<s>"]], [["a", "</s>"]], [["<unk>"]], [[""]]])
def test_text_that_cannot_be_estimated_from_is_refused(sentences: list[list[str]]) -> None:
    with pytest.raises(LanguageModelError):
        estimate(sentences, order=3)


def test_an_impossible_order_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="order 0"):
        estimate([["a"]], order=0)
