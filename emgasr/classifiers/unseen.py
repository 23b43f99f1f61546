"""The packaged recognizer of armbands in; what people whom it never saw performed, read before and after a repetition.

The excerpt's first execution of each label is the repetition. It is heard first, without its labels; what follows is
read with the level and spread that it left behind. Then its labels move the means of the head (`DiscriminantHead`).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.classifiers.head import DiscriminantHead
from emgasr.classifiers.windows import WindowRecognizer, windows_of
from emgasr.corpora.kinds import kind_of
from emgasr.errors import ModelError
from emgasr.evaluation.executions import Activity, judged
from emgasr.evaluation.items import items_of
from emgasr.files.npz import NUMBERS, TEXT, Array, read_npz
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording, Spans

EXCERPT_NAME = "excerpt.npz"
LARGEST = 1 << 22  # bytes, unpacked
_EXCERPT = {"samples": Array(2, NUMBERS), "times_s": Array(2, NUMBERS), "labels": Array(1, TEXT)}  # of each person
_ADVICE = "install emgasr again"


@dataclass(frozen=True, eq=False)
class Unseen:
    """A person whom the model never saw: a repetition of every label, and what they performed after it."""

    subject: str
    repetition: Recording
    performed: Recording


@dataclass(frozen=True)
class Reading:
    """What was read of a person's executions, before or after their repetition.

    Args:
        activity: executions, windows and false activations.
        heard_s: seconds of the person that were heard before, unlabelled.
    """

    activity: Activity
    heard_s: float

    @property
    def confusions(self) -> Counter[tuple[str | None, str | None]]:
        """How often each label was read as each."""
        return Counter((one.label, one.guess) for one in self.activity.executions)


def unseen_people(folder: Path, recognizer: Recognizer) -> Iterator[Unseen]:
    """Yield the people of a model folder's excerpt; a ModelError if it has none, or a damaged one."""
    path = folder / EXCERPT_NAME
    found = read_npz(path, _EXCERPT, "excerpt of people", _ADVICE, LARGEST)
    signal = recognizer.signal
    channels = sum(len(band.electrodes) for band in signal.bands)
    for name, arrays in sorted(found.items()):
        samples, times_s, labels = (arrays[part] for part in _EXCERPT)
        if samples.shape[1] != channels:
            raise ModelError(path, f"holds samples of shape {samples.shape}", _ADVICE)
        if times_s.shape != (len(labels), 2) or not len(labels):
            raise ModelError(path, f"holds {len(labels)} labels and times of shape {times_s.shape}", _ADVICE)
        rows = [
            (float(start), float(end), kind_of(text, "gesture"), text)
            for (start, end), text in zip(times_s, map(str, labels), strict=True)
        ]
        values = samples.astype(np.float32)
        whole = Recording(values, signal.rate_hz, signal.unit, signal.bands, name, "excerpt", spans=Spans.of(rows))
        edge = _end_of_first(rows)
        performed = whole.segment(edge)
        if "gesture" not in performed.spans.kinds:
            raise ModelError(path, f"holds nothing that {name!r} performed after a repetition", _ADVICE)
        yield Unseen(name, whole.segment(0.0, edge), performed)


def read_unseen(recognizer: Recognizer, person: Unseen) -> Reading:
    """Return what is read of a person behind their repetition, which is heard before it without its labels."""
    both = [("repetition", person.repetition), ("performed", person.performed)]
    last = list(items_of(recognizer, both))[-1]
    return Reading(judged(last, recognizer.tokens), last.unlabelled_s)


def taught(recognizer: Recognizer, head: DiscriminantHead, person: Unseen) -> Recognizer:
    """Return the recognizer with its head moved by the person's repetition."""
    own = windows_of(WindowRecognizer.of(recognizer), lambda: [person.repetition])
    made = copy.deepcopy(recognizer)
    head.adapted(own).put_into(made)
    return made


def _end_of_first(rows: list[tuple[float, float, str, str]]) -> float:
    """Return when the first execution of the last label that begins to be performed ends."""
    seen: dict[str, float] = {}
    for _, end, _, label in rows:
        seen.setdefault(label, end)
    return max(seen.values())
