"""An evaluation in; rows of error rates, results.json and hypotheses.jsonl out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.evaluation.evaluate import GREEDY, Evaluation, Judged, Reading
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.score import Counts, bootstrap_interval, per_subject, total

Row = dict[str, Any]

# name in a row -> the blocks of counts that it is the rate of
RATES: dict[str, Callable[[Reading], list[Counts]]] = {
    "cer": lambda reading: reading.keys,
    "cer_rendered": lambda reading: reading.characters,
    "wer": lambda reading: reading.words,
}


def rows(evaluation: Evaluation, **more: object) -> list[Row]:
    """Return a row of figures for "all", then one for each subject; `more` (train_minutes, parameters, …) joins each.

    Rates are fractions: `cer_*` over raw keys (or labels), `cer_rendered_*` and `wer_*` over the text after backspaces.
    `interval` is the 95 % bootstrap interval of the row's `interval_of`, over blocks of one prompt's worth of symbols:
    it speaks of these people, not of others. The row "all" adds the mean over subjects with the population and the
    sample standard deviation. `lexicon` tells its size and what it lacks of the references (`Coverage`), where the
    language model has one. `items_at_rest` tells of how many items nothing was to be read: what is read there counts
    as put in, and `keys_at_rest_*` says how much that is. What does not apply is left out.
    """
    start: Row = {"system": evaluation.system, "split": evaluation.split}
    by_subject = {
        subject: _figures(evaluation, [item for item in evaluation.items if item.subject == subject])
        for subject in evaluation.subjects
    }
    everybody = _figures(evaluation, evaluation.items) | _over_subjects(evaluation, list(by_subject.values()))
    return [
        start | {"subject": subject} | figures | {"seed": evaluation.seed} | more
        for subject, figures in [("all", everybody), *by_subject.items()]
    ]


def write_results(path: str | Path, table: Sequence[Row]) -> None:
    """Write rows as results.json, `{"rows": [...]}`; the old file stays if this fails."""
    with replacing(path) as temporary:
        temporary.write_text(as_json({"rows": list(table)}, indent=1) + "\n", encoding="utf-8")


def write_hypotheses(path: str | Path, evaluations: Iterable[Evaluation]) -> None:
    """Write hypotheses.jsonl, one item a line: reference, and for each reading text, keys, times and confidences."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for evaluation in evaluations:
            for item in evaluation.items:
                file.write(as_json(_line(evaluation, item)) + "\n")


def _figures(evaluation: Evaluation, items: Sequence[Judged]) -> Row:
    row: Row = {}
    intervals: dict[str, tuple[float, float]] = {}
    still = [item for item in items if item.at_rest]
    labelled = [item for item in items if not item.at_rest]
    single = bool(labelled) and all(len(item.reference) == 1 for item in labelled)
    rest_minutes = sum(item.rest_minutes for item in items)
    for way in evaluation.ways:
        readings = [item.readings[way] for item in items]
        for name in _rates_of(evaluation):
            parts = [block for reading in readings for block in RATES[name](reading)]
            whole = total(parts)
            if not whole.reference_length:
                continue
            row[f"{name}_{way}"] = whole.rate
            intervals[f"{name}_{way}"] = bootstrap_interval(parts, seed=evaluation.seed)
            if name == "cer":
                row[f"substitutions_{way}"] = whole.substitutions / whole.reference_length
                row[f"insertions_{way}"] = whole.insertions / whole.reference_length
                row[f"deletions_{way}"] = whole.deletions / whole.reference_length
        if still:
            row[f"keys_at_rest_{way}"] = sum(len(item.readings[way].symbols) for item in still)
        if rest_minutes:
            row[f"false_keys_per_minute_{way}"] = sum(r.false_keys for r in readings) / rest_minutes
    if single:
        row["accuracy"] = statistics.fmean((item.label,) == item.reference for item in labelled)
    headline = f"cer_{evaluation.ways[-1]}"
    if headline in intervals:
        row |= {"interval": list(intervals[headline]), "interval_of": headline}
    row["intervals"] = {name: list(interval) for name, interval in intervals.items()}
    row["keys"] = sum(len(item.reference) for item in items)
    row["items"] = len(items)
    if still:
        row["items_at_rest"] = len(still)
    if evaluation.word_model is not None:
        row["lexicon"] = evaluation.word_model.coverage(item.text for item in items).as_dict()
    known = set(evaluation.tokens.symbols)
    if unknown := sum(symbol not in known for item in items for symbol in item.reference):
        row["keys_unknown_to_the_model"] = unknown
    if rest_minutes:
        row["rest_minutes"] = rest_minutes
    delays = _delays_s(items)
    if len(delays):
        row["key_time_error_ms_median"] = 1e3 * float(np.median(np.abs(delays)))
    return row


