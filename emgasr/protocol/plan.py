"""Systems, a split file and recordings in; checked folds, their jobs, and the rows that these end with out.

The protocol's folder holds folds/<fold>/ (manifests of what is learned from and of what is held out), jobs/,
splits.json, and run.json, which says how all of it was made.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emgasr.classifiers.config import ClassifyConfig
from emgasr.config.parsing import to_mapping
from emgasr.errors import ConfigError, ManifestError, OutputError
from emgasr.evaluation.items import trained_on
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.frontend.session import SessionConfig
from emgasr.manifests import lineage
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
from emgasr.models.folder import named_folder
from emgasr.models.pretrained import is_pretrained, read_pretrained
from emgasr.models.recognizer import RecognizerConfig
from emgasr.protocol.adaptation import applies
from emgasr.protocol.amounts import amounts
from emgasr.protocol.checks import check_fold, check_init, check_list, check_lm_text, check_starts
from emgasr.protocol.config import NONE, ProtocolConfig
from emgasr.protocol.folds import CALIBRATION, Fold, SplitFile, folder_name, write_splits
from emgasr.protocol.jobs import RESULT, Engine, Job, OnDone, run_jobs
from emgasr.protocol.results import PersonResult
from emgasr.protocol.work import FoldFiles, PersonConfig, prompts_of
from emgasr.training.config import TrainingConfig
from emgasr.version import __version__

RUN_NAME, SPLITS_NAME = "run.json", "splits.json"
WORK, CLASSIFY = "emgasr.protocol.work", "emgasr.protocol.classify_work"
System = TrainingConfig | ClassifyConfig  # a network that is trained, or a classifier of windows


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
    systems: Mapping[str, System],
    lists: Mapping[str, Manifest],
    config: ProtocolConfig,
    command: str = "",
) -> Prepared:
    """Check every fold, write what its jobs need into `root`, and return the jobs; nothing is trained yet.

    `lists` are manifests of recordings composed for validation and test; the first one validates.

    Raises:
        ManifestError: A fold or a list breaks a rule.
        ConfigError: So does a system or an option.
        LanguageModelError: So does the language model.
    """
    if not systems:
        raise ConfigError("protocol", "no system to run", "pass --system NAME=CONFIG")
    splits.check_made_of(manifest)
    folds = {fold.name: splits.entries(fold, manifest) for fold in splits.folds}
    for fold in splits.folds:
        check_fold(fold, folds[fold.name], splits.rule, manifest.root)
        for name, system in systems.items():
            if begun := begun_from(at_fold(system, fold)):
                held_out = [entry for entry in folds[fold.name] if entry.split in (CALIBRATION, TEST)]
                where = f"system {name}, fold {fold.name}"
                check_init(begun, _shaped(begun), held_out, where)
                _check_sizes(system, Path(begun), where)
    if config.lm and (named := [name for name, one in systems.items() if isinstance(one, ClassifyConfig)]):
        wrong = f"{named[0]} is a classifier of windows, which no language model reads with"
        raise ConfigError(f"system {named[0]}", wrong, "run it without --lm")
    if config.lm:
        tested = [entry for entries in folds.values() for entry in entries if entry.split == TEST]
        check_lm_text(config.lm, config.lm_text, prompts_of(tested, manifest))
    _check_layout(root, systems, folds, config.seeds)
    # Where everybody is tested in turn, all sessions of all people are read too; official tests are what they are.
    held_back = splits.rule["rule"] != "official" and any(fold.calibration for fold in splits.folds)
    jobs: list[Job] = []
    training: dict[tuple[str, str, int], str] = {}
    for fold in splits.folds:
        files, sha256 = _write_fold(root, fold, folds[fold.name], manifest, lists)
        for name, system in systems.items():
            for seed in config.seeds:
                seeded = replace(at_fold(system, fold), seed=seed)
                made = list(_fold_jobs(name, seeded, fold, folds[fold.name], files, sha256, config, held_back))
                training[name, fold.name, seed] = made[0].name
                jobs += made
    write_splits(splits, root / SPLITS_NAME)
    made_by = {
        "command": command,
        "emgasr": __version__,
        "splits_sha256": splits.checksum(),
        "recordings_sha256": splits.recordings_sha256,
        "rule": dict(splits.rule),
        "systems": {name: to_mapping(system) for name, system in systems.items()},
        **to_mapping(config),
    }
    with replacing(root / RUN_NAME) as path:
        path.write_text(as_json(made_by, indent=1) + "\n", encoding="utf-8")
    # Trainings first: they are the longest, and whoever is done with one reads while the others still train.
    return Prepared(root, tuple(sorted(jobs, key=lambda job: bool(job.after))), training)


def run(prepared: Prepared, engine: Engine, report: OnDone = lambda done, of, name: None) -> list[PersonResult]:
    """Run what is not done yet; return a result for each system, seed, person, list, method and minutes.

    Raises:
        DataError: A fold did not start from the parameters that the others of its system and seed started from.
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
            found = results[job.name]
            rows = [row for part in job.parts for row in found[part]] if job.parts else found
            table += [PersonResult.of(row | more) for row in rows]
    return table


