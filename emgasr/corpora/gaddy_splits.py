"""Who trains and who tests on Gaddy & Klein's corpus: entries and published lists in; splits and a leak report out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emgasr.config.typed_data import fits
from emgasr.corpora.gaddy import is_silent
from emgasr.errors import ManifestError
from emgasr.files.plain_data import read_json
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry
from emgasr.manifests.text_overlap import TextOverlap, read_lines, text_overlap

CLAIMS = ("take", f"sentence:{TEST}", f"sentence:{VALIDATION}")


def read_sentences(path: Path, key: str) -> list[str]:
    """The sentences ("book:index") of a JSON list of [book, index], or of the list `key` of a JSON object."""
    content: Any = read_json(path, ManifestError, "give the published split file")
    if isinstance(content, dict):
        if key not in content:
            raise ManifestError(path, f"has no list {key!r}", "give the published split file")
        content = content[key]
    if not fits(tuple[tuple[str, int], ...], content):
        raise ManifestError(path, "is not a JSON list of [book, index]", "give the published split file")
    return [f"{book.strip()}:{index}" for book, index in content]


def split_as_published(
    entries: Sequence[Entry], dev: Sequence[str], test: Sequence[str]
) -> tuple[list[Entry], list[str]]:
    """The entries with their splits, without the twins of what is held out; and a line for each sentence not found.

    Where there are silent recordings, they alone are held out, and their voiced twins are left out altogether.
    """
    if both := sorted(set(dev) & set(test)):
        raise ManifestError("splits", f"{both[0]} is in dev and in test", "give the published lists")
    split_of = {**dict.fromkeys(dev, VALIDATION), **dict.fromkeys(test, TEST)}
    silent = any(is_silent(Path(entry.path)) for entry in entries)
    found = []
    for entry in entries:
        split = split_of.get(entry.take, TRAIN)
        if split == TRAIN or not silent or is_silent(Path(entry.path)):
            found.append(replace(entry, split=split))
    held = {entry.take for entry in found if entry.split != TRAIN}
    missing = [f"{split}: no recording of {take}" for take, split in split_of.items() if take not in held]
    return found, missing


@dataclass(frozen=True)
class LeakReport:
    """What is known of the test beforehand: its words that the lexicon holds, its sentences in the LM's text."""

    words: int
    words_in_lexicon: int | None
    types: int
    types_in_lexicon: int | None
    overlap: TextOverlap | None

    def lines(self) -> list[str]:
        """The report, a line a fact."""
        told = []
        if self.words_in_lexicon is not None:
            told.append(
                f"test words in the lexicon: {self.words_in_lexicon} of {self.words}"
                f" ({self.types_in_lexicon} of {self.types} different)"
            )
        if self.overlap is not None:
            known = self.overlap
            share = f"{100 * known.ngram_fraction:.1f} % of their {known.n}-grams"
            told.append(
                f"test sentences whole in the LM's text: {known.prompts_found} of {known.prompts}"
                f" ({known.prompts_short} too short to tell); {share}"
            )
        return told


def leak_report(
    sentences: Iterable[str], lexicon: Iterable[str] | None = None, lm_text: Sequence[str | Path] = ()
) -> LeakReport:
    """Compare the test's normalized sentences with a lexicon and with the text of a language model, where given."""
    sentences = list(sentences)
    words = Counter(word for sentence in sentences for word in sentence.split())
    held = None if lexicon is None else {word.lower() for word in lexicon} & words.keys()
    return LeakReport(
        words=words.total(),
        words_in_lexicon=None if held is None else sum(words[word] for word in held),
        types=len(words),
        types_in_lexicon=None if held is None else len(held),
        overlap=text_overlap(sentences, read_lines(lm_text)) if lm_text else None,
    )
