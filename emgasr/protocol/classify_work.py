"""One job of a classifier in, what it found as JSON out: the windows of a fold, or its people read by what learns them.

No classifier is stored: a job learns from the fold's windows, which are plain arrays, and from the person's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from emgasr.classifiers.config import KINDS, ClassifyConfig
from emgasr.classifiers.windows import WindowRecognizer, WindowSet, drawn, fitted, learned_windows, windows_of
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.corpora import open_entry
from emgasr.errors import DataError, ManifestError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import read_weights
from emgasr.frontend.electrodes import TEMPLATE_NAME, load_profile, save_template
from emgasr.frontend.features import FEATURES
from emgasr.manifests.manifest import TRAIN, VALIDATION, Manifest, read_manifest
from emgasr.protocol.adaptation import Adapted
from emgasr.protocol.amounts import chosen
from emgasr.protocol.checks import check_fitted
from emgasr.protocol.config import NONE
from emgasr.protocol.folds import CALIBRATION
from emgasr.protocol.work import FoldFiles, PersonConfig, Tested, entries_of, rows_of
from emgasr.recording import Recording, Signal

WINDOWS, STATISTICS, FRONT_END = "windows.npz", "statistics.safetensors", "front_end.yaml"


def learn_fold(
    folder: Path, root: Path, *, system: Mapping[str, Any], files: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Write the windows of a fold's training and validation people that a classifier learns from.

    A classifier has nothing to validate, so that it learns from the validation people too.
    """
    config = _system(system)
    fold = from_mapping(FoldFiles, {}, dict(files), "files of a fold")
    manifest = read_manifest(root / fold.learned)
    entries = [entry for entry in manifest.entries if entry.split in (TRAIN, VALIDATION)]

    def recordings() -> Iterator[Recording]:
        return (open_entry(entry, manifest.root) for entry in entries)

    if not entries:
        raise DataError(f"system {name}", "has no recordings to learn from", "split again")
    listed = list(recordings())
    reader, found = learned_windows(config, listed, recordings)
    kept = drawn(found, config.classifier.most_windows, config.seed)
    run = folder / "run"
    run.mkdir(parents=True, exist_ok=True)
    save_template(listed, run)
    kept.save(run / WINDOWS)
    _save_statistics(reader, run / STATISTICS)
    features = to_mapping(reader.config.features)
    write_yaml({"manifest_sha256": manifest.checksum(), "features": features}, run / FRONT_END)
    print(f"{name}: {len(kept.windows)} of {len(found.windows)} windows of {found.takes} takes", flush=True)
    if found.too_short:
        print(f"{name}: {found.too_short} takes are shorter than a window and give none", flush=True)
    return {
        "parameters": None,
        "parameters_sha256": "",  # it starts from nothing
        "validation_cer": None,
        "steps": None,
        "train_minutes": None,
        "train_hours": sum(entry.duration_s for entry in entries) / 3600,
        "train_people": len({entry.subject for entry in entries}),
        "windows": len(found.windows),
        "windows_learned": len(kept.windows),
        "takes": found.takes,
        "takes_too_short": found.too_short,
    }


def classify_people(
    folder: Path, root: Path, *, person: Mapping[str, Any], people: Sequence[str], system: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Learn a fold's windows, and each person's own, and read what is tested of them; return rows, one for each list.

    It first checks what is learned against all that is held out. A person with less than the amount of calibration
    recordings has no rows. Without adaptation all are read by one classifier.
    """
    config = from_mapping(PersonConfig, {}, dict(person), "person")
    made = _system(system)
    learned, tested = read_manifest(root / config.files.learned), Tested.read(config.files, root)
    held_out = tested.held_out
    run = root / config.model
    reader = _front_end(run, made, learned)
    fitted_on = [entry for entry in learned.entries if entry.split in (TRAIN, VALIDATION)]
    parts = {"weights": fitted_on, "normalization": fitted_on, "template": fitted_on}
    check_fitted(parts, held_out.entries, f"{config.system} for {', '.join(people)}")
    others = WindowSet.load(run / WINDOWS)
    plain = fitted(made, others) if config.method == NONE else None
    rows = []
    for subject in people:
        facts: dict[str, Any] = {}
        judge = plain
        if judge is None:
            entries = entries_of(subject, held_out, CALIBRATION)
            part = chosen(config.amount, entries, held_out, 0.0, config.adaptation.shortfall)
            if part is None:
                continue
            own = windows_of(reader.unjudged(), lambda found=part: found.recordings)  # type: ignore[misc]
            judge = fitted(made, others, own)
            facts = {"seconds": part.seconds, "takes": own.takes, "windows": len(own.windows)}
        reader.judged_by(*judge)
        adapted = Adapted(reader, lambda recording: recording, facts)
        rows += rows_of(replace(config, subject=subject), adapted, tested)
    return rows


def _system(content: Mapping[str, Any]) -> ClassifyConfig:
    return from_mapping(ClassifyConfig, KINDS, dict(content), "system")


def _front_end(run: Path, config: ClassifyConfig, learned: Manifest) -> WindowRecognizer:
    """Return what gives windows as those of a fold are; a ManifestError if these are of another manifest."""
    content = read_yaml(run / FRONT_END)
    if not isinstance(content, dict) or content.get("manifest_sha256") != learned.checksum():
        raise ManifestError(run, "learned from other recordings than the fold's", "remove its job's folder")
    features = content["features"]
    made = from_mapping(FEATURES[features["kind"]].config, {}, features, run / FRONT_END)
    first = open_entry(learned.entries[0], learned.root)
    reader = WindowRecognizer(made, config, Signal.of(first))
    reader.template = load_profile(run / TEMPLATE_NAME) if (run / TEMPLATE_NAME).is_file() else None
    _statistics(reader).load_state_dict(read_weights(run / STATISTICS))
    return reader


def _save_statistics(reader: WindowRecognizer, path: Path) -> None:
    with replacing(path) as temporary:
        kept = _statistics(reader).state_dict()
        temporary.write_bytes(save({name: value.contiguous() for name, value in kept.items()}))


def _statistics(reader: WindowRecognizer) -> nn.ModuleDict:
    return nn.ModuleDict({"frames": reader.normalize, "hidden": reader.normalize_hidden})
