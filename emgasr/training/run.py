"""One training run from its configuration: manifest and model described in YAML in, a folder with the model out."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from emgasr.corpora import open_entry
from emgasr.data.batches import ComposedBatches, ComposedConfig, Source, WindowsConfig, WindowSource, collate
from emgasr.data.compose import ComposedSource, takes_from_recordings
from emgasr.data.spellings import RandomStrings, Texts, Words, read_words
from emgasr.display.visible import markdown_code, markdown_text
from emgasr.errors import ConfigError
from emgasr.files.output import UNFINISHED, claimed_folder, locked_folder
from emgasr.frontend.measured import mended
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_apart, check_disjoint
from emgasr.manifests.manifest import Manifest, read_manifest
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Recording, Signal
from emgasr.tokens import Tokens
from emgasr.training.checkpoint import CHECKPOINT_NAME
from emgasr.training.config import TokensConfig, TrainingConfig
from emgasr.training.loop import Fitted, check_labelled, fit
from emgasr.training.resuming import Begun, begin, check_resumed, stopped_before_its_first_checkpoint, write_begun
from emgasr.version import __version__


def train(
    config: TrainingConfig, folder: Path, *, resume: bool = False, other_data: bool = False, quiet: bool = False
) -> Fitted:
    """Train as `config` says; `folder` receives training.yaml, log.jsonl, checkpoint.pt and the best model in model/.

    start.json there tells what the run began with, and each change on the way. Splits are checked before anything is
    read: a split that breaks what its manifest claims is refused. With `resume` a run goes on with the same model and
    recordings (other recordings are refused, or with `other_data` recorded), by options that may have changed.
    """
    if not config.manifest:
        raise ConfigError("emgasr train", "no manifest", "pass --manifest FILE (see `emgasr manifest --help`)")
    manifest = read_manifest(config.manifest)
    held_out = read_manifest(config.validation_manifest) if config.validation_manifest else manifest
    check_disjoint(manifest)
    if config.train_split == config.validation_split and held_out is manifest:
        raise ConfigError("validation_split", "is the training split", "choose the best model on held-out recordings")
    check_apart(manifest.split(config.train_split), held_out.split(config.validation_split))
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    begun = check_resumed(folder, config, manifest, held_out, other_data) if resume else None
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    tell = _told if first else _untold
    named = [
        (entry.path, mended(open_entry(entry, manifest.root), tell)) for entry in manifest.split(config.train_split)
    ]
    training = [recording for _, recording in named]
    validation = [(entry.path, open_entry(entry, held_out.root)) for entry in held_out.split(config.validation_split)]
    with _processes(config.device), ExitStack() as stack:
        torch.manual_seed(config.seed)
        tokens = make_tokens(config.tokens, training)
        shape = RecognizerConfig(config.features, config.normalize, config.encoder)
        recognizer = Recognizer(shape, Signal.of(training[0]), tokens)
        for recording in training:
            recognizer.signal.check(recording)
        if config.init and not resume:
            _take_weights(recognizer, load_recognizer(config.init), config.init)
        source = make_source(config.source, named, tokens, config.seed)
        if begun is None:
            begun = begin(config, manifest, held_out, parameters_checksum(recognizer))
        check_labelled(recognizer.tokens, validation)
        if first:
            stack.enter_context(_claimed(folder, resume))
            write_begun(begun, config, folder)
        if config.normalize.fitted and not resume:
            recognizer.normalize.fit(_frames(recognizer, source))

        def save(best: Recognizer, cer: float, step: int) -> None:
            lineage.write(begun.shaped_by, folder / "model")
            save_recognizer(best, folder / "model", card(config, manifest, begun, best, cer, step))

        with progress(quiet or not first) as report:
            fitted = fit(recognizer, source, validation, config, folder, resume=resume, save_best=save, report=report)
        if first and not fitted.interrupted:
            (folder / UNFINISHED).unlink(missing_ok=True)  # of the run that was killed and went on here
        return fitted


def _claimed(folder: Path, resume: bool) -> AbstractContextManager[Path]:
    advice = f"go on with `emgasr train --resume --out {folder}`" if (folder / CHECKPOINT_NAME).is_file() else ""
    return locked_folder(folder) if resume else claimed_folder(folder, None, done=CHECKPOINT_NAME, advice=advice)


def parameters_checksum(recognizer: Recognizer) -> str:
    """SHA-256 of all parameters by name; statistics of a fixed normalization are no parameters."""
    digest = hashlib.sha256()
    for name, value in sorted(recognizer.named_parameters()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_tokens(config: TokensConfig, recordings: Sequence[Recording]) -> Tokens:
    """The token set that `config` describes; symbols left open are those of the recordings' labels."""
    if config.kind == "keystrokes":
        return Tokens.keystrokes(config.symbols or None)
    if config.kind == "sentencepiece":
        return Tokens.sentencepiece(config.model)
    texts = [text for r in recordings for kind in ("utterance", "gesture") for text in r.spans.of_kind(kind).texts]
    if config.kind == "words":
        return Tokens.words(config.symbols or sorted(set(texts)))
    return Tokens.characters(config.symbols or sorted(set("".join(texts))))


