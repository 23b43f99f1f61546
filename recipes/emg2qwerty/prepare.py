"""emg2qwerty on disk (HDF5 release or BIDS edition) in, checked manifests of its generic and personal splits out.

prepare.py manifests CORPUS --out WORK [--split-files FOLDER]
curl -L URL | prepare.py extract - --metadata metadata.csv --users 89335547 ... --out CORPUS
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import IO

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.archive import extract
from emgasr.corpora.emg2qwerty import bids as emg2qwerty_bids
from emgasr.corpora.emg2qwerty import sessions as emg2qwerty
from emgasr.corpora.emg2qwerty.splits import (
    GENERIC,
    HELD_OUT_USERS,
    compare_with_metadata,
    held_out_users,
    read_metadata,
    read_split_file,
    session_number,
    split_as_published,
    split_by_rule,
)
from emgasr.data.survey import duplicates, survey
from emgasr.errors import ConfigError, RecordingError
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import Entry, Findings, Manifest, write_manifest

BIDS = "emg2qwerty_bids"
EDITIONS = {"emg2qwerty": emg2qwerty.session_files, BIDS: emg2qwerty_bids.session_files}
GENERIC_CLAIMS, PERSONAL_CLAIMS = ("subject:test", "session"), ("session",)


def run(argv: list[str]) -> int:
    """Make manifests, or extract sessions."""
    options = _parser().parse_args(argv)
    return int(options.run(options))


def manifests(options: Namespace) -> int:
    """Survey the corpus, compare it with metadata.csv, split it, write a manifest a split."""
    corpus, out = Path(options.corpus), Path(options.out)
    edition, files = find_files(corpus)
    progress = _tell if sys.stderr.isatty() else lambda path: None
    found = survey(
        files,
        edition,
        out / "survey.jsonl",
        name=lambda path: {"session": session_number(path.stem)} | ({"take": path.stem} if edition == BIDS else {}),
        progress=progress,
    )
    more = duplicates(found.entries)
    metadata = options.metadata or corpus / "metadata.csv"
    if metadata.is_file():
        more += compare_with_metadata(found.entries, read_metadata(metadata), metadata)
    elif options.metadata:
        raise RecordingError(metadata, "does not exist", "check --metadata")
    entries = found.with_problems(more).checked(options.leave_out_bad, _tell)
    for name, split in _splits(entries, options):
        claims = GENERIC_CLAIMS if name == GENERIC else PERSONAL_CLAIMS
        manifest = Manifest(tuple(split), corpus.absolute(), claims)
        check_disjoint(manifest)
        written = write_manifest(manifest, out / f"{name}.jsonl")
        counts = ", ".join(f"{len(written.split(part))} {part}" for part in written.splits)
        print(f"{out / name}.jsonl ({edition}): {counts}; {written.checksum()[:16]}")
    return 0


def find_files(corpus: Path) -> tuple[str, list[Path]]:
    """The edition that lies below a folder, and its sessions' files."""
    if not corpus.is_dir():
        raise RecordingError(corpus, "is not a folder", "give the folder of the corpus")
    findings = Findings()
    found = {edition: files(corpus.absolute(), findings) for edition, files in EDITIONS.items()}
    for line in findings.notes:
        _tell(line)
    if all(found.values()):
        raise RecordingError(corpus, "holds both editions of the corpus", "give the folder of one")
    if not any(found.values()):
        raise RecordingError(corpus, "holds no session (.hdf5, *_emg.bdf)", "give the folder of the corpus")
    return next((edition, files) for edition, files in found.items() if files)


def _splits(entries: list[Entry], options: Namespace) -> list[tuple[str, list[Entry]]]:
    if options.split_files:
        files = sorted(Path(options.split_files).rglob("*.yaml"))
        if not files:
            raise ConfigError(options.split_files, "holds no split file (.yaml)", "give the published folder")
        made = []
        for path in files:
            chosen, missing = split_as_published(entries, read_split_file(path), path)
            if missing and not options.leave_out_bad:
                more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
                raise RecordingError("corpus", missing[0] + more, "fetch them, or pass --leave-out-bad")
            for line in missing:
                _tell(line)
            made.append((path.stem, chosen))
        return [(name, chosen) for name, chosen in made if chosen]
    users = held_out_users(entries, options.test_users, options.seed)
    return [(name, split_by_rule(entries, name, users)) for name in (GENERIC, *users)]


def extraction(options: Namespace) -> int:
    """Write the wanted sessions of an archive that streams by."""
    rows = read_metadata(options.metadata) if options.metadata else {}
    if options.split_file:
        wanted = [key for path in options.split_file for key in read_split_file(path)]
    else:
        wanted = [key for key in rows if key[0] in options.users]
    if not wanted:
        raise ConfigError("extract", "names no session", "pass --users with --metadata, or --split-file")
    names = {session_number(row["session"]): row["session"] for row in rows.values()}
    if unnamed := [session for _, session in wanted if session not in names]:
        raise ConfigError("extract", f"session {unnamed[0]} has no name", "pass --metadata, the table of the release")
    files = {f"{names[session]}.hdf5" for _, session in wanted}
    with _stream(options.archive) as stream:
        done = extract(stream, files, Path(options.out), options.archive, _tell, options.to_the_end)
    print(f"{options.out}: {len(done.written)} written, {len(done.kept)} were there, {len(done.missing)} not found")
    if not done.checked:
        print("the archive was not read to its end, where its checksum stands: --to-the-end reads on")
    if done.missing:
        wrong = f"ended without {done.missing[0]}: it is cut off, or another archive"
        raise RecordingError(options.archive, wrong, "give it again: what is there is kept")
    return 0


def _stream(name: str) -> IO[bytes]:
    if name == "-":
        return sys.stdin.buffer
    try:
        return open(name, "rb")
    except OSError as error:
        raise RecordingError(name, f"cannot be read ({error.strerror})", "check the path, or pass -") from error


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="manifests|extract")
    make = verbs.add_parser("manifests", help="check the corpus and write its manifests")
    make.add_argument("corpus", type=Path, help="folder of the HDF5 release or of the BIDS edition")
    make.add_argument("--out", type=Path, required=True, help="where the manifests go, and what was checked")
    make.add_argument("--split-files", type=Path, help="folder of the published split files (default: by rule)")
    make.add_argument("--metadata", type=Path, help="metadata.csv (default: that of the folder, if there is one)")
    make.add_argument("--test-users", type=int, default=HELD_OUT_USERS, help="users who test, by the rule (8)")
    make.add_argument("--seed", type=int, default=0, help="of the draw of test users, by the rule (0)")
    make.add_argument("--leave-out-bad", action="store_true", help="go on without the sessions that are told")
    make.set_defaults(run=manifests)
    take = verbs.add_parser("extract", help="write some sessions of the archive that streams by")
    take.add_argument("archive", help="the archive, or - for standard input")
    take.add_argument("--to-the-end", action="store_true", help="read on to the checksum at the end of the archive")
    take.add_argument("--out", type=Path, required=True, help="folder for the sessions")
    take.add_argument("--metadata", type=Path, help="metadata.csv of the release, which names the sessions")
    take.add_argument("--users", nargs="+", default=[], help="all sessions of these users")
    take.add_argument("--split-file", type=Path, nargs="+", help="the sessions of published split files")
    take.set_defaults(run=extraction)
    return parser


def _tell(line: object) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
