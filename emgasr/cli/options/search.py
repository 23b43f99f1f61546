"""The options of verbs that read with a model: a parser in; the pipeline that they ask for out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.cli.options.labels import recognizer_of_labels
from emgasr.cli.options.language import NO_LM, add_language_options, language_files, option
from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.pipeline import Pipeline
    from emgasr.recording import Signal
    from emgasr.rescoring.second_file import SecondPassFile

WEIGHTS = ("lm_weight", "length_bonus", "acoustic_scale", "backspace_penalty", "word_bonus")
SWITCHES = ("end_of_sentence", "refund_bonus", "strict_top_k")


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of language, --search, --beam and the weights; what is given nowhere keeps its default."""
    add_language_options(parser)
    add_second_pass_option(parser.add_argument_group("second pass"))
    group = parser.add_argument_group("search")
    group.add_argument(
        "--search",
        metavar="FILE",
        help="tuned weights, as `emgasr tune` writes them (default: the model folder's search.yaml, if it has one)",
    )
    add_shape_options(group)
    group.add_argument("--lm-weight", type=float, metavar="W", help="weight of the language model, -100 to 100")
    group.add_argument("--length-bonus", type=float, metavar="B", help="added for each symbol, -100 to 100 nats")
    group.add_argument(
        "--word-bonus", type=float, metavar="B", help="added for each word of a lexicon's model, likewise"
    )
    group.add_argument("--acoustic-scale", type=float, metavar="A", help="exponent of the emissions, 0.001 to 100")
    group.add_argument(
        "--backspace-penalty", type=float, metavar="P", help="taken off for each backspace, -100 to 100 nats"
    )


def add_second_pass_option(group: argparse._ActionsContainer) -> None:
    """Add --second-pass."""
    group.add_argument(
        "--second-pass",
        metavar="FOLDER|FILE",
        help="look at each segment again with a language model: second_pass.yaml of `emgasr tune --second-pass`, or "
        "with untuned weights a folder of `emgasr lm train-neural`, one of transformers, or a .gguf file; "
        f"{NO_LM}: one pass (default: the model folder's second_pass.yaml, if it has one)",
    )


def add_shape_options(group: argparse._ActionsContainer) -> None:
    """Add what is no weight: --beam and the switches."""
    group.add_argument("--beam", type=int, help="hypotheses kept after each frame, 1 to 1,000,000 (default: 50)")
    group.add_argument(
        "--end-of-sentence", action="store_true", help="the recording ends where a sentence of the language model does"
    )
    group.add_argument(
        "--refund-bonus", action="store_true", help="a backspace takes back the length bonus of what it deletes"
    )
    group.add_argument(
        "--strict-top-k", action="store_true", help="blank and repeats must be among a frame's 10 best labels too"
    )


def pipeline_of(
    options: argparse.Namespace, model: str, tuned: bool = True, first: Callable[[], Signal] | None = None
) -> Pipeline:
    """Return the pipeline of a model folder (or a profile, or "demo") with what the options ask for over it.

    What does not fit or was left out is printed to stderr, a line each. An aligned model reads --labels.

    Args:
        options: of the verb.
        model: as the user names it.
        tuned: the search goes by the folder's search.yaml, where there is one; else by default weights.
        first: opens what is read first and returns its signal, which says the layout that an aligned model reads.

    Raises:
        ConfigError: An option lacks another, or there is no language model to search with.
    """
    from emgasr.fusion.pipeline import pipeline_of_folder
    from emgasr.language import language_in
    from emgasr.pipeline import Origin, SearchConfig, model_folder

    files = language_files(options, language_in(model_folder(model)[0]))
    given = {name: value for name in (*WEIGHTS, "beam") if (value := getattr(options, name, None)) is not None}
    search = getattr(options, "search", None)
    given |= {name: True for name in SWITCHES if getattr(options, name, False)}
    if files is None and (given or search is not None):
        raise ConfigError(option([*given, "search"][0]), "needs a language model", "pass --lm FILE")
    recognizer, notes = recognizer_of_labels(options, model_folder(model)[0], first)
    pipeline = pipeline_of_folder(model, language=files, recognizer=recognizer)
    if not tuned:
        pipeline = replace(pipeline, search=SearchConfig(), origin=Origin())
    if files is not None:
        pipeline = pipeline.searching(search, **given)
    if (second := getattr(options, "second_pass", None)) is not None:
        pipeline = replace(pipeline, second=_second_pass(second, pipeline))
    if pipeline.second and pipeline.language and pipeline.second.lm_sha256 not in ("", pipeline.language.checksum):
        notes = (*notes, "the second pass was tuned for another language model of the first; tune it again")
    for note in (*notes, *pipeline.notes, *pipeline.sure.notes):
        print(f"emgasr: {note}", file=sys.stderr)
    return pipeline


def _second_pass(given: str, pipeline: Pipeline) -> SecondPassFile | None:
    from emgasr.rescoring.second_file import second_pass_of

    if given == NO_LM:
        return None
    if pipeline.language is None:
        raise ConfigError("--second-pass", "needs a language model for the first pass", "pass --lm FILE")
    return second_pass_of(given)


def weights_given(options: argparse.Namespace) -> bool:
    """Whether the weights come from options or a file, so that there is nothing to tune."""
    return options.search is not None or any(getattr(options, name) is not None for name in WEIGHTS)


def tell_if_cold() -> None:
    """Print on stderr that the search is compiled first, where it is not on disk."""
    from emgasr.decoding import kernel
    from emgasr.runtime.compiled import is_kept

    if kernel.is_cold(kernel.advance) and is_kept(
        kernel.advance
    ):  # else `emgasr.runtime.compiled` says what is the matter
        print("emgasr: compiling the search, once; this takes some seconds", file=sys.stderr)
