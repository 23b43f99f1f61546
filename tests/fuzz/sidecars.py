"""Formats that describe samples: the tables, sidecars and lists of each layout."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

from emgasr.manifests.manifest import Entry, Manifest, write_manifest
from tests.helpers.layouts import write_split_file, write_utterance
from tests.helpers.miniatures import native_entry, write_bids, write_spans, write_takes

from .formats import Format, Place, Seen, digest_of, expect
from .samples import corpus, neuromotor
from .uses import use_manifest, use_verb


def bids(ending: str, at_root: bool = False) -> Callable[[Path], Path]:
    """A BIDS dataset of one recording; the sidecar with this ending is the one to damage."""

    def write(folder: Path) -> Path:
        write_bids(folder)
        path = next(folder.rglob(f"*{ending.removesuffix('.gz')}"))
        if not ending.endswith(".gz"):
            return path
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()
        return packed

    return write


def gestures(folder: Path) -> Path:
    """Events with trial types and unknown durations, as most BIDS datasets have them."""
    path = bids("_events.tsv")(folder)
    rows = ["onset\tduration\ttrial_type\tvalue", "0.5\t0.4\tfist\t1", "1.0\tn/a\tn/a\tn/a", "1.5\t0.5\tRest\t0"]
    path.write_text("\n".join(rows) + "\n")
    return path


def key_events(path: Path, place: Place) -> Seen:
    """Events as those of a replay of somebody's typing."""
    from emgasr.simulate.replay import read_key_events

    events, spans, _ = read_key_events(path)
    return Seen(digest_of(events.time_s, events.keys, spans.start_s, spans.texts))


def all_key_events(folder: Path) -> Path:
    path = bids("_events.tsv")(folder)
    path.write_text(path.read_text().replace("\tn/a\t750", "\t0.1\t750"))
    return path


def packed_labels(path: Path, place: Place) -> Seen:
    """The labels of a gzipped table, which its checksum guards."""
    from emgasr import open_recording

    corpus("bids")(path, place)
    recording = open_recording(next(place.folder.rglob("*.bdf")))
    events, spans = recording.events, recording.spans
    return Seen(digest_of(events.time_s, events.keys, spans.start_s, spans.end_s, spans.texts), recording.notes)


def takes(folder: Path) -> Path:
    write_takes(folder, takes=1)
    return folder / "metadata.csv"


def spans(name: str) -> Callable[[Path], Path]:
    return lambda folder: write_spans(folder, subjects=2) / name


def utterance(folder: Path) -> Path:
    session = folder / "silent_parallel_data" / "5-4_silent"
    return write_utterance(session, 0, "book", 3, "It's a Café--of sorts!").with_name("0_info.json")


def sentences(folder: Path) -> Path:
    """The published lists of held-out sentences."""
    path = folder / "testset.json"
    path.write_text(json.dumps({"dev": [["a", 4], ["b", 1]], "test": [["a", 0], ["a", 5], ["c", 2]]}))
    return path


def listed_sentences(path: Path, place: Place) -> Seen:
    from emgasr.corpora import gaddy_splits

    return Seen(digest_of((gaddy_splits.read_sentences(path, "dev"), gaddy_splits.read_sentences(path, "test"))))


def prompts(folder: Path) -> Path:
    return next(neuromotor(folder).parent.glob("*_prompts.csv"))


def manifest(folder: Path) -> Path:
    """Two takes and a part of one."""
    write_takes(folder, texts="a", takes=1)
    entries = []
    for i, path in enumerate(sorted((folder / "takes").glob("*.npy"))):
        values = {"corpus": "takes", "session": f"d{i}", "duration_s": 0.4, "split": ("train", "test")[i], "take": "x"}
        options = {"unit": "uV", "ring": True, **({"part_s": [0.1, 0.3]} if i else {})}
        entries.append(native_entry(path, text="a", options=options, **values))
    found = Manifest(tuple(entries), folder, ("session:test",), ("a note",), ("a row",))
    write_manifest(found, folder / "manifest.jsonl")
    return folder / "manifest.jsonl"


