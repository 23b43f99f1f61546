"""The TDS baseline: the published sizes, lengths and names; causality, batches and padding."""

from pathlib import Path

import pytest
import torch
from torch import nn

from emgasr.errors import ConfigError
from emgasr.frontend.features import BandPowerConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.encoder import FrameShape
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.tds import SPLASHNET, SPLASHNET_MINI, TDSConfig, TDSEncoder, published_names
from emgasr.recording import Band, Signal
from emgasr.tokens import Tokens

SMALL = {"mlp_width": 12, "channels": 4, "kernel": 3, "blocks": 2}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def small(padding: str, bands: int = 2, electrodes: int = 3) -> TDSEncoder:
    torch.manual_seed(0)
    encoder = TDSEncoder(TDSConfig(padding=padding, **SMALL), FrameShape(bands, electrodes, 4))  # type: ignore[arg-type]
    for norm in (module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
    return encoder.double().eval()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_published_network_has_5_293_315_parameters() -> None:
    encoder = TDSEncoder(TDSConfig(), FrameShape(2, 16, 33))
    head = nn.Linear(encoder.width, 99)
    parts = [count(encoder.norm), count(encoder.mlps), count(encoder.blocks), count(head)]
    assert parts == [64, 406_272, 4_810_848, 76_131]
    assert count(encoder) + count(head) == 5_293_315


@pytest.mark.parametrize(("padding", "frames"), [("none", 498), ("causal", 622)])
def test_622_frames_give_498_as_published_or_622_when_padded(padding: str, frames: int) -> None:
    encoder = TDSEncoder(TDSConfig(padding=padding), FrameShape(2, 16, 33)).eval()  # type: ignore[arg-type]
    with torch.inference_mode():
        hidden, lengths, _ = encoder(torch.randn(1, 622, 2, 16, 33), torch.tensor([622]))
    assert hidden.shape == (1, frames, 768)
    assert lengths.tolist() == [frames]
    assert encoder.history_frames == 124  # a receptive field of 125 frames


def test_names_and_shapes_are_those_of_a_published_checkpoint() -> None:
    encoder = TDSEncoder(TDSConfig(), FrameShape(2, 16, 33))
    names = published_names(encoder)
    expected = {f"model.0.batch_norm.{name}" for name in ("weight", "bias", "running_mean", "running_var")}
    expected.add("model.0.batch_norm.num_batches_tracked")
    for kind in ("weight", "bias"):
        expected |= {f"model.1.mlps.{band}.mlp.0.{kind}" for band in (0, 1)}
        for block in range(8):
            layers = ["conv2d"] if block % 2 == 0 else ["fc_block.0", "fc_block.2"]
            expected |= {f"model.3.tds_conv_blocks.{block}.{layer}.{kind}" for layer in [*layers, "layer_norm"]}
    assert set(names.values()) == expected
    assert len(names) + 2 == 51  # with the head's two
    assert encoder.state_dict()["blocks.0.conv.weight"].shape == (24, 24, 1, 32)


def test_padded_and_unpadded_agree_where_both_see_real_frames() -> None:
    plain, padded = small("none"), small("causal")
    padded.load_state_dict(plain.state_dict())
    frames, lengths = noise(1, 20, 2, 3, 4), torch.tensor([20])
    torch.testing.assert_close(padded(frames, lengths)[0][:, plain.history_frames :], plain(frames, lengths)[0])


@pytest.mark.parametrize("padding", ["none", "causal"])
def test_an_output_sees_its_receptive_field_and_no_later_frame(padding: str) -> None:
    encoder = small(padding)
    frames = noise(1, 20, 2, 3, 4).requires_grad_()
    hidden, _, _ = encoder(frames, torch.tensor([20]))
    shift = 20 - hidden.shape[1]
    for out in (0, 7, hidden.shape[1] - 1):
        # Summed after LayerNorm the outputs are constant: one of them is enough.
        (gradient,) = torch.autograd.grad(hidden[0, out, 0], frames, retain_graph=True)
        now = out + shift
        assert gradient[0, now + 1 :].count_nonzero() == 0
        assert gradient[0, : max(now - encoder.history_frames, 0)].count_nonzero() == 0
        assert gradient[0, now].count_nonzero() > 0


def test_padding_and_neighbors_change_nothing_in_the_published_network() -> None:
    encoder = small("none")
    lengths = torch.tensor([20, 11, 2, 0])
    frames = noise(4, 20, 2, 3, 4)
    batch, counts, _ = encoder(frames, lengths)
    for item, length in enumerate(lengths.tolist()):
        alone, count, _ = encoder(frames[item : item + 1, :length], torch.tensor([length]))
        assert counts[item] == count[0] == alone.shape[1]
        torch.testing.assert_close(batch[item, : alone.shape[1]], alone[0], rtol=0, atol=1e-10)
        assert batch[item, alone.shape[1] :].count_nonzero() == 0


def test_padding_leaves_the_batch_statistics_alone() -> None:
    encoder = small("causal").train()
    frames = noise(2, 20, 2, 3, 4)
    frames[1, 5:] = 1e6
    encoder(frames, torch.tensor([20, 5]))
    rows = torch.cat([frames[0], frames[1, :5]]).flatten(1, 2)  # (frames, N * E, K)
    torch.testing.assert_close(encoder.norm.running_var * 10 - 9, rows.movedim(1, 0).flatten(1).var(1))


def test_turning_a_ring_by_one_electrode_moves_only_the_outer_rolls() -> None:
    encoder = small("causal")
    mlp = encoder.mlps[0]
    frames = noise(1, 5, 3, 4)
    turned = sum(mlp.linear(frames.roll(shift, 2).flatten(2)).relu() for shift in (-1, 0, 1)) / 3
    torch.testing.assert_close(mlp(frames), turned)
    torch.testing.assert_close(mlp(frames.roll(1, 2)), mlp(frames))  # three electrodes: every roll is averaged


@pytest.mark.parametrize("bands", [1, 3])
def test_other_numbers_of_bands_work(bands: int) -> None:
    hidden, _, _ = small("causal", bands, 1)(noise(1, 6, bands, 1, 4), torch.tensor([6]))
    assert hidden.shape == (1, 6, 12 * bands)


def test_channels_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="25 does not divide"):
        TDSEncoder(TDSConfig(channels=25), FrameShape(2, 16, 33))


