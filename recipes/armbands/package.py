"""A pretrained encoder and manifests of a fold in; the recognizer of armbands that ships, with an excerpt, out.

    package.py ENCODER OUT --learn MANIFEST... --show MANIFEST --people 3 [--seed 0]

The head is a linear discriminant over the labels of the manifests' training and validation people, spelled alike
(`SPELLED`), rest being the blank. The excerpt, excerpt.npz, holds a few seconds of each label of test people of the
manifest to show, drawn by the seed and by nothing else: the first execution of each label, which they may calibrate
with, and those that follow. Only sets whose licence allows it belong here.
"""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emgasr.classifiers.config import ClassifyConfig, WindowFeaturesConfig
from emgasr.classifiers.head import DiscriminantHead
from emgasr.classifiers.windows import drawn, learned_windows
from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.errors import DataError
from emgasr.files.output import replacing
from emgasr.manifests import lineage
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry, Manifest, read_manifest
from emgasr.models.folder import save_recognizer
from emgasr.models.pretrained import load_pretrained
from emgasr.recording import Recording, Spans

SPELLED = {"radial": "radial_dev", "ulnar": "ulnar_dev"}  # one movement by two names
REST = "rest"
SHOWN, SHOWN_S = 3, 2.0  # executions of each label in the excerpt, and seconds of each
MOST_WINDOWS = 120_000
STATISTICS_S = 60.0  # seconds of every fifth recording that level and spread are taken of


def run(argv: list[str]) -> int:
    """Write the model folder."""
    options = _options(argv)
    config = ClassifyConfig(features=WindowFeaturesConfig(of="encoder", encoder=str(options.encoder)))
    sides: list[tuple[Manifest, list[Entry]]] = []
    for path in options.learn:
        manifest = read_manifest(path)
        sides.append((manifest, [e for e in manifest.entries if e.split in (TRAIN, VALIDATION)]))

    def recordings() -> Iterator[Recording]:
        for manifest, entries in sides:
            yield from (_spelled(open_entry(entry, manifest.root)) for entry in entries)

    some = [recording for number, recording in enumerate(recordings()) if number % 5 == 0]
    reader, found = learned_windows(config, some, recordings, STATISTICS_S)
    head = DiscriminantHead.of(
        drawn(found, MOST_WINDOWS, options.seed), load_pretrained(options.encoder).config.encoder.width
    )
    head.put_into(reader)
    options.out.mkdir(parents=True, exist_ok=True)
    shown = read_manifest(options.show)
    people = sorted({entry.subject for entry in shown.split(TEST)})
    chosen = sorted(np.random.default_rng(options.seed).permutation(people)[: options.people].tolist())
    learned = [entry for _, entries in sides for entry in entries]
    if known := sorted({entry.subject for entry in learned} & set(chosen)):
        raise DataError("people", f"{known[0]} is learned from and shown", "give a fold that holds them out")
    shaped = [*(lineage.read(options.encoder) or []), *lineage.of_entries(learned, TRAIN)]
    lineage.write(shaped, options.out)
    head.save(options.out)
    with replacing(options.out / "excerpt.npz") as path, path.open("wb") as file:
        np.savez_compressed(file, **_excerpt(shown, chosen))
    shutil.copyfile(Path(__file__).with_name("NOTICE"), options.out / "NOTICE")
    save_recognizer(reader, options.out, _card(options, head, learned, chosen, found.takes))
    print(f"{options.out}: {', '.join(name or REST for name in head.names)}; shown: {', '.join(chosen)}")
    return 0


def _options(argv: list[str]) -> Namespace:
    parser = ArgumentParser(prog="package.py", description=__doc__)
    parser.add_argument("encoder", type=Path, metavar="ENCODER", help="folder of a pretrained encoder")
    parser.add_argument("out", type=Path, metavar="OUT", help="model folder to write")
    parser.add_argument("--learn", type=Path, nargs="+", required=True, metavar="MANIFEST", help="folds to learn from")
    parser.add_argument("--show", type=Path, required=True, metavar="MANIFEST", help="fold whose test people are shown")
    parser.add_argument("--people", type=int, default=3, metavar="N", help="how many of them")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of their draw")
    return parser.parse_args(argv)


def _spelled(recording: Recording) -> Recording:
    spans = recording.spans
    rows = zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.texts, strict=True)
    kinds = [(a, b, "rest" if text == REST else "gesture", SPELLED.get(text, text)) for a, b, text in rows]
    return replace(recording, unit="counts", spans=Spans.of(kinds))


def _excerpt(manifest: Manifest, people: Sequence[str]) -> dict[str, np.ndarray]:
    """Return of each person samples int8 (T, C), and the start, end and label of each execution in them."""
    found: dict[str, np.ndarray] = {}
    for person in people:
        entries = [entry for entry in manifest.split(TEST) if entry.subject == person]
        last = max(entries, key=lambda entry: entry.session)
        recording = _spelled(open_entry(last, manifest.root))
        executions: dict[str, list[tuple[float, float]]] = {}
        spans = recording.spans
        for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
            label = REST if kind == "rest" else text
            middle = (start + end) / 2
            if end - start >= SHOWN_S and len(executions.setdefault(label, [])) < SHOWN:
                executions[label].append((middle - SHOWN_S / 2, middle + SHOWN_S / 2))
        pieces, rows, place = [], [], 0.0
        for turn in range(SHOWN):
            for label, own in executions.items():
                if turn < len(own):
                    pieces.append(recording.read(*own[turn]))
                    length = len(pieces[-1]) / recording.rate_hz
                    rows.append((place, place + length, label))
                    place += length
        samples = np.concatenate(pieces)
        if samples.min() < -128 or samples.max() > 127:
            raise DataError(person, "has samples beyond 8 bits", "scale them")
        found[f"{person}/samples"] = samples.round().astype(np.int8)
        found[f"{person}/times_s"] = np.array([row[:2] for row in rows])
        found[f"{person}/labels"] = np.array([row[2] for row in rows], dtype=np.str_)
    return found


def _card(options: Namespace, head: DiscriminantHead, learned: list[Entry], shown: Sequence[str], takes: int) -> str:
    hours = sum(entry.duration_s for entry in learned) / 3600
    people = len({entry.subject for entry in learned})
    corpora = ", ".join(path.stem for path in options.learn)
    return f"""# Gestures by an armband of 8 electrodes (`armband`)

| | |
|---|---|
| listens to | a ring of 8 electrodes at 200 Hz, counts (Myo armband or alike, on the forearm) |
| writes | {", ".join(name or "nothing at rest" for name in head.names)} |
| encoder | of `emgasr pretrain`; a linear discriminant on its hidden frames is the head |
| the head is learned from | {hours:.1f} h of {people} people, {takes} executions: {corpora} |
| never seen | {", ".join(shown)}, whose excerpts lie beside |
| licence | Apache-2.0; trained on sets under the MIT licence and CC BY 4.0 alone |
| excerpt | under the MIT licence, see NOTICE |

Trained on: the Myo Readings Dataset (github.com/aljazfrancic/myo-readings-dataset, MIT), Myo sign language words
(github.com/noemiko/myo-sign-language, MIT; the encoder alone), and EMG data for gestures (Lobov et al., Sensors 2018,
18(4):1122; UCI, CC BY 4.0, through the copy in github.com/andreped/DSS, which states no licence).
"""


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
