"""A neural language model in, its folder out, and back; a folder without config.yaml is unfinished.

model.safetensors   the weights
tokens.json         the symbols (tokens.model of sentencepiece)
README.md           the card
config.yaml         the shape, and the share of an n-gram model that held-out text is best predicted with; written last
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from safetensors.torch import save

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.errors import EmgasrError, LanguageModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.lm.neural.config import NetworkConfig
from emgasr.lm.neural.model import NeuralLM
from emgasr.lm.neural.network import make_network
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.runtime.device import device_of
from emgasr.tokens import load_tokens

FORMAT = 1
MARK, CONFIG_NAME, WEIGHTS_NAME = "emgasr_neural_lm", "config.yaml", "model.safetensors"
_ADVICE = "give a folder that `emgasr lm train-neural` wrote"
_AGAIN = "copy the folder again"


@dataclass(frozen=True)
class Mixture:
    """How a neural model and an n-gram model predict held-out text best together: shares of their probabilities.

    Args:
        ngram_share: of the n-gram model, 0 to 1.
        ngram_sha256: checksum of the n-gram model.
    """

    ngram_share: Annotated[float, Within(0, 1)] = 0.0
    ngram_sha256: str = ""

    def __post_init__(self) -> None:
        check_within(self, "mixture")


@dataclass(frozen=True)
class _File:
    emgasr_neural_lm: Annotated[int, Within(0, 1e6)] = FORMAT
    network: NetworkConfig = field(default_factory=NetworkConfig)
    mixture: Mixture = field(default_factory=Mixture)


def is_neural(folder: str | Path) -> bool:
    """Return whether a path is a folder, as neural language models are; `load_neural` reports what is wrong with it."""
    return Path(folder).is_dir()


def save_neural(model: NeuralLM, folder: str | Path, card: str = "", mixture: Mixture | None = None) -> None:
    """Write a model's folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()}
    with replacing(folder / WEIGHTS_NAME) as path:
        path.write_bytes(save(weights))
    model.vocabulary.tokens.save(folder)
    with replacing(folder / "README.md") as path:
        path.write_text(card or "# Neural language model\n\nNo card was written for it.\n", encoding="utf-8")
    write_yaml(to_mapping(_File(FORMAT, model.network.config, mixture or Mixture())), folder / CONFIG_NAME)


def keep_mixture(mixture: Mixture, folder: str | Path) -> None:
    """Write the share of an n-gram model into a model's folder."""
    path = Path(folder) / CONFIG_NAME
    write_yaml(to_mapping(_File(FORMAT, _content(Path(folder)).network, mixture)), path)


def mixture_of(folder: str | Path) -> Mixture:
    """Return the share of an n-gram model that a model's folder holds; 0 of none.

    Raises:
        LanguageModelError: The folder is no neural language model's, or damaged.
    """
    return _content(Path(folder)).mixture


def load_neural(folder: str | Path, device: str = "cpu") -> NeuralLM:
    """Read a model's folder; what config.yaml describes is compared with the weights before any of it is built.

    Raises:
        LanguageModelError: The folder is missing, damaged, unfinished or of another format.
        ConfigError: The device is not there.
    """
    folder, place = Path(folder), device_of(device)
    config = _content(folder).network
    try:
        vocabulary = Vocabulary(load_tokens(folder))
        config.check_size(len(vocabulary))
        with torch.device("meta"):
            outline = make_network(config, len(vocabulary)).state_dict()
        path = folder / WEIGHTS_NAME
        check_kinds(path, outline, kinds_in(path))
        network = make_network(config, len(vocabulary))
        network.load_state_dict(read_weights(path))
    except EmgasrError as error:
        raise LanguageModelError(error.where, error.wrong, error.advice or _AGAIN) from error
    return NeuralLM(network.to(place), vocabulary, folder.absolute().name)


def _content(folder: Path) -> _File:
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise LanguageModelError(folder, f"is no neural language model (no {CONFIG_NAME})", _ADVICE)
    rows = read_yaml(path, LanguageModelError, _AGAIN)
    if not isinstance(rows, dict) or rows.get(MARK) != FORMAT:
        raise LanguageModelError(path, f"is no neural language model of format {FORMAT}", _ADVICE)
    try:
        return from_mapping(_File, {}, rows, path)
    except EmgasrError as error:
        raise LanguageModelError(path, error.wrong, "was it made by a newer emgasr?") from error
