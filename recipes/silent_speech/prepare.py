"""Gaddy & Klein's corpus on disk in, a checked manifest of its published splits out; and what the test leaks.

prepare.py CORPUS --splits testset.json --out WORK [--filtering zero_phase] [--parts silent voiced nonparallel]
"""

from __future__ import annotations

import sys
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora.gaddy import PARTS, entry_fields, utterances
from emgasr.corpora.gaddy_splits import CLAIMS, leak_report, read_sentences, split_as_published
from emgasr.data.survey import survey
from emgasr.errors import ConfigError, EmgasrError, RecordingError
from emgasr.lm.lexicon import read_lexicon
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, TRAIN, Manifest, write_manifest
from emgasr.tokens import train_sentencepiece


def run(argv: list[str]) -> int:
    """Survey the corpus, split it, write its manifest, its training text and the leak report."""
    options = _parser().parse_args(argv)
    dev_file, test_file = options.dev or options.splits, options.test or options.splits
    if dev_file is None or test_file is None:
        raise ConfigError("prepare.py", "has no splits", "pass --splits FILE, or --dev FILE and --test FILE")
    folders = {PARTS[part] for part in options.parts}
    files = [path for path in utterances(options.corpus.absolute()) if path.parts[-3] in folders]
    fields, problems = {}, []
    for path in files:
        try:
            if (found := entry_fields(path)) is not None:
                fields[path] = found
        except EmgasrError as error:
            problems.append(str(error))
    how = {"filtering": options.filtering}
    surveyed = survey(list(fields), "gaddy", options.out / "survey.jsonl", how, name=lambda path: fields[path])
    surveyed.problems.extend(problems)
    if not files:
        raise RecordingError(options.corpus, "holds no utterance of these parts", f"its folders: {', '.join(folders)}")
    entries = surveyed.checked(options.leave_out_bad, _tell)
    dev, test = read_sentences(dev_file, "dev"), read_sentences(test_file, "test")
    chosen, missing = split_as_published(entries, dev, test)
    for line in missing[:5]:
        _tell(line)
    if missing and not options.leave_out_bad:
        wrong = f"lacks {len(missing)} sentences that are held out"
        raise RecordingError(options.corpus, wrong, "fetch them, or pass --leave-out-bad")
    manifest = Manifest(tuple(chosen), options.corpus.absolute(), CLAIMS)
    check_disjoint(manifest)
    written = write_manifest(manifest, options.out / f"{options.filtering}.jsonl")
    counts = ", ".join(f"{len(written.split(split))} {split}" for split in written.splits)
    print(f"{options.out / options.filtering}.jsonl: {counts}; {written.checksum()[:16]}")
    if options.pieces:
        texts = [entry.text for entry in written.entries if entry.split == TRAIN]
        train_sentencepiece(texts, options.pieces, options.out / "pieces.model")
    lexicon = read_lexicon(options.lexicon) if options.lexicon else None
    tested = [entry.text for entry in written.entries if entry.split == TEST]
    for line in leak_report(tested, lexicon, options.lm_text).lines():
        print(line)
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder with silent_parallel_data and the others")
    parser.add_argument("--out", type=Path, required=True, help="where the manifest goes, and what was checked")
    parser.add_argument("--splits", type=Path, help="JSON object with the lists dev and test of [book, index]")
    parser.add_argument("--dev", type=Path, help="JSON list of [book, index] to validate on")
    parser.add_argument("--test", type=Path, help="JSON list of [book, index] to test on")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="default: all three")
    parser.add_argument("--filtering", choices=("causal", "zero_phase"), default="causal", help="default: causal")
    parser.add_argument("--lexicon", type=Path, help="words, one a line: how many of the test's are told")
    parser.add_argument(
        "--lm-text",
        type=Path,
        nargs="+",
        default=[],
        help="text of the language model: what of the test it holds is told",
    )
    parser.add_argument("--pieces", type=int, help="train a sentencepiece model of so many pieces on the training text")
    parser.add_argument("--leave-out-bad", action="store_true", help="go on without the utterances that are told")
    return parser


def _tell(line: object) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
