"""NinaPro DB1 and its glove, unpacked, in; one set with the glove beside the muscles, its manifest and folds, out.

    ninapro.py EMG GLOVE OUT [--folds 5] [--validation-people 2]

EMG and GLOVE are folders with recordings.csv, labels.csv and recordings/ (recipes/unpacked.sh makes them), of the same
people, rows and labels. OUT receives the set, recordings.jsonl (its manifest) and splits.json: in each fold some people
are tested, and others choose the weights.

What the database holds of muscles is the RMS envelope at 100 Hz, which has no spectrum: its features are flat, and the
envelopes of electrodes are correlated as no signals of muscles are. So each sample is given a sign at random, by the
seed and the recording. The size of a sample remains what was measured, and power in a band is that of the envelope.
The label g00 becomes rest.

Eight electrodes go round the forearm and two lie on flexors and extensors; all ten are taken as one ring, so that the
network knows one from another by its place: electrodes of no ring it only tells apart by what they hear.
"""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli import main as emgasr
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.samples.npy import map_npy
from emgasr.corpora.tables.delimited import Row, number, read_table
from emgasr.errors import DataError
from emgasr.files.output import replacing_folder

RESTS = ("g00",)
RECORDINGS, LABELS = "recordings.csv", "labels.csv"


def run(argv: list[str]) -> int:
    """Write the set, its manifest and its folds."""
    parser = ArgumentParser(prog="ninapro.py", description=__doc__)
    parser.add_argument("emg", type=Path, metavar="EMG", help="folder of ninapro_db1")
    parser.add_argument("glove", type=Path, metavar="GLOVE", help="folder of ninapro_db1_glove")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--folds", type=int, default=5, metavar="N", help="parts of the people")
    parser.add_argument("--validation-people", type=int, default=2, metavar="N", help="who choose the weights, a fold")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the signs")
    options = parser.parse_args(argv)
    with replacing_folder(options.out) as folder:
        people, minutes = write_set(options, folder)
    print(f"{options.out}: {people} people, {minutes:.1f} minutes, glove beside")
    manifest = options.out / "recordings.jsonl"
    split = ["protocol", "split", str(manifest), "--rule", "groups", "--groups", str(options.folds)]
    split += ["--validation-subject-count", str(options.validation_people), "--test-session-count", "1"]
    for command in (
        ["manifest", str(options.out), "--corpus", "spans", "--ring", "--out", str(manifest)],
        [*split, "--out", str(options.out / "splits.json")],
    ):
        if code := emgasr(command):
            return code
    return 0


def write_set(options: Namespace, folder: Path) -> tuple[int, float]:
    """Write recordings.csv, labels.csv, recordings/ and glove/; return how many people, and minutes.

    Raises:
        DataError: The two folders differ in recordings, rows, rates or labels.
    """
    own, beside = (read_table(one / RECORDINGS, ("file", "subject", "rate_hz")) for one in (options.emg, options.glove))
    labels, again = (
        read_table(one / LABELS, ("file", "start_s", "end_s", "label")) for one in (options.emg, options.glove)
    )
    gloves = {row["file"]: row for row in beside}
    if gloves.keys() != {row["file"] for row in own} or [dict(row) for row in labels] != [dict(row) for row in again]:
        raise DataError(options.glove, "has other recordings or labels than the muscles", "unpack both anew")
    (folder / "recordings").mkdir()
    (folder / "glove").mkdir()
    listed: list[dict[str, object]] = []
    minutes = 0.0
    for place, row in enumerate(own):
        glove = gloves[row["file"]]
        envelope, angles = (map_npy(one / "recordings" / row["file"])[0] for one in (options.emg, options.glove))
        rates = [number(options.emg / RECORDINGS, one, "rate_hz") for one in (row, glove)]
        if len(envelope) != len(angles) or rates[0] != rates[1]:
            wrong = f"{len(angles)} rows at {rates[1]:g} Hz beside {len(envelope)} at {rates[0]:g} Hz"
            raise DataError(options.glove / "recordings" / row["file"], wrong, "unpack both anew")
        if (envelope < 0).any():
            raise DataError(
                options.emg / "recordings" / row["file"], "is no envelope: it falls below 0", "leave it out"
            )
        np.save(folder / "recordings" / row["file"], signed(envelope, options.seed, place))
        np.save(folder / "glove" / row["file"], np.asarray(angles))
        listed.append(
            {"file": row["file"], "subject": f"ninapro_db1_{row['subject']}", "session": row.get("session", "")}
            | {"rate_hz": row["rate_hz"], "unit": row.get("unit", "") or "counts"}
            | {"beside": f"glove/{row['file']}", "beside_rate_hz": glove["rate_hz"], "beside_kind": "pose"}
        )
        minutes += len(envelope) / rates[0] / 60
    spans = [{**{name: row[name] for name in ("file", "start_s", "end_s")}, "label": renamed(row)} for row in labels]
    for name, rows in ((RECORDINGS, listed), (LABELS, spans)):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return len({row["subject"] for row in own}), minutes


def signed(envelope: np.ndarray, seed: int, place: int) -> np.ndarray:
    """Return an envelope (T, C) whose samples have a sign each, drawn alike by the seed and the recording's place."""
    signs = np.random.default_rng((seed, place)).integers(0, 2, envelope.shape, dtype=np.int8)
    return np.where(signs == 1, envelope, -envelope.astype(np.int32)).astype(np.int32)


def renamed(row: Row) -> str:
    """Return the label of a row."""
    return "rest" if row["label"] in RESTS else row["label"]


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
