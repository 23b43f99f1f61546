"""`emgasr tokenize TOKENIZER RECORDING...`: recordings in; their contractions as tokens, a line each, and pictures out.

Lines are JSON (`.jsonl`, or --json) or a table with tabs between columns and a header (`.tsv`, or without --out).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.options.takes import KINDS, add_take_options, facts_of
from emgasr.cli.progress import counted as counted_by_a_bar
from emgasr.display.visible import told_line
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, DataError, EmgasrError, OutputError

if TYPE_CHECKING:
    from emgasr.pretraining.tokens.tokenizing import Found
    from emgasr.recording import Recording

PROGRAM = "emgasr tokenize"
COLUMNS = ("recording", "start_s", "end_s", "duration_s", "code", "energy_db", "label")


def run(argv: list[str]) -> int:
    """Write the tokens of recordings; one that cannot be read is reported and does not stop the others (code 2)."""
    options = parser().parse_args(argv)
    _check(options)
    from emgasr.pretraining.tokens.tokenizer import load_tokenizer
    from emgasr.pretraining.tokens.tokenizing import tokenize

    tokenizer, config = load_tokenizer(options.tokenizer)
    opened, code = _opened(options)
    found = tokenize(tokenizer, config, [recording for _, recording in opened], options.rest_seconds)
    total = sum(len(one.tokens) for one in found)
    if not total:
        wrong = f"no contraction in {counted(len(found), 'recording')}: {_reasons(found)[0]}"
        raise DataError("tokenize", wrong, "record rest beside contractions, or say where rest is (--rest-seconds)")
    _draw(options, opened, found)
    rows = list(_rows(opened, found))
    if options.out:
        _write(options.out, rows)
    else:
        _print(rows, options.json)
    for line in _reasons(found):
        print(f"emgasr: no contraction: {line}", file=sys.stderr)
    if short := sum(one.short for one in found):
        print(f"emgasr: {counted(short, 'contraction')} passed over: too short", file=sys.stderr)
    codes = len({row["code"] for row in rows})
    if options.out and options.json:
        seconds = round(sum(recording.duration_s for _, recording in opened), 3)
        figures = {"recordings": len(found), "seconds": seconds, "tokens": total, "codes": codes, "too_short": short}
        print_json({"out": str(options.out), **figures, "without_token": sum(not one.tokens for one in found)})
    elif options.out:
        print(
            f"{options.out}: {counted(total, 'contraction')} of {counted(len(found), 'recording')},"
            f" {counted(codes, 'code')} of {config.tokenizer.book.codes:,}"
        )
    return code


def _check(options: argparse.Namespace) -> None:
    """Raise an error for what would be noticed only after the work."""
    if options.out and options.out.suffix.lower() not in (".jsonl", ".tsv"):
        raise ConfigError("--out", f"{options.out} is of no kind that is written", "end its name in .jsonl or .tsv")
    if not 0 <= options.rest_seconds < float("inf"):
        raise ConfigError("--rest-seconds", f"is {options.rest_seconds:g}", "give seconds of rest, or leave it out")
    if not 0 <= options.plot_from < float("inf"):
        raise ConfigError("--plot-from", f"is {options.plot_from:g}", "give a second of the recording")
    pictures = [path for path in (options.plot, options.gestures) if path]
    for path in pictures:
        if path.suffix.lower() != ".png":
            raise ConfigError("picture", f"{path} is no PNG file", "end its name in .png")
    files = [path for path in (options.out, *pictures) if path]
    if len({path.absolute() for path in files}) < len(files):
        raise ConfigError("tokenize", "two results would go to one file", "give each a name of its own")
    for path in files:
        if path.exists() and not options.overwrite:
            raise OutputError(path, "already exists", "choose another name or pass --overwrite")
    if pictures:
        from emgasr.display.pictures import missing

        if why := missing():
            raise ConfigError("a picture", why, "or leave --plot and --gestures out")


def _opened(options: argparse.Namespace) -> tuple[list[tuple[str, Recording]], int]:
    """Return the recordings by name, with finite samples, and the exit code: 2 if one could not be opened."""
    from emgasr.corpora.single import named
    from emgasr.frontend.measured import mended

    facts = facts_of(options)
    listed = []
    for path in options.recordings:
        recordings, notes = named(path, facts)
        listed += recordings
        for note in notes:
            print(f"emgasr: {note}", file=sys.stderr)
    opened: list[tuple[str, Recording]] = []
    code, seen = 0, Counter[str]()
    for each in counted_by_a_bar(listed, "opening", len(listed), options.quiet):
        try:
            recording = mended(each.open(), _log)
        except EmgasrError as error:
            if len(listed) == 1:
                raise
            print(f"emgasr: {error if each.name in error.where else f'{each.name}: {error}'}", file=sys.stderr)
            code = error.exit_code
            continue
        opened.append((each.name, recording))
        seen.update(recording.notes)
    for note, count in seen.items():
        print(f"emgasr: {note}" + (f" ({counted(count, 'recording')})" if count > 1 else ""), file=sys.stderr)
    if not opened:
        raise DataError("tokenize", "no recording can be read", "check the paths")
    return opened, code


def _log(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _rows(opened: Sequence[tuple[str, Recording]], found: Sequence[Found]) -> Iterator[dict[str, Any]]:
    for (name, _), one in zip(opened, found, strict=True):
        for token in one.tokens:
            times = (token.start_s, token.end_s, token.end_s - token.start_s)
            values = (name, *(round(time, 4) for time in times), token.code, round(token.energy_db, 2), token.label)
            yield dict(zip(COLUMNS, values, strict=True))


def _reasons(found: Sequence[Found]) -> list[str]:
    """Return why recordings have no token, the most frequent reason first, each with the number of recordings."""
    counts = Counter(one.none for one in found if one.none)
    return [f"{counted(count, 'recording')}: {why}" for why, count in counts.most_common()]


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    from emgasr.files.as_json import as_json
    from emgasr.files.output import replacing

    lines = _table(rows) if path.suffix.lower() == ".tsv" else map(as_json, rows)
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _print(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            print_json(row)
    else:
        for line in _table(rows):
            print(line)


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table; names and labels are one line of visible characters, so that no tab is in them."""
    yield "\t".join(COLUMNS)
    for row in rows:
        yield "\t".join(told_line(value) if isinstance(value, str) else str(value) for value in row.values())


