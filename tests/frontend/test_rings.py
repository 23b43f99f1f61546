"""Shares of electrodes in places round a ring: between two, at one, of many; a turn of the ring."""

from __future__ import annotations

import pytest
import torch

from emgasr.frontend.rings import shares


def test_a_place_on_an_electrode_is_that_electrode() -> None:
    assert torch.equal(shares([e / 5 for e in range(5)], 5, 1 / 5), torch.eye(5))


def test_a_place_between_two_electrodes_has_both_by_their_nearness() -> None:
    torch.testing.assert_close(shares([0.05], 5, 1 / 5)[0], torch.tensor([0.75, 0.25, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(shares([0.95], 5, 1 / 5)[0], torch.tensor([0.75, 0.0, 0.0, 0.0, 0.25]))


@pytest.mark.parametrize("electrodes", [1, 2, 4, 8, 10, 16])
def test_every_electrode_is_heard_and_shares_sum_to_one(electrodes: int) -> None:
    found = shares([place / 8 for place in range(8)], electrodes, 1 / min(8, electrodes))
    torch.testing.assert_close(found.sum(1), torch.ones(8))
    assert (found.sum(0) > 0).all()


def test_whole_turns_change_nothing() -> None:
    torch.testing.assert_close(shares([0.3, -0.7, 2.3], 6, 1 / 6), shares([0.3, 0.3, 0.3], 6, 1 / 6))
