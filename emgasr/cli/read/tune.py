"""`emgasr tune MODEL MANIFEST --lm FILE`: validation recordings in; the weights that read them best out, as a file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.language import add_language_options
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import SWITCHES, add_shape_options, pipeline_of
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet, add_seed
from emgasr.cli.read.tuning import (
    MINUTES,
    THREADS,
    THREADS_HELP,
    TRIALS,
    Effort,
    effort,
    find_weights,
    trials_shown,
    tune_confidence,
    validation_utterances,
)
from emgasr.display.pictures import missing
from emgasr.errors import ConfigError, OutputError
from emgasr.files.output import replacing
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, VALIDATION, read_manifest

if TYPE_CHECKING:
    from rich.table import Table

    from emgasr.evaluation.search_tuning import Trial, Tuned, Utterance
    from emgasr.language import Language
    from emgasr.tokens import Tokens

NAMES = {
    "lm_weight": "LM weight",
    "length_bonus": "length bonus",
    "acoustic_scale": "acoustic scale",
    "backspace_penalty": "backspace penalty",
    "word_bonus": "word bonus",
}


def run(argv: list[str]) -> int:
    """Tune the search and write its weights, and a picture of what other weights would do beside them."""
    options = parser().parse_args(argv)
    if options.confidence:
        return tune_confidence(options)
    much = effort(options, "data_minutes", "trials")
    from emgasr.decoding import SearchConfig
    from emgasr.decoding.search_file import write_search_config
    from emgasr.evaluation.naming import naming_of
    from emgasr.language import keep_language
    from emgasr.models.folder import SEARCH_NAME
    from emgasr.pipeline import model_folder

    beam = {} if options.beam is None else {"beam": options.beam}
    start = SearchConfig(**beam, **{name: getattr(options, name) for name in SWITCHES})
    folder, _ = model_folder(options.model)
    out = options.out or folder / SEARCH_NAME
    picture = out.with_suffix(".png")
    for path in (out, picture):
        if path.exists() and not options.overwrite:
            raise OutputError(path, "already exists", "choose another name with --out or pass --overwrite")
    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    pipeline = pipeline_of(options, options.model, tuned=False)
    recognizer, language, tokens = pipeline.recognizer, pipeline.language, pipeline.recognizer.tokens
    if language is None:
        raise ConfigError("--lm", "is missing", "there is nothing to tune without a language model")

    began_s = time.monotonic()
    utterances = validation_utterances(
        recognizer, folder, manifest, options.split, much, manifest, TEST, start.end_of_sentence
    )
    read_s = time.monotonic()
    tuned = find_weights(tokens, utterances, language, start, much)
    best, trials = tuned.best, len(tuned.trials)
    lacking = missing()
    drawn = not lacking
    if drawn:
        around = _draw(picture, tuned, utterances, tokens, language, much)
        best, trials = around.best, trials + len(around.trials)
    else:
        print(f"emgasr: no picture: it {lacking}", file=sys.stderr)
    minutes = sum(len(emissions) for emissions, _ in utterances) / recognizer.frame_rate_hz / 60
    coverage = language.coverage(tokens.render(ids) for _, ids in utterances)
    comment = _comment(best, tuned.trials[0], minutes, options.split, pipeline.lm_name)
    comment += f"; {coverage}" if coverage else ""
    write_search_config(best.config, out, comment, language.checksum)
    if options.copy_lm:
        keep_language(language.files, folder)
    times = {"reading_s": round(read_s - began_s, 2), "searching_s": round(time.monotonic() - read_s, 2)}
    result = {"trials": trials, "minutes": round(minutes, 2), **times, "out": str(out)}
    result["picture"] = str(picture) if drawn else None
    result |= {"lexicon": coverage.as_dict()} if coverage else {}
    naming = naming_of(tokens)
    if options.json:
        print_json(_figures(best, tuned.trials[0], naming.rate) | result)
    else:
        _show(best, tuned.trials[0], result, naming.short)
        if coverage:
            print(coverage)
    return 0


def _draw(
    picture: Path, tuned: Tuned, utterances: list[Utterance], tokens: Tokens, language: Language, much: Effort
) -> Tuned:
    """Draw the surface around the best, and return its trials with what is chosen of them and of what was tuned."""
    from emgasr.evaluation.search_tuning import GRID, surface
    from emgasr.evaluation.tuning_map import draw_surface

    with trials_shown("surface", GRID * GRID, much.quiet) as report:
        around = surface(utterances, tokens, language.lm, tuned, much.threads, report, language.hotwords)
    with replacing(picture) as path:
        path.write_bytes(draw_surface(around.trials, around.best))
    return around


def _comment(best: Trial, default: Trial, minutes: float, split: str, lm: str) -> str:
    return (
        f"found by emgasr tune on {minutes:.1f} minutes of the split {split} with {lm}:"
        f" {100 * best.counts.rate:.2f} % of {best.counts.reference_length:,} symbols wrong,"
        f" {100 * default.counts.rate:.2f} % by default weights"
    )


def _figures(best: Trial, default: Trial, rate: str) -> dict[str, Any]:
    from emgasr.config.parsing import to_mapping

    return {
        "search": to_mapping(best.config),
        "symbols": best.counts.reference_length,
        "errors": best.counts.errors,
        "errors_default": default.counts.errors,
        rate: best.counts.rate,
        f"{rate}_default": default.counts.rate,
    }


def _show(best: Trial, default: Trial, result: dict[str, Any], rate: str) -> None:
    from emgasr.display.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(best, default, rate))
    console.print(
        f"{best.counts.reference_length:,} symbols in {result['minutes']:.1f} minutes, {result['trials']} trials;"
        f" read by the model in {result['reading_s']:.1f} s, searched in {result['searching_s']:.1f} s"
    )
    console.print(f"weights: {result['out']}" + (f"\npicture: {result['picture']}" if result["picture"] else ""))


def _table(best: Trial, default: Trial, rate: str) -> Table:
    from rich.table import Table

    table = Table("", box=None, padding=(0, 2, 0, 0))
    for head in ("default", "best"):
        table.add_column(head, justify="right")
    for name, shown in NAMES.items():
        if name == "word_bonus" and not (best.config.word_bonus or default.config.word_bonus):
            continue
        table.add_row(shown, *(f"{getattr(trial.config, name):g}" for trial in (default, best)))
    table.add_row("errors", *(f"{trial.counts.errors:,}" for trial in (default, best)))
    table.add_row(f"{rate} on validation", *(f"{100 * trial.counts.rate:.2f} %" for trial in (default, best)))
    fewer = 1 - best.counts.errors / max(1, default.counts.errors)
    table.add_row("fewer errors", "", f"{100 * fewer:.1f} %")
    return table


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr tune",
        description="Find the weights of the search (language model, length bonus, acoustic scale, backspace penalty) "
        "with which a model reads validation recordings best; never test data. `evaluate` and `transcribe` use what is "
        "written into the model folder.",
        examples=("emgasr tune my_model corpus.jsonl --lm en.lm", "emgasr tune my_model corpus.jsonl --confidence"),
    )
    add_model(made)
    made.add_argument("manifest", metavar="MANIFEST", help="manifest of the validation recordings")
    made.add_argument("--split", default=VALIDATION, metavar="NAME", help="split to tune on")
    made.add_argument(
        "--trials",
        type=int,
        default=TRIALS,
        help="weights tried besides the grid of the picture, half of them at random",
    )
    made.add_argument("--data-minutes", type=float, default=MINUTES, metavar="M", help="minutes of recordings to use")
    made.add_argument("--threads", type=int, default=THREADS, help=THREADS_HELP)
    add_out(
        made,
        "where the weights go (default: MODEL/search.yaml, or MODEL/confidence.json)",
        metavar="FILE",
        required=False,
    )
    add_seed(made, "the weights tried")
    add_json(made)
    add_quiet(made)
    sure = "fit the confidence of keys, words and segments instead, for the way that the model reads; it becomes the "
    sure += "probability of being right (MODEL/confidence.json)"
    made.add_argument("--confidence", action="store_true", help=sure)
    copy = "copy the language model, lexicon and hotwords into the model folder: every verb then reads with them"
    made.add_argument("--copy-lm", action="store_true", help=copy)
    add_language_options(made)
    add_shape_options(made.add_argument_group("search"))
    return made
