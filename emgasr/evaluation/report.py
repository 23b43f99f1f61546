"""Evaluations and their results in, one self-contained HTML page out: figures, people, confusions, examples."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from emgasr.display.pictures import missing
from emgasr.display.visible import visible
from emgasr.evaluation.evaluate import GREEDY, WITH_LM, Evaluation, Judged
from emgasr.evaluation.results import ACCURACY, CER, RATES, Result
from emgasr.files.output import replacing
from emgasr.score import Pairs, confusions, cut
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, SPACE
from emgasr.version import __version__

NAMES = {CER: "Raw keys", "cer_rendered": "Text, characters", "wer": "Text, words"}
EDITS = ("substitutions", "deletions", "insertions")
WAYS = {GREEDY: "greedy", WITH_LM: "with language model"}
EXAMPLES, EXAMPLE_KEYS, FREQUENT = 10, 72, 12
MATRIX_LABELS = 60  # a larger matrix could not be read
_SHOWN = {SPACE: "␣", BACKSPACE: "⌫", ENTER: "⏎", SHIFT: "⇧"}

Results = Sequence[tuple[Evaluation, Sequence[Result]]]  # with the results of `results_of`


def write_report(path: str | Path, results: Results, title: str) -> None:
    """Write report.html for evaluations, in the order to be read."""
    with replacing(path) as temporary:
        temporary.write_text(render_report(results, title), encoding="utf-8")


def render_report(results: Results, title: str) -> str:
    """Return the page; it loads nothing from elsewhere, and without matplotlib it says how to get the pictures."""
    assets = resources.files("emgasr") / "assets"
    page = _environment().from_string((assets / "report.html.j2").read_text(encoding="utf-8"))
    return page.render(
        title=title,
        style=Markup((assets / "report.css").read_text(encoding="utf-8")),
        summary=_summary(results),
        comparison=_comparison(results) if len(results) > 1 else None,
        views=[_View.of(evaluation, table) for evaluation, table in results],
        only_labels=all(evaluation.tokens.kind == "words" for evaluation, _ in results),
        version=__version__,
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def _environment() -> Environment:
    """Return where each text put into the page is `visible`, and no character of it is markup."""
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )


class _Figure(NamedTuple):
    value: float
    interval: tuple[float, float] | None = None


class _Sign(NamedTuple):
    """A symbol of an example; `kind` is right, or what is wrong with it."""

    kind: str
    shown: str
    truly: str = ""


@dataclass(frozen=True)
class _View:
    """One evaluation as the template shows it."""

    system: str
    result: Result
    raw: str
    ways: list[str]
    cards: list[dict[str, Any]]
    rates: list[tuple[str, list[_Figure | None]]]
    legend: list[tuple[str, str]]
    mean: Any
    people_names: list[str]
    people: list[dict[str, Any]]
    picture: dict[str, Any]
    frequent: list[dict[str, Any]]
    gap: str
    examples: list[dict[str, Any]]
    settings: list[tuple[str, str]]

    @staticmethod
    def of(evaluation: Evaluation, table: Sequence[Result]) -> _View:
        everybody, *single = table
        counts = confusions(
            [item.reference for item in evaluation.items],
            [item.readings[evaluation.ways[0]].symbols for item in evaluation.items],
        )
        best = evaluation.ways[-1]
        styles = {way: "best" if way == best else "" for way in evaluation.ways}
        columns = [
            name
            for name in [*((CER, way) for way in evaluation.ways), ("wer", best), (ACCURACY, "")]
            if any(_figure(result, *name) for result in single)
        ]
        return _View(
            evaluation.system,
            everybody,
            _raw(evaluation),
            [WAYS[way] for way in evaluation.ways],
            list(_cards(evaluation, everybody)),
            list(_rates(evaluation, everybody)),
            [(WAYS[way], style) for way, style in styles.items()],
            everybody.people.spreads.get(f"{CER}_{best}") if everybody.people else None,
            [_metric(*name, evaluation.tokens.kind) for name in columns],
            list(_people(single, styles, columns)),
            _picture(evaluation, counts),
            list(_frequent(counts)),
            _gap(evaluation),
            list(_examples(evaluation)),
            [(str(name), str(value)) for name, value in evaluation.settings.items()],
        )


def _summary(results: Results) -> str:
    evaluation, (everybody, *_) = results[-1]
    people = len(evaluation.subjects)
    symbols = "labels" if evaluation.tokens.kind == "words" else "keys"
    counted = f"{everybody.keys:,} {symbols} by {people} {'person' if people == 1 else 'people'}"
    split = ", ".join(dict.fromkeys(one.split for one, _ in results))
    return f"Split {split}: {counted}, in {everybody.items:,} recordings or stretches."


def _comparison(results: Results) -> dict[str, Any]:
    everybody = [table[0] for _, table in results]
    columns = [
        name
        for name in [*((rate, way) for rate in NAMES for way in WAYS), (ACCURACY, "")]
        if any(_figure(result, *name) for result in everybody)
    ]
    kind = results[-1][0].tokens.kind
    return {
        "names": [_metric(*name, kind) for name in columns],
        "lines": [(result.system, [_figure(result, *name) for name in columns]) for result in everybody],
    }


def _cards(evaluation: Evaluation, result: Result) -> Iterator[dict[str, Any]]:
    if result.accuracy is not None:
        single = {"name": "Single labels right", "figure": _Figure(result.accuracy), "greedy": None}
        yield {"kind": "accuracy", **single}
    way = evaluation.ways[-1]
    for rate, name in NAMES.items():
        if figure := _figure(result, rate, way):
            greedy = _figure(result, rate, GREEDY) if way == WITH_LM else None
            shown = {"name": _raw(evaluation) if rate == CER else name, "figure": figure, "greedy": greedy}
            yield {"kind": f"error rate, {WAYS[way]}", **shown}


def _rates(evaluation: Evaluation, result: Result) -> Iterator[tuple[str, list[_Figure | None]]]:
    for rate, name in NAMES.items():
        if _figure(result, rate, GREEDY) is None:
            continue
        shown = _raw(evaluation) if rate == CER else name
        yield f"{shown} (error rate)", [_figure(result, rate, way) for way in evaluation.ways]
        if rate == CER:
            for kind in EDITS:
                counts = [result.ways[way].rates[rate].counts for way in evaluation.ways]
                yield f"of these, {kind}", [_Figure(getattr(one, kind) / one.reference_length) for one in counts]


def _people(
    single: Sequence[Result], styles: Mapping[str, str], columns: Sequence[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    top = max([f.value for result in single for way in styles if (f := _figure(result, CER, way))] + [1e-9])
    for result in single:
        yield {
            "subject": result.subject,
            "bars": [
                (100 * figure.value / top, style)
                for way, style in styles.items()
                if (figure := _figure(result, CER, way))
            ],
            "figures": [(_figure(result, *name), name == (CER, result.headline)) for name in columns],
        }


def _frequent(counts: Mapping[tuple[Any, Any], int]) -> Iterator[dict[str, Any]]:
    pressed: dict[object, int] = {}
    for (true, _), count in counts.items():
        pressed[true] = pressed.get(true, 0) + count
    wrong = sorted(((n, pair) for pair, n in counts.items() if pair[0] != pair[1]), key=lambda x: (-x[0], str(x[1])))
    for count, (true, read) in wrong[:FREQUENT]:
        share = None if true is None else count / pressed[true]
        yield {"true": _key(true), "read": _key(read), "count": count, "share": share}


def _picture(evaluation: Evaluation, counts: Mapping[tuple[Any, Any], int]) -> dict[str, Any]:
    labels = {symbol for pair in counts for symbol in pair if symbol}
    as_matrix = evaluation.tokens.kind == "words"
    nothing = {"lacking": "", "light": "", "dark": "", "as_matrix": as_matrix}
    if evaluation.tokens.kind == "sentencepiece" or (as_matrix and len(labels) > MATRIX_LABELS):
        return nothing
    if lacking := missing():
        return nothing | {"lacking": lacking}
    from emgasr.evaluation.keyboard_map import draw_keyboard, draw_matrix

    draw = draw_matrix if as_matrix else draw_keyboard
    light, dark = (base64.b64encode(draw(counts, dark=dark)).decode() for dark in (False, True))
    return nothing | {"light": light, "dark": dark}


def _examples(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    stretches = [stretch for item in evaluation.items for stretch in _stretches(item, evaluation.ways)]
    full = [stretch for stretch in stretches if len(stretch.reference) >= EXAMPLE_KEYS // 4] or stretches
    full.sort(key=lambda stretch: (stretch.rate, stretch.name))
    count = min(EXAMPLES, len(full))
    for i in range(count):
        stretch = full[round(i * (len(full) - 1) / max(1, count - 1))]
        true = "true" if _gap(evaluation) else "typed"
        lines = [(true, [_Sign("right", _plain(symbol)) for symbol in stretch.reference])]
        for way, pairs in stretch.readings.items():
            lines.append(("with LM" if way == WITH_LM else way, [_sign(*pair) for pair in pairs]))
        yield {"name": stretch.name, "rate": stretch.rate, "lines": lines}


class _Stretch(NamedTuple):
    rate: float
    name: str
    reference: list[str]
    readings: dict[str, Pairs]


def _stretches(item: Judged, ways: Iterable[str]) -> Iterator[_Stretch]:
    """Cut an item after every EXAMPLE_KEYS symbols."""
    pieces = {way: cut(item.readings[way].pairs, EXAMPLE_KEYS) for way in ways}
    for i in range(-(-len(item.reference) // EXAMPLE_KEYS)):
        reference = list(item.reference[i * EXAMPLE_KEYS : (i + 1) * EXAMPLE_KEYS])
        readings = {way: found[i] for way, found in pieces.items()}
        wrong = sum(true != read for true, read in list(readings.values())[-1])
        name = f"{item.subject} · {Path(item.name).name}" + (f" · from key {i * EXAMPLE_KEYS + 1}" if i else "")
        yield _Stretch(wrong / len(reference), name, reference, readings)


def _figure(result: Result, name: str, way: str) -> _Figure | None:
    """Return a rate by one way, or ACCURACY, which has no way and no interval."""
    if name == ACCURACY:
        return None if result.accuracy is None else _Figure(result.accuracy)
    assert name in RATES
    rate = result.rate(name, way)
    return None if rate is None else _Figure(rate.value, rate.interval)


def _gap(evaluation: Evaluation) -> str:
    return " " if evaluation.tokens.kind == "words" else ""


def _raw(evaluation: Evaluation) -> str:
    names = {"words": "Labels", "characters": "Characters", "sentencepiece": "Pieces"}
    return names.get(evaluation.tokens.kind, NAMES[CER])


def _metric(name: str, way: str, kind: str) -> str:
    if name == ACCURACY:
        return "single labels right"
    short = {CER: "raw CER" if kind == "keystrokes" else "error rate", "cer_rendered": "text CER", "wer": "WER"}
    return f"{short[name]}, {'LM' if way == WITH_LM else way}"


def _key(symbol: object) -> str | None:
    return None if symbol is None else _SHOWN.get(str(symbol), str(symbol))


def _plain(symbol: object) -> str:
    return " " if symbol == SPACE else str(_key(symbol))


def _sign(true: object, read: object) -> _Sign:
    if true == read:
        return _Sign("right", _plain(true))
    if read is None:
        return _Sign("missed", str(_key(true)))
    if true is None:
        return _Sign("extra", str(_key(read)))
    return _Sign("replaced", str(_key(read)), str(_key(true)))
