"""A recognizer in, a model folder out, and back: weights, configuration, tokens and a card."""

from __future__ import annotations

import hashlib
import logging
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated

from safetensors.torch import save

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.config.typed_data import shown
from emgasr.errors import ConfigError, EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.frontend.electrodes import TEMPLATE_NAME, load_profile
from emgasr.models.recognizer import KINDS, Recognizer, RecognizerConfig, outline
from emgasr.recording import UNITS, Band, Signal
from emgasr.runtime.device import device_of
from emgasr.tokens import load_tokens

FORMAT = 1
WEIGHTS_NAME = "model.safetensors"
DEMO, ARMBAND = "demo", "armband"  # the names of the models that ship with emgasr
PACKAGED = {DEMO: "model", ARMBAND: "armband"}  # and their folders in assets/
_MADE_BY = {DEMO: "recipes/demo_model/run.sh", ARMBAND: "recipes/armbands/package.py"}
# What `emgasr tune` and `tune-live` put beside the weights: it belongs to them.
SEARCH_NAME, SURFACE_NAME, LIVE_NAME = "search.yaml", "search.png", "live.yaml"
CONFIDENCE_NAME, OPERATING_NAME = "confidence.json", "operating.yaml"  # of `emgasr tune --confidence` and `operate`
# What a folder may hold of language (`emgasr.language`): a compact model, or an ARPA file.
LM_NAMES, CHARACTER_LM_NAMES = ("lm.lm", "lm.arpa.gz"), ("characters.lm", "characters.arpa.gz")
LEXICON_NAME, HOTWORDS_NAME, LANGUAGE_NAME = "lexicon.txt", "hotwords.txt", "language.yaml"


def packaged_model(name: str = DEMO) -> Path:
    """Return the folder of a model that ships with emgasr.

    Raises:
        ModelError: This checkout lacks it.
    """
    folder = Path(str(resources.files("emgasr"))) / "assets" / PACKAGED[name]
    if not (folder / "config.yaml").is_file():
        advice = f"make it by {_MADE_BY[name]}, or name another model folder"
        raise ModelError(folder, "the packaged model is missing", advice)
    return folder


def named_folder(model: str | Path) -> Path:
    """Return the folder that a text names: that of a packaged model, by its name, or the path itself.

    A packaged name means the packaged model everywhere; a model folder of that name here goes by "./NAME", and a
    warning says so.

    Raises:
        ModelError: This checkout lacks the packaged model.
    """
    if not isinstance(model, str) or model not in PACKAGED:
        return Path(model)
    if (Path(model) / "config.yaml").is_file():
        logging.getLogger(__name__).warning("%s is the model that ships with emgasr; ./%s is the folder", model, model)
    return packaged_model(model)


def save_recognizer(recognizer: Recognizer, folder: str | Path, card: str = "") -> None:
    """Write the model folder: model.safetensors, config.yaml, tokens and README.md (the `card`).

    What was tuned for older weights is removed: search, live rules, confidence, operating point. A language model
    stays.
    """
    folder = Path(folder)
    for name in (SEARCH_NAME, SURFACE_NAME, LIVE_NAME, CONFIDENCE_NAME, OPERATING_NAME):
        (folder / name).unlink(missing_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in recognizer.state_dict().items()}
    signal = {**to_mapping(recognizer.signal), "bands": [band.as_row() for band in recognizer.signal.bands]}
    if not recognizer.signal.steps:
        del signal["steps"]
    content = {"emgasr_model": FORMAT, **signal, **to_mapping(recognizer.config)}
    if recognizer.config.normalize_hidden.kind == "none":
        del content["normalize_hidden"]
    if recognizer.config.head == "linear":
        del content["head"]
    with replacing(folder / "model.safetensors") as path:
        path.write_bytes(save(weights))  # by Python, so that a full disk is reported as for any other file
    recognizer.tokens.save(folder)
    with replacing(folder / "README.md") as path:
        path.write_text(card or "# emgasr model\n\nNo card was written for this model.\n", encoding="utf-8")
    # The config comes last: a folder without it is refused as unfinished.
    write_yaml(content, folder / "config.yaml")


