"""A second pass in, second_pass.yaml beside a model out, and back; the models of language that it names are checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emgasr.config.bounds import check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.config.typed_data import shown
from emgasr.errors import ConfigError, LanguageModelError
from emgasr.files.plain_data import read_yaml
from emgasr.lm.neural.folder import CONFIG_NAME
from emgasr.rescoring.contract import Scorer
from emgasr.rescoring.neural import NeuralScorer
from emgasr.rescoring.second_pass import SecondPass, SecondPassConfig
from emgasr.tokens import Tokens

FORMAT = 1
FILE_MARK = "emgasr_second_pass"
UNTUNED_WEIGHT = 0.5  # of a single language model that comes without a file
_KINDS = ("neural", "llm")
_ADVICE = "make it by `emgasr tune --second-pass`"


@dataclass(frozen=True)
class NamedScorer:
    """A scorer as second_pass.yaml names it.

    Args:
        kind: neural or llm.
        path: its folder or file; relative: to the folder of second_pass.yaml.
        weight: of its ln p.
        sha256: its checksum; empty: any.
    """

    kind: str
    path: str
    weight: float = UNTUNED_WEIGHT
    sha256: str = ""

    def __post_init__(self) -> None:
        check_within(self, "scorer")
        if self.kind not in _KINDS:
            raise ConfigError("scorers", f"kind {shown(self.kind)} is unknown", f"choose {' or '.join(_KINDS)}")
        if not -100 <= self.weight <= 100:
            raise ConfigError("scorers", f"weight {self.weight:g} cannot be", "give -100 to 100")
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ConfigError("scorers", f"sha256 {shown(self.sha256)} is none", "leave it out, or tune again")


@dataclass(frozen=True)
class SecondPassFile:
    """What second_pass.yaml holds.

    Args:
        config: how segments are cut and looked at.
        scorers: what looks at them.
        lm_sha256: checksum of the search's language model that all was tuned with; empty: unknown.
        folder: that paths are relative to.
    """

    config: SecondPassConfig
    scorers: tuple[NamedScorer, ...]
    lm_sha256: str = ""
    folder: Path = Path()

    @property
    def identity(self) -> dict[str, Any]:
        """What reading by it depends on: the configuration, and the scorers with their weights."""
        scorers = [[named.kind, named.sha256 or named.path, named.weight] for named in self.scorers]
        return {**to_mapping(self.config), "scorers": scorers}

    def open(self, tokens: Tokens, lm_weight: float) -> SecondPass:
        """Load the scorers, for texts of a recognizer's tokens.

        Raises:
            LanguageModelError: One is missing, damaged, of other symbols, or another than all was tuned with.
            ConfigError: What reads one is not installed.
        """
        scorers = []
        for named in self.scorers:
            scorer = open_scorer(named.kind, self.folder / named.path, tokens)
            if named.sha256 and scorer.checksum != named.sha256:
                wrong = "is another language model than the second pass was tuned with (checksum)"
                raise LanguageModelError(self.folder / named.path, wrong, "restore it, or tune again")
            scorers.append(scorer)
        return SecondPass(scorers, [named.weight for named in self.scorers], self.config, lm_weight)


def open_scorer(kind: str, path: Path, tokens: Tokens) -> Scorer:
    """Load a scorer of a kind."""
    if kind == "neural":
        return NeuralScorer.load(path if (path / CONFIG_NAME).is_file() else path / "model", tokens)
    from emgasr.rescoring.llm import CausalScorer

    return CausalScorer(path)


def kind_of_lm(path: str | Path) -> str:
    """Return the kind of scorer that a path means: a folder of a neural model of ours, or any causal model.

    Raises:
        LanguageModelError: It is none of both.
    """
    path = Path(path)
    if path.suffix == ".gguf":
        return "llm"
    if (path / CONFIG_NAME).is_file() or (path / "model" / CONFIG_NAME).is_file():
        return "neural"
    if (path / "config.json").is_file():
        return "llm"
    advice = "give a folder of `emgasr lm train-neural`, a folder of transformers, or a .gguf file"
    raise LanguageModelError(path, "is no language model that can score texts", advice)


def second_pass_of(path: str | Path) -> SecondPassFile:
    """Return the second pass of a file, or of a language model by itself, with untuned weights.

    Raises:
        ConfigError: The file is no second pass, or a field of it is wrong.
        LanguageModelError: The path is no language model.
    """
    path = Path(path)
    if path.suffix in (".yaml", ".yml"):
        return read_second_pass(path)
    return SecondPassFile(SecondPassConfig(), (NamedScorer(kind_of_lm(path), str(path.absolute())),))


def read_second_pass(path: str | Path) -> SecondPassFile:
    """Read second_pass.yaml.

    Raises:
        ConfigError: It cannot be read, is of another format, or a field is unknown, mistyped or out of bounds.
    """
    path = Path(path)
    content = read_yaml(path)
    if not isinstance(content, dict) or content.pop(FILE_MARK, None) != FORMAT:
        raise ConfigError(path, f"is no second pass of format {FORMAT}", _ADVICE)
    listed, lm_sha256 = content.pop("scorers", None), content.pop("lm_sha256", "")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise ConfigError(path, "lists no scorers", _ADVICE)
    if lm_sha256 and not (isinstance(lm_sha256, str) and re.fullmatch("[0-9a-f]{64}", lm_sha256)):
        raise ConfigError(path, f"lm_sha256 {shown(lm_sha256)} is no SHA-256", "leave it out, or tune again")
    if lacking := [one for one in listed if not {"kind", "path"} <= one.keys()]:
        raise ConfigError(path, f"a scorer lacks its kind or path ({shown(lacking[0])})", _ADVICE)
    scorers = tuple(from_mapping(NamedScorer, {}, one, path) for one in listed)
    return SecondPassFile(from_mapping(SecondPassConfig, {}, content, path), scorers, lm_sha256, path.parent)


def write_second_pass(file: SecondPassFile, path: str | Path, comment: str = "") -> None:
    """Write second_pass.yaml, paths relative to its folder; the old file stays if this fails."""
    folder = Path(path).absolute().parent
    rows: list[dict[str, Any]] = []
    for named in file.scorers:
        place = os.path.relpath((file.folder / named.path).absolute(), folder)
        rows.append({"kind": named.kind, "path": place, "weight": named.weight, "sha256": named.sha256})
    sha256 = {"lm_sha256": file.lm_sha256} if file.lm_sha256 else {}
    write_yaml({FILE_MARK: FORMAT, **to_mapping(file.config), **sha256, "scorers": rows}, path, comment)
