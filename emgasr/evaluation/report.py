"""Evaluations and their rows in, one self-contained HTML page out: figures, people, confusions, examples."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from emgasr.display.pictures import missing
from emgasr.display.visible import html_text as escape
from emgasr.evaluation.evaluate import GREEDY, WITH_LM, Evaluation, Judged, Pairs
from emgasr.evaluation.results import Row
from emgasr.files.output import replacing
from emgasr.score import confusions
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, SPACE
from emgasr.version import __version__

NAMES = {"cer": "Raw keys", "cer_rendered": "Text, characters", "wer": "Text, words"}
WAYS = {GREEDY: "greedy", WITH_LM: "with language model"}
EXAMPLES, EXAMPLE_KEYS, FREQUENT = 10, 72, 12
MATRIX_LABELS = 60  # a larger matrix could not be read
_SHOWN = {SPACE: "␣", BACKSPACE: "⌫", ENTER: "⏎", SHIFT: "⇧"}


def write_report(path: str | Path, results: Sequence[tuple[Evaluation, Sequence[Row]]], title: str) -> None:
    """Write report.html for evaluations with their rows (`emgasr.evaluation.results.rows`), in the order to be read."""
    with replacing(path) as temporary:
        temporary.write_text(render_report(results, title), encoding="utf-8")


def render_report(results: Sequence[tuple[Evaluation, Sequence[Row]]], title: str) -> str:
    """Return the page; it loads nothing from elsewhere, and without matplotlib it says how to get the pictures."""
    style = (resources.files("emgasr") / "assets" / "report.css").read_text(encoding="utf-8")
    several = len(results) > 1
    body = "".join(_evaluation(evaluation, table, several) for evaluation, table in results)
    made = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<h1>{escape(title)}</h1>
<p class="faint">{_summary(results)}</p>
</header>
{_comparison(results) if several else ""}{body}{_how_to_read(results)}
<footer>Made by emgasr {__version__} on {escape(made)}.</footer>
</main>
</body>
</html>
"""


def _summary(results: Sequence[tuple[Evaluation, Sequence[Row]]]) -> str:
    everybody = results[-1][1][0]
    people = len(results[-1][0].subjects)
    symbols = "labels" if results[-1][0].tokens.kind == "words" else "keys"
    told = f"{everybody['keys']:,} {symbols} by {people} {'person' if people == 1 else 'people'}"
    split = ", ".join(dict.fromkeys(evaluation.split for evaluation, _ in results))
    return f"Split {escape(split)}: {told}, in {everybody['items']:,} recordings or stretches."


def _comparison(results: Sequence[tuple[Evaluation, Sequence[Row]]]) -> str:
    names = [
        f"{rate}_{way}" for rate in NAMES for way in WAYS if any(f"{rate}_{way}" in table[0] for _, table in results)
    ]
    names += [name for name in ("accuracy",) if any(name in table[0] for _, table in results)]
    kind = results[-1][0].tokens.kind
    head = "".join(f"<th>{escape(_metric(name, kind))}</th>" for name in names)
    lines = "".join(
        f"<tr><th>{escape(evaluation.system)}</th>{''.join(_cell(table[0], name) for name in names)}</tr>"
        for evaluation, table in results
    )
    return (
        "<section><h2>Side by side</h2><div class='card scroll'><table class='stacked'><thead><tr><th>System</th>"
        f"{head}</tr></thead><tbody>{lines}</tbody></table></div></section>"
    )


def _evaluation(evaluation: Evaluation, table: Sequence[Row], named: bool) -> str:
    parts = [_cards(evaluation, table[0]), _figures(evaluation, table[0])]
    if len(table) > 2:
        parts.append(_people(evaluation, table[1:], table[0]))
    parts += [_confusions(evaluation), _examples(evaluation), _settings(evaluation)]
    heading = f"<h2>{escape(evaluation.system)}</h2>" if named else ""
    return f"<section>{heading}{''.join(parts)}</section>"


