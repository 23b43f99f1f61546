"""A YAML file of descriptions in; the concepts that labels mean, each with texts in five views, out.

A concept is what a label means: sets of recordings give one gesture several labels (`hand_close`, `fist`). A label that
the file does not list is its own concept. Some texts are held out: training never reads them, tests do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emgasr.config.parsing import write_yaml
from emgasr.errors import DataError
from emgasr.files.plain_data import read_yaml
from emgasr.files.plain_text import normalized

VIEWS = ("fingers", "wrist", "muscles", "use", "name")
HELD_OUT = "held_out"
LONGEST = 1000  # characters of a description
_KEYS = ("concepts", "labels")
_SHOWN = 8  # labels that an error line lists


@dataclass(frozen=True)
class Description:
    """One text about a concept.

    Args:
        text: in plain words.
        view: what it looks at, of VIEWS.
        held_out: no training reads it.
    """

    text: str
    view: str
    held_out: bool = False


@dataclass(frozen=True)
class Descriptions:
    """Concepts with their descriptions, and the labels that mean them.

    Args:
        concepts: descriptions of each concept, by its name; none where labels are not described, and are what they are.
        labels: concept of each label that has another name than its concept.

    Raises:
        DataError: A concept has no description to train on, two concepts share one, a text is empty or too long, a view
            is unknown, or a label means a concept that is not there.
    """

    concepts: Mapping[str, tuple[Description, ...]]
    labels: Mapping[str, str]

    def __post_init__(self) -> None:
        described: dict[str, str] = {}
        for concept, found in self.concepts.items():
            for one in found:
                _check_text(concept, one)
                other = described.setdefault(spelling(one.text), concept)
                if other != concept:
                    wrong = f"{one.text!r} describes {other} too"
                    raise DataError(f"concept {concept}", wrong, "make one concept of both, or tell what parts them")
            if all(one.held_out for one in found):
                wrong = "has no description" + (" but held-out ones" if found else "")
                raise DataError(f"concept {concept}", wrong, "describe it, or take it out")
        for label, concept in self.labels.items():
            if concept not in self.concepts:
                raise DataError(f"label {label}", f"means {concept!r}, which is no concept", "describe that concept")
            if label in self.concepts and label != concept:
                wrong = f"means {concept} and is a concept itself"
                raise DataError(f"label {label}", wrong, "rename the concept, or take the label out")

    def concept_of(self, label: str) -> str:
        """Return the concept that a label means; one that nothing here is called is its own concept, not described.

        A label is listed, is a concept's name in any case, with spaces or hyphens for underscores, or is one of the
        texts that training reads.
        """
        known = self.labels.get(label, label)
        return known if known in self.concepts else self._spelled.get(_name(label), known)

    @cached_property
    def _spelled(self) -> dict[str, str]:
        """The concept of each text, name and label in the one form of all ways to write it."""
        found = {_name(text): concept for concept in self.concepts for text in self._trained(concept)}
        found |= {_name(label): concept for label, concept in self.labels.items()}
        return found | {_name(concept): concept for concept in self.concepts}

    def _trained(self, concept: str) -> Iterable[str]:
        return (one.text for one in self.concepts[concept] if not one.held_out)

    def texts(self, concept: str, held_out: bool | None = False) -> tuple[str, ...]:
        """Return the texts of a concept: those for training, the held-out ones, or (None) all.

        Raises:
            DataError: The concept is not described.
        """
        check_described(self, [concept])
        found = self.concepts[self.concept_of(concept)]
        return tuple(one.text for one in found if held_out is None or one.held_out == held_out)


def _name(label: str) -> str:
    return spelling(label.replace("_", " ").replace("-", " "))


def spelling(text: str) -> str:
    """Return the one form of texts that read the same: composed (NFC), casefolded, its spaces single."""
    return normalized(" ".join(text.casefold().split()))


def check_described(descriptions: Descriptions, labels: Iterable[str]) -> None:
    """Raise a DataError that counts and names the labels whose concepts have no description."""
    wanted = set(labels)
    lacking = sorted(label for label in wanted if descriptions.concept_of(label) not in descriptions.concepts)
    if lacking:
        named = ", ".join(lacking[:_SHOWN]) + (", …" if len(lacking) > _SHOWN else "")
        wrong = f"{len(lacking)} of {len(wanted)} labels have no description ({named})"
        raise DataError("descriptions", wrong, "describe them, or leave them out")


def read_descriptions(path: str | Path) -> Descriptions:
    """Return the descriptions in a YAML file; `recipes/crossmodal/descriptions.yaml` shows its form.

    Raises:
        DataError: The file cannot be read, has another form, or breaks a rule of `Descriptions`.
    """
    content = read_yaml(path, DataError, words_only=True)
    try:
        if not isinstance(content, dict) or "concepts" not in content or not set(content) <= set(_KEYS):
            raise DataError("top level", "is no mapping of concepts and labels", "write `concepts:` and `labels:`")
        concepts = _mapping(content["concepts"], "concepts", "write a mapping of views for each concept")
        if not concepts:
            raise DataError("descriptions", "hold no concept", "describe at least one")
        labels = _mapping(content.get("labels") or {}, "labels", "write `label: concept`")
        for label, concept in labels.items():
            if not isinstance(concept, str):
                raise DataError(f"label {label}", "does not mean one concept", "write `label: concept`")
        return Descriptions({name: tuple(_described(name, views)) for name, views in concepts.items()}, labels)
    except DataError as error:  # which names the concept alone
        raise DataError(path, f"{error.where}: {error.wrong}", error.advice) from error


def write_descriptions(found: Descriptions, path: str | Path) -> None:
    """Write descriptions as YAML in the place of `path`; `read_descriptions` returns equal ones.

    Raises:
        OutputError: The file cannot be written.
    """
    concepts: dict[str, dict[str, list[Any]]] = {}
    for concept, descriptions in found.concepts.items():
        views = concepts[concept] = {}
        for one in descriptions:
            if one.held_out:
                views.setdefault(HELD_OUT, []).append({"view": one.view, "text": one.text})
            else:
                views.setdefault(one.view, []).append(one.text)
    write_yaml({"concepts": concepts, "labels": dict(found.labels)}, path)


def _mapping(value: Any, where: str, advice: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(where, "is no mapping", advice)
    return value


def _described(concept: str, views: Any) -> Iterable[Description]:
    """Yield the descriptions of one concept, in the file's order."""
    where = f"concept {concept}"
    for view, texts in _mapping(views, where, f"write lists of texts for {', '.join(VIEWS)}").items():
        if view != HELD_OUT and view not in VIEWS:
            advice = f"choose {', '.join(VIEWS)} or {HELD_OUT}"
            raise DataError(where, f"the view {view!r} is unknown", advice)
        if not isinstance(texts, list):
            raise DataError(where, f"{view} is no list of texts", f'write `{view}: ["…"]`')
        for item in texts:
            if view == HELD_OUT:
                if not isinstance(item, dict) or set(item) != {"view", "text"}:
                    raise DataError(where, "a held-out item is no view and text", 'write `{view: use, text: "…"}`')
                view_of, text = item["view"], item["text"]
            else:
                view_of, text = view, item
            if not isinstance(text, str) or not isinstance(view_of, str):
                raise DataError(where, f"an item of {view} is no text", "write it in quotation marks")
            yield Description(normalized(" ".join(text.split())), view_of, view == HELD_OUT)


def _check_text(concept: str, one: Description) -> None:
    where = f"concept {concept}"
    if one.view not in VIEWS:
        raise DataError(where, f"the view {one.view!r} is unknown", f"choose {', '.join(VIEWS)}")
    if not one.text.strip():
        raise DataError(where, f"a description in the view {one.view} is empty", "write it, or take it out")
    if len(one.text) > LONGEST:
        raise DataError(where, f"a description has {len(one.text):,} characters", f"write at most {LONGEST:,}")
