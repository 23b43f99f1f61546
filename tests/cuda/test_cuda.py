"""A GPU computes what the CPU does: emissions, losses and streams within stated bounds, bf16 steps, a process group.

`EMGASR_CUDA_TESTS=cpu` runs the same tests on the CPU, which shows that the tests themselves are right.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import WindowSampler, WindowsConfig
from emgasr.models.folder import save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.training.loop import FitConfig, fit
from emgasr.training.objective import CTCConfig, CTCObjective
from emgasr.training.validator import GreedyCER
from tests.helpers.tiny_models import easy_recording, tiny_recognizer

pytestmark = pytest.mark.cuda

EMISSIONS, LOSS, GRADIENT = 2e-4, 1e-4, 2e-3  # float32 without TF32: absolute, relative, relative to the largest
BF16_LOSS = 0.05  # relative; bfloat16 has 8 bits
STILL = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2)
MODELS = [("conformer", "cumulative"), ("conformer", "exponential"), ("tds", "none"), ("splashnet", "cumulative")]


@pytest.fixture
def device() -> Iterator[torch.device]:
    """The GPU, computing float32 as float32."""
    name = os.environ.get("EMGASR_CUDA_TESTS", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield torch.device(name)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(("encoder", "normalize"), MODELS)
def test_emissions_of_a_recording_are_those_of_the_cpu(device: torch.device, encoder: str, normalize: str) -> None:
    recording = easy_recording(1, 20.0)
    expected = tiny_recognizer(encoder, normalize).emissions(recording)
    found = tiny_recognizer(encoder, normalize).to(device).emissions(recording)
    np.testing.assert_allclose(found, expected, atol=EMISSIONS)


@pytest.mark.parametrize(("encoder", "normalize"), MODELS)
def test_any_chunking_of_a_stream_gives_the_emissions_of_the_whole(
    device: torch.device, encoder: str, normalize: str
) -> None:
    recording = easy_recording(2, 8.0)
    expected = tiny_recognizer(encoder, normalize).emissions(recording)
    model = tiny_recognizer(encoder, normalize).to(device)
    samples = torch.from_numpy(recording.read()).to(device)
    for chunk in (13, 64, 500):
        state, parts = model.start(), []
        for piece in samples.split(chunk):
            log_probs, _, state = model.step(piece[None], None, state)
            parts.append(log_probs)
        found = torch.cat([*parts, model.flush(state)[0]], 1)[0].cpu().numpy()
        np.testing.assert_allclose(found, expected, atol=EMISSIONS)


@pytest.mark.parametrize(("encoder", "normalize"), MODELS)
def test_losses_and_gradients_are_those_of_the_cpu(device: torch.device, encoder: str, normalize: str) -> None:
    expected_losses, expected = step_of(tiny_recognizer(encoder, normalize), torch.device("cpu"))
    losses, gradients = step_of(tiny_recognizer(encoder, normalize), device)
    for name, loss in expected_losses.items():
        assert losses[name] == pytest.approx(loss, rel=LOSS), name
    for name, gradient in expected.items():
        bound = GRADIENT * max(1e-3, float(gradient.abs().max()))
        assert float((gradients[name] - gradient).abs().max()) <= bound, name


def test_a_step_in_bfloat16_loses_little_and_learns(device: torch.device, tmp_path: Path) -> None:
    model = tiny_recognizer()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    full, half = (losses_of(tmp_path / kind, device, kind) for kind in ("float32", "bf16"))
    assert half[0] == pytest.approx(full[0], rel=BF16_LOSS)
    assert all(np.isfinite(half))
    assert half[-1] < half[0]
    trained = losses_model(tmp_path / "again", device)
    assert any(not torch.equal(value.cpu(), before[name]) for name, value in trained.state_dict().items())


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_a_group_of_one_process_trains_as_one_without_a_group(device: torch.device, tmp_path: Path) -> None:
    alone = losses_of(tmp_path / "alone", device, "float32")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    backend = "nccl" if device.type == "cuda" else "gloo"
    address = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group(backend, init_method=address, world_size=1, rank=0)
    try:
        grouped = losses_of(tmp_path / "grouped", device, "float32")
    finally:
        torch.distributed.destroy_process_group()
    np.testing.assert_allclose(grouped, alone, rtol=1e-3)


def step_of(model: Recognizer, device: torch.device) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """The parts of a training step's loss, and the gradients."""
    objective = CTCObjective(model.train(), CTCConfig(), STILL).to(device)
    for module in objective.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = WindowSampler([easy_recording(0)], model.tokens, WINDOWS, 0).batch(0).to(device)
    losses = objective(batch, 10**6)
    sum(losses.values(), torch.zeros((), device=device)).backward()
    gradients = {name: p.grad.cpu() for name, p in model.named_parameters() if p.grad is not None}
    return {name: loss.item() for name, loss in losses.items()}, gradients


def losses_of(folder: Path, device: torch.device, precision: str) -> list[float]:
    """The logged losses of a short training on a model that starts alike."""
    losses_model(folder, device, precision)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry["loss"] for entry in log if "loss" in entry]


def losses_model(folder: Path, device: torch.device, precision: str = "float32") -> Recognizer:
    folder.mkdir()
    model = tiny_recognizer()
    config = FitConfig(
        steps=20,
        learning_rate=6e-3,
        warmup_steps=3,
        validations=1,
        device=device.type,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        workers=0,
    )
    batches = WindowSampler([easy_recording(0)], model.tokens, WINDOWS, 0)
    objective = CTCObjective(model, CTCConfig(ctc_ramp_steps=0), STILL)
    validate = GreedyCER([("held out", easy_recording(9, 10.0))], model.tokens)
    fit(
        objective,
        batches,
        validate,
        config,
        folder,
        save_best=lambda best, cer, step: save_recognizer(best, folder / "m"),
    )
    return model
