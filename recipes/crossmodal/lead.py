"""An aligned encoder that was trained without some gestures that another knows, in; the lead of the other, out.

    lead.py WITHOUT ALIGNED OUT.json MANIFEST... [--split validation]

WITHOUT was aligned as ALIGNED was, with more gestures left out. Takes of people who chose the weights, of gestures that
ALIGNED was trained on, compete among those gestures; the lead of the highest harmonic mean of recalls, of what WITHOUT
was trained on and of what it was not, is written into the folder ALIGNED. Nobody who is tested and no gesture that is
tested has a part in it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.crossmodal.lead import give, measured, with_lead
from emgasr.crossmodal.model import load_aligned
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.errors import DataError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.pretraining.corpora import corpora_of, read_manifests
from emgasr.recording import Signal

NOBODY = ""  # no split: takes are of one alone


def run(argv: list[str]) -> int:
    """Measure the lead, write it into the folder, and print what it does."""
    parser = ArgumentParser(prog="lead.py", description=__doc__)
    parser.add_argument("without", type=Path, metavar="WITHOUT", help="folder of `emgasr align` with more left out")
    parser.add_argument("model", type=Path, metavar="ALIGNED", help="folder of `emgasr align` that receives the lead")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="file to write")
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="manifests of the sets that were trained on")
    parser.add_argument("--split", default="validation", help="split that is read (default validation)")
    options = parser.parse_args(argv)
    without, model = load_aligned(options.without), load_aligned(options.model)
    known, trained = set(model.config.gestures), set(without.config.gestures)
    if not trained < known:
        raise DataError(options.without, "was not trained on fewer gestures", "leave out more of the same")
    gallery = sorted(known)
    embeddings = torch.from_numpy(without.embed_gestures(gallery))
    labels: list[str] = []
    likeness: list[np.ndarray] = []
    for name, manifest in read_manifests(options.manifests, "lead"):
        for corpus in corpora_of(name, manifest, (options.split, NOBODY), lambda line: None):
            named = [replace(take, label=without.descriptions.concept_of(take.label)) for take in corpus.taught]
            # All of a person's takes set the levels; those of gestures that are tested are then passed over.
            found = likeness_of_takes(without.reader(Signal.of(corpus.training[0][1])), named, embeddings)
            rows = [row for row, take in enumerate(named) if take.label in known]
            labels += [named[row].label for row in rows]
            likeness.append(found[rows])
    if not labels:
        raise DataError(options.manifests[0], f"has no take in split {options.split}", "give the manifest of a fold")
    together = np.concatenate(likeness)
    present = sorted(set(labels))
    columns = [gallery.index(gesture) for gesture in present]
    lead = measured(together[:, columns], labels, present, trained)
    none = with_lead(0.0, together[:, columns], labels, present, trained)
    give(model, lead.value)
    row = {"left_out": sorted(known - trained), "takes": len(labels), "gallery": len(present)}
    row |= {"lead": asdict(lead), "none": asdict(none)}
    with replacing(options.out) as path:
        path.write_text(as_json(row) + "\n")
    print(as_json(row))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
