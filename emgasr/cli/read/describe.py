"""`emgasr describe MODEL RECORDING...`: recordings in; the descriptions that their stretches are most like out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emgasr.cli.options.aligned import Opened, check_top, tell
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_quiet
from emgasr.cli.options.takes import KINDS, add_take_options
from emgasr.display.wording import counted

if TYPE_CHECKING:
    from emgasr.crossmodal.describing import Described

PROGRAM = "emgasr describe"


def run(argv: list[str]) -> int:
    """Describe recordings; one that cannot be read is reported and does not stop the others (exit code 2)."""
    options = parser().parse_args(argv)
    check_top(options)
    from emgasr.crossmodal.describing import FINE_S, Gallery, describe, stretches
    from emgasr.crossmodal.embeddings import WindowReader
    from emgasr.crossmodal.model import load_aligned

    model = load_aligned(options.aligned)
    gallery = Gallery.of(model)
    if left := len(model.descriptions.concepts) - len(gallery.gestures):
        tell(f"{counted(left, 'gesture')} described in no word that {model.config.teacher_name} reads: left out")
    if options.top > len(gallery.gestures):
        tell(f"--top {options.top}: there are {len(gallery.gestures)} gestures, and all are listed")
    reader = WindowReader(model, max(FINE_S, *(1 / one.frame_rate_hz for one in model.readers.values())))
    opened = Opened(options, options.recordings)
    rows, unlike, empty = [], 0, 0
    for name, recording, windows in opened.windows(reader):
        way, found = stretches(recording)
        for one in describe(windows, reader.hop_s, found, gallery, options.top):
            empty += not one.nearest
            unlike += bool(one.nearest) and one.nearest[0].likeness < model.config.floor
            rows.append((name, way, one))
    if options.json:
        for name, way, one in rows:
            print_json(_row(name, way, one))
    else:
        _print(rows)
    if empty:
        tell(f"{counted(empty, 'stretch')} too short or not measured: not described")
    if unlike:
        floor = f"likeness below {model.config.floor:.3f}, where the model takes nothing for meant"
        tell(f"{counted(unlike, 'stretch')} of {len(rows)}: {floor}")
    return opened.code


def _row(name: str, way: str, one: Described) -> dict[str, Any]:
    place = {"recording": name, "start_s": round(one.start_s, 4), "end_s": round(one.end_s, 4), "found_by": way}
    nearest = [near._asdict() | {"likeness": round(near.likeness, 4)} for near in one.nearest]
    return place | {"label": one.label, "nearest": nearest}


def _print(rows: list[tuple[str, str, Described]]) -> None:
    from emgasr.display.console import columns_of, print_table
    from emgasr.display.visible import told_line

    table = columns_of("recording", "label", "nearest", "in words", "start", "end", left=4)
    before = ""
    for name, _, one in rows:
        shown = told_line(name) if name != before else ""
        before = name
        times = (f"{one.start_s:.2f} s", f"{one.end_s:.2f} s")
        nearest = ", ".join(f"{near.gesture} {near.likeness:.2f}" for near in one.nearest)
        words = one.nearest[0].text if one.nearest else ""
        table.add_row(shown, told_line(one.label), nearest, told_line(words), *times)
    print_table(table)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Say in words what recordings are like: for each labelled stretch, else each contraction, else "
        "each second, the gestures of the model's descriptions that are nearest, trained or not, and the nearest text.",
        examples=(
            "emgasr describe aligned session.hdf5",
            "emgasr describe aligned corpus.jsonl --top 5 --json",
        ),
        notes="Likeness is a cosine, -1 to 1: the mean over a stretch.",
    )
    made.add_argument("aligned", metavar="MODEL", help="folder of `emgasr align`")
    made.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help=f"{KINDS}; or a manifest, or a folder of takes"
    )
    made.add_argument("--top", type=int, default=3, metavar="N", help="most gestures a stretch")
    add_json(made, "print JSON, a line a stretch")
    add_quiet(made)
    add_take_options(made, "Rate and unit are the file's own, or must be given")
    return made
