"""Deletions beside equal neighbors and elsewhere: against all alignments, listed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from emgasr.evaluation import repeats
from emgasr.evaluation.repeats import Repeats, repeats_of

Alignment = list[tuple[int | None, int | None]]  # places in reference and hypothesis


def every_alignment(n: int, m: int) -> Iterator[Alignment]:
    """All ways to pair, delete and insert, in every order."""
    if n == 0 and m == 0:
        yield []
    if n and m:
        yield from ([*before, (n - 1, m - 1)] for before in every_alignment(n - 1, m - 1))
    if n:
        yield from ([*before, (n - 1, None)] for before in every_alignment(n - 1, m))
    if m:
        yield from ([*before, (None, m - 1)] for before in every_alignment(n, m - 1))


def beside_equal(symbols: Sequence[str], place: int) -> bool:
    return symbols[place] in (*symbols[max(0, place - 1) : place], *symbols[place + 1 : place + 2])


def oracle(true: str, read: str) -> Repeats:
    def cost(alignment: Alignment) -> tuple[int, int]:
        hits = sum(i is not None and j is not None and true[i] == read[j] for i, j in alignment)
        return len(alignment) - hits, -hits

    ways = list(every_alignment(len(true), len(read)))
    least = min(map(cost, ways))
    best = [way for way in ways if cost(way) == least]
    deleted = [beside_equal(true, i) for way in best for i, j in way if j is None and i is not None]
    inserted = [beside_equal(read, j) for way in best for i, j in way if i is None and j is not None]
    beside = sum(beside_equal(true, i) for i in range(len(true)))
    parts = (deleted.count(True), deleted.count(False), inserted.count(True), inserted.count(False))
    return Repeats(beside, len(true) - beside, *(part / len(best) for part in parts))


def test_counts_are_those_of_all_best_alignments() -> None:
    generator = np.random.default_rng(0)
    for _ in range(150):
        true, read = ("".join(generator.choice(list("abc"), generator.integers(0, 6))) for _ in range(2))
        expected, got = oracle(true, read), repeats_of(true, read)
        assert vars(got) == pytest.approx(vars(expected)), (true, read)


@pytest.mark.parametrize(
    ("true", "read", "expected"),
    [
        ("abbc", "abc", Repeats(2, 2, 1, 0, 0, 0)),  # one of two alike is missed
        ("abc", "abbc", Repeats(0, 3, 0, 0, 1, 0)),  # doubled
        ("aac", "ac", Repeats(2, 1, 1, 0, 0, 0)),
        ("aabc", "abd", Repeats(2, 2, 1, 0, 0, 0)),
        ("abbc", "adc", Repeats(2, 2, 1, 0, 0, 0)),
        ("abc", "ad", Repeats(0, 3, 0, 1, 0, 0)),  # either the b or the c
        ("", "a", Repeats(0, 0, 0, 0, 0, 1)),
        ("aa", "", Repeats(2, 0, 2, 0, 0, 0)),
    ],
)
def test_counts_of_a_pair_are_known(true: str, read: str, expected: Repeats) -> None:
    assert repeats_of(true, read) == expected


def test_a_ratio_is_of_the_deleted_shares() -> None:
    together = repeats_of("abbcde", "abcde") + repeats_of("fghi", "fgi")
    assert together.rates == (1 / 2, 1 / 8)
    assert together.ratio == 4.0
    row = together.as_dict("words")
    assert row["beside_equal"] == {"words": 2, "deleted": 1.0, "inserted": 0.0, "deleted_share": 0.5}
    assert row["ratio"] == 4.0
    assert "ratio" not in repeats_of("abbc", "abc").as_dict("words")  # nothing is deleted elsewhere


def test_what_is_too_long_for_one_piece_counts_neighbors_across_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    true = generator.choice(list("abcdefgh"), 300).tolist()
    read = [symbol for place, symbol in enumerate(true) if place % 50]
    whole = repeats_of(true, read)
    monkeypatch.setattr(repeats, "LONGEST", 7)
    cut = repeats_of(true, read)
    assert (cut.beside, cut.elsewhere) == (whole.beside, whole.elsewhere)
    assert cut.deleted_beside + cut.deleted_elsewhere == pytest.approx(6)


def test_a_long_session_has_finite_counts() -> None:
    found = repeats_of("ab" * 900, "ba" * 900)
    assert found.deleted_elsewhere == pytest.approx(1)
    assert found.inserted_elsewhere == pytest.approx(1)
