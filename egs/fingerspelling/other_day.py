"""Prints the errors of a trained model on validation takes that are made to differ as another day's do.

`other_day.py RUN MANIFEST LM`: RUN is a folder of `emgasr train` with `augment.spread`, MANIFEST a composed list of
validation takes, LM the language model. All frames of a sequence are shifted by one draw from the differences between
takes of a letter, as the run measured them, times --spread. No test take is read: this is where the weights of the
search in run.sh come from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from emgasr.corpora import open_entry
from emgasr.decoding import BeamSearch, SearchConfig, greedy
from emgasr.evaluation.items import reference_of
from emgasr.lm import read_model
from emgasr.manifests.manifest import read_manifest
from emgasr.models.folder import load_recognizer
from emgasr.score import count_edits, total

SCALES, WEIGHTS = (1.0, 0.8, 0.6, 0.5, 0.35), ((1.0, 0.0), (0.7, 0.7), (1.0, 1.0))

parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
parser.add_argument("run", type=Path)
parser.add_argument("manifest")
parser.add_argument("lm")
parser.add_argument("--spread", type=float, nargs="*", default=[0.0, 1.0, 2.0, 3.0], help="how far another day is")
parser.add_argument("--draws", type=int, default=4, help="days drawn for each sequence")
options = parser.parse_args()

recognizer = load_recognizer(options.run / "model")
shifts = torch.load(options.run / "checkpoint.pt", weights_only=True)["objective"]["augment.spread"]
manifest, lm, tokens = read_manifest(options.manifest), read_model(options.lm), recognizer.tokens
recordings = [open_entry(entry, manifest.root) for entry in manifest.split("validation")]


def error(references: list[list[str]], read: list[tuple[int, ...]]) -> float:
    """Percent of the references' letters that were read wrongly."""
    counts = (count_edits(a, tokens.symbols_of(b)) for a, b in zip(references, read, strict=True))
    return 100 * total(counts).rate


for spread in options.spread:
    torch.manual_seed(0)
    references, emissions = [], []
    with torch.inference_mode():
        for recording in recordings:
            samples = torch.from_numpy(recording.read())[None]
            frames, lengths = recognizer.features(samples, torch.tensor([samples.shape[1]]))
            draws = spread * torch.randn(options.draws, len(shifts)) @ shifts
            frames = recognizer.normalize(frames, lengths)[0] + draws.view(-1, 1, *frames.shape[2:])
            hidden, _, _ = recognizer.encoder(frames, lengths.expand(options.draws))
            reference = list(reference_of(recording, tokens)[0])
            references += [reference] * options.draws
            emissions += list(recognizer.log_probs(hidden).numpy())

    print(f"spread {spread:g}: greedy {error(references, [greedy(each).ids for each in emissions]):.2f} %")
    for scale in SCALES:
        for weight, bonus in WEIGHTS:
            config = SearchConfig(acoustic_scale=scale, lm_weight=weight, length_bonus=bonus, end_of_sentence=True)
            search = BeamSearch(tokens, lm, config)
            rate = error(references, [search.whole(each)[0].ids for each in emissions])
            print(f"  acoustic scale {scale:g}, LM weight {weight:g}, bonus {bonus:g}: {rate:.2f} %")
