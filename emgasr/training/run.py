"""One training run from its configuration: manifest and model described in YAML in, a folder with the model out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from emgasr.corpora import open_entry
from emgasr.corpora.single import steps_of
from emgasr.data.batches import ComposedConfig, ComposedSampler, WindowSampler, WindowsConfig
from emgasr.data.compose import ComposedExamples, Take, takes_from_recordings
from emgasr.data.spellings import RandomStrings, Texts, Words, read_words
from emgasr.errors import ConfigError
from emgasr.files.output import UNFINISHED, claimed_folder, locked_folder
from emgasr.frontend.electrodes import save_template
from emgasr.frontend.measured import mended
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_apart, check_disjoint
from emgasr.manifests.manifest import TRAIN, Manifest, read_manifest
from emgasr.manifests.splits import every_nth
from emgasr.models.folder import load_recognizer, named_folder, save_recognizer
from emgasr.models.pretrained import is_pretrained, load_pretrained
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Recording, Signal
from emgasr.tokens import Tokens
from emgasr.training.budget import fit_to_budget
from emgasr.training.card import card
from emgasr.training.checkpoint import CHECKPOINT_NAME
from emgasr.training.config import TokensConfig, TrainingConfig
from emgasr.training.contracts import BatchSampler
from emgasr.training.loop import STARTING_BATCHES, Fitted, Report, choose_device, fit
from emgasr.training.objective import CTCObjective
from emgasr.training.resuming import begin, check_resumed, stopped_before_its_first_checkpoint, write_begun
from emgasr.training.session_start import SessionStart
from emgasr.training.validator import make_validator

HELD_OUT = 7  # one take of so many of a label validates, where a manifest holds none out


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    other_data: bool = False,
    free: Collection[str] = (),
    report: Report = lambda entry: None,
    log: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """Train as `config` says; `folder` receives training.yaml, log.jsonl, checkpoint.pt and the best model in model/.

    start.json there holds what the run began with, and each change on the way. Splits are checked before anything is
    read: a split that breaks what its manifest claims is refused. With `resume` a run goes on with the same model and
    recordings (other recordings are refused, or with `other_data` recorded), by options that may have changed.

    Args:
        config: the whole configuration.
        folder: a folder that is not there yet, or the run's with `resume`.
        resume: go on where the run in `folder` stopped.
        other_data: let a resumed run go on with other recordings, and record it.
        free: options, by dotted names, that may be fitted to the machine and the budget (`fit_to_budget`).
        report: receives each entry of the log, as `fit` gives it.
        log: receives a line for each recording with values that no amplifier gives, which are filled in, and for each
            option that was fitted.
    """
    if not config.manifest:
        raise ConfigError("train", "no manifest", "give MANIFEST (see `emgasr manifest --help`)")
    manifest = read_manifest(config.manifest)
    check_disjoint(manifest)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    if isinstance(config.data, ComposedConfig) and not config.validation_manifest:
        manifest = with_validation(manifest, config, log if first else _unlogged)
    held_out = read_manifest(config.validation_manifest) if config.validation_manifest else manifest
    if config.train_split == config.validation_split and held_out is manifest:
        raise ConfigError("validation_split", "is the training split", "choose the best model on held-out recordings")
    check_apart(manifest.split(config.train_split), held_out.split(config.validation_split))
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    begun = check_resumed(folder, config, manifest, held_out, other_data) if resume else None
    named = [
        (entry.path, mended(open_entry(entry, manifest.root), log if first else _unlogged))
        for entry in manifest.split(config.train_split)
    ]
    training = [recording for _, recording in named]
    validation = [(entry.path, open_entry(entry, held_out.root)) for entry in held_out.split(config.validation_split)]
    choose_device(config.fit.device)  # raises where it is not there
    with _processes(config.fit.device), ExitStack() as stack:
        torch.manual_seed(config.seed)
        tokens = make_tokens(config.tokens, training)
        shape = RecognizerConfig(config.features, config.normalize, config.encoder)
        steps = steps_of(manifest.split(config.train_split))
        signal = replace(Signal.of(training[0]).with_montage_of(training), steps=steps)
        recognizer = Recognizer(shape, signal, tokens)
        for _, recording in validation:
            recognizer.signal.check(recording)
        if config.init and not resume:
            _take_weights(recognizer, config.init)
        batches = make_sampler(config.data, named, tokens, config.seed)
        validate = make_validator(config.data, validation, tokens)
        if begun is None:
            begun = begin(config, manifest, held_out, parameters_checksum(recognizer))
        if first:
            stack.enter_context(claimed(folder, resume))
        begins = make_session_start(config.data, recognizer, batches, log if first else _unlogged)
        objective = CTCObjective(recognizer, config.objective, config.augment, begins)
        if free and not resume and "RANK" not in os.environ:
            config = fit_to_budget(config, free, objective, batches, validate, log)
            batches = make_sampler(config.data, named, tokens, config.seed)
        if first:
            write_begun(begun, config, folder)
        if config.normalize.fitted and not resume:
            recognizer.normalize.fit(_frames(recognizer, batches))

        def save(best: Recognizer, error: float, step: int) -> None:
            lineage.write(begun.shaped_by, folder / "model")
            save_recognizer(
                best,
                folder / "model",
                card(config, manifest, begun, best, f"{validate.described} | {100 * error:.2f} %", step),
            )

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
        if first and not fitted.interrupted:
            save_template(training, folder / "model")
            (folder / UNFINISHED).unlink(missing_ok=True)  # of the run that was killed and went on here
        return fitted


def with_validation(manifest: Manifest, config: TrainingConfig, log: Callable[[str], None]) -> Manifest:
    """Return the manifest with every `HELD_OUT`th take of a label held out for validation, if it has no such split.

    `log` receives what was held out. Recordings of many takes are not cut: a ManifestError then asks for a split.
    """
    if config.validation_split in manifest.splits or not all(
        entry.text for entry in manifest.split(config.train_split)
    ):
        return manifest
    entries = [replace(e, split=TRAIN) if e.split == config.train_split else e for e in manifest.entries]
    entries = every_nth(entries, HELD_OUT, config.validation_split)
    entries = [replace(e, split=config.train_split) if e.split == TRAIN else e for e in entries]
    count = sum(entry.split == config.validation_split for entry in entries)
    log(
        f"{config.validation_split}: {count} takes, every {HELD_OUT}th of a label, for the manifest has no such split; "
        "they lie beside the takes that are trained on, so their error is optimistic"
    )
    return replace(manifest, entries=tuple(entries))


def claimed(folder: Path, resume: bool) -> AbstractContextManager[Path]:
    """Claim a run's folder, or lock it to go on in it."""
    advice = f"go on with `emgasr train --resume --out {folder}`" if (folder / CHECKPOINT_NAME).is_file() else ""
    return locked_folder(folder) if resume else claimed_folder(folder, None, done=CHECKPOINT_NAME, advice=advice)


