"""Model folders, checkpoints and settings: weights, configurations, tokens, rules, profiles, experiments."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.tiny_models import tiny_recognizer

from .formats import Format, Place, Seen, digest_of, expect
from .uses import reading_again, use_model, use_search, use_verb


def model(name: str, encoder: str = "conformer", pieces: bool = False) -> Callable[[Path], Path]:
    """A model folder with all that may lie in one; the file of that name is the one to damage."""

    def write(folder: Path) -> Path:
        from emgasr.decoding.hypothesis import SearchConfig
        from emgasr.decoding.search_file import write_search_config
        from emgasr.models.folder import save_recognizer
        from emgasr.streaming.rules import LiveRules, write_rules

        changes: dict[str, Any] = {"tokens": sentencepiece_tokens(folder)} if pieces else {}
        save_recognizer(tiny_recognizer(encoder, "exponential", **changes), folder, "# A model\n\n| reads | noise |\n")
        write_search_config(SearchConfig(beam=5, lm_weight=0.5), folder / "search.yaml", "tuned", "0" * 64)
        write_rules(LiveRules(), folder / "live.yaml")
        return folder / name

    return write


def sentencepiece_tokens(folder: Path) -> Any:
    from emgasr.tokens import Tokens, train_sentencepiece

    path = folder.parent / "pieces.model"
    train_sentencepiece(["the lazy dog", "a quick fox", "jumps over dogs", "hi all"] * 3, 30, path)
    return Tokens.sentencepiece(path)


def loaded(path: Path, place: Place) -> Seen:
    return use_model(place.folder, place)


def shown(path: Path, place: Place) -> Seen:
    """A model's card, as `emgasr info` prints it."""
    return Seen(digest_of(use_verb("info", str(place.folder))))


def tokens_used(path: Path, place: Place) -> Seen:
    """Symbols are rendered, and what they render is encoded again if they can write it."""
    from emgasr.errors import DataError
    from emgasr.tokens import load_tokens

    tokens = load_tokens(place.folder)
    text = tokens.render(range(len(tokens)))
    with contextlib.suppress(DataError):  # not every set writes all that it renders
        tokens.encode_text(text)
    tokens.save(place.out)
    with reading_again("tokens"):
        again = load_tokens(place.out)
    expect(again == tokens, "saved and read, they are other tokens")
    return use_model(place.folder, place)


def search(path: Path, place: Place) -> Seen:
    from emgasr.decoding.search_file import read_tuned_search, write_search_config

    tuned = read_tuned_search(path)
    write_search_config(tuned.config, place.out / "search.yaml", "", tuned.lm_sha256)
    with reading_again("search.yaml"):
        again = read_tuned_search(place.out / "search.yaml")
    expect(again == tuned, "written and read, it is another search")
    return use_search(tuned.config)


def rules(path: Path, place: Place) -> Seen:
    from emgasr.decoding import BeamSearch
    from emgasr.streaming.rules import read_rules, write_rules
    from emgasr.tokens import Tokens

    found = read_rules(path)
    write_rules(found, place.out / "live.yaml")
    with reading_again("live.yaml"):
        again = read_rules(place.out / "live.yaml")
    expect(again == found, "written and read, they are other rules")
    found.reader(BeamSearch(Tokens.characters("ab")), 50.0, 1)
    return Seen(digest_of(found))


def profile(folder: Path) -> Path:
    from emgasr.streaming.profile import Profile, write_profile

    level = {"left": 11.5, "right": 12.25}
    write_profile(Profile("ann", "d1", "model", 1.7e9, "uV", 60.0, 20.0, 55, 0.5, 0.25, level), folder)
    return folder / "profile.json"


def profile_used(path: Path, place: Place) -> Seen:
    from emgasr.streaming.profile import read_profile, write_profile
    from tests.helpers.tiny_models import BANDS

    found = read_profile(place.folder)
    expect(isinstance(found.better, bool), "does not say whether it is better")
    level = found.rest(BANDS)
    expect(
        level is None or np.isfinite(next(iter(vars(level).values()))).all(), "has a level of rest that is not finite"
    )
    write_profile(found, place.out)
    with reading_again("profile.json"):
        again = read_profile(place.out)
    expect(again == found, "written and read, it is another profile")
    return Seen(digest_of(found))


