"""What emgasr itself keeps to go on from: checkpoints of a training, surveys, split files, results of jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers.miniatures import write_native
from tests.helpers.people import SYSTEM, people, write_corpus

from .formats import Format, Place, Seen, digest_of, expect
from .uses import reading_again


def stopped_training(name: str) -> Callable[[Path], Path]:
    """A training of one step and what it left; the file of that name is the one to damage."""

    def write(folder: Path) -> Path:
        from dataclasses import replace

        from emgasr.manifests.manifest import read_manifest, write_manifest
        from emgasr.training.run import train

        path = write_corpus(folder, ("ann", "bob"), sessions=1)
        found = read_manifest(path)
        entries = (found.entries[0], replace(found.entries[1], split="validation"))
        write_manifest(replace(found, entries=entries), path)
        (folder / "system.yaml").write_text(SYSTEM.replace("steps: 3", "steps: 1"))
        _without_board()
        train(_config(folder), folder / "run")
        return folder / "run" / name

    return write


def resumed(path: Path, place: Place) -> Seen:
    """A training whose steps are all done is resumed: it reads its state, validates and ends."""
    from emgasr.training.run import train

    _without_board()
    fitted = train(_config(place.folder), place.folder / "run", resume=True)
    expect(fitted.steps >= 1, f"went on from step {fitted.steps}")
    return Seen(digest_of(fitted.best, fitted.best_step))


def _config(folder: Path) -> Any:
    from tests.helpers.people import system

    return system(folder, f"--manifest={folder / 'manifest.jsonl'}")


def _without_board() -> None:
    """TensorBoard would take a second to import in each run, and has nothing to do with it."""
    from emgasr.training import log

    log._board = lambda *arguments: None


def survey_journal(folder: Path) -> Path:
    from emgasr.data.survey import survey

    for name, seed in (("a.hdf5", 1), ("b.hdf5", 2)):
        write_native(folder / "data", name, seed=seed)
    survey(sorted((folder / "data").glob("*.hdf5")), "native", folder / "survey.jsonl")
    return folder / "survey.jsonl"


def surveyed(path: Path, place: Place) -> Seen:
    """A survey goes on from its journal and lists what lies there, whatever the journal says."""
    from emgasr.data.survey import duplicates, survey
    from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest

    found = survey(sorted((place.folder / "data").glob("*.hdf5")), "native", path)
    told = (*found.problems, *duplicates(found.entries))
    if found.entries:
        write_manifest(Manifest(tuple(found.entries), place.folder), place.out / "manifest.jsonl")
        with reading_again("the manifest"):
            read_manifest(place.out / "manifest.jsonl")
    return Seen(digest_of(found.entries), told)


def split_file(folder: Path) -> Path:
    from emgasr.protocol.folds import RuleConfig, make_splits, write_splits

    write_splits(make_splits(people(), RuleConfig("within-subject")), folder / "splits.json")
    return folder / "splits.json"


def folds(path: Path, place: Place) -> Seen:
    """A split file is read and gives each fold's recordings, or says which are missing."""
    from emgasr.errors import ManifestError
    from emgasr.protocol.folds import read_splits, write_splits

    found = read_splits(path)
    told = []
    for fold in found.folds:
        try:
            found.entries(fold, people())
        except ManifestError as error:
            told.append(str(error))
    write_splits(found, place.out / "splits.json")
    with reading_again("the split file"):
        again = read_splits(place.out / "splits.json")
    expect(again.checksum() == found.checksum(), "written and read, it has other folds")
    return Seen(digest_of(found.checksum()), tuple(told))


def run_file(folder: Path) -> Path:
    """What a protocol says of itself."""
    rule = {"rule": "groups", "groups": 5, "validation_people": 1, "test_sessions": 0, "seed": 0}
    facts = {"rule": rule, "splits_sha256": "0" * 64, "recordings_sha256": "1" * 64, "command": "emgasr protocol run"}
    (folder / "run.json").write_text(
        json.dumps(facts | {"emgasr": "1.0", "seeds": [0, 1], "systems": {}}, indent=1) + "\n"
    )
    return folder / "run.json"


def run_read(path: Path, place: Place) -> Seen:
    """What a protocol says of itself stands in the report that it leads to."""
    from emgasr.protocol.report import read_run, render

    text = render(read_run(place.folder), [], [], [], [], "a protocol", "", False, None)
    expect("splits | checksum" in text, "does not name its splits")
    return Seen(digest_of(text))


FORMATS = (
    Format(
        *("resume-state", "runs", "binary"),
        (stopped_training("checkpoint.pt"),),
        resumed,
        container="zip",
        writes=True,
        warm=False,
    ),
    Format("resume-start", "runs", "json", (stopped_training("start.json"),), resumed, writes=True, warm=False),
    Format(
        "survey-journal", "runs", "json lines", (survey_journal,), surveyed, names_files=True, writes=True, warm=False
    ),
    Format("split-file", "strangers", "json", (split_file,), folds, container="split file", checked=True),
    Format("run-json", "runs", "json", (run_file,), run_read),
)