def read_manifest_and_validate(path: Path, place: Place) -> Seen:
    use_verb("info", str(path))
    return use_manifest(path, place)


def guarded(folder: Path) -> Path:
    """A take that a manifest holds the checksum of."""
    from emgasr.manifests.manifest import read_manifest

    path = manifest(folder)
    return read_manifest(path).file(read_manifest(path).entries[0])


def validated(path: Path, place: Place) -> Seen:
    """`validate` finds nothing only in a file that is the one of the manifest."""
    from emgasr.data.validate import validate
    from emgasr.manifests.manifest import read_manifest

    found = validate(read_manifest(place.folder / "manifest.jsonl"))
    lines = [f"{problem.where}: {problem.what}" for problem in found.problems if problem.where != "corpus"]
    lines += [f"{note.where}: {note.what}" for note in found.notes if note.where != "corpus"]
    return Seen(digest_of(path.read_bytes()), tuple(lines))


def split_yaml(folder: Path) -> Path:
    return write_split_file(folder / "splits.yaml", train=[("05344357", 1600000000)], val=[("7", 1600000001)], test=[])


def read_split_yaml(path: Path, place: Place) -> Seen:
    from emgasr.corpora.emg2qwerty import splits as emg2qwerty_splits

    return Seen(digest_of(emg2qwerty_splits.read_split_file(path)))


def metadata(folder: Path) -> Path:
    path = folder / "metadata.csv"
    rows = [f"0534435{i},2020-09-13-160000000{i}-keystrokes,{10 + i}.5" for i in range(3)]
    path.write_text("\n".join(["user,session,duration_mins", *rows]) + "\n")
    return path


def read_metadata(path: Path, place: Place) -> Seen:
    """The table of emg2qwerty, compared with the sessions that are there."""
    from emgasr.corpora.emg2qwerty import splits as emg2qwerty_splits

    rows = emg2qwerty_splits.read_metadata(path)
    entry = Entry("a.hdf5", "emg2qwerty", "05344350", "1600000000", "train", 630.0, 2000.0, 32, "0" * 64)
    told = emg2qwerty_splits.compare_with_metadata([entry], rows, path)
    expect(all(isinstance(line, str) for line in told), "tells no lines")
    return Seen(digest_of(sorted(rows)))


FORMATS = (
    Format(*("events-tsv", "layouts", "table"), (bids("_events.tsv"), gestures), corpus("bids"), warm=False),
    Format(
        *("events-tsv-gz", "layouts", "table"),
        (bids("_events.tsv.gz"),),
        packed_labels,
        container="gzip",
        checked=True,
        warm=False,
    ),
    Format("key-events", "layouts", "table", (all_key_events,), key_events),
    Format("channels-tsv", "layouts", "table", (bids("_channels.tsv"),), corpus("bids"), warm=False),
    Format("emg-json", "layouts", "json", (bids("_emg.json"),), corpus("bids"), warm=False),
    Format(
        "takes-csv", "labels", "table", (takes,), lambda path, place: use_takes(place), names_files=True, warm=False
    ),
    Format(
        "recordings-csv", "labels", "table", (spans("recordings.csv"),), corpus("spans"), names_files=True, warm=False
    ),
    Format("labels-csv", "labels", "table", (spans("labels.csv"),), corpus("spans"), warm=False),
    Format("gaddy-info", "layouts", "json", (utterance,), corpus("gaddy"), warm=False),
    Format("gaddy-splits", "layouts", "json", (sentences,), listed_sentences),
    Format("neuromotor-csv", "layouts", "table", (prompts,), corpus("neuromotor"), warm=False),
    Format("manifest", "labels", "json lines", (manifest,), read_manifest_and_validate, names_files=True, warm=False),
    Format("validated", "labels", "binary", (guarded,), validated, checked=True, warm=False),
    Format("split-yaml", "strangers", "yaml", (split_yaml,), read_split_yaml),
    Format("metadata-csv", "labels", "table", (metadata,), read_metadata),
)


def use_takes(place: Place) -> Seen:
    from .uses import use_corpus

    return use_corpus("takes", place, unit="uV")
