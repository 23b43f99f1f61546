"""Folds fed as live streams; false words at rest against words wrong, with and without the gate: rest.py OUT.

The gate is set on the first GATE_S of rest. For each fold the confidence that words need is the lowest at which its
validation people have at most ASKED false words a minute of rest; the test people, in no way part of that choice, are
then counted. Only words after the rest count as read.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from emgasr.corpora import open_entry
from emgasr.evaluation.items import reference_of
from emgasr.evaluation.results import write_results
from emgasr.manifests.manifest import Manifest, read_manifest
from emgasr.models.folder import load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.score import Counts, count_edits, keys_at_rest, total
from emgasr.streaming.activity import RestLevel
from emgasr.streaming.events import FINAL, KeyEvent
from emgasr.streaming.stream import Stream, StreamConfig
from emgasr.transcript import Key

GATE_S, ASKED = 10.0, 0.2
CONFIDENCES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class Heard:
    """What one person's recording was read as."""

    subject: str
    reference: list[str]
    rest: tuple[float, float]
    keys: list[Key]

    def at(self, confidence: float) -> tuple[int, Counts]:
        """False words at rest, and the edits of those after it, of what is at least that sure."""
        sure = [key for key in self.keys if key.confidence >= confidence]
        false, _ = keys_at_rest([key.time_s for key in sure], [self.rest])
        return false, count_edits(self.reference, [key.symbol for key in sure if key.time_s >= self.rest[1]])


def heard(model: Recognizer, corpus: Manifest, split: str, gated: bool) -> list[Heard]:
    """Every recording of a split, fed a second at a time (which never changes what is read)."""
    found = []
    for entry in corpus.split(split):
        recording = open_entry(entry, corpus.root)
        reference, _ = reference_of(recording, model.tokens)
        rests = recording.spans.of_kind("rest")
        rest = (float(rests.start_s[0]), float(rests.end_s[0]))
        gate = None
        if gated:
            still = recording.read(rest[0], rest[0] + GATE_S)
            gate = RestLevel.of_samples(still, recording.bands, recording.rate_hz, model.emission_samples)
        stream = Stream(model, config=StreamConfig(rest=gate))
        samples, step = recording.read(), round(recording.rate_hz)
        events = [event for i in range(0, len(samples), step) for event in stream.feed(samples[i : i + step])]
        events += stream.close()
        keys = [event.key for event in events if isinstance(event, KeyEvent) and event.state == FINAL]
        found.append(Heard(entry.subject, reference, rest, keys))
    return found


def counted(found: list[Heard], confidence: float) -> tuple[int, float, Counts]:
    """False words at rest, minutes of rest, edits."""
    each = [person.at(confidence) for person in found]
    minutes = sum(person.rest[1] - person.rest[0] for person in found) / 60
    return sum(false for false, _ in each), minutes, total(counts for _, counts in each)


torch.set_num_threads(1)
out = Path(sys.argv[1])
people: dict[tuple[bool, float | str], list[tuple[int, float, Counts]]] = {}
for fold in sorted(out.glob("fold*")):
    model, corpus = load_recognizer(fold / "run" / "model"), read_manifest(fold / "live" / "manifest.jsonl")
    for gated in (False, True):
        validation, test = (heard(model, corpus, split, gated) for split in ("validation", "test"))
        rates = [(c, counted(validation, c)) for c in CONFIDENCES]
        chosen = next((c for c, (false, minutes, _) in rates if false <= ASKED * minutes), 1.0)
        for confidence in CONFIDENCES:
            people.setdefault((gated, confidence), []).append(counted(test, confidence))
        people.setdefault((gated, "chosen"), []).append(counted(test, chosen))

rows = []
print(f"{'gate':5} {'confidence':>10} {'false words a minute':>22} {'words wrong':>12}")
for (gated, confidence), parts in people.items():
    false, minutes = sum(part[0] for part in parts), sum(part[1] for part in parts)
    errors = total(part[2] for part in parts)
    row = {"system": "conformer", "split": "test", "subject": "all", "gate": gated, "min_confidence": confidence}
    rows.append({**row, "false_per_minute": false / minutes, "rest_minutes": minutes, "cer_greedy": errors.rate})
    shown = f"{false / minutes:.2f} ({false} in {minutes:.1f})"
    print(f"{'on' if gated else 'off':5} {confidence!s:>10} {shown:>22} {100 * errors.rate:>10.1f} %")
write_results(out / "results.json", rows)
print(out / "results.json")
