"""A training run's folder and what to go on with in; what the run began with and every change since, or a refusal, out.

start.json     checksums of the manifests and of the parameters before the first step, the time of that step, the model
               that the run started from, whose recordings shaped the weights (`emgasr.manifests.lineage`), and the
               changes on the way
training.yaml  the configuration of the run as it is now
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.config.typed_data import Kinds
from emgasr.display.visible import markdown_text
from emgasr.errors import ConfigError, ManifestError, ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import UNFINISHED, replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json, read_yaml
from emgasr.manifests import lineage
from emgasr.manifests.manifest import TRAIN, VALIDATION, Entry, Manifest, checksum_file
from emgasr.models.folder import named_folder
from emgasr.training.checkpoint import CHECKPOINT_NAME, checkpoint_step
from emgasr.training.config import KINDS

START_NAME, CONFIG_NAME = "start.json", "training.yaml"
# What a checkpoint is of.
FIXED = (
    *("task", "tokens", "features", "normalize", "encoder", "init", "manifests", "targets", "reconstruction"),
    *("left_out", "teacher", "descriptions"),
)


class RunConfig(Protocol):
    """A configuration of training or pretraining: what a run of it learned from, and what it may not change."""

    @property
    def train_split(self) -> str: ...
    @property
    def validation_split(self) -> str: ...
    @property
    def init(self) -> str: ...


@dataclass(frozen=True)
class Begun:
    """What a run began with, and what has changed since: of each change the step, and what was and is."""

    manifest_sha256: str
    validation_sha256: str
    parameters_sha256: str
    begun_unix_s: float
    started_from: str = ""
    shaped_by: tuple[Entry, ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()

    def changes_line(self) -> str:
        """Return the changes, for the model card."""
        changes = [
            f"{name} {markdown_text(was)} → {markdown_text(now)} at step {c['step']}"
            for c in self.changes
            for name, (was, now) in _pairs(c)
        ]
        return "; changed on the way: " + ", ".join(changes) if changes else ""


def begin(config: RunConfig, manifest: Manifest, held_out: Manifest, parameters_sha256: str) -> Begun:
    """Return what a run begins with; the people who shaped the model that it starts from are among them."""
    inherited = lineage.read(named_folder(config.init)) if config.init else ()
    return Begun(
        manifest.checksum(),
        held_out.checksum(),
        parameters_sha256,
        time.time(),
        _named(Path(config.init), inherited) if config.init else "",
        lineage.together(inherited or (), _data(config, manifest, held_out)),
    )


def write_begun(begun: Begun, config: RunConfig, folder: Path) -> None:
    """Write start.json and training.yaml."""
    content = dataclasses.asdict(begun) | {"shaped_by": [lineage.as_row(entry) for entry in begun.shaped_by]}
    with replacing(folder / START_NAME) as path:
        path.write_text(as_json(content) + "\n", encoding="utf-8")
    write_yaml(to_mapping(config), folder / CONFIG_NAME)


def stopped_before_its_first_checkpoint(folder: Path) -> bool:
    """Return whether the run has no checkpoint yet: it then begins anew."""
    return (folder / UNFINISHED).is_file() and not (folder / CHECKPOINT_NAME).is_file()


def check_resumed(
    folder: Path,
    config: RunConfig,
    manifest: Manifest,
    held_out: Manifest,
    other_data: bool,
    kinds: Kinds = KINDS,
) -> Begun:
    """Return what the run began with and this change; a ConfigError or ManifestError for what cannot change."""
    path = folder / CONFIG_NAME
    begun, before = read_begun(folder), from_mapping(type(config), kinds, read_yaml(path), path)
    options = _differences(to_mapping(before), to_mapping(config))
    if fixed := [name for name in options if name.partition(".")[0] in FIXED]:
        was, now = options[fixed[0]]
        wrong = f"is {now}, but the run was started with {was}: its checkpoint is of that model"
        raise ConfigError(fixed[0], wrong, "leave the option out, or start another run")
    data = _data(config, manifest, held_out)
    checksums = {
        "manifest": [begun.manifest_sha256, manifest.checksum()],
        "validation manifest": [begun.validation_sha256 or held_out.checksum(), held_out.checksum()],
    }
    changed = {name: pair for name, pair in checksums.items() if pair[0] != pair[1]}
    known = begun.shaped_by or data
    if not other_data:
        if changed:
            difference = _difference(known, data)
            advice = "restore the manifest, or pass --other-data to go on with these and have it recorded"
            raise ManifestError(folder, f"was started on other recordings than these{difference}", advice)
        _check_files(config, manifest, held_out, begun.begun_unix_s)
    options |= {name: [was[:16], now[:16]] for name, (was, now) in changed.items()}
    if not options:
        return dataclasses.replace(begun, shaped_by=known)
    change = {"step": checkpoint_step(folder), "unix_s": round(time.time()), "changed": options}
    return dataclasses.replace(
        begun,
        manifest_sha256=manifest.checksum(),
        validation_sha256=held_out.checksum(),
        shaped_by=lineage.together(known, data),
        changes=(*begun.changes, change),
    )


def read_begun(folder: Path) -> Begun:
    """Return what start.json says that a run began with; a ModelError if it cannot be read."""
    path = folder / START_NAME
    advice = "start the run anew in another folder"
    try:
        content = read_json(path, ModelError, advice, LARGEST_TABLE)
        rows = content.pop("shaped_by", [])
        begun = Begun(**{"validation_sha256": "", "begun_unix_s": path.stat().st_mtime} | content)
        shaped = tuple(lineage.of_row(path, row) for row in rows)
        begun = dataclasses.replace(begun, shaped_by=shaped, changes=tuple(begun.changes))
        begun.changes_line()  # raises where they are none
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ModelError) as error:
        raise ModelError(path, "does not say what the run began with", advice) from error
    return begun


def _data(config: RunConfig, manifest: Manifest, held_out: Manifest) -> tuple[Entry, ...]:
    trained = lineage.of_entries(manifest.split(config.train_split), TRAIN)
    return (*trained, *lineage.of_entries(held_out.split(config.validation_split), VALIDATION))


def _named(model: Path, inherited: tuple[Entry, ...] | None) -> str:
    model = model.resolve()
    name = f"{model.parent.name}/{model.name}" if model.name == "model" else model.name
    return name + ("" if inherited is not None else ", which does not say whose recordings shaped it")


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], inside: str = "") -> dict[str, list[Any]]:
    """Return each option that differs, by its dotted name, with both values."""
    found: dict[str, list[Any]] = {}
    for name in (*before, *(name for name in now if name not in before)):
        was, value = before.get(name), now.get(name)
        if isinstance(was, dict) and isinstance(value, dict):
            found |= _differences(was, value, f"{inside}{name}.")
        elif was != value:
            found[inside + name] = [was, value]
    return found


def _difference(before: tuple[Entry, ...], now: tuple[Entry, ...]) -> str:
    """Return a line on the recordings that are lacking now, and on those that are new."""
    was, is_now = ({(e.subject, e.session, e.sha256, e.split) for e in entries} for entries in (before, now))
    parts = []
    for what, entries in (("lacking", was - is_now), ("new", is_now - was)):
        if entries:
            names = sorted({f"{subject}/{session}" for subject, session, _, _ in entries})
            parts.append(f"{what}: {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    return f" ({'; '.join(parts)})" if parts else ""


def _check_files(config: RunConfig, manifest: Manifest, held_out: Manifest, begun_unix_s: float) -> None:
    """Raise a ManifestError if a recording's file was changed since the run began."""
    sides = ((manifest, config.train_split), (held_out, config.validation_split))
    for file, sha256 in {(side.file(e), e.sha256) for side, split in sides for e in side.split(split)}:
        try:
            status = file.stat()
        except OSError as error:
            raise ManifestError(file, f"cannot be read ({error.strerror})", "restore the file") from error
        if max(status.st_mtime, status.st_ctime) >= begun_unix_s and checksum_file(file) != sha256:
            wrong = "is another recording than the run was started on (checksum)"
            raise ManifestError(file, wrong, "restore it, or pass --other-data to go on and have it recorded")


def _pairs(change: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, (was, now)) for name, (was, now) in change["changed"].items()]
