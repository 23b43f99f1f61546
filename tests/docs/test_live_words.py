"""The tutorial from a folder of WAVs to live words: it runs as it is typed, from an empty folder, and reads words."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from emgasr.score import Counts, align
from tests.helpers.pages import blocks, commands, run_block
from tests.helpers.scripts import ROOT

PAGE = "docs/tutorials/live-words.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
WORDS = ("yes", "no", "help", "stop", "water", "home")
# Minutes that the process computes: a busy machine takes no steps away.
CLOCK = "fit: {clock: cpu, device: cpu}\n"


def test_the_page_starts_from_an_empty_folder_and_ends_in_a_stream() -> None:
    steps = [line for block in blocks(TEXT, PAGE) if block.mark == "tested" for line in commands(block.code)]
    assert "<!-- needs" not in TEXT
    assert steps[0].startswith("emgasr simulate-takes --out takes")
    assert steps[-1].startswith("emgasr stream ")
    (minutes,) = re.findall(r"--fit-minutes ([\d.]+)", " ".join(steps))
    assert float(minutes) <= 1  # all of it takes three minutes


@pytest.mark.slow
@pytest.mark.process
def test_the_page_runs_as_it_is_typed_and_most_live_words_are_right(tmp_path: Path) -> None:
    (tmp_path / "clock.yaml").write_text(CLOCK, encoding="utf-8")
    on_any_machine = [(r"--fit-minutes", "--config clock.yaml --fit-minutes")]
    printed = [run_block(block, tmp_path, {}, on_any_machine) for block in blocks(TEXT, PAGE) if block.mark == "tested"]
    assert "--config clock.yaml" in printed[1]  # among the commands that `new` prints
    with (tmp_path / "live" / "labels.csv").open(newline="", encoding="utf-8") as file:
        said = [row["label"] for row in csv.DictReader(file)]
    read = [word for word in re.findall(r"\w+", printed[-1]) if word in WORDS]
    assert len(said) == 3 * len(WORDS)
    assert Counts.of(align(said, read)).errors <= 0.5 * len(said)
    takes = re.findall(r"^== later/(\w+)_5_\d+\.wav\n(.*)$", printed[-2], re.M)
    assert len(takes) == 2 * len(WORDS)
    assert sum(text.split() == [word] for word, text in takes) >= 0.5 * len(takes)
    assert json.loads((tmp_path / "words" / "results" / "results.json").read_text(encoding="utf-8"))
