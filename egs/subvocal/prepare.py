"""The subvocal corpus in; conditioned recordings whose spans follow the muscles, not the cues: prepare.py DATA OUT.

Mains and drift go by the causal filters of a live stream. People answer a cue after about 0.2 s and some begin before
it, so that a word is taken to last from its cue until REACTION_S after it ends, and silence to be sure only from
SETTLED_S after a word's cue has ended until EARLY_S before the next. (Looked at as mean levels around the cues.)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from emgasr.corpora import open_entry, scan
from emgasr.frontend.conditioning import ConditioningConfig, condition
from emgasr.manifests.manifest import Manifest
from emgasr.recording import Spans
from emgasr.sessions.native import save_session

REACTION_S, SETTLED_S, EARLY_S, SHORTEST_S = 0.15, 0.3, 0.15, 0.15

data, out = Path(sys.argv[1]), Path(sys.argv[2])
corpus = Manifest(tuple(scan(data, "spans")), data)
filters = ConditioningConfig(highpass_hz=20.0, mains="60")
out.mkdir(parents=True, exist_ok=True)
for entry in corpus.entries:
    recording = open_entry(entry, corpus.root)
    spans = []
    marked = recording.spans
    for start, end, kind, text in zip(marked.start_s, marked.end_s, marked.kinds, marked.texts, strict=True):
        if kind == "rest":
            start, end = start + SETTLED_S, end - EARLY_S
        else:
            end = min(end + REACTION_S, recording.duration_s)
        if end - start >= SHORTEST_S:
            spans.append((float(start), float(end), kind, text))
    kept = replace(condition(recording, filters), spans=Spans.of(spans))
    save_session(kept, out / f"{entry.take}.hdf5")
print(f"{len(corpus.entries)} recordings in {out}")
