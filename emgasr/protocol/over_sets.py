"""Folders of protocols, one a set of people, in; figures over sets, where each set counts alike, out.

Differences are paired by person. Their intervals draw people anew within each set; their p flips the signs of people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy  # scipy.stats is imported when it is first used: it takes a second

from emgasr.display.wording import counted
from emgasr.errors import OutputError
from emgasr.evaluation.executions import EXECUTION
from emgasr.manifests.manifest import TEST
from emgasr.protocol.config import NONE
from emgasr.protocol.report import read_run
from emgasr.protocol.results import ROWS_NAME, TOGETHER, PeopleResult, PersonResult, read_results
from emgasr.protocol.tables import by_person, over_people
from emgasr.score import means_interval

NOTHING = "nothing"  # of the person's labels
FLIPS, DRAWS = 9_999, 10_000  # of signs (all of them, where they are no more), and of people


class Key(NamedTuple):
    """What a figure of people is of: set, system, what it adapted to, and which figure."""

    name: str
    system: str
    amount: str
    figure: str


@dataclass(frozen=True)
class Difference:
    """One system less a rival in executions right: the mean over sets, its 95 % interval and p, and each set's.

    Args:
        first: name of the system.
        second: name of the rival, or of how each set's was chosen.
        amount: what both adapted to.
        mean: over sets.
        interval: of the mean.
        p: two-sided.
        people: in all sets.
        by_set: the difference in each set.
        rivals: the system that was the rival in each set.
    """

    first: str
    second: str
    amount: str
    mean: float
    interval: tuple[float, float]
    p: float
    people: int
    by_set: Mapping[str, float]
    rivals: Mapping[str, str]


class SetsTable:
    """What systems read of sets.

    Args:
        root: holds protocols in folders SET or SET.PART, each with some of the systems.
        expected: names of sets that should be there.
        last: system that comes last; the others come as they are found.

    `kept` are of each set the people whom all systems read after every amount that the system has anywhere. `amounts`
    are in order of their `seconds`: the mean over sets of the median over the people kept.

    Raises:
        OutputError: A folder's results are garbled, or two folders of a set hold the same system.
    """

    def __init__(self, root: Path, expected: Iterable[str] = (), last: str = "") -> None:
        self.figures: dict[Key, dict[str, float]] = {}  # of people
        self.runs: dict[str, list[dict[str, Any]]] = {}  # by set, run.json of what is done
        self.passed_over = Counter[str]()  # rows by method: of several, the first of the configuration counts
        self._zero_shot: dict[tuple[str, str], list[PersonResult]] = {}  # by set and system
        self._heard: dict[str, dict[str, dict[str, float]]] = {}  # by amount, set and person, seconds
        folders = sorted(path for path in root.glob("*") if path.is_dir())
        done = [path for path in folders if (path / ROWS_NAME).is_file()]
        for folder in done:
            self._read(folder)
        self.systems = sorted(dict.fromkeys(key.system for key in self.figures), key=lambda system: system == last)
        self.expected = sorted({*expected, *(path.name.partition(".")[0] for path in folders)})
        begun = [path.name for path in folders if path not in done]
        heard_of = {*self.runs, *(name.partition(".")[0] for name in begun)}
        self.undone = sorted([*begun, *(name for name in self.expected if name not in heard_of)])
        self.kept = self._kept()
        self.seconds = {NOTHING: 0.0} | {amount: self._seconds(found) for amount, found in self._heard.items()}
        self.amounts = sorted(self.seconds, key=self.seconds.__getitem__)

    def _kept(self) -> dict[str, set[str]]:
        kept = {}
        anywhere = list(dict.fromkeys((key.system, key.amount) for key in self.figures))
        for name in self.sets:
            read = [self.people(name, system, amount).keys() for system, amount in anywhere]
            if people := set(read[0]).intersection(*read[1:]):
                kept[name] = people
        return kept

    def _seconds(self, heard: Mapping[str, Mapping[str, float]]) -> float:
        people = self.kept or heard
        own = [[found[one] for one in people.get(name, ()) if one in found] for name, found in heard.items()]
        return mean(float(np.median(seconds)) for seconds in own if seconds)

    def _read(self, folder: Path) -> None:
        run, where, name = read_run(folder), folder / ROWS_NAME, folder.name.partition(".")[0]
        first = next(iter(run.get("adaptation", {}).get("methods", [])), None)
        cells: dict[tuple[str, str], list[PersonResult]] = {}
        for result in read_results(where):
            cell = result.cell
            if cell.sessions != TEST or EXECUTION not in result.figures:
                continue
            if cell.method not in (NONE, first or cell.method):
                self.passed_over[cell.method] += 1
                continue
            amount = NOTHING if cell.method == NONE else cell.amount or f"{60 * cell.minutes:g} s"
            cells.setdefault((cell.system, amount), []).append(result)
            if amount != NOTHING:
                seconds = (result.row.get("adaptation") or {}).get("seconds", 60 * cell.minutes)
                self._heard.setdefault(amount, {}).setdefault(name, {})[result.subject] = seconds
        if not cells:
            raise OutputError(where, "holds no execution that was read", "give labels with times")
        for system in {system for system, _ in cells}:
            if any((key.name, key.system) == (name, system) for key in self.figures):
                raise OutputError(where, f"holds {system}, as another folder of {name} does", "leave it in one of them")
        self.runs.setdefault(name, []).append(run)
        for (system, amount), results in cells.items():
            if amount == NOTHING:
                self._zero_shot[name, system] = results
            for figure in TOGETHER:
                if people := by_person(results, figure):
                    self.figures[Key(name, system, amount, figure)] = people

    @property
    def sets(self) -> list[str]:
        """The sets that are done, in order of their names."""
        return list(self.runs)

    def people(self, name: str, system: str, amount: str = NOTHING, figure: str = EXECUTION) -> dict[str, float]:
        """Return a figure of each person of a set; empty where nothing was read."""
        return self.figures.get(Key(name, system, amount, figure), {})

    def mean(self, name: str, system: str, amount: str = NOTHING, figure: str = EXECUTION) -> float:
        """Return the mean over people of a set; NaN where nothing was read."""
        return mean(self.people(name, system, amount, figure).values())

    def everybody(self, name: str) -> set[str]:
        """Return the people of a set whom any system read with nothing of theirs."""
        return set[str]().union(*(self.people(name, system) for system in self.systems))

    def shared(self, systems: Sequence[str], amount: str = NOTHING) -> list[str]:
        """Return the sets in which all of these read the same people, after this amount."""
        found = []
        for name in self.sets:
            read = [self.people(name, system, amount).keys() for system in systems]
            if read and read[0] and all(people == read[0] for people in read):
                found.append(name)
        return found

    def facts(self, name: str) -> PeopleResult:
        """Return a set's facts: the people, the hours read and trained on, of the system that read most people."""
        chosen = max(self.systems, key=lambda system: len(self.people(name, system)))
        return over_people(self._zero_shot[name, chosen])[0]

    def missing(self) -> list[str]:
        """Return a line for what was asked for and not read: sets, systems, people."""
        lines = [f"not done: {', '.join(self.undone)}"] if self.undone else []
        asked = (system for runs in self.runs.values() for run in runs for system in run.get("systems", {}))
        for system in dict.fromkeys((*self.systems, *asked)):
            without = [name for name in self.sets if not self.people(name, system)]
            lines += [f"{system}: not in {counted(len(without), 'set')} ({', '.join(without)})"] if without else []
            for name in self.sets:
                people = self.people(name, system)
                if people and (lacking := sorted(self.everybody(name) - people.keys())):
                    lines.append(f"{system}: in {name} without {', '.join(lacking)}")
        return [
            *lines,
            *(f"method {method}: {counted(count, 'row')} in no table" for method, count in self.passed_over.items()),
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Return rows for JSON: each figure with its people's, and what is missing."""
        names = ("set", "system", "amount", "figure")
        means = {key: mean(people.values()) for key, people in self.figures.items()}
        rows = [dict(zip(names, key, strict=True)) | {"mean": means[key], "people": self.figures[key]} for key in means]
        return [*rows, *({"missing": line} for line in self.missing())]

    def compare(self, first: str, second: str, among: Sequence[str], amount: str = NOTHING) -> Difference | None:
        """Return a system less the best of several in each set, over the people whom both read; None if nobody.

        Args:
            first: name of the system.
            second: what the rival is called.
            among: names of the systems of which each set's best on the mean is the rival: the test chooses it.
            amount: what all adapted to.
        """
        apart: dict[str, np.ndarray] = {}
        rivals: dict[str, str] = {}
        for name in self.sets:
            means = {system: self.mean(name, system, amount) for system in among if self.people(name, system, amount)}
            if not means:
                continue
            rival = max(means, key=means.__getitem__)
            ours, theirs = self.people(name, first, amount), self.people(name, rival, amount)
            if both := sorted(ours.keys() & theirs.keys()):
                apart[name], rivals[name] = np.array([ours[one] - theirs[one] for one in both]), rival
        if not apart:
            return None
        # The sum of these is the mean over sets of means over people.
        shares = np.concatenate([values / len(values) / len(apart) for values in apart.values()])
        p = scipy.stats.permutation_test(
            (shares,),
            lambda values, axis: values.sum(axis),
            permutation_type="samples",
            n_resamples=FLIPS,
            vectorized=True,
            random_state=0,
        ).pvalue
        interval = means_interval(list(apart.values()), resamples=DRAWS)
        by_set = {name: float(values.mean()) for name, values in apart.items()}
        return Difference(first, second, amount, float(shares.sum()), interval, float(p), len(shares), by_set, rivals)

    def curve(self, system: str) -> list[float]:
        """Return the mean over sets after each of the amounts, of the people in `kept`; NaN of what was not read."""
        points = []
        for amount in self.amounts:
            read = {name: self.people(name, system, amount) for name in self.kept}
            points.append(mean(mean(read[name][one] for one in own if read[name]) for name, own in self.kept.items()))
        return points


def mean(values: Iterable[float]) -> float:
    """Return the mean; NaN of nothing."""
    found = list(values)
    return float(np.mean(found)) if found else float("nan")
