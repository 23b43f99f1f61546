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
from emgasr.evaluation.evaluate import AT_POINT, GREEDY, WITH_LM, Evaluation, Judged
from emgasr.evaluation.mistakes import Mistakes, mistakes_of, most_frequent
from emgasr.evaluation.naming import ACCURACY, SHORT, Naming
from emgasr.evaluation.results import Result
from emgasr.files.output import replacing
from emgasr.score import Pairs, cut
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, SPACE
from emgasr.version import __version__

TEXT = {"cer_rendered": "Text, characters", "wer": "Text, words"}  # rates of what stands on the page
TEXT_SHORT = {"cer_rendered": "text CER", "wer": "WER"}
EDITS = ("substitutions", "deletions", "insertions")
WAYS = {GREEDY: "greedy", WITH_LM: "with language model", AT_POINT: "at the operating point"}
EXAMPLES, EXAMPLE_KEYS, FREQUENT = 10, 72, 12
KEYBOARD = "Keyboard colored by the error rate of each key"
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
        only_labels=all(evaluation.tokens.noun in ("word", "letter") for evaluation, _ in results),
        language=any(WITH_LM in evaluation.ways for evaluation, _ in results),
        isolated=any(table[0].accuracy is not None for _, table in results),
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
    naming: Naming
    ways: list[str]
    cards: list[dict[str, Any]]
    rates: list[tuple[str, list[_Figure | None]]]
    repeats: list[tuple[str, list[str]]]
    legend: list[tuple[str, str]]
    mean: Any
    people_names: list[str]
    people: list[dict[str, Any]]
    sessions: list[tuple[Result, list[_Figure | None]]]
    mistakes: list[dict[str, Any]]
    sure: dict[str, Any]
    gap: str
    single: bool
    chosen: str
    examples: list[dict[str, Any]]
    settings: list[tuple[str, str]]

    @staticmethod
    def of(evaluation: Evaluation, table: Sequence[Result]) -> _View:
        everybody, *single = table
        naming, best = everybody.naming, evaluation.ways[-1]
        styles = {way: "best" if way == best else "" for way in evaluation.ways}
        asked = [*((naming.rate, way) for way in evaluation.ways), ("wer", best), (ACCURACY, "")]
        columns = [name for name in dict.fromkeys(asked) if any(_figure(result, *name) for result in single)]
        several = [result for result in single if len(result.sessions) > 1]
        return _View(
            evaluation.system,
            everybody,
            naming,
            [WAYS[way] for way in evaluation.ways],
            list(_cards(evaluation, everybody)),
            list(_rates(evaluation, everybody)),
            list(_repeats(everybody)),
            [(WAYS[way], style) for way, style in styles.items()],
            everybody.people.spreads.get(f"{naming.rate}_{best}") if everybody.people else None,
            [_metric(*name, naming) for name in columns],
            list(_people(single, styles, columns)),
            [
                (session, [_figure(session, *name) for name in columns])
                for result in several
                for session in result.sessions
            ],
            [_errors(evaluation, mistakes) for mistakes in mistakes_of(evaluation)],
            _sure(everybody),
            _gap(evaluation),
            _single(evaluation),
            _chosen(evaluation),
            list(_examples(evaluation)),
            [(str(name), str(value)) for name, value in evaluation.settings.items()],
        )


def _summary(results: Results) -> str:
    evaluation, (everybody, *_) = results[-1]
    people = len(evaluation.subjects)
    counted = f"{everybody.symbols:,} {everybody.naming.plural} by {people} {'person' if people == 1 else 'people'}"
    split = ", ".join(dict.fromkeys(one.split for one, _ in results))
    return f"Split {split}: {counted}, in {everybody.items:,} recordings or stretches."


def _comparison(results: Results) -> dict[str, Any]:
    everybody = [table[0] for _, table in results]
    rates = dict.fromkeys([*(result.naming.rate for result in everybody), *TEXT])
    columns = [
        name
        for name in [*((rate, way) for rate in rates for way in WAYS), (ACCURACY, "")]
        if any(_figure(result, *name) for result in everybody)
    ]
    naming = everybody[-1].naming
    return {
        "names": [_metric(*name, naming) for name in columns],
        "lines": [(result.system, [_figure(result, *name) for name in columns]) for result in everybody],
    }


