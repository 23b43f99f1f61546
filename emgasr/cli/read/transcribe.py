"""`emgasr transcribe MODEL RECORDING...`: recordings in, text (or JSON lines with key times and confidences) out."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.common import add_json, add_quiet
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, read_search
from emgasr.errors import ConfigError, EmgasrError
from emgasr.tokens import ENTER

if TYPE_CHECKING:
    from emgasr.transcribe import Transcript


def run(argv: list[str]) -> int:
    """Transcribe each recording; one that cannot be read is told and does not stop the others (exit code then 2)."""
    options = parser().parse_args(argv)
    from emgasr.corpora import open_any
    from emgasr.models.folder import load_recognizer
    from emgasr.transcribe import transcripts

    recognizer = load_recognizer(options.model)
    wanted = read_search(options, options.model, recognizer.tokens)
    if options.nbest is not None and wanted is None:
        raise ConfigError("--nbest", "needs a search with a language model", "pass --lm FILE")
    search, vocabulary = None, {}
    if wanted is not None and options.nbest is not None:
        if options.nbest > wanted.config.beam:
            advice = f"pass --beam {options.nbest} too"
            raise ConfigError("--nbest", f"is {options.nbest}, and the beam holds {wanted.config.beam}", advice)
        wanted = replace(wanted, config=replace(wanted.config, n_best=options.nbest))
    if wanted is not None:
        search = wanted.search(recognizer.tokens)
        if not options.quiet:
            print(f"search: {wanted}", file=sys.stderr)
        if lexicon := wanted.language.coverage([]):
            vocabulary = {"vocabulary": lexicon.vocabulary, "unmodeled": lexicon.unmodeled}
            print(f"{lexicon}; how much of what is said it lacks, `emgasr evaluate` tells", file=sys.stderr)
    code = 0
    for path in options.recordings:
        try:
            recording = open_any(path)
            found = transcripts(recognizer, recording, search)
        except EmgasrError as error:
            if len(options.recordings) == 1:
                raise
            print(f"emgasr: {error if path in error.where else f'{path}: {error}'}", file=sys.stderr)
            code = error.exit_code
            continue
        for note in found[0].notes:
            print(f"emgasr: {path}: {note}", file=sys.stderr)
        if options.json:
            nbest = {} if options.nbest is None else {"nbest": [_alternative(each) for each in found]}
            print_json({"recording": path, **found[0].as_dict(), **nbest, **vocabulary}, flush=True)
            continue
        if len(options.recordings) > 1:
            print(f"== {path}")
        if options.nbest is None:
            print(found[0].text, flush=True)
            continue
        for each in found:  # a line each: an enter in the text is shown as one
            print(f"{each.score:.4f}\t{each.text.replace(chr(10), ENTER)}", flush=True)
    return code


def _alternative(transcript: Transcript) -> dict[str, Any]:
    parts = {name: round(getattr(transcript, name), 6) for name in ("score", "acoustic", "lm")}
    return {**transcript.as_dict(), **parts}


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr transcribe",
        description="Read recordings: greedily, or by beam search with a language model.",
        examples=(
            "emgasr transcribe my_model session.hdf5 --lm en.lm",
            "emgasr transcribe my_model sessions/*.hdf5 --json",
        ),
    )
    made.add_argument("model", metavar="MODEL", help="model folder, as `emgasr train` writes it")
    made.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help="native or emg2qwerty session (HDF5), or BIDS BDF/EDF"
    )
    form = made.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="print the text alone (default)")
    add_json(form, "print one JSON object a line, with key times and confidences")
    nbest = "with --lm: print the N best hypotheses, a line each with its score (ln p), or as `nbest` of --json"
    made.add_argument("--nbest", type=int, metavar="N", help=nbest)
    add_quiet(made)
    add_search_options(made)
    return made
