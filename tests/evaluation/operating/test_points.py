"""Operating points on gestures and on keys: what is false in rest, what is missed, which one is chosen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from emgasr.confidence.beside import Fitting
from emgasr.decoding.held import HELD, TOKENS, OperatingPoint
from emgasr.errors import DataError
from emgasr.evaluation.items import Item
from emgasr.evaluation.operating.curve import draw_curve
from emgasr.evaluation.operating.points import Costs, choose, costs_of, front, grid, heard_of
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS, emissions_of

GESTURES = Tokens.words(["fist", "point"])
FIST = GESTURES.ids(["fist"])[0]


def gestures(false: int = 3, hours: float = 2.0) -> Item:
    """Frames of 0.1 s: 20 fists of a second, one of them hardly seen, and rest with a flicker of 0.3 s now and then."""
    frames = round(36_000 * hours)
    probable = np.full((frames, 3), 0.02)
    executions = []
    for number in range(20):
        first = 100 + 60 * number
        probable[first : first + 10, FIST] = 0.6 if number == 0 else 0.95
        executions.append((first / 10, first / 10 + 1, "fist"))
    for number in range(false):
        first = 2000 + 100 * number
        probable[first : first + 3, FIST] = 0.9
    probable[:, 0] = 1 - probable[:, 1:].sum(1)
    times_s = np.arange(frames) / 10 + 0.05
    return Item(
        "one", "ann", ["fist"] * 20, np.log(probable), None, times_s, [(190.0, frames / 10)], executions=executions
    )


def costs(item: Item) -> list[Costs]:
    """What the points of the grid cost on it."""
    heard = heard_of([item], GESTURES, (0,), None, Fitting())
    return costs_of(heard, grid(HELD, 10.0, GESTURES))


def test_flickers_are_false_and_hardly_seen_fists_are_missed() -> None:
    heard = heard_of([gestures()], GESTURES, (0,), None, Fitting())
    lax, strict, sure = costs_of(heard, [OperatingPoint(HELD, t, n) for t, n in ((0.5, 1), (0.5, 5), (0.92, 1))])
    assert (lax.false, lax.missed, lax.meant) == (3, 0, 20)
    assert lax.rest_hours == pytest.approx(2 - 190 / 3600)
    assert (strict.false, strict.missed) == (0, 0)
    assert (sure.false, sure.missed) == (0, 1)


def test_the_point_with_the_fewest_misses_is_chosen_of_those_proved_quiet_enough() -> None:
    found = choose(costs(gestures()), 2.0)
    assert (found.false, found.missed) == (0, 0)
    assert found.point.frames + found.point.mean_frames > 4
    assert found.bounds[1] < 2.0


def test_a_rate_that_cannot_be_proved_or_reached_is_refused() -> None:
    with pytest.raises(DataError, match=r"proves only < 1\.5 an hour, and 1 is asked for"):
        choose(costs(gestures()), 1.0)
    loud = Item("loud", "ann", [], np.log(np.full((7200, 3), [0.0005, 0.999, 0.0005])), None, np.arange(7200) / 1.0)
    noisy = heard_of([loud, gestures(0, 0.1)], GESTURES, (0,), None, Fitting())
    assert noisy[0].reads == HELD
    with pytest.raises(DataError, match="do not rest"):
        choose(
            costs_of(
                heard_of([Item("x", "a", [], loud.emissions[:9], None, np.arange(9.0))], KEYS, (0,), None, Fitting()),
                grid(TOKENS, 1, KEYS),
            ),
            1,
        )


def typed(certain: float) -> Item:
    """An hour and more with the word "cat" typed at its start, and one key read in rest with this probability."""
    symbols = list("cat")
    emissions = np.concatenate([emissions_of(symbols, sure=0.99), emissions_of(["x"], sure=certain)])
    times_s = np.append(np.linspace(0, 1, len(emissions) - 3), [3000.0, 5000.0, 7000.0])
    return Item("typed", "ann", symbols, emissions, None, times_s, [(2.0, 7200.0)])


def test_a_false_word_of_a_key_model_has_a_key_in_rest() -> None:
    heard = heard_of([typed(0.8)], KEYS, (0,), None, Fitting())
    lax, strict = costs_of(heard, [OperatingPoint(TOKENS, t) for t in (0.0, 0.9)])
    assert (heard[0].reads, lax.meant) == (TOKENS, 3)
    assert (lax.false, lax.missed) == (1, 0)
    assert (strict.false, strict.missed) == (0, 0)


def test_the_front_holds_what_no_other_beats_and_is_drawn() -> None:
    found = costs(gestures())
    best = front(found)
    assert all(a.false < b.false and a.missed > b.missed for a, b in pairwise(best))
    chosen = choose(found, 2.0)
    assert draw_curve(found, chosen, chosen).startswith(b"\x89PNG")