def _cards(evaluation: Evaluation, result: Result) -> Iterator[dict[str, Any]]:
    if result.accuracy is not None:
        name = f"Isolated {result.naming.plural} right"
        yield {"kind": f"accuracy of {result.accuracy.count:,} takes, by forced choice", "name": name} | {
            "figure": _figure(result, ACCURACY, ""),
            "greedy": None,
        }
    way = evaluation.ways[-1]
    for rate, name in _named_rates(result.naming):
        if figure := _figure(result, rate, way):
            greedy = _figure(result, rate, GREEDY) if way != GREEDY else None
            yield {"name": name, "kind": f"{_kind(result.naming, rate)}, {WAYS[way]}", "figure": figure} | {
                "greedy": greedy
            }


def _rates(evaluation: Evaluation, result: Result) -> Iterator[tuple[str, list[_Figure | None]]]:
    naming = result.naming
    for rate, name in _named_rates(naming):
        if _figure(result, rate, GREEDY) is None:
            continue
        yield f"{name} ({_kind(naming, rate)})", [_figure(result, rate, way) for way in evaluation.ways]
        if rate == naming.rate:
            for kind in EDITS:
                counts = [result.ways[way].rates[rate].counts for way in evaluation.ways]
                yield f"of these, {kind}", [_Figure(getattr(one, kind) / one.reference_length) for one in counts]


def _repeats(result: Result) -> Iterator[tuple[str, list[str]]]:
    """Yield a line for each figure of deletions and insertions beside an equal neighbor, a cell for each way."""
    found = [way.repeats for way in result.ways.values()]
    if any(repeats is None for repeats in found):
        return
    some = [repeats for repeats in found if repeats is not None]
    symbols = result.naming.plural.capitalize()
    yield f"{symbols} deleted beside an equal one", [_of(r.deleted_beside, r.beside) for r in some]
    yield f"{symbols} deleted elsewhere", [_of(r.deleted_elsewhere, r.elsewhere) for r in some]
    yield (
        "Share deleted beside an equal one, over that elsewhere",
        ["–" if r.ratio is None else f"{r.ratio:.2f}" for r in some],
    )
    yield (
        f"{symbols} inserted, and of these doubled",
        [f"{r.inserted_beside + r.inserted_elsewhere:.4g}; {r.inserted_beside:.4g}" for r in some],
    )


def _of(count: float, whole: int) -> str:
    share = f"{100 * count / whole:.1f} %, " if whole else ""
    return f"{share}{count:.4g} of {whole:,}"


