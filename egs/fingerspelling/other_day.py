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

from emgasr.decoding import BeamSearch, SearchConfig, greedy
from emgasr.items import reference_of
from emgasr.lm import read_model
from emgasr.manifest import read_manifest
from emgasr.recognizer import Recognizer
from emgasr.score import count_edits, total

SCALES, WEIGHTS = (1.0, 0.8, 0.6, 0.5, 0.35), ((1.0, 0.0), (0.7, 0.7), (1.0, 1.0))

parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
parser.add_argument("run", type=Path)
parser.add_argument("manifest")
parser.add_argument("lm")
parser.add_argument("--spread", type=float, nargs="*", default=[0.0, 1.0, 2.0, 3.0], help="how far another day is")
parser.add_argument("--draws", type=int, default=4, help="days drawn for each sequence")
options = parser.parse_args()

recognizer = Recognizer.load(options.run / "model")
shifts = torch.load(options.run / "checkpoint.pt", weights_only=True)["objective"]["augment.spread"]
manifest, lm, tokens = read_manifest(options.manifest), read_model(options.lm), recognizer.tokens
recordings = [manifest.open(entry) for entry in manifest.split("validation")]
for spread in options.spread:
    torch.manual_seed(0)
    pairs = []
    with torch.inference_mode():
        for recording in recordings:
            samples = torch.from_numpy(recording.read())[None]
            frames, lengths = recognizer.features(samples, torch.tensor([samples.shape[1]]))
            draws = spread * torch.randn(options.draws, len(shifts)) @ shifts
            frames = recognizer.normalize(frames, lengths) + draws.view(-1, 1, *frames.shape[2:])
            hidden, _ = recognizer.encoder(frames, lengths.expand(options.draws))
            reference = reference_of("validation", recording, tokens)[0]
            pairs += [(reference, emissions) for emissions in recognizer.log_probs(hidden).numpy()]

    def error(read: list[tuple[int, ...]]) -> float:
        counts = (count_edits(reference, tokens.symbols_of(ids)) for (reference, _), ids in zip(pairs, read))
        return 100 * total(counts).rate

    print(f"spread {spread:g}: greedy {error([greedy(emissions).ids for _, emissions in pairs]):.2f} %")
    for scale in SCALES:
        for weight, bonus in WEIGHTS:
            config = SearchConfig(acoustic_scale=scale, lm_weight=weight, length_bonus=bonus, end_of_sentence=True)
            search = BeamSearch(tokens, lm, config)
            rate = error([search.whole(emissions)[0].ids for _, emissions in pairs])
            print(f"  acoustic scale {scale:g}, LM weight {weight:g}, bonus {bonus:g}: {rate:.2f} %")
