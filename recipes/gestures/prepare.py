"""Gesture recordings of NinaPro (.mat) or UCI (text) in, one checked manifest of all people out.

    prepare.py CORPUS --layout ninapro|uci_gestures --out WORK

The people are split later, one left out at a time. Labelled spans need no more than `emgasr manifest --corpus spans`.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.ninapro import DATABASES, mat_files
from emgasr.corpora.uci_gestures import text_files
from emgasr.data.survey import duplicates, survey
from emgasr.errors import ConfigError, RecordingError
from emgasr.manifests.manifest import Entry, Manifest, write_manifest


def run(argv: list[str]) -> int:
    """Survey the corpus and write the manifest."""
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of the corpus")
    parser.add_argument("--layout", choices=("ninapro", "uci_gestures"), required=True)
    parser.add_argument("--database", choices=DATABASES, help="of NinaPro: which its files must be")
    parser.add_argument("--out", type=Path, required=True, help="where the manifest goes, and what was checked")
    parser.add_argument("--leave-out-bad", action="store_true", help="go on without the files that are told")
    options = parser.parse_args(argv)
    if options.database and options.layout != "ninapro":
        raise ConfigError("--database", f"does not apply to the layout {options.layout!r}", "leave it out")
    entries = _entries(options.corpus.absolute(), options)
    manifest = write_manifest(Manifest(tuple(entries), options.corpus.absolute()), options.out / "manifest.jsonl")
    people = len({entry.subject for entry in manifest.entries})
    print(f"{options.out}/manifest.jsonl: {len(manifest.entries)} recordings, {people} people")
    return 0


def _entries(corpus: Path, options: Namespace) -> list[Entry]:
    files = mat_files(corpus) if options.layout == "ninapro" else text_files(corpus)
    if not files:
        raise RecordingError(corpus, f"holds no file of the layout {options.layout!r}", "check the folder")
    how = {"database": options.database} if options.database else {}
    found = survey(files, options.layout, options.out / "survey.jsonl", how, name=lambda path: {"take": path.stem})
    # NinaPro and UCI keep a person's files together, or all files in one folder: both are fine.
    found = found.with_problems(duplicates(found.entries, one_folder=False))
    return found.checked(options.leave_out_bad, lambda line: print(line, file=sys.stderr))


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