def parameters_checksum(model: nn.Module) -> str:
    """Return the SHA-256 of all parameters by name; statistics of a fixed normalization are no parameters."""
    digest = hashlib.sha256()
    for name, value in sorted(model.named_parameters()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_tokens(config: TokensConfig, recordings: Sequence[Recording]) -> Tokens:
    """Return the token set that `config` describes; symbols left open are those of the recordings' labels."""
    if config.kind == "keystrokes":
        return Tokens.keystrokes(config.symbols or None)
    if config.kind == "sentencepiece":
        return Tokens.sentencepiece(config.model)
    texts = [text for r in recordings for kind in ("utterance", "gesture") for text in r.spans.of_kind(kind).texts]
    if config.kind == "words":
        return Tokens.words(config.symbols or sorted(set(texts)))
    return Tokens.characters(config.symbols or sorted(set("".join(texts))))


def make_sampler(
    config: WindowsConfig | ComposedConfig, recordings: Sequence[tuple[str, Recording]], tokens: Tokens, seed: int
) -> WindowSampler | ComposedSampler:
    """Return the sampler that `config` describes, which draws from (name, recording) pairs."""
    if isinstance(config, WindowsConfig):
        return WindowSampler([recording for _, recording in recordings], tokens, config, seed)
    return sampler_of_takes(config, takes_from_recordings(recordings), tokens, seed)


def sampler_of_takes(config: ComposedConfig, takes: Sequence[Take], tokens: Tokens, seed: int) -> ComposedSampler:
    """Return the sampler of sequences that `config` composes of takes."""
    words = read_words(config.words) if config.words else None
    texts: Texts = Words(words) if words else RandomStrings(config.shortest, config.longest, config.repeats)
    sequences = ComposedExamples(takes, texts, tokens, config, seed)
    return ComposedSampler(sequences, config.batch_size)


def make_session_start(
    config: WindowsConfig | ComposedConfig,
    recognizer: Recognizer,
    batches: BatchSampler,
    log: Callable[[str], None] = lambda line: None,
) -> SessionStart | None:
    """Return what sequences begin with, if `config` asks for the statistics of their sessions.

    `log` receives a line for each session with bad electrodes.
    """
    if not isinstance(config, ComposedConfig) or not config.worn_s:
        return None
    if recognizer.config.normalize.kind != "adaptive":
        kind = recognizer.config.normalize.kind
        raise ConfigError("data.worn_s", f"normalize.kind is {kind}", "set it to adaptive, or data.worn_s to 0")
    assert isinstance(batches, ComposedSampler)
    return SessionStart(recognizer, batches.sequences.sessions, config.worn_s, log)


def _take_weights(recognizer: Recognizer, where: str) -> None:
    """Start from the weights of a model folder, or of a pretrained encoder, which has no head."""
    if is_pretrained(Path(where)):
        load_pretrained(Path(where)).give(recognizer.encoder, recognizer.config, where)
        return
    folder = named_folder(where)
    other = load_recognizer(folder)
    if other.config.normalize_hidden.kind != "none":
        raise ConfigError(where, "normalizes hidden frames, which `emgasr train` does not", "use `emgasr personalize`")
    if (recognizer.config, recognizer.tokens) != (other.config, other.tokens):
        raise ConfigError(where, "has another configuration or other tokens", "use its own config.yaml as --config")
    recognizer.load_state_dict(other.state_dict())


def _frames(recognizer: Recognizer, batches: BatchSampler) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    for step in range(STARTING_BATCHES):
        batch = batches.batch(step)
        yield recognizer.features(batch.samples, batch.lengths)


def _unlogged(line: str) -> None:
    """The first of torchrun's processes logs it."""


@contextmanager
def _processes(device: str) -> Iterator[None]:
    """Join the process group that torchrun announces in the environment, if it does."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() and device != "cpu" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()