def _draw(options: argparse.Namespace, opened: Sequence[tuple[str, Recording]], found: Sequence[Found]) -> None:
    from emgasr.files.output import replacing

    if options.plot:
        from emgasr.pretraining.tokens.pictures import MOST_ROWS, ROW_S, draw_tokens

        chosen = next(place for place, one in enumerate(found) if one.tokens)
        (name, recording), tokens = opened[chosen], found[chosen].tokens
        if options.plot_from >= recording.duration_s:
            wrong = f"is {options.plot_from:g}, and {name} lasts {recording.duration_s:.1f} s"
            raise ConfigError("--plot-from", wrong, "give a second of the recording")
        if len(opened) > 1:
            _log(f"{options.plot} shows {name}, the first recording with a contraction")
        if recording.duration_s - options.plot_from > ROW_S * MOST_ROWS or options.plot_from:
            until_s = min(recording.duration_s, options.plot_from + ROW_S * MOST_ROWS)
            _log(f"{options.plot} shows {options.plot_from:g} to {until_s:.1f} s of {recording.duration_s:.1f} s")
        with replacing(options.plot) as path:
            path.write_bytes(draw_tokens(recording, tokens, options.plot_from))
    if options.gestures:
        from emgasr.pretraining.tokens.code_use import CodeUse
        from emgasr.pretraining.tokens.pictures import draw_code_use

        pairs = [(token.label, token.code) for one in found for token in one.tokens]
        labelled = [pair for pair in pairs if pair[0]]
        if not labelled:
            advice = "leave --gestures out, or give labelled recordings"
            raise DataError("--gestures", f"none of {counted(len(pairs), 'contraction')} lies in a label", advice)
        if len(labelled) < len(pairs):
            _log(f"{counted(len(pairs) - len(labelled), 'contraction')} in no label: not in {options.gestures}")
        use = CodeUse.of(labelled)
        _log(
            f"a code says {use.bits:.2f} bits of the label, of {use.label_bits:.2f};"
            f" with labels shuffled it seems to say {use.chance_bits:.2f}"
        )
        with replacing(options.gestures) as path:
            path.write_bytes(draw_code_use(use))


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Write the contractions of recordings as tokens: when each begins and ends, which of the "
        "codebook's shapes it has, and how far it rises over rest. Recordings of one person and session are normalized "
        "together. What is rest is heard in the signal: the quietest fifth of the time so far, or --rest-seconds.",
        examples=(
            "emgasr tokenize pretrained/tokenizer session.hdf5",
            "emgasr tokenize pretrained/tokenizer myo.jsonl --out tokens.jsonl --gestures gestures.png",
            "emgasr tokenize pretrained/tokenizer session.hdf5 --out tokens.tsv --plot tokens.png --rest-seconds 3",
        ),
        notes="Columns: recording, start_s, end_s, duration_s, code (number of the shape), energy_db (loudest level\n"
        "over that of rest), label (of the span that shares most time with it; empty: of none).",
    )
    made.add_argument("tokenizer", type=Path, metavar="TOKENIZER", help="tokenizer/ of a run of `emgasr pretrain`")
    made.add_argument(
        "recordings", metavar="RECORDING", nargs="+", help=f"{KINDS}; or a manifest, or a folder of takes"
    )
    add_out(
        made, "file of tokens to write (.jsonl or .tsv); left out: a table is printed", metavar="FILE", required=False
    )
    add_json(made, "print JSON, a line a token; with --out, how many there are")
    add_quiet(made)
    made.add_argument(
        "--rest-seconds",
        type=float,
        metavar="S",
        default=0.0,
        help="seconds of rest at the start of each recording; default: nobody says, and rest is heard in the signal",
    )
    made.add_argument("--plot", type=Path, metavar="FILE", help="draw contractions under the signal (.png)")
    made.add_argument("--plot-from", type=float, metavar="S", default=0.0, help="second that --plot begins at")
    gestures = "draw how often each code falls with each label, and print what a code says of it in bits (.png)"
    made.add_argument("--gestures", type=Path, metavar="FILE", help=gestures)
    add_take_options(made, "Rate and unit are the file's own, or must be given")
    return made
