"""`emgasr personalize MODEL`: a model and one person's labelled recordings in; a model fitted to the person out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TRAIN, Entry, read_manifest

if TYPE_CHECKING:
    from emgasr.recording import Recording

PROGRAM = "emgasr personalize"


def run(argv: list[str]) -> int:
    """Personalize; 0 when done (also when the base model was kept), 130 when Ctrl-C stopped it."""
    usage = f"{PROGRAM} MODEL (--recordings FILE … | --manifest FILE) --out FOLDER [options]"
    parser = ArgumentParser(prog=PROGRAM, usage=usage, add_help=False)
    parser.add_argument("--recordings", nargs="+", default=[], metavar="FILE", help="the person's recordings")
    parser.add_argument("--manifest", metavar="FILE", help="or a manifest that lists them")
    parser.add_argument("--split", default=TRAIN, help=f"split of the manifest to fit on (default {TRAIN})")
    parser.add_argument("--subject", help="person of the manifest, where it lists several")
    parser.add_argument("--out", metavar="FOLDER", help="where the model and its log go")
    # The model comes first: among options that only the configuration knows, it could be taken for a value.
    model, rest = (argv[0], argv[1:]) if argv and not argv[0].startswith("-") else ("", argv)
    known, options = parser.parse_known_args(rest)

    from emgasr.cli.model.progress import progress
    from emgasr.config.parsing import from_command_line
    from emgasr.training.personalize import PersonalizeConfig, personalize

    if {"-h", "--help"} & set(options):
        print(parser.format_help())
    config = from_command_line(PersonalizeConfig, {}, options, PROGRAM)
    if not model or not known.out:
        raise ConfigError(PROGRAM, "needs a model and an output folder", f"{PROGRAM} MODEL --out FOLDER …")
    recordings, entries = _recordings(known)
    with progress(quiet=not sys.stderr.isatty()) as report:
        result = personalize(Path(model), recordings, config, Path(known.out), report, log=_log, entries=entries)
    if result.interrupted:
        print(f"emgasr: stopped; {known.out}/model is the best so far", file=sys.stderr)
        return 130
    outcome = "the fitted model is kept" if result.kept else "no better: the base model is kept"
    print(
        f"{known.out}/model: CER on the held-out part {100 * result.cer_before:.2f} % → {100 * result.cer_after:.2f} %"
        f" ({outcome}; {result.minutes:.1f} minutes)"
    )
    return 0


def _log(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _recordings(options: argparse.Namespace) -> tuple[list[Recording], list[Entry]]:
    """The recordings to fit on, with their entries."""
    if bool(options.recordings) == bool(options.manifest):
        raise ConfigError(
            PROGRAM, "needs either recordings or a manifest", "pass --recordings FILE… or --manifest FILE"
        )
    if options.recordings:
        from emgasr.corpora import open_any

        recordings = [open_any(path) for path in options.recordings]
        files = zip(recordings, options.recordings, strict=True)
        return recordings, [Entry.of(recording, Path(file), "native") for recording, file in files]
    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    chosen = [entry for entry in manifest.split(options.split) if options.subject in (None, entry.subject)]
    if not chosen:
        raise ConfigError(
            "--subject", f"{options.subject!r} has nothing in split {options.split!r}", "see the manifest"
        )
    return [open_entry(entry, manifest.root) for entry in chosen], chosen
