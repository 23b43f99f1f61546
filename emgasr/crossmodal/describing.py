"""A recording and an aligned model in; what each stretch of it is like, in words, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emgasr.crossmodal.embeddings import Windows
from emgasr.crossmodal.model import AlignedModel
from emgasr.pretraining.events import EventFinder, EventsConfig
from emgasr.recording import Recording

FINE_S = 0.1  # of a window: a stretch is the mean of those that end in it
GROUP_S = 1.5  # between contractions that belong together: who makes a gesture tightens more than once
LABELS, CONTRACTIONS, SECONDS = "labels", "contractions", "seconds"


@dataclass(frozen=True, eq=False)
class Gallery:
    """What a stretch can be like.

    Args:
        gestures: their names.
        embeddings: (n, d) of them, of unit length.
        texts: of each gesture, those that the teacher can read.
        of_texts: (t, d) embeddings of all texts, gesture by gesture.
        leads: (n,) what is added to the likeness of each gesture.
    """

    gestures: tuple[str, ...]
    embeddings: np.ndarray
    texts: tuple[tuple[str, ...], ...]
    of_texts: np.ndarray
    leads: np.ndarray

    @classmethod
    def of(cls, model: AlignedModel) -> Gallery:
        """Return all gestures that a model's descriptions describe in words that its teacher can read."""
        known = {text: place for place, text in enumerate(model.config.texts)}
        gestures, texts = [], []
        for concept in model.descriptions.concepts:
            own = model.descriptions.texts(concept)
            if read := (own if set(own) <= set(known) else tuple(model.readable(own))):
                gestures.append(concept)
                texts.append(tuple(read))
        rows = model.embed_texts([text for own in texts for text in own])
        return cls(tuple(gestures), model.embed_gestures(gestures), tuple(texts), rows, model.leads(gestures))


class Near(NamedTuple):
    """A gesture that a stretch is like: its name, the likeness, and which of its texts is the nearest."""

    gesture: str
    likeness: float
    text: str


@dataclass(frozen=True)
class Described:
    """A stretch of a recording in words.

    Args:
        start_s: where it begins.
        end_s: where it ends.
        label: of the recording's own; "" if it has none.
        nearest: gestures, the likest first; none where nothing was measured or it is shorter than a frame.
    """

    start_s: float
    end_s: float
    label: str
    nearest: tuple[Near, ...]


def stretches(recording: Recording) -> tuple[str, list[tuple[float, float, str]]]:
    """Return what is described of a recording, and by what it was found: its labels, its contractions, or seconds."""
    spans = recording.spans
    labelled = [
        (float(start_s), float(end_s), "rest" if kind == "rest" else text)
        for start_s, end_s, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True)
        if kind != "prompt"
    ]
    if labelled:
        return LABELS, labelled
    finder = EventFinder(EventsConfig(), recording.bands, recording.rate_hz, recording.unit)
    events = [*finder.feed(recording.read()), *finder.finish()]
    found: list[tuple[float, float, str]] = []
    for event in events:
        if found and event.start_s - found[-1][1] < GROUP_S:
            found[-1] = found[-1][0], event.end_s, ""
        else:
            found.append((event.start_s, event.end_s, ""))
    if found:
        return CONTRACTIONS, found
    edges = np.arange(0, recording.duration_s, 1.0)
    return SECONDS, [(float(edge), min(float(edge) + 1, recording.duration_s), "") for edge in edges]


def describe(
    windows: Windows, hop_s: float, found: Sequence[tuple[float, float, str]], gallery: Gallery, top: int
) -> list[Described]:
    """Return what stretches of a recording are like: on the mean over their windows, the nearest part of each.

    Args:
        windows: of the recording.
        hop_s: seconds of a window.
        found: start, end (seconds) and label of each stretch.
        gallery: of gestures.
        top: most gestures of each stretch.
    """
    ends_s = (windows.numbers + 1) * hop_s
    described = []
    for start_s, end_s, label in found:
        own = windows.parts[(ends_s > start_s + 1e-6) & (ends_s <= end_s + 1e-6)]
        nearest = []
        if len(own):
            likeness = (own @ gallery.embeddings.T).max(1).mean(0) + gallery.leads
            of_texts = np.split(
                (own @ gallery.of_texts.T).max(1).mean(0), np.cumsum([len(own) for own in gallery.texts])[:-1]
            )
            for place in np.argsort(-likeness, kind="stable")[:top]:
                text = gallery.texts[place][int(of_texts[place].argmax())]
                nearest.append(Near(gallery.gestures[place], float(likeness[place]), text))
        described.append(Described(start_s, end_s, label, tuple(nearest)))
    return described