def _people(
    single: Sequence[Result], styles: Mapping[str, str], columns: Sequence[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    rates = [f.value for r in single for way in styles if (f := _figure(r, r.naming.rate, way))]
    top = max([*rates, 1e-9])
    for result in single:
        rate = result.naming.rate
        yield {
            "subject": result.subject,
            "bars": [
                (100 * figure.value / top, style)
                for way, style in styles.items()
                if (figure := _figure(result, rate, way))
            ],
            "figures": [
                (_figure(result, *name), name in ((rate, result.headline), (ACCURACY, ""))) for name in columns
            ],
        }


def _errors(evaluation: Evaluation, mistakes: Mistakes) -> dict[str, Any]:
    """Return the picture and the table of one kind of mistakes, as the template shows them."""
    noun = evaluation.tokens.noun
    labels = {symbol for pair in mistakes.counts for symbol in pair if symbol}
    as_matrix = noun in ("word", "letter")
    shown: dict[str, Any] = {
        "title": f"Isolated {noun}s, by forced choice" if mistakes.forced else f"Where errors fall ({WAYS[GREEDY]})",
        "frequent": "Most frequent confusions" if mistakes.forced else "Most frequent errors",
        "mistakes": [
            {"true": _key(one.true), "read": _key(one.read), "count": one.count, "share": one.share}
            for one in most_frequent(mistakes.counts, FREQUENT)
        ],
        "as_matrix": as_matrix,
        "alternative": f"Matrix of true and read {noun}s" if as_matrix else KEYBOARD,
        "note": "",
        "lacking": "",
        "light": "",
        "dark": "",
    }
    if noun == "token":
        return shown
    if lacking := missing():
        return shown | {"lacking": lacking}
    from emgasr.evaluation.keyboard_map import draw_keyboard
    from emgasr.evaluation.label_matrix import MOST_LABELS, draw_matrix

    draw = draw_matrix if as_matrix else draw_keyboard
    light, dark = (base64.b64encode(draw(mistakes.counts, dark=dark)).decode() for dark in (False, True))
    if as_matrix and len(labels) > MOST_LABELS:
        shown["note"] = f"Shown are the {MOST_LABELS} {noun}s with the most errors, of {len(labels):,}."
    return shown | {"light": light, "dark": dark}


def _sure(result: Result) -> dict[str, Any]:
    """Return the table and the picture of how far confidences are to be believed, as the template shows them."""
    found = result.reliability
    lines = [
        (f"{level.capitalize()}s", kind, figures)
        for level, one in found.items()
        for kind, figures in (("before", one.before), ("calibrated", one.after))
        if figures is not None
    ]
    shown: dict[str, Any] = {"lines": lines, "lacking": missing(), "light": "", "dark": ""}
    if not lines or shown["lacking"]:
        return shown
    from emgasr.confidence.diagram import draw_reliability

    light, dark = (base64.b64encode(draw_reliability(found, dark)).decode() for dark in (False, True))
    return shown | {"light": light, "dark": dark}


def _single(evaluation: Evaluation) -> bool:
    """Return whether each item holds one label or none: of single takes only those with errors are worth a look."""
    return all(len(item.reference) <= 1 for item in evaluation.items)


def _chosen(evaluation: Evaluation) -> str:
    """Return how the examples were chosen."""
    if not _single(evaluation):
        return "Evenly spaced from the best stretch to the worst."
    takes = _of_items(evaluation)
    wrong = sum(take.rate > 0 for take in takes)
    shown = f", of which {EXAMPLES} are shown" if wrong > EXAMPLES else ""
    are = "is" if wrong == 1 else "are"
    way = WAYS[evaluation.ways[-1]]
    return f"{f'{wrong:,}' if wrong else 'None'} of {len(takes):,} takes {are} read with an error ({way}){shown}."


def _of_items(evaluation: Evaluation) -> list[_Stretch]:
    noun = evaluation.tokens.noun
    return [stretch for item in evaluation.items for stretch in _stretches(item, evaluation.ways, noun)]


def _examples(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    stretches = _of_items(evaluation)
    if _single(evaluation):
        full = [take for take in stretches if take.rate > 0]
    else:
        full = [stretch for stretch in stretches if len(stretch.reference) >= EXAMPLE_KEYS // 4] or stretches
    full.sort(key=lambda stretch: (stretch.rate, stretch.name))
    count = min(EXAMPLES, len(full))
    for i in range(count):
        stretch = full[round(i * (len(full) - 1) / max(1, count - 1))]
        true = "typed" if evaluation.tokens.noun == "key" else "true"
        lines = [(true, [_Sign("right", _plain(symbol)) for symbol in stretch.reference])]
        for way, pairs in stretch.readings.items():
            lines.append(("with LM" if way == WITH_LM else way, [_sign(*pair) for pair in pairs]))
        yield {"name": stretch.name, "rate": stretch.rate, "lines": lines}


class _Stretch(NamedTuple):
    rate: float
    name: str
    reference: list[str]
    readings: dict[str, Pairs]


def _stretches(item: Judged, ways: Iterable[str], noun: str) -> Iterator[_Stretch]:
    """Cut an item after every EXAMPLE_KEYS symbols."""
    pieces = {way: cut(item.readings[way].pairs, EXAMPLE_KEYS) for way in ways}
    for i in range(-(-len(item.reference) // EXAMPLE_KEYS)):
        reference = list(item.reference[i * EXAMPLE_KEYS : (i + 1) * EXAMPLE_KEYS])
        readings = {way: found[i] for way, found in pieces.items()}
        wrong = sum(true != read for true, read in list(readings.values())[-1])
        name = f"{item.subject} · {Path(item.name).name}" + (f" · from {noun} {i * EXAMPLE_KEYS + 1}" if i else "")
        yield _Stretch(wrong / len(reference), name, reference, readings)


def _figure(result: Result, name: str, way: str) -> _Figure | None:
    """Return a rate by one way, or ACCURACY, which has no way."""
    found = result.accuracy if name == ACCURACY else result.rate(name, way)
    return None if found is None else _Figure(found.value, found.interval)


def _gap(evaluation: Evaluation) -> str:
    return " " if evaluation.tokens.kind == "words" else ""


def _named_rates(naming: Naming) -> list[tuple[str, str]]:
    """Return the rates of a page with their headings: that of the symbols first."""
    return list(({naming.rate: naming.heading} | {k: v for k, v in TEXT.items() if k != naming.rate}).items())


def _kind(naming: Naming, rate: str) -> str:
    """Return what an error rate is called where its heading says of what."""
    return naming.short if rate == naming.rate and naming.noun in ("word", "letter") else "error rate"


def _metric(name: str, way: str, naming: Naming) -> str:
    if name == ACCURACY:
        return "accuracy, forced choice"
    short = naming.column if name == naming.rate else TEXT_SHORT.get(name) or SHORT[name]
    return f"{short}, {'LM' if way == WITH_LM else 'at the point' if way == AT_POINT else way}"


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
