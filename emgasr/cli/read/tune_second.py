"""`emgasr tune MODEL MANIFEST --second-pass LM...`: validation recordings in; second_pass.yaml beside the model out."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.search import pipeline_of, tell_if_cold
from emgasr.cli.progress import bar
from emgasr.cli.read.tuning import destination, effort, validation_utterances
from emgasr.errors import ConfigError
from emgasr.manifests.manifest import TEST


def tune_second(options: argparse.Namespace) -> int:
    """Find the weights of a second pass by the language models given, and write them."""
    from emgasr.evaluation.second.tuning import cached_segments, tune_second_pass
    from emgasr.models.folder import SECOND_NAME
    from emgasr.rescoring.second_file import NamedScorer, SecondPassFile, kind_of_lm, write_second_pass
    from emgasr.rescoring.second_pass import SecondPassConfig

    much = effort(options, "data_minutes", "trials")
    folder, out, manifest = destination(options, SECOND_NAME)
    lms = [Path(path).absolute() for path in options.scorers]
    scorers = tuple(NamedScorer(kind_of_lm(path), str(path)) for path in lms)
    pipeline = replace(pipeline_of(options, options.model), second=None)
    if pipeline.language is None:
        raise ConfigError("--lm", "is missing", "a second pass needs a language model for the first one")
    config = SecondPassConfig(n_best=options.n_best, gate_nats=0.0)  # the first pass chooses
    file = SecondPassFile(config, scorers, pipeline.language.checksum)
    search = replace(pipeline, second=file).second_search(keep=True)
    assert search is not None
    whole = True  # a line is a segment: no stretch may end in the middle of one
    recognizer = pipeline.recognizer
    utterances = validation_utterances(recognizer, folder, manifest, options.split, much, manifest, TEST, whole)
    tell_if_cold()
    began_s = time.monotonic()
    with bar(much.quiet) as shown:
        task = shown.add_task("scoring", total=len(utterances))
        segments = cached_segments(utterances, search, lambda: shown.update(task, advance=1))
    scored_s = time.monotonic() - began_s
    tokens = recognizer.tokens
    tuned = tune_second_pass(utterances, segments, tokens, pipeline.search.lm_weight, much.trials, much.seed)
    named = tuple(
        replace(one, weight=weight, sha256=scorer.checksum)
        for one, weight, scorer in zip(scorers, tuned.best.weights, search.second.scorers, strict=True)
    )
    minutes = sum(len(emissions) for emissions, _ in utterances) / recognizer.frame_rate_hz / 60
    fewer = 1 - tuned.gated_errors / max(1, tuned.first_errors)
    comment = (
        f"found by emgasr tune on {minutes:.1f} minutes of the split {options.split}: {tuned.gated_errors:,} errors of "
        f"characters and words, {tuned.first_errors:,} by the first pass"
    )
    written = SecondPassFile(tuned.config(config), named, pipeline.language.checksum)
    write_second_pass(written, out, comment)
    found: dict[str, Any] = {
        "out": str(out),
        "minutes": round(minutes, 2),
        "segments": tuned.segments,
        "trials": tuned.trials,
        "errors_first_pass": tuned.first_errors,
        "errors": tuned.gated_errors,
        "errors_without_gate": tuned.best.errors,
        "gate_nats": tuned.gate_nats,
        "gated_share": round(tuned.gated, 4),
        "ngram_weight": tuned.best.ngram_weight,
        "character_bonus": tuned.best.character_bonus,
        "weights": {one.path: one.weight for one in named},
        "scoring_s": round(scored_s, 2),
    }
    if options.json:
        print_json(found)
        return 0
    print(f"{tuned.segments} segments in {minutes:.1f} minutes, {tuned.trials} trials")
    for one in named:
        print(f"{one.kind} {one.path}: weight {one.weight:g}")
    print(f"n-gram weight {tuned.best.ngram_weight:g}, character bonus {tuned.best.character_bonus:g}")
    saved = f"from {tuned.gate_nats:g} nats on none: {100 * tuned.gated:.0f} % of the segments"
    print(f"{saved}; errors {tuned.first_errors:,} -> {tuned.gated_errors:,} ({100 * fewer:.1f} % fewer)")
    print(f"second pass: {out}")
    return 0
