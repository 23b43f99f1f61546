"""An aligned encoder and manifests with labels in; recall of texts by takes and of takes by texts out, as JSON.

    retrieval.py ALIGNED OUT.json MANIFEST... [--split test] [--unseen-set NAME]

Each manifest's takes of the split are read, with the statistics of all that their person did. Rows say who and what was
held out, how many queries there are, how many entries compete, and what chance comes to. Gestures count alike.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.crossmodal.ranking import recall
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.errors import DataError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.pretraining.corpora import corpora_of, read_manifests
from emgasr.recording import Signal

NOBODY = ""  # no split: takes are of one alone


@dataclass(frozen=True)
class Texts:
    """A gallery: each text, the gesture that it says, and its embedding (n, d)."""

    texts: tuple[str, ...]
    gestures: tuple[str, ...]
    embeddings: np.ndarray


def run(argv: list[str]) -> int:
    """Write the rows, and print one line for each."""
    parser = ArgumentParser(prog="retrieval.py", description=__doc__)
    parser.add_argument("model", type=Path, metavar="ALIGNED", help="folder of `emgasr align`")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="file to write")
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="manifests of the sets")
    parser.add_argument("--split", default="test", help="split whose takes are read (default test)")
    parser.add_argument("--unseen-set", default="", metavar="NAME", help="the set that nobody trained on")
    options = parser.parse_args(argv)
    model = load_aligned(options.model)
    rows = rows_of(model, options.manifests, options.split, options.unseen_set)
    found = {"model": model.checksum, "lead": model.config.lead, "left_out": unseen(model), "rows": rows}
    with replacing(options.out) as path:
        path.write_text(as_json(found) + "\n")
    for row in rows:
        print(" ".join(f"{name} {value}" for name, value in row.items()))
    return 0


def unseen(model: AlignedModel) -> list[str]:
    """Return the described gestures that the model was not trained on."""
    return sorted(set(model.descriptions.concepts) - set(model.config.gestures))


def rows_of(model: AlignedModel, manifests: Sequence[str], split: str, unseen_set: str) -> list[dict[str, Any]]:
    """Return a row for each set and direction, and for all sets together."""
    found: dict[str, tuple[list[str], np.ndarray]] = {}
    concepts = sorted(model.descriptions.concepts)
    every = gallery(model, concepts, None)
    embeddings = torch.from_numpy(np.concatenate([every.embeddings, model.embed_gestures(concepts)]))
    for name, manifest in read_manifests(manifests, "retrieval"):
        labels: list[str] = []
        likeness: list[np.ndarray] = []
        for corpus in corpora_of(name, manifest, (split, NOBODY), _logged):
            takes = [replace(take, label=model.descriptions.concept_of(take.label)) for take in corpus.taught]
            reader = model.reader(Signal.of(corpus.training[0][1]))
            labels += [take.label for take in takes]
            likeness.append(likeness_of_takes(reader, takes, embeddings))
        if not labels:
            raise DataError(name, f"has no take in split {split}", "give the manifest of a fold")
        found[name] = (labels, np.concatenate(likeness))
    rows = []
    trained = set(model.config.gestures)
    seen_sets = [name for name in found if name != unseen_set]
    groups = {**{name: [name] for name in found}, "all sets": seen_sets}
    for name, members in groups.items():
        labels = [label for one in members for label in found[one][0]]
        likeness = np.concatenate([found[one][1] for one in members])
        own = set(labels)
        kinds = [("people", own & trained, own & trained, False), ("people, texts", own & trained, own & trained, True)]
        if name == unseen_set:
            kinds = [("people, set", own & trained, own & trained, False)]
        if own - trained:
            kinds += [("people, classes", own - trained, own, False), ("people, trained", own & trained, own, False)]
            if len(own - trained) > 1:
                kinds += [("people, classes", own - trained, own - trained, False)]
        for what, asked, competing, held_out in kinds:
            rows += _both_ways(name, what, labels, likeness, asked, competing, every, model, held_out)
    return rows


def _both_ways(
    name: str,
    what: str,
    labels: list[str],
    likeness: np.ndarray,
    asked: set[str],
    competing: set[str],
    every: Texts,
    model: AlignedModel,
    held_out: bool,
) -> list[dict[str, Any]]:
    """Return the rows of takes that ask for texts, and of texts that ask for takes.

    Takes choose among gestures, each by the mean likeness of its texts of training, or of those held out. Where not all
    who compete are asked for, some were trained and some not: there takes choose as `transcribe --labels` does, by one
    embedding of each gesture, with the model's lead. Texts choose among the takes of all competing gestures.
    """
    names = sorted(competing)
    columns = {
        gesture: [
            place
            for place, (text, own) in enumerate(zip(every.texts, every.gestures, strict=True))
            if own == gesture and (text in model.descriptions.texts(gesture, True)) == held_out
        ]
        for gesture in names
    }
    takes = [place for place, label in enumerate(labels) if label in asked]
    by_gesture = np.stack([likeness[:, columns[gesture]].mean(1) for gesture in names], 1)
    if asked != competing:
        order = {name: place for place, name in enumerate(sorted(model.descriptions.concepts), len(every.texts))}
        by_gesture = likeness[:, [order[name] for name in names]] + model.leads(names)
    there = recall(by_gesture[takes], [labels[place] for place in takes], names)
    present = [place for place, label in enumerate(labels) if label in competing]
    texts = [place for gesture in sorted(asked) for place in columns[gesture]]
    back = recall(
        likeness[present][:, texts].T, [every.gestures[place] for place in texts], [labels[place] for place in present]
    )
    rows = []
    for way, one in (("takes ask", there), ("texts ask", back)):
        at = {f"r@{k}": round(value, 4) for k, value in one.at.items()}
        chance = {f"chance@{k}": round(value, 4) for k, value in one.chance.items()}
        row = {"set": name, "unseen": what, "way": way, "queries": one.queries, "gallery": one.gallery}
        rows.append(row | at | chance)
    return rows


def gallery(model: AlignedModel, gestures: Sequence[str], held_out: bool | None) -> Texts:
    """Return the texts of gestures; `held_out` None: those of training and those held out."""
    pairs = [(text, gesture) for gesture in gestures for text in model.descriptions.texts(gesture, held_out)]
    readable = set(model.readable([text for text, _ in pairs]))
    if left := [pair for pair in pairs if pair[0] not in readable]:
        _logged(f"{len(left)} of {len(pairs)} texts have no word that the teacher knows, and are in no gallery")
    pairs = [pair for pair in pairs if pair[0] in readable]
    texts, own = zip(*pairs, strict=True)
    return Texts(tuple(texts), tuple(own), model.embed_texts(texts))


def _logged(line: str) -> None:
    print(f"retrieval: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
