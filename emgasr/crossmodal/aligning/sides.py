"""A configuration and takes in; the teacher's side of an alignment out: what takes are paired with, text or signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from emgasr.corpora.beside import Beside, open_beside
from emgasr.crossmodal.aligning.layouts import Layout
from emgasr.crossmodal.aligning.objective import AlignObjective, SignalObjective, TextObjective
from emgasr.crossmodal.aligning.paired import Paired, PairedSampler, paired
from emgasr.crossmodal.config import AlignConfig
from emgasr.crossmodal.descriptions import Descriptions
from emgasr.crossmodal.teachers import signal_teacher, text_teacher
from emgasr.crossmodal.teachers.signal import SignalTeacher
from emgasr.errors import ManifestError
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry, Manifest
from emgasr.pretraining.labelled import TakeSampler
from emgasr.pretraining.readers import Readers

MOST_ROWS = 256  # windows of a label that say what the label is


class Side(Protocol):
    """The teacher's side.

    Attributes:
        gestures: what takes show, sorted; the tokens of the readers.
        texts: the texts that are trained on; none of a signal.
        teacher_name: for people.
        teacher_checksum: of what determines its embeddings.
        shaped_by: whose recordings shaped the teacher, of signals beside muscles.
        samples: the teacher's embeddings (n, w) that say what each gesture is; known once `samplers` was called.
    """

    gestures: list[str]
    texts: tuple[str, ...]
    teacher_name: str
    teacher_checksum: str
    shaped_by: tuple[Entry, ...]

    @property
    def samples(self) -> Mapping[str, np.ndarray]: ...

    def samplers(self, readers: Readers) -> list[TakeSampler]:
        """Return what makes batches of each layout."""

    def objective(self, *others: Any) -> AlignObjective:
        """Return the losses; `others` as of `AlignObjective`."""


class TextSide:
    """Texts that describe gestures."""

    shaped_by: tuple[Entry, ...] = ()

    def __init__(self, config: AlignConfig, layouts: Sequence[Layout], descriptions: Descriptions) -> None:
        self.config, self.layouts = config, layouts
        self.gestures = sorted({take.label for one in layouts for take in one.taught})
        self.texts = tuple(text for gesture in self.gestures for text in descriptions.texts(gesture))
        teacher = text_teacher(config.teacher, self.texts)
        self.teacher_name, self.teacher_checksum = teacher.name, teacher.checksum
        self.samples = {gesture: teacher.embed(descriptions.texts(gesture)) for gesture in self.gestures}

    def samplers(self, readers: Readers) -> list[TakeSampler]:
        pairs = zip(readers, self.layouts, strict=True)
        # One gesture is enough: its texts have those of all others against them.
        return [TakeSampler(reader, one.taught, self.config.takes, self.config.seed, 1) for reader, one in pairs]

    def objective(self, *others: Any) -> AlignObjective:
        return TextObjective([self.samples[gesture] for gesture in self.gestures], self.config.seed, *others)


class SignalSide:
    """Windows of a signal beside muscles.

    Raises:
        ManifestError: the teacher was shaped by somebody who judges or is tested in these manifests.
    """

    texts: tuple[str, ...] = ()

    def __init__(
        self,
        config: AlignConfig,
        layouts: Sequence[Layout],
        manifests: Sequence[tuple[str, Manifest]],
        log: Callable[[str], None],
    ) -> None:
        self.config, self.layouts, self.log = config, layouts, log
        self.gestures = sorted({take.label for one in layouts for take in one.taught})
        self.teacher: SignalTeacher = signal_teacher(config.teacher)
        self.teacher_name, self.teacher_checksum = self.teacher.name, self.teacher.checksum
        if shown := sorted(set(self.teacher.labels) & set(config.left_out)):
            wrong = f"has seen {shown[0]}, which is left out here"
            raise ManifestError(config.teacher.folder, wrong, "train a teacher without it")
        self.shaped_by = lineage.read(Path(config.teacher.folder)) or ()
        people = set(lineage.people(lineage.trained(self.shaped_by)))
        held_out = {
            entry.subject
            for _, manifest in manifests
            for entry in manifest.entries
            if entry.split != config.train_split
        }
        if known := sorted(people & held_out):
            wrong = f"was trained on {known[0]}, who is held out here ({len(known)} such people)"
            raise ManifestError(config.teacher.folder, wrong, "train a teacher on the training people alone")
        self.besides: dict[str, Beside] = {}
        for _, manifest in manifests:
            for entry in manifest.split(config.train_split):
                if (found := open_beside(entry, manifest.root)) is not None:
                    if entry.path in self.besides:
                        wrong = "is a recording of two manifests, which cannot be told apart by name"
                        raise ManifestError(entry.path, wrong, "give its folders names of their own")
                    self.besides[entry.path] = found
        self.found: list[Paired] = []
        self.samples: dict[str, np.ndarray] = {}

    def samplers(self, readers: Readers) -> list[TakeSampler]:
        made: list[TakeSampler] = []
        for reader, one in zip(readers, self.layouts, strict=True):
            keep = self.config.loss.reconstruction_weight > 0
            own = paired(reader, one.recordings, self.besides, self.teacher, self.config.left_out, keep)
            for note in own.notes:
                self.log(note)
            first_row = sum(len(one.embeddings) for one in self.found)
            self.found.append(own)
            made.append(PairedSampler(reader, own, self.config.takes, self.config.seed, first_row))
        labels, embeddings = self._rows()
        rng = np.random.default_rng(self.config.seed)
        self.samples = {
            gesture: embeddings[rng.permutation(np.flatnonzero(labels == gesture))[:MOST_ROWS]]
            for gesture in self.gestures
        }
        return made

    def objective(self, *others: Any) -> AlignObjective:
        labels, embeddings = self._rows()
        patches = np.concatenate([own.patches for own in self.found])
        numbers = np.searchsorted(self.gestures, labels)
        return SignalObjective(embeddings, patches, numbers, self.config.seed, *others)

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the label (n,) and the teacher's embedding (n, w) of each window of all layouts."""
        labels = np.array([label for own in self.found for label in own.labels])
        return labels, np.concatenate([own.embeddings for own in self.found])
