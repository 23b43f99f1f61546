"""`emgasr info PATH`: a recording, a manifest or a model folder in; what it holds out, as a table or as JSON."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import PACKAGED_NAMES, SHIPPED, add_json
from emgasr.errors import EmgasrError
from emgasr.manifests.manifest import FOUND
from emgasr.recording import UNTOLD, montage_of

if TYPE_CHECKING:
    from emgasr.pipeline import Pipeline


def run(argv: list[str]) -> int:
    """Print what a path holds."""
    options = parser().parse_args(argv)
    path = Path(options.path)
    if options.path in PACKAGED_NAMES:
        from emgasr.models.folder import named_folder

        path = named_folder(options.path)
    if not path.exists():
        raise EmgasrError(path, "does not exist", "check the path")
    if path.is_dir():
        facts = _folder(path, not options.json)
    elif path.suffix in (".jsonl", ".ndjson"):
        facts = _manifest(path)
    else:
        facts = _recording(path)
    if options.json:
        print_json(facts)
        return 0
    card = facts.pop("card", "")
    _show(facts)
    if card:
        print(f"\n{card.strip()}")
    return 0


def _show(facts: dict[str, Any]) -> None:
    from rich.table import Table

    from emgasr.display.console import print_table
    from emgasr.display.visible import visible_line

    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.items():
        items = value if name in FOUND and value else [value]  # findings stand in a line each
        for line, item in enumerate(items):
            table.add_row("" if line else name.replace("_", " "), visible_line(_shown(item)))
    print_table(table)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr info",
        description="Show what a file or folder holds.",
        examples=("emgasr info armband", "emgasr info corpus.jsonl --json"),
    )
    made.add_argument(
        "path",
        metavar="PATH",
        help=f"recording, manifest (.jsonl), folder of a model or of an encoder (`pretrain`, `align`), or {SHIPPED}",
    )
    add_json(made)
    return made


def _folder(folder: Path, named: bool) -> dict[str, Any]:
    """Return what a folder holds: an aligned encoder, a pretrained one, or a model that reads."""
    from emgasr.crossmodal.model import is_aligned
    from emgasr.models.pretrained import is_pretrained

    if is_aligned(folder):
        return _aligned(folder)
    if is_pretrained(folder):
        return _pretrained(folder)
    return _model(folder, named)


def _aligned(folder: Path) -> dict[str, Any]:
    from emgasr.crossmodal.model import load_aligned

    model = load_aligned(folder)
    reader = next(iter(model.readers.values()))
    return {
        "kind": "aligned encoder",
        "layouts": list(model.readers),
        "teacher": f"{model.config.teacher_name} ({model.config.teacher.kind})",
        "gestures_trained": list(model.config.gestures),
        "gestures_described": len(model.descriptions.concepts),
        "texts_trained": len(model.config.texts),
        "encoder": f"{reader.config.encoder.kind}, {reader.parameter_count:,} parameters with one reader",
        "frames_per_second": reader.frame_rate_hz,
        "likeness_below_which_nothing_is_meant": round(model.config.floor, 4),
        "lead_of_untrained_gestures": round(model.config.lead, 4),
        "checksum": model.checksum,
        "card": _card(folder / "README.md"),
    }


def _pretrained(folder: Path) -> dict[str, Any]:
    from emgasr.models.pretrained import load_pretrained

    found = load_pretrained(folder)
    size = sum(value.numel() for value in found.weights.values())
    return {
        "kind": "pretrained encoder",
        "features": found.config.features.kind,
        "encoder": f"{found.config.encoder.kind}, {size:,} parameters",
        "card": _card(folder / "README.md"),
    }


def _recording(path: Path) -> dict[str, Any]:
    from emgasr.corpora import open_any

    recording = open_any(path)
    return {
        "kind": "recording",
        "subject": recording.subject,
        "session": recording.session,
        "duration_s": round(recording.duration_s, 3),
        "rate_hz": recording.rate_hz,
        "channels": recording.n_channels,
        "unit": recording.unit,
        "bands": {band.name: len(band.electrodes) for band in recording.bands},
        "montage": montage_of(recording.bands) or UNTOLD,
        "keys": len(recording.events),
        "spans": dict(Counter(recording.spans.kinds)),
        "origin": recording.origin,
        **({"notes": list(recording.notes)} if recording.notes else {}),
    }


def _manifest(path: Path) -> dict[str, Any]:
    from emgasr.manifests.manifest import read_manifest

    manifest = read_manifest(path)
    splits = {}
    for name in manifest.splits:
        entries = manifest.split(name)
        splits[name] = {
            "recordings": len(entries),
            "people": len({entry.subject for entry in entries}),
            "minutes": round(sum(entry.duration_s for entry in entries) / 60, 2),
        }
    return {
        "kind": "manifest",
        "checksum": manifest.checksum(),
        "corpora": dict(Counter(entry.corpus for entry in manifest.entries)),
        "rates_hz": sorted({entry.rate_hz for entry in manifest.entries}),
        "channels": sorted({entry.channels for entry in manifest.entries}),
        "montages": dict(Counter(entry.montage or UNTOLD for entry in manifest.entries)),
        "claims_disjoint": list(manifest.claims),
        **{f"split_{name}": counts for name, counts in splits.items()},
        **{name: list(lines) for name in FOUND if (lines := getattr(manifest, name))},
    }


def _model(folder: Path, shown: bool) -> dict[str, Any]:
    from emgasr.corpora.tables.units import step_name
    from emgasr.pipeline import Pipeline
    from emgasr.streaming.delay import delay_of

    # All that the folder holds is read: what is wrong with it is reported here, not by the first search.
    pipeline = Pipeline.of_folder(folder, "cpu")
    recognizer = pipeline.recognizer
    delay = delay_of(recognizer, pipeline.rules.finalize_within_s)
    signal, config = recognizer.signal, recognizer.config
    return {
        "kind": "model",
        "rate_hz": signal.rate_hz,
        "unit": signal.unit,
        **({"bare_takes": [step_name(signal.unit, step) for step in signal.steps]} if signal.steps else {}),
        "bands": {band.name: len(band.electrodes) for band in signal.bands},
        "montage": montage_of(signal.bands) or UNTOLD,
        "tokens": recognizer.tokens.kind,
        "symbols": len(recognizer.tokens) - 1,
        "features": config.features.kind,
        "normalize": config.normalize.kind,
        "encoder": config.encoder.kind,
        "normalize_hidden": config.normalize_hidden.kind,
        "parameters": recognizer.parameter_count,
        "frames_per_second": round(recognizer.frame_rate_hz, 4),
        "delay": delay if shown else delay.as_dict(),
        **_language(pipeline),
        **_sure(pipeline),
        "card": _card((pipeline.folder or folder) / "README.md"),
    }


def _language(pipeline: Pipeline) -> dict[str, str]:
    if pipeline.language is None:
        return {}
    settings = {name.replace(" ", "_"): value for name, value in pipeline.language.settings.items()}
    return settings | {"search": pipeline.reading}


def _sure(pipeline: Pipeline) -> dict[str, str]:
    """Return what confidences mean, and from when on the model says something, where either lies beside it."""
    confidence, point, notes = pipeline.sure
    shown = {} if confidence is None else {"confidence": "probability of being right (confidence.json)"}
    if point is not None:
        line = f"{point.reads} at {point.threshold:g} or more"
        line += f" for {point.frames} frames, means of {point.mean_frames}" if point.reads == "held" else ""
        shown["operating_point"] = f"{line}, refractory {point.refractory_s:g} s"
    return shown | ({"left_out": "; ".join(notes)} if notes else {})


def _card(path: Path) -> str:
    """Return the card of a model, or what is wrong with it: the rest of the model is shown all the same."""
    from emgasr.files.plain_data import LARGEST_YAML
    from emgasr.files.plain_text import read_text

    if not path.is_file():
        return ""
    try:
        return "\n".join(read_text(path, largest=LARGEST_YAML).replace("\r\n", "\n").split("\r"))
    except EmgasrError as error:
        return f"{path.name} {error.wrong}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
