"""Evaluation on emissions whose right and wrong symbols are known."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import DataError
from emgasr.evaluation.evaluate import Item, blocks, evaluate
from emgasr.lm import estimate
from emgasr.score import align, count_edits, total
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS, emissions_of


def test_a_perfect_reading_has_no_errors_and_the_rendered_text() -> None:
    typed = [*"helko", "⌫", "⌫", *"lo"]
    judged = evaluate([Item("a", "ann", typed, emissions_of(typed))], KEYS).items[0]
    assert judged.text == "hello"
    assert judged.readings["greedy"].text == "hello"
    assert total(judged.readings["greedy"].of_symbols).errors == 0
    assert list(judged.readings) == ["greedy"]


def test_raw_and_rendered_errors_differ_where_backspaces_do_their_work() -> None:
    item = Item("a", "ann", [*"hex", "⌫", "y"], emissions_of([*"hez", "⌫", "y"]))
    reading = evaluate([item], KEYS).items[0].readings["greedy"]
    assert total(reading.of_symbols).errors == 1
    assert total(reading.of_characters).errors == 0


def test_a_key_that_the_model_cannot_write_is_an_error() -> None:
    few = Tokens.keystrokes("abc")
    judged = evaluate([Item("a", "ann", list("abZc"), emissions_of("abc", few))], few).items[0]
    assert total(judged.readings["greedy"].of_symbols).deletions == 1


def test_the_language_model_mends_what_the_emissions_leave_open() -> None:
    lm = estimate([list("the cat sat on the mat")] * 3, order=3)
    unsure = emissions_of("the cqt", sure=0.9)
    row = unsure[2 * 5 + 1]
    row[KEYS.ids("q")[0]], row[KEYS.ids("a")[0]] = np.log(0.5), np.log(0.4)
    row -= np.log(np.exp(row).sum())
    evaluation = evaluate([Item("a", "ann", list("the cat"), unsure)], KEYS, BeamSearch(KEYS, lm, SearchConfig(beam=8)))
    readings = evaluation.items[0].readings
    assert (readings["greedy"].text, readings["lm"].text) == ("the cqt", "the cat")
    assert evaluation.ways == ("greedy", "lm")


def test_a_take_of_one_label_is_chosen_by_force_where_the_best_path_holds_two_or_none() -> None:
    words = Tokens.words(["left", "right"])
    rows = [[0.5, 0.4, 0.1], [0.35, 0.05, 0.6], [0.5, 0.1, 0.4], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]]
    twice = np.log(np.array(rows, dtype=np.float32))
    never = np.log(np.array([[0.6, 0.1, 0.3]] * 5, dtype=np.float32))
    items = [
        Item("a", "ann", ["left"], twice),
        Item("b", "ann", ["right"], never),
        Item("c", "ann", ["left"], never[:0]),
    ]
    found = evaluate(items, words).items
    assert [item.readings["greedy"].symbols for item in found] == [("right", "left"), (), ()]
    assert [item.label for item in found] == ["left", "right", None]  # nothing to choose by is no choice


def test_a_label_in_parts_is_the_composed_one() -> None:
    words = Tokens.words(["é", "a"])
    judged = evaluate([Item("a", "ann", ["e\u0301"], emissions_of(["é"], words))], words).items[0]
    assert judged.reference == (judged.label,) == ("é",)


def test_keys_at_rest_are_counted_by_their_frame_times() -> None:
    item = Item("a", "ann", [], emissions_of("xyz"), frame_times_s=np.arange(7) * 1.0, rest=[(0, 2), (4, 6)])
    labelled = Item("b", "ann", ["a"], emissions_of("a"))
    judged = evaluate([item, labelled], KEYS).items[0]
    assert judged.readings["greedy"].false_symbols == 2  # x at 1 s and z at 5 s; y, at 3 s, is not at rest
    assert judged.rest_minutes == pytest.approx(4 / 60)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_blocks_add_up_to_the_whole(size: int) -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        true, read = (generator.choice(list("abcd"), generator.integers(0, 30)).tolist() for _ in range(2))
        cut = blocks(align(true, read), size)
        assert total(cut) == count_edits(true, read)
        assert all(block.reference_length <= size for block in cut)


def test_nothing_to_evaluate_is_refused() -> None:
    with pytest.raises(DataError, match="nothing to evaluate"):
        evaluate([], KEYS)
    with pytest.raises(DataError, match="no labels"):
        evaluate([Item("a", "ann", [], emissions_of("a"))], KEYS)


def test_unknown_symbols_in_a_reference_are_refused() -> None:
    with pytest.raises(DataError, match="'wave'"):
        evaluate([Item("a", "ann", ["wave"], emissions_of("a"))], KEYS)
