"""The options of `emgasr lm` in, what was built, mixed, scored or found out, as a dict."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from emgasr.errors import ConfigError, DataError, LanguageModelError, OutputError
from emgasr.lm import NGramModel, estimate, read_model, write_model
from emgasr.lm.estimation.lmplz import chosen_builder, estimate_with_lmplz
from emgasr.lm.formats.arpa_symbols import RESERVED
from emgasr.lm.formats.flashlight import read_flashlight, write_lexicon
from emgasr.lm.mix import mix as interpolated
from emgasr.lm.mix import mixed_scores, tune_weights
from emgasr.lm.ngram import exp
from emgasr.lm.perplexity import TextScore, encoded, score_text
from emgasr.lm.prune import prune as pruned
from emgasr.lm.spelling import Spelling
from emgasr.lm.texts import read_texts, sentences
from emgasr.tokens import load_tokens

_WATCHED = 1000  # sentences from one sign of life to the next


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Estimate a model from text and write it."""
    _check_free(options)
    began = time.perf_counter()
    builder = chosen_builder(options.builder, sum(path.stat().st_size for path in options.text if path.is_file()))
    refused = RESERVED if options.symbols == "words" else frozenset()
    text = _watched(_sentences(options.text, options, refused), f"counting ({builder})", options.quiet)
    model = (estimate_with_lmplz if builder == "lmplz" else estimate)(text, options.order, prune=options.prune)
    write_model(model, options.out)
    return {
        "model": str(options.out),
        "builder": builder,
        "prune": options.prune,
        "seconds": round(time.perf_counter() - began, 3),
        **_summary(model, options.out),
    }


def mix(options: argparse.Namespace) -> dict[str, Any]:
    """Interpolate models into one and write it; weights are given or tuned on held-out text."""
    _check_free(options)
    models = [read_model(path) for path in options.models]
    held_out = list(_sentences(options.held_out, options)) if options.held_out else []
    weights = tune_weights(models, held_out) if options.held_out else options.weights
    mixed = interpolated(models, weights)
    write_model(mixed, options.out)
    rows = [
        {"model": str(path), "weight": weight / sum(weights), "symbols": len(model.symbols)}
        for path, weight, model in zip(options.models, weights, models, strict=True)
    ]
    result = {"model": str(options.out), "mixed": rows, **_summary(mixed, options.out)}
    if held_out:
        for row, model in zip(rows, models, strict=True):
            row["held_out"] = _score(score_text(model, held_out))
        result["held_out"] = _score(score_text(mixed, held_out))
    return result


def prune(options: argparse.Namespace) -> dict[str, Any]:
    """Drop the n-grams that a model loses least by, and write what stays."""
    _check_free(options)
    model = read_model(options.model)
    smaller = pruned(model, threshold=options.threshold, ngrams=options.ngrams, decimals=options.decimals)
    write_model(smaller, options.out)
    return {"model": str(options.out), "ngrams_before": model.counts, **_summary(smaller, options.out)}


def score(options: argparse.Namespace) -> dict[str, Any]:
    """Return the perplexity of text and the symbols that the model does not know."""
    if options.model.is_dir():
        return score_neural(options)
    if options.ngram is not None:
        raise ConfigError("--ngram", "goes with a neural model alone", "see `emgasr lm mix` for two n-gram models")
    model = read_model(options.model)
    scored = score_text(model, _watched(_sentences(options.text, options), "scoring", options.quiet))
    if not scored.sentences:
        raise DataError(options.text[0], "holds no text", "give at least one line")
    return {"model": str(options.model), **_score(scored), "unknown_symbols": dict(scored.unknown.most_common())}


def score_neural(options: argparse.Namespace) -> dict[str, Any]:
    """Return the perplexity of text under a neural model, of its own symbols, and beside an n-gram model."""
    from emgasr.lm.neural.folder import load_neural, mixture_of

    model = load_neural(options.model)
    lines = read_texts(options.text, options.lowercase)
    text = list(_watched(model.vocabulary.sentences(lines), "reading", options.quiet))
    scored = model.score_text(text)
    if not scored.sentences:
        raise DataError(options.text[0], "holds no text", "give at least one line")
    found = {"model": str(options.model), **_score(scored), "unknown_symbols": dict(scored.unknown.most_common())}
    if options.ngram is None:
        return found
    ngram, mixture = read_model(options.ngram), mixture_of(options.model)
    if mixture.ngram_sha256 != ngram.checksum():
        wrong = "is not the n-gram model that the share of the mixture was found for"
        raise LanguageModelError(options.ngram, wrong, "give that one, or train with --ngram and this one")
    beside = ngram.score_ids(encoded(ngram, text))
    mixed = mixed_scores(model.symbol_scores(text), beside, mixture.ngram_share)
    return found | {
        "ngram": str(options.ngram),
        "ngram_share": mixture.ngram_share,
        "ngram_perplexity_per_character": exp(-beside.sum() / scored.characters),
        "mixed_perplexity_per_character": exp(-mixed.sum() / scored.characters),
    }


def info(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a model holds and how large it is."""
    model = read_model(options.model)
    summary = _summary(model, options.model)
    return {"model": str(options.model), **summary, "unknown_symbol": model.has_unknown, "notes": list(model.notes)}


def lexicon(options: argparse.Namespace) -> dict[str, Any]:
    """Make our list of words of a flashlight lexicon, and report what is left over."""
    _check_free(options)
    spelling = None
    if options.model is not None:
        spelling = Spelling.of(load_tokens(options.model))
    converted = read_flashlight(options.lexicon, options.word_end, spelling)
    write_lexicon(converted.words, options.out)
    left = {wrong: {"count": len(lines), "first": list(lines[:3])} for wrong, lines in converted.left.items()}
    return {"lexicon": str(options.out), "lines": converted.lines, "words": len(converted.words), "left_over": left}


def _score(scored: TextScore) -> dict[str, Any]:
    return {
        "sentences": scored.sentences,
        "symbols": scored.symbols,
        "unknown": scored.unknown.total(),
        "unknown_rate": scored.unknown_rate,
        "ln_p": scored.ln_p,
        "perplexity": scored.perplexity,
        "perplexity_known": scored.perplexity_known,
        "perplexity_per_character": scored.perplexity_per_character,
    }


def _summary(model: NGramModel, path: Path) -> dict[str, Any]:
    memory = sum(array.nbytes for array in (*model.arrays, model.mask))
    return {
        "order": model.order,
        "ngrams": model.counts,
        "contexts": len(model.fail),
        "symbols": sorted(model.symbols),
        "file_bytes": path.stat().st_size,
        "memory_bytes": memory,
        "bytes_per_ngram": round(memory / sum(model.counts), 2),
    }


def _check_free(options: argparse.Namespace) -> None:
    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "already exists", "choose another name or pass --overwrite")


def _sentences(
    paths: Sequence[Path], options: argparse.Namespace, refused: frozenset[str] = frozenset()
) -> Iterator[Sequence[str]]:
    return sentences(read_texts(paths, options.lowercase, refused), options.symbols)


def _watched(text: Iterable[Sequence[str]], doing: str, quiet: bool) -> Iterator[Sequence[str]]:
    """Yield the sentences, and show on a terminal how many there were."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from emgasr.display.console import Console

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(doing, total=None)
        for number, sentence in enumerate(text, 1):
            if number % _WATCHED == 0:
                progress.update(task, description=f"{doing}: {number:,} sentences")
            yield sentence
