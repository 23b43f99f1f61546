"""`emgasr transcribe MODEL RECORDING...`: recordings in, text (or JSON lines with key times and confidences) out."""

from __future__ import annotations

import sys

from emgasr.cli.json_out import print_json
from emgasr.cli.parser import ArgumentParser
from emgasr.cli.search_options import add_search_options, read_search
from emgasr.errors import EmgasrError


def run(argv: list[str]) -> int:
    """Transcribe each recording; one that cannot be read is told and does not stop the others (exit code then 2)."""
    options = _parser().parse_args(argv)
    from emgasr.corpora import open_any
    from emgasr.recognizer import Recognizer
    from emgasr.transcribe import transcribe

    recognizer = Recognizer.load(options.model)
    wanted = read_search(options, options.model, recognizer.tokens)
    search, vocabulary = None, {}
    if wanted is not None:
        search = wanted.search(recognizer.tokens)
        print(f"search: {wanted}", file=sys.stderr)
        if lexicon := wanted.language.coverage([]):
            vocabulary = {"vocabulary": lexicon.vocabulary, "unmodeled": lexicon.unmodeled}
            print(f"{lexicon}; how much of what is said it lacks, `emgasr evaluate` tells", file=sys.stderr)
    code = 0
    for path in options.recordings:
        try:
            recording = open_any(path)
            transcript = transcribe(recognizer, recording, search)
        except EmgasrError as error:
            if len(options.recordings) == 1:
                raise
            print(f"emgasr: {error if path in error.where else f'{path}: {error}'}", file=sys.stderr)
            code = error.exit_code
            continue
        for note in transcript.notes:
            print(f"emgasr: {path}: {note}", file=sys.stderr)
        if options.json:
            print_json({"recording": path, **transcript.as_dict(), **vocabulary}, flush=True)
            continue
        if len(options.recordings) > 1:
            print(f"== {path}")
        print(transcript.text, flush=True)
    return code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="emgasr transcribe",
        description="Read recordings: greedily, or by beam search with a language model.",
    )
    parser.add_argument("model", metavar="MODEL", help="model folder, as `emgasr train` writes it")
    parser.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help="native or emg2qwerty session (HDF5), or BIDS BDF/EDF"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="print the text alone (default)")
    form.add_argument(
        "--json", action="store_true", help="print one JSON object a line, with key times and confidences"
    )
    add_search_options(parser)
    return parser
