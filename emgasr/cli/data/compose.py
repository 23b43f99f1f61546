"""`emgasr compose`: single takes of a manifest in; a fixed list of composed recordings and its manifest out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_seed
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError, DataError
from emgasr.files.output import claimed_folder
from emgasr.manifests.leaks import check_disjoint, part_name
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.recording import Signal

if TYPE_CHECKING:
    from emgasr.data.compose import Example, Take
    from emgasr.tokens import Tokens


def run(argv: list[str]) -> int:
    """Compose the sequences of each split and write OUT/<split>/*.hdf5 and OUT/manifest.jsonl; return the exit code."""
    options = parser().parse_args(argv)
    from emgasr.data.compose import as_recording, takes_from_recordings
    from emgasr.data.spellings import read_words
    from emgasr.frontend.measured import mended
    from emgasr.sessions.native import save_session
    from emgasr.tokens import Tokens

    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    words = read_words(options.words) if options.words else None
    if not words and not 1 <= options.shortest <= options.longest:
        raise ConfigError("--shortest", f"{options.shortest} to {options.longest} is no range", "give 1 <= S <= L")
    if options.rounds < 1:
        raise ConfigError("--rounds", f"{options.rounds} is below 1", "1 uses each take once")
    composed = {}  # all of it before anything is written
    for split in dict.fromkeys(options.splits):
        sources = manifest.split(split)
        opened = [open_entry(entry, manifest.root) for entry in sources]
        device = Signal.of(opened[0]).with_montage_of(opened)
        takes = takes_from_recordings(
            (part_name(entry), mended(recording, _log)) for entry, recording in zip(sources, opened, strict=True)
        )
        if all(take.rest for take in takes):
            raise DataError(f"split {split!r}", "holds no labelled take", "give single takes, or spans of gestures")
        tokens = Tokens.words(sorted({take.label for take in takes if not take.rest}))
        composed[split] = (
            device,
            tokens,
            len(takes),
            _examples(takes, words, tokens, options),
        )
    with claimed_folder(options.out, options.overwrite) as folder:
        entries: list[Entry] = []
        made: dict[str, dict[str, int]] = {}
        for split, (device, tokens, count, examples) in composed.items():
            for number, example in enumerate(examples):
                recording = as_recording(example, tokens, device.rate_hz, device.unit, device.bands)
                path = folder / split / f"{number:04d}.hdf5"
                save_session(recording, path)
                text = ("" if words else " ").join(tokens.symbols_of(example.ids))
                take = " ".join(example.takes)
                entries.append(Entry.of(recording, path.absolute(), "native", split, take=take, text=text))
            made[split] = {"recordings": len(examples), "takes": count}
        claims = tuple(claim for claim in manifest.claims if claim in _still_said(composed))
        write_manifest(Manifest(tuple(entries), folder, claims), folder / "manifest.jsonl")
    if options.json:
        print_json({"manifest": str(folder / "manifest.jsonl"), "splits": made})
        return 0
    for split, counts in made.items():
        print(f"{split}: {counts['recordings']} composed recordings of {counts['takes']} takes")
    print(folder / "manifest.jsonl")
    return 0


def _log(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _still_said(splits: Collection[str]) -> set[str]:
    """The claims that composed recordings of these splits can still make, which have people but no sessions."""
    return {"subject", *(f"subject:{split}" for split in splits)} if len(splits) > 1 else set()


def _examples(takes: list[Take], words: list[str] | None, tokens: Tokens, options: argparse.Namespace) -> list[Example]:
    from emgasr.data.compose import ComposeConfig, compose_shuffled, compose_words
    from emgasr.data.spellings import RandomStrings

    config = ComposeConfig(options.join_ms, rest_longest_ms=options.rest_ms, same_session=options.same_session)
    if words is None:
        lengths = RandomStrings(options.shortest, options.longest)
        lists = [
            compose_shuffled(takes, lengths, tokens, config, options.seed + turn) for turn in range(options.rounds)
        ]
        return [example for turn in lists for example in turn]
    return compose_words(takes, words, tokens, config, options.seed)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr compose",
        description="Compose single takes (letters, words, gestures) into sequences with cross-faded joins: a fixed "
        "list to validate or test on. A sequence never mixes people. Results on it must be called composed.",
        examples=("emgasr compose takes.jsonl --words words.txt --out composed",),
    )
    made.add_argument("manifest", metavar="MANIFEST", help="manifest of the takes")
    add_out(made, "where FOLDER/<split>/*.hdf5 and manifest.jsonl go")
    made.add_argument("--splits", nargs="+", default=["validation", "test"], metavar="SPLIT", help="splits to compose")
    made.add_argument("--words", metavar="FILE", help="words to spell, one a line; every word at least once")
    made.add_argument("--shortest", type=int, default=3, help="without --words: shortest random string")
    made.add_argument("--longest", type=int, default=8, help="without --words: longest random string")
    made.add_argument("--rounds", type=int, default=1, help="without --words: how often each take is used")
    made.add_argument("--join-ms", type=float, default=50.0, help="cross-fade at a join")
    made.add_argument("--rest-ms", type=float, default=0.0, help="longest rest between two takes")
    made.add_argument("--same-session", action="store_true", help="a sequence keeps to the takes of one session")
    add_seed(made, "the order and the choice of takes")
    add_json(made)
    return made
