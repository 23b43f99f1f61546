"""What a label becomes: one rule for every reader that has labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.corpora import open_entry, scan
from emgasr.corpora.kinds import REST, kind_of
from emgasr.data.compose import takes_from_recordings
from emgasr.manifests.manifest import Findings, Manifest, read_manifest, write_manifest
from tests.helpers.layouts import write_ninapro, write_uci
from tests.helpers.miniatures import write_spans, write_takes

NO_REST: list[str] = []


@pytest.mark.parametrize("label", ["rest", "Rest", " SILENCE ", "pause"])
def test_a_label_that_marks_rest_is_rest_whatever_the_others_are(label: str) -> None:
    assert kind_of(label, "gesture") == kind_of(label, "utterance") == "rest"
    assert kind_of(label, "gesture", ["nothing"]) == "gesture"
    assert kind_of("Nothing", "utterance", ["nothing"]) == "rest"
    assert kind_of("restful", "gesture") == "gesture"


def resting_takes(folder: Path) -> Path:
    write_takes(folder)
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace(",b,", ",Rest,"))
    return folder


LABELLED: dict[str, tuple[Callable[[Path], object], dict[str, object], str]] = {
    "takes": (resting_takes, {"unit": "counts"}, "utterance"),
    "spans": (write_spans, {}, "gesture"),
    "uci_gestures": (write_uci, {}, "gesture"),
    "ninapro": (write_ninapro, {}, "gesture"),
}


@pytest.mark.parametrize("corpus", LABELLED)
def test_rest_is_rest_in_every_reader_unless_it_is_to_be_a_label_like_others(tmp_path: Path, corpus: str) -> None:
    write, facts, kind = LABELLED[corpus]
    write(tmp_path)
    for options, expected in (({}, "rest"), ({"rest": REST}, "rest"), ({"rest": NO_REST}, kind)):
        entries = scan(tmp_path, corpus, Findings(), **facts, **options)
        write_manifest(Manifest(tuple(entries), tmp_path), tmp_path / "m.jsonl")
        manifest = read_manifest(tmp_path / "m.jsonl")
        kinds: dict[str, set[str]] = {}
        for entry in manifest.entries:
            spans = open_entry(entry, manifest.root).spans
            for each, text in zip(spans.kinds, spans.texts, strict=True):
                kinds.setdefault(text.casefold(), set()).add(each)
        assert kinds.pop("rest") == {expected}
        assert set.union(*kinds.values()) == {kind}


@pytest.mark.parametrize("corpus", ["takes", "spans"])
def test_labels_are_of_the_kind_that_is_asked_for(tmp_path: Path, corpus: str) -> None:
    write, facts, usual = LABELLED[corpus]
    write(tmp_path)
    other = {"gesture": "utterance", "utterance": "gesture"}[usual]
    opened = [open_entry(entry, tmp_path) for entry in scan(tmp_path, corpus, Findings(), **facts, kind=other)]
    assert {kind for recording in opened for kind in recording.spans.kinds} == {other, "rest"}


def test_a_take_at_rest_fills_the_pauses_of_composed_sequences(tmp_path: Path) -> None:
    entries = scan(resting_takes(tmp_path), "takes", Findings(), unit="counts")
    takes = takes_from_recordings((entry.take, open_entry(entry, tmp_path)) for entry in entries)
    assert {take.label for take in takes if not take.rest} == {"a"}
    assert sum(take.rest for take in takes) == 10
