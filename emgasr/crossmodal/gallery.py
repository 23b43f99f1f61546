"""An aligned model and labels as words in; the recognizer that reads them, and what is odd about them, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emgasr.crossmodal.descriptions import Descriptions
from emgasr.crossmodal.model import REST, AlignedModel, layout
from emgasr.crossmodal.teachers.contract import check_understood
from emgasr.errors import ConfigError, EmgasrError
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording, Signal, Spans
from emgasr.runtime.device import device_of


@dataclass(frozen=True)
class Gallery:
    """The labels that compete, as they are read.

    Args:
        labels: as they were given, or the trained gestures; those that mean rest are not among them.
        notes: what was assumed, a line each.
    """

    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def labels_in(text: str, option: str = "--labels") -> tuple[str, ...]:
    """Return the labels of a list with commas between them; a ConfigError if there is none."""
    labels = tuple(" ".join(label.split()) for label in text.split(",") if label.strip())
    if not labels:
        raise ConfigError(option, "names no label", "separate gestures by commas, as in 'fist, point'")
    return labels


def gallery_of(model: AlignedModel, labels: Sequence[str] | None) -> Gallery:
    """Return the gallery of labels, None: of all gestures that were trained; what is odd about them is in its notes.

    Raises:
        DataError: a label that nobody described is in no language that the teacher reads.
        ConfigError: the teacher is not installed, and a label needs it.
    """
    if labels is None:
        trained = tuple(name for name in model.config.gestures if name != REST)
        note = f"no --labels: reads the {len(trained)} gestures that were trained ({', '.join(trained)})"
        return Gallery(trained, (note,))
    notes = []
    described = model.descriptions.concepts
    bare = [label for label in labels if model.descriptions.concept_of(label) not in described]
    for label in bare:
        notes.append(f"nobody described {label!r}: it is read as {model.config.teacher_name} takes the word itself")
        if line := understood(model, label):
            notes.append(line)
    competing = tuple(label for label in labels if model.descriptions.concept_of(label) != REST)
    return Gallery(competing, tuple(notes))


def understood(model: AlignedModel, text: str) -> str | None:
    """Return a note on words of a text that the model's teacher does not know, None if it knows all.

    Raises:
        DataError: the text is empty, or most of it is unknown, as of another language.
    """
    read = [one.text for texts in model.descriptions.concepts.values() for one in texts]
    return check_understood(text, model.teacher, read)


def signal_of(model: AlignedModel, name: str | None, first: Callable[[], Signal] | None = None) -> Signal:
    """Return which of the model's signals is read: the only one, that of a layout's name, or that of what is read.

    Args:
        model: with a reader for each layout.
        name: of a layout; None: nobody says.
        first: opens what is read first, where it says its layout itself; None: nothing does.

    Raises:
        ConfigError: the layout is unknown, or there are several and nobody says which.
    """
    readers = {key: reader.signal for key, reader in model.readers.items()}
    if name is not None:
        if name not in readers:
            raise ConfigError("--layout", f"{model.folder} reads no {name}", f"choose {', '.join(readers)}")
        return readers[name]
    if len(readers) == 1:
        return next(iter(readers.values()))
    cause = None
    if first is not None:
        try:
            heard = first()
            return next((one for one in readers.values() if layout(one) == layout(heard)), heard)
        except EmgasrError as error:
            cause = error
    wrong = f"{model.folder} reads {len(readers)} layouts of electrodes"
    raise ConfigError("--layout", wrong, f"choose {', '.join(readers)}") from cause


def reading(
    model: AlignedModel, labels: Sequence[str] | None, signal: Signal, device: str = "auto"
) -> tuple[Recognizer, tuple[str, ...]]:
    """Return what reads labels given as words from signals of one layout, and what is odd about them, a line each.

    Args:
        model: aligned.
        labels: what competes; None: the gestures that were trained.
        signal: of one of its layouts.
        device: that reads.

    Raises:
        DataError: two labels mean the same, or one cannot be embedded.
        ModelError: no reader is of this layout.
    """
    gallery = gallery_of(model, labels)
    recognizer = model.with_labels(model.config.gestures if labels is None else labels, signal)
    return recognizer.to(device_of(device)).eval(), gallery.notes


def relabelled(recording: Recording, descriptions: Descriptions, labels: Sequence[str]) -> Recording:
    """Return a recording whose labels are spelled as those of a gallery that mean the same; rest becomes rest.

    Args:
        recording: with labels of its corpus.
        descriptions: what labels mean.
        labels: of the gallery; what means none of them stays as it is.
    """
    known = {descriptions.concept_of(label): label for label in labels}
    spans = recording.spans
    rows = []
    for start_s, end_s, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
        if kind not in ("rest", "prompt"):
            concept = descriptions.concept_of(text)
            kind, text = ("rest", text) if concept == REST else (kind, known.get(concept, text))
        rows.append((float(start_s), float(end_s), kind, text))
    return replace(recording, spans=Spans.of(rows))


def only(recording: Recording, labels: Sequence[str]) -> Recording:
    """Return a recording with the labelled spans of some labels alone; rest stays."""
    spans = recording.spans
    rows = zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.kinds, spans.texts, strict=True)
    kept = [row for row in rows if row[2] == "rest" or (row[2] != "prompt" and row[3] in labels)]
    return replace(recording, spans=Spans.of(kept))
