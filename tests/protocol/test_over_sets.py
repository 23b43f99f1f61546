"""Over sets: each set and person counts alike, differences are paired by person, and gaps are named."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from emgasr.errors import OutputError
from emgasr.protocol.over_sets import NOTHING, SetsTable
from tests.helpers.sets_read import person_row, write_protocol

# Of each set and system: executions right of each person.
READ = {
    ("big", "lda"): [0.5, 0.6, 0.7, 0.8, 0.4, 0.6],
    ("big", "tcn"): [0.7, 0.6, 0.7, 0.8, 0.6, 0.6],
    ("big", "ours"): [0.7, 0.7, 0.9, 0.8, 0.6, 0.7],
    ("small", "lda"): [0.9, 0.8],
    ("small", "ours"): [0.8, 1.0],
}


def read(root: Path, expected: tuple[str, ...] = ()) -> SetsTable:
    for chosen in ("big", "small"):
        own = {system: right for (name, system), right in READ.items() if name == chosen}
        rows = [person_row(system, f"p{n}", x) for system, right in own.items() for n, x in enumerate(right)]
        write_protocol(root / chosen, rows, {system: {} for system in own})
    return SetsTable(root, expected)


def apart(second: str) -> list[np.ndarray]:
    return [np.subtract(READ[name, "ours"], READ[name, second]) for name in ("big", "small")]


def test_the_mean_is_over_sets_whatever_their_people(tmp_path: Path) -> None:
    found = read(tmp_path).compare("ours", "lda", ["lda"])
    assert found is not None
    assert found.by_set == pytest.approx({"big": 0.8 / 6, "small": 0.05})
    assert found.mean == pytest.approx((0.8 / 6 + 0.05) / 2)
    assert found.people == 8


def test_p_is_that_of_all_flips_of_signs(tmp_path: Path) -> None:
    found = read(tmp_path).compare("ours", "lda", ["lda"])
    big, small = apart("lda")
    mean = (big.mean() + small.mean()) / 2
    flips = [
        abs((big * signs[:6]).mean() / 2 + (small * signs[6:]).mean() / 2) >= abs(mean) - 1e-12
        for signs in itertools.product((-1, 1), repeat=8)
    ]
    assert found is not None
    assert found.p == pytest.approx(np.mean(flips))


def test_p_of_many_people_is_that_of_the_sign_test_where_all_differ_by_as_much(tmp_path: Path) -> None:
    people = [f"p{n}" for n in range(20)]
    ours = [person_row("ours", person, 0.6 if n < 15 else 0.4) for n, person in enumerate(people)]
    write_protocol(tmp_path / "one", [*ours, *(person_row("lda", person, 0.5) for person in people)], {})
    found = SetsTable(tmp_path).compare("ours", "lda", ["lda"])
    assert found is not None
    assert found.mean == pytest.approx(0.05)
    assert found.p == pytest.approx(binomtest(15, 20).pvalue, abs=0.008)  # 0.041; four deviations of 9,999 flips


def test_the_interval_is_that_of_people_drawn_anew_within_each_set(tmp_path: Path) -> None:
    found = read(tmp_path).compare("ours", "lda", ["lda"])
    big, small = apart("lda")
    small_means = {(i, j): (small[i] + small[j]) / 2 for i in range(2) for j in range(2)}
    draws = [  # every draw of six of six, with how often it comes, and of two of two
        (big[list(six)].mean() / 2 + mean / 2, math.factorial(6) / math.prod(map(math.factorial, np.bincount(six))))
        for six in itertools.combinations_with_replacement(range(6), 6)
        for mean in small_means.values()
    ]
    means, weights = (np.array(column) for column in zip(*sorted(draws), strict=True))
    share = np.cumsum(weights) / weights.sum()
    edges = [means[np.searchsorted(share, tail)] for tail in (0.025, 0.975)]
    assert found is not None
    np.testing.assert_allclose(found.interval, edges, atol=0.009)


def test_equal_systems_differ_by_nothing(tmp_path: Path) -> None:
    found = read(tmp_path).compare("ours", "itself", ["ours"])
    assert found is not None
    assert (found.mean, found.interval, found.p) == (0, (0, 0), 1)


def test_the_best_of_each_set_is_the_rival_and_a_set_that_none_read_is_left_out(tmp_path: Path) -> None:
    table = read(tmp_path)
    best = table.compare("ours", "the best", ["lda", "tcn"])
    assert best is not None
    assert best.rivals == {"big": "tcn", "small": "lda"}
    assert best.mean == pytest.approx((0.4 / 6 + 0.05) / 2)
    alone = table.compare("ours", "tcn", ["tcn"])
    assert alone is not None
    assert set(alone.by_set) == {"big"}
    assert table.compare("ours", "gru", ["gru"]) is None
    assert (table.shared(["ours", "lda"]), table.shared(["ours", "tcn"])) == (["big", "small"], ["big"])


def test_what_was_asked_for_and_not_read_is_named(tmp_path: Path) -> None:
    write_protocol(tmp_path / "third", [person_row("lda", "p0", 0.5), person_row("ours", "p0", 0.5)], {"gru": {}})
    rows = [person_row("ours", "p1", 0.5), person_row("ours", "p1", 0.9, 30, minutes=0.5, method="head")]
    write_protocol(
        tmp_path / "third.more", [row | {"system": "cnn"} for row in rows], {}, adaptation={"methods": ["all"]}
    )
    (tmp_path / "begun.more").mkdir()
    assert read(tmp_path, ("big", "never")).missing() == [
        "not done: begun.more, never",
        "lda: in third without p1",
        "tcn: not in 2 sets (small, third)",
        "ours: in third without p1",
        "cnn: not in 2 sets (big, small)",
        "cnn: in third without p0",
        "gru: not in 3 sets (big, small, third)",
        "method head: 1 row in no table",
    ]


def test_seeds_of_a_person_are_averaged_and_parts_of_a_set_are_one_set(tmp_path: Path) -> None:
    seeds = [person_row("lda", "p0", right, seed=seed) for seed, right in enumerate((0.2, 0.6))]
    write_protocol(tmp_path / "one", [*seeds, person_row("lda", "p1", 0.8)], {})
    write_protocol(tmp_path / "one.networks", [person_row("tcn", f"p{n}", 0.5) for n in range(2)], {})
    table = SetsTable(tmp_path)
    assert table.people("one", "lda") == pytest.approx({"p0": 0.4, "p1": 0.8})
    assert table.mean("one", "lda") == pytest.approx(0.6)
    assert (table.sets, table.expected, table.shared(["lda", "tcn"]), table.missing()) == (
        ["one"],
        ["one"],
        ["one"],
        [],
    )


def test_a_curve_is_of_the_people_who_have_every_amount(tmp_path: Path) -> None:
    rows = [person_row("lda", f"p{n}", right) for n, right in enumerate((0.2, 0.4, 0.9))]
    rows += [person_row("lda", f"p{n}", 0.8, 40 - 2 * n, amount="1 repetition") for n in range(3)]
    rows += [person_row("lda", f"p{n}", right, 30, minutes=0.5) for n, right in enumerate((0.4, 0.6))]
    write_protocol(tmp_path / "one", rows, {})
    others = [person_row("tcn", f"p{n}", 0.5) for n in range(3)]
    write_protocol(tmp_path / "one.networks", [*others, person_row("tcn", "p0", 0.7, 40, amount="1 repetition")], {})
    table = SetsTable(tmp_path)
    assert table.kept == {"one": {"p0"}}  # the network adapted to no other; it need not have 30 s, which it never has
    assert table.amounts == [NOTHING, "30 s", "1 repetition"]
    assert (table.seconds["30 s"], table.seconds["1 repetition"]) == (30, 40)
    assert table.curve("lda") == pytest.approx([0.2, 0.4, 0.8])
    assert table.curve("tcn") == pytest.approx([0.5, float("nan"), 0.7], nan_ok=True)


def test_a_system_in_two_parts_of_a_set_and_rows_without_executions_are_refused(tmp_path: Path) -> None:
    for name in ("one", "one.again"):
        write_protocol(tmp_path / "twice" / name, [person_row("lda", "p0", 0.5)], {})
    with pytest.raises(OutputError, match="holds lda, as another folder of one does"):
        SetsTable(tmp_path / "twice")
    write_protocol(tmp_path / "letters" / "one", [person_row("lda", "p0", 0.5, execution_accuracy=None)], {})
    with pytest.raises(OutputError, match="holds no execution"):
        SetsTable(tmp_path / "letters")
    (tmp_path / "letters" / "one" / "rows.json").write_text(json.dumps("rows"))
    with pytest.raises(OutputError):
        SetsTable(tmp_path / "letters")
