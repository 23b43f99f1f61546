"""Formats and numbers of runs in, results out: seeds are written once, then each mutant is read in its own process."""

from __future__ import annotations

import contextlib
import gc
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .formats import Format, Place
from .isolation import SECONDS, End, run_each
from .judge import ACCEPTED, REFUSED, Outcome, judged, printing_to
from .mutations import mutant

FOLDER = "kept_files"  # the name of each run's own
ORIGINAL = -1  # the number of the run that reads a seed as it was written


@dataclass(frozen=True)
class Result:
    """One run: which, what was done to the file, what came of it and what it took."""

    format: str
    number: int
    variant: int
    kind: str  # accepted, refused, or a kind of fault
    text: str
    details: str
    digest: str
    story: str
    cpu_s: float
    memory_bytes: int
    kept: str = ""  # where the input of a fault lies

    @property
    def fault(self) -> bool:
        """Whether the reader failed."""
        return self.kind not in (ACCEPTED, REFUSED)


@dataclass(frozen=True)
class _Seed:
    folder: Path
    target: str  # below the folder
    digest: str


class Fuzzer:
    """Writes below `place`; inputs that make faults are kept in `kept`."""

    def __init__(
        self, formats: Mapping[str, Format], place: Path, kept: Path, at_once: int = 1, seconds: int = SECONDS
    ) -> None:
        self.formats, self.at_once, self.seconds = formats, at_once, seconds
        self.place, self.kept = place.absolute(), kept.absolute()
        self.seeds: dict[str, list[_Seed]] = {}

    def results(self, numbers: Iterable[int]) -> Iterator[Result]:
        """The seeds as they are, then each format's runs of these numbers."""
        warm_up(self.formats.values())
        yield from self._originals()
        tasks = [(name, number) for number in numbers for name in self.seeds]
        for end in run_each(((task, self._task(*task)) for task in tasks), self.at_once, self.seconds):
            yield self._result(end)

    def _originals(self) -> Iterator[Result]:
        """Write and read the seeds; a format whose seed is not accepted is not run."""
        wanted = [(name, variant) for name, fmt in self.formats.items() for variant in range(len(fmt.seeds))]
        accepted: dict[tuple[str, int], _Seed] = {}
        for end in run_each(((key, self._seeding(*key)) for key in wanted), self.at_once):
            name, variant = end.key
            target, outcome = end.value or ("", {"kind": "crash", "text": end.fault, "details": ""})
            kind = ACCEPTED if outcome["kind"] == ACCEPTED else "seed refused"
            yield _result(end, name, ORIGINAL, variant, outcome | {"kind": kind, "story": "as written"}, "")
            if kind == ACCEPTED:
                accepted[end.key] = _Seed(self._folder(name, variant), target, outcome["digest"])
        for key in wanted:
            if key in accepted:
                self.seeds.setdefault(key[0], []).append(accepted[key])

    def _seeding(self, name: str, variant: int) -> Callable[[], Any]:
        def write_and_read() -> Any:
            fmt, folder = self.formats[name], self._folder(name, variant)
            folder.mkdir(parents=True)
            with printing_to(Path("/dev/null")):
                target = fmt.seeds[variant](folder)
            place = self._copied(folder, f"{name}-seed{variant}")
            outcome = judged(fmt, place.folder / target.relative_to(folder), place, None, False)
            shutil.rmtree(place.out.parent)
            return str(target.relative_to(folder)), outcome

        return write_and_read

    def _folder(self, name: str, variant: int) -> Path:
        return self.place / "seeds" / name / str(variant) / FOLDER

    def _task(self, name: str, number: int) -> Callable[[], Outcome]:
        """Damage a copy of a seed, then judge what becomes of it: in the child, which a mutation may end as well."""

        def run() -> Outcome:
            fmt, seeds = self.formats[name], self.seeds[name]
            seed, other = seeds[number % len(seeds)], seeds[(number // len(seeds)) % len(seeds)]
            place = self._copied(seed.folder, f"{name}-{number}")
            target = place.folder / seed.target
            data, spliced = target.read_bytes(), (other.folder / other.target).read_bytes()
            made = mutant(name, fmt.family, fmt.container, number, data, spliced)
            target.write_bytes(made.data)
            (place.out.parent / "story.txt").write_text(", ".join(made.story) + "\n")
            original = seed.digest if made.data != data else None
            return judged(fmt, target, place, original, made.resealed) | {"story": ", ".join(made.story)}

        return run

    def _copied(self, folder: Path, name: str) -> Place:
        place = self.place / "runs" / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place / FOLDER)
        (place / "out").mkdir()
        return Place(place / FOLDER, place / "out")

    def _result(self, end: End) -> Result:
        name, number = end.key
        place = self.place / "runs" / f"{name}-{number}"
        outcome = end.value
        if end.fault:
            story = place / "story.txt"
            told = story.read_text().strip() if story.is_file() else "in the mutation itself"
            outcome = {"kind": end.fault.partition(":")[0], "text": end.fault, "details": "", "story": told}
        variant = number % len(self.seeds[name])
        result = _result(end, name, number, variant, outcome, "")
        if result.fault:
            kept = self.kept / f"{name}-{number}"
            shutil.rmtree(kept, ignore_errors=True)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(place / FOLDER, kept)
            target = kept / self.seeds[name][variant].target
            result = _result(end, name, number, variant, outcome, str(target))
        shutil.rmtree(place, ignore_errors=True)
        return result


def _result(end: End, name: str, number: int, variant: int, outcome: Mapping[str, Any], kept: str) -> Result:
    return Result(
        name,
        number,
        variant,
        outcome["kind"],
        outcome["text"],
        outcome.get("details", ""),
        outcome.get("digest", ""),
        outcome.get("story", ""),
        end.cpu_s,
        end.memory_bytes,
        kept,
    )


def warm_up(formats: Iterable[Format]) -> None:
    """Import and compile in this process what every run of a format would have to."""
    for fmt in formats:
        if fmt.warm:
            with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Exception):  # told of the seed's own run
                corpus, out = Path(folder) / FOLDER, Path(folder) / "out"
                corpus.mkdir()
                out.mkdir()
                fmt.read(fmt.seeds[0](corpus), Place(corpus, out))
    gc.collect()
    gc.freeze()


def numbers_of(count: int, only: Sequence[int] = ()) -> Sequence[int]:
    """The runs that are asked for."""
    return only or range(count)
