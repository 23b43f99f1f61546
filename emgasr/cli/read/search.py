"""`emgasr search MODEL RECORDING... QUERY`: recordings and a sentence in; the stretches that are most like it out."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.aligned import Opened, check_top, tell
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.options.takes import KINDS, add_take_options
from emgasr.display.wording import counted, listed
from emgasr.errors import ConfigError, OutputError

if TYPE_CHECKING:
    import numpy as np

    from emgasr.crossmodal.index import Index
    from emgasr.crossmodal.model import AlignedModel
    from emgasr.crossmodal.retrieval import Hit

PROGRAM = "emgasr search"


def run(argv: list[str]) -> int:
    """Search; a recording that cannot be read is reported and does not stop the search (exit code 2)."""
    options = parser().parse_args(argv)
    *paths, query = options.words
    _check(options, paths)
    from emgasr.crossmodal.model import load_aligned
    from emgasr.crossmodal.retrieval import search

    model = load_aligned(options.aligned)
    embedded = _embedded(model, query)
    opened = Opened(options, paths)
    with tempfile.TemporaryDirectory(prefix="emgasr-index-") as place:
        index = _index(options, model, opened, Path(place) / "index")
        hits = search(index, embedded, options.top)
        if options.out:
            _draw(options, model, opened, index, hits, query, embedded)
        rows = [_row(index, rank, hit) for rank, hit in enumerate(hits, 1)]
        windows = len(index.embeddings) // index.file.queries
        figures = {"windows": windows, "hours": round(index.seconds / 3600, 4), "recordings": len(index.recordings)}
    if options.json:
        print_json({"query": query, "hits": rows, **figures, "floor": round(model.config.floor, 4)})
    else:
        _print(rows)
    searched = f"{counted(len(index.recordings), 'recording')}, {figures['hours']:.2f} hours"
    if len(hits) < options.top:
        tell(f"--top {options.top}: {searched} have {counted(len(hits), 'stretch')} apart from each other")
    if below := sum(hit.likeness < model.config.floor for hit in hits):
        floor = f"likeness below {model.config.floor:.3f}, where the model takes nothing for meant"
        tell(f"{below} of {counted(len(hits), 'hit')}: {floor}")
    if not options.quiet:
        tell(f"searched {searched}" + (f" in {options.index}" if options.index else ""))
    return opened.code


def _check(options: argparse.Namespace, paths: list[str]) -> None:
    """Raise an error for what would be noticed only after the work."""
    check_top(options)
    if not paths and options.index is None:
        raise ConfigError("search", "no recording, or no query", 'write `emgasr search MODEL RECORDING "a sentence"`')
    if options.out:
        if not paths:
            raise ConfigError("--out", "draws recordings, and none is named", "name those of the index too")
        if options.out.suffix.lower() != ".png":
            raise ConfigError("--out", f"{options.out} is no PNG file", "end its name in .png")
        if options.out.exists() and not options.overwrite:
            raise OutputError(options.out, "already exists", "choose another name or pass --overwrite")
        from emgasr.display.pictures import missing

        if why := missing():
            raise ConfigError("a picture", why, "or leave --out out")


def _embedded(model: AlignedModel, query: str) -> np.ndarray:
    """Return the embedding (d,) of a query: of a gesture by all its texts, of a sentence by itself."""
    from emgasr.crossmodal.gallery import understood

    concept = model.descriptions.concept_of(query.strip())
    if concept in model.descriptions.concepts:
        trained = "" if concept in model.config.gestures else ", which nobody trained"
        texts = counted(len(model.descriptions.texts(concept)), "description")
        tell(f"{query.strip()!r} is a gesture{trained}: searched by its {texts}")
        query = concept
    elif note := understood(model, query):
        tell(note)
    return model.embed_gestures([query])[0]


def _index(options: argparse.Namespace, model: AlignedModel, opened: Opened, place: Path) -> Index:
    """Return the index that is searched: that of --index, which is built where it is missing; else a passing one."""
    from emgasr.crossmodal.embeddings import WindowReader
    from emgasr.crossmodal.index import build_index, indexed_name, is_index, part_of, read_index

    if options.index is not None and is_index(options.index):
        index = read_index(options.index, model)
        if changed := index.changed():
            wrong = f"{counted(len(changed), 'recording')} changed or gone since it was built ({listed(changed)})"
            tell(f"{options.index}: {wrong}; what is found there may be wrong")
        return part_of(index, [indexed_name(one.name) for one in opened.named]) if opened.named else index
    if not opened.named:
        raise ConfigError("--index", f"{options.index} holds no index", "name recordings, and it is built")
    reader = WindowReader(model, options.hop_seconds)
    folder = place if options.index is None else options.index
    build_index(model, options.hop_seconds, opened.windows(reader), folder)
    return read_index(folder, model)


def _row(index: Index, rank: int, hit: Hit) -> dict[str, Any]:
    one = index.recordings[hit.place]
    shared: dict[str, float] = {}
    for start_s, end_s, label in one.labels:
        if (seconds := min(end_s, hit.end_s) - max(start_s, hit.start_s)) > 0:
            shared[label] = shared.get(label, 0.0) + seconds
    times = {"start_s": round(hit.start_s, 4), "end_s": round(hit.end_s, 4), "best_s": round(hit.best_s, 4)}
    label = max(shared, key=lambda name: shared[name], default="")
    return {
        "rank": rank,
        "likeness": round(hit.likeness, 4),
        "recording": one.recording,
        **times,
        "subject": one.subject,
        "session": one.session,
        "label": label,
    }


def _print(rows: list[dict[str, Any]]) -> None:
    from emgasr.display.console import columns_of, print_table
    from emgasr.display.visible import told_line

    table = columns_of("recording", "subject", "label", "start", "end", "likeness", left=3)
    for row in rows:
        names = [told_line(row[name]) for name in ("recording", "subject", "label")]
        table.add_row(*names, f"{row['start_s']:.2f} s", f"{row['end_s']:.2f} s", f"{row['likeness']:.3f}")
    print_table(table)


def _draw(
    options: argparse.Namespace,
    model: AlignedModel,
    opened: Opened,
    index: Index,
    hits: list[Hit],
    query: str,
    embedded: np.ndarray,
) -> None:
    from emgasr.crossmodal.index import indexed_name
    from emgasr.crossmodal.pictures import MOST_ROWS, Drawn, draw_hits
    from emgasr.crossmodal.retrieval import likeness_over_time
    from emgasr.files.output import replacing
    from emgasr.frontend.measured import mended

    if len(hits) > MOST_ROWS:
        tell(f"{options.out} shows the first {MOST_ROWS} of {len(hits)} hits")
    drawn = []
    for hit in hits[:MOST_ROWS]:
        one = index.recordings[hit.place]
        before = sum(other.recording == one.recording for other in index.recordings[: hit.place])
        named = [each for each in opened.named if indexed_name(each.name) == one.recording][before]
        ends_s, likeness = likeness_over_time(index, hit.place, embedded)
        drawn.append(Drawn(hit, mended(named.open()), Path(one.recording).name, ends_s, likeness))
    with replacing(options.out) as path:
        path.write_bytes(draw_hits(query, drawn, index.file.hop_s, model.config.floor))


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Find the stretches of recordings that are most like a sentence, or a gesture of the model's "
        "descriptions, whether or not it was trained. Each window is compared, without approximation (pip install "
        "'emgasr[crossmodal]'). Of many hours an index can be kept (--index): then the recordings are read once.",
        examples=(
            'emgasr search aligned session.hdf5 "thumb and index finger pinch"',
            'emgasr search aligned corpus.jsonl "snap" --index corpus.index --out snaps.png',
            'emgasr search aligned "the wrist bends back" --index corpus.index --top 20 --json',
        ),
        notes="Columns: recording, subject, label (of the recording, that shares most time with the stretch), start,\n"
        "end, likeness (a cosine, -1 to 1, of the stretch's likest window).",
    )
    made.add_argument("aligned", metavar="MODEL", help="folder of `emgasr align`")
    made.add_argument(
        "words",
        metavar="RECORDING... QUERY",
        nargs="+",
        help=f"recordings ({KINDS}; or a manifest, or a folder of takes), which may be left out where --index holds "
        "them; at the end the sentence",
    )
    index = "folder of the index: searched if it is there (the recordings named, or all of it), else built"
    made.add_argument("--index", type=Path, metavar="FOLDER", help=index)
    made.add_argument("--top", type=int, default=10, metavar="N", help="most stretches")
    hop = "seconds of a window, of an index that is built"
    made.add_argument("--hop-seconds", type=float, default=0.5, metavar="S", help=hop)
    add_out(made, "picture to draw (.png): hits in their signals, likeness over time", metavar="FILE", required=False)
    add_json(made)
    add_quiet(made)
    add_take_options(made, "Rate and unit are the file's own, or must be given")
    return made
