"""The acoustic model: what emissions see, batches, pieces, times; saving, loading, and all that is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

import emgasr
from emgasr.decoding import greedy
from emgasr.errors import ConfigError, ModelError, RecordingError
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.pipeline import Pipeline
from emgasr.recording import Band, Montage
from emgasr.tokens import Tokens
from tests.helpers.miniatures import make_recording
from tests.helpers.tiny_models import ENCODERS, TDS, WAYS, tiny_recognizer


def noise(items: int, samples: int, channels: int) -> torch.Tensor:
    """Noise in bursts of 25 samples, so that emissions change with time."""
    generator = torch.Generator().manual_seed(1)
    loudness = torch.randint(0, 4, (items, samples // 25 + 1, channels), generator=generator).repeat_interleave(25, 1)
    values = torch.randn(items, samples, channels, dtype=torch.float64, generator=generator)
    return values * 10.0 ** loudness[:, :samples]


@pytest.mark.parametrize("normalize", ["none", "exponential", "cumulative", "fixed"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_emission_sees_no_sample_behind_its_chunk(encoder: str, normalize: str) -> None:
    recognizer = tiny_recognizer(encoder, normalize).double()
    samples = noise(1, 400, 8).requires_grad_()
    log_probs, lengths = recognizer(samples, torch.tensor([400]))
    chunk, features = recognizer.encoder.chunk_frames, recognizer.features
    assert log_probs.shape[1] == lengths.item()
    for first in (24 // chunk * chunk, 36 // chunk * chunk):  # after the warm-up
        out = log_probs[0, first : first + chunk, 1].sum()
        (gradient,) = torch.autograd.grad(out, samples, retain_graph=True)
        seen = gradient[0].abs().sum(1).nonzero().flatten()
        ahead = first * recognizer.encoder.stride + recognizer.encoder.lookahead_frames
        end = ahead * features.hop + features.window
        assert end - features.hop <= seen[-1] < end  # the spectrogram's window is zero at its very edge
        if normalize in ("none", "fixed") and (history := recognizer.encoder.history_frames) is not None:
            begin = first * recognizer.encoder.stride - history
            assert seen[0] >= begin * features.hop


@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_batches_and_padding_leave_emissions_and_text_as_they_are(encoder: str, normalize: str) -> None:
    recognizer = tiny_recognizer(encoder, normalize).double()
    lengths = torch.tensor([400, 90, 33, 5, 251])
    samples = noise(5, 400, 8)
    hidden = recognizer.hidden(*recognizer.features(samples[:1], lengths[:1])).hidden
    recognizer.head.bias.data -= recognizer.head(hidden).mean((0, 1)).detach()  # so that every token has its turns
    alone = [recognizer(samples[i : i + 1, :n], lengths[i : i + 1])[0][0] for i, n in enumerate(lengths)]
    texts = [greedy(part.detach().numpy()).ids for part in alone]
    assert len(texts[0]) > 5  # there is something to compare
    for i, length in enumerate(lengths):
        samples[i, length:] = 1e4
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [1, 2], [3, 1]):
        longest = int(lengths[order].max())
        log_probs, counts = recognizer(samples[order, :longest], lengths[order])
        for row, item in enumerate(order):
            emitted = log_probs[row, : counts[row]]
            torch.testing.assert_close(emitted, alone[item], rtol=0, atol=1e-10)
            assert greedy(emitted.detach().numpy()).ids == texts[item]


@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.95, 6.13])
def test_emissions_in_pieces_are_those_of_one_pass(encoder: str, normalize: str, seconds: float) -> None:
    recognizer = tiny_recognizer(encoder, normalize).double()
    recording = make_recording(seconds)
    samples = torch.from_numpy(recording.read()).double()[None]
    expected, _ = recognizer(samples, torch.tensor([recording.n_samples]))
    for piece_frames in (7, 40, 10_000):
        recognizer.piece_frames = piece_frames
        emissions = recognizer.emissions(recording)
        assert emissions.dtype == np.float32
        assert emissions.shape == expected.shape[1:]
        np.testing.assert_allclose(emissions, expected[0].detach().numpy(), rtol=1e-6, atol=1e-6)


def test_emissions_leave_training_aside() -> None:
    recognizer = tiny_recognizer("tds").train()
    before = {name: value.clone() for name, value in recognizer.state_dict().items()}
    recognizer.emissions(make_recording())
    for name, value in recognizer.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_emission_is_timed_by_its_newest_sample(encoder: str) -> None:
    recognizer = tiny_recognizer(encoder)
    times_s = recognizer.frame_times_s(100)
    np.testing.assert_allclose(np.diff(times_s), 1 / recognizer.frame_rate_hz)
    # The window of the newest frame of the first emission ends at its time.
    newest = (recognizer.encoder.stride - 1) * recognizer.features.hop + recognizer.features.window
    assert times_s[0] == newest / 200


def test_emissions_are_probabilities_at_the_rate_that_is_told() -> None:
    recognizer = tiny_recognizer()
    emissions = recognizer.emissions(make_recording(10.0))
    np.testing.assert_allclose(np.exp(emissions).sum(1), 1, atol=1e-5)
    assert recognizer.frame_rate_hz == 25
    assert len(emissions) == (10 * 200 - 8) // 4 // 2 + 1 - 1


def test_a_network_that_leaves_the_first_frames_out_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"encoder\.padding.*causal"):
        tiny_recognizer(config=replace(TDS, padding="none"))


@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_loaded_model_is_the_saved_one(encoder: str, normalize: str, tmp_path: Path) -> None:
    recognizer = tiny_recognizer(encoder, normalize)
    if normalize == "fixed":
        recognizer.normalize.fit([recognizer.features(noise(1, 400, 8), torch.tensor([400]))])
    save_recognizer(recognizer, tmp_path / "model", "a card")
    loaded = load_recognizer(tmp_path / "model")
    assert (loaded.config, loaded.signal, loaded.tokens) == (recognizer.config, recognizer.signal, recognizer.tokens)
    np.testing.assert_array_equal(loaded.emissions(make_recording()), recognizer.emissions(make_recording()))
    names = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert names == ["README.md", "config.yaml", "model.safetensors", "tokens.json"]
    assert (tmp_path / "model" / "README.md").read_text() == "a card"


@pytest.mark.parametrize("steps", [(), (1000.0,), (0.5, 1000.0)])
def test_a_model_folder_keeps_what_a_step_of_bare_takes_was(steps: tuple[float, ...], tmp_path: Path) -> None:
    recognizer = tiny_recognizer()
    recognizer.signal = replace(recognizer.signal, steps=steps)
    save_recognizer(recognizer, tmp_path)
    assert load_recognizer(tmp_path).signal == recognizer.signal
    # Folders of before hold none, and older releases read what new ones write of such models.
    assert ("steps" in (tmp_path / "config.yaml").read_text()) == bool(steps)


def test_a_search_tuned_for_other_weights_does_not_outlive_them(tmp_path: Path) -> None:
    save_recognizer(tiny_recognizer(), tmp_path)
    for name in ("search.yaml", "search.png"):
        (tmp_path / name).touch()
    loaded = load_recognizer(tmp_path)  # what else lies there does not matter
    save_recognizer(loaded, tmp_path)
    assert not list(tmp_path.glob("search.*"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_recognizer(tiny_recognizer(normalize="fixed"), tmp_path / "model")
    return tmp_path / "model"


def edit_config(folder: Path, **changes: object) -> None:
    content = yaml.safe_load((folder / "config.yaml").read_text())
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            content[section][key] = value
        elif value is None:
            del content[name]
        else:
            content[name] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(content))


def edit_weights(folder: Path, name: str, value: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors")
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    save_file(weights, folder / "model.safetensors")


def truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def overlap(path: Path) -> None:
    """Let the second tensor of a safetensors file lie where the first does."""
    rewrite_header(path, lambda header: list(header.values())[1].update(next(iter(header.values()))))


def claim(path: Path) -> None:
    """Let the first tensor of a safetensors file be a thousand million numbers."""
    rewrite_header(path, lambda header: next(iter(header.values())).update(shape=[10**9], data_offsets=[0, 4 * 10**9]))


def rewrite_header(path: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    change(header)
    written = json.dumps(header).encode()
    path.write_bytes(len(written).to_bytes(8, "little") + written + content[8 + length :])


EDGES = [n / 20 for n in range(2000)]
DAMAGES = {
    "no config": (lambda f: (f / "config.yaml").unlink(), "not a model folder"),
    "config is a list": (lambda f: (f / "config.yaml").write_text("- 1"), "not an emgasr model"),
    "config is empty": (lambda f: (f / "config.yaml").write_text(""), "not an emgasr model"),
    "config is no YAML": (lambda f: (f / "config.yaml").write_text("a: [1"), "not YAML"),
    "config is binary": (lambda f: (f / "config.yaml").write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
    "config constructs objects": (
        lambda f: (f / "config.yaml").write_text("emgasr_model: !!python/object/apply:os.getcwd []"),
        "has a tag",
    ),
    "a foreign model": (lambda f: (f / "config.yaml").write_text("architectures: [Bert]"), "not an emgasr model"),
    "a later format": (lambda f: edit_config(f, emgasr_model=99), "format"),
    "no bands": (lambda f: edit_config(f, bands=None), "bands"),
    "bands are a number": (lambda f: edit_config(f, bands=3), "bands is 3"),
    "no rate": (lambda f: edit_config(f, rate_hz=None), "rate_hz"),
    "the rate is a word": (lambda f: edit_config(f, rate_hz="fast"), "fast"),
    "the rate is zero": (lambda f: edit_config(f, rate_hz=0), "rate_hz"),
    "the rate is not finite": (lambda f: edit_config(f, rate_hz=float("nan")), "not a finite number"),
    "an unknown unit": (lambda f: edit_config(f, unit="furlongs"), "furlongs"),
    "no encoder": (lambda f: edit_config(f, encoder=None), "encoder"),
    "an unknown encoder": (lambda f: edit_config(f, encoder__kind="rnn"), "rnn"),
    "an unknown key": (lambda f: edit_config(f, encoder__layers=3), "layers"),
    "a mistyped value": (lambda f: edit_config(f, encoder__blocks="two"), "blocks"),
    "an impossible value": (lambda f: edit_config(f, encoder__heads=3), "heads"),
    "an impossible window": (lambda f: edit_config(f, features__window_ms=0.1), "window"),
    "a width beyond the weights": (lambda f: edit_config(f, encoder__width=60_000), "other parameters"),
    "a width beyond counting": (lambda f: edit_config(f, encoder__width=2**62), "width: .* is out of range"),
    "a million blocks": (lambda f: edit_config(f, encoder__blocks=1_000_000), "blocks: 1000000 is out of range"),
    "blocks beyond the weights": (lambda f: edit_config(f, encoder__blocks=64), "other parameters"),
    "a kernel beyond the weights": (lambda f: edit_config(f, encoder__kernel=4000), "other parameters"),
    "a chunk without end": (lambda f: edit_config(f, encoder__chunk_frames=10**9), "chunk_frames"),
    "a reach without end": (lambda f: edit_config(f, encoder__left_chunks=10**9), "left_chunks"),
    "a window without end": (lambda f: edit_config(f, features__window_ms=1e6), "more than 65,536"),
    "a warm-up without end": (lambda f: edit_config(f, normalize__warmup_frames=10**7), "do not fit a stream"),
    "no half-life": (
        lambda f: edit_config(f, normalize={"kind": "exponential", "half_life_s": 1e-300}),
        "half_life_s",
    ),
    "frames without end": (
        lambda f: edit_config(f, features={"kind": "raw_samples", "window_ms": 60_000.0, "hop_ms": 50.0}),
        "do not fit a stream|other parameters",
    ),
    "edges without end": (
        lambda f: edit_config(
            f,
            features={
                "kind": "band_power",
                "window_ms": 50.0,
                "hop_ms": 50.0,
                "edges_hz": [n / 20 for n in range(2000)],
            },
        ),
        "2000 edges_hz",
    ),
    "a class to import": (lambda f: edit_config(f, encoder={"class_path": "evil.E", "init_args": {}}), "class_path"),
    "a file to open": (lambda f: edit_config(f, features="other.yaml"), "not a mapping"),
    "a key at the top": (lambda f: edit_config(f, config="other.yaml"), "unknown"),
    "bands are named by numbers": (lambda f: edit_config(f, bands=[{"name": 1, "electrodes": ["a"]}]), "name is 1"),
    "aliases": (lambda f: (f / "config.yaml").write_text("a: &a [1]\nb: [*a, *a]"), "anchor"),
    "no tokens": (lambda f: (f / "tokens.json").unlink(), r"tokens\.json"),
    "tokens are no JSON": (lambda f: truncate(f / "tokens.json", 30), r"tokens\.json"),
    "fewer tokens": (lambda f: Tokens.keystrokes("a").save(f), "other parameters"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "cannot be read"),
    "empty weights": (lambda f: truncate(f / "model.safetensors", 0), "cannot be read"),
    "truncated header": (lambda f: truncate(f / "model.safetensors", 50), "cannot be read"),
    "truncated weights": (lambda f: truncate(f / "model.safetensors", 4000), "cannot be read"),
    "other weights": (lambda f: edit_weights(f, "head.weight", torch.zeros(9, 9)), "other parameters"),
    "a weight less": (lambda f: edit_weights(f, "head.weight", None), "other parameters"),
    "a weight more": (lambda f: edit_weights(f, "extra", torch.zeros(1)), "other parameters"),
    "whole numbers for weights": (
        lambda f: edit_weights(f, "head.bias", torch.zeros(4, dtype=torch.int64)),
        "other parameters",
    ),
    "a header without end": (
        lambda f: (f / "model.safetensors").write_bytes((1 << 40).to_bytes(8, "little") + b"{}"),
        "cannot be read .its header claims",
    ),
    "weights that overlap": (lambda f: overlap(f / "model.safetensors"), "cannot be read"),
    "weights beyond the file": (lambda f: claim(f / "model.safetensors"), "cannot be read"),
    "tokens of another number": (lambda f: (f / "tokens.json").write_text('{"kind": 1, "symbols": []}'), "no tokens"),
    "tokens nest": (lambda f: (f / "tokens.json").write_text("[" * 200_000), "nests more than"),
    "tokens twice": (
        lambda f: (f / "tokens.json").write_text('{"kind": "words", "symbols": ["<blank>", "a", "a", "b"]}'),
        "repeated",
    ),
    "pieces that are none": (lambda f: (f / "tokens.model").write_bytes(b"\x0a\xff\xff\xff\x7f" * 9), "sentencepiece"),
    "a step of nothing": (lambda f: edit_config(f, steps=[0.0]), "steps: .0.0. cannot be"),
    "weights not finite": (lambda f: edit_weights(f, "head.bias", torch.full((4,), torch.nan)), "not finite"),
    "statistics not finite": (
        lambda f: edit_weights(f, "normalize.mean", torch.full((2, 4, 5), torch.inf)),
        "not finite",
    ),
    "a variance below zero": (
        lambda f: edit_weights(f, "normalize.variance", torch.full((2, 4, 5), -1e-3)),
        "holds normalize.variance below 0",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_folder_is_one_line(damage: str, folder: Path) -> None:
    spoil, wrong = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(ModelError, match=wrong) as error:
        load_recognizer(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(("encoder", "name"), [("conformer", "head.weight"), ("tds", "encoder.norm.weight")])
def test_weights_that_give_no_probabilities_are_told_with_the_model_that_has_them(
    encoder: str, name: str, tmp_path: Path
) -> None:
    save_recognizer(tiny_recognizer(encoder), tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    edit_weights(tmp_path / "model", name, torch.full_like(weights[name], 3e38))  # finite, and so is every other
    recognizer, recording = load_recognizer(tmp_path / "model"), make_recording()
    for read in (
        recognizer.emissions,
        Pipeline(recognizer).transcribe,
        lambda recording: Pipeline(recognizer).stream().feed(recording.samples),
    ):
        with pytest.raises(ModelError, match="gives NaN at frame 0, no probabilities") as error:
            read(recording)
        assert error.value.where == str(tmp_path / "model")


@pytest.mark.parametrize("missing", [True, False])
def test_what_is_no_folder_is_refused(missing: bool, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if not missing:
        path.write_text("a file")
    with pytest.raises(ModelError, match="not a model folder"):
        load_recognizer(path)


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_a_pickle_in_place_of_the_weights_is_never_run(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Trap(str(tmp_path / "sprung"))))
    with pytest.raises(ModelError, match="cannot be read"):
        load_recognizer(folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"rate_hz": 400.0}, "is at 400 Hz, the model at 200 Hz"),
        ({"unit": "counts"}, "is in counts, the model in uV"),
        ({"bands": (Band.numbered("left", 8),)}, r"bands of \[8\] electrodes, the model \[4, 4\]"),
    ],
)
def test_other_recordings_are_refused(changes: dict[str, object], wrong: str) -> None:
    with pytest.raises(RecordingError, match=wrong) as error:
        tiny_recognizer().emissions(make_recording(**changes))  # type: ignore[arg-type]
    assert "ann/day0" in str(error.value)


def test_a_montage_is_compared_where_both_say_it(tmp_path: Path) -> None:
    def bands(montage: Montage) -> tuple[Band, ...]:
        return tuple(Band.numbered(name, 4, ring=True, montage=montage) for name in ("left", "right"))

    model = tiny_recognizer(bands=bands("reference"))
    save_recognizer(model, tmp_path / "told")
    loaded = load_recognizer(tmp_path / "told")
    assert loaded.signal == model.signal
    for montage in ("", "reference"):
        np.testing.assert_array_equal(
            loaded.emissions(make_recording(bands=bands(montage))), model.emissions(make_recording())
        )
    with pytest.raises(RecordingError, match=r"is of montage bipolar, the model of reference .*; take the voltage"):
        loaded.emissions(make_recording(bands=bands("bipolar")))
    save_recognizer(tiny_recognizer(), tmp_path / "untold")
    assert "montage" not in (tmp_path / "untold" / "config.yaml").read_text()
    load_recognizer(tmp_path / "untold").emissions(make_recording(bands=bands("bipolar")))


def test_a_model_of_unequal_bands_is_refused() -> None:
    with pytest.raises(ModelError, match="left 4, chin 2"):
        tiny_recognizer(bands=(Band.numbered("left", 4), Band.numbered("chin", 2)))


def test_the_folder_is_plain_text_and_safetensors(folder: Path) -> None:
    assert json.loads((folder / "tokens.json").read_text())["symbols"][0] == "<blank>"
    content = yaml.safe_load((folder / "config.yaml").read_text())
    assert content["emgasr_model"] == 1
    assert content["encoder"]["kind"] == "conformer"


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "nowhere", "meta", "", 3.5, None])
def test_a_device_that_is_not_there_is_told_in_one_line(device: Any, tmp_path: Path) -> None:
    if str(device).startswith("cuda") and torch.cuda.device_count() > 7:
        pytest.skip("it is there")
    save_recognizer(tiny_recognizer(), tmp_path / "model")
    with pytest.raises(ConfigError, match="device"):
        emgasr.load(tmp_path / "model", device="cuda:7" if device == "cuda" and torch.cuda.is_available() else device)


@pytest.mark.parametrize("path", [5, None, b"model", ["model"], True, "a\0b"])
def test_what_is_no_path_is_told_in_one_line(path: Any) -> None:
    for function in (emgasr.load, emgasr.open_recording):
        with pytest.raises(ConfigError, match="is no path"):
            function(path)
