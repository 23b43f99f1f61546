"""One job of a protocol in, what it found as JSON out: a fold's training, or its people's reading by one method.

Paths among the arguments are relative to the protocol's folder, so that it can be moved.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emgasr.config.parsing import from_mapping
from emgasr.corpora import open_entry
from emgasr.errors import DataError, ManifestError
from emgasr.evaluation.evaluate import evaluate
from emgasr.evaluation.items import Opened, items_of, trained_on, tuning_stretches
from emgasr.evaluation.results import results_of
from emgasr.files.plain_data import read_yaml
from emgasr.frontend.electrodes import TEMPLATE_NAME, Profile, load_profile
from emgasr.frontend.session import SessionConfig
from emgasr.manifests.leaks import check_apart
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry, Manifest, read_manifest
from emgasr.models.folder import SEARCH_NAME, load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.protocol.adaptation import Adapted, adapt
from emgasr.protocol.amounts import Amount, chosen
from emgasr.protocol.checks import check_fitted
from emgasr.protocol.config import NONE, AdaptationConfig
from emgasr.protocol.folds import CALIBRATION
from emgasr.recording import Recording, Spans
from emgasr.training.config import KINDS, TrainingConfig
from emgasr.training.loop import choose_device
from emgasr.training.resuming import Begun, read_begun
from emgasr.training.run import train

if TYPE_CHECKING:
    from emgasr.decoding import BeamSearch

REST_S, REST_MARGIN_S = 3.0, 1.0  # a pause as long as this, less a margin at both ends, is rest: nothing is typed in it
PRELOAD = (__name__, "torch._dynamo", "torch.utils.tensorboard")  # what each job would else import for itself


@dataclass(frozen=True)
class FoldFiles:
    """Manifests of a fold, as paths from the protocol's folder.

    Args:
        learned: what it trains on and, without lists, validates on.
        held_out: recordings of the people whom it tests.
        lists: recordings composed for validation and test, by name; the first one validates.
    """

    learned: str
    held_out: str
    lists: dict[str, str] = field(default_factory=dict)

    @property
    def validation(self) -> str:
        """The manifest that validates."""
        return next(iter(self.lists.values()), self.learned)


@dataclass(frozen=True)
class PersonConfig:
    """What the reading of test people needs.

    Args:
        system: name of what reads.
        seed: of its training.
        model: its folder, from the protocol's.
        files: of its fold.
        subject: who is read; empty of all people whom a job reads.
        method: adaptation method.
        amount: of calibration recordings.
        all_sessions: whether all sessions of the person are read, those for calibration too; only without adaptation.
        session: with which statistics the recordings of a session are read.
        lm: language model.
        adaptation: how the method works.
    """

    system: str
    seed: int
    model: str
    files: FoldFiles
    subject: str
    method: str = NONE
    amount: Amount = field(default_factory=Amount)
    all_sessions: bool = False
    session: SessionConfig = field(default_factory=SessionConfig)
    lm: str = ""
    adaptation: AdaptationConfig = field(default_factory=AdaptationConfig)


def train_fold(
    folder: Path,
    root: Path,
    *,
    training: Mapping[str, Any],
    files: Mapping[str, Any],
    tune: Mapping[str, float],
    lm: str = "",
) -> dict[str, Any]:
    """Train a system on a fold, or resume an earlier try, and fit what else reading needs.

    With a language model `lm` it tunes the search on the validation recordings. Returns the validation error, the time
    that training took and how much it learned from.
    """
    fold = from_mapping(FoldFiles, {}, dict(files), "files of a fold")
    config = _training_config(training, root / fold.learned, root / fold.validation if fold.lists else None)
    run = folder / "run"
    if run.exists() and not (run / "checkpoint.pt").is_file():
        shutil.rmtree(run)  # it stopped before anything was worth keeping
    fitted = train(config, run, resume=run.exists())
    if fitted.interrupted:
        raise KeyboardInterrupt
    learned = read_manifest(root / fold.learned)
    begun = _begun(run, learned)
    trained = learned.split(config.train_split)
    recognizer = load_recognizer(run / "model")
    if lm:
        _tune(recognizer, read_manifest(root / fold.validation), lm, tune, run / "model", config.seed)
    return {
        "parameters": recognizer.parameter_count,
        "parameters_sha256": begun.parameters_sha256,
        "validation_cer": fitted.best,
        "best_step": fitted.best_step,
        "steps": fitted.steps,
        "train_minutes": fitted.minutes,
        "train_hours": sum(entry.duration_s for entry in trained) / 3600,
        "train_people": len({entry.subject for entry in trained}),
    }


def read_people(folder: Path, root: Path, *, person: Mapping[str, Any]) -> Callable[[str], list[dict[str, Any]]]:
    """Load a fold's model and return what reads one of its people by name: a row of figures for each list.

    Model, manifests and language model are loaded once, and what the model was fitted on is checked once against all
    that is held out. Each adaptation starts from the fold's model. A person with less than the amount of calibration
    recordings has no rows.
    """
    config = from_mapping(PersonConfig, {}, dict(person), "person")
    model = root / config.model
    training = _training_config(read_yaml(model.parent / "training.yaml"))
    tested = Tested.read(config.files, root)
    _check_model(config, root, training, tested.held_out)
    template = load_profile(model / TEMPLATE_NAME)
    recognizer = load_recognizer(model)
    recognizer.to(choose_device(training.fit.device))
    search = _search(recognizer, config.lm, model) if config.lm else None

    def read(subject: str) -> list[dict[str, Any]]:
        one = replace(config, subject=subject)
        try:
            adapted = _adapted(one, model, recognizer, training, template, tested.held_out, folder)
            if adapted is None:
                return []
            adapted.recognizer.to(choose_device(training.fit.device))
            return rows_of(one, adapted, tested, search)
        finally:
            shutil.rmtree(folder / "personal", ignore_errors=True)  # copies of the model would fill a disk

    return read


@dataclass(frozen=True)
class Tested:
    """What a fold holds out, and its lists by name: all of its sessions where none is given."""

    held_out: Manifest
    lists: Mapping[str, Manifest]

    @classmethod
    def read(cls, files: FoldFiles, root: Path) -> Tested:
        """Read the manifests of a fold's files, whose paths are from `root`."""
        held_out = read_manifest(root / files.held_out)
        lists = {name: read_manifest(root / path) for name, path in files.lists.items()}
        return cls(held_out, lists or {"sessions": held_out})


