"""Running normalization: its definition frame by frame, streaming, padding, hours of drift, refusals."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from emgasr.errors import ConfigError, DataError
from emgasr.frontend.normalize import NormalizeConfig, RunningNormalize
from emgasr.state import tensors_of
from tests.helpers.host_reads import HostReads

SHAPE = (2, 3, 4)
WARMUP = 20
RUNNING = ["cumulative", "warmup", "exponential"]
KINDS = ["none", "fixed", "adaptive", *RUNNING]


def normalizer(kind: str, warmup_frames: int = WARMUP, half_life_s: float = 0.3) -> RunningNormalize:
    config = NormalizeConfig(kind, warmup_frames=warmup_frames, half_life_s=half_life_s)  # type: ignore[arg-type]
    module = RunningNormalize(config, 100.0, SHAPE).double()
    if config.fitted:
        module.fit([(log_power(40, seed=9), torch.tensor([40]))])
    return module


def log_power(frames: int, batch: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, *SHAPE, dtype=torch.float64, generator=generator) * 0.5 + 3


def frame_by_frame(frames: Tensor, kind: str, decay: float) -> Tensor:
    """The definition: weighted mean and variance of what each frame may see, (F, N, E, K)."""
    first = min(WARMUP, len(frames))
    outputs = []
    for now in range(len(frames)):
        seen = max(now + 1, first) if kind != "warmup" else first
        weights = torch.ones(seen, dtype=torch.float64)
        if kind == "exponential":
            age = now - torch.arange(seen).clamp(min=first - 1)
            weights = torch.as_tensor(decay, dtype=torch.float64) ** age.clamp(min=0)
        weights = weights[:, None, None, None]
        mean = (frames[:seen] * weights).sum(0) / weights.sum()
        variance = ((frames[:seen] - mean) ** 2 * weights).sum(0) / weights.sum()
        outputs.append((frames[now] - mean) / (variance + 0.1).sqrt())
    return torch.stack(outputs)


@pytest.mark.parametrize("kind", RUNNING)
@pytest.mark.parametrize("count", [1, 7, WARMUP, WARMUP + 1, 200])
def test_each_frame_is_normalized_by_what_it_may_see(kind: str, count: int) -> None:
    module = normalizer(kind)
    frames = log_power(count)
    expected = frame_by_frame(frames[0], kind, module.decay)
    torch.testing.assert_close(module(frames, torch.tensor([count]))[0][0], expected, rtol=0, atol=1e-10)


def test_forgetting_halves_a_frames_weight_every_half_life() -> None:
    assert normalizer("exponential", half_life_s=0.3).decay ** 30 == pytest.approx(0.5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 150), max_size=6), count=st.integers(0, 150))
def test_any_chunking_gives_the_same_frames(
    kind: str, dtype: torch.dtype, tolerance: float, cuts: list[int], count: int
) -> None:
    module = normalizer(kind).to(dtype)
    frames = log_power(count, batch=2).to(dtype)
    state = module.start(2, dtype, frames.device)
    parts = []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), count], strict=True):
        chunk = frames[:, first:last]
        part, counts, state = module.step(chunk, torch.full((2,), chunk.shape[1]), state)
        assert counts.tolist() == [part.shape[1]] * 2
        parts.append(part)
    streamed = torch.cat([*parts, module.flush(state)[0]], 1)
    torch.testing.assert_close(streamed, module(frames, torch.tensor([count, count]))[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pure_step_gives_the_frames_of_a_step_and_reads_no_number(kind: str) -> None:
    module, frames = normalizer(kind), log_power(200, batch=2)
    learned = torch.rand(2, 90, generator=torch.Generator().manual_seed(0)) < 0.7
    warmup, lengths = module.config.held_frames, torch.full((2,), 90)
    assert warmup == (WARMUP if kind in RUNNING else 0)
    _, _, state = module.step(
        frames[:, :warmup], torch.full((2,), warmup), module.start(2, frames.dtype, frames.device)
    )
    with HostReads() as reads:
        found, advanced = module.advance(frames[:, warmup : warmup + 90], state, learned)
    assert reads.count == 0
    expected, _, stepped = module.step(frames[:, warmup : warmup + 90], lengths, state, learned)
    assert torch.equal(found, expected)
    for name, tensor in tensors_of(advanced).items():
        assert torch.equal(tensor, tensors_of(stepped)[name])


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_neighbors_change_nothing(kind: str) -> None:
    module = normalizer(kind)
    lengths = torch.tensor([90, 30, 5, 0])
    frames = log_power(100, batch=4)
    frames[1, 30:] = float("nan")  # whatever the padding holds
    frames[2, 5:] = 1e6
    batch, _ = module(frames, lengths)
    for item, length in enumerate(lengths.tolist()):
        alone, _ = module(frames[item : item + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(batch[item, :length], alone[0], rtol=0, atol=1e-10)
        assert batch[item, length:].count_nonzero() == 0


@pytest.mark.parametrize("kind", RUNNING)
def test_nothing_after_the_warm_up_looks_ahead(kind: str) -> None:
    frames = log_power(60).requires_grad_()
    output, _ = normalizer(kind)(frames, torch.tensor([60]))
    for now in (0, WARMUP, 40):
        (gradient,) = torch.autograd.grad(output[0, now].sum(), frames, retain_graph=True)
        assert gradient[0, max(now + 1, WARMUP) :].count_nonzero() == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cumulative", "exponential"])
def test_hours_of_a_drifting_stream_stay_exact_in_float32(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    frames = (
        torch.randn(1, 1_000_000, 1, 1, 2, generator=generator) * 0.3
        + torch.linspace(-4, 4, 1_000_000)[None, :, None, None, None]
    )
    module = RunningNormalize(NormalizeConfig(kind, half_life_s=60.0), 125.0, (1, 1, 2))  # type: ignore[arg-type]
    lengths = torch.tensor([1_000_000])
    difference = module(frames, lengths)[0] - module.double()(frames.double(), lengths)[0]
    assert difference[:, ::97].abs().max() < 2e-5


def test_fixed_statistics_are_those_of_all_valid_frames() -> None:
    module = normalizer("fixed")
    batches = [(log_power(50, batch=2, seed=seed) * (seed + 1), torch.tensor([50, 20])) for seed in range(3)]
    module.fit(batches)
    rows = torch.cat([row for frames, lengths in batches for row in (frames[0], frames[1, : int(lengths[1])])])
    torch.testing.assert_close(module.mean, rows.mean(0))
    torch.testing.assert_close(module.variance, rows.var(0, correction=0))
    loaded = RunningNormalize(NormalizeConfig("fixed"), 100.0, SHAPE).double()
    loaded.load_state_dict(module.state_dict())
    assert torch.equal(loaded(log_power(9), torch.tensor([9]))[0], module(log_power(9), torch.tensor([9]))[0])


def test_an_adaptive_stream_starts_as_training_was_and_comes_to_go_by_its_own_signal() -> None:
    module = normalizer("adaptive")
    frames = log_power(900, seed=3) * 2 + 5
    prior = module.prior_frames  # 8 s at 100 Hz
    output = module(frames, torch.tensor([900]))[0][0]
    for now in (0, 10, 899):
        own = frames[0, : now + 1]
        mean = (prior * module.mean + own.sum(0)) / (prior + now + 1)
        square = (prior * (module.variance + module.mean**2) + (own**2).sum(0)) / (prior + now + 1)
        expected = (frames[0, now] - mean) / (square - mean**2 + 0.1).sqrt()
        torch.testing.assert_close(output[now], expected, rtol=0, atol=1e-9)


def test_an_adaptive_stream_goes_on_where_an_earlier_one_ended() -> None:
    module = normalizer("adaptive")
    frames = log_power(120)
    whole, _ = module(frames, torch.tensor([120]))
    first, _, heard = module.step(frames[:, :50], torch.tensor([50]), module.start(1, torch.float64, frames.device))
    then, _, _ = module.step(frames[:, 50:], torch.tensor([70]), heard)
    torch.testing.assert_close(torch.cat([first, then], 1), whole, rtol=0, atol=1e-10)


def test_running_kinds_have_nothing_to_save() -> None:
    assert all(not normalizer(kind).state_dict() for kind in ("none", *RUNNING))


def test_only_fixed_statistics_can_be_fitted_and_not_to_nothing() -> None:
    with pytest.raises(ConfigError, match="fixed"):
        normalizer("cumulative").fit([])
    with pytest.raises(DataError, match="no frames"):
        normalizer("fixed").fit([(log_power(5), torch.tensor([0]))])


@pytest.mark.parametrize("kind", RUNNING)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_frames_that_are_not_learned_are_as_if_they_had_never_been(kind: str, data: st.DataObject) -> None:
    module, count = normalizer(kind), 150
    frames = log_power(count)
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=count - WARMUP, max_size=count - WARMUP)))
    learned = torch.cat([torch.ones(WARMUP, dtype=torch.bool), kept])
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=5)))
    outputs, state = [], module.start(1, torch.float64, frames.device)
    for first, last in itertools.pairwise([0, *cuts, count]):
        output, _, state = module.step(
            frames[:, first:last], torch.tensor([last - first]), state, learned[None, first:last]
        )
        outputs.append(output)
    found = torch.cat(outputs, 1)[0]
    alone = module(frames[:, learned], torch.tensor([int(learned.sum())]))[0][0]
    torch.testing.assert_close(found[learned], alone, rtol=0, atol=1e-10)
    if kind != "warmup" and not kept.all():  # what is not learned is normalized by what was learned before it
        place = int((~learned).nonzero()[0])
        seen = frames[0, :place]
        weights = torch.as_tensor(module.decay, dtype=torch.float64) ** torch.arange(place).flip(0).clamp(
            max=place - WARMUP
        )
        weights = weights[:, None, None, None]
        mean = (seen * weights).sum(0) / weights.sum()
        variance = ((seen - mean) ** 2 * weights).sum(0) / weights.sum()
        expected = (frames[0, place] - mean) / (variance + 0.1).sqrt()
        torch.testing.assert_close(found[place], expected, rtol=0, atol=1e-10)
