"""`emgasr evaluate MODEL MANIFEST`: a model and a split in; error rates and the files that explain them out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.labels import add_label_options, first_signal, opener
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold, weights_given
from emgasr.cli.options.session import add_session_options, session_of
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet, add_seed
from emgasr.cli.progress import counted
from emgasr.cli.read.tuning import MINUTES, THREADS, THREADS_HELP, TRIALS, effort, find_weights, validation_utterances
from emgasr.display.visible import visible_line
from emgasr.display.wording import listed
from emgasr.errors import ConfigError, OutputError
from emgasr.files.output import claimed_folder
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, VALIDATION, Entry, Manifest, read_manifest

if TYPE_CHECKING:
    from rich.table import Table

    from emgasr.evaluation.evaluate import Evaluation
    from emgasr.evaluation.results import Result
    from emgasr.pipeline import Pipeline
    from emgasr.rescoring.segments import SecondSearch

NOTES = 20  # printed


def run(argv: list[str]) -> int:
    """Evaluate; with --out, results.json, hypotheses.jsonl and report.html are written there."""
    options = parser().parse_args(argv)
    _check(options)
    session_of(options)
    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    entries = manifest.split(options.split)
    if options.zero_shot is not None:
        from emgasr.cli.read.zero_shot import evaluate_zero_shot

        return evaluate_zero_shot(options, manifest, entries, lambda folder: _shaped(entries, folder))
    from emgasr.decoding.search_file import DEFAULT
    from emgasr.evaluation.second.oracle import judged, second_line

    asked = options.validation_split is not None or options.validation_manifest is not None
    pipeline = pipeline_of(options, options.model, tuned=not asked, first=lambda: first_signal(manifest, entries))
    _check_tuning(options, pipeline)
    _refuse_fitted_on(entries, _folder(pipeline))
    with claimed_folder(options.out, options.overwrite) if options.out else nullcontext() as folder:
        if pipeline.language is not None and (asked or pipeline.origin.source == DEFAULT):
            pipeline = _tuned(options, manifest, pipeline, asked)
        second = pipeline.second_search(keep=True)
        evaluation = _evaluation(options, manifest, entries, pipeline, second)
        more = {} if second is None else {"second_pass": judged(evaluation, second)}
        results = _results(entries, pipeline, evaluation, options.train_minutes, more)
        table = [result.as_dict() for result in results]
        if folder is not None:
            _write(options, folder, evaluation, results)
        if options.save_search:  # last: it may not exist, and a run that was stopped runs again
            from emgasr.decoding.search_file import write_search_config

            write_search_config(pipeline.search, options.save_search, lm_sha256=pipeline.origin.lm_sha256)
    if options.json:
        print_json({"rows": table})
        return 0
    from emgasr.display.console import print_table
    from emgasr.frontend.session import unlabelled_line

    print_table(table_of(table))
    print(f"\n{unlabelled_line(results[0].unlabelled, pipeline.recognizer.normalization)}")
    if pipeline.language is not None:
        print(f"search: {pipeline.reading}")
        if second is not None:
            print(f"second pass: {second.second.described}\n{second_line(more['second_pass'])}")
        if lexicon := pipeline.language.coverage(item.text for item in evaluation.items):
            print(lexicon)
    for level, one in results[0].reliability.items():
        if one.after is not None:
            print(f"confidence of {level}s: ECE {one.before.ece:.3f} before calibration, {one.after.ece:.3f} after")
    if folder is not None:
        print(f"report: {folder / 'report.html'}")
    return 0


def _evaluation(
    options: argparse.Namespace,
    manifest: Manifest,
    entries: list[Entry],
    pipeline: Pipeline,
    second: SecondSearch | None,
) -> Evaluation:
    from emgasr.evaluation.evaluate import evaluate
    from emgasr.evaluation.items import Opened, items_of
    from emgasr.frontend.session import session_line

    recognizer, session = pipeline.recognizer, session_of(options)
    settings: dict[str, Any] = {
        "model": f"{options.model} ({recognizer.kind}, {recognizer.parameter_count:,} parameters)",
        "manifest": f"{options.manifest} (checksum {manifest.checksum()[:16]})",
        "seed": options.seed,
        "session": session_line(session, recognizer.normalization),
    }
    if pipeline.language is not None:
        settings |= {**pipeline.language.settings, "search": pipeline.reading}
        tell_if_cold()
    opened = opener(manifest, _folder(pipeline), recognizer.tokens)
    recordings = Opened(entries, opened)
    if second is not None:
        settings["second pass"] = second.second.described
    return evaluate(
        counted(items_of(recognizer, recordings, session), "evaluating", len(entries), options.quiet),
        recognizer.tokens,
        pipeline.first_reader,
        second=second,
        system=options.system or Path(options.model).name,
        split=options.split,
        seed=options.seed,
        settings=settings,
        confidence=pipeline.sure.confidence,
    )


def _results(
    entries: list[Entry],
    pipeline: Pipeline,
    evaluation: Evaluation,
    train_minutes: float | None,
    more: dict[str, Any],
) -> list[Result]:
    """The results; what speaks against them goes to standard error."""
    from emgasr.evaluation.results import results_of

    _tell_notes(evaluation)
    more = more | ({} if train_minutes is None else {"train_minutes": train_minutes})
    more |= _shaped(entries, _folder(pipeline))
    return results_of(evaluation, parameters=pipeline.recognizer.parameter_count, **more)


def _shaped(entries: list[Entry], folder: Path) -> dict[str, Any]:
    """Print which recordings and people shaped a model's weights, and return what a row holds of it."""
    from emgasr.manifests import lineage

    more: dict[str, Any] = {}
    again, people = lineage.seen(lineage.read(folder) or (), entries)
    if again:
        more["recordings_that_shaped_the_model"] = len(again)
        line = f"{len(again)} of {len(entries)} recordings shaped the weights of this model, as {again[0].path}"
        print(f"emgasr: {line}: these are no test results", file=sys.stderr)
    if people:
        more["people_that_shaped_the_model"] = people
        print(f"emgasr: other recordings of {', '.join(people)} shaped the weights of this model", file=sys.stderr)
    return more