TRAINING = """\
manifest: data/manifest.jsonl
fit: {steps: 900, learning_rate: 0.001}
tokens: {kind: keystrokes, symbols: [a, b]}
data: {kind: windows, shortest_s: 2, longest_s: 4, batch_s: 12}
features:
  kind: log_spectrogram
  window_ms: 40
  hop_ms: 20
normalize: {kind: cumulative, warmup_frames: 10}
encoder:
  kind: conformer
  width: 16
  blocks: 2
  dropout: 0.1
augment: {time_masks: 1}
"""


def training(folder: Path) -> Path:
    (folder / "system.yaml").write_text(TRAINING)
    return folder / "system.yaml"


def training_used(path: Path, place: Place) -> Seen:
    """An experiment's settings, as `emgasr train --config` reads them, and again from what it writes down."""
    from emgasr.cli.options.config import from_command_line
    from emgasr.config.parsing import to_mapping, write_yaml
    from emgasr.training.config import KINDS, TrainingConfig

    found = from_command_line(TrainingConfig, KINDS, ["--config", str(path)], "emgasr train")
    again = place.out / "training.yaml"
    write_yaml(to_mapping(found), again)
    with reading_again("training.yaml"):
        repeated = from_command_line(TrainingConfig, KINDS, ["--config", str(again)], "emgasr train")
    expect(repeated == found, "written and read, it is another experiment")
    return Seen(digest_of(found))


def checkpoint(folder: Path) -> Path:
    """The published baseline's tensors by their names, as a training of it writes them."""
    import torch

    from emgasr.models.encoder import FrameShape
    from emgasr.models.tds import TDSConfig, TDSEncoder, published_names

    torch.manual_seed(0)
    encoder = TDSEncoder(TDSConfig(mlp_width=12, channels=3, kernel=4, blocks=2), FrameShape(2, 4, 9))
    names = published_names(encoder)
    weights = {names[name]: value for name, value in encoder.state_dict().items()}
    weights |= {"model.4.weight": torch.randn(99, encoder.width), "model.4.bias": torch.zeros(99)}
    torch.save({"epoch": 3, "state_dict": weights, "hyper_parameters": {"kernel_width": 4}}, folder / "tds.ckpt")
    return folder / "tds.ckpt"


def imported(path: Path, place: Place) -> Seen:
    from emgasr.models.published import read_published_tds

    recognizer = read_published_tds(path)
    expect(recognizer.parameter_count < 10**7, "has more parameters than its file has bytes")
    from emgasr.models.folder import save_recognizer

    save_recognizer(recognizer, place.out / "model")
    return use_model(place.out / "model", place)


ENCODERS = ("conformer", "tds", "tcn", "gru", "cnn", "patch_transformer", "linear")
FORMATS = (
    Format(
        *("model-weights", "strangers", "binary"),
        tuple(model("model.safetensors", encoder) for encoder in ENCODERS),
        loaded,
        container="safetensors",
    ),
    Format(
        *("model-config", "strangers", "yaml"), tuple(model("config.yaml", encoder) for encoder in ENCODERS), loaded
    ),
    Format("model-card", "strangers", "list", (model("README.md"),), shown),
    Format("tokens-json", "strangers", "json", (model("tokens.json"),), tokens_used),
    Format("sentencepiece", "strangers", "binary", (model("tokens.model", pieces=True),), tokens_used),
    Format("search-yaml", "search", "yaml", (model("search.yaml"),), search),
    Format("live-yaml", "strangers", "yaml", (model("live.yaml"),), rules),
    Format("profile", "strangers", "json", (profile,), profile_used),
    Format("training-yaml", "strangers", "yaml", (training,), training_used),
    Format("lightning-ckpt", "strangers", "binary", (checkpoint,), imported, container="zip", checked=True),
)
