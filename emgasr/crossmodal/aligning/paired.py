"""Recordings and signals beside them in; takes with what a frozen teacher makes of the other signal, by frame, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from emgasr.corpora.beside import Beside
from emgasr.crossmodal.teachers.signal import SignalTeacher, windows_before
from emgasr.data.batches import Batch
from emgasr.data.compose import Take
from emgasr.errors import DataError
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.labelled import LabelledConfig, TakeSampler
from emgasr.recording import Recording

EVERY_FRAMES = 2  # that one of is paired


@dataclass(frozen=True, eq=False)
class Paired:
    """Takes, and what the teacher makes of the signal beside them.

    Args:
        takes: of the labels that are trained.
        rows: for each take, the row of `embeddings` that belongs to each of its frames; -1: none.
        embeddings: (n, w) float32 of unit length.
        patches: (n, P, w) float16 of the parts of each window; P is 0 where they are not needed.
        labels: (n,) label of each row.
        notes: lines on what was passed over.
    """

    takes: list[Take]
    rows: list[np.ndarray]
    embeddings: np.ndarray
    patches: np.ndarray
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def paired(
    recognizer: Recognizer,
    recordings: Sequence[tuple[str, Recording]],
    besides: Mapping[str, Beside],
    teacher: SignalTeacher,
    left_out: Sequence[str],
    with_patches: bool,
) -> Paired:
    """Return the takes of recordings with the windows of the signal beside them that end where a frame ends.

    Windows with a gap, beyond the signal, or that reach into a label that is left out are passed over and counted.

    Args:
        recognizer: whose frames are counted.
        recordings: with their names.
        besides: signal beside a recording, by its name.
        teacher: what reads it.
        left_out: labels that nobody may see.
        with_patches: whether the parts of windows are kept.

    Raises:
        DataError: no window is left, or a recording has nothing beside it.
    """
    features, hidden = recognizer.features, set(left_out)
    takes: list[Take] = []
    rows: list[np.ndarray] = []
    embeddings: list[np.ndarray] = []
    patches: list[np.ndarray] = []
    labels: list[str] = []
    notes: list[str] = []
    for name, recording in recordings:
        if name not in besides:
            raise DataError(name, f"has no {teacher.kind} beside it", "leave it out, or name the file in the manifest")
        spans, touching, passed = recording.spans, 0, 0
        whys = set[str]()
        for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
            label = text or "rest"
            if kind == "prompt" or label in hidden:
                continue
            samples = recording.read(float(start), float(end))
            count = int(features.lengths(torch.tensor([len(samples)]))[0])
            places = np.arange(0, count, EVERY_FRAMES)
            ends = float(start) + (places * features.hop + features.window) / recording.rate_hz
            clear = np.array(
                [not hidden & set(spans.overlapping(at - teacher.window_s, at).texts) for at in ends], dtype=bool
            )
            touching += int((~clear).sum())
            own = np.full(count, -1)
            if clear.any():
                found = windows_before(teacher, besides[name], ends[clear])
                passed += found.gaps + found.outside
                whys |= {found.told.partition(",")[0]} if found.told else set()
                kept = places[clear][found.whole]
                own[kept] = len(labels) + np.arange(len(kept))
                if len(kept):
                    parts = teacher.frames(found.samples)
                    embeddings.append(teacher.embed(found.samples))
                    patches.append(parts.astype(np.float16) if with_patches else parts[:, :0].astype(np.float16))
                labels += [label] * len(kept)
            take = Take(samples, recording.rate_hz, label, recording.subject, recording.session, f"{name}@{start:.3f}")
            takes.append(take)
            rows.append(own)
        if passed:
            notes.append(f"{name}: {passed} windows of {teacher.kind} with a gap or beyond the signal passed over")
        if touching:
            notes.append(f"{name}: {touching} windows of {teacher.kind} reach into a label left out: passed over")
    if not labels:
        raise DataError("align", f"no window of {teacher.kind} is left", "give recordings with labels and it beside")
    return Paired(takes, rows, np.concatenate(embeddings), np.concatenate(patches), tuple(labels), tuple(notes))


class PairedSampler(TakeSampler):
    """Batches of stretches of takes that end at a paired frame; targets are rows of embeddings.

    Args:
        recognizer: whose features and tokens.
        found: the takes and their pairs.
        config: how they make batches.
        seed: of the draws.
        first_row: number of the first of `found.embeddings` among those of all layouts.

    Raises:
        DataError: no take has a paired frame, or there is one label alone.
    """

    def __init__(
        self, recognizer: Recognizer, found: Paired, config: LabelledConfig, seed: int, first_row: int = 0
    ) -> None:
        super().__init__(recognizer, found.takes, config, seed)
        self.first_row = first_row
        self.rows = [found.rows[number] for number in self.taken]
        self.ends = [np.flatnonzero(own >= 0) for own in self.rows]
        good = [[[take for take in takes if len(self.ends[take])] for takes in people] for people in self.people]
        kept = [[takes for takes in people if takes] for people in good]
        self.labels = [label for label, people in zip(self.labels, kept, strict=True) if people]
        self.people = [people for people in kept if people]
        if len(self.labels) < 2:
            raise DataError("align", "fewer than two labels have a signal beside them", "give more recordings")

    def batch(self, step: int) -> Batch:
        """Return batch number `step`."""
        rng = np.random.default_rng((self.seed, 4, step))
        chosen, ends = [], []
        for label in rng.integers(len(self.labels), size=self.size):
            people = self.people[label]
            takes = people[rng.integers(len(people))]
            chosen.append(takes[rng.integers(len(takes))])
            ends.append(int(rng.choice(self.ends[chosen[-1]])))
        firsts = [max(0, end + 1 - self.most) for end in ends]
        lengths = [end + 1 - first for first, end in zip(firsts, ends, strict=True)]
        padded = np.zeros((self.size, max(lengths), *self.frames[0].shape[1:]), np.float32)
        for row, (take, first, end) in enumerate(zip(chosen, firsts, ends, strict=True)):
            padded[row, : end + 1 - first] = self.frames[take][first : end + 1]
        targets = [[self.first_row + int(self.rows[take][end])] for take, end in zip(chosen, ends, strict=True)]
        times = torch.zeros(self.size, 1)
        return Batch(
            torch.from_numpy(padded),
            torch.tensor(lengths),
            torch.tensor(targets),
            torch.ones(self.size, dtype=torch.long),
            times,
            times,
            torch.tensor([self.worn[take] for take in chosen]),
        )
