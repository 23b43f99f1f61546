"""The options of verbs that search: a parser in; a language model and a search configuration out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.decoding import SearchConfig
    from emgasr.lm import NGramModel

WEIGHTS = ("lm_weight", "length_bonus", "acoustic_scale", "backspace_penalty")


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add --lm, --search, --beam and the weights; what is given by neither a file nor an option keeps its default."""
    group = parser.add_argument_group("search")
    group.add_argument("--lm", metavar="FILE", help="n-gram language model, ARPA or .lm (see `emgasr lm build`)")
    group.add_argument("--search", metavar="FILE", help="tuned weights, as `emgasr evaluate --save-search` writes them")
    group.add_argument("--beam", type=int, help="hypotheses kept after each frame (default 50)")
    group.add_argument(
        "--end-of-sentence", action="store_true", help="the recording ends where a sentence of the language model does"
    )
    group.add_argument("--lm-weight", type=float, metavar="W", help="weight of the language model")
    group.add_argument("--length-bonus", type=float, metavar="B", help="added for each symbol")
    group.add_argument("--acoustic-scale", type=float, metavar="A", help="exponent of the emissions")
    group.add_argument("--backspace-penalty", type=float, metavar="P", help="taken off for each backspace")


def read_search(options: argparse.Namespace) -> tuple[NGramModel | None, SearchConfig]:
    """Return the language model (None without --lm) and the configuration that the options describe."""
    changed = [name for name in (*WEIGHTS, "beam") if getattr(options, name) is not None]
    given = changed + (["search"] if options.search is not None else [])
    given += ["end_of_sentence"] if options.end_of_sentence else []
    if given and options.lm is None:
        raise ConfigError(f"--{given[0].replace('_', '-')}", "needs a language model", "pass --lm FILE")
    from emgasr.decoding import SearchConfig
    from emgasr.decoding.search_file import read_search_config
    from emgasr.lm import read_model

    search = SearchConfig() if options.search is None else read_search_config(options.search)
    search = replace(search, **{name: getattr(options, name) for name in changed})
    if options.end_of_sentence:
        search = replace(search, end_of_sentence=True)
    return (read_model(options.lm) if options.lm else None), search


def weights_given(options: argparse.Namespace) -> bool:
    """Whether the weights come from options or a file, so that there is nothing to tune."""
    return options.search is not None or any(getattr(options, name) is not None for name in WEIGHTS)


def describe(search: SearchConfig) -> str:
    """The configuration in a few words, for tables and reports."""
    return (
        f"beam {search.beam}, LM weight {search.lm_weight:g}, length bonus {search.length_bonus:g},"
        f" acoustic scale {search.acoustic_scale:g}, backspace penalty {search.backspace_penalty:g}"
    )
