"""Muscles with pose beside them in; a frozen teacher of pose, of training people and training labels alone, out.

    pose_teacher.py MANIFEST OUT [--left-out '[g01, g02]'] [--steps 600] [--seed 0]

OUT/pose_teacher is what `emgasr align --teacher.kind pose --teacher.folder` reads.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.progress import fit_progress
from emgasr.corpora import open_entry
from emgasr.corpora.beside import Beside, open_beside
from emgasr.crossmodal.teachers.pose_training import FIT, PoseTraining, train_pose_teacher
from emgasr.crossmodal.teachers.signal import taught_windows
from emgasr.errors import DataError
from emgasr.manifests import lineage
from emgasr.manifests.manifest import TRAIN, VALIDATION, Manifest, read_manifest
from emgasr.recording import Recording


def run(argv: list[str]) -> int:
    """Train, and say what was passed over."""
    parser = ArgumentParser(prog="pose_teacher.py", description=__doc__)
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="recordings with pose beside, people split")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the run")
    parser.add_argument("--left-out", default="[]", metavar="LIST", help="labels that the teacher must not see")
    parser.add_argument("--steps", type=int, default=FIT.steps, metavar="N", help="batches")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of weights, batches and masks")
    options = parser.parse_args(argv)
    left_out = [name.strip() for name in options.left_out.strip("[] ").split(",") if name.strip()]
    manifest = read_manifest(options.manifest)
    config = PoseTraining(fit=replace(FIT, steps=options.steps), seed=options.seed)
    sizes = (config.pose.window_s, config.pose.frame_rate_hz, config.pose.relative, left_out)
    taught = taught_windows(pairs(manifest, TRAIN), *sizes)
    judged = taught_windows(pairs(manifest, VALIDATION), *sizes) if VALIDATION in manifest.splits else None
    for line in taught.passed:
        print(f"pose_teacher: {line}", file=sys.stderr)
    shaped_by = lineage.together(
        *(lineage.of_entries(manifest.split(split), split) for split in (TRAIN, VALIDATION) if split in manifest.splits)
    )
    with fit_progress(quiet=True) as report:
        teacher = train_pose_teacher(
            taught,
            config,
            options.out,
            judged=None if judged is None else judged.windows,
            shaped_by=shaped_by,
            report=report,
        )
    people, labels = len(set(taught.people)), ", ".join(teacher.labels)
    print(f"{options.out}/pose_teacher: {len(taught.windows)} windows of {people} people, labels {labels}")
    return 0


def pairs(manifest: Manifest, split: str) -> Iterator[tuple[Recording, Beside]]:
    """Yield the recordings of a split with the pose beside them; a DataError for one without."""
    for entry in manifest.split(split):
        beside = open_beside(entry, manifest.root)
        if beside is None:
            raise DataError(entry.path, "has no pose beside it", "give recordings with pose")
        yield open_entry(entry, manifest.root), beside


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
