"""Rows of figures, and the files that hold them."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emgasr.errors import OutputError
from emgasr.evaluation.evaluate import Evaluation, Item, evaluate
from emgasr.evaluation.report import write_report
from emgasr.evaluation.results import results_of, write_hypotheses, write_results
from emgasr.tokens import Tokens
from tests.helpers.known_emissions import KEYS, emissions_of


def rows(evaluation: Evaluation, **more: object) -> list[dict[str, Any]]:
    return [result.as_dict() for result in results_of(evaluation, **more)]


def two_people() -> Evaluation:
    items = [
        Item("a1", "ann", list("abcdefghij"), emissions_of("abcdefghij"), np.arange(10.0), np.arange(21) / 2 + 0.1),
        Item("b1", "bob", list("abcdefghij"), emissions_of("axcdfghijj")),
    ]
    return evaluate(items, KEYS, system="small", seed=3)


def test_rows_hold_corpus_and_people_with_both_standard_deviations() -> None:
    everybody, ann, bob = rows(two_people(), parameters=7)
    assert (everybody["subject"], ann["subject"], bob["subject"]) == ("all", "ann", "bob")
    assert (everybody["system"], everybody["split"], everybody["seed"], everybody["parameters"]) == (
        "small",
        "test",
        3,
        7,
    )
    assert (ann["cer_greedy"], bob["cer_greedy"]) == (0.0, 0.3)
    assert everybody["cer_greedy"] == pytest.approx(0.15)
    assert everybody["cer_greedy_subject_mean"] == pytest.approx(0.15)
    assert everybody["cer_greedy_population_std"] == pytest.approx(0.15)
    assert everybody["cer_greedy_sample_std"] == pytest.approx(0.15 * np.sqrt(2))
    assert everybody["cer_greedy_worst_subject"] == pytest.approx(0.3)
    assert bob["substitutions_greedy"] + bob["insertions_greedy"] + bob["deletions_greedy"] == pytest.approx(0.3)
    assert everybody["interval_of"] == "cer_greedy"
    assert everybody["interval"] == everybody["intervals"]["cer_greedy"]
    assert everybody["interval"][0] <= 0.15 <= everybody["interval"][1]
    assert "cer_lm" not in everybody
    assert "accuracy" not in everybody


def test_a_recording_at_rest_adds_what_is_put_in_to_the_errors_of_all() -> None:
    rest = Item("r", "ann", [], emissions_of("xy"), None, np.arange(30.0), [(0.0, 30.0)])
    typed = Item("a", "ann", list("abcdefghij"), emissions_of("abcdefghij"))
    evaluation = evaluate([rest, typed], KEYS)
    everybody, ann = rows(evaluation)
    assert everybody["cer_greedy"] == ann["cer_greedy"] == 0.2  # as sclite and jiwer: over the corpus's true symbols
    assert (everybody["insertions_greedy"], everybody["keys"]) == (0.2, 10)
    assert (everybody["items"], everybody["items_at_rest"], everybody["keys_at_rest_greedy"]) == (2, 1, 2)
    assert everybody["false_keys_per_minute_greedy"] == 4.0


def test_people_who_only_rested_have_no_rate_and_do_not_spoil_that_of_the_others() -> None:
    rest = Item("r", "zoe", [], emissions_of("xy"), None, np.arange(30.0), [(0.0, 30.0)])
    items = [
        Item("a", "ann", list("abcdefghij"), emissions_of("abcdefghij")),
        Item("b", "bob", list("abcdefghij"), emissions_of("axcdefghij")),
    ]
    everybody, _, _, zoe = rows(evaluate([*items, rest], KEYS))
    assert everybody["subjects"] == 3
    assert everybody["cer_greedy_subject_mean"] == pytest.approx(0.05)
    assert "cer_greedy" not in zoe
    assert zoe["keys_at_rest_greedy"] == 2


@pytest.mark.parametrize("read", ["", "xy"])
def test_a_split_of_nothing_but_rest_gives_what_is_put_in_a_minute(read: str, tmp_path: Path) -> None:
    rest = Item("r", "ann", [], emissions_of(read), None, np.arange(60.0), [(0.0, 60.0)])
    evaluation = evaluate([rest], KEYS)
    table = rows(evaluation)
    assert table[0]["false_keys_per_minute_greedy"] == table[0]["keys_at_rest_greedy"] == len(read)
    assert not any("cer" in name for name in table[0])
    write_results(tmp_path / "results.json", table)
    write_hypotheses(tmp_path / "hypotheses.jsonl", [evaluation])
    write_report(tmp_path / "report.html", [(evaluation, results_of(evaluation))], "rest")
    for name in ("results.json", "hypotheses.jsonl"):
        assert not {"NaN", "Infinity"} & set((tmp_path / name).read_text().replace(",", " ").split())
    assert json.loads((tmp_path / "hypotheses.jsonl").read_text())["cer_greedy"] is None


def test_key_times_are_compared_where_they_are_known() -> None:
    everybody, ann, bob = rows(two_people())
    assert ann["key_time_error_ms_median"] == pytest.approx(600)  # read in frame 2 i + 1, at i + 0.6 s
    assert "key_time_error_ms_median" not in bob
    assert everybody["key_time_error_ms_median"] == pytest.approx(600)


def test_single_labels_have_an_accuracy_and_no_rendered_text() -> None:
    words = Tokens.words(["fist", "open", "pinch"])
    read = [("fist", "fist"), ("open", "open"), ("pinch", "open"), ("open", "open")]
    items = [Item(f"{i}", "ann", [true], emissions_of([got], words)) for i, (true, got) in enumerate(read)]
    row = rows(evaluate(items, words))[0]
    assert row["accuracy"] == 0.75
    assert row["cer_greedy"] == 0.25
    assert not any(name.startswith(("wer", "cer_rendered")) for name in row)


def test_rows_are_the_same_for_the_same_seed() -> None:
    assert rows(two_people()) == rows(two_people())


def test_files_are_json_and_hold_what_was_read(tmp_path: Path) -> None:
    evaluation = two_people()
    write_results(tmp_path / "results.json", rows(evaluation))
    write_hypotheses(tmp_path / "hypotheses.jsonl", [evaluation])
    table = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["subject"] for row in table] == ["all", "ann", "bob"]
    lines = [json.loads(line) for line in (tmp_path / "hypotheses.jsonl").read_text().splitlines()]
    assert [line["greedy"] for line in lines] == ["abcdefghij", "axcdfghijj"]
    assert lines[0]["reference_times_s"] == list(range(10))
    assert len(lines[0]["times_s_greedy"]) == len(lines[0]["confidences_greedy"]) == 10
    assert lines[1]["cer_greedy"] == pytest.approx(0.3)


def test_a_full_disk_leaves_the_old_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_results(path, rows(two_people()))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