def make_source(
    config: WindowsConfig | ComposedConfig, recordings: Sequence[tuple[str, Recording]], tokens: Tokens, seed: int
) -> Source:
    """The batches that `config` describes, drawn from (name, recording) pairs."""
    if isinstance(config, WindowsConfig):
        return WindowSource([recording for _, recording in recordings], tokens, config, seed)
    words = read_words(config.words) if config.words else None
    texts: Texts = Words(words) if words else RandomStrings(config.shortest, config.longest)
    return ComposedBatches(
        ComposedSource(takes_from_recordings(recordings), texts, tokens, config, seed), config.batch_size
    )


def card(
    config: TrainingConfig, manifest: Manifest, begun: Begun, recognizer: Recognizer, cer: float, step: int
) -> str:
    """The model card: what it listens to, everybody whose data shaped it, split and seed, its validation error."""
    trained = manifest.split(config.train_split)
    hours = sum(entry.duration_s for entry in trained) / 3600
    signal = recognizer.signal
    bands = ", ".join(f"{markdown_text(band.name)} ({len(band.electrodes)} electrodes)" for band in signal.bands)
    trained_on, judged_on = markdown_code(config.train_split), markdown_code(config.validation_split)
    budget = f"{config.minutes:g} minutes" if config.minutes else f"{config.steps} steps"
    people = len({entry.subject for entry in trained})
    return f"""# emgasr model

| | |
|---|---|
| listens to | {bands} at {signal.rate_hz:g} Hz, {signal.unit} |
| writes | {recognizer.tokens.kind}, {len(recognizer.tokens) - 1} symbols, {recognizer.frame_rate_hz:g} frames/s |
| encoder | {recognizer.config.encoder.kind}, {recognizer.parameter_count:,} parameters in all |
| trained on | {hours:.2f} h of {people} people, split {trained_on}, manifest {manifest.checksum()[:16]} |
{lineage.card_rows(begun.shaped_by, begun.started_from)}
| budget | {budget}, seed {config.seed}; best at step {step} |
| CER on validation, greedy | {100 * cer:.2f} % (split {judged_on}; the checkpoint was chosen on it) |
| made with | emgasr {__version__}, torch {torch.__version__}, Python {platform.python_version()} |
| licence | that of the training data |

`training.yaml` beside the model's folder holds the whole configuration{begun.told_changes()}.
"""


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that shows a log entry: as a bar on a terminal, else a line a validation on stderr."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from emgasr.display.console import Console

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task("training", total=1.0)
        shown = {"loss": "", "cer": ""}

        def report(entry: dict[str, Any]) -> None:
            if "loss" in entry:
                shown["loss"] = f"loss {entry['loss']:.3f}"
            if "validation_cer" in entry:
                shown["cer"] = f"CER {100 * entry['validation_cer']:.1f} %"
                line = f"step {entry['step']}  {entry['minutes']:.1f} min  {shown['loss']}  validation {shown['cer']}"
                console.print(line, highlight=False)
            if "warning" in entry:
                console.print(f"warning: {entry['warning']}", highlight=False)
            status = f"step {entry['step']}  {shown['loss']}  {shown['cer']}"
            bar.update(task, completed=entry["fraction"], description=status)

        yield report


def _told(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _untold(line: str) -> None:
    """Another of torchrun's processes tells it."""


def _take_weights(recognizer: Recognizer, other: Recognizer, where: str) -> None:
    if (recognizer.config, recognizer.tokens) != (other.config, other.tokens):
        raise ConfigError(where, "has another configuration or other tokens", "use its own config.yaml as --config")
    recognizer.load_state_dict(other.state_dict())


def _frames(recognizer: Recognizer, source: Source, batches: int = 50) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    for step in range(batches):
        batch = collate(source.batch(step))
        yield recognizer.features(batch.samples, batch.lengths)


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
