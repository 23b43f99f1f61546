"""A published TDS checkpoint becomes a model folder whose emissions are those of the module that wrote it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from emgasr.cli import main
from emgasr.decoding import greedy
from emgasr.errors import ModelError
from emgasr.frontend.features import LogSpectrogramConfig
from emgasr.models.encoder import FrameShape
from emgasr.models.folder import load_recognizer
from emgasr.models.published import read_published_tds
from emgasr.models.tds import TDSConfig, TDSEncoder, published_names
from emgasr.recording import Band, Recording
from emgasr.state import merge_streams

ELECTRODES, WINDOW, HOP, WIDTH, CHANNELS, KERNEL, BLOCKS = 4, 16, 16, 12, 3, 4, 2
BINS = WINDOW // 2 + 1


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.batch_norm = nn.BatchNorm2d(2 * ELECTRODES)

    def forward(self, spectra: Tensor) -> Tensor:  # (T, N, bands, electrodes, bins)
        frames, batch, bands, electrodes, bins = spectra.shape
        x = spectra.permute(1, 2, 3, 4, 0).reshape(batch, bands * electrodes, bins, frames)
        return self.batch_norm(x).reshape(batch, bands, electrodes, bins, frames).permute(4, 0, 1, 2, 3)


class RollingMLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(ELECTRODES * BINS, WIDTH), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return sum(self.mlp(x.roll(by, 2).flatten(2)) for by in (-1, 0, 1)) / 3


class MLPs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mlps = nn.ModuleList([RollingMLP(), RollingMLP()])

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([mlp(x[:, :, band]) for band, mlp in enumerate(self.mlps)], 2)


class Convolution(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(CHANNELS, CHANNELS, (1, KERNEL))
        self.layer_norm = nn.LayerNorm(2 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:  # (T, N, D)
        frames, batch, width = x.shape
        y = self.conv2d(x.permute(1, 2, 0).reshape(batch, CHANNELS, width // CHANNELS, frames)).relu()
        y = y.reshape(batch, width, -1).permute(2, 0, 1)
        return self.layer_norm(y + x[-len(y) :])


class FullyConnected(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc_block = nn.Sequential(nn.Linear(2 * WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, 2 * WIDTH))
        self.layer_norm = nn.LayerNorm(2 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer_norm(self.fc_block(x) + x)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = [layer for _ in range(BLOCKS) for layer in (Convolution(), FullyConnected())]
        self.tds_conv_blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.tds_conv_blocks(x)


class Published(nn.Module):
    """The network by its published description and names, frames first and the blank last."""

    def __init__(self) -> None:
        super().__init__()
        layers = (Norm(), MLPs(), nn.Flatten(2), Encoder(), nn.Linear(2 * WIDTH, 99), nn.LogSoftmax(-1))
        self.model = nn.Sequential(*layers)

    def forward(self, samples: Tensor) -> Tensor:  # (T, N, bands, electrodes)
        hann = torch.hann_window(WINDOW).to(samples.dtype)
        power = torch.fft.rfft(samples.unfold(0, WINDOW, HOP) * hann).abs() ** 2 / hann.square().sum()
        return self.model((power + 1e-6).log10())


def written(path: Path, **more: Any) -> Published:
    torch.manual_seed(0)
    network = Published()
    nn.init.normal_(network.model[0].batch_norm.running_mean)
    nn.init.uniform_(network.model[0].batch_norm.running_var, 0.5, 2.0)
    nn.init.normal_(network.model[4].weight)
    torch.save(
        {"epoch": 3, "state_dict": network.state_dict(), "hyper_parameters": {"kernel_width": KERNEL}} | more, path
    )
    return network.eval()


def test_emissions_equal_those_of_the_module_that_wrote_the_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = written(tmp_path / "tds.ckpt")
    assert main(["import", str(tmp_path / "tds.ckpt"), "--out", str(tmp_path / "model")]) == 0
    assert f"{sum(p.numel() for p in network.parameters()):,} parameters" in capsys.readouterr().out
    recognizer = load_recognizer(tmp_path / "model")
    emg = np.random.default_rng(0).normal(0, 20, (1600, 2 * ELECTRODES)).astype(np.float32)
    bands = (Band.numbered("left", ELECTRODES), Band.numbered("right", ELECTRODES))
    # In float64, as the logarithm of next to no power tells how a float32 was rounded.
    found = recognizer.double().emissions(Recording(emg, 2000.0, "uV", bands, "ann", "one"))
    with torch.inference_mode():
        expected = network.double()(torch.from_numpy(emg).double().view(-1, 1, 2, ELECTRODES))[:, 0].numpy()
    late = BLOCKS * (KERNEL - 1)
    assert found.shape == (len(expected) + late, 99)
    np.testing.assert_allclose(found[late:, 1:], expected[:, :98], atol=1e-5)
    np.testing.assert_allclose(found[late:, 0], expected[:, 98], atol=1e-5)
    assert recognizer.tokens.symbols_of([1, 27, 95]) == ["a", "A", "⌫"]


def recording_of(samples: int) -> Recording:
    emg = np.random.default_rng(0).normal(0, 20, (samples, 2 * ELECTRODES)).astype(np.float32)
    bands = (Band.numbered("left", ELECTRODES), Band.numbered("right", ELECTRODES))
    return Recording(emg, 2000.0, "uV", bands, "ann", "one")


@pytest.mark.parametrize("samples", [1600, WINDOW + 3 * HOP])
def test_nothing_is_written_where_the_published_network_emits_nothing(tmp_path: Path, samples: int) -> None:
    written(tmp_path / "tds.ckpt")
    published, live = (read_published_tds(tmp_path / "tds.ckpt", keep) for keep in (False, True))
    late, recording = BLOCKS * (KERNEL - 1), recording_of(samples)
    found, kept = published.emissions(recording), live.emissions(recording)
    assert found.shape == kept.shape
    assert (found[:late, 0] == 0).all()
    assert (found[:late, 1:] == -np.inf).all()
    np.testing.assert_array_equal(found[late:], kept[late:])
    assert np.isfinite(kept).all()
    whole, _ = published(torch.from_numpy(recording.samples[:])[None], torch.tensor([samples]))
    np.testing.assert_allclose(whole[0].detach().numpy(), found, atol=1e-4)
    assert min(greedy(found).frames, default=late) >= late > min(greedy(kept).frames, default=late)


def test_streams_that_began_at_different_times_leave_out_their_own_first_frames(tmp_path: Path) -> None:
    written(tmp_path / "tds.ckpt")
    recognizer = read_published_tds(tmp_path / "tds.ckpt")
    samples = torch.from_numpy(recording_of(1600).samples[:])[None]
    expected, _, _ = recognizer.step(samples, None, recognizer.start())
    early = recognizer.step(samples[:, :160], None, recognizer.start())
    late = recognizer.start()
    one, lengths, _ = recognizer.step(
        torch.cat([samples[:, 160:1440], samples[:, :1280]]), None, merge_streams([early[2], late])
    )
    torch.testing.assert_close(one[0, : lengths[0]], expected[0, early[1][0] :][: lengths[0]])
    torch.testing.assert_close(one[1, : lengths[1]], expected[0, : lengths[1]])


def test_the_option_to_keep_the_first_frames_is_kept_in_the_model_folder(tmp_path: Path) -> None:
    written(tmp_path / "tds.ckpt")
    for name, options in (("scored", []), ("live", ["--keep-first-frames"])):
        assert main(["import", str(tmp_path / "tds.ckpt"), "--out", str(tmp_path / name), *options]) == 0
        found = load_recognizer(tmp_path / name).emissions(recording_of(1600))
        assert np.isinf(found[0, 1]) == (name == "scored")


def test_the_published_sizes_are_told_by_the_tensors(tmp_path: Path) -> None:
    encoder = TDSEncoder(TDSConfig(), FrameShape(2, 16, 33))
    names = published_names(encoder)
    weights = {names[name]: value for name, value in encoder.state_dict().items()}
    weights |= {"model.4.weight": torch.zeros(99, 768), "model.4.bias": torch.zeros(99)}
    assert len(weights) == 51
    torch.save({"state_dict": weights}, tmp_path / "tds.ckpt")
    recognizer = read_published_tds(tmp_path / "tds.ckpt")
    assert recognizer.parameter_count == 5_293_315
    assert recognizer.config.encoder == TDSConfig(first_frames="left_out")
    assert recognizer.config.features == LogSpectrogramConfig(window_ms=32.0, hop_ms=8.0)
    assert [len(band.electrodes) for band in recognizer.signal.bands] == [16, 16]


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('ran')",)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "tds.ckpt", hyper_parameters=Evil())
    with pytest.raises(ModelError, match=r"would run \S*exec to load"):
        read_published_tds(tmp_path / "tds.ckpt")


def test_a_saved_configuration_is_passed_over(tmp_path: Path) -> None:
    omegaconf = pytest.importorskip("omegaconf")
    written(tmp_path / "tds.ckpt", hyper_parameters=omegaconf.OmegaConf.create({"optimizer": {"lr": 1e-3, "b": [1]}}))
    assert read_published_tds(tmp_path / "tds.ckpt").parameter_count > 0


def without(*names: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        for name in names:
            del content["state_dict"][name]
        torch.save(content, path)

    return change


def replaced(name: str, tensor: Tensor) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        content["state_dict"][name] = tensor
        torch.save(content, path)

    return change


def packed(path: Path) -> None:
    """The same archive with its parts deflated, as those that unfold without end are."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def negative(path: Path) -> tuple[str, Tensor]:
    name = "model.0.batch_norm.running_var"
    return name, -torch.load(path, weights_only=True)["state_dict"][name]


