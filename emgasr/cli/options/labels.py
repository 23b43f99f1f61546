"""The options of verbs that read labels given as words: a parser in; the recognizer of an aligned model out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.manifests.manifest import Entry, Manifest
    from emgasr.models.recognizer import Recognizer
    from emgasr.recording import Recording, Signal
    from emgasr.tokens import Tokens


def add_label_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add --labels and --layout; return their group."""
    group = parser.add_argument_group("gestures given as words (MODEL is a folder of `emgasr align`)")
    labels = "gestures to read, with commas between them: those that are described, or any words that the model's "
    group.add_argument(
        "--labels",
        metavar="LIST",
        help=labels + "teacher reads; what is like none of them is rest (default: the gestures that were trained)",
    )
    add_layout(group)
    return group


def add_layout(group: argparse._ActionsContainer) -> None:
    """Add --layout, of the electrodes."""
    layout = "layout of electrodes that is read, where the model reads several and the signal does not say it"
    group.add_argument("--layout", metavar="NAME", help=layout)


def first_signal(manifest: Manifest, entries: Sequence[Entry]) -> Signal:
    """Return the signal of the first entry's recording."""
    from emgasr.corpora import open_entry
    from emgasr.recording import Signal

    return Signal.of(open_entry(entries[0], manifest.root))


def opener(manifest: Manifest, folder: Path, tokens: Tokens) -> Callable[[Entry], Recording]:
    """Return what opens an entry; for an aligned model, labels are spelled as the tokens that mean the same."""
    from emgasr.corpora import open_entry
    from emgasr.crossmodal.model import DESCRIPTIONS_NAME, is_aligned

    if not is_aligned(folder):
        return lambda entry: open_entry(entry, manifest.root)
    from emgasr.crossmodal.descriptions import read_descriptions
    from emgasr.crossmodal.gallery import relabelled

    descriptions = read_descriptions(folder / DESCRIPTIONS_NAME)
    return lambda entry: relabelled(open_entry(entry, manifest.root), descriptions, tokens.symbols[1:])


def recognizer_of_labels(
    options: argparse.Namespace, folder: Path, first: Callable[[], Signal] | None
) -> tuple[Recognizer | None, tuple[str, ...]]:
    """Return what reads the labels that the options ask for, and notes on it; None of a folder with symbols of its own.

    Args:
        options: of the verb, which may lack the options of labels.
        folder: of the model.
        first: opens what is read first and returns its signal.

    Raises:
        ConfigError: labels are asked of a model with symbols of its own, or nobody says the layout.
    """
    from emgasr.crossmodal.model import is_aligned, load_aligned

    text, layout = getattr(options, "labels", None), getattr(options, "layout", None)
    if not is_aligned(folder):
        if text is not None or layout is not None:
            given = "--labels" if text is not None else "--layout"
            raise ConfigError(given, f"{folder} reads its own symbols alone", "give a folder of `emgasr align`")
        return None, ()
    from emgasr.crossmodal.gallery import labels_in, reading, signal_of

    model = load_aligned(folder)
    labels = None if text is None else labels_in(text)
    return reading(model, labels, signal_of(model, layout, first))