def _refuse_fitted_on(entries: list[Entry], folder: Path) -> None:
    """Refuse people whom the temperatures and weights of a fusion were fitted on."""
    from emgasr.fusion.config import is_fusion, read_fusion

    if is_fusion(folder):
        from emgasr.evaluation.fusing.tuning import refuse_tested

        refuse_tested(read_fusion(folder), entries)


def _write(options: argparse.Namespace, folder: Path, evaluation: Evaluation, results: list[Result]) -> None:
    from emgasr.evaluation.report import write_report
    from emgasr.evaluation.results import write_hypotheses, write_results

    write_results(folder / "results.json", [result.as_dict() for result in results])
    write_hypotheses(folder / "hypotheses.jsonl", [evaluation])
    title = options.title or f"{evaluation.system} on {options.split}"
    write_report(folder / "report.html", [(evaluation, results)], title)


_SHORT = {"lm": "LM", "held": "at the point", "second": "second pass"}
# Figures of rows with their heads, from left to right.
TITLES = {
    "accuracy": "accuracy",
    "cer_greedy": "CER raw",
    "cer_lm": "CER raw, LM",
    "cer_second": "CER raw, second pass",
    "ler_greedy": "letter error rate",
    "ler_lm": "letter error rate, LM",
    "ler_second": "letter error rate, second pass",
    "ler_held": "letter error rate, at the point",
    "ter_greedy": "token error rate",
    "ter_lm": "token error rate, LM",
    "ter_second": "token error rate, second pass",
    "cer_rendered_greedy": "CER text",
    "cer_rendered_lm": "CER text, LM",
    "cer_rendered_second": "CER text, second pass",
    "wer_greedy": "WER",
    "wer_lm": "WER, LM",
    "wer_second": "WER, second pass",
    "wer_held": "WER, at the point",
}