def _check_model(config: PersonConfig, root: Path, training: TrainingConfig, held_out: Manifest) -> None:
    """Raise a ManifestError if a fold's model was fitted on any of what the fold holds out."""
    learned = read_manifest(root / config.files.learned)
    model = root / config.model
    _begun(model.parent, learned)
    learned_on = learned.split(training.train_split)
    fitted_on = {
        "weights": trained_on(model) or learned_on,
        "normalization": learned_on,
        "template": learned_on,
        "search": read_manifest(root / config.files.validation).split(VALIDATION),
    }
    check_fitted(fitted_on, held_out.entries, config.system)


def _adapted(
    config: PersonConfig,
    model: Path,
    recognizer: Recognizer,
    training: TrainingConfig,
    template: Profile,
    held_out: Manifest,
    folder: Path,
) -> Adapted | None:
    """Return the model adapted to the person; None if they have fewer minutes than asked for."""
    recordings: list[Recording] = []
    facts: dict[str, Any] = {}
    if config.method != NONE:
        shortest_s = getattr(training.data, "shortest_s", 0.0) / (1 - config.adaptation.held_out)
        entries = entries_of(config.subject, held_out, CALIBRATION)
        found = chosen(config.amount, entries, held_out, shortest_s, config.adaptation.shortfall)
        if found is None:
            return None
        recordings = found.recordings
        facts |= {"seconds": found.seconds} | ({"takes": found.takes} if found.takes else {})
    shutil.rmtree(folder / "personal", ignore_errors=True)  # of a try that was lost on the way
    made = adapt(model, recognizer, recordings, config.method, config.adaptation, training, template, folder)
    return replace(made, facts=facts | made.facts)


