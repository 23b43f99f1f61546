"""A set as it is published in; a folder as somebody's own recordings lie in, for `emgasr manifest`, out.

    prepare.py blocks FOLDER OUT            takes whose table has a column `phase`: each phase of a study is one session
    prepare.py takes FOLDER OUT             labelled spans, cut into single takes: metadata.csv and takes/
    prepare.py person FOLDER OUT --subject NAME      the recordings of one person, with their labels

FOLDER holds metadata.csv (blocks), or recordings.csv and labels.csv as the pool's unpack.py
writes them (takes, person).
"""

from __future__ import annotations

import csv
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.tables.delimited import Row, number, read_table
from emgasr.display.wording import counted
from emgasr.errors import RecordingError
from emgasr.files.output import replacing_folder

RECORDINGS, LABELS, TAKES = "recordings.csv", "labels.csv", "metadata.csv"


def run(argv: list[str]) -> int:
    """Write the folder, whole or not at all."""
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("layout", choices=("blocks", "takes", "person"))
    parser.add_argument("folder", type=Path, help="folder of the set")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--subject", help="whose recordings (person)")
    options = parser.parse_args(argv)
    make = {"blocks": blocks, "takes": takes, "person": person}[options.layout]
    with replacing_folder(options.out) as folder:
        print(f"{options.out}: {make(options.folder.absolute(), folder, options)}")
    return 0


def blocks(folder: Path, out: Path, options: Namespace) -> str:
    """Give every phase of a study a session of its own, since a mode of speaking was recorded as one block."""
    rows = read_table(folder / TAKES, ("file", "text", "subject", "session", "rate_hz", "phase"))
    written: list[dict[str, object]] = [
        {
            "file": folder / row["file"],
            "text": row["text"],
            "subject": row["subject"],
            "session": f"{row['session']}_{row['phase']}",
            "rate_hz": row["rate_hz"],
        }
        for row in rows
    ]
    _write(out / TAKES, written)
    return f"{counted(len(rows), 'take')}, {counted(len({str(row['session']) for row in written}), 'session')}"


def takes(folder: Path, out: Path, options: Namespace) -> str:
    """Cut every labelled span into a file of its own; files are numbered in the order of the spans."""
    recordings = {row["file"]: row for row in read_table(folder / RECORDINGS, ("file", "subject", "rate_hz"))}
    (out / "takes").mkdir(parents=True, exist_ok=True)
    counts: dict[tuple[str, str], int] = {}
    written: list[dict[str, object]] = []
    name, samples = "", np.empty((0, 0))
    for row in read_table(folder / LABELS, ("file", "start_s", "end_s", "label")):
        recording = recordings.get(row["file"])
        if recording is None:
            raise RecordingError(folder / LABELS, f"line {row.line}: names {row['file']}", f"list it in {RECORDINGS}")
        if name != row["file"]:
            name, samples = row["file"], np.load(folder / "recordings" / row["file"], mmap_mode="r")
        rate_hz = number(folder / RECORDINGS, recording, "rate_hz")
        first, last = (round(number(folder / LABELS, row, time) * rate_hz) for time in ("start_s", "end_s"))
        who = recording["subject"], row["label"]
        counts[who] = counts.get(who, 0) + 1
        file = f"takes/{row['label']}_{recording['subject']}_{counts[who]:03d}.npy"
        np.save(out / file, np.asarray(samples[first:last]))
        copied: dict[str, object] = {
            "subject": recording["subject"],
            "session": recording.get("session", ""),
            "rate_hz": rate_hz,
        }
        unit = {column: recording[column] for column in ("unit", "scale_uv") if recording.get(column)}
        written.append({"file": file, "text": row["label"], **copied, **unit})
    _write(out / TAKES, written)
    return f"{counted(len(written), 'take')} of {counted(len({who for who, _ in counts}), 'person')}"


def person(folder: Path, out: Path, options: Namespace) -> str:
    """Copy the recordings of one person and the rows that are about them."""
    rows = [row for row in read_table(folder / RECORDINGS, ("file", "subject")) if row["subject"] == options.subject]
    if not rows:
        raise RecordingError(folder / RECORDINGS, f"holds nobody called {options.subject!r}", "see its column subject")
    names = {row["file"] for row in rows}
    (out / "recordings").mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(folder / "recordings" / name, out / "recordings" / name)
    _write(out / RECORDINGS, rows)
    _write(out / LABELS, [row for row in read_table(folder / LABELS, ("file",)) if row["file"] in names])
    return f"{counted(len(rows), 'recording')} of {options.subject}"


def _write(path: Path, rows: Sequence[Row | dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