def _check_layout(
    root: Path, systems: Mapping[str, System], folds: Mapping[str, Sequence[Entry]], seeds: Iterable[int]
) -> None:
    """Raise an OutputError if people were read here one a job, as earlier versions did: that would lie there unused."""
    for (fold, entries), name, seed in itertools.product(folds.items(), systems, seeds):
        for subject in sorted({entry.subject for entry in entries}):
            place = root / "jobs" / name / fold / f"seed{seed}" / folder_name(subject)
            if any(place.glob(f"*/{RESULT}")):
                wrong = "holds readings by an earlier version, which started a job for each person"
                raise OutputError(place, wrong, "choose another folder, or remove such folders to read all anew")


KEPT = ("parameters", "train_minutes", "train_hours", "train_people", "steps", "validation_cer")


def _write_fold(
    root: Path, fold: Fold, entries: Sequence[Entry], manifest: Manifest, lists: Mapping[str, Manifest]
) -> tuple[FoldFiles, str]:
    """Write the manifests of a fold; return their places and a checksum of what they hold."""
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
    return FoldFiles(str(folder / "learned.jsonl"), str(folder / "held_out.jsonl"), paths), sums


def _of_fold(fold: Fold, entries: Sequence[Entry], listed: Manifest, name: str) -> list[Entry]:
    """Return the recordings of a list that the fold validates on and tests, found by person and session."""
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
    system: System,
    fold: Fold,
    entries: Sequence[Entry],
    files: FoldFiles,
    sha256: str,
    config: ProtocolConfig,
    held_back: bool,
) -> Iterator[Job]:
    """Yield the training of a fold, then the readings of its test people; of all sessions too if `held_back`."""
    base = f"{name}/{fold.name}/seed{system.seed}"
    tested = sorted({entry.subject for entry in entries if entry.split == TEST})
    calibrated = sorted({entry.subject for entry in entries if entry.split == CALIBRATION} & set(tested))
    lm = os.path.abspath(config.lm) if config.lm else ""
    depends = {"data": sha256, "lm": checksum_file(Path(lm)) if lm else ""}
    if begun := begun_from(system):
        depends["init"] = _weights_checksum(Path(begun))
    session = SessionConfig(bool(config.carry), config.unlabelled_seconds, config.align_turns)
    run = f"jobs/{base}/train/run"
    plain = PersonConfig(name, system.seed, run, files, "", session=session, lm=lm, adaptation=config.adaptation)
    if isinstance(system, ClassifyConfig):
        made = to_mapping(system)
        content = {"system": made, "files": to_mapping(files), "name": name}
        train = Job(f"{base}/train", f"{CLASSIFY}:learn_fold", content, depends=depends)
        yield train
        # They learn in seconds: a job reads all people, so that it does not start for each.
        for step, (person, people) in _steps(plain, system, config, held_back, tested, calibrated).items():
            arguments = {"person": to_mapping(person), "people": people, "system": made}
            read = f"{CLASSIFY}:classify_people"
            yield Job(f"{base}/{step}", read, arguments, (train.name,), {"training": train.fingerprint()})
        return
    tune = {"minutes": config.tune_minutes, "trials": config.tune_trials}
    content = {"training": to_mapping(system), "files": to_mapping(files), "tune": tune, "lm": lm}
    train = Job(f"{base}/train", f"{WORK}:train_fold", content, depends=depends)
    yield train
    plain = replace(plain, model=f"{run}/model")
    signal_s: dict[str, float] = defaultdict(float)
    for entry in entries:
        signal_s[entry.subject] += entry.duration_s if entry.split in (CALIBRATION, TEST) else 0.0
    for step, (person, people) in _steps(plain, system, config, held_back, tested, calibrated).items():
        groups = together(people, signal_s, 60 * config.job_minutes)
        for number, group in enumerate(groups, 1):
            job_name = f"{base}/{step}" + (f"-part{number}" if len(groups) > 1 else "")
            arguments, depends = {"person": to_mapping(person)}, {"training": train.fingerprint()}
            yield Job(job_name, f"{WORK}:read_people", arguments, (train.name,), depends, tuple(group))


