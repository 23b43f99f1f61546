"""`emgasr manifest FOLDER --corpus LAYOUT --out FILE`: the recordings of a corpus in, a manifest with splits out."""

from __future__ import annotations

import argparse
import inspect
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_seed
from emgasr.cli.options.takes import add_montage_option
from emgasr.corpora import CORPORA
from emgasr.corpora.kinds import MEANT, REST
from emgasr.corpora.tables.columns import described
from emgasr.errors import ConfigError, DataError, OutputError
from emgasr.manifests.leaks import check_disjoint, spelled_alike, twice
from emgasr.manifests.manifest import ONLY, TEST, VALIDATION, Entry, Findings, Manifest, read_manifest, write_manifest
from emgasr.manifests.oddities import odd
from emgasr.recording import Band, montage_of

# What the files do not say: a reader's parameter, and the option that sets it.
FACTS = {
    "unit": "unit",
    "scale_uv": "scale-uv",
    "kind": "kind",
    "rest": "rest",
    "ring": "ring",
    "montage": "montage",
    "bands": "bands",
    "columns": "columns",
    "label_clock": "label-clock",
}
SHOWN = 50  # lines of each kind; --json has them all
ALL = "ALL"  # of --test-subjects and --test-sessions: the corpus is only for testing


def run(argv: list[str]) -> int:
    """Scan a corpus, split it and write its manifest."""
    arguments = parser().parse_args(argv)
    if arguments.out.exists() and not arguments.overwrite:
        raise OutputError(arguments.out, "exists", "choose another name or pass --overwrite")
    from emgasr.corpora import scan

    findings = Findings()
    scanned = scan(arguments.folder, arguments.corpus, findings, **_reader_options(arguments))
    scanned = _of_sensors(scanned, arguments, findings)
    entries, claims = split(scanned, arguments, findings)
    found = {"notes": tuple(findings.notes), "left_over": tuple(findings.left_over)}
    manifest = Manifest(tuple(entries), arguments.folder.absolute(), tuple(claims), **found)
    check_disjoint(manifest)
    written = write_manifest(manifest, arguments.out)
    told = [*findings.of_recordings, *odd(written.entries, REST if arguments.rest is None else arguments.rest)]
    _report(written, told, arguments)
    return 0


def split(entries: list[Entry], arguments: argparse.Namespace, findings: Findings) -> tuple[list[Entry], list[str]]:
    """Apply the rules that the arguments name, test first, then validation; returns entries and claims.

    What a rule passes over is added to `findings`.
    """
    from emgasr.manifests import splits

    notes, claims = findings.notes, ["take"]
    if (whole := _whole(entries, arguments)) is not None:
        return splits.everything(entries, whole), claims
    if arguments.test_sessions:
        entries = splits.by_session(entries, arguments.test_sessions)
        claims.append(f"session:{TEST}")
        notes += splits.left_out(entries, TEST)
    if arguments.test_subjects:
        entries = splits.by_subject(entries, arguments.test_subjects)
        claims.append(f"subject:{TEST}")
    if arguments.folds is not None:
        entries = splits.by_fold(entries, arguments.folds, arguments.fold, arguments.seed)
        claims.append(f"subject:{TEST}")
    if arguments.test_every:
        entries = splits.every_nth(entries, arguments.test_every)
        notes += splits.left_out(entries, TEST, by_text=True)
    if arguments.validation_sessions:
        entries = splits.by_session(entries, arguments.validation_sessions, VALIDATION)
        claims.append(f"session:{VALIDATION}")
        notes += splits.left_out(entries, VALIDATION)
    if arguments.validation_subjects:
        entries = splits.by_subject(entries, arguments.validation_subjects, VALIDATION)
        claims.append(f"subject:{VALIDATION}")
    if arguments.validation_subject_count:
        entries = splits.carve_subjects(entries, arguments.validation_subject_count, arguments.seed)
        claims.append(f"subject:{VALIDATION}")
    if arguments.validation_every:
        entries = splits.every_nth(entries, arguments.validation_every, VALIDATION)
        notes += splits.left_out(entries, VALIDATION, by_text=True)
    return entries, claims


