"""The table of takes: written as the reader of takes reads it, never over another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora import scan
from emgasr.errors import OutputError
from emgasr.manifests.manifest import Findings
from emgasr.quickstart.takes import Take, contradiction, meant, oddities, overview, read_takes, write_table


def write(folder: Path, labels: str = "ab", count: int = 5) -> list[Take]:
    found = []
    for label in labels:
        for number in range(count):
            name = f"{label},{number}.npy"
            np.save(folder / name, np.random.default_rng(number).normal(0, 9, (40, 2)))
            found.append(Take.of(name, {"label": label, "take": str(number)}, "me", "1", 200.0, "mV"))
    return found


def test_the_table_is_read_by_the_reader_of_takes(tmp_path: Path) -> None:
    takes = write(tmp_path)
    write_table(takes, tmp_path, overwrite=False)
    entries = scan(tmp_path, "takes", Findings())
    assert [(entry.text, entry.subject, entry.session, entry.rate_hz) for entry in entries] == [
        (take.label, "me", "1", 200.0) for take in takes
    ]
    assert {entry.options["unit"] for entry in entries} == {"mV"}
    assert [(take.file, take.unit) for take in read_takes(tmp_path)] == [(take.file, "mV") for take in takes]


def test_a_table_that_is_there_is_kept(tmp_path: Path) -> None:
    takes = write(tmp_path)
    (tmp_path / "metadata.csv").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write_table(takes, tmp_path, overwrite=False)
    assert (tmp_path / "metadata.csv").read_text() == "mine"
    write_table(takes, tmp_path, overwrite=True)
    assert len(read_takes(tmp_path)) == 10


def test_what_the_name_says_goes_before_what_is_said_of_all() -> None:
    take = Take.of("x.npy", {"label": "a", "session": "s2", "phase": "loud"}, "me", "", 200.0, "uV")
    assert (take.session, take.subject, take.more) == ("s2", "me", {"phase": "loud"})


def test_options_that_say_otherwise_than_the_table_are_told() -> None:
    take = Take("x.npy", "a", "me", "1", 200.0, "uV")
    assert contradiction([take], {"subject": "me", "rate": 200.0, "unit": None}, {"x.npy": {"label": "a"}}) == ""
    assert contradiction([take], {"rate": 250.0}, {}) == "says rate 200.0 of x.npy, the options 250.0"
    assert "label a" in contradiction([take], {}, {"x.npy": {"label": "b"}})


def test_labels_of_few_takes_and_sessions_without_some_are_told() -> None:
    takes = [Take(f"a{n}", "a", "me", "1", 200.0) for n in range(5)] + [Take("b", "b", "me", "2", 200.0)]
    few, lacking = oddities(takes)
    assert "1 label with fewer than 5 takes: 'b' (1)" in few
    assert "2 sessions without takes of some labels: 1, 2" in lacking
    assert overview(takes) == "6 takes: 2 labels of 1 to 5 takes; people: me; 2 sessions: 1, 2"


def test_rest_is_no_label_to_read_unless_it_is_wished() -> None:
    takes = [Take(f"{label}{n}", label, "me", "1", 200.0) for label in ("a", "b", "Rest") for n in range(5)]
    assert meant(takes) == ["a", "b"]
    assert oddities(takes) == ["rest, in which nothing is meant: Rest (else --rest)"]
    assert meant(takes, ()) == ["Rest", "a", "b"]
    assert meant(takes, ("B",)) == ["Rest", "a"]
