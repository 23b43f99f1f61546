"""`emgasr demo --armband`: real muscles of people never seen; their gestures read, before and after a repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from emgasr.errors import ModelError
from emgasr.files.output import replacing_folder

if TYPE_CHECKING:
    from rich.table import Table

    from emgasr.classifiers.unseen import Reading
    from emgasr.display.console import Console
    from emgasr.evaluation.executions import Together

BEFORE, AFTER = "never heard before", "after one repetition"


def show(folder: Path, out: Path, console: Console) -> list[dict[str, Any]]:
    """Read the excerpts of the model in `folder`, print what is found, draw it into `out`, and return rows.

    `out` appears when all is done; a folder that cannot be taken is refused before anything is read.
    """
    with replacing_folder(out) as made:
        return _show(folder, made, console)


def _show(folder: Path, made: Path, console: Console) -> list[dict[str, Any]]:
    from emgasr.classifiers.head import DiscriminantHead
    from emgasr.classifiers.unseen import read_unseen, taught, unseen_people
    from emgasr.evaluation.results import ALL
    from emgasr.models.folder import load_recognizer

    recognizer = load_recognizer(folder)
    head = DiscriminantHead.load(folder, recognizer)
    people = list(unseen_people(folder, recognizer))
    seconds = people[0].repetition.duration_s
    console.print(
        f"Real signals of a Myo armband on the forearms of {len(people)} people"
        f" ({', '.join(person.subject for person in people)}), 8 electrodes at 200 Hz. Nobody of them was in training."
        f" First they are read as they are, then after one repetition of each gesture ({seconds:.0f} s).\n",
        soft_wrap=True,
    )
    readings: dict[str, list[Reading]] = {BEFORE: [], AFTER: []}
    for person in people:
        readings[BEFORE].append(read_unseen(recognizer, person))
        readings[AFTER].append(read_unseen(taught(recognizer, head, person), person))
        _print_person(person.subject, {when: own[-1] for when, own in readings.items()}, console)
    alone = [
        _found(person.subject, when, own[place : place + 1])
        for place, person in enumerate(people)
        for when, own in readings.items()
    ]
    found = [*alone, *(_found(ALL, when, own) for when, own in readings.items())]
    console.print(_table(found))
    _draw(readings, made, console)
    return [one.as_dict() for one in found]


def _print_person(subject: str, readings: dict[str, Reading], console: Console) -> None:
    console.print(subject, style="bold")
    for when, reading in readings.items():
        read = [
            one.label if one.guess == one.label else f"{one.label} (read: {one.guess})"
            for one in reading.activity.executions
        ]
        console.print(f"  {when}: {'; '.join(read)}", soft_wrap=True)


class _Found(NamedTuple):
    """What is right of one person, or of all, before or after their repetition."""

    subject: str
    when: str
    together: Together
    heard_s: float

    @property
    def rest_s(self) -> float:
        return round(60 * self.together.rest_minutes, 1)

    def as_dict(self) -> dict[str, Any]:
        seconds = {"rest_seconds": self.rest_s, "unlabelled_seconds": round(self.heard_s, 1)}
        return {"subject": self.subject, "when": self.when, **self.together.as_dict(), **seconds}


def _found(subject: str, when: str, readings: Sequence[Reading]) -> _Found:
    from emgasr.evaluation.executions import together

    figures = together(reading.activity for reading in readings)
    if figures is None:
        raise ModelError("--model", "reads no gestures", "give one that recipes/armbands/package.py wrote")
    return _Found(subject, when, figures, sum(reading.heard_s for reading in readings))


def _table(found: Sequence[_Found]) -> Table:
    from emgasr.display.console import columns_of

    table = columns_of("person", "", "gestures right", "windows right", "false at rest", left=2)
    for one in found:
        row = one.together
        right = f"{row.right} of {row.executions} ({100 * row.execution:.0f} %)"
        windows = "" if row.window is None else f"{100 * row.window:.0f} %"
        false = "" if row.false_activations is None else f"{row.false_activations} in {one.rest_s:g} s"
        table.add_row(one.subject, one.when, right, windows, false)
    return table


def _draw(readings: Mapping[str, Sequence[Reading]], folder: Path, console: Console) -> None:
    from emgasr.display.pictures import missing
    from emgasr.evaluation.label_matrix import draw_matrix

    if told := missing():
        console.print(told)
        return
    for when, name in ((BEFORE, "before.png"), (AFTER, "after.png")):
        counts: Counter[tuple[str | None, str | None]] = Counter()
        for reading in readings[when]:
            counts.update(reading.confusions)
        (folder / name).write_bytes(draw_matrix(counts))
