"""Windows, executions and false activations of emissions made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.evaluation.executions import Activity, JudgedExecution, judged, together
from emgasr.evaluation.items import Item
from emgasr.tokens import Tokens

TOKENS = Tokens.words(["fist", "spread"])
FIST, SPREAD = (TOKENS.ids([name])[0] for name in ("fist", "spread"))


def emissions(ids: list[int], certain: float = 0.9, tokens: Tokens = TOKENS) -> np.ndarray:
    """A frame each, in which one id is as probable as this and the others share the rest."""
    found = np.full((len(ids), len(tokens)), (1 - certain) / (len(tokens) - 1))
    found[np.arange(len(ids)), ids] = certain
    return np.log(found).astype(np.float32)


def item(ids: list[int], frame_s: float = 0.1, tokens: Tokens = TOKENS, **more: object) -> Item:
    """Frames whose newest samples lie a frame apart."""
    times_s = frame_s * np.arange(1, len(ids) + 1)
    values = {"reference": (), "emissions": emissions(ids, tokens=tokens), "frame_times_s": times_s} | more
    return Item("one", "ann", **values)  # type: ignore[arg-type]


def test_each_window_and_each_execution_is_judged_by_its_own_frames() -> None:
    found = judged(item([1] * 10 + [2] * 10, executions=[(0, 1, "fist"), (1, 2, "fist")]), TOKENS)
    first, second = found.executions
    assert first == JudgedExecution("fist", "fist", 10, 10, True)
    assert second == JudgedExecution("fist", "spread", 0, 10, False)


def test_the_blank_has_no_say_in_windows_and_faster_frames_share_one() -> None:
    # Half of the frames are blank; by the labels' own odds fist and spread are alike there, and fist wins elsewhere.
    found = judged(item([1, 0] * 20, 0.05, executions=[(0, 2, "fist")]), TOKENS)
    assert found.executions[0][2:4] == (20, 20)


def test_windows_before_the_first_frame_do_not_count_and_slow_frames_stay() -> None:
    found = judged(item([1, 2], 0.4, executions=[(0, 1.0, "fist")]), TOKENS)
    # Frames at 0.4 and 0.8 s: decisions at 0.4 to 0.7 are fist, those at 0.8 to 1.0 spread.
    assert found.executions[0][2:4] == (4, 7)
    empty = judged(item([], executions=[(0, 1.0, "fist")]), TOKENS)
    assert empty.executions[0] == JudgedExecution("fist", None, 0, 0, False)


def test_a_label_that_begins_in_rest_is_one_false_activation_however_long_it_lasts() -> None:
    rest = [0] * 10 + [FIST] * 20 + [0] * 10 + [SPREAD] * 10 + [0] * 10
    found = judged(item(rest, rest=[(0.0, 6.0)]), TOKENS)
    assert (found.false_activations, found.rest_minutes) == (2, pytest.approx(0.1))
    one_frame = [0] * 10 + [FIST] + [0] * 10
    assert judged(item(one_frame, rest=[(0.0, 2.1)]), TOKENS).false_activations == 0  # a third of 300 ms


def test_labels_that_mark_rest_are_executions_and_no_activations() -> None:
    tokens = Tokens.words(["fist", "Rest"])
    fist, rest = tokens.ids(["fist", "Rest"])
    spans = [(0, 1, "Rest"), (1, 2, "fist")]
    found = judged(item([rest] * 5 + [fist] * 5 + [fist] * 10, tokens=tokens, executions=spans), tokens)
    assert (found.false_activations, found.rest_minutes) == (1, pytest.approx(1 / 60))
    assert [execution.activated for execution in found.executions] == [None, True]
    assert found.executions[0].windows_right == 5


def test_figures_weigh_executions_alike_and_labels_alike() -> None:
    def execution(label: str, right: bool, windows: int = 10) -> JudgedExecution:
        return JudgedExecution(label, label if right else "other", windows if right else 0, windows, right)

    of_a = [execution("a", True) for _ in range(8)]
    of_b = [execution("b", False, windows=60), execution("b", True)]
    found = together([Activity(tuple(of_a), 3, 1.5), Activity(tuple(of_b), 0, 0.5)])
    assert found is not None
    assert found.as_dict() == {
        "executions": 10,
        "windows": 150,
        "execution_accuracy": pytest.approx(0.9),
        "balanced_accuracy": pytest.approx(0.75),
        "window_accuracy": pytest.approx(0.6),
        "activated": pytest.approx(0.9),
        "false_activations_per_minute": pytest.approx(1.5),
    }
    assert together([Activity()]) is None


def test_keys_have_no_executions() -> None:
    keys = Tokens.keystrokes()
    assert judged(item([1, 2], tokens=keys, executions=[(0, 1, "a")]), keys) == Activity()
