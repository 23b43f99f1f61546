"""Text and a configuration in, a folder with a neural language model, its log and its checkpoint out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.display.visible import markdown_text
from emgasr.errors import ConfigError, DataError, LanguageModelError, ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import UNFINISHED, claimed_folder, locked_folder, replacing
from emgasr.files.plain_data import read_json, read_yaml
from emgasr.lm import NGramModel, read_model
from emgasr.lm.mix import mixed_scores, shares_of
from emgasr.lm.neural.folder import Mixture, keep_mixture, load_neural, save_neural
from emgasr.lm.neural.model import NeuralLM
from emgasr.lm.neural.network import Network, make_network
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.lm.ngram import exp
from emgasr.lm.perplexity import encoded
from emgasr.lm.texts import read_texts, sentences
from emgasr.tokens import Tokens
from emgasr.training.checkpoint import CHECKPOINT_NAME
from emgasr.training.language.config import LanguageTrainingConfig
from emgasr.training.language.objective import HeldOutPerplexity, NextSymbol, SentenceSampler
from emgasr.training.loop import Fitted, Report, choose_device, fit
from emgasr.training.resuming import CONFIG_NAME, START_NAME, stopped_before_its_first_checkpoint
from emgasr.version import __version__

HELD_OUT = 20  # one sentence of so many is held out, where no text is
FIXED = ("texts", "held_out", "symbols", "pieces", "lowercase", "seed", "data", "network")  # a checkpoint is of these


@dataclass(frozen=True)
class Compared:
    """Perplexities a character of held-out text: of the neural model, of an n-gram model, and of their mixture."""

    neural: float
    ngram: float | None = None
    mixed: float | None = None
    ngram_share: float | None = None


@dataclass(frozen=True)
class TrainedLanguage:
    """What a training came to: the fit, and held-out text under the best model; None of a fit that was stopped."""

    fitted: Fitted
    compared: Compared | None
    parameters: int
    symbols: int


def train_language(
    config: LanguageTrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    report: Report = lambda entry: None,
    log: Callable[[str], None] = lambda line: None,
) -> TrainedLanguage:
    """Train as `config` says; `folder` receives training.yaml, log.jsonl, checkpoint.pt and the best model in model/.

    start.json there holds the checksum of the sentences. With `resume` a run goes on with the same text and network.

    Args:
        config: the whole configuration.
        folder: a folder that is not there yet, or the run's with `resume`.
        resume: go on where the run in `folder` stopped.
        report: receives each entry of the log, as `fit` gives it.
        log: receives a line on what was held out, if no text was given for it.

    Raises:
        ConfigError: There is no text, the network is too large, or a resumed run is another one.
        DataError: A text cannot be read, or holds nothing.
        LanguageModelError: The n-gram model cannot be read, or is of other symbols.
    """
    if not config.texts:
        raise ConfigError("train-neural", "no text", "give files of text")
    choose_device(config.fit.device)  # raises where it is not there
    ngram = read_model(config.ngram) if config.ngram else None
    vocabulary, training, held_out = _sentences(config, log)
    if ngram is not None and not {symbol for sentence in held_out for symbol in sentence} & ngram.symbols:
        wrong = f"knows none of the held-out text's {config.symbols}"
        raise LanguageModelError(config.ngram, wrong, "give a model of the same symbols")
    torch.manual_seed(config.seed)
    network = make_network(config.network, len(vocabulary))
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    checksum = _checksum(training, held_out)
    if resume:
        _check_resumed(folder, config, checksum)
    batches = SentenceSampler([vocabulary.ids(sentence) for sentence in training], config.data, config.seed)
    validate = HeldOutPerplexity(held_out, vocabulary)
    model = folder / "model"
    advice = f"go on with `emgasr lm train-neural --resume --out {folder}`"
    claim = locked_folder(folder) if resume else claimed_folder(folder, None, done=CHECKPOINT_NAME, advice=advice)
    with claim:
        with replacing(folder / START_NAME) as path:
            path.write_text(as_json({"sentences_sha256": checksum}) + "\n", encoding="utf-8")
        write_yaml(to_mapping(config), folder / CONFIG_NAME)

        def save(best: Network, perplexity: float, step: int) -> None:
            counts = [len(training), len(held_out)]
            written = _card(config, best, len(vocabulary), counts, perplexity, step)
            save_neural(NeuralLM(best, vocabulary), model, written)

        objective = NextSymbol(network, config.data.unknown)
        fitted = fit(
            objective,
            batches,
            validate,
            config.fit,
            folder,
            seed=config.seed,
            resume=resume,
            save_best=save,
            report=report,
        )
        compared = None
        if not fitted.interrupted:
            compared = _compare(load_neural(model), ngram, held_out)
            if ngram is not None and compared.ngram_share is not None:
                keep_mixture(Mixture(compared.ngram_share, ngram.checksum()), model)
            (folder / UNFINISHED).unlink(missing_ok=True)  # of the run that was killed and went on here
    count = sum(value.numel() for value in network.parameters())
    return TrainedLanguage(fitted, compared, count, len(vocabulary))


def _compare(neural: NeuralLM, ngram: NGramModel | None, sentences: Sequence[Sequence[str]]) -> Compared:
    characters = sum(map(neural.vocabulary.characters, sentences))
    scores = neural.symbol_scores(sentences)
    alone = exp(-scores.sum() / characters)
    if ngram is None:
        return Compared(alone)
    beside = ngram.score_ids(encoded(ngram, sentences))
    _, share = shares_of(np.stack([scores, beside], 1))
    mixed = mixed_scores(scores, beside, share)
    return Compared(alone, exp(-beside.sum() / characters), exp(-mixed.sum() / characters), share)


def _sentences(
    config: LanguageTrainingConfig, log: Callable[[str], None]
) -> tuple[Vocabulary, list[Sequence[str]], list[Sequence[str]]]:
    """The vocabulary, the sentences to train on, and those that are held out."""
    pieces = Vocabulary(Tokens.sentencepiece(config.pieces)) if config.pieces else None

    def cut(paths: Sequence[str]) -> list[Sequence[str]]:
        lines = read_texts(paths, config.lowercase)
        return list(sentences(lines, config.symbols) if pieces is None else pieces.sentences(lines))

    training = cut(config.texts)
    if config.held_out:
        held_out = cut(config.held_out)
    else:
        held_out = training[HELD_OUT - 1 :: HELD_OUT]
        del training[HELD_OUT - 1 :: HELD_OUT]
        log(f"held out: every {HELD_OUT}th sentence, {len(held_out):,} of {len(held_out) + len(training):,}")
    if not training or not held_out:
        what = "training" if not training else "held-out"
        raise DataError(f"{what} text", "holds no sentence", f"give {HELD_OUT} lines or more, or a text for --held-out")
    return pieces or Vocabulary.of_text(config.symbols, training), training, held_out


def _checksum(*texts: Sequence[Sequence[str]]) -> str:
    found = hashlib.sha256()
    for text in texts:
        for sentence in text:
            found.update("\0".join(sentence).encode() + b"\n")
        found.update(b"\n")
    return found.hexdigest()


def _check_resumed(folder: Path, config: LanguageTrainingConfig, checksum: str) -> None:
    path = folder / CONFIG_NAME
    before = to_mapping(from_mapping(LanguageTrainingConfig, {}, read_yaml(path), path))
    now = to_mapping(config)
    if changed := [name for name in FIXED if before[name] != now[name]]:
        wrong = f"is not what the run in {folder} was started with: its checkpoint is of another model"
        raise ConfigError(changed[0], wrong, "leave the option out, or start another run")
    start = read_json(folder / START_NAME, ModelError, "start the run anew in another folder")
    if not isinstance(start, dict) or start.get("sentences_sha256") != checksum:
        raise DataError(folder, "was started on another text than this", "restore the text, or start another run")


def _card(
    config: LanguageTrainingConfig, network: Network, symbols: int, counts: Sequence[int], perplexity: float, step: int
) -> str:
    texts = ", ".join(markdown_text(Path(path).name) for path in config.texts)
    held_out = ", ".join(markdown_text(Path(path).name) for path in config.held_out) or f"every {HELD_OUT}th sentence"
    budget = f"{config.fit.minutes:g} minutes" if config.fit.minutes else f"{config.fit.steps} steps"
    shape = config.network
    return f"""# Neural language model

| | |
|---|---|
| predicts | {config.symbols}, {symbols:,} symbols |
| network | {shape.kind}, {sum(value.numel() for value in network.parameters()):,} parameters |
| trained on | {texts}: {counts[0]:,} sentences |
| held out | {held_out}: {counts[1]:,} sentences |
| perplexity a character | {perplexity:.4f} on the held-out text (the checkpoint was chosen on it) |
| budget | {budget}, seed {config.seed}; best at step {step} |
| made with | emgasr {__version__}, torch {torch.__version__} |
| licence | that of the texts |
"""
