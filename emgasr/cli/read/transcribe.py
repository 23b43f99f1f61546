"""`emgasr transcribe MODEL RECORDING...`: recordings in, text (or JSON lines with key times and confidences) out."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.language import as_option
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold
from emgasr.cli.options.session import add_session_options, session_of
from emgasr.cli.options.standard import add_json, add_model, add_quiet
from emgasr.errors import ConfigError, EmgasrError
from emgasr.frontend.session import Unlabelled, unlabelled_line
from emgasr.tokens import ENTER

if TYPE_CHECKING:
    from emgasr.pipeline import Pipeline


def run(argv: list[str]) -> int:
    """Transcribe each recording; one that cannot be read is reported and does not stop the others (exit code 2)."""
    options = parser().parse_args(argv)
    session = session_of(options)
    pipeline = pipeline_of(options, options.model)
    nbest = 1 if options.nbest is None else options.nbest
    if options.nbest is not None and pipeline.language is None:
        raise ConfigError("--nbest", "needs a search with a language model", "pass --lm FILE")
    try:
        pipeline.beam_search(nbest)  # what does not fit is reported here, not by the first recording
    except ConfigError as error:
        raise as_option(error) from error
    vocabulary = _announce(pipeline, options.quiet)
    code, unlabelled_s = 0, []
    read = pipeline.read_each(options.recordings, nbest, session=session)
    for path, found in zip(options.recordings, read, strict=True):
        if isinstance(found, EmgasrError):
            if len(options.recordings) == 1:
                raise found
            print(f"emgasr: {found if path in found.where else f'{path}: {found}'}", file=sys.stderr)
            code = found.exit_code
            continue
        unlabelled_s.append(found.unlabelled_s)
        if options.nbest == 1:
            found = replace(found, nbest=(found,))
        for note in found.notes:
            print(f"emgasr: {path}: {note}", file=sys.stderr)
        if options.json:
            print_json({"recording": path, **found.as_dict(), **vocabulary}, flush=True)
            continue
        if len(options.recordings) > 1:
            print(f"== {path}")
        if options.nbest is None:
            print(found.text, flush=True)
            continue
        for each in found.nbest:  # a line each: an enter in the text is shown as one
            print(f"{each.score:.4f}\t{each.text.replace(chr(10), ENTER)}", flush=True)
    if (len(unlabelled_s) > 1 or any(unlabelled_s)) and not options.quiet:
        line = unlabelled_line(Unlabelled.of(unlabelled_s), pipeline.recognizer.config.normalize.kind)
        print(line, file=sys.stderr)
    return code


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
        ),
    )
    add_model(made)
    made.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help="native or emg2qwerty session (HDF5), or BIDS BDF/EDF"
    )
    form = made.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="print the text alone (default)")
    add_json(form, "print one JSON object a line, with key times and confidences")
    nbest = (
        "with a language model: print the N best hypotheses, a line each with its score (ln p), or as `nbest` of --json"
    )
    made.add_argument("--nbest", type=int, metavar="N", help=nbest)
    add_quiet(made)
    add_session_options(made)
    add_search_options(made)
    return made
