"""Results of a protocol's people in; results.json, RESULTS.md, the recovery curve and the models' cards out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.display.pictures import label, missing, plain, png
from emgasr.display.visible import markdown_code, markdown_text
from emgasr.errors import OutputError
from emgasr.evaluation.evaluate import GREEDY, WITH_LM
from emgasr.evaluation.naming import ACCURACY
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.protocol.config import NONE
from emgasr.protocol.plan import RUN_NAME
from emgasr.protocol.results import Ladder, Pair, PeopleFigure, PeopleResult, PersonResult, Reached, of_symbols
from emgasr.protocol.side_by_side import amount_of, by_session, pairs_table, side_by_side
from emgasr.protocol.tables import between_systems, curves, minutes_to, over_people

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

RESULTS_NAME, TEXT_NAME, CURVE_NAME = "results.json", "RESULTS.md", "curve.png"
SECTION = "\n## On people held out\n"
HIGHEST_PERCENT = 110.0  # drawn: what writes many more keys than were pressed would flatten the others
# What a report needs of run.json, and of the rule in it.
FACTS = {"command": str, "emgasr": str, "splits_sha256": str, "recordings_sha256": str, "seeds": list, "rule": dict}
RULE_FACTS = {"rule": str, "seed": int}
FLICKER = (
    "Above 100 %: a system that decides window by window writes a label anew whenever its decision changes. The table "
    "above says how good it is."
)
RULES = {
    "leave-one-subject-out": "each person once held out, all others trained on (and validated on, where drawn for it)",
    "groups": "each group of people once held out",
    "within-subject": "each person trained on and tested, on other sessions or other times of a session",
    "official": "the splits that the recordings' manifest names",
}


def write_report(
    root: Path,
    results: Sequence[PersonResult],
    title: str,
    target: float = 0.10,
    published: str = "",
    seconds: float | None = None,
) -> list[PeopleResult]:
    """Write all of it into `root`; return the table over people.

    Args:
        root: the protocol's folder.
        results: of people, those of other systems too.
        title: of RESULTS.md.
        target: error rate that calibration is to reach.
        published: Markdown of figures from elsewhere.
        seconds: that all jobs took.
    """
    run = read_run(root)
    table = over_people(results)
    pairs, reached = between_systems(results), minutes_to(results, target)
    content = {
        "rows": [*(row.as_dict() for row in table), *(dict(result.row) for result in results)],
        "pairs": [pair.as_dict() for pair in pairs],
        "minutes_to_target": [one.as_dict() for one in reached],
        "splits_sha256": run["splits_sha256"],
        "seeds": run["seeds"],
        "command": run["command"],
    }
    with replacing(root / RESULTS_NAME) as path:
        path.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")
    drawn = draw_curves(results, target, root / CURVE_NAME)
    text = render(run, results, table, pairs, reached, title, published, drawn, seconds)
    with replacing(root / TEXT_NAME) as path:
        path.write_text(text, encoding="utf-8")
    _write_cards(root, results, run)
    return table


def read_run(root: Path) -> dict[str, Any]:
    """Return what run.json says of how a protocol was run; an OutputError if there is none."""
    if not (root / RUN_NAME).is_file():
        raise OutputError(root, f"is not the folder of a protocol ({RUN_NAME})", "run it first")
    path, advice = root / RUN_NAME, "run the protocol again"
    content = read_json(path, OutputError, advice)
    if not isinstance(content, dict):
        raise OutputError(path, "is no mapping", advice)
    wrong = [name for name, kind in FACTS.items() if type(content.get(name)) is not kind]
    if not wrong:
        wrong += [f"rule.{name}" for name, kind in RULE_FACTS.items() if type(content["rule"].get(name)) is not kind]
        wrong += ["seeds" for seed in content["seeds"] if type(seed) is not int]
    if wrong:
        raise OutputError(path, f"lacks or garbles {wrong[0]}", advice)
    return content


def render(
    run: Mapping[str, Any],
    results: Sequence[PersonResult],
    table: Sequence[PeopleResult],
    pairs: Sequence[Pair],
    reached: Sequence[Reached],
    title: str,
    published: str,
    drawn: bool,
    seconds: float | None,
) -> str:
    """Return RESULTS.md: how it was made, the tables, and beside them what others published."""
    trained = [row.training for row in table if "train_hours" in row.training]
    rule = run["rule"]
    facts = [
        ("command", markdown_code(run["command"])),
        ("protocol", markdown_text(f"{rule['rule']}: {RULES.get(rule['rule'], 'unknown')}")),
        ("splits", f"checksum `{run['splits_sha256']}`, seed {rule['seed']}"),
        ("recordings", f"checksum `{run['recordings_sha256']}`"),
        ("seeds of training", ", ".join(map(str, run["seeds"]))),
        ("emgasr", markdown_text(run["emgasr"])),
    ]
    if trained:
        facts.insert(
            5, ("training, a fold", f"{trained[0]['train_hours']:.2f} h of {trained[0]['train_people']} people")
        )
    if seconds is not None:
        facts.append(("time", f"{seconds / 3600:.2f} h of jobs, one after the other"))
    parts = [
        f"# {markdown_text(title)}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in facts),
        "",
    ]
    for name, sessions in dict.fromkeys((row.cell.list_name, row.cell.sessions) for row in table):
        chosen = [row for row in table if (row.cell.list_name, row.cell.sessions) == (name, sessions)]
        which = "all sessions of the test people" if sessions == "all" else "the test sessions"
        beside = side_by_side(chosen)
        written = ["### What is written, greedy", "", *([FLICKER, ""] if _flickers(chosen) else [])] if beside else []
        parts += [f"## {markdown_text(name)}: {which}", "", *beside, *written, *_table(chosen), ""]
    parts += by_session(results)
    if ladder := curves(results):
        parts += ["## The ladder, of the people who have every step", "", *_ladder(ladder), ""]
    if pairs:
        parts += ["## Between systems", "", *pairs_table(pairs), ""]
    if reached:
        parts += [f"## Minutes of calibration to an error rate of {100 * reached[0].target:g} %", ""]
        for one in reached:
            system, name, method = one.ladder
            parts.append(f"- {markdown_text(f'{name}, {system}, {method}')}: {markdown_text(one)}")
        parts.append("")
    if drawn:
        parts += [f"![Error rate over minutes of calibration]({CURVE_NAME})", ""]
    if published:
        parts += ["## Published, not re-run here", "", published.strip(), ""]
    return "\n".join(parts)


def _flickers(rows: Sequence[PeopleResult]) -> bool:
    """Whether more labels are put in than there are, as by a system that decides window by window."""
    return any(row.figures[name].mean > 1 for row in rows for name in of_symbols(row.naming) if name in row.figures)


def draw_curves(results: Sequence[PersonResult], target: float, path: Path) -> bool:
    """Draw the error rate over minutes of calibration, a panel a list and method; return whether there is a picture.

    There is none without error rates, or without matplotlib (the `plot` extra).
    """
    found = {
        ladder: steps
        for ladder, steps in curves(results).items()
        if any(name in steps[0].figures for name in of_symbols(steps[0].naming))
    }
    if not found or missing():
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(plain(lambda: png(_figure(found, target)))())
    return True


def _figure(found: Mapping[Ladder, Sequence[PeopleResult]], target: float) -> Picture:
    from matplotlib.figure import Figure as Picture

    panels = list(dict.fromkeys((name, method) for _, name, method in found))
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Picture(figsize=(1 + 3.4 * columns, 3.2 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
    systems = list(dict.fromkeys(system for system, _, _ in found))
    for place, (name, method) in zip(axes.flat, panels, strict=False):
        for number, system in enumerate(systems):
            if Ladder(system, name, method) in found:
                _draw(place, found[Ladder(system, name, method)], system, f"C{number}")
        place.axhline(100 * target, color="0.6", linewidth=0.8, linestyle=":")
        place.set_xscale("symlog", linthresh=0.5)
        ticks = sorted(
            {step.cell.minutes for (_, n, m), steps in found.items() for step in steps if (n, m) == (name, method)}
        )
        place.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        place.minorticks_off()
        place.set_xlim(-0.05, 1.1 * ticks[-1])
        place.set_ylim(bottom=0)
        place.set_title(f"{label(name)}: {method}", fontsize=9)
        place.set_xlabel("minutes of calibration")
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    cut = axes[0, 0].get_ylim()[1] > HIGHEST_PERCENT
    axes[0, 0].set_ylabel(f"mean error rate (%){', cut off above' if cut else ''}")
    if cut:
        axes[0, 0].set_ylim(top=HIGHEST_PERCENT)
    lines_of = {line.get_label(): line for place in axes.flat for line in place.get_lines() if line.get_gid()}
    # A legend passes over what begins with "_".
    names = [f" {label(name)}" if name.startswith("_") else label(name) for name in lines_of]
    figure.legend(lines_of.values(), names, fontsize=8, loc="outside right upper")
    return figure


def _draw(place: Any, steps: Sequence[PeopleResult], system: str, color: str) -> None:
    name = next(name for name in of_symbols(steps[0].naming) if name in steps[0].figures)
    minutes = [step.cell.minutes for step in steps]
    figures = [step.figures[name] for step in steps]
    place.plot(
        minutes,
        [100 * figure.mean for figure in figures],
        marker="o",
        markersize=3,
        color=color,
        label=system,
        gid=system,
    )
    intervals = [figure.interval for figure in figures if figure.interval is not None]
    if len(intervals) == len(steps):
        low, high = zip(*intervals, strict=True)
        place.fill_between(
            minutes, [100 * x for x in low], [100 * x for x in high], color=color, alpha=0.15, linewidth=0
        )


def _table(rows: Sequence[PeopleResult]) -> list[str]:
    titles = _titles(rows)
    names = [name for name in titles if any(name in row.figures for row in rows)]
    false = {row.naming.plural for row in rows if row.naming is not None and GREEDY in row.false_symbols_per_minute}
    kept = any(row.base_kept is not None for row in rows)
    head = ["system", "method", "minutes", "people"]
    for name in names:
        head += [titles[name], "95 % interval", "worst person"]
    head += [f"false {' or '.join(sorted(false))} a minute at rest"] if false else []
    head += ["calibration of no use"] if kept else []
    heard = any(row.unlabelled is not None for row in rows)
    head += ["unlabelled seconds of the person"] if heard else []
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cell = row.cell
        cells = [markdown_text(cell.system), markdown_text(cell.method), amount_of(cell), str(row.people)]
        for name in names:
            cells += _cells(row.figures.get(name))
        if false:
            rate = row.false_symbols_per_minute.get(GREEDY)
            cells.append("" if rate is None else f"{rate:.2f}")
        if kept:
            cells.append("" if row.base_kept is None else str(row.base_kept))
        if heard:
            cells.append("" if row.unlabelled is None else row.unlabelled.figures)
        lines.append(cells)
    note = "Mean over people, each counted once, ± population standard deviation; intervals resample people."
    note += " Of no use: people whose model stayed as it was (no better on what they held out, or no labels)." * kept
    return [f"| {' | '.join(cells)} |" for cells in lines] + ["", note]


def _titles(rows: Sequence[PeopleResult]) -> dict[str, str]:
    """Return the figures of a table with their heads; raw keys and characters have an "error rate"."""
    titles = {ACCURACY: ACCURACY}
    for naming in dict.fromkeys(row.naming for row in rows if row.naming is not None):
        short = "error rate" if naming.rate == "cer" else naming.short
        for name in reversed(of_symbols(naming)):
            titles[name] = f"{short}, {'LM' if name.endswith(WITH_LM) else GREEDY}"
    return titles


def _cells(figure: PeopleFigure | None) -> list[str]:
    if figure is None:
        return ["", "", ""]
    interval = "–".join(f"{100 * bound:.1f}" for bound in figure.interval or ())
    worst = f"{100 * figure.worst:.1f} % ({markdown_text(figure.worst_subject)})"
    return [f"{100 * figure.mean:.2f} % ± {100 * figure.population_std:.2f}", interval, worst]


def _ladder(ladders: Mapping[Ladder, Sequence[PeopleResult]]) -> list[str]:
    """Return a line for each list, system and method: the headline figure at every step, from no calibration on."""
    minutes = sorted({step.cell.minutes for steps in ladders.values() for step in steps})
    head = ["list", "system", "method", "people", *(f"{m:g} min" for m in minutes)]
    lines = [head, ["---"] * len(head)]
    for (name, system, method), steps in sorted(((n, s, m), steps) for (s, n, m), steps in ladders.items()):
        shown = {step.cell.minutes: f"{100 * step.figures[step.headline].mean:.2f} %" for step in steps}
        place = [markdown_text(name), markdown_text(system), markdown_text(method)]
        lines.append([*place, str(steps[0].people), *(shown.get(m, "") for m in minutes)])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _write_cards(root: Path, results: Sequence[PersonResult], run: Mapping[str, Any]) -> None:
    """Say in each model's card how it reads the people whom it never saw."""
    for folder in sorted(root.glob("jobs/*/*/seed*/train/run/model")):
        system, fold, seed = folder.relative_to(root / "jobs").parts[:3]
        own = [
            r for r in results if (r.cell.system, r.row.get("fold"), f"seed{r.row.get('seed')}") == (system, fold, seed)
        ]
        table = over_people(own)
        if not table or not (folder / "README.md").is_file():
            continue
        text = (folder / "README.md").read_text(encoding="utf-8").partition(SECTION)[0].rstrip()
        people = markdown_text(", ".join(sorted({result.subject for result in own})))
        facts = f"Fold {markdown_code(fold)} of the split file with checksum `{run['splits_sha256']}`, seed {seed[4:]}"
        facts += "; held out: "
        parts = [text, SECTION, f"{facts}{people}.", ""]
        unadapted = [row for row in table if row.cell.method == NONE]
        for name, sessions in dict.fromkeys((row.cell.list_name, row.cell.sessions) for row in unadapted):
            chosen = [row for row in unadapted if (row.cell.list_name, row.cell.sessions) == (name, sessions)]
            parts += [f"{markdown_text(name)}, {sessions} sessions, without calibration:", "", *_table(chosen), ""]
        parts.append(f"Made with {markdown_code(run['command'])}.\n")
        with replacing(folder / "README.md") as path:
            path.write_text("\n".join(parts), encoding="utf-8")
