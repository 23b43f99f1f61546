"""Paths and answers in; the ordinary commands from a table of takes to a report, and a record of those done, out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emgasr.config.fields import fields_of
from emgasr.corpora.takes import TABLE
from emgasr.errors import OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.manifests.manifest import checksum_file
from emgasr.quickstart.splitting import Split

RECORD, RUN = "steps.json", "run"
TASKS = ("words", "gestures", "letters")
LETTERS = "letters"
MANIFEST, TRAIN = "manifest", "train"  # names of steps that others ask for
BEGUN = "train, begun"  # in the record: the words of the training, but for its budget, which may change
INTERRUPTED = 130


@dataclass(frozen=True)
class Step:
    """One command of the path: its name in the record, the words behind `emgasr`, and what it does in a few words."""

    name: str
    words: tuple[str, ...]
    does: str

    def __str__(self) -> str:
        return command(*self.words)


@dataclass(frozen=True)
class Plan:
    """What the steps are made of.

    Args:
        folder: the takes, with their metadata.csv.
        out: where all that is made goes.
        split: how takes are split.
        task: words, gestures or letters.
        minutes: wall-clock budget of the training.
        reading: further options of `emgasr manifest`: what the table does not say.
        training: further options of `emgasr train`.
        strings: whether to read strings composed of test takes as well.
        seed: seed of training, of strings and of intervals.
        quiet: whether the steps show no progress.
    """

    folder: Path
    out: Path
    split: Split
    task: str
    minutes: float
    reading: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    strings: bool = True
    seed: int = 0
    quiet: bool = False

    @property
    def manifest(self) -> Path:
        """Where the manifest goes."""
        return self.out / "manifest.jsonl"

    @property
    def run(self) -> Path:
        """Where the training goes."""
        return self.out / RUN

    @property
    def model(self) -> Path:
        """Where the model goes."""
        return self.run / "model"

    def steps(self) -> list[Step]:
        """The commands in order."""
        seed = ("--seed", str(self.seed)) if self.seed else ()
        quiet = ("--quiet",) if self.quiet else ()
        minutes = f"{self.minutes:g}"
        strings = self.out / "strings"
        reading = ("manifest", str(self.folder), "--corpus", "takes", *self.reading, *self.split.words)
        test = ("--train-minutes", minutes, *seed, *quiet)
        training = ("train", str(self.manifest), "--task", self.task, "--fit.minutes", minutes, *self.training)
        found = [
            Step(MANIFEST, (*reading, "--out", str(self.manifest)), "list and split the takes"),
            Step(TRAIN, (*training, *seed, *quiet, "--out", str(self.run)), f"train, {minutes} min"),
            Step("evaluate", self._evaluate(self.manifest, "results", test), "read the test takes, one by one"),
        ]
        if self.strings:
            words = ("compose", str(self.manifest), "--splits", "test", *seed, "--out", str(strings))
            found.insert(1, Step("strings", words, "compose test strings"))
            words = self._evaluate(strings / "manifest.jsonl", "results_strings", test)
            found.append(Step("evaluate_strings", words, "read the composed strings"))
        return found

    def next_commands(self, take: str) -> list[str]:
        """Commands that use the model, on a take of the folder and live."""
        file = str(self.folder / take)
        sources = (f"file:{file}", "lsl:name=DEVICE")
        return [
            command("transcribe", str(self.model), file),
            *(command("stream", str(self.model), "--source", source) for source in sources),
        ]

    def _evaluate(self, manifest: Path, results: str, more: Sequence[str]) -> tuple[str, ...]:
        return ("evaluate", str(self.model), str(manifest), *more, "--out", str(self.out / results))


@dataclass
class Record:
    """Which steps are done in a folder, by which words, and of which table of takes: what a second run goes on from."""

    path: Path
    table: str = ""  # SHA-256 of metadata.csv
    done: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def read(out: Path) -> Record:
        """Read the record of a folder; an empty one where there is none."""
        path = out / RECORD
        if not path.is_file():
            return Record(path)
        kinds = {"table": str, "done": dict[str, tuple[str, ...]]}
        content = fields_of(read_json(path, OutputError), kinds, path, OutputError)
        return Record(path, content["table"], {name: tuple(words) for name, words in content["done"].items()})

    def check(self, steps: Sequence[Step], table: Path) -> None:
        """Raise an OutputError if a step was done with other words, or of another table."""
        if not self.done:
            return
        if not table.is_file() or self.table != checksum_file(table):
            raise _stale(self.path.parent, f"was made of another {TABLE}")
        for step in steps:
            if (words := self.done.get(step.name)) is not None and words != step.words:
                told = _difference(words, step.words)
                raise _stale(self.path.parent, f"holds a {step.name} step of other answers ({told})")
            begun = self.done.get(BEGUN, ()) if step.name == TRAIN else ()
            if begun and begun != _without_minutes(step.words) and self.resumes():
                told = _difference(begun, _without_minutes(step.words))
                raise _stale(self.path.parent, f"holds a training of other answers, which has begun ({told})")

    def resumes(self) -> bool:
        """Whether there is a training to go on with."""
        return (self.path.parent / RUN / "checkpoint.pt").is_file()

    def begin(self, step: Step, table: Path) -> None:
        """Record that a training begins."""
        self.add(Step(BEGUN, _without_minutes(step.words), step.does), table)

    def add(self, step: Step, table: Path) -> None:
        """Record that a step is done."""
        self.table = checksum_file(table)
        self.done[step.name] = step.words
        with replacing(self.path) as temporary:
            temporary.write_text(as_json({"table": self.table, "done": self.done}) + "\n", encoding="utf-8")


def command(*words: str) -> str:
    """A command line of emgasr that a shell takes as it stands."""
    return shlex.join(("emgasr", *words))


def _without_minutes(words: Sequence[str]) -> tuple[str, ...]:
    at = words.index("--fit.minutes")
    return (*words[:at], *words[at + 2 :])


def _difference(before: Sequence[str], now: Sequence[str]) -> str:
    """Words that only the one has and the other."""
    gone, new = ([w for w in one if w not in other] for one, other in ((before, now), (now, before)))
    return f"{shlex.join(gone) or 'nothing'} before, {shlex.join(new) or 'nothing'} now"


def _stale(out: Path, wrong: str) -> OutputError:
    return OutputError(out, wrong, "give another --out, or pass --overwrite")
