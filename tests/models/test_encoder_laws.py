"""The laws of encoders, for each row of the registry: a new kind is tested here without a new test."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from emgasr.config.parsing import from_mapping, to_mapping
from emgasr.frontend.features import Features
from emgasr.frontend.normalize import RunningNormalize
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoder import EncoderConfig, FrameShape
from emgasr.models.encoders.cnn import CNNConfig
from emgasr.models.encoders.gru import GRUConfig
from emgasr.models.encoders.patch_transformer import PatchTransformerConfig
from emgasr.models.encoders.queries import QueriesConfig
from emgasr.models.encoders.tcn import TCNConfig
from emgasr.models.linear import LinearConfig
from emgasr.models.recognizer import Recognizer
from emgasr.models.registry import ENCODERS, build_encoder
from emgasr.models.tds import TDSConfig
from emgasr.state import Stage, merge_streams, select_streams, tensors_of
from tests.helpers.host_reads import HostReads

BANDS, ELECTRODES, BINS = 2, 3, 4
CONFORMER = ConformerConfig(
    width=8, blocks=2, heads=2, kernel=3, mixer_channels=4, chunk_frames=2, left_chunks=2, intermediate_block=1
)
TDS = TDSConfig(mlp_width=12, channels=4, kernel=3, blocks=2)
# Kinds that have no row here are tested with their defaults.
SMALL: dict[str, list[EncoderConfig]] = {
    "conformer": [
        CONFORMER,
        dataclasses.replace(CONFORMER, subsampling=1, chunk_frames=3),
        dataclasses.replace(CONFORMER, mixing="free"),
        dataclasses.replace(CONFORMER, mixing="any", beside=True),
        dataclasses.replace(CONFORMER, subsampling=8, chunk_frames=1, left_chunks=0, kernel=1),
    ],
    "tds": [
        TDS,
        dataclasses.replace(TDS, norm="none", shared=True, channels=(2, 4)),
        dataclasses.replace(TDS, kernel=1, first_frames="left_out"),
    ],
    "tcn": [TCNConfig(width=8, blocks=2), TCNConfig(width=6, kernel=2, blocks=1), TCNConfig(width=4, kernel=1)],
    "gru": [GRUConfig(width=8), GRUConfig(width=5, layers=1)],
    "cnn": [
        CNNConfig(channels=(4, 6), width=8),
        CNNConfig(channels=(4,), kernel=5, electrodes_kernel=5, width=8),
        CNNConfig(channels=(3, 3, 3), kernel=1, electrodes_kernel=1, width=8),
    ],
    "patch_transformer": [
        PatchTransformerConfig(width=8, layers=2, heads=2, left_frames=3),
        PatchTransformerConfig(width=6, layers=3, heads=3, expansion=1, left_frames=1),
        PatchTransformerConfig(width=4, layers=1, heads=1, left_frames=0),
    ],
    "queries": [
        QueriesConfig("queries", dataclasses.replace(CONFORMER, intermediate_block=0), 3, 4, 3, 2, 5),
        QueriesConfig("queries", dataclasses.replace(CONFORMER, intermediate_block=0, subsampling=1), 0, 4, 1, 2, 3),
        QueriesConfig("queries", dataclasses.replace(CONFORMER, intermediate_block=0), 2, 4, 1, 2, 1),
        QueriesConfig(
            "queries", dataclasses.replace(CONFORMER, intermediate_block=0, mixing="any"), 2, 4, 1, 2, 3, image=True
        ),
        QueriesConfig(
            embedding=4,
            blocks=1,
            heads=2,
            queries=2,
            context_frames=3,
            image=True,
            regressed=3,
            conformer=dataclasses.replace(CONFORMER, intermediate_block=0, mixing="any"),
        ),
    ],
    "linear": [LinearConfig(), LinearConfig(context_frames=4)],
}
CONFIGS = [config for name, kind in ENCODERS.items() for config in SMALL.get(name, [kind.config()])]
every_encoder = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)


def encoder_of(config: EncoderConfig) -> Any:
    torch.manual_seed(0)
    encoder: Any = build_encoder(config, FrameShape(BANDS, ELECTRODES, BINS))
    for name, parameter in encoder.named_parameters():
        if "distance_bias" in name or "regress" in name:
            nn.init.normal_(parameter)
    for name, buffer in encoder.named_buffers():
        if "running_mean" in name:
            nn.init.normal_(buffer)
    return encoder.double().eval()


def noise(batch: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, frames, BANDS, ELECTRODES, BINS, dtype=torch.float64, generator=generator)


def started(encoder: Any, batch: int = 1) -> Any:
    return encoder.start(batch, torch.float64, torch.device("cpu"))


def group_of(encoder: Any) -> int:
    return int(encoder.chunk_frames * encoder.stride)


@every_encoder
def test_a_row_is_the_kind_of_its_options_which_are_frozen_plain_data(config: EncoderConfig) -> None:
    assert type(config) is ENCODERS[config.kind].config
    assert dataclasses.is_dataclass(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.kind = "another"  # type: ignore[misc]
    assert from_mapping(type(config), {}, to_mapping(config), "a file") == config
    assert config.held_frames >= group_of(encoder_of(config))


@every_encoder
@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_a_whole_recording_gives_a_hidden_frame_a_stride(config: EncoderConfig, count: int) -> None:
    encoder = encoder_of(config)
    encoded = encoder(noise(2, count), torch.tensor([count, count // 2]))
    assert encoded.hidden.shape == (2, count // encoder.stride, encoder.width)
    assert encoded.lengths.tolist() == [count // encoder.stride, count // 2 // encoder.stride]
    assert encoded.intermediate == ()


@every_encoder
def test_intermediate_frames_are_for_training_and_have_the_shape_of_the_hidden_ones(config: EncoderConfig) -> None:
    encoded = encoder_of(config).train()(noise(2, 40), torch.tensor([40, 23]))
    assert [hidden.shape for hidden in encoded.intermediate] == [encoded.hidden.shape] * len(encoded.intermediate)


@every_encoder
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 70), max_size=8), count=st.integers(0, 70))
def test_any_chunking_gives_the_hidden_frames_of_the_whole(config: EncoderConfig, cuts: list[int], count: int) -> None:
    encoder, frames = encoder_of(config), noise(2, count)
    state, parts = started(encoder, 2), []
    for first, last in itertools.pairwise([0, *sorted(min(cut, count) for cut in cuts), count]):
        hidden, lengths, state = encoder.step(frames[:, first:last], torch.full((2,), last - first), state)
        assert lengths.tolist() == [hidden.shape[1]] * 2
        parts.append(hidden)
    found = torch.cat([*parts, encoder.flush(state)[0]], 1)
    torch.testing.assert_close(found, encoder(frames, torch.full((2,), count)).hidden, rtol=0, atol=1e-10)


@every_encoder
def test_padding_and_neighbors_change_nothing(config: EncoderConfig) -> None:
    encoder, lengths, frames = encoder_of(config), torch.tensor([50, 23, 3, 0]), noise(4, 50)
    frames[1, 23:] = 1e3
    batch = encoder(frames, lengths)
    for item, length in enumerate(lengths.tolist()):
        alone = encoder(frames[item : item + 1, :length], lengths[item : item + 1])
        assert batch.lengths[item] == alone.lengths[0] == alone.hidden.shape[1]
        torch.testing.assert_close(batch.hidden[item, : alone.hidden.shape[1]], alone.hidden[0], rtol=0, atol=1e-10)
        assert batch.hidden[item, alone.hidden.shape[1] :].count_nonzero() == 0


@every_encoder
@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=1, max_size=6))
def test_streams_that_receive_different_numbers_of_frames_share_their_steps(
    config: EncoderConfig, steps: list[tuple[int, int, int]]
) -> None:
    encoder, frames = encoder_of(config), noise(3, 200)
    state, done = merge_streams([started(encoder, 2), started(encoder)]), [0, 0, 0]
    parts: list[list[Tensor]] = [[], [], []]
    for step in steps:
        chunk = torch.full((3, max(step), BANDS, ELECTRODES, BINS), 1e4, dtype=torch.float64)  # padding is anything
        for item, count in enumerate(step):
            chunk[item, :count] = frames[item, done[item] : done[item] + count]
            done[item] += count
        hidden, lengths, state = encoder.step(chunk, torch.tensor(step), state)
        for item in range(3):
            assert hidden[item, lengths[item] :].count_nonzero() == 0
            parts[item].append(hidden[item, : lengths[item]])
    hidden, lengths = encoder.flush(state)
    for item in range(3):
        found = torch.cat([*parts[item], hidden[item, : lengths[item]]])
        expected = encoder(frames[item : item + 1, : done[item]], torch.tensor(done[item : item + 1])).hidden[0]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@every_encoder
def test_an_output_sees_its_history_and_its_lookahead_and_no_more(config: EncoderConfig) -> None:
    encoder = encoder_of(config)
    assert encoder.lookahead_frames == group_of(encoder) - 1
    history = 12 if encoder.history_frames is None else encoder.history_frames
    count = history + 4 * group_of(encoder)
    count -= count % group_of(encoder)
    frames = noise(1, count).requires_grad_()
    hidden = encoder(frames, torch.tensor([count])).hidden
    weights = torch.randn(hidden.shape[2], dtype=torch.float64)  # after a layer norm, a plain sum would be constant
    for chunk in (0, 1, hidden.shape[1] // encoder.chunk_frames - 2):
        begin = chunk * group_of(encoder)
        out = (hidden[0, chunk * encoder.chunk_frames : (chunk + 1) * encoder.chunk_frames] * weights).sum()
        (gradient,) = torch.autograd.grad(out, frames, retain_graph=True)
        seen = gradient[0].abs().flatten(1).sum(1).nonzero().flatten()
        assert seen[-1] == begin + encoder.lookahead_frames
        assert seen[0] >= begin - history or encoder.history_frames is None
    assert 2 * (begin - seen[0]) >= history  # not much more is declared than is seen
    assert seen[0] == 0 or encoder.history_frames is not None


@every_encoder
def test_frames_behind_the_lookahead_change_nothing_before_them(config: EncoderConfig) -> None:
    encoder, frames, lengths = encoder_of(config), noise(1, 96), torch.tensor([96])
    changed = frames.clone()
    changed[:, 48:] += 1  # where a chunk begins, whatever its size
    before, after = encoder(frames, lengths).hidden, encoder(changed, lengths).hidden
    known = 48 // group_of(encoder) * encoder.chunk_frames
    torch.testing.assert_close(after[:, :known], before[:, :known], rtol=0, atol=1e-12)
    assert not torch.equal(after[:, known:], before[:, known:])


@every_encoder
def test_a_pure_step_gives_the_hidden_frames_of_a_step_and_reads_no_number(config: EncoderConfig) -> None:
    encoder = encoder_of(config)
    size = 2 * group_of(encoder)
    frames, lengths, state = noise(2, 6 * size), torch.full((2,), size), started(encoder, 2)
    with torch.no_grad():
        for first in range(0, frames.shape[1], size):  # from the start until the past is full
            chunk = frames[:, first : first + size]
            with HostReads() as reads:
                found, advanced = encoder.advance(chunk, state)
            assert reads.count == 0
            expected, _, state = encoder.step(chunk, lengths, state)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
            for name, tensor in tensors_of(advanced).items():
                torch.testing.assert_close(tensor, tensors_of(state)[name], rtol=0, atol=1e-12)


@every_encoder
def test_a_state_holds_tensors_of_fixed_shapes_the_streams_first(config: EncoderConfig) -> None:
    encoder = encoder_of(config)
    state = started(encoder, 3)
    shapes = {name: tensor.shape for name, tensor in tensors_of(state).items()}
    assert {shape[0] for shape in shapes.values()} == {3}
    for count in (5, 0, 40, 1):
        _, _, state = encoder.step(noise(3, count), torch.full((3,), count), state)
        assert {name: tensor.shape for name, tensor in tensors_of(state).items()} == shapes
    one = select_streams(state, [1])
    assert all(
        torch.equal(a, b[1:2]) for a, b in zip(tensors_of(one).values(), tensors_of(state).values(), strict=True)
    )
    single = encoder.float().start(1, torch.float32, torch.device("cpu"))
    assert {tensor.dtype for tensor in tensors_of(single).values() if tensor.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("face", ["start", "step", "flush", "advance"])
def test_every_stage_has_one_signature(face: str) -> None:
    def names(stage: type) -> list[str]:
        found = list(inspect.signature(getattr(stage, face)).parameters)[1:]
        return ["values" if name in ("samples", "frames") else name for name in found if name != "learned"]

    stages = [Features, RunningNormalize, Recognizer, *(type(encoder_of(config)) for config in CONFIGS)]
    assert [names(stage) for stage in stages] == [names(Stage)] * len(stages)