SPLASHNETS = [(SPLASHNET_MINI, 1_376_067), (SPLASHNET, 2_583_267)]


@pytest.mark.parametrize(("config", "parameters"), SPLASHNETS)
def test_splashnet_has_its_published_number_of_parameters(config: TDSConfig, parameters: int) -> None:
    # Six bands of 16 electrodes to one MLP, four blocks, both hands' hidden frames side by side to 99 symbols.
    shape = RecognizerConfig(BandPowerConfig(), NormalizeConfig(), config)
    rings = (Band.numbered("left", 16, ring=True), Band.numbered("right", 16, ring=True))
    recognizer = Recognizer(shape, Signal(2000.0, "uV", rings), Tokens.keystrokes())
    assert recognizer.normalize.shape == (2, 16, 6)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in recognizer.modules())
    assert recognizer.parameter_count == parameters


def test_one_network_reads_both_hands_alike() -> None:
    torch.manual_seed(0)
    encoder = TDSEncoder(TDSConfig(norm="none", shared=True, **SMALL), FrameShape(2, 3, 4)).double().eval()  # type: ignore[arg-type]
    frames, lengths = noise(1, 20, 2, 3, 4), torch.tensor([20])
    hidden, _, _ = encoder(frames, lengths)
    swapped, _, _ = encoder(frames.flip(2), lengths)
    torch.testing.assert_close(swapped, torch.cat(hidden.chunk(2, -1)[::-1], -1))
    changed = frames.clone()
    changed[:, :, 1] += 1
    torch.testing.assert_close(encoder(changed, lengths)[0][..., :12], hidden[..., :12])  # a hand knows itself alone


def test_a_model_of_both_hands_is_saved_and_loaded(tmp_path: Path) -> None:
    rings = (Band.numbered("left", 4, ring=True), Band.numbered("right", 4, ring=True))
    config = TDSConfig(mlp_width=12, channels=(2, 4), kernel=3, blocks=2, norm="none", shared=True)
    shape = RecognizerConfig(BandPowerConfig(), NormalizeConfig(), config)
    save_recognizer(Recognizer(shape, Signal(2000.0, "uV", rings), Tokens.keystrokes()), tmp_path / "model")
    assert load_recognizer(tmp_path / "model").config == shape


def test_channels_for_another_number_of_blocks_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 numbers for 4 blocks"):
        TDSEncoder(TDSConfig(channels=(24, 24)), FrameShape(2, 16, 33))
