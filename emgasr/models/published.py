"""A checkpoint of emg2qwerty's published TDS baseline in (PyTorch Lightning's file), a Recognizer with its weights out.

Only tensors and plain values are read: a file that asks for code to be run while it loads is refused. The classes in
its saved configuration (OmegaConf) become stand-ins that do nothing.
"""

from __future__ import annotations

import collections
import re
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from emgasr.errors import ConfigError, ModelError
from emgasr.files.checkpoint_file import read_checkpoint
from emgasr.files.weights import check_numbers
from emgasr.frontend.features import MOST_CHANNELS, LogSpectrogramConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig, outline
from emgasr.models.tds import TDSConfig, published_names
from emgasr.recording import Band, Signal
from emgasr.tokens import PUBLISHED_BLANK, Tokens

RATE_HZ, HOP_MS = 2000.0, 8.0  # of the published front end; its window follows from the number of bins
WRISTS = ("left", "right")
ADVICE = "give a checkpoint (.ckpt) of emg2qwerty's TDS baseline"
# Modules whose objects, and types, may stand in a saved configuration.
STAND_INS = ("omegaconf.", "typing.")
TYPES = tuple(f"builtins.{kind}" for kind in ("int", "float", "bool", "str", "bytes"))
PLAIN: dict[str, Any] = {
    "collections.defaultdict": collections.defaultdict,
    **{f"builtins.{kind.__name__}": kind for kind in (dict, list, tuple, set)},
}


def read_published_tds(path: str | Path, keep_first_frames: bool = False) -> Recognizer:
    """Read a checkpoint; its sizes are those of its tensors.

    The baseline runs without padding: its emission n is this recognizer's emission n + blocks * (kernel - 1). The
    emissions before that, which the baseline does not have, are blank, so that both read the same.

    Args:
        keep_first_frames: read those emissions too, from zeros before the start, as live use wants it.

    Raises:
        ModelError: the checkpoint is damaged, unsafe, or of another network.
    """
    path = Path(path)
    weights = _state_dict(path)
    tokens = Tokens.keystrokes()
    try:
        config, bands, electrodes = _sizes(path, weights, "read" if keep_first_frames else "left_out")
        if not 1 <= electrodes <= MOST_CHANNELS:
            raise ModelError(path, f"has {electrodes} electrodes a band", ADVICE)
        worn = [Band.numbered(name, electrodes, ring=True, montage="bipolar") for name in WRISTS[:bands]]
        signal = Signal(RATE_HZ, "uV", tuple(worn))
        wanted = outline(config, signal, len(tokens))
    except ConfigError as error:
        raise ModelError(path, f"its sizes make no network ({error.where}: {error.wrong})", ADVICE) from error
    names = published_names(wanted["encoder"])
    own = {f"encoder.{name}": _tensor(path, weights, published) for name, published in names.items()}
    for kind in ("weight", "bias"):
        head = _tensor(path, weights, f"model.4.{kind}")
        if head.shape[:1] != (PUBLISHED_BLANK + 1,):
            raise ModelError(path, f"writes {tuple(head.shape)} symbols, not {PUBLISHED_BLANK + 1}", ADVICE)
        own[f"head.{kind}"] = head[list(tokens.published_ids)]  # the blank comes first here
    used = {*names.values(), "model.4.weight", "model.4.bias"}
    if foreign := sorted(name for name in weights if name.startswith("model.") and name not in used):
        raise ModelError(path, f"holds {foreign[0]}, which the baseline does not have", ADVICE)
    for name, want in wanted.state_dict().items():
        have = own[name]
        if have.shape != want.shape or have.is_floating_point() != want.is_floating_point():
            wrong = f"{name} is {tuple(have.shape)} of {have.dtype}, for {tuple(want.shape)}"
            raise ModelError(path, f"its tensors do not fit together ({wrong})", ADVICE)
        check_numbers(path, name, have, "fetch the checkpoint again")
    recognizer = Recognizer(config, signal, tokens)
    recognizer.load_state_dict(own)
    return recognizer.eval()


def _state_dict(path: Path) -> dict[str, Tensor]:
    content = read_checkpoint(path, lambda name: _harmless(path, name))
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if isinstance(weights, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()):
        return weights
    raise ModelError(path, "holds no state_dict of tensors", ADVICE)


def _harmless(path: Path, name: str) -> tuple[Any, str]:
    """Return the stand-in for a class that a checkpoint names."""
    if name in PLAIN:
        return PLAIN[name], name
    if name.startswith(STAND_INS) or name in TYPES:
        return type("StandIn", (_StandIn,), {}), name
    raise ModelError(path, f"would run {name} to load", "give its weights alone")


class _StandIn:
    """An object that accepts any arguments and does nothing."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _sizes(
    path: Path, weights: dict[str, Tensor], first_frames: Literal["read", "left_out"]
) -> tuple[RecognizerConfig, int, int]:
    """Return the configuration that the tensors' shapes show, the number of bands, and of electrodes a band."""
    bands = len({match[1] for name in weights if (match := re.match(r"model\.1\.mlps\.(\d+)\.", name))})
    blocks = len({name for name in weights if re.fullmatch(r"model\.3\.tds_conv_blocks\.\d+\.conv2d\.weight", name)})
    if not 1 <= bands <= len(WRISTS) or not blocks:
        raise ModelError(path, f"has {bands} bands and {blocks} convolutions by the published names", ADVICE)
    norm = _tensor(path, weights, "model.0.batch_norm.weight")
    mlp = _tensor(path, weights, "model.1.mlps.0.mlp.0.weight")
    conv = _tensor(path, weights, "model.3.tds_conv_blocks.0.conv2d.weight")
    electrodes = norm.numel() // bands
    if norm.dim() != 1 or mlp.dim() != 2 or conv.dim() != 4 or not electrodes or mlp.shape[1] % electrodes:
        raise ModelError(path, f"its MLP reads {tuple(mlp.shape)} of {electrodes} electrodes", ADVICE)
    window = 2 * (mlp.shape[1] // electrodes - 1)
    features = LogSpectrogramConfig(window_ms=1000 * window / RATE_HZ, hop_ms=HOP_MS)
    encoder = TDSConfig(
        mlp_width=len(mlp), channels=len(conv), kernel=conv.shape[3], blocks=blocks, first_frames=first_frames
    )
    return RecognizerConfig(features, NormalizeConfig("none"), encoder), bands, electrodes


def _tensor(path: Path, weights: dict[str, Tensor], name: str) -> Tensor:
    if name not in weights:
        raise ModelError(path, f"lacks {name}", ADVICE)
    return weights[name]
