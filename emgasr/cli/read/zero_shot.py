"""An aligned model, a split, and classes given as words in; figures of their executions, with gallery and chance, out.

What nobody trained is chosen among the gallery by force. Executions of other gestures are left out, and counted.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.labels import first_signal, opener
from emgasr.cli.options.search import pipeline_of
from emgasr.cli.options.session import session_of
from emgasr.cli.progress import counted as counted_by_a_bar
from emgasr.display.wording import counted, listed
from emgasr.errors import ConfigError, DataError
from emgasr.files.output import claimed_folder

if TYPE_CHECKING:
    from emgasr.crossmodal.model import AlignedModel
    from emgasr.evaluation.evaluate import Evaluation
    from emgasr.manifests.manifest import Entry, Manifest
    from emgasr.recording import Recording

ALL = "all"
TITLES = {
    "execution_accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "chance": "chance",
    "window_accuracy": "windows right",
    "activated": "activated",
}


def evaluate_zero_shot(
    options: argparse.Namespace, manifest: Manifest, entries: list[Entry], shaped: Callable[[Path], dict[str, Any]]
) -> int:
    """Evaluate --zero-shot; with --out, results.json is written there.

    Args:
        options: of `emgasr evaluate`.
        manifest: of the recordings.
        entries: of the split.
        shaped: prints what of them shaped the model in a folder, and returns what a row holds of it.
    """
    from emgasr.crossmodal.gallery import labels_in
    from emgasr.crossmodal.model import is_aligned, load_aligned
    from emgasr.evaluation.evaluate import evaluate
    from emgasr.evaluation.items import items_of
    from emgasr.evaluation.results import write_results

    folder = Path(options.model)
    if not is_aligned(folder):
        raise ConfigError("--zero-shot", f"{folder} reads its own symbols alone", "give a folder of `emgasr align`")
    model = load_aligned(folder)
    options.labels = options.zero_shot if options.labels is None else options.labels
    classes = _classes(model, labels_in(options.zero_shot, "--zero-shot"), labels_in(options.labels))
    pipeline = pipeline_of(options, options.model, first=lambda: first_signal(manifest, entries))
    if pipeline.language is not None:
        raise ConfigError("--lm", "has no say in a forced choice", "leave it out of --zero-shot")
    tokens = pipeline.recognizer.tokens
    gallery = tokens.symbols[1:]
    recordings = _Executions(entries, opener(manifest, folder, tokens), classes)
    with claimed_folder(options.out, options.overwrite) if options.out else nullcontext() as out:
        items = items_of(pipeline.recognizer, recordings, session_of(options))
        shown = counted_by_a_bar(items, "evaluating", len(entries), options.quiet)
        found = evaluate(shown, tokens, system=options.system or folder.name, split=options.split, seed=options.seed)
        trained = [name for name in classes if model.descriptions.concept_of(name) in model.config.gestures]
        row = {"classes": list(classes), "gallery": list(gallery), "trained": trained, **shaped(folder)}
        rows = [one | row for one in _rows(found, 1 / len(gallery))]
        if out is not None:
            write_results(out / "results.json", rows)
    recordings.report()
    if trained:
        print(f"emgasr: trained: {listed(trained, 20)}; of these it is no zero-shot figure", file=sys.stderr)
    if options.json:
        print_json({"rows": rows})
        return 0
    _print(rows, classes, gallery)
    return 0


class _Executions:
    """(name, recording) pairs of entries that hold an execution of a class, with the labels of classes alone."""

    def __init__(self, entries: Sequence[Entry], opened: Callable[[Entry], Recording], classes: Sequence[str]) -> None:
        self.entries, self.opened, self.classes = entries, opened, classes
        self.others: Counter[str] = Counter()
        self.without = 0

    def __iter__(self) -> Iterator[tuple[str, Recording]]:
        from emgasr.crossmodal.gallery import only

        self.others, self.without = Counter(), 0
        kept = 0
        for entry in self.entries:
            recording = self.opened(entry)
            labels = zip(recording.spans.kinds, recording.spans.texts, strict=True)
            self.others.update(t for kind, t in labels if kind not in ("rest", "prompt") and t not in self.classes)
            recording = only(recording, self.classes)
            if not len(recording.spans.of_kind("gesture")) and not len(recording.spans.of_kind("utterance")):
                self.without += 1
                continue
            kept += 1
            yield entry.path, recording
        if not kept:
            there = f"labels there: {listed(sorted(self.others), 20)}"
            raise DataError("--zero-shot", f"the split has no execution of {', '.join(self.classes)}", there)

    def report(self) -> None:
        """Print what was left out."""
        if self.others:
            line = f"{counted(sum(self.others.values()), 'execution')} of {counted(len(self.others), 'other gesture')}"
            print(f"emgasr: {line} left out ({listed(sorted(self.others), 20)})", file=sys.stderr)
        if self.without:
            print(f"emgasr: {counted(self.without, 'recording')} without an execution left out", file=sys.stderr)


def _classes(model: AlignedModel, classes: Sequence[str], gallery: Sequence[str]) -> tuple[str, ...]:
    """Return the classes as the gallery spells them; a ConfigError for one that it lacks."""
    known = {model.descriptions.concept_of(label): label for label in gallery}
    found = []
    for name in classes:
        concept = model.descriptions.concept_of(name)
        if concept not in known:
            raise ConfigError("--zero-shot", f"the gallery lacks {name!r}", "name it in --labels too")
        found.append(known[concept])
    return tuple(dict.fromkeys(found))


def _rows(evaluation: Evaluation, chance: float) -> Iterator[dict[str, Any]]:
    """Yield the row of everybody, and then of each subject."""
    from emgasr.evaluation.executions import together

    for subject in (ALL, *evaluation.subjects):
        figures = together(one.activity for one in evaluation.items if subject in (ALL, one.subject))
        if figures is not None:
            begin = {"system": evaluation.system, "split": evaluation.split, "subject": subject}
            yield begin | figures.as_dict() | {"chance": chance}


def _print(rows: Sequence[dict[str, Any]], classes: Sequence[str], gallery: Sequence[str]) -> None:
    from emgasr.display.console import columns_of, print_table
    from emgasr.display.visible import visible_line

    names = [name for name in TITLES if any(name in row for row in rows)]
    table = columns_of("split", "subject", "executions", *(TITLES[name] for name in names), "false a minute", left=2)
    for row in rows:
        cells = [f"{100 * row[name]:.2f} %" if name in row else "" for name in names]
        rate = row.get("false_activations_per_minute")
        who = [visible_line(str(row[name])) for name in ("split", "subject")]
        table.add_row(*who, f"{row['executions']:,}", *cells, "" if rate is None else f"{rate:.1f}")
    print_table(table)
    print(f"\nclasses: {', '.join(classes)}; gallery of {len(gallery)}: {', '.join(gallery)}")
