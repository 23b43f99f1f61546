"""`emgasr demo --armband`: real muscles of people never seen; their gestures read, before and after a repetition."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.files.output import replacing_folder

if TYPE_CHECKING:
    from emgasr.classifiers.unseen import Reading
    from emgasr.display.console import Console

BEFORE, AFTER = "never heard before", "after one repetition"


def show(folder: Path, out: Path, console: Console) -> list[dict[str, Any]]:
    """Read the excerpts of the model in `folder`, print what is found, draw it into `out`, and return rows."""
    from emgasr.classifiers.head import DiscriminantHead
    from emgasr.classifiers.unseen import read_unseen, taught, unseen_people
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
    rows: list[dict[str, Any]] = []
    confusions: dict[str, Counter[tuple[str | None, str | None]]] = {BEFORE: Counter(), AFTER: Counter()}
    for person in people:
        readings = {BEFORE: read_unseen(recognizer, person)}
        readings[AFTER] = read_unseen(taught(recognizer, head, person), person)
        _print_person(person.subject, readings, console)
        for when, reading in readings.items():
            confusions[when].update(reading.confusions)
            rows.append(_row(person.subject, when, reading))
    console.print(_table(rows))
    with replacing_folder(out) as made:
        _draw(confusions, made, console)
    return rows


def _print_person(subject: str, readings: dict[str, Reading], console: Console) -> None:
    console.print(f"[bold]{subject}[/]", markup=True)
    for when, reading in readings.items():
        read = [
            one.label if one.guess == one.label else f"{one.label} (read: {one.guess})"
            for one in reading.activity.executions
        ]
        console.print(f"  {when}: {'; '.join(read)}", soft_wrap=True)


def _row(subject: str, when: str, reading: Reading) -> dict[str, Any]:
    executions = reading.activity.executions
    windows = sum(one.windows for one in executions)
    rest = reading.activity.rest_minutes
    return {
        "subject": subject,
        "when": when,
        "executions": len(executions),
        "right": reading.right,
        "window_accuracy": sum(one.windows_right for one in executions) / windows if windows else None,
        "false_activations": reading.activity.false_activations,
        "rest_seconds": round(60 * rest, 1),
        "unlabelled_seconds": round(reading.heard_s, 1),
    }


def _table(rows: list[dict[str, Any]]) -> Any:
    from emgasr.display.console import columns_of

    table = columns_of("person", "", "gestures right", "windows right", "false at rest", left=2)
    for row in rows:
        windows = "" if row["window_accuracy"] is None else f"{100 * row['window_accuracy']:.0f} %"
        false = f"{row['false_activations']} in {row['rest_seconds']:g} s"
        table.add_row(row["subject"], row["when"], f"{row['right']} of {row['executions']}", windows, false)
    for when in (BEFORE, AFTER):
        own = [row for row in rows if row["when"] == when]
        right, count = sum(row["right"] for row in own), sum(row["executions"] for row in own)
        false, rest = sum(row["false_activations"] for row in own), sum(row["rest_seconds"] for row in own)
        table.add_row("all", when, f"{right} of {count} ({100 * right / count:.0f} %)", "", f"{false} in {rest:g} s")
    return table


def _draw(confusions: dict[str, Counter[tuple[str | None, str | None]]], folder: Path, console: Console) -> None:
    from emgasr.display.pictures import missing
    from emgasr.evaluation.label_matrix import draw_matrix

    if told := missing():
        console.print(told)
        return
    for when, name in ((BEFORE, "before.png"), (AFTER, "after.png")):
        (folder / name).write_bytes(draw_matrix(dict(confusions[when])))
