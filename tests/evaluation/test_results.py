"""Rows of figures, and the files that hold them."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from emgasr.errors import OutputError
from emgasr.evaluation.evaluate import Evaluation, Item, evaluate
from emgasr.evaluation.report import write_report
from emgasr.evaluation.results import results_of, write_hypotheses, write_results
from emgasr.protocol.results import CELL
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


WORDS = Tokens.words(["fist", "open", "pinch"])
LETTERS = Tokens.characters("abcdefghijklmnopqrstuvwxyz")


def takes(*pairs: tuple[str, str], subject: str = "ann", session: str = "", tokens: Tokens = WORDS) -> list[Item]:
    """A take for each pair of a true and a read label."""
    return [
        Item(f"{subject}{session}{i}", subject, [true], emissions_of([read], tokens), session=session)
        for i, (true, read) in enumerate(pairs)
    ]


def test_words_have_a_word_error_rate_and_takes_of_one_an_accuracy_with_wilsons_interval() -> None:
    read = takes(("fist", "fist"), ("open", "open"), ("pinch", "open"), ("open", "open"))
    row = rows(evaluate(read, WORDS))[0]
    assert (row["accuracy"], row["isolated"], row["wer_greedy"], row["words"]) == (0.75, 4, 0.25, 4)
    wilson = binomtest(3, 4).proportion_ci(method="wilson")
    assert row["intervals"]["accuracy"] == pytest.approx(list(wilson))
    assert (row["interval_of"], row["interval"]) == ("accuracy", row["intervals"]["accuracy"])
    assert not any("cer" in name or "key" in name for name in row)


def test_strings_of_words_are_judged_by_their_error_rate_with_single_takes_beside() -> None:
    string = ["fist", "open", "fist", "pinch"]
    items = [*takes(("fist", "open")), Item("s", "ann", string, emissions_of(string, WORDS))]
    row = rows(evaluate(items, WORDS))[0]
    assert (row["accuracy"], row["isolated"], row["wer_greedy"], row["words"]) == (0.0, 1, 0.2, 5)
    assert row["interval_of"] == "wer_greedy"


def test_letters_have_a_letter_error_rate_and_text_with_spaces_a_character_error_rate() -> None:
    letters = rows(evaluate([Item("a", "ann", list("abc"), emissions_of("abd", LETTERS))], LETTERS))[0]
    assert letters["ler_greedy"] == pytest.approx(1 / 3)
    assert (letters["letters"], letters["wer_greedy"]) == (3, 1.0)
    assert not any("cer" in name or "key" in name for name in letters)
    text = Tokens.characters("abc ")
    spaced = rows(evaluate([Item("a", "ann", list("ab c"), emissions_of("ab b", text))], text))[0]
    assert (spaced["cer_greedy"], spaced["wer_greedy"], spaced["characters"]) == (0.25, 0.5, 4)


def test_each_session_of_a_person_has_its_figures() -> None:
    first = takes(("fist", "fist"), ("open", "open"), session="1")
    second = takes(("fist", "open"), ("open", "open"), session="2")
    everybody, ann, bob = rows(evaluate([*second, *first, *takes(("open", "open"), subject="bob")], WORDS))
    assert [(part["session"], part["accuracy"], part["words"]) for part in ann["by_session"]] == [
        ("1", 1.0, 2),
        ("2", 0.5, 2),
    ]
    assert not set(ann) & (set(CELL) - {"system", "seed"})  # a protocol's row says where it stands by these
    for part, right in zip(ann["by_session"], (2, 1), strict=True):
        wilson = binomtest(right, 2).proportion_ci(method="wilson")
        assert part["interval"] == pytest.approx(list(wilson))
    assert "by_session" not in everybody
    assert "by_session" not in bob  # nobody named them


def test_accuracies_of_people_have_a_mean_and_its_interval() -> None:
    both = [*takes(("fist", "fist")), *takes(("fist", "open"), ("open", "open"), subject="bob")]
    everybody = rows(evaluate(both, WORDS))[0]
    assert everybody["accuracy"] == pytest.approx(2 / 3)
    assert everybody["accuracy_subject_mean"] == 0.75
    assert everybody["accuracy_worst_subject"] == 0.5
    assert everybody["accuracy_subject_mean_interval"] == [0.5, 1.0]
    assert everybody["wer_greedy_subject_mean_interval"] == [0.0, 0.5]


def test_deletions_beside_an_equal_neighbor_are_told_from_those_elsewhere() -> None:
    true, read = ["fist", "fist", "open", "pinch", "open"], ["fist", "open", "open"]
    items = [Item("s", "ann", true, emissions_of(read, WORDS))]
    row = rows(evaluate(items, WORDS))[0]
    assert row["repeats_greedy"] == {
        "beside_equal": {"words": 2, "deleted": 1.0, "inserted": 0.0, "deleted_share": 0.5},
        "elsewhere": {"words": 3, "deleted": 1.0, "inserted": 0.0, "deleted_share": pytest.approx(1 / 3)},
        "ratio": pytest.approx(1.5),
    }
    assert "repeats_greedy" not in rows(evaluate(takes(("fist", "open")), WORDS))[0]


def test_rest_in_words_counts_words() -> None:
    rest = Item("r", "ann", [], emissions_of(["fist"], WORDS), None, np.arange(30.0), [(0.0, 30.0)])
    row = rows(evaluate([rest, *takes(("open", "open"))], WORDS))[0]
    assert (row["words_at_rest_greedy"], row["false_words_per_minute_greedy"]) == (1, 2.0)
    assert row["interval_of"] == "accuracy"


def test_lines_of_hypotheses_name_words(tmp_path: Path) -> None:
    evaluation = evaluate(takes(("fist", "open"), session="7"), WORDS)
    write_hypotheses(tmp_path / "hypotheses.jsonl", [evaluation])
    line = json.loads((tmp_path / "hypotheses.jsonl").read_text())
    assert (line["reference_words"], line["words_greedy"], line["wer_greedy"]) == (["fist"], ["open"], 1.0)
    assert (line["label"], line["session"]) == ("open", "7")


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
