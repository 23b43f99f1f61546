"""Augmentation: what each variation does, what it leaves alone, and that seeds repeat it."""

import pytest
import torch
from torch import Tensor

from emgasr.data.augment import Augment, AugmentConfig
from emgasr.errors import DataError

OFF = AugmentConfig(**dict.fromkeys(vars(AugmentConfig()), 0))
EVERYTHING = AugmentConfig(
    rotation_electrodes=1,
    rotation_sd_electrodes=0.3,
    reversal_probability=0.5,
    band_gain_db=3,
    electrode_gain_db=1,
    electrode_mask_probability=0.2,
    time_mask_frames=10,
    spread=1.0,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of_samples() -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([500, 300, 3, 1, 0])
    samples = torch.randn(5, 500, 8, generator=seeded(1))
    return samples * (torch.arange(500) < lengths[:, None])[..., None], lengths


def batch_of_frames() -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([60, 40, 1, 0])
    return torch.rand(4, 60, 2, 4, 6, generator=seeded(1)) + 1, lengths


def train(config: AugmentConfig, rings: tuple[bool, ...] = (True, True)) -> Augment:
    augment = Augment(config, 2000.0, rings, (2, 4, 6)).train()
    if config.spread:
        augment.fit(torch.randn(200, 3, 2, 4, 6, generator=seeded(2)), torch.arange(200) % 3)
    return augment


def test_outside_training_nothing_changes() -> None:
    augment = train(EVERYTHING).eval()
    assert torch.equal(augment.samples(*batch_of_samples()), batch_of_samples()[0])
    assert torch.equal(augment.frames(*batch_of_frames()), batch_of_frames()[0])


def test_everything_can_be_turned_off() -> None:
    augment = train(OFF)
    assert torch.equal(augment.samples(*batch_of_samples()), batch_of_samples()[0])
    assert torch.equal(augment.frames(*batch_of_frames()), batch_of_frames()[0])


def test_a_seed_repeats_a_batch() -> None:
    augment = train(EVERYTHING)
    samples = [augment.samples(*batch_of_samples(), generator=seeded(seed)) for seed in (3, 3, 4)]
    frames = [augment.frames(*batch_of_frames(), generator=seeded(seed)) for seed in (3, 3, 4)]
    for first, again, other in (samples, frames):
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_padding_stays_as_it_is() -> None:
    samples, lengths = batch_of_samples()
    varied = train(EVERYTHING).samples(samples, lengths, seeded())
    for item, length in enumerate(lengths.tolist()):
        assert varied[item, length:].count_nonzero() == 0


def test_jitter_shifts_whole_bands_by_at_most_its_half() -> None:
    count, lengths = 1000, torch.full((40,), 1000)
    ramp = torch.arange(count, dtype=torch.float32)[None, :, None].expand(40, count, 8)
    varied = train(AugmentConfig(band_jitter_ms=60)).samples(ramp, lengths, seeded())
    shifts = varied[:, 400] - 400
    bands = shifts.unflatten(1, (2, 4))
    assert (bands == bands[..., :1]).all()  # all electrodes of a band together
    assert bands.abs().max() <= 60
    apart = (bands[:, 0, 0] - bands[:, 1, 0]).abs()
    assert 60 < apart.max() <= 120
    assert (varied[:, 300:600].diff(dim=1) == 1).all()


def test_jitter_mirrors_the_signal_at_its_ends() -> None:
    ramp = torch.arange(1000.0)[None, :, None].expand(1, 1000, 2)
    varied = train(AugmentConfig(band_jitter_ms=60)).samples(ramp, torch.tensor([900]), seeded())
    for band in range(2):
        shift = int(varied[0, 400, band]) - 400
        times = torch.arange(900) + shift
        mirrored = torch.where(times < 0, -times, torch.where(times > 899, 2 * 899 - times, times))
        assert torch.equal(varied[0, :900, band], mirrored.float())
    assert torch.equal(varied[0, 900:], ramp[0, 900:])


def test_one_band_is_never_shifted() -> None:
    samples, lengths = batch_of_samples()
    assert torch.equal(train(AugmentConfig(), (True,)).samples(samples, lengths, seeded()), samples)


def test_only_rings_are_turned() -> None:
    labels = torch.arange(8.0).expand(60, 5, 8)
    augment = train(AugmentConfig(band_jitter_ms=0, rotation_electrodes=1), rings=(True, False))
    turned = augment.samples(labels, torch.full((60,), 5), seeded())
    ring, array = turned.unflatten(2, (2, 4)).unbind(2)
    assert torch.equal(array, labels[..., 4:])
    seen = {tuple(row) for row in ring[:, 0].int().tolist()}
    assert seen == {(0, 1, 2, 3), (3, 0, 1, 2), (1, 2, 3, 0)}


def test_rings_alone_are_reversed_as_often_as_asked() -> None:
    labels = torch.arange(8.0).expand(2000, 3, 8)
    augment = train(AugmentConfig(band_jitter_ms=0, reversal_probability=0.2), rings=(True, False))
    ring, array = augment.samples(labels, torch.full((2000,), 3), seeded()).unflatten(2, (2, 4)).unbind(2)
    assert torch.equal(array, labels[..., 4:])
    assert {tuple(row) for row in ring[:, 0].int().tolist()} == {(0, 1, 2, 3), (3, 2, 1, 0)}
    assert (ring == ring[:, :1]).all()  # all of an item's samples alike
    assert (ring[:, 0, 0] == 3).float().mean() == pytest.approx(0.2, abs=0.03)


def test_a_turn_by_hand_lies_between_electrodes_and_keeps_the_power() -> None:
    signal = torch.zeros(3000, 2, 8)
    signal[..., [0, 4]] = 1  # the first electrode of either band
    config = AugmentConfig(band_jitter_ms=0, rotation_sd_electrodes=0.4)
    turned = train(config, rings=(True, False)).samples(signal, torch.full((3000,), 2), seeded())
    ring, array = turned[:, 0].square().unflatten(1, (2, 4)).unbind(1)
    assert torch.equal(array, signal[:, 0, 4:])
    torch.testing.assert_close(ring.sum(1), torch.ones(3000))
    whole = ring[:, [3, 0, 1]].max(1).values > 0.999
    assert whole.float().mean() < 0.1
    places = torch.tensor([-1.0, 0.0, 1.0])
    shares = ring[:, [3, 0, 1]].sqrt() / ring[:, [3, 0, 1]].sqrt().sum(1, keepdim=True)
    near = ring[:, 2] == 0  # turned by less than one electrode
    turns = (shares * places).sum(1)[near]
    assert turns.mean() == pytest.approx(0, abs=0.03)
    assert turns.std() == pytest.approx(0.4, rel=0.1)


def test_the_spread_is_that_of_takes_around_their_label_and_constant_over_time() -> None:
    generator = seeded(5)
    factor = torch.randn(48, 48, generator=generator)
    labels = torch.arange(6000) % 5
    centers = 100 * torch.randn(5, 48, generator=generator)  # what tells labels apart is no spread
    takes = centers[labels] + torch.randn(6000, 48, generator=generator) @ factor
    config = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0, spread=0.5)
    augment = Augment(config, 2000.0, (True, True), (2, 4, 6)).train()
    augment.fit(takes.unflatten(1, (1, 2, 4, 6)).expand(-1, 3, -1, -1, -1), labels)
    lengths = torch.full((6000,), 2)
    frames = torch.zeros(6000, 3, 2, 4, 6)
    shifted = augment.frames(frames, lengths, generator=seeded())
    assert shifted[:, 2].count_nonzero() == 0
    assert torch.equal(shifted[:, 0], shifted[:, 1])
    expected = 0.25 * factor.T @ factor
    found = shifted[:, 0].flatten(1).T.cov()
    assert (found - expected).norm() < 0.15 * expected.norm()