def _cards(evaluation: Evaluation, row: Row) -> str:
    way = evaluation.ways[-1]
    shown = [(NAMES[rate] if rate != "cer" else _raw(evaluation), f"{rate}_{way}") for rate in NAMES]
    shown = [("Single labels right", "accuracy"), *shown] if "accuracy" in row else shown
    cards = []
    for name, key in shown:
        if key not in row:
            continue
        note = _interval(row, key)
        plain = key.removesuffix(WITH_LM) + GREEDY
        if key.endswith(WITH_LM) and plain in row:
            note += f"; greedy {_percent(row[plain])}"
        kind = "accuracy" if key == "accuracy" else f"error rate, {WAYS[way]}"
        cards.append(
            f"<div class='card'><div class='name'>{escape(name)}</div><div class='value'>{_percent(row[key])}</div>"
            f"<div class='note'>{escape(kind)}<br>{escape(note.removeprefix('; ')) or '&nbsp;'}</div></div>"
        )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _figures(evaluation: Evaluation, row: Row) -> str:
    head = "".join(f"<th>{escape(WAYS[way])}</th>" for way in evaluation.ways)
    lines = []
    kinds = [(rate, f"{name} (error rate)") for rate, name in NAMES.items()]
    kinds[0] = ("cer", f"{_raw(evaluation)} (error rate)")
    kinds += [(kind, f"of these, {kind}") for kind in ("substitutions", "deletions", "insertions")]
    order = [kinds[0], *kinds[3:], kinds[1], kinds[2]]
    for key, name in order:
        if f"{key}_{GREEDY}" in row:
            cells = "".join(_cell(row, f"{key}_{way}") for way in evaluation.ways)
            lines.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    if "rest_minutes" in row:
        cells = "".join(f"<td>{row[f'false_keys_per_minute_{way}']:.2f}</td>" for way in evaluation.ways)
        lines.append(f"<tr><th>False keys a minute, in {row['rest_minutes']:.1f} min of rest</th>{cells}</tr>")
    if "key_time_error_ms_median" in row:
        blank = "<td></td>" * (len(evaluation.ways) - 1)
        lines.append(
            f"<tr><th>Median error of a key's time</th><td>{row['key_time_error_ms_median']:.0f} ms</td>{blank}</tr>"
        )
    if "keys_unknown_to_the_model" in row:
        share = f"{row['keys_unknown_to_the_model']:,} of {row['keys']:,}"
        columns = len(evaluation.ways)
        lines.append(f"<tr><th>Keys that the model cannot write (errors)</th><td colspan='{columns}'>{share}</td></tr>")
    if evaluation.word_model is not None:
        told = f"{row['lexicon']['vocabulary']:,} words; {_percent(row['lexicon']['oov_rate'])}"
        columns = len(evaluation.ways)
        lines.append(
            f"<tr><th>Lexicon; words of the references that it lacks (OOV)</th><td colspan='{columns}'>{told}</td></tr>"
        )
    caption = "In brackets: 95 % bootstrap intervals over stretches of about 50 symbols (10 words), for these people."
    return (
        f"<h3>Figures</h3><div class='card scroll'><table><caption>{caption}</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _people(evaluation: Evaluation, people: Sequence[Row], everybody: Row) -> str:
    top = max([row.get(f"cer_{way}", 0) for row in people for way in evaluation.ways] + [1e-9])
    names = [f"cer_{way}" for way in evaluation.ways] + [f"wer_{evaluation.ways[-1]}", "accuracy"]
    names = [name for name in names if any(name in row for row in people)]
    head = "".join(f"<th>{escape(_metric(name, evaluation.tokens.kind))}</th>" for name in names)
    best = {way: "best" if way == evaluation.ways[-1] else "" for way in evaluation.ways}
    lines = []
    for row in people:
        bars = "".join(
            f"<span class='bar {best[way]}' style='width:{100 * row[f'cer_{way}'] / top:.1f}%'></span>"
            for way in evaluation.ways
            if f"cer_{way}" in row
        )
        cells = "".join(_cell(row, name, interval=name == row.get("interval_of")) for name in names)
        lines.append(f"<tr><th>{escape(str(row['subject']))}</th><td class='bars'>{bars}</td>{cells}</tr>")
    legend = "".join(f"<span class='key {best[way]}'></span>{WAYS[way]}" for way in evaluation.ways)
    key = f"cer_{evaluation.ways[-1]}"
    mean = ""
    if f"{key}_subject_mean" in everybody:
        mean = (
            f" Mean over people {_percent(everybody[f'{key}_subject_mean'])}"
            f" (standard deviation: population {_percent(everybody[f'{key}_population_std'])},"
            f" sample {_percent(everybody[f'{key}_sample_std'])}), {WAYS[evaluation.ways[-1]]}."
        )
    return (
        f"<h3>Person by person</h3><div class='card scroll'><table><caption>{legend}.{mean}</caption>"
        f"<thead><tr><th>Person</th><th class='left'>{escape(_raw(evaluation))}, error rate</th>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _confusions(evaluation: Evaluation) -> str:
    way = evaluation.ways[0]
    references = [item.reference for item in evaluation.items]
    counts = confusions(references, [item.readings[way].symbols for item in evaluation.items])
    pressed: dict[object, int] = {}
    for (true, _), count in counts.items():
        pressed[true] = pressed.get(true, 0) + count
    wrong = sorted(((n, pair) for pair, n in counts.items() if pair[0] != pair[1]), key=lambda x: (-x[0], str(x[1])))
    lines = "".join(
        f"<tr><td>{_key(true)}</td><td class='left'>{_key(read)}</td><td>{count:,}</td>"
        f"<td>{_percent(count / pressed[true]) if true is not None else ''}</td></tr>"
        for count, (true, read) in wrong[:FREQUENT]
    )
    listing = (
        "<h3>Most frequent errors</h3><div class='card scroll narrow'><table><thead><tr><th>True</th>"
        "<th class='left'>Read as</th><th>Times</th><th>Share of the true</th></tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
        if lines
        else ""
    )
    return f"<h3>Where errors fall ({WAYS[way]})</h3>{_picture(evaluation, counts)}{listing}"


def _picture(evaluation: Evaluation, counts: Mapping[tuple[Any, Any], int]) -> str:
    labels = {symbol for pair in counts for symbol in pair if symbol}
    as_matrix = evaluation.tokens.kind == "words"
    if evaluation.tokens.kind == "sentencepiece" or (as_matrix and len(labels) > MATRIX_LABELS):
        return ""
    if lacking := missing():
        return f"<p class='faint'>The picture {escape(lacking)}, then evaluate again.</p>"
    from emgasr.evaluation.keyboard_map import draw_keyboard, draw_matrix

    draw = draw_matrix if as_matrix else draw_keyboard
    light, dark = (base64.b64encode(draw(counts, dark=dark)).decode() for dark in (False, True))
    alternative = "Matrix of true and read labels" if as_matrix else "Keyboard colored by the error rate of each key"
    return (
        f"<figure class='card{' matrix' if as_matrix else ''}'><picture>"
        f"<source media='screen and (prefers-color-scheme: dark)' srcset='data:image/png;base64,{dark}'>"
        f"<img alt='{alternative}' src='data:image/png;base64,{light}'></picture></figure>"
    )


def _examples(evaluation: Evaluation) -> str:
    stretches = [stretch for item in evaluation.items for stretch in _stretches(item, evaluation.ways)]
    full = [stretch for stretch in stretches if len(stretch[2]) >= EXAMPLE_KEYS // 4] or stretches
    full.sort(key=lambda stretch: (stretch[0], stretch[1]))
    count = min(EXAMPLES, len(full))
    chosen = [full[round(i * (len(full) - 1) / max(1, count - 1))] for i in range(count)]
    gap = " " if evaluation.tokens.kind == "words" else ""
    blocks = []
    for rate, name, reference, readings in chosen:
        lines = [("typed" if gap == "" else "true", gap.join(escape(_plain(symbol)) for symbol in reference))]
        lines += [(way, gap.join(_marked(true, read) for true, read in pairs)) for way, pairs in readings.items()]
        told = "".join(
            f"<span class='way'>{escape('with LM' if way == WITH_LM else way)}</span><span class='text'>{text}</span>"
            for way, text in lines
        )
        who = f"{escape(name)} · {_percent(rate)} wrong"
        blocks.append(f"<div class='card example'><span class='who'>{who}</span>{told}</div>")
    marks = (
        "<span class='replaced'>replaced</span>, <span class='missed'>missed</span>, <span class='extra'>put in</span>"
    )
    return (
        f"<h3>Examples</h3><p class='faint'>Evenly spaced from the best stretch to the worst. Marked: {marks}.</p>"
        f"<div class='examples'>{''.join(blocks)}</div>"
    )


def _stretches(item: Judged, ways: Iterable[str]) -> list[tuple[float, str, list[str], dict[str, Pairs]]]:
    """Cut an item after every EXAMPLE_KEYS symbols: (error rate, name, reference, pairs of each way)."""
    cut = {way: _cut(item.readings[way].pairs) for way in ways}
    stretches = []
    for i in range(-(-len(item.reference) // EXAMPLE_KEYS)):
        reference = list(item.reference[i * EXAMPLE_KEYS : (i + 1) * EXAMPLE_KEYS])
        readings = {way: pieces[i] for way, pieces in cut.items()}
        wrong = sum(true != read for true, read in list(readings.values())[-1])
        name = f"{item.subject} · {Path(item.name).name}" + (f" · from key {i * EXAMPLE_KEYS + 1}" if i else "")
        stretches.append((wrong / len(reference), name, reference, readings))
    return stretches


def _cut(pairs: Pairs) -> list[Pairs]:
    pieces: list[Pairs] = [[]]
    seen = 0
    for pair in pairs:
        if pair[0] is not None and seen == EXAMPLE_KEYS:
            pieces.append([])
            seen = 0
        pieces[-1].append(pair)
        seen += pair[0] is not None
    return pieces


def _settings(evaluation: Evaluation) -> str:
    if not evaluation.settings:
        return ""
    lines = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in evaluation.settings.items()
    )
    return f"<h3>How it was made</h3><dl class='card'>{lines}</dl>"


def _how_to_read(results: Sequence[tuple[Evaluation, Sequence[Row]]]) -> str:
    if all(evaluation.tokens.kind == "words" for evaluation, _ in results):
        told = "Errors are labels replaced, missed or put in, per true label; a rate can pass 100 %."
    else:
        told = (
            "<b>Raw</b> rates compare keys as they were pressed, backspaces included, as published figures do."
            " <b>Text</b> rates compare what stands on the page after backspaces have done their work."
            " Errors are symbols replaced, missed or put in, per true symbol; a rate can pass 100 %."
        )
    return (
        f"<section><h2>How to read this</h2><p>{told} An interval over stretches says how far chance in these"
        " recordings reaches; how well an unseen person would be read is for the spread over people to say."
        " The weights of the language model come from validation recordings, never from this split.</p></section>"
    )


def _raw(evaluation: Evaluation) -> str:
    return {"words": "Labels", "characters": "Characters", "sentencepiece": "Pieces"}.get(
        evaluation.tokens.kind, NAMES["cer"]
    )


def _metric(name: str, kind: str) -> str:
    if name == "accuracy":
        return "single labels right"
    rate, _, way = name.rpartition("_")
    short = {"cer": "raw CER" if kind == "keystrokes" else "error rate", "cer_rendered": "text CER", "wer": "WER"}
    return f"{short[rate]}, {'LM' if way == WITH_LM else way}"


def _cell(row: Row, name: str, interval: bool = True) -> str:
    if name not in row:
        return "<td></td>"
    told = _interval(row, name).replace("95 % interval ", "") if interval else ""
    return f"<td>{_percent(row[name])}" + (f"<span class='interval'>({told})</span></td>" if told else "</td>")


def _interval(row: Row, name: str) -> str:
    intervals = row.get("intervals")
    if not isinstance(intervals, dict) or name not in intervals:
        return ""
    low, high = intervals[name]
    return f"95 % interval {100 * low:.1f}–{100 * high:.1f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _key(symbol: object) -> str:
    return "<span class='faint'>nothing</span>" if symbol is None else f"<kbd>{escape(_visible(symbol))}</kbd>"


def _plain(symbol: object) -> str:
    return " " if symbol == SPACE else _visible(symbol)


def _visible(symbol: object) -> str:
    return _SHOWN.get(str(symbol), str(symbol))


def _marked(true: object, read: object) -> str:
    if true == read:
        return escape(_plain(true))
    if read is None:
        return f"<span class='missed'>{escape(_visible(true))}</span>"
    if true is None:
        return f"<span class='extra'>{escape(_visible(read))}</span>"
    return f"<span class='replaced' title='truly {escape(_visible(true))}'>{escape(_visible(read))}</span>"