def together(people: Sequence[str], signal_s: Mapping[str, float], most_s: float) -> list[list[str]]:
    """Return the people whom each job reads, in order: as many as have this signal together, one at least."""
    groups: list[list[str]] = []
    left_s = 0.0
    for subject in people:
        if not groups or signal_s[subject] > left_s:
            groups.append([])
            left_s = most_s
        groups[-1].append(subject)
        left_s -= signal_s[subject]
    return groups


def begun_from(system: System) -> str:
    """Return the folder of the weights that a system starts from; empty where it starts from nothing."""
    return system.init if isinstance(system, TrainingConfig) else system.features.encoder


def at_fold(system: System, fold: Fold) -> System:
    """Return a system with the fold's name for {fold} in the folder that it starts from, made absolute for its jobs."""
    if not (begun := begun_from(system)):
        return system
    folder = os.path.abspath(named_folder(begun.replace("{fold}", fold.name)))
    if isinstance(system, TrainingConfig):
        return replace(system, init=folder)
    return replace(system, features=replace(system.features, encoder=folder))


def _shaped(init: str) -> list[Entry] | None:
    """Return everybody who shaped the weights of a folder, those who chose them too; None: nobody knows."""
    entries = lineage.read(Path(init))
    return trained_on(Path(init)) if entries is None else list(entries)


def _check_sizes(system: System, begun: Path, where: str) -> None:
    """Raise an error if a system cannot start from the pretrained encoder in a folder, before any job does."""
    if isinstance(system, ClassifyConfig):
        read_pretrained(begun)
    elif is_pretrained(begun):
        parts = RecognizerConfig(system.features, system.normalize, system.encoder)
        read_pretrained(begun).check(parts, f"{where}: {begun}")


def _weights_checksum(init: Path) -> str:
    """Return a checksum of the weights in a folder, a model's or a pretrained encoder's, by their names."""
    files = sorted(init.glob("*.safetensors"))
    return " ".join(f"{path.name} {checksum_file(path)}" for path in files)


def _steps(
    plain: PersonConfig,
    system: System,
    config: ProtocolConfig,
    held_back: bool,
    tested: list[str],
    calibrated: list[str],
) -> dict[str, tuple[PersonConfig, list[str]]]:
    """Return what each step of the ladder reads, and of whom, by the name of its job."""
    found = {f"{NONE}-0": (plain, tested)}
    if held_back:
        found[f"{NONE}-all"] = (replace(plain, all_sessions=True), tested)
    for method in (method for method in config.adaptation.methods if calibrated and applies(method, system)):
        for amount in amounts(config.adaptation):
            found[f"{method}-{amount.name}"] = (replace(plain, method=method, amount=amount), calibrated)
    return found


def read_lists(paths: Mapping[str, str]) -> dict[str, Manifest]:
    """Return the manifests of composed lists, by name."""
    return {name: read_manifest(path) for name, path in paths.items()}