def table_of(rows: Iterable[dict[str, Any]]) -> Table:
    """Return rows of results as a table: one line a subject, percents, the interval beside the rate it belongs to.

    A subject's sessions stand below, if there are several. Numbers of words or letters are told, and of isolated takes.
    """
    from emgasr.display.console import columns_of
    from emgasr.evaluation.naming import BY_NOUN

    rows = [line for row in rows for line in (row, *_of_sessions(row))]
    names = [name for name in TITLES if any(name in row for row in rows)]
    counts = [
        n.plural for n in BY_NOUN.values() if n.noun in ("word", "letter") and any(n.plural in row for row in rows)
    ]
    counts += ["isolated"] if any("isolated" in row for row in rows) else []
    rests = [
        (f"{naming.plural}_at_rest_{way}", way)
        for naming in BY_NOUN.values()
        for way in ("greedy", *_SHORT)
        if any(f"{naming.plural}_at_rest_{way}" in row for row in rows)
    ]
    words = ["vocabulary", "OOV"] if any("lexicon" in row for row in rows) else []
    still = [f"at rest{', ' + _SHORT[way] if way in _SHORT else ''}" for _, way in rests]
    table = columns_of("system", "split", "subject", *(TITLES[name] for name in names), *counts, *still, *words, left=3)
    table.add_column("95 % interval", no_wrap=True)
    for row in rows:
        cells = [f"{100 * row[name]:.2f} %" if name in row else "" for name in names]
        cells += [f"{row[name]:,}" if name in row else "" for name in counts]
        cells += [_at_rest(row, name) for name, _ in rests]
        if words and (lexicon := row.get("lexicon")):
            cells += [f"{lexicon['vocabulary']:,}", f"{100 * lexicon['oov_rate']:.2f} %"]
        elif words:
            cells += ["", ""]
        who = [visible_line(str(row[name])) for name in ("system", "split", "subject")]
        table.add_row(*who, *cells, _interval(row))
    return table


def _of_sessions(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each session of a subject's row, where there are several."""
    sessions = row.get("by_session", ())
    place = {"system": row["system"], "split": row["split"]}
    return [s | place | {"subject": f"{row['subject']}, {s['session']}"} for s in sessions] if len(sessions) > 1 else []


def _interval(row: dict[str, Any]) -> str:
    """The interval that a row is judged by; beside an accuracy's that of the error rate, and the other way round."""
    intervals = {name: bounds for name, bounds in row.get("intervals", {}).items() if name in TITLES}
    first = row.get("interval_of", "")
    named = [first, *(name for name in ("accuracy",) if name != first)]
    shown = [
        f"{'–'.join(f'{100 * bound:.2f}' for bound in intervals[name])} ({TITLES[name]})"
        for name in named
        if name in intervals
    ]
    return ", ".join(shown)


def _at_rest(row: dict[str, Any], name: str) -> str:
    """The symbols put in where nothing was to be read; `name` is their number's in the row."""
    if name not in row:
        return ""
    symbols, _, way = name.partition("_at_rest_")
    rate = row.get(f"false_{symbols}_per_minute_{way}")
    return f"{row[name]} {symbols}" + ("" if rate is None else f", {rate:.1f}/min")


def _tell_notes(evaluation: Evaluation) -> None:
    """What was passed over or taken for something: each note once, with the recordings that have it counted."""
    having: dict[str, list[str]] = {}
    for item in evaluation.items:
        for note in item.notes:
            having.setdefault(note, []).append(item.name)
    for note, names in list(having.items())[:NOTES]:
        print(f"emgasr: {listed(names, 1)}: {note}", file=sys.stderr)
    if len(having) > NOTES:
        print(f"emgasr: and {len(having) - NOTES} more such notes (all are in hypotheses.jsonl)", file=sys.stderr)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr evaluate",
        description="Error rates of a recognizer on a split of a manifest, person by person: of typing raw keys, text "
        "and words; of letters; of words and gestures (WER). Takes of one label have an accuracy by forced choice too. "
        "With a language model the weights of the search are those given, else those in the model folder (see `emgasr "
        "tune`), else they are tuned on a validation split; never on the test.",
        examples=(
            "emgasr evaluate my_model corpus.jsonl --lm en.lm --out results",
            "emgasr evaluate aligned corpus.jsonl --zero-shot point,snap --labels point,snap,fist,open_hand",
        ),
    )
    add_model(made)
    made.add_argument("manifest", metavar="MANIFEST", help="manifest of the recordings")
    made.add_argument("--split", default=TEST, metavar="NAME", help="split to evaluate")
    add_out(made, "where results.json, hypotheses.jsonl and report.html go (default: nowhere)", required=False)
    made.add_argument("--system", metavar="NAME", help="name in the results (default: the model folder's)")
    made.add_argument("--title", help="title of the report")
    made.add_argument("--train-minutes", type=float, metavar="M", help="budget of the training, for the results")
    add_seed(made, "the tuning and the intervals")
    add_json(made, "print the rows as JSON")
    add_quiet(made)
    add_session_options(made)
    group = add_label_options(made)
    zero = "figures of the executions of these gestures alone, given as words with commas between them, beside chance; "
    gallery = "they compete with each other, or with all of --labels"
    group.add_argument("--zero-shot", metavar="CLASSES", help=zero + gallery)
    add_search_options(made)
    tuning = made.add_argument_group("tuning of the search (with --lm, when no weights are given)")
    split = "split to tune on (default: validation, where there is one)"
    tuning.add_argument("--validation-split", metavar="NAME", help=split)
    tuning.add_argument("--validation-manifest", metavar="FILE", help="manifest of that split, if it is another")
    tuning.add_argument("--tune-minutes", type=float, default=MINUTES, metavar="M", help="minutes of it to use")
    tuning.add_argument("--tune-trials", type=int, default=TRIALS, help="configurations tried")
    tuning.add_argument("--save-search", metavar="FILE", help="write the weights found here, for --search")
    tuning.add_argument("--threads", type=int, default=THREADS, help=THREADS_HELP)
    return made