class Room:
    """Loading it makes room for a terabyte."""

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return bytearray, (10**12,)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-4000]), "damaged, cut off"),
        (lambda path: path.write_bytes(pickle.dumps({"state_dict": {}})), "no checkpoint of PyTorch"),
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: torch.save({"weights": 1}, path), "holds no state_dict"),
        (without("model.4.bias"), r"lacks model\.4\.bias"),
        (without("model.3.tds_conv_blocks.0.conv2d.weight"), r"lacks model\.3\.tds_conv_blocks\.0\.conv2d\.weight"),
        (replaced("model.4.weight", torch.zeros(50, 24)), r"writes \(50, 24\) symbols"),
        (replaced("model.4.bias", torch.full((99,), float("nan"))), "not finite"),
        (lambda path: replaced(*negative(path))(path), r"holds encoder\.norm\.running_var below 0"),
        (replaced("model.4.weight", torch.zeros(1).expand(99, 24)), "claims 2,376 numbers, and holds 4 bytes"),
        (replaced("extra", torch.zeros(1).expand(10**9)), "claims 1,000,000,000 numbers, and holds 4 bytes"),
        (replaced("extra", torch.zeros(9, 9).to_sparse()), "another kind"),
        (replaced("model.1.mlps.0.mlp.0.weight", torch.zeros(60_000, 36)), "do not fit together"),
        (replaced("model.1.mlps.0.mlp.0.weight", torch.zeros(1, 9_000_000)), "make no network|MLP reads"),
        (replaced("model.0.batch_norm.weight", torch.tensor(1.0)), "MLP reads"),
        (replaced("model.4.bias", torch.zeros(99, dtype=torch.int64)), "do not fit together"),
        (replaced("model.4.bias", torch.zeros(99, dtype=torch.complex64)), "do not fit together"),
        (replaced("model.4.bias", torch.tensor(0.0)), r"writes \(\) symbols"),
        (packed, "is packed"),
        (lambda path: torch.save({"state_dict": {1: torch.zeros(1)}}, path), "holds no state_dict"),
        (lambda path: torch.save({"state_dict": {}, "room": Room()}, path), "would run"),
        (replaced("model.5.weight", torch.zeros(3)), r"holds model\.5\.weight"),
        (replaced("model.3.tds_conv_blocks.1.fc_block.0.weight", torch.zeros(3, 3)), "do not fit together"),
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_refused(
    tmp_path: Path, change: Callable[[Path], object], told: str
) -> None:
    path = tmp_path / "tds.ckpt"
    written(path)
    change(path)
    with pytest.raises(ModelError, match=told):
        read_published_tds(path)
