"""Systems, a split file and recordings in; checked folds, their jobs, and once these are done rows of figures out.

The protocol's folder holds folds/<fold>/ (manifests of what is learned from and of what is held out), jobs/,
splits.json, and run.json, which says how all of it was made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import to_mapping
from emgasr.errors import ConfigError, ManifestError
from emgasr.evaluation.items import trained_on
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.manifests.manifest import (
    TEST,
    TRAIN,
    VALIDATION,
    Entry,
    Manifest,
    checksum_file,
    read_manifest,
    write_manifest,
)
from emgasr.protocol.checks import check_fold, check_init, check_list, check_lm_text, check_starts
from emgasr.protocol.folds import CALIBRATION, Fold, SplitFile, folder_name, write_splits
from emgasr.protocol.jobs import Engine, Job, Report, run_jobs
from emgasr.protocol.ladder import CalibrationConfig, applies
from emgasr.protocol.work import prompts_of
from emgasr.training.config import TrainingConfig
from emgasr.version import __version__

RUN_NAME, SPLITS_NAME = "run.json", "splits.json"
WORK = "emgasr.protocol.work"


@dataclass(frozen=True)
class ProtocolConfig:
    """Run systems over the folds of a split file.

    Args:
        seeds: of training; every fold of every system is trained with each.
        lm: language model to read with, tuned on each fold's validation recordings; greedy alone without it.
        lm_text: the text that it was built from, which must hold no test prompt.
        tune_minutes: minutes of validation recordings to tune the search on.
        tune_trials: configurations of the search that are tried.
        carry: lists whose recordings of a session are read as if the device stayed on: running statistics go on from
            one to the next, in the order of the list.
        calibration: how models learn a person.
    """

    seeds: tuple[Annotated[int, Within(0, 2**32 - 1)], ...] = (0,)
    lm: str = ""
    lm_text: tuple[str, ...] = ()
    tune_minutes: Annotated[float, Within(0, 1e5)] = 10.0
    tune_trials: Annotated[int, Within(0, 1e6)] = 30
    carry: tuple[str, ...] = ()
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)

    def __post_init__(self) -> None:
        check_within(self, "")


@dataclass(frozen=True)
class Prepared:
    """A protocol whose folds are checked and written: its jobs, and the training job of each (system, fold, seed)."""

    root: Path
    jobs: tuple[Job, ...]
    training: Mapping[tuple[str, str, int], str]


def prepare(
    root: Path,
    manifest: Manifest,
    splits: SplitFile,
    systems: Mapping[str, TrainingConfig],
    lists: Mapping[str, Manifest],
    config: ProtocolConfig,
    command: str = "",
) -> Prepared:
    """Check every fold, write what its jobs need into `root`, and return the jobs; nothing is trained yet.

    `lists` are manifests of recordings composed for validation and test; the first one validates. Raises a
    ManifestError, ConfigError or LanguageModelError that says which rule a fold, a system or the language model breaks.
    """
    if not systems:
        raise ConfigError("emgasr protocol", "no system to run", "pass --system NAME=CONFIG")
    if unknown := sorted(set(config.carry) - set(lists)):
        raise ConfigError("carry", f"{unknown[0]!r} is no list", "pass it as --list NAME=MANIFEST")
    splits.check_made_of(manifest)
    folds = {fold.name: splits.entries(fold, manifest) for fold in splits.folds}
    for fold in splits.folds:
        check_fold(fold, folds[fold.name], splits.rule, manifest.root)
        for name, system in systems.items():
            if system.init:
                held_out = [entry for entry in folds[fold.name] if entry.split in (CALIBRATION, TEST)]
                check_init(system.init, _learned_from(system.init), held_out, f"system {name}, fold {fold.name}")
    if config.lm:
        tested = [entry for entries in folds.values() for entry in entries if entry.split == TEST]
        check_lm_text(config.lm, config.lm_text, prompts_of(tested, manifest))
    # Where everybody is tested in turn, all sessions of all people are read too; official tests are what they are.
    held_back = splits.rule["rule"] != "official" and any(fold.calibration for fold in splits.folds)
    jobs: list[Job] = []
    training: dict[tuple[str, str, int], str] = {}
    for fold in splits.folds:
        files = _write_fold(root, fold, folds[fold.name], manifest, lists)
        for name, system in systems.items():
            for seed in config.seeds:
                made = _fold_jobs(name, replace(system, seed=seed), fold, folds[fold.name], files, config, held_back)
                training[name, fold.name, seed] = made[0].name
                jobs += made
    write_splits(splits, root / SPLITS_NAME)
    told = {
        "command": command,
        "emgasr": __version__,
        "splits_sha256": splits.checksum(),
        "recordings_sha256": splits.recordings_sha256,
        "rule": dict(splits.rule),
        "systems": {name: to_mapping(system) for name, system in systems.items()},
        **to_mapping(config),
    }
    with replacing(root / RUN_NAME) as path:
        path.write_text(as_json(told, indent=1) + "\n", encoding="utf-8")
    # Trainings first: they are the longest, and whoever is done with one reads while the others still train.
    return Prepared(root, tuple(sorted(jobs, key=lambda job: bool(job.after))), training)


def run(prepared: Prepared, engine: Engine, report: Report = lambda done, of, name: None) -> list[dict[str, Any]]:
    """Run what is not done yet and return a row for each system, seed, person, list and step of each rung.

    A DataError if a fold did not start from the parameters that the others of its system and seed started from.
    """
    results = run_jobs(prepared.jobs, prepared.root, engine, report)
    trained = {key: results[name] for key, name in prepared.training.items()}
    for system, seed in sorted({(system, seed) for system, _, seed in trained}):
        check_starts({fold: r["parameters_sha256"] for (s, fold, n), r in trained.items() if (s, n) == (system, seed)})
    table = []
    for job in prepared.jobs:
        if job.after:
            (train_job,) = job.after
            (key,) = (key for key, name in prepared.training.items() if name == train_job)
            system, fold, seed = key
            more = {"fold": fold, "seed": seed} | {name: trained[key][name] for name in KEPT}
            table += [row | more for row in results[job.name]]
    return table


KEPT = ("parameters", "train_minutes", "train_hours", "train_people", "steps", "validation_cer")


@dataclass(frozen=True)
class _Files:
    """Manifests of a fold, as paths from the protocol's folder, and their content's checksum."""

    learned: str
    validation: str
    held_out: str
    lists: Mapping[str, str]
    sha256: str


def _write_fold(
    root: Path, fold: Fold, entries: Sequence[Entry], manifest: Manifest, lists: Mapping[str, Manifest]
) -> _Files:
    folder = Path("folds") / fold.name
    placed = [replace(entry, path=str(manifest.file(entry).absolute())) for entry in entries]

    def write(name: str, chosen: Iterable[Entry], claims: tuple[str, ...] = ()) -> Manifest:
        return write_manifest(Manifest(tuple(chosen), root, claims), root / folder / name)

    written = [
        write("learned.jsonl", (entry for entry in placed if entry.split in (TRAIN, VALIDATION))),
        write("held_out.jsonl", (entry for entry in placed if entry.split in (CALIBRATION, TEST))),
    ]
    paths: dict[str, str] = {}
    for name, listed in lists.items():
        chosen = _of_fold(fold, entries, listed, name)
        check_list(fold, entries, chosen)
        written.append(write(f"list-{name}.jsonl", chosen))
        paths[name] = str(folder / f"list-{name}.jsonl")
    sums = "".join(made.checksum() for made in written)
    validation = next(iter(paths.values()), "")
    return _Files(str(folder / "learned.jsonl"), validation, str(folder / "held_out.jsonl"), paths, sums)


def _of_fold(fold: Fold, entries: Sequence[Entry], listed: Manifest, name: str) -> list[Entry]:
    """The recordings of a list that the fold validates on and tests, found by person and session."""
    if any(entry.part_s is not None for entry in entries):
        wrong = "cuts sessions in time, and a composed list is of whole sessions"
        raise ManifestError(f"fold {fold.name}", wrong, "split by session or by subject, or run without --list")
    sides = {entry.key("session"): entry.split for entry in entries}
    chosen = []
    for entry in listed.entries:
        side = sides.get(entry.key("session"))
        if side in (VALIDATION, CALIBRATION, TEST):
            path = str(listed.file(entry).absolute())
            chosen.append(replace(entry, split=str(side), path=path))
    for side in (VALIDATION, TEST):
        if not any(entry.split == side for entry in chosen):
            wrong = f"holds nothing of the sessions of {side}"
            raise ManifestError(f"list {name}, fold {fold.name}", wrong, "compose with --same-session, of all sessions")
    return chosen


def _fold_jobs(
    name: str,
    system: TrainingConfig,
    fold: Fold,
    entries: Sequence[Entry],
    files: _Files,
    config: ProtocolConfig,
    held_back: bool,
) -> list[Job]:
    """The training of a fold and the readings of its test people; of all sessions too where some are `held_back`."""
    base = f"{name}/{fold.name}/seed{system.seed}"
    lm = os.path.abspath(config.lm) if config.lm else ""
    shared: dict[str, Any] = {"manifest": files.learned, "validation": files.validation, "lm": lm}
    shared["lm_sha256"] = checksum_file(Path(lm)) if lm else ""
    tune = {"minutes": config.tune_minutes, "trials": config.tune_trials}
    content = {"training": to_mapping(system), "tune": tune, "data_sha256": files.sha256}
    train = Job(f"{base}/train", f"{WORK}:train_fold", shared | content)
    shared |= {
        "trained": train.fingerprint(),
        "system": name,
        "model": f"jobs/{train.name}/run/model",
        "lists": dict(files.lists),
        "carry": list(config.carry),
        "held_out": files.held_out,
        "seed": system.seed,
        "calibration": to_mapping(config.calibration),
    }
    jobs = [train]
    calibrating = {entry.subject for entry in entries if entry.split == CALIBRATION}
    for subject in sorted({entry.subject for entry in entries if entry.split == TEST}):
        steps: list[tuple[str, float, bool]] = [("none", 0.0, False)]
        if held_back:
            steps.append(("none", 0.0, True))
        if subject in calibrating:
            rungs = [rung for rung in config.calibration.rungs if applies(rung, system)]
            steps += [(rung, minutes, False) for rung in rungs for minutes in config.calibration.minutes]
        for rung, minutes, whole in steps:
            told = {"subject": subject, "rung": rung, "minutes": minutes, "whole": whole}
            step = "none-all" if whole else f"{rung}-{minutes:g}"
            jobs.append(
                Job(f"{base}/{folder_name(subject)}/{step}", f"{WORK}:read_person", shared | told, (train.name,))
            )
    return jobs


def _learned_from(init: str) -> list[Entry] | None:
    return trained_on(Path(init))


def read_lists(paths: Mapping[str, str]) -> dict[str, Manifest]:
    """The manifests of composed lists, by name."""
    return {name: read_manifest(path) for name, path in paths.items()}
