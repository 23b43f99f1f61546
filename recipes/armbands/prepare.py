"""A set of continuous recordings with labelled spans in; the same with a calibration part of every person out.

    prepare.py SET OUT

SET holds recordings.csv (file, subject, session or series, rate_hz, unit), labels.csv (file, subject, start_s, end_s,
label) and the files, in recordings/ or beside them. People with several sessions stay as they are. Of those with one,
the first third of the executions of each label (at least one) becomes a recording of its own, of session 1_first, and
the others one of session 2_others: what the person calibrates with, and what is tested. People are named after
their set too (myodisco_S10): those of several sets, who are one encoder's, must not share a name.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError, OutputError

Row = dict[str, str]
FIRST, OTHERS = "1_first", "2_others"
SHARE = 3  # one execution in so many is calibration


def run(argv: list[str]) -> int:
    """Write the set, and say of how many people a session was divided."""
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("set", type=Path, metavar="SET", help="folder with recordings.csv and labels.csv")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    options = parser.parse_args(argv)
    recordings, labels = _table(options.set / "recordings.csv"), _table(options.set / "labels.csv")
    sessions = {row["file"]: row.get("session") or row.get("series") or "1" for row in recordings}
    of_person: dict[str, set[str]] = {}
    for row in recordings:
        of_person.setdefault(row["subject"], set()).add(sessions[row["file"]])
    if (options.out / "recordings.csv").exists():
        raise OutputError(options.out, "holds a set already", "remove it to make it anew")
    (options.out / "recordings").mkdir(parents=True, exist_ok=True)
    listed: list[Row] = []
    spans: list[Row] = []
    for row in recordings:
        source = options.set / "recordings" / row["file"]
        samples = np.load(source if source.is_file() else options.set / row["file"], allow_pickle=False)
        own = [span for span in labels if span["file"] == row["file"]]
        parts = {sessions[row["file"]]: own}
        if len(of_person[row["subject"]]) == 1:
            parts = _divided(own, row["file"])
        for session, chosen in parts.items():
            name = f"{Path(row['file']).stem}_{session}.npy" if len(parts) > 1 else row["file"]
            kept = _packed(samples, chosen, float(row["rate_hz"]), name) if len(parts) > 1 else (samples, chosen)
            np.save(options.out / "recordings" / name, kept[0])
            unit = row.get("unit") or "counts"
            subject = f"{options.set.resolve().name}_{row['subject']}"
            listed.append({"file": name, "subject": subject, "session": session, "rate_hz": row["rate_hz"]})
            listed[-1]["unit"] = unit
            own_columns = ("file", "start_s", "end_s", "label")
            spans += [{"subject": subject} | {column: span[column] for column in own_columns} for span in kept[1]]
    _write(options.out / "labels.csv", spans)
    _write(options.out / "recordings.csv", listed)
    divided = sum(len(names) == 1 for names in of_person.values())
    print(f"{options.out}: {len(listed)} recordings of {len(of_person)} people, {divided} with one session, divided")
    return 0


def _divided(spans: list[Row], file: str) -> dict[str, list[Row]]:
    """Return the first third of the executions of each label, and the others, by the name of their session."""
    counts = Counter(span["label"] for span in spans)
    seen: Counter[str] = Counter()
    parts: dict[str, list[Row]] = {FIRST: [], OTHERS: []}
    for span in sorted(spans, key=lambda one: float(one["start_s"])):
        label = span["label"]
        seen[label] += 1
        early = seen[label] <= math.ceil(counts[label] / SHARE) and counts[label] > 1
        parts[FIRST if early else OTHERS].append(span)
    if not all(parts.values()):
        raise DataError(file, "has no label that was performed twice", "leave the person out")
    return parts


def _packed(samples: np.ndarray, spans: list[Row], rate_hz: float, name: str) -> tuple[np.ndarray, list[Row]]:
    """Return the signal of the spans end to end, and the spans where they lie in it."""
    pieces, moved, place = [], [], 0
    for span in spans:
        first, last = (round(float(span[edge]) * rate_hz) for edge in ("start_s", "end_s"))
        pieces.append(samples[first:last])
        end = place + len(pieces[-1])
        times = {"start_s": f"{place / rate_hz:.6g}", "end_s": f"{end / rate_hz:.6g}"}
        moved.append({**span, "file": name, **times})
        place = end
    return np.concatenate(pieces), moved


def _table(path: Path) -> list[Row]:
    if not path.is_file():
        raise DataError(path, "is not there", "give a folder with recordings.csv and labels.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