def weights_sha256(folder: Path) -> str:
    """Return the checksum of a model folder's weights."""
    digest = hashlib.sha256()
    with (folder / WEIGHTS_NAME).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def load_recognizer(folder: str | Path, device: str = "cpu") -> Recognizer:
    """Read a model folder; a ModelError if it is missing, damaged, unfinished or of another format.

    What the configuration asks for is compared with the weights before any of it is built. A ConfigError for a
    device that is not there.
    """
    folder = Path(folder)
    place = device_of(device)
    config, signal = _read_config(folder)
    tokens = load_tokens(folder)
    path = folder / "model.safetensors"
    kinds = kinds_in(path)
    try:
        wanted = outline(config, signal, len(tokens)).state_dict()
    except EmgasrError as error:
        raise ModelError(folder / "config.yaml", cause(error), "copy the model folder again") from error
    check_kinds(path, wanted, kinds)
    recognizer = Recognizer(config, signal, tokens)
    recognizer.load_state_dict(read_weights(path))
    recognizer.origin = str(folder)
    recognizer.template = load_profile(folder / TEMPLATE_NAME) if (folder / TEMPLATE_NAME).is_file() else None
    return recognizer.to(place).eval()


def _read_config(folder: Path) -> tuple[RecognizerConfig, Signal]:
    path = folder / "config.yaml"
    if not path.is_file():
        raise ModelError(folder, "is not a model folder (no config.yaml)", "give a folder that `emgasr train` wrote")
    content = read_yaml(path, ModelError, "copy the model folder again")
    if not isinstance(content, dict) or content.get("emgasr_model") != FORMAT:
        raise ModelError(path, f"is not an emgasr model of format {FORMAT}", "give a folder that `emgasr train` wrote")
    sections = ("bands", "rate_hz", "unit", "features", "normalize", "encoder")
    if missing := [name for name in sections if content.get(name) is None]:
        raise ModelError(path, f"lacks {missing[0]}", "copy the model folder again")
    try:
        listed = content.pop("bands")
        if not isinstance(listed, list) or not listed:
            raise ConfigError(path, f"bands is {shown(listed)}", "give a list of bands")
        bands = tuple(from_mapping(Band, {}, band, path) for band in listed)
        if len({band.name for band in bands}) < len(bands) or not all(band.electrodes for band in bands):
            raise ConfigError(path, "bands have equal names or no electrodes", "describe each band once")
        told = from_mapping(_ModelFile, KINDS, content, path)
    except EmgasrError as error:
        raise ModelError(path, cause(error), "was it made by a newer emgasr?") from error
    signal = Signal(told.rate_hz, told.unit, bands, told.steps)
    return RecognizerConfig(told.features, told.normalize, told.encoder, told.normalize_hidden, told.head), signal


@dataclass(frozen=True)
class _ModelFile(RecognizerConfig):
    """What config.yaml of a model folder holds beside the bands."""

    emgasr_model: Annotated[int, Within(0, 1e6)] = FORMAT
    rate_hz: Annotated[float, Within(0.01, 1e7)] = 0.0
    unit: str = ""
    steps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_within(self)
        if not all(math.isfinite(step) and step for step in self.steps):
            raise ConfigError("steps", f"{shown(list(self.steps))} cannot be", "give the µV of a stored step")
        if self.unit not in UNITS:
            raise ConfigError("unit", f"{shown(self.unit)} is unknown", f"choose {' or '.join(UNITS)}")


def cause(error: EmgasrError) -> str:
    """Return what is wrong in a file of YAML, with the section that it is wrong in where the error names one."""
    return error.wrong if error.where.endswith(".yaml") else f"{error.where}: {error.wrong}"
