"""Rows of a protocol's people in; results.json, RESULTS.md, the recovery curve and the models' cards out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.display.pictures import label, missing, plain, png
from emgasr.display.visible import markdown_code, markdown_text
from emgasr.errors import OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.protocol.plan import RUN_NAME
from emgasr.protocol.tables import Row, between_systems, curves, minutes_to, minutes_told, over_people

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULTS_NAME, TEXT_NAME, CURVE_NAME = "results.json", "RESULTS.md", "curve.png"
SECTION = "\n## On people held out\n"
NAMES = {"accuracy": "accuracy", "cer_greedy": "error rate, greedy", "cer_lm": "error rate, LM"}
HIGHEST_PERCENT = 110.0  # drawn: what writes many more keys than were pressed would flatten the others
# What a report tells of run.json, and of the rule in it.
FACTS = {"command": str, "emgasr": str, "splits_sha256": str, "recordings_sha256": str, "seeds": list, "rule": dict}
RULE_FACTS = {"rule": str, "seed": int}
RULES = {
    "leave-one-subject-out": "each person once held out, all others trained on (and validated on, where drawn for it)",
    "groups": "each group of people once held out",
    "within-subject": "each person trained on and tested, on other sessions or other times of a session",
    "official": "the splits that the recordings' manifest names",
}


def write_report(
    root: Path, rows: Sequence[Row], title: str, target: float = 0.10, published: str = "", seconds: float | None = None
) -> list[Row]:
    """Write all of it into `root`; return the table over people. `published` is Markdown of figures from elsewhere."""
    run = read_run(root)
    table = over_people(rows)
    pairs, reached = between_systems(rows), minutes_to(rows, target)
    content = {
        "rows": [*table, *rows],
        "pairs": pairs,
        "minutes_to_target": reached,
        "splits_sha256": run["splits_sha256"],
        "seeds": run["seeds"],
        "command": run["command"],
    }
    with replacing(root / RESULTS_NAME) as path:
        path.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")
    drawn = draw_curves(rows, target, root / CURVE_NAME)
    text = render(run, rows, table, pairs, reached, title, published, drawn, seconds)
    with replacing(root / TEXT_NAME) as path:
        path.write_text(text, encoding="utf-8")
    _write_cards(root, rows, run)
    return table


def read_run(root: Path) -> dict[str, Any]:
    """What run.json says of how a protocol was run; an OutputError if there is none."""
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
    rows: Sequence[Row],
    table: Sequence[Row],
    pairs: Sequence[Row],
    reached: Sequence[Row],
    title: str,
    published: str,
    drawn: bool,
    seconds: float | None,
) -> str:
    """RESULTS.md: how it was made, the tables, and beside them what others published."""
    trained = [row for row in table if "train_hours" in row]
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
    for name, sessions in dict.fromkeys((row["list"], row["sessions"]) for row in table):
        chosen = [row for row in table if (row["list"], row["sessions"]) == (name, sessions)]
        which = "all sessions of the test people" if sessions == "all" else "the test sessions"
        parts += [f"## {markdown_text(name)}: {which}", "", *_table(chosen), ""]
    if ladder := curves(rows):
        parts += ["## The ladder, of the people who have every step", "", *_ladder(ladder), ""]
    if pairs:
        parts += ["## Between systems", "", *_pairs(pairs), ""]
    if reached:
        told = f"## Minutes of calibration to an error rate of {100 * reached[0]['target']:g} %"
        lines = [
            f"- {markdown_text(', '.join((r['list'], r['system'], r['rung'])))}: {markdown_text(minutes_told(r))}"
            for r in reached
        ]
        parts += [told, "", *lines, ""]
    if drawn:
        parts += [f"![Error rate over minutes of calibration]({CURVE_NAME})", ""]
    if published:
        parts += ["## Published, not re-run here", "", published.strip(), ""]
    return "\n".join(parts)


def draw_curves(rows: Sequence[Row], target: float, path: Path) -> bool:
    """Draw the error rate over minutes of calibration, a panel a list and rung; False if there is nothing to draw.

    Nothing is drawn without matplotlib either (the `plot` extra).
    """
    found = {key: steps for key, steps in curves(rows).items() if any(n.startswith("cer_") for n in steps[0])}
    if not found or missing():
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(plain(lambda: png(_figure(found, target)))())
    return True


def _figure(found: Mapping[tuple[str, str, str], Sequence[Row]], target: float) -> Figure:
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((name, rung) for _, name, rung in found))
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(1 + 3.4 * columns, 3.2 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
    systems = list(dict.fromkeys(system for system, _, _ in found))
    for place, (name, rung) in zip(axes.flat, panels, strict=False):
        for number, system in enumerate(systems):
            if (system, name, rung) in found:
                _draw(place, found[system, name, rung], system, f"C{number}")
        place.axhline(100 * target, color="0.6", linewidth=0.8, linestyle=":")
        place.set_xscale("symlog", linthresh=0.5)
        ticks = sorted(
            {float(row["minutes"]) for (_, n, r), steps in found.items() for row in steps if (n, r) == (name, rung)}
        )
        place.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        place.minorticks_off()
        place.set_xlim(-0.05, 1.1 * ticks[-1])
        place.set_ylim(bottom=0)
        place.set_title(f"{label(name)}: {rung}", fontsize=9)
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


def _draw(place: Any, steps: Sequence[Row], system: str, color: str) -> None:
    figure = next(name for name in ("cer_lm", "cer_greedy") if name in steps[0])
    minutes = [float(row["minutes"]) for row in steps]
    rates = [100 * row[figure] for row in steps]
    place.plot(minutes, rates, marker="o", markersize=3, color=color, label=system, gid=system)
    if all(figure in row["intervals"] for row in steps):
        low, high = zip(*(row["intervals"][figure] for row in steps), strict=True)
        place.fill_between(
            minutes, [100 * x for x in low], [100 * x for x in high], color=color, alpha=0.15, linewidth=0
        )


def _table(rows: Sequence[Row]) -> list[str]:
    names = [name for name in NAMES if any(name in row for row in rows)]
    false = any("false_keys_per_minute_greedy" in row for row in rows)
    head = ["system", "rung", "minutes", "people"]
    for name in names:
        head += [NAMES[name], "95 % interval", "worst person"]
    head += ["false keys a minute at rest"] if false else []
    kept = any("base_kept" in row for row in rows)
    head += ["calibration of no use"] if kept else []
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [markdown_text(row["system"]), markdown_text(row["rung"]), f"{row['minutes']:g}", str(row["subjects"])]
        for name in names:
            if name not in row:
                cells += ["", "", ""]
                continue
            interval = "–".join(f"{100 * bound:.1f}" for bound in row["intervals"].get(name, ()))
            worst = f"{100 * row[f'{name}_worst']:.1f} % ({markdown_text(row[f'{name}_worst_subject'])})"
            cells += [f"{100 * row[name]:.2f} % ± {100 * row[f'{name}_population_std']:.2f}", interval, worst]
        if false:
            cells.append(f"{row['false_keys_per_minute_greedy']:.2f}" if "false_keys_per_minute_greedy" in row else "")
        if kept:
            cells.append(str(row["base_kept"]) if "base_kept" in row else "")
        lines.append(cells)
    note = "Mean over people, each counted once, ± population standard deviation; intervals resample people."
    note += " Of no use: people whose model stayed as it was (no better on what they held out, or no labels)." * kept
    return [f"| {' | '.join(cells)} |" for cells in lines] + ["", note]


def _ladder(ladder: Mapping[tuple[str, str, str], Sequence[Row]]) -> list[str]:
    """A line for each list, system and rung: the headline figure at every step, from no calibration on."""
    minutes = sorted({float(step["minutes"]) for steps in ladder.values() for step in steps})
    head = ["list", "system", "rung", "people", *(f"{m:g} min" for m in minutes)]
    lines = [head, ["---"] * len(head)]
    for (name, system, rung), steps in sorted(((n, s, r), steps) for (s, n, r), steps in ladder.items()):
        shown = {float(step["minutes"]): f"{100 * step[step['headline']]:.2f} %" for step in steps}
        lines.append(
            [*map(markdown_text, (name, system, rung)), str(steps[0]["subjects"]), *(shown.get(m, "") for m in minutes)]
        )
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _pairs(pairs: Sequence[Row]) -> list[str]:
    lines = [
        "| list | rung | minutes | first − second | mean difference | people | Wilcoxon p |",
        "|---|---|---|---|---|---|---|",
    ]
    for pair in pairs:
        if pair["sessions"] == "all" and len({p["sessions"] for p in pairs}) > 1 and pair["rung"] != "none":
            continue
        which = markdown_text(f"{pair['list']} ({pair['sessions']})")
        first, second = markdown_text(pair["first"]), markdown_text(pair["second"])
        lines.append(
            f"| {which} | {markdown_text(pair['rung'])} | {pair['minutes']:g} | {first} − {second} "
            f"| {100 * pair['mean_difference']:+.2f} | {pair['people']} | {pair['wilcoxon_p']:.3g} |"
        )
    note = "Signed-rank test over people, two-sided, not corrected for the number of comparisons."
    return [*lines, "", note]


def _write_cards(root: Path, rows: Sequence[Row], run: Mapping[str, Any]) -> None:
    """Say in each model's card how it reads the people whom it never saw."""
    for folder in sorted(root.glob("jobs/*/*/seed*/train/run/model")):
        system, fold, seed = folder.relative_to(root / "jobs").parts[:3]
        own = [r for r in rows if (r["system"], r.get("fold"), f"seed{r['seed']}") == (system, fold, seed)]
        table = over_people(own)
        if not table or not (folder / "README.md").is_file():
            continue
        text = (folder / "README.md").read_text(encoding="utf-8").partition(SECTION)[0].rstrip()
        people = markdown_text(", ".join(sorted({str(row["subject"]) for row in own})))
        facts = f"Fold {markdown_code(fold)} of the split file with checksum `{run['splits_sha256']}`, seed {seed[4:]}"
        facts += "; held out: "
        parts = [text, SECTION, f"{facts}{people}.", ""]
        plain = [row for row in table if row["rung"] == "none"]
        for name, sessions in dict.fromkeys((row["list"], row["sessions"]) for row in plain):
            chosen = [row for row in plain if (row["list"], row["sessions"]) == (name, sessions)]
            parts += [f"{markdown_text(name)}, {sessions} sessions, without calibration:", "", *_table(chosen), ""]
        parts.append(f"Made with {markdown_code(run['command'])}.\n")
        with replacing(folder / "README.md") as path:
            path.write_text("\n".join(parts), encoding="utf-8")