def _check(options: argparse.Namespace) -> None:
    asked = options.validation_split is not None or options.validation_manifest is not None
    if asked and weights_given(options):
        raise ConfigError("--validation-split", "excludes weights given by hand", "tune, or give the weights, not both")
    if options.save_search and Path(options.save_search).exists() and not options.overwrite:
        raise OutputError(options.save_search, "already exists", "choose another name or pass --overwrite")
    effort(options, "tune_minutes", "tune_trials")


def _check_tuning(options: argparse.Namespace, pipeline: Pipeline) -> None:
    if pipeline.language is not None:
        return
    if options.validation_split is not None or options.validation_manifest is not None:
        raise ConfigError("--validation-split", "there is nothing to tune without a language model", "pass --lm FILE")
    if options.save_search:
        raise ConfigError("--save-search", "there is no search without a language model", "pass --lm FILE")


def _folder(pipeline: Pipeline) -> Path:
    assert pipeline.folder is not None  # it was loaded from one
    return pipeline.folder


def _tuned(options: argparse.Namespace, manifest: Manifest, pipeline: Pipeline, asked: bool) -> Pipeline:
    """The same with weights found on validation recordings, where there are any."""
    from emgasr.decoding.search_file import DEFAULT, Origin

    if not asked and (VALIDATION not in manifest.splits or options.split == VALIDATION):
        return replace(pipeline, origin=Origin(f"{DEFAULT} (no validation split to tune on)"))
    validation = read_manifest(options.validation_manifest) if options.validation_manifest else manifest
    split, much = options.validation_split or VALIDATION, effort(options, "tune_minutes", "tune_trials")
    recognizer, language, search = pipeline.recognizer, pipeline.language, pipeline.search
    assert language is not None
    utterances = validation_utterances(
        recognizer, _folder(pipeline), validation, split, much, manifest, options.split, search.end_of_sentence
    )
    tuned = find_weights(recognizer.tokens, utterances, language, search, much)
    origin = Origin(f"tuned on {split} ({len(tuned.trials)} trials)", lm_sha256=language.checksum)
    return replace(pipeline, search=tuned.config, origin=origin)
