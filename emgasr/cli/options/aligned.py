"""What `emgasr search` and `describe` share: paths in; the windows of the recordings that they name out."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emgasr.cli.options.takes import facts_of
from emgasr.cli.progress import counted as counted_by_a_bar
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, EmgasrError

if TYPE_CHECKING:
    from emgasr.corpora.single import Named
    from emgasr.crossmodal.embeddings import WindowReader, Windows
    from emgasr.recording import Recording

NOTES = 20  # printed


class Opened:
    """The windows of recordings, each read when its turn comes; what cannot be read is reported, and passed over.

    Attributes:
        code: the exit code: 2 if a recording could not be read.
    """

    def __init__(self, options: argparse.Namespace, paths: list[str]) -> None:
        from emgasr.corpora.single import named

        self.quiet = options.quiet
        self.code = 0
        self.named: list[Named] = []
        facts = facts_of(options)
        for path in paths:
            recordings, notes = named(path, facts)
            self.named += recordings
            for note in notes:
                tell(note)

    def windows(self, reader: WindowReader) -> Iterator[tuple[str, Recording, Windows]]:
        """Yield the name of each recording, the recording and its windows.

        Raises:
            EmgasrError: the only recording cannot be read.
        """
        notes: Counter[str] = Counter()
        missing = 0
        for each in counted_by_a_bar(self.named, "reading", len(self.named), self.quiet):
            try:
                recording = each.open()
                found = reader.read(recording)
            except EmgasrError as error:
                if len(self.named) == 1:
                    raise
                tell(str(error) if each.name in error.where else f"{each.name}: {error}")
                self.code = error.exit_code
                continue
            missing += found.missing
            notes.update(found.notes)
            yield each.name, recording, found
        for note, count in list(notes.items())[:NOTES]:
            tell(note + (f" ({counted(count, 'recording')})" if count > 1 else ""))
        if len(notes) > NOTES:
            tell(f"and {len(notes) - NOTES} more such notes")
        if missing:
            tell(f"{counted(missing, 'window')} of {reader.hop_s:g} s left out: not measured")


def check_top(options: argparse.Namespace) -> None:
    """Raise a ConfigError for a --top that is no number of answers."""
    if options.top < 1:
        raise ConfigError("--top", f"is {options.top}", "give 1 or more")


def tell(line: str) -> None:
    """Print a line for people on standard error."""
    print(f"emgasr: {line}", file=sys.stderr)