def test_takes_are_shifted_each_for_itself_third_by_third_as_takes_of_a_label_differ() -> None:
    generator = seeded(6)
    factor = torch.randn(3 * 6, 3 * 6, generator=generator)
    labels = torch.arange(6000) % 5
    thirds = (torch.randn(6000, 18, generator=generator) @ factor).unflatten(1, (3, 1, 2, 3))
    config = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0, take_spread=0.5)
    augment = Augment(config, 2000.0, (False,), (1, 2, 3)).train()
    augment.fit(thirds, labels)
    which = torch.tensor([0, 1, 1, 1, 1, 2]).expand(6000, 6)
    place = torch.tensor([0.5, 1 / 6, 1 / 2, 5 / 6, 2 / 3, 1 / 6]).expand(6000, 6)
    shifted = augment.frames(torch.zeros(6000, 6, 1, 2, 3), torch.full((6000,), 6), (which, place), seeded())
    assert not shifted[:, 0].any()  # between takes
    torch.testing.assert_close(shifted[:, 4], (shifted[:, 2] + shifted[:, 3]) / 2, rtol=1e-5, atol=1e-5)
    expected = 0.25 * factor.T @ factor
    found = shifted[:, 1:4].flatten(1).T.cov()
    assert (found - expected).norm() < 0.15 * expected.norm()
    together = torch.corrcoef(torch.stack([shifted[:, 1].flatten(1)[:, 0], shifted[:, 5].flatten(1)[:, 0]]))[0, 1]
    assert abs(together) < 0.05  # two takes of a sequence


