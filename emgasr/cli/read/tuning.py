"""A validation split, a model and a language model in; the weights of the search out: what tune and evaluate share."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.search import pipeline_of, tell_if_cold
from emgasr.cli.progress import bar, counted
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError, DataError, OutputError
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, Manifest, read_manifest

if TYPE_CHECKING:
    from emgasr.decoding import SearchConfig
    from emgasr.evaluation.endpoint_tuning import LiveTrial
    from emgasr.evaluation.search_tuning import Trial, Tuned, Utterance
    from emgasr.language import Language
    from emgasr.models.recognizer import Recognizer
    from emgasr.tokens import Tokens

MINUTES, TRIALS = 30.0, 60
THREADS = min(4, os.cpu_count() or 1)
THREADS_HELP = "threads that search (default: 4, or as many as there are CPUs)"


@dataclass(frozen=True)
class Effort:
    """How much is tuned on, and how hard it is tried."""

    minutes: float
    trials: int
    seed: int
    threads: int
    quiet: bool = False


def effort(options: argparse.Namespace, minutes_name: str, trials_name: str) -> Effort:
    """What the options of minutes, of trials, --seed and --threads ask for; a ConfigError names one not above 0."""
    names = (minutes_name, trials_name, "threads")
    values = [getattr(options, name) for name in names]
    for name, value in zip(names, values, strict=True):
        if not value > 0:
            raise ConfigError(f"--{name.replace('_', '-')}", f"is {value}", "give more than 0")
    minutes, trials, threads = values
    return Effort(minutes, trials, options.seed, threads, options.quiet)


def validation_utterances(
    recognizer: Recognizer,
    model: Path,
    validation: Manifest,
    split: str,
    effort: Effort,
    manifest: Manifest,
    evaluated: str,
    whole: bool,
) -> list[Utterance]:
    """Emissions and references of the validation recordings, read by the model once, cut into stretches at pauses.

    With `whole` nothing is cut: where a search takes the end for that of a sentence, half a word must not end there.
    Refused is what `emgasr.evaluation.items.refuse_tuning_on_test` refuses, and a split without labels.
    """
    from emgasr.evaluation.items import items_of, refuse_tuning_on_test, tuning_stretches

    refuse_tuning_on_test(validation, split, manifest, evaluated, model)
    entries = validation.split(split)
    recordings = (
        (entry.path, open_entry(entry, validation.root))
        for entry in counted(entries, "reading", len(entries), effort.quiet)
    )
    stretches: list[Utterance] = []
    items, longest = items_of(recognizer, recordings), {"stretch_s": math.inf} if whole else {}
    stretches += tuning_stretches(items, recognizer.tokens, effort.minutes, **longest)
    if not any(ids for _, ids in stretches):
        raise DataError(f"split {split}", "has no labels to tune on", "give the weights by hand")
    return stretches


def find_weights(
    tokens: Tokens, utterances: list[Utterance], language: Language, start: SearchConfig, effort: Effort
) -> Tuned:
    """Tune the search, shown as it goes on a terminal."""
    from emgasr.evaluation.search_tuning import tune

    tell_if_cold()
    lm, hotwords = language.lm, language.hotwords
    with trials_shown("tuning", effort.trials, effort.quiet) as report:
        return tune(utterances, tokens, lm, start, effort.trials, effort.seed, effort.threads, report, hotwords)


@contextmanager
def trials_shown(what: str, count: int, quiet: bool) -> Iterator[Callable[[Trial | LiveTrial], None]]:
    """Yield a function that shows each trial: a bar with the fewest errors so far, on a terminal only."""
    with bar(quiet) as shown:
        task = shown.add_task(what, total=count)
        best = float("inf")

        def report(trial: Trial | LiveTrial) -> None:
            nonlocal best
            best = min(best, trial.counts.rate)
            shown.update(task, advance=1, description=f"{what}, best {100 * best:.2f} %")

        yield report


def destination(options: argparse.Namespace, name: str) -> tuple[Path, Path, Manifest]:
    """Return the model's folder, the file to write (--out, or `name` beside the weights), and the manifest.

    Raises:
        OutputError: The file is there, and nothing says that it may be written over.
        DataError: People of the manifest stand in several splits.
    """
    from emgasr.pipeline import model_folder

    folder, _ = model_folder(options.model)
    out = options.out or folder / name
    if out.exists() and not options.overwrite:
        raise OutputError(out, "already exists", "choose another name with --out or pass --overwrite")
    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    return folder, out, manifest


def tune_confidence(options: argparse.Namespace) -> int:
    """Fit the confidence of a model on validation people, and write it beside the model."""
    from emgasr.confidence.fitting import fit
    from emgasr.evaluation.evaluate import evaluate
    from emgasr.evaluation.items import items_of, refuse_tested_people, refuse_tuning_on_test
    from emgasr.models.folder import CONFIDENCE_NAME, weights_sha256

    folder, out, manifest = destination(options, CONFIDENCE_NAME)
    refuse_tuning_on_test(manifest, options.split, manifest, TEST, folder)
    refuse_tested_people(manifest, options.split, manifest)
    pipeline = pipeline_of(options, options.model)
    if pipeline.language is not None:
        tell_if_cold()
    entries = manifest.split(options.split)
    recordings = (
        (entry.path, open_entry(entry, manifest.root))
        for entry in counted(entries, "reading", len(entries), options.quiet)
    )
    tokens = pipeline.recognizer.tokens
    items = items_of(pipeline.recognizer, recordings)
    evaluation = evaluate(items, tokens, pipeline.reader, split=options.split, seed=options.seed)
    found = fit(evaluation.samples(), weights_sha256(folder), pipeline.reading_sha256, options.seed)
    found.confidence.save(out)
    for note in found.notes:
        print(f"emgasr: {note}", file=sys.stderr)
    if options.json:
        print_json({**found.confidence.figures, "out": str(out)})
        return 0
    from emgasr.display.console import Console, columns_of

    table = columns_of("", "decisions", "right", "ECE before", "ECE", "AUROC before", "AUROC", "curve", left=1)
    for level, one in found.judged.items():
        before, after = one.before, one.after
        assert after is not None  # it is what was fitted
        areas = ["-" if area is None else f"{area:.3f}" for area in (before.auroc, after.auroc)]
        errors = [f"{before.ece:.3f}", f"{after.ece:.3f}"]
        kind = getattr(found.confidence, level).curve.kind
        table.add_row(f"{level}s", f"{before.count:,}", f"{100 * before.right:.1f} %", *errors, *areas, kind)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    figures = found.confidence.figures
    console.print(f"judged on {figures['left_out']} left out ({figures['people']} people)\nconfidence: {out}")
    return 0
