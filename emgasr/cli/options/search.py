"""The options of verbs that search: a parser in; what is known of language and a search configuration out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.language import Language, add_language_options, read_language
from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.decoding import BeamSearch, SearchConfig
    from emgasr.tokens import Tokens

DEFAULT = "default weights"
WEIGHTS = ("lm_weight", "length_bonus", "acoustic_scale", "backspace_penalty", "word_bonus")
SWITCHES = ("end_of_sentence", "refund_bonus", "strict_top_k")


@dataclass(frozen=True)
class Wanted:
    """The language and the configuration to search with; whence its weights, and the LM that they were tuned for."""

    language: Language
    config: SearchConfig
    source: str
    lm_sha256: str | None = None

    def __str__(self) -> str:
        return f"{describe(self.config)}; {self.source}"

    def search(self, tokens: Tokens) -> BeamSearch:
        """The search of a model's `tokens`; if it has to be compiled first, a line on stderr says so."""
        from emgasr.decoding import BeamSearch

        search = BeamSearch(tokens, self.language.lm, self.config, self.language.hotwords)
        tell_if_cold()
        return search


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of language, --search, --beam and the weights; what is given nowhere keeps its default."""
    add_language_options(parser)
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


def read_search(options: argparse.Namespace, model: str | None, tokens: Tokens) -> Wanted | None:
    """Return what the options ask for in a model's `tokens`, None without --lm.

    Without --search the configuration is that of search.yaml in the folder `model` (None: no matter), where there is
    one, else the default; single options go over either. A line on stderr tells if it was tuned for another LM.
    """
    language = read_language(options, tokens)
    weights = [name for name in WEIGHTS if getattr(options, name) is not None]
    given = [name for name in (*weights, "beam", "search") if getattr(options, name) is not None]
    given += [name for name in SWITCHES if getattr(options, name)]
    if language is None:
        if given:
            raise ConfigError(f"--{given[0].replace('_', '-')}", "needs a language model", "pass --lm FILE")
        return None
    from emgasr.decoding import SearchConfig
    from emgasr.decoding.search_file import TunedSearch, read_tuned_search
    from emgasr.models.folder import SEARCH_NAME

    beside = Path(model) / SEARCH_NAME if model is not None else None
    tuned, source = TunedSearch(SearchConfig()), DEFAULT
    if options.search is not None:
        tuned, source = read_tuned_search(options.search), "weights as given"
    elif beside is not None and beside.is_file():
        tuned, source = read_tuned_search(beside), f"weights of {beside}"
    if weights:
        source = f"{source}, some as given" if source.startswith("weights of") else "weights as given"
    if tuned.lm_sha256 not in (None, language.lm.checksum()) and not {*WEIGHTS[:4]} <= {*weights}:
        source += ", tuned for another language model"
        told = "its weights were tuned for another language model; `emgasr tune` finds those for this one"
        print(f"emgasr: {options.search or beside}: {told}", file=sys.stderr)
    changes = {name: getattr(options, name) for name in given if name != "search"}
    return Wanted(language, replace(tuned.config, **changes), source, tuned.lm_sha256)


def weights_given(options: argparse.Namespace) -> bool:
    """Whether the weights come from options or a file, so that there is nothing to tune."""
    return options.search is not None or any(getattr(options, name) is not None for name in WEIGHTS)


def describe(search: SearchConfig) -> str:
    """The configuration in a few words, for tables and reports."""
    told = (
        f"beam {search.beam}, LM weight {search.lm_weight:g}, length bonus {search.length_bonus:g},"
        f" acoustic scale {search.acoustic_scale:g}, backspace penalty {search.backspace_penalty:g}"
    )
    told += f", word bonus {search.word_bonus:g}" if search.word_bonus else ""
    told += ", bonus refunded" if search.refund_bonus else ""
    return told + (", strict top k" if search.strict_top_k else "")


def tell_if_cold() -> None:
    """Say on stderr that the search is compiled first, where it is not on disk."""
    from emgasr.decoding import kernel
    from emgasr.runtime.compiled import is_kept

    if kernel.is_cold(kernel.advance) and is_kept(
        kernel.advance
    ):  # else `emgasr.runtime.compiled` says what is the matter
        print("emgasr: compiling the search, once; this takes some seconds", file=sys.stderr)