def test_a_spread_needs_two_takes_of_a_label() -> None:
    augment = Augment(AugmentConfig(spread=1.0), 2000.0, (True, True), (2, 4, 6))
    with pytest.raises(DataError, match="no label has two takes"):
        augment.fit(torch.randn(3, 3, 2, 4, 6), torch.arange(3))


def test_gains_are_constant_over_time_and_of_the_asked_spread() -> None:
    ones = torch.ones(500, 3, 8)
    augment = train(AugmentConfig(band_jitter_ms=0, band_gain_db=3, electrode_gain_db=1))
    gains = augment.samples(ones, torch.full((500,), 3), seeded())
    assert (gains == gains[:, :1]).all()
    decibels = 20 * gains[:, 0].log10().unflatten(1, (2, 4))
    assert decibels.mean(2).std() == pytest.approx((3**2 + 1 / 4) ** 0.5, rel=0.1)
    assert (decibels - decibels.mean(2, keepdim=True)).std() == pytest.approx((3 / 4) ** 0.5, rel=0.1)


def masked(config: AugmentConfig, batch: int = 200) -> Tensor:
    frames = torch.ones(batch, 60, 2, 4, 6)
    return train(config).frames(frames, torch.full((batch,), 40), generator=seeded()) == 0


def test_time_masks_cover_all_bins_of_an_electrode_within_the_length() -> None:
    hidden = masked(AugmentConfig(time_masks=2, time_mask_frames=10, frequency_masks=0))
    assert (hidden == hidden[..., :1]).all()
    assert hidden[:, 40:].count_nonzero() == 0
    assert hidden[..., 0].sum(1).max() == 20
    assert hidden[..., 0].any(1).float().mean() < 0.9  # some draw no mask
    assert not torch.equal(hidden[:, :, 0, 0], hidden[:, :, 0, 1])


def test_wide_frequency_masks_make_whole_electrodes_vanish() -> None:
    hidden = masked(AugmentConfig(time_masks=0, frequency_masks=2, frequency_mask_bins=12))
    assert (hidden == hidden[:, :1]).all()
    vanished = hidden[:, 0].all(-1).float().mean()
    assert 0.2 < vanished < 0.8


def test_electrodes_are_masked_whole_as_often_as_asked() -> None:
    hidden = masked(AugmentConfig(time_masks=0, frequency_masks=0, electrode_mask_probability=0.25))
    assert torch.equal(hidden.all(-1).all(1), hidden.any(-1).any(1))
    share = hidden.float().mean()
    assert share == pytest.approx(0.25, abs=0.04)