def rows_of(
    config: PersonConfig, adapted: Adapted, tested: Tested, search: BeamSearch | None = None
) -> list[dict[str, Any]]:
    """Return the figures of the person's recordings, a row for each list."""
    rows = []
    for name, tests in tested.lists.items():
        entries = entries_of(config.subject, tests, *(tests.splits if config.all_sessions else [TEST]))
        if not config.all_sessions:
            check_apart(entries_of(config.subject, tested.held_out, CALIBRATION), entries)
        named = Opened(entries, lambda entry, at=tests.root: _with_rest(adapted.prepare(open_entry(entry, at))))  # type: ignore[misc]
        items = items_of(adapted.recognizer, named, config.session, adapted.unlabelled_s)
        evaluation = evaluate(items, adapted.recognizer.tokens, search, system=config.system, seed=config.seed)
        _, result = results_of(evaluation)
        sessions = "all" if config.all_sessions else TEST
        place = {"list": name, "sessions": sessions, "method": config.method, "minutes": config.amount.minutes}
        place |= {"amount": str(config.amount)} if str(config.amount) else {}
        hours = sum(entry.duration_s for entry in entries) / 3600
        facts = {"test_hours": hours, "adaptation": adapted.facts}
        rows.append({"system": config.system, **place, **result.as_dict(), **facts})
    return rows


def entries_of(subject: str, manifest: Manifest, *sides: str) -> list[Entry]:
    """Return a person's entries on these sides."""
    return [entry for entry in manifest.entries if entry.subject == subject and entry.split in sides]


def prompts_of(entries: Iterable[Entry], manifest: Manifest) -> set[str]:
    """Return the texts that people were asked for, or said, in recordings."""
    texts: set[str] = set()
    for entry in entries:
        spans = open_entry(entry, manifest.root).spans
        texts.update(
            text for kind, text in zip(spans.kinds, spans.texts, strict=True) if kind in ("prompt", "utterance")
        )
    return texts


def _training_config(content: Any, manifest: Path | None = None, validation: Path | None = None) -> TrainingConfig:
    config = from_mapping(TrainingConfig, KINDS, content, "system")
    if manifest is None:
        return config
    return replace(
        config,
        manifest=str(manifest),
        train_split=TRAIN,
        validation_manifest=str(validation) if validation else "",
        validation_split=VALIDATION,
    )


def _begun(run: Path, learned: Manifest) -> Begun:
    """Return what a run began with; a ManifestError if that is another manifest than the fold's."""
    begun = read_begun(run)
    if begun.manifest_sha256 != learned.checksum():
        raise ManifestError(run, "was trained on other recordings than the fold's", "remove its job's folder")
    return begun


def _tune(recognizer: Recognizer, judged: Manifest, lm: str, tune: Mapping[str, float], model: Path, seed: int) -> None:
    from emgasr.decoding.search_file import write_search_config
    from emgasr.evaluation.search_tuning import tune as find
    from emgasr.lm import read_model

    language = read_model(lm)
    recordings = ((entry.path, open_entry(entry, judged.root)) for entry in judged.split(VALIDATION))
    stretches = tuning_stretches(items_of(recognizer, recordings), recognizer.tokens, tune["minutes"])
    if not any(ids for _, ids in stretches):
        raise DataError("validation", "has no labels to tune the search on", "run the protocol without --lm")
    tuned = find(stretches, recognizer.tokens, language, budget=int(tune["trials"]), seed=seed)
    write_search_config(tuned.config, model / SEARCH_NAME, lm_sha256=language.checksum())


def _search(recognizer: Recognizer, lm: str, model: Path) -> BeamSearch:
    from emgasr.decoding import BeamSearch
    from emgasr.decoding.search_file import read_search_config
    from emgasr.lm import read_model

    return BeamSearch(recognizer.tokens, read_model(lm), read_search_config(model / SEARCH_NAME))


def _with_rest(recording: Recording) -> Recording:
    """Return the recording with long pauses in the typing marked as rest: keys read there are false."""
    if not len(recording.events) or len(recording.spans.of_kind("rest")):
        return recording
    edges = np.concatenate([[0.0], recording.events.time_s, [recording.duration_s]])
    long = np.flatnonzero(np.diff(edges) >= REST_S)
    rests = [(float(edges[i]) + REST_MARGIN_S, float(edges[i + 1]) - REST_MARGIN_S, "rest", "") for i in long]
    spans = recording.spans
    kept = zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.kinds, spans.texts, strict=True)
    return replace(recording, spans=Spans.of([*kept, *rests]))
