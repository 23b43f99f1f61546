"""Handwriting sessions of the neuromotor layout in, a checked manifest with people never seen in training out.

prepare.py CORPUS --out WORK [--test-users N] [--validation-users N]
"""

from __future__ import annotations

import sys
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.neuromotor import session_files
from emgasr.data.survey import duplicates, survey
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, VALIDATION, Manifest, write_manifest
from emgasr.manifests.splits import carve_subjects


def run(argv: list[str]) -> int:
    """Survey the corpus, put people aside, write the manifest."""
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of the sessions and their prompts")
    parser.add_argument("--out", type=Path, required=True, help="where the manifest goes, and what was checked")
    parser.add_argument("--test-users", type=int, default=10, help="people who test (10)")
    parser.add_argument("--validation-users", type=int, default=10, help="people who validate (10)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of people (0)")
    parser.add_argument("--leave-out-bad", action="store_true", help="go on without the sessions that are told")
    options = parser.parse_args(argv)
    found = survey(session_files(options.corpus.absolute()), "neuromotor", options.out / "survey.jsonl")
    found = found.with_problems(duplicates(found.entries))
    entries = found.checked(options.leave_out_bad, lambda line: print(line, file=sys.stderr))
    entries = carve_subjects(entries, options.test_users, options.seed, TEST)
    entries = carve_subjects(entries, options.validation_users, options.seed, VALIDATION)
    manifest = Manifest(tuple(entries), options.corpus.absolute(), ("subject", "take"))
    check_disjoint(manifest)
    written = write_manifest(manifest, options.out / "manifest.jsonl")
    counts = ", ".join(f"{len(written.split(split))} {split}" for split in written.splits)
    print(f"{options.out}/manifest.jsonl: {counts}; {written.checksum()[:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
