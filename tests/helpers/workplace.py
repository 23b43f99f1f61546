"""Names of things that a page starts from in; a folder that holds them, small and made once a session, out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from emgasr.cli import main
from tests.helpers.armbands import write_corpora
from tests.helpers.scripts import ROOT

PROMPTS = ROOT / "emgasr" / "assets" / "prompts_train.txt"

# What turns the commands of the pages into small ones: people, minutes and steps shrink.
SMALLER = (
    (r"--people (?:\d\d+|[4-9])", "--people 1"),
    (r"--session-minutes [\d.]+", "--session-minutes 0.4"),
    (
        r"(emgasr train .*--init .*)--fit.minutes [\d.]+",
        r"\1--fit.steps 2 --fit.validations 1 --data.kind composed --data.batch-size 8",
    ),
    (
        r"(emgasr pretrain .*)--fit.minutes [\d.]+",
        r"\1--fit.steps 2 --fit.validations 1 --encoder.width 16 --encoder.blocks 1 --encoder.heads 2 --stretches 4",
    ),
    (
        r"(emgasr train .*)--fit.minutes [\d.]+",
        r"\1--fit.steps 2 --fit.validations 1 --data.batch-s 8 --data.longest-s 5",
    ),
    (
        r"(emgasr personalize .*)--fit.minutes [\d.]+",
        r"\1--fit.steps 1 --fit.validations 1 --held-out 0.5 --data.batch-s 8",
    ),
    (r"(emgasr new .*)--fit-minutes [\d.]+", r"\1--no-train"),
    (r"--order \d", "--order 3"),
    (r"(emgasr tune .*--lm \S+)", r"\1 --trials 2 --threads 1 --beam 4"),
    (r"(emgasr evaluate .*--lm \S+)", r"\1 --tune-trials 2 --threads 1 --beam 4"),
)

# name -> (what it is made from, the verbs that make it)
_MADE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "people": (
        (),
        (
            "simulate --out people/train --split train --people 1 --sessions 1 --session-minutes 0.4",
            "simulate --out people/validation --split validation --people 1 --sessions 1 --session-minutes 0.4",
            "simulate --out people/test --split test --people 1 --sessions 1 --session-minutes 0.4",
        ),
    ),
    "model": (
        ("people",),
        (
            "train people/train/manifest.jsonl --validation-manifest people/validation/manifest.jsonl"
            " --fit.steps 2 --fit.validations 1 --data.batch-s 8 --data.longest-s 5 --out run",
        ),
    ),
    "lm": ((), (f"lm build {PROMPTS} --order 3 --out english.arpa",)),
    "ann": ((), ("simulate --out people/ann --split test --seed 7 --people 1 --sessions 2 --session-minutes 0.4",)),
}


class Workplace:
    """Folders for pages: what they need is made once below `root`, and linked into each page's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: set[str] = set()

    def folder(self, page: str, needs: tuple[str, ...]) -> Path:
        """A folder for `page` with what it `needs` and the checkout's package."""
        self._make(needs)
        folder = self.root / "pages" / page.replace("/", "_").removesuffix(".md")
        folder.mkdir(parents=True)
        (folder / "emgasr").symlink_to(ROOT / "emgasr")  # pages are followed from a checkout
        for place in sorted((self.root / "shared").rglob("*")):
            target = folder / place.relative_to(self.root / "shared")
            if place.is_file() and self._wanted(place, needs):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(place, target)
        return folder

    def _wanted(self, place: Path, needs: tuple[str, ...]) -> bool:
        return bool({_owner(place.relative_to(self.root / "shared"))} & set(self._all(needs)))

    def _all(self, needs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for need in needs for name in (*self._all(_from(need)), need)))

    def _make(self, needs: tuple[str, ...]) -> None:
        shared = self.root / "shared"
        shared.mkdir(parents=True, exist_ok=True)
        before = Path.cwd()
        os.chdir(shared)
        try:
            for name in self._all(needs):
                if name in self.made:
                    continue
                if name in _WRITTEN:
                    _WRITTEN[name](shared)
                for line in _MADE.get(name, ((), ()))[1]:
                    assert main(line.split()) == 0, line
                self.made.add(name)
        finally:
            os.chdir(before)


def _from(name: str) -> tuple[str, ...]:
    assert name in _MADE or name in _WRITTEN, f"nothing is known of {name!r}"
    return _MADE.get(name, ((), ()))[0]


def _owner(place: Path) -> str:
    """The thing that a file belongs to, by its place."""
    parts = place.parts
    if parts[:2] == ("people", "ann"):
        return "ann"
    return {"people": "people", "run": "model", "english.arpa": "lm"}.get(parts[0], parts[0].split(".")[0])


def _takes(shared: Path) -> None:
    """Single takes as a table and CSV files, of two people: what `takes` reads."""
    folder = shared / "takes"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows = ["file,text,subject,session,rate_hz,unit"]
    for subject in ("ann", "ben"):
        for number in range(4):
            name = f"{subject}_{number}.csv"
            samples = generator.normal(0, 50, (300, 4))
            header = ",".join(f"emg{i + 1}" for i in range(4))
            np.savetxt(folder / name, samples, fmt="%.2f", delimiter=",", header=header, comments="")
            rows.append(f"{name},{'yes' if number % 2 else 'no'},{subject},monday,200,uV")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _words(shared: Path) -> None:
    """Single takes of words as WAV files whose names say word, day and number: what `emgasr new` starts from."""
    folder = shared / "words"
    folder.mkdir()
    generator = np.random.default_rng(0)
    shape = np.hanning(800)[:, None]
    for at, word in enumerate(("yes", "no", "stop")):
        for day in ("mon", "tue", "wed"):
            for number in range(1, 9):
                level = 60 + 400 * shape * (np.arange(4) == at)
                samples = (generator.normal(0, 1, (800, 4)) * level).astype(np.int16)
                wavfile.write(folder / f"{word}_{day}_{number:02d}.wav", 1000, samples)


def _array(shared: Path) -> None:
    """A bare array and key times, as a lab has them: what is saved as a session in Python."""
    generator = np.random.default_rng(0)
    np.save(shared / "samples.npy", generator.normal(0, 50, (20_000, 32)).astype(np.float32))
    rows = ["time_s,key", *(f"{1 + 0.3 * i:.1f},{key}" for i, key in enumerate("hello world"))]
    (shared / "keys.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _typed(shared: Path) -> None:
    """One recording of a simulated person, by the name that the pages give it."""
    line = "simulate --out typed --split test --seed 3 --people 1 --sessions 1 --session-minutes 0.4"
    assert main(line.split()) == 0
    (found,) = (shared / "typed").rglob("*.hdf5")
    found.rename(shared / "typed.hdf5")
    shutil.rmtree(shared / "typed")


def _armbands(shared: Path) -> None:
    """Two corpora of armbands: what `armbands/myo.jsonl` and `armbands/bar.jsonl` list."""
    (shared / "armbands").mkdir()
    write_corpora(shared / "armbands")


_WRITTEN = {"armbands": _armbands, "takes": _takes, "words": _words, "samples": _array, "keys": _array, "typed": _typed}
