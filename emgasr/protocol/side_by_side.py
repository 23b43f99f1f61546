"""Results over people in; Markdown tables of figures shown together, of sessions and of pairs of systems out."""

from __future__ import annotations

from collections.abc import Sequence

from emgasr.display.visible import markdown_text
from emgasr.evaluation.executions import ACTIVATED, BALANCED, EXECUTION, FALSE_ACTIVATIONS, WINDOW
from emgasr.protocol.config import NONE
from emgasr.protocol.results import Cell, Pair, PeopleFigure, PeopleResult, PersonResult
from emgasr.protocol.tables import over_people

TITLES = {
    WINDOW: "right a window",
    EXECUTION: "right an execution",
    BALANCED: "right an execution, labels alike",
    ACTIVATED: "executions that activate their label",
    FALSE_ACTIVATIONS: "false activations a minute of rest",
}
NOTE = (
    "A window is a decision every 100 ms of an execution, an execution the forced choice of all of its frames, both "
    "among the labels alone. A label is active where its probability over 300 ms is above one half on the mean; a "
    "false activation is one that begins in rest. Means over people, 95 % intervals over people, worst person."
)


def amount_of(cell: Cell) -> str:
    """Return how much a model adapted to, as a table shows it."""
    return markdown_text(cell.amount) if cell.amount else f"{cell.minutes:g}"


def side_by_side(rows: Sequence[PeopleResult]) -> list[str]:
    """Return the table of windows, executions and rest, and a blank line; nothing where no row has an execution."""
    rows = [row for row in rows if EXECUTION in row.figures]
    if not rows:
        return []
    head = ["system", "method", "minutes", "people", *TITLES.values()]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        place = [markdown_text(row.cell.system), markdown_text(row.cell.method), amount_of(row.cell), str(row.people)]
        lines.append([*place, *(_cell(name, row.figures.get(name)) for name in TITLES)])
    return ["### Windows, executions and rest", "", *_lines(lines), "", NOTE, ""]


def by_session(results: Sequence[PersonResult]) -> list[str]:
    """Return the same table for each session that people were tested in, where there are several; else nothing."""
    found: list[PersonResult] = []
    for result in results:
        parts = result.row.get("by_session") or []
        if len(parts) > 1:
            place = result.cell.as_dict() | {"subject": result.subject}
            for part in parts:
                row = place | dict(part) | {"sessions": f"session {part['session']}"}
                found.append(PersonResult.of(row))
    rows = [row for row in over_people(found) if EXECUTION in row.figures] if found else []
    lines = []
    for name, session in dict.fromkeys((row.cell.list_name, row.cell.sessions) for row in rows):
        chosen = [row for row in rows if (row.cell.list_name, row.cell.sessions) == (name, session)]
        lines += [f"## {markdown_text(f'{name}: {session}')}", "", *side_by_side(chosen)]
    return lines


def pairs_table(pairs: Sequence[Pair]) -> list[str]:
    """Return the table of differences between systems."""
    lines = [
        ["list", "method", "minutes", "figure", "first − second", "mean difference", "people", "Wilcoxon p"],
        ["---"] * 8,
    ]
    for pair in pairs:
        cell = pair.cell
        if cell.sessions == "all" and len({p.cell.sessions for p in pairs}) > 1 and cell.method != NONE:
            continue
        which = markdown_text(f"{cell.list_name} ({cell.sessions})")
        systems = f"{markdown_text(pair.first)} − {markdown_text(pair.second)}"
        scale = 1 if pair.figure == FALSE_ACTIVATIONS else 100
        place = [which, markdown_text(cell.method), amount_of(cell), TITLES.get(pair.figure, pair.figure), systems]
        lines.append([*place, f"{scale * pair.mean_difference:+.2f}", str(pair.people), f"{pair.wilcoxon_p:.3g}"])
    note = "Signed-rank test over people, two-sided, not corrected for the number of comparisons."
    return [*_lines(lines), "", note]


def _cell(name: str, figure: PeopleFigure | None) -> str:
    """Return one figure: mean, spread, interval and the worst person."""
    if figure is None:
        return "–"
    scale, unit = (1, "") if name == FALSE_ACTIVATIONS else (100, " %")
    text = f"{scale * figure.mean:.1f}{unit} ± {scale * figure.population_std:.1f}"
    if figure.interval is not None:
        low, high = figure.interval
        text += f" ({scale * low:.1f}–{scale * high:.1f})"
    return f"{text}; {scale * figure.worst:.1f} {markdown_text(figure.worst_subject)}"


def _lines(cells: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in cells]
