"""Objectives that hide frames: how much is hidden, what the network sees of it, what it learns, what is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from emgasr.data.batches import Batch
from emgasr.models.conformer import ConformerEncoder
from emgasr.pretraining.objectives.contract import Heard, MaskConfig, Pretext, of_groups
from emgasr.pretraining.objectives.masked_reconstruction import MaskedReconstruction, MaskedReconstructionConfig
from emgasr.pretraining.objectives.masked_targets import MaskedTargets, MaskedTargetsConfig
from emgasr.pretraining.quantizer import QuantizerConfig
from tests.helpers.pretext import BINS, encoder

BOOK = QuantizerConfig(codes=16, decay=0.9)
TARGETS = MaskedTargetsConfig(weight=1.0, book=BOOK, follow_steps=5, mask=MaskConfig(share=0.4, span_s=0.2))
PRETEXTS = {
    "reconstruction": lambda: MaskedReconstruction(MaskedReconstructionConfig(weight=1.0), encoder(), BINS),
    "clusters": lambda: MaskedTargets(TARGETS, encoder(), BINS),
    "projection": lambda: MaskedTargets(replace(TARGETS, targets="projection"), encoder(), BINS),
    "own layers": lambda: MaskedTargets(replace(TARGETS, own_layers_at=6), encoder(), BINS),
}
every_pretext = pytest.mark.parametrize("name", PRETEXTS)


def heard(made: ConformerEncoder, seed: int = 0, electrodes: int = 8) -> Heard:
    """Frames that repeat with a period of eight, so that what is hidden can be guessed from what is seen."""
    generator = torch.Generator().manual_seed(7)
    pattern = torch.randn(8, 1, electrodes, BINS, generator=generator)
    shifts = torch.randint(8, (6,), generator=torch.Generator().manual_seed(seed)).tolist()
    frames = torch.stack([pattern.roll(shift, 0).repeat(5, 1, 1, 1) for shift in shifts])
    none = torch.zeros(6, 1)
    batch = Batch(torch.zeros(6, 1, 8), torch.ones(6), none.long(), torch.zeros(6).long(), none, none, none[:, 0])
    return Heard(made, frames, torch.tensor([40, 40, 40, 40, 40, 23]), 25.0, batch)


def trained(pretext: Pretext, made: ConformerEncoder, steps: range) -> list[float]:
    optimizer = torch.optim.Adam([*pretext.parameters(), *made.parameters()], 0.01)
    losses = []
    for step in steps:
        torch.manual_seed(step)
        loss = torch.stack(list(pretext(heard(made, step), step).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize(("share", "span_s"), [(0.2, 0.08), (0.4, 0.4), (0.6, 1.0)])
def test_the_share_that_is_asked_for_is_hidden_in_spans_of_whole_groups(share: float, span_s: float) -> None:
    torch.manual_seed(0)
    hidden = MaskConfig(share, span_s).draw(torch.full((200,), 100), 100, 25.0, 2)
    assert float(hidden.float().mean()) == pytest.approx(share, abs=0.03)
    assert torch.equal(hidden[:, ::2], hidden[:, 1::2])
    assert torch.equal(of_groups(hidden, 2), hidden[:, ::2])


def test_nothing_is_hidden_behind_the_end_of_an_item() -> None:
    torch.manual_seed(0)
    hidden = MaskConfig(0.9).draw(torch.tensor([10, 3, 0]), 11, 25.0, 2)
    assert hidden.shape == (3, 11)
    assert not hidden[0, 10:].any()
    assert not hidden[1, 3:].any()
    assert not hidden[2].any()


def test_the_network_sees_nothing_of_a_hidden_frame_and_knows_that_it_is_hidden() -> None:
    made = encoder().eval()
    frames, lengths = torch.randn(1, 8, 1, 8, BINS), torch.tensor([8])
    hidden = torch.tensor([[False] * 4 + [True] * 2 + [False] * 2])
    torch.nn.init.normal_(made.mixer.get_parameter("absent"))
    other = frames.clone()
    other[:, 4:6] = 99.0
    zero = frames.clone()
    zero[:, 4:6] = 0.0
    found = made(frames, lengths, hidden).hidden
    torch.testing.assert_close(made(other, lengths, hidden).hidden, found)
    assert not torch.allclose(made(zero, lengths).hidden, found)


@every_pretext
def test_what_can_be_guessed_is_learned(name: str) -> None:
    made = encoder()
    torch.manual_seed(1)
    losses = trained(PRETEXTS[name](), made, range(150))[6:]  # behind those in which targets move
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@every_pretext
def test_a_run_that_goes_on_repeats_one_that_never_stopped(name: str) -> None:
    made = encoder()
    torch.manual_seed(1)
    pretext = PRETEXTS[name]()
    with torch.no_grad():
        for step in range(8):  # only buffers move: the optimizer is the loop's
            torch.manual_seed(step)
            whole = pretext(heard(made, step), step)
    again, first = PRETEXTS[name](), PRETEXTS[name]()
    torch.manual_seed(1)
    first = PRETEXTS[name]()
    with torch.no_grad():
        for step in range(4):
            torch.manual_seed(step)
            first(heard(made, step), step)
        again.load_state_dict(first.state_dict())
        for step in range(4, 8):
            torch.manual_seed(step)
            rest = again(heard(made, step), step)
    assert {key: float(value) for key, value in rest.items()} == {key: float(value) for key, value in whole.items()}


@every_pretext
def test_one_objective_serves_several_layouts(name: str) -> None:
    pretext = PRETEXTS[name]()
    for electrodes in (4, 8, 10):
        (loss,) = pretext(heard(encoder(electrodes), 0, electrodes), 0).values()
        assert torch.isfinite(loss)


def test_padding_changes_no_loss() -> None:
    made = encoder()
    torch.manual_seed(1)
    pretext = PRETEXTS["projection"]().eval()
    one = heard(made)
    spoiled = one.frames.clone()
    spoiled[5, 23:] = 99.0
    torch.manual_seed(2)
    first: Tensor = pretext(one, 0)["targets"]
    torch.manual_seed(2)
    assert torch.equal(pretext(one._replace(frames=spoiled), 0)["targets"], first)


def test_the_log_shows_how_many_targets_are_used() -> None:
    pretext = PRETEXTS["clusters"]()
    trained(pretext, encoder(), range(80))
    figures = pretext.figures()
    assert 3 < figures["target_perplexity"] <= 8.5  # of the eight pairs of frames that the pattern has
    assert 0.25 < figures["targets_used"] <= 0.75
