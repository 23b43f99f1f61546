"""Manifests in; their recordings out, a corpus for each layout of electrodes, people who train and who judge apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from emgasr.corpora import open_entry
from emgasr.data.compose import Take, takes_from_recordings
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, EmgasrError
from emgasr.frontend.features import SharedAxisConfig, build_features
from emgasr.frontend.features.spectrum import floor_of
from emgasr.frontend.measured import mended
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import Entry, Manifest, read_manifest
from emgasr.recording import Recording, Signal
from emgasr.training.presets import Facts


@dataclass(frozen=True)
class Corpus:
    """A manifest's recordings of one layout: people to train on, and people whom the probe is judged on.

    Args:
        name: of the corpus.
        training: names and recordings of the people to train on.
        judged: those of the people who judge.
        left_out: labels whose takes are passed over, as if nobody had performed them.
    """

    name: str
    training: Sequence[tuple[str, Recording]]
    judged: Sequence[tuple[str, Recording]]
    left_out: frozenset[str] = frozenset()

    @property
    def labels(self) -> list[str]:
        """The labels of the training people, rest among them: a state of the muscles like others here."""
        spans = [recording.spans for _, recording in self.training]
        kinds = (zip(one.kinds, one.texts, strict=True) for one in spans)
        found = {text or "rest" for pairs in kinds for kind, text in pairs if kind != "prompt"}
        return sorted(found - self.left_out)

    @cached_property
    def taught(self) -> list[Take]:
        """The takes of the training people, where rest is a label."""
        return _takes(self.training, self.left_out)

    @cached_property
    def judging(self) -> list[Take]:
        """The takes of the people whom the probe is judged on."""
        return _takes(self.judged, self.left_out)


def _takes(recordings: Iterable[tuple[str, Recording]], left_out: frozenset[str]) -> list[Take]:
    named = [replace(take, label=take.label or "rest", rest=False) for take in takes_from_recordings(recordings)]
    return [take for take in named if take.label not in left_out]


def read_manifests(paths: Sequence[str], verb: str) -> list[tuple[str, Manifest]]:
    """Return the manifests by the names of their corpora, each with its splits apart."""
    if not paths:
        raise ConfigError(verb, "no manifest", "give MANIFEST... (see `emgasr manifest --help`)")
    names = [_name_of(Path(path)) for path in paths]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        wrong = f"two manifests are called {twice[0]}"
        raise ConfigError("manifests", wrong, "name their files, or their folders, apart: corpora go by these names")
    found = [(name, read_manifest(path)) for name, path in zip(names, paths, strict=True)]
    for _, manifest in found:
        check_disjoint(manifest)
    return found


def _name_of(path: Path) -> str:
    """Return what a corpus is called: its manifest's name, or its folder's where that is a plain manifest.jsonl."""
    return path.absolute().parent.name if path.stem == "manifest" else path.stem


def merged(manifests: Sequence[tuple[str, Manifest]]) -> Manifest:
    """Return one manifest of all, whatever folders they lie in."""
    entries = [
        replace(entry, path=str(manifest.file(entry).absolute()))
        for _, manifest in manifests
        for entry in manifest.entries
    ]
    return Manifest(tuple(entries), Path("/"))


def entries_of(manifests: Sequence[tuple[str, Manifest]], together: Manifest, split: str) -> list[tuple[str, Entry]]:
    """Return the entries of a split with the names of their corpora; a ManifestError if there is none."""
    together.split(split)
    names = [name for name, manifest in manifests for _ in manifest.entries]
    return [(name, entry) for name, entry in zip(names, together.entries, strict=True) if entry.split == split]


def corpora_of(
    name: str,
    manifest: Manifest,
    splits: tuple[str, str],
    log: Callable[[str], None],
    labelled: bool = True,
    left_out: Sequence[str] = (),
) -> list[Corpus]:
    """Return the corpora of a manifest: one for each layout of electrodes and rate in it; as `Corpus` says."""
    sides: list[dict[Signal, list[tuple[str, Recording]]]] = []
    for split in splits:
        layouts: dict[Signal, list[tuple[str, Recording]]] = {}
        for entry in manifest.split(split) if split in manifest.splits else ():
            recording = mended(open_entry(entry, manifest.root), log)
            layouts.setdefault(_layout(recording), []).append((entry.path, recording))
        sides.append(layouts)
    training, judged = sides
    if left := [layout for layout in judged if layout not in training]:
        log(f"{name}: {counted(len(left), 'layout')} of {splits[1]} that nobody trains on is passed over")
    names = [name] if len(training) == 1 else [f"{name}_{number + 1}" for number in range(len(training))]
    everything = [recording for own in training.values() for _, recording in own]
    if not labelled and any(len(recording.spans) for recording in everything):
        log(f"{name}: its labels are not read")
    spans = [text or "rest" for recording in everything for text in recording.spans.texts]
    if dropped := sum(text in left_out for text in spans):
        log(f"{name}: {counted(dropped, 'take')} of labels that are left out")
    pairs = zip(names, training, strict=True)
    return [Corpus(own, training[layout], judged.get(layout, []), frozenset(left_out)) for own, layout in pairs]


def _layout(recording: Recording) -> Signal:
    signal = Signal.of(recording)
    return replace(signal, bands=tuple(replace(band, montage="") for band in signal.bands))


def features_of(features: SharedAxisConfig, name: str, recordings: Sequence[Recording]) -> SharedAxisConfig:
    """Return the features that all corpora share, with the floor of this one's level; a ConfigError if it has none."""
    signal = Signal.of(recordings[0])
    try:
        build_features(features, signal.rate_hz, len(signal.bands), signal.electrodes)
    except EmgasrError as error:
        raise ConfigError(f"corpus {name}", f"{error.where}: {error.wrong}", error.advice) from error
    return replace(features, epsilon=floor_of(Facts.of(recordings).power))
