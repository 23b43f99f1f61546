"""Labelled recordings fed as live streams in chunks of several sizes: errors, and how soon after a press its key shows.

    python benchmarks/live_delay.py --json --lm LM MODEL MANIFEST [MODEL MANIFEST ...]

For egs/typing each person's model with their test manifest; for egs/fingerspelling the one of each split. Of every key
that is read right: the time from its press until it was shown (for the last time, if it was changed meanwhile), and
until it was final. Time is the stream's, as if computing took none; computing is reported beside it. Rest: keys in the
stretches without a press, with the gate set on `--rest` seconds of the longest of them, and without.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emgasr.corpora import open_entry
from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding.search_file import read_search_config
from emgasr.evaluation.items import reference_of
from emgasr.lm import NGramModel, read_model
from emgasr.manifests.manifest import read_manifest
from emgasr.models.folder import SEARCH_NAME, load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.score import Counts, count_edits, keys_at_rest, matched
from emgasr.streaming.activity import RestLevel
from emgasr.streaming.events import FINAL, RETRACTED, Event, KeyEvent
from emgasr.streaming.rules import OFFLINE, StreamConfig, read_rules, rules_of
from emgasr.streaming.stream import Stream

CHUNKS_MS = (32.0, 64.0, 128.0, 192.0, 256.0, 320.0)


@dataclass
class Tally:
    """What was counted over recordings."""

    counts: Counts = field(default_factory=Counts)
    partial_s: list[float] = field(default_factory=list)
    final_s: list[float] = field(default_factory=list)
    compute_ms: list[float] = field(default_factory=list)
    changes: int = 0
    keys: int = 0
    false_keys: int = 0
    rest_minutes: float = 0.0

    def row(self) -> dict[str, float | None]:
        """Rates and quantiles."""
        quantiles = {}
        for name, values in (("partial", self.partial_s), ("final", self.final_s)):
            for share in (50, 95):
                quantiles[f"{name}_p{share}_ms"] = round(1000 * float(np.percentile(values, share))) if values else None
        return {
            "cer": round(100 * self.counts.rate, 2),
            **quantiles,
            "compute_p99_ms": round(max(self.compute_ms), 2) if self.compute_ms else None,
            "changes_per_key": round(self.changes / max(self.keys, 1), 3),
            "false_keys_per_rest_minute": round(self.false_keys / self.rest_minutes, 2) if self.rest_minutes else None,
        }


@dataclass(frozen=True)
class Stretch:
    """A recording to be fed, what was typed in it and when, and where nothing was."""

    model: Recognizer
    recording: Recording
    reference: Sequence[str]
    times_s: np.ndarray
    rest: Sequence[tuple[float, float]]


def stretches(model: Recognizer, manifest: Path) -> Iterator[Stretch]:
    """The test recordings of a manifest, utterances apart."""
    corpus = read_manifest(manifest)
    for entry in corpus.split("test"):
        recording = open_entry(entry, corpus.root)
        spoken = recording.spans.of_kind("utterance")
        parts = [recording]
        if len(spoken) and not len(recording.events):
            edges = zip(spoken.start_s.tolist(), spoken.end_s.tolist(), strict=True)
            parts = [recording.segment(first, last) for first, last in edges]
        for part in parts:
            reference, times_s = reference_of(part, model.tokens)
            rest = part.spans.of_kind("rest")
            spans = list(zip(rest.start_s.tolist(), rest.end_s.tolist(), strict=True))
            yield Stretch(model, part, reference, times_s, spans)


def fed(
    stretch: Stretch, lm: NGramModel | None, search: SearchConfig | None, config: StreamConfig, feed_ms: float
) -> Tally:
    """Feed a stretch and count; `feed_ms` 0 feeds all of it at once."""
    greedily = lm is None and search is None
    stream = Stream(stretch.model, None if greedily else BeamSearch(stretch.model.tokens, lm, search), config)
    samples = stretch.recording.read()
    step = max(1, round(feed_ms / 1000 * stretch.recording.rate_hz)) if feed_ms else len(samples)
    events: list[Event] = []
    for first in range(0, len(samples), step):
        events += stream.feed(samples[first : first + step])
    events += stream.close()
    tally = Tally(compute_ms=[stream.watch.quantile_ms(0.99)] if feed_ms else [], changes=stream.revisions)
    keys = [event for event in events if isinstance(event, KeyEvent)]
    final = [key for key in keys if key.state == FINAL]
    first_shown = _last_change_s(keys)
    tally.keys = len(final)
    tally.counts = count_edits(list(stretch.reference), [key.key.symbol for key in final])
    tally.false_keys, rest_s = keys_at_rest([key.key.time_s for key in final], stretch.rest)
    tally.rest_minutes = rest_s / 60
    for true, read in matched(list(stretch.reference), [key.key.symbol for key in final]) if feed_ms else ():
        if np.isfinite(stretch.times_s[true]):
            tally.partial_s.append(first_shown[read] - float(stretch.times_s[true]))
            tally.final_s.append(final[read].shown_s - float(stretch.times_s[true]))
    return tally


def _last_change_s(keys: Sequence[KeyEvent]) -> list[float]:
    """For each final key, since when it was shown without a change."""
    since: dict[int, tuple[str, float]] = {}
    result = []
    for key in keys:
        if key.state == RETRACTED:
            since.pop(key.index, None)
        elif key.index not in since or since[key.index][0] != key.key.symbol:
            since[key.index] = (key.key.symbol, key.shown_s)
        if key.state == FINAL:
            result.append(since.pop(key.index)[1])
    return result


def summed(tallies: Sequence[Tally]) -> dict[str, Any]:
    """One row of many stretches."""
    whole = Tally()
    for tally in tallies:
        for name, value in vars(tally).items():
            setattr(whole, name, getattr(whole, name) + value)
    return whole.row()


def rest_level(stretch: Stretch, seconds: float) -> RestLevel | None:
    """What the gate is set to by the first `seconds` of the longest stretch of rest, if it is that long."""
    longest = max(stretch.rest, key=lambda span: span[1] - span[0], default=(0.0, 0.0))
    if longest[1] - longest[0] < seconds:
        return None
    model, signal = stretch.model, stretch.model.signal
    samples = stretch.recording.read(longest[0], longest[0] + seconds)
    return RestLevel.of_samples(samples, signal.bands, signal.rate_hz, model.emission_samples)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The table: a row for reading offline, one for each size of chunk, and with the gate."""
    lm = read_model(options.lm) if options.lm else None
    parts: list[tuple[Stretch, SearchConfig | None, StreamConfig]] = []
    for folder, manifest in zip(options.pairs[::2], options.pairs[1::2], strict=True):
        path = Path(options.search) if options.search else Path(folder) / SEARCH_NAME
        search = read_search_config(path) if path.is_file() else None
        chosen = read_rules(options.rules) if options.rules else rules_of(Path(folder))
        rules = StreamConfig(**asdict(chosen), min_confidence=options.min_confidence)
        parts += [(stretch, search, rules) for stretch in stretches(load_recognizer(folder), Path(manifest))]
    rows = {"offline": summed([fed(part, lm, search, OFFLINE, 0) for part, search, _ in parts])}
    for feed_ms in options.chunks_ms:
        rows[f"{feed_ms:g} ms"] = summed([fed(part, lm, search, rules, feed_ms) for part, search, rules in parts])
    if options.rest:
        gates = [(*part, rest_level(part[0], options.rest)) for part in parts]
        gated = [(part, search, replace(rules, rest=gate)) for part, search, rules, gate in gates if gate is not None]
        if gated:
            rows["64 ms, rest gate"] = summed([fed(part, lm, search, config, 64.0) for part, search, config in gated])
    return {"rules": asdict(parts[0][2]), "rows": rows}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", metavar="MODEL MANIFEST", nargs="+", help="model folders, each with its test manifest")
    parser.add_argument("--lm", help="n-gram language model")
    parser.add_argument("--search", help="tuned weights (default: search.yaml of each model)")
    parser.add_argument("--chunks-ms", type=float, nargs="+", default=list(CHUNKS_MS))
    parser.add_argument("--rules", help="when keys become final (default: each model's live.yaml, else the usual ones)")
    parser.add_argument("--min-confidence", type=float, default=0.0, help="keys with less are not shown")
    parser.add_argument("--rest", type=float, default=0.0, help="seconds of rest to set the gate on; 0: no gate")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options)
    if options.json:
        print(json.dumps(result))
        return
    names = list(result["rows"]["offline"])
    print(f"{'':18}" + "".join(f"{name:>28}" for name in names))
    for title, row in result["rows"].items():
        print(f"{title:18}" + "".join(f"{row[name] if row[name] is not None else '-':>28}" for name in names))


if __name__ == "__main__":
    main()
