"""One job of a protocol: a fold's training, or the reading of one test person by one rung; what it found out, as JSON.

Paths among the arguments are relative to the protocol's folder, so that it can be moved.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emgasr.config.parsing import from_mapping
from emgasr.corpora import open_entry
from emgasr.errors import DataError, ManifestError
from emgasr.evaluation.evaluate import evaluate
from emgasr.evaluation.items import items_of, trained_on, tuning_stretches
from emgasr.evaluation.results import results_of
from emgasr.files.plain_data import read_yaml
from emgasr.frontend.measured import mended
from emgasr.manifests.leaks import check_apart
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry, Manifest, read_manifest
from emgasr.models.folder import SEARCH_NAME, load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.protocol.checks import check_fitted
from emgasr.protocol.electrodes import load_profile, mean_profile, profile, save_profile
from emgasr.protocol.folds import CALIBRATION
from emgasr.protocol.ladder import CalibrationConfig, calibrate, earliest
from emgasr.recording import Recording, Spans
from emgasr.training.config import KINDS, TrainingConfig
from emgasr.training.loop import choose_device
from emgasr.training.resuming import Begun, read_begun
from emgasr.training.run import train

if TYPE_CHECKING:
    from emgasr.decoding import BeamSearch

TEMPLATE_NAME = "template.safetensors"
TEMPLATE_S = 300.0  # of each training recording: its electrodes' energies are known by then
REST_S, REST_MARGIN_S = 3.0, 1.0  # a pause as long as this, less a margin at both ends, is rest: nothing is typed in it


def train_fold(
    folder: Path,
    root: Path,
    *,
    training: Mapping[str, Any],
    manifest: str,
    validation: str,
    data_sha256: str,
    tune: Mapping[str, float],
    lm: str = "",
    lm_sha256: str = "",
) -> dict[str, Any]:
    """Train a system on a fold, or go on where an earlier try stopped, and fit what else reading needs.

    `validation` is a manifest of its own where sequences are validated on; `data_sha256` and `lm_sha256` only make the
    job's result that of this data and language model. With a language model `lm` the search is tuned on the validation
    recordings. Returns the validation error, the time it took and what it had to learn from.
    """
    config = _training_config(training, root / manifest, root / validation if validation else None)
    run = folder / "run"
    if run.exists() and not (run / "checkpoint.pt").is_file():
        shutil.rmtree(run)  # it stopped before anything was worth keeping
    fitted = train(config, run, resume=run.exists())
    if fitted.interrupted:
        raise KeyboardInterrupt
    learned = read_manifest(root / manifest)
    begun = _begun(run, learned)
    trained = learned.split(config.train_split)
    save_profile(
        mean_profile([profile([_start(open_entry(entry, learned.root))]) for entry in trained]),
        run / "model" / TEMPLATE_NAME,
    )
    judged = read_manifest(config.validation_manifest) if config.validation_manifest else learned
    recognizer = load_recognizer(run / "model")
    if lm:
        _tune(recognizer, judged, lm, tune, run / "model", config.seed)
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


def read_person(
    folder: Path,
    root: Path,
    *,
    system: str,
    model: str,
    manifest: str,
    validation: str,
    lists: Mapping[str, str],
    held_out: str,
    subject: str,
    rung: str,
    minutes: float,
    calibration: Mapping[str, Any],
    whole: bool = False,
    carry: Sequence[str] = (),
    lm: str = "",
    lm_sha256: str = "",
    trained: str = "",
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Calibrate a model to a person by a rung and read what is tested of them: a row of figures for each list.

    `whole` reads all sessions of the person, those for calibration too, which only rung "none" may. What the model was
    fitted on is checked first against all that is held out; an empty list if the person has not as many minutes.
    `trained` and `lm_sha256` only make the job's result that of this very training and language model.
    """
    place = root / model
    run = place.parent
    training = _training_config(read_yaml(run / "training.yaml"))
    learned = read_manifest(root / manifest)
    apart = read_manifest(root / held_out)
    _begun(run, learned)
    learned_on = learned.split(training.train_split)
    judged = (read_manifest(root / validation) if validation else learned).split(VALIDATION)
    fitted_on = {
        "weights": trained_on(place) or learned_on,
        "normalization": learned_on,
        "template": learned_on,
        "search": judged,
    }
    check_fitted(fitted_on, apart.entries, f"{system} for {subject}")
    own = [entry for entry in apart.entries if entry.subject == subject]
    config = from_mapping(CalibrationConfig, {}, dict(calibration), "calibration")
    shortest_s = getattr(training.data, "shortest_s", 0.0) / (1 - config.held_out)
    recordings: list[Recording] = []
    told: dict[str, Any] = {}
    if rung != "none":
        chosen = earliest([entry for entry in own if entry.split == CALIBRATION], minutes, shortest_s, config.shortfall)
        if not chosen:
            return []
        recordings = [open_entry(entry, apart.root).segment(0.0, seconds) for entry, seconds in chosen]
        told["seconds"] = sum(seconds for _, seconds in chosen)
    shutil.rmtree(folder / "personal", ignore_errors=True)  # of a try that was lost on the way
    made = calibrate(place, recordings, rung, config, training, load_profile(place / TEMPLATE_NAME), folder)
    told |= made.told
    recognizer = made.recognizer.to(choose_device(training.fit.device))
    table = []
    for name, path in (lists or {"sessions": held_out}).items():
        tests = read_manifest(root / path)
        entries = [e for e in tests.entries if e.subject == subject and (e.split == TEST or whole)]
        check_apart([e for e in own if e.split == CALIBRATION and not whole], entries)
        named = ((e.path, _with_rest(made.prepare(open_entry(e, tests.root)))) for e in entries)
        search = _search(recognizer, lm, place) if lm else None
        evaluation = evaluate(
            items_of(recognizer, named, name in carry), recognizer.tokens, search, system=system, seed=seed
        )
        _, result = results_of(evaluation)
        hours = sum(entry.duration_s for entry in entries) / 3600
        place_of = {"list": name, "sessions": "all" if whole else "test", "rung": rung, "minutes": minutes}
        table.append({"system": system, **place_of, **result.as_dict(), "test_hours": hours, "calibration": told})
    shutil.rmtree(folder / "personal", ignore_errors=True)  # a copy of the model a person and step would fill a disk
    return table


def prompts_of(entries: Iterable[Entry], manifest: Manifest) -> set[str]:
    """The texts that people were asked for, or said, in recordings."""
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
    """What a run began with; a ManifestError if that is not the manifest that the fold trains on."""
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


def _start(recording: Recording) -> Recording:
    return mended(recording).segment(0.0, min(recording.duration_s, TEMPLATE_S))


def _with_rest(recording: Recording) -> Recording:
    """The same with long pauses in the typing marked as rest, where nothing is: keys read there are false."""
    if not len(recording.events) or len(recording.spans.of_kind("rest")):
        return recording
    edges = np.concatenate([[0.0], recording.events.time_s, [recording.duration_s]])
    long = np.flatnonzero(np.diff(edges) >= REST_S)
    rests = [(float(edges[i]) + REST_MARGIN_S, float(edges[i + 1]) - REST_MARGIN_S, "rest", "") for i in long]
    spans = recording.spans
    kept = zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.kinds, spans.texts, strict=True)
    return replace(recording, spans=Spans.of([*kept, *rests]))
