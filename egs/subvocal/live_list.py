"""A fold in; for each person held out one recording, rest first and then words, out: live_list.py MANIFEST OUT.

Rest is a person's silence, joined; then comes each of their words once, in random order, with rest between them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from emgasr.corpora import open_entry
from emgasr.data.compose import ComposeConfig, as_recording, compose, takes_from_recordings
from emgasr.manifests.leaks import part_name
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.recording import Spans
from emgasr.sessions.native import save_session
from emgasr.tokens import Tokens

RESTS = 100  # pieces of silence before the first word, with more of it between them: about 3 minutes
BEFORE_WORDS_S = 0.3  # of the rest are not counted, as the first word begins there

manifest, out = read_manifest(sys.argv[1]), Path(sys.argv[2])
config = ComposeConfig(rest_shortest_ms=300, rest_longest_ms=3000)
entries = []
for split in ("validation", "test"):
    for subject in sorted({entry.subject for entry in manifest.split(split)}):
        sources = [entry for entry in manifest.split(split) if entry.subject == subject]
        found = takes_from_recordings((part_name(entry), open_entry(entry, manifest.root)) for entry in sources)
        takes = [found[i] for i in np.random.default_rng(0).permutation(len(found))]
        words, rests = [take for take in takes if not take.rest], [take for take in takes if take.rest]
        tokens = Tokens.words(sorted({take.label for take in words}))
        example = compose([*rests[:RESTS], *words], tokens, config, rests=rests)
        device = open_entry(sources[0], manifest.root)
        recording = as_recording(example, tokens, device.rate_hz, device.unit, device.bands)
        rest = (0.0, float(example.onset_s[0]) - BEFORE_WORDS_S, "rest", "")
        spoken = recording.spans
        words_said = zip(spoken.start_s, spoken.end_s, spoken.kinds, spoken.texts, strict=True)
        recording = replace(recording, spans=Spans.of([rest, *words_said]))
        path = out / split / f"{subject}.hdf5"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_session(recording, path)
        text = " ".join(tokens.symbols_of(example.ids))
        entries.append(Entry.of(recording, path.absolute(), "native", split, take=" ".join(example.takes), text=text))
write_manifest(Manifest(tuple(entries), out, ("subject",)), out / "manifest.jsonl")
print(out / "manifest.jsonl")