def _whole(entries: list[Entry], arguments: argparse.Namespace) -> str | None:
    """The split that everything is of, if the arguments say so."""
    names = {name for entry in entries for name in (entry.subject, entry.session)}
    asked_all = [ALL] in (arguments.test_subjects, arguments.test_sessions) and ALL not in names
    if (whole := TEST if asked_all else arguments.split) is None:
        return None
    validation = ("validation_sessions", "validation_subjects", "validation_subject_count", "validation_every")
    if any(getattr(arguments, name) for name in validation):
        option = "--" + next(name for name in validation if getattr(arguments, name)).replace("_", "-")
        raise ConfigError(option, f"finds nothing: everything is of the split {whole!r}", "leave one of the two out")
    return str(whole)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr manifest",
        description="List the recordings of a corpus in a manifest, with splits and checksums.",
        examples=(
            "emgasr manifest sessions --corpus native --validation-subject-count 2 --out all.jsonl",
            "emgasr manifest takes --corpus takes --unit counts --test-sessions friday --out takes.jsonl",
            "emgasr manifest new_day --corpus takes --unit counts --split test --out test.jsonl",
        ),
    )
    made.notes = described()
    made.add_argument("folder", type=Path, metavar="FOLDER", help="where the corpus lies")
    made.add_argument(
        "--corpus", required=True, choices=CORPORA, metavar="LAYOUT", help=f"its layout: {', '.join(CORPORA)}"
    )
    add_out(made, "manifest to write (JSON lines)", metavar="FILE")
    add_json(made)

    layout = made.add_argument_group("what the files do not say")
    layout.add_argument(
        "--unit", help="uV, mV, V, nV, or counts for a device with no factor to volts; a table's goes first"
    )
    layout.add_argument("--scale-uv", type=float, help="µV of one stored step; a table's goes first (takes, spans)")
    kind = "what a label says: gesture (one label; default of spans) or utterance (a text; default of takes), or prompt"
    layout.add_argument("--kind", choices=MEANT, metavar="KIND", help=kind)
    rest = (
        f"labels that mark rest, in any case of letters (default: {' '.join(REST)}); none: rest is a label like others"
    )
    layout.add_argument("--rest", nargs="*", metavar="LABEL", help=rest)
    layout.add_argument("--ring", action="store_true", default=None, help="the electrodes go round a limb")
    add_montage_option(layout)
    layout.add_argument(
        "--bands",
        type=_band,
        nargs="+",
        metavar="NAME:ELECTRODES",
        help="electrodes of each band, in order (default: one band)",
    )
    only = "read these bands alone, as of one wrist of two, or another sensor's that the files hold"
    layout.add_argument("--only-bands", nargs="+", metavar="NAME", help=only)
    sensors = (
        "manifests of what other sensors recorded meanwhile: their entries join those of the same session and time"
    )
    layout.add_argument("--sensors", nargs="+", type=Path, metavar="MANIFEST", help=sensors)
    columns = "the electrodes' columns, by name or number from 1, where the header leaves them open (takes, spans)"
    layout.add_argument("--columns", nargs="+", metavar="COLUMN", help=columns)
    clock = "the clock of the labels, if both fit: a column's name, or 'first sample' to count from there (spans)"
    layout.add_argument("--label-clock", metavar="COLUMN", help=clock)

    test = made.add_argument_group("test (default: nothing)")
    rule = test.add_mutually_exclusive_group()
    rule.add_argument("--test-sessions", nargs="+", metavar="SESSION", help="whole sessions")
    rule.add_argument("--test-subjects", nargs="+", metavar="SUBJECT", help="whole people; ALL: everything")
    rule.add_argument(
        "--test-every", type=int, metavar="N", help="every Nth take of a text (optimistic: drift is a cue)"
    )
    rule.add_argument("--folds", type=int, metavar="K", help="one of K parts of the people")
    rule.add_argument("--split", metavar="NAME", help="everything is of this split: --split test for a list to test on")
    test.add_argument("--fold", type=int, default=0, help="which part, from 0")
    add_seed(test, "the draw of people")

    validation = made.add_argument_group("validation, from what is left to train on (default: nothing)")
    rule = validation.add_mutually_exclusive_group()
    rule.add_argument("--validation-sessions", nargs="+", metavar="SESSION", help="whole sessions")
    rule.add_argument("--validation-subjects", nargs="+", metavar="SUBJECT", help="whole people")
    rule.add_argument("--validation-subject-count", type=int, metavar="N", help="N people, drawn by --seed")
    rule.add_argument("--validation-every", type=int, metavar="N", help="every Nth take of a text")
    return made