def _rates_of(evaluation: Evaluation) -> Iterable[str]:
    """Rendered text says nothing new where each symbol is a whole word, such as the name of a gesture."""
    return ("cer",) if evaluation.tokens.kind == "words" else RATES


def _over_subjects(evaluation: Evaluation, figures: Sequence[Row]) -> Row:
    """The mean over people, each counted once; its interval resamples people, so it speaks of others like them."""
    row: Row = {"subjects": len(figures)}
    figures = [figure for figure in figures if figure["keys"]]  # who only rested has no rate
    if len(figures) < 2:
        return row
    for name in [f"{rate}_{way}" for rate in RATES for way in evaluation.ways] + ["accuracy"]:
        values = [value for figure in figures if isinstance(value := figure.get(name), float)]
        if len(values) == len(figures):
            row[f"{name}_subject_mean"] = statistics.fmean(values)
            row[f"{name}_population_std"] = statistics.pstdev(values)
            row[f"{name}_sample_std"] = statistics.stdev(values)
            row[f"{name}_worst_subject"] = min(values) if name == "accuracy" else max(values)
    way = evaluation.ways[-1]
    rated = {item.subject for item in evaluation.items if not item.at_rest}
    people = [(total(i.readings[way].keys), i.subject) for i in evaluation.items if i.subject in rated]
    low, high = per_subject([c for c, _ in people], [s for _, s in people], seed=evaluation.seed).interval
    if np.isfinite((low, high)).all():
        row[f"cer_{way}_subject_mean_interval"] = [low, high]
    return row


def _delays_s(items: Sequence[Judged]) -> np.ndarray:
    """How long after its true time each rightly read key was placed, for the keys whose time is known."""
    delays = []
    for item in items:
        reading = item.readings[GREEDY]
        if item.times_s is None or reading.times_s is None:
            continue
        true_position = read_position = 0
        for true, read in reading.pairs:
            if true == read:
                delays.append(reading.times_s[read_position] - item.times_s[true_position])
            true_position += true is not None
            read_position += read is not None
    together = np.array(delays)
    return together[np.isfinite(together)]


def _line(evaluation: Evaluation, item: Judged) -> Row:
    line: Row = {
        "system": evaluation.system,
        "split": evaluation.split,
        "subject": item.subject,
        "name": item.name,
        "reference": item.text,
        "reference_keys": list(item.reference),
    }
    if item.times_s is not None and np.isfinite(item.times_s).all():
        line["reference_times_s"] = [round(float(time), 4) for time in item.times_s]
    if item.label is not None:
        line["label"] = item.label
    if item.notes:
        line["notes"] = list(item.notes)
    for way, reading in item.readings.items():
        line[way] = reading.text
        line[f"keys_{way}"] = list(reading.symbols)
        if reading.times_s is not None:
            line[f"times_s_{way}"] = [round(float(time), 4) for time in reading.times_s]
        line[f"confidences_{way}"] = [round(float(value), 4) for value in reading.hypothesis.confidences]
        line[f"cer_{way}"] = total(reading.keys).rate if item.reference else None
    return line
