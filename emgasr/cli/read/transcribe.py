"""`emgasr transcribe MODEL RECORDING...`: recordings in, text (or JSON lines with key times and confidences) out.

A recording is a file, a single take among them, a manifest, or a folder of takes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.labels import add_label_options
from emgasr.cli.options.language import as_option
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold
from emgasr.cli.options.session import add_session_options, session_of
from emgasr.cli.options.standard import add_json, add_model, add_quiet
from emgasr.cli.options.takes import KINDS, add_take_options, facts_of
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, EmgasrError
from emgasr.frontend.session import Unlabelled, unlabelled_line
from emgasr.tokens import ENTER

if TYPE_CHECKING:
    from emgasr.pipeline import Pipeline
    from emgasr.recording import Recording, Signal
    from emgasr.transcribe import Input


def run(argv: list[str]) -> int:
    """Transcribe each recording; one that cannot be read is reported and does not stop the others (exit code 2)."""
    options = parser().parse_args(argv)
    session = session_of(options)
    pipeline = pipeline_of(options, options.model, first=lambda: _first(options))
    nbest = 1 if options.nbest is None else options.nbest
    if options.nbest is not None and pipeline.language is None:
        raise ConfigError("--nbest", "needs a search with a language model", "pass --lm FILE")
    try:
        pipeline.beam_search(nbest)  # what does not fit is reported here, not by the first recording
    except ConfigError as error:
        raise as_option(error) from error
    vocabulary = _announce(pipeline, options.quiet)
    code, seen = 0, Counter[str]()
    unlabelled_s: list[float] = []
    recordings = _recordings(options, pipeline)
    read = pipeline.read_each([opened for _, opened in recordings], nbest, session=session)
    for (path, _), found in zip(recordings, read, strict=True):
        if isinstance(found, EmgasrError):
            if len(recordings) == 1:
                raise found
            print(f"emgasr: {found if path in found.where else f'{path}: {found}'}", file=sys.stderr)
            code = found.exit_code
            continue
        unlabelled_s.append(found.unlabelled_s)
        if options.nbest == 1:
            found = replace(found, nbest=(found,))
        for note in found.notes:
            if not seen[note]:
                print(f"emgasr: {path}: {note}", file=sys.stderr)
        seen.update(found.notes)
        if options.json:
            print_json({"recording": path, **found.as_dict(), **vocabulary}, flush=True)
            continue
        if len(recordings) > 1:
            print(f"== {path}")
        if options.nbest is None:
            print(found.text, flush=True)
            continue
        for each in found.nbest:  # a line each: an enter in the text is shown as one
            print(f"{each.score:.4f}\t{each.text.replace(chr(10), ENTER)}", flush=True)
    for note, count in seen.items():
        if count > 1:
            print(f"emgasr: {counted(count - 1, 'further recording')}: {note}", file=sys.stderr)
    if (len(unlabelled_s) > 1 or any(unlabelled_s)) and not options.quiet:
        line = unlabelled_line(Unlabelled.of(unlabelled_s), pipeline.recognizer.normalization)
        print(line, file=sys.stderr)
    return code


def _first(options: argparse.Namespace) -> Signal:
    """Return the signal of the first recording, which must say it itself."""
    from emgasr.corpora.single import named
    from emgasr.recording import Signal

    return Signal.of(named(options.recordings[0], facts_of(options))[0][0].open())


def _recordings(options: argparse.Namespace, pipeline: Pipeline) -> list[tuple[str, Input]]:
    """Return the name of each recording that the paths mean, and what opens it when its turn comes."""
    from emgasr.corpora.single import named

    facts = facts_of(options)
    found: list[tuple[str, Input]] = []
    if options.sensors and (len(options.recordings) > 1 or hasattr(pipeline.recognizer, "signal")):
        wrong = "belong to one recording that several models read together"
        raise ConfigError("--sensors", wrong, "give one recording, and a MODEL of `emgasr fuse`")
    for path in options.recordings:
        recordings, notes = named(path, facts, getattr(pipeline.recognizer, "signal", None))
        found += [(each.name, _with_sensors(each.open, options)) for each in recordings]
        for note in notes:
            print(f"emgasr: {note}", file=sys.stderr)
    return found


def _with_sensors(opener: Callable[[], Recording], options: argparse.Namespace) -> Callable[[], Recording]:
    """Return what opens a recording with those of --sensors beside it."""
    if not options.sensors:
        return opener
    from emgasr.corpora.sensors import with_others
    from emgasr.corpora.single import open_single

    return lambda: with_others(opener(), [(open_single(path), None) for path in options.sensors])


def _announce(pipeline: Pipeline, quiet: bool) -> dict[str, int]:
    """Print on stderr how recordings are read, where there is a choice; return a lexicon's figures, for JSON."""
    from emgasr.language import language_in

    language = pipeline.language
    if language is None:
        if not quiet and pipeline.folder is not None and language_in(pipeline.folder) is not None:
            print("search: greedy", file=sys.stderr)
        return {}
    tell_if_cold()
    if not quiet:
        print(f"search: {pipeline.reading}", file=sys.stderr)
    if lexicon := language.coverage([]):
        print(f"{lexicon}; `emgasr evaluate` reports how much of a text it lacks", file=sys.stderr)
        return {"vocabulary": lexicon.vocabulary, "unmodeled": lexicon.unmodeled}
    return {}


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr transcribe",
        description="Read recordings: by beam search where there is a language model, else greedily.",
        examples=(
            "emgasr transcribe demo session.hdf5",
            "emgasr transcribe my_model sessions/*.hdf5 --json",
            "emgasr transcribe my_model new_day/*.wav --unit mV",
            "emgasr transcribe my_model test.jsonl --json",
            "emgasr transcribe aligned session.hdf5 --labels fist,point,snap",
        ),
    )
    add_model(made)
    made.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help=f"{KINDS}; or a manifest, or a folder of takes"
    )
    sensors = "what other sensors recorded meanwhile, for a MODEL of `emgasr fuse`; aligned by when the files began"
    made.add_argument("--sensors", nargs="+", metavar="FILE", help=sensors)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="print the text alone (default)")
    add_json(form, "print one JSON object a line, with key times and confidences")
    nbest = (
        "with a language model: print the N best hypotheses, a line each with its score (ln p), or as `nbest` of --json"
    )
    made.add_argument("--nbest", type=int, metavar="N", help=nbest)
    add_quiet(made)
    otherwise = "Rate and unit are the file's own, else those given, else as at training, as a line then says"
    add_take_options(made, otherwise)
    add_session_options(made)
    add_label_options(made)
    add_search_options(made)
    return made