def _band(text: str) -> list[object]:
    try:
        band = Band.of_word(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(f"{error.wrong}: {error.advice}") from error
    return [band.name, len(band.electrodes)]


def _reader_options(arguments: argparse.Namespace) -> dict[str, Any]:
    from emgasr.corpora import reader

    given = {name: value for name in FACTS if (value := getattr(arguments, name)) is not None}
    if foreign := sorted(given.keys() - inspect.signature(reader(arguments.corpus).scan).parameters.keys()):
        option = f"--{FACTS[foreign[0]]}"
        raise ConfigError(option, f"does not apply to the layout {arguments.corpus!r}", "its files say so themselves")
    return given


def _of_sensors(entries: list[Entry], arguments: argparse.Namespace, findings: Findings) -> list[Entry]:
    """Return entries with what the manifests of --sensors add to them, and of the bands of --only-bands alone."""
    from emgasr.corpora import open_entry
    from emgasr.corpora.sensors import joined

    root = arguments.folder.absolute()
    for path in arguments.sensors or ():
        manifest = read_manifest(path)
        others = [replace(entry, path=str(manifest.file(entry))) for entry in manifest.entries]
        entries, notes = joined(entries, others, root, open_entry)
        findings.notes += [f"{path}: {note}" for note in notes]
    if not arguments.only_bands:
        return entries
    found = []
    for entry in entries:
        entry = replace(entry, options={**entry.options, ONLY: arguments.only_bands})
        recording = open_entry(entry, root)
        if arguments.corpus in ("takes", "spans") and recording.rate_hz != entry.rate_hz:
            raise ConfigError("--only-bands", "names another sensor's", "list that sensor in a manifest of its own")
        size: dict[str, Any] = {"rate_hz": recording.rate_hz, "channels": recording.n_channels}
        size["duration_s"] = recording.duration_s
        found.append(replace(entry, montage=montage_of(recording.bands), **size))
    return found


def _report(manifest: Manifest, told: list[str], arguments: argparse.Namespace) -> None:
    counts = Counter(entry.split for entry in manifest.entries)
    notes = [*manifest.notes, *told, *spelled_alike(manifest.entries)]
    if arguments.json:
        written = {"manifest": str(arguments.out), "recordings": counts, "disjoint": manifest.claims}
        written |= {"notes": notes, "left_over": manifest.left_over}
        repeated = {entry.path: earlier.path for entry, earlier in twice(manifest.entries)}
        written |= {"listed_twice": repeated}
        print_json({**written, "sha256": manifest.checksum()})
    else:
        print(f"{arguments.out}: " + ", ".join(f"{counts[name]} {name}" for name in manifest.splits))
        repeats = [f"{entry.path} has the content of {earlier.path}" for entry, earlier in twice(manifest.entries)]
        for kind, lines in (("note", notes), ("matches nothing", manifest.left_over), ("problem", repeats)):
            for line in lines[:SHOWN]:
                print(f"{kind}: {line}")
            if len(lines) > SHOWN:
                print(f"{kind}: … and {len(lines) - SHOWN} more (--json has them all)")
