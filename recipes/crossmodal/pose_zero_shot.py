"""An encoder aligned with pose in; how well movements that no training saw are read from muscles alone, out, as JSON.

    pose_zero_shot.py ALIGNED OUT.json MANIFEST

The gallery holds pose windows of the training people, labelled, of the movements that the model was not trained on: the
teacher embedded them, and neither it nor the encoder was trained on them. A test person's take is read by the mean
likeness of its windows to the mean of each movement (centroids), and by most of the 10 nearest windows of the gallery.
No label and no pose of a test person is read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.corpora.beside import open_beside
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.crossmodal.teachers import signal_teacher
from emgasr.crossmodal.teachers.signal import windows_before
from emgasr.data.compose import Take, takes_from_recordings
from emgasr.errors import DataError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.manifests.manifest import TRAIN, Manifest, read_manifest
from emgasr.recording import Signal

NEAREST, MOST_WINDOWS, HOP_S = 10, 300, 0.5


def run(argv: list[str]) -> int:
    """Write the figures, and print them."""
    parser = ArgumentParser(prog="pose_zero_shot.py", description=__doc__)
    parser.add_argument("model", type=Path, metavar="ALIGNED", help="folder of `emgasr align --teacher.kind pose`")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="file to write")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="recordings with pose beside, people split")
    parser.add_argument("--split", default="test", help="split that is tested (default test)")
    options = parser.parse_args(argv)
    model = load_aligned(options.model)
    manifest = read_manifest(options.manifest)
    takes = takes_of(manifest, options.split)
    unseen = sorted({take.label for take in takes} - set(model.config.gestures))
    seen = sorted(set(model.config.gestures) & {take.label for take in takes})
    found: dict[str, object] = {"model": model.checksum, "unseen": unseen, "split": options.split}
    for name, labels in (("unseen", unseen), ("seen", seen)):
        if len(labels) < 2:
            raise DataError(options.manifest, f"has {len(labels)} {name} movements", "leave some out, and keep others")
        found[name + "_figures"] = figures(model, manifest, takes, labels)
    with replacing(options.out) as path:
        path.write_text(as_json(found) + "\n")
    print(as_json(found))
    return 0


def takes_of(manifest: Manifest, split: str) -> list[Take]:
    """Return the takes of a split, rest named as a label."""
    recordings = [(entry.path, open_entry(entry, manifest.root)) for entry in manifest.split(split)]
    found = takes_from_recordings(recordings)
    return [Take(t.samples, t.rate_hz, t.label or "rest", t.subject, t.session, t.take) for t in found]


def figures(model: AlignedModel, manifest: Manifest, takes: Sequence[Take], labels: Sequence[str]) -> dict[str, object]:
    """Return the balanced accuracy among `labels`, by centroids and by the nearest windows, and each person's."""
    gallery, own = poses(model, manifest, labels)
    rows = model.unit(gallery @ model.projection.T + model.offset)
    means = torch.stack([model.unit(rows[own == label].mean(0)) for label in labels])
    reader = model.reader(Signal.of(open_entry(manifest.split(TRAIN)[0], manifest.root)))
    everything = likeness_of_takes(reader, takes, torch.cat([means, rows]))  # of all takes: they set the statistics
    asked = np.array([take.label in labels for take in takes])
    true = np.array([take.label for take in takes])[asked]
    people = np.array([take.subject for take in takes])[asked]
    likeness = everything[asked]
    by_centroid = np.array(labels)[likeness[:, : len(labels)].argmax(1)]
    nearest = np.argsort(-likeness[:, len(labels) :], axis=1)[:, :NEAREST]
    votes = np.stack([(own[nearest] == label).sum(1) for label in labels], 1)
    by_nearest = np.array(labels)[votes.argmax(1)]
    result: dict[str, object] = {"takes": int(asked.sum()), "gallery_windows": len(rows), "chance": 1 / len(labels)}
    for name, guess in (("centroids", by_centroid), ("nearest", by_nearest)):
        result[name] = balanced(true, guess)
        each = {who: balanced(true[people == who], guess[people == who]) for who in sorted(set(people))}
        result[f"{name}_of_people"] = each
    return result


def poses(model: AlignedModel, manifest: Manifest, labels: Sequence[str]) -> tuple[torch.Tensor, np.ndarray]:
    """Return the teacher's embeddings (n, w) of training people's windows of `labels`, and the label of each."""
    teacher = signal_teacher(model.config.teacher)
    found: dict[str, list[np.ndarray]] = {label: [] for label in labels}
    for entry in manifest.split(TRAIN):
        recording, beside = open_entry(entry, manifest.root), open_beside(entry, manifest.root)
        if beside is None:
            raise DataError(entry.path, "has no pose beside it", "give recordings with pose")
        spans = recording.spans
        for start, end, text in zip(spans.start_s, spans.end_s, spans.texts, strict=True):
            if (text or "rest") in found:
                ends = np.arange(float(start) + teacher.window_s, float(end), HOP_S)
                found[text or "rest"].append(teacher.embed(windows_before(teacher, beside, ends).samples))
    rng = np.random.default_rng(0)
    kept = {label: np.concatenate(own) for label, own in found.items()}
    kept = {label: own[rng.permutation(len(own))[:MOST_WINDOWS]] for label, own in kept.items()}
    names = np.concatenate([[label] * len(own) for label, own in kept.items()])
    return torch.from_numpy(np.concatenate(list(kept.values()))), names


def balanced(true: np.ndarray, guess: np.ndarray) -> float:
    """Return the mean over labels of the share of takes that are read right."""
    return round(float(np.mean([(guess[true == label] == label).mean() for label in sorted(set(true))])), 4)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
