"""From labelled recordings to what is judged, and to what a search is tuned on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.errors import ConfigError, EmgasrError
from emgasr.evaluation.items import Item, Opened, items_of, reference_of, refuse_tuning_on_test, tuning_stretches
from emgasr.frontend.features import LogSpectrogramConfig
from emgasr.frontend.session import ALONE, SessionConfig
from emgasr.manifests.manifest import Entry, Manifest, write_manifest
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader
from emgasr.recording import Band, Events, Recording, Spans
from emgasr.score import keys_at_rest
from emgasr.tokens import Tokens
from tests.helpers.tiny_models import easy_recording, tiny_recognizer

KEYS = Tokens.keystrokes()


def reader_of(tokens: Tokens) -> Recognizer:
    """Ten frames a second, which a recording of two electrodes at 100 Hz has."""
    features = LogSpectrogramConfig(window_ms=100, hop_ms=100)
    bands = (Band.numbered("arm", 2),)
    return tiny_recognizer("linear", tokens=tokens, features=features, rate_hz=100.0, bands=bands)


def recording_of(events: Events | None = None, spans: Spans | None = None, seconds: float = 10.0) -> Recording:
    samples = np.zeros((round(seconds * 100), 2), dtype=np.float32)
    bands = (Band.numbered("arm", 2),)
    return Recording(
        samples, 100.0, "uV", bands, "ann", "one", events or Events.empty(), spans or Spans.empty(), origin="simulated"
    )


def test_key_events_give_published_symbols_and_their_times() -> None:
    events = Events.of([(1.0, 1.1, "h"), (1.2, 1.3, "Key.tab"), (1.5, 1.6, "Key.backspace"), (2.0, 2.1, "É")])
    symbols, times_s = reference_of(recording_of(events), KEYS)
    assert symbols == ["h", "⌫", "E"]
    assert times_s.tolist() == [1.0, 1.5, 2.0]


def test_gestures_are_read_whole_and_utterances_one_by_one() -> None:
    gestures = Spans.of([(1, 2, "gesture", "fist"), (3, 4, "gesture", "wave in")])
    (item,) = items_of(reader_of(Tokens.words(["fist", "wave in"])), [("g", recording_of(spans=gestures))])
    assert (item.reference, len(item.emissions)) == (["fist", "wave in"], 100)
    spoken = Spans.of([(1, 3, "utterance", "go on"), (4, 9, "utterance", "stop")])
    found = list(items_of(reader_of(Tokens.characters("gonstp ")), [("s", recording_of(spans=spoken))]))
    assert [(item.name, "".join(item.reference), len(item.emissions)) for item in found] == [
        ("s#0", "go on", 20),
        ("s#1", "stop", 50),
    ]


def test_a_label_is_one_symbol_or_spelled_for_characters_and_a_text_is_spelled_by_the_symbols_there_are() -> None:
    def reference(kind: str, text: str, tokens: Tokens) -> list[str]:
        return reference_of(recording_of(spans=Spans.of([(0, 1, kind, text)])), tokens)[0]

    words, letters = Tokens.words(["go", "on", "wave in"]), Tokens.characters("gonwavei ")
    assert reference("gesture", "wave in", words) == reference("utterance", "wave in", words) == ["wave in"]
    assert reference("utterance", "go on", words) == ["go", "on"]
    assert reference("gesture", "go on", words) == ["go on"]
    assert reference("gesture", "go", letters) == reference("utterance", "go", letters) == ["g", "o"]
    assert reference("utterance", "go off", words) == ["go", "off"]  # what cannot be written is an error to be counted
    assert reference("gesture", "fist", words) == ["fist"]
    assert reference("rest", "rest", words) == []


def test_rest_spans_come_along() -> None:
    spans = Spans.of([(2, 5, "rest", "")])
    recording = recording_of(Events.of([(1.0, 1.1, "h")]), spans)
    (item,) = items_of(reader_of(KEYS), [("r", recording)])
    assert list(item.rest) == [(2.0, 5.0)]


def test_takes_and_utterances_go_on_from_what_was_read_of_their_session_before() -> None:
    model = tiny_recognizer("linear", "cumulative")
    gesture = Spans.of([(0.5, 1.5, "gesture", "a")])
    spoken = Spans.of([(0.2, 0.9, "utterance", "a"), (1.1, 1.9, "utterance", "b")])
    made = [
        easy_recording(seed, 2.0, spans=spans, events=Events.empty(), subject="ann", session="one")
        for seed, spans in enumerate([gesture, spoken])
    ]
    items = list(items_of(model, [(str(number), recording) for number, recording in enumerate(made)]))
    assert [(item.name, round(item.unlabelled_s, 3)) for item in items] == [("0", 0.0), ("1#0", 2.0), ("1#1", 2.7)]
    reader = SessionReader(model)
    parts = [made[0], made[1].segment(0.2, 0.9), made[1].segment(1.1, 1.9)]
    for item, part in zip(items, parts, strict=True):
        np.testing.assert_array_equal(item.emissions, reader.listen(part).emissions)
    cold = list(items_of(model, [("1", made[1])], ALONE))
    np.testing.assert_array_equal(cold[1].emissions, model.listen(parts[2]).emissions)
    assert [item.unlabelled_s for item in cold] == [0.0, 0.0]


def test_recordings_are_opened_twice_where_the_first_seconds_of_their_session_set_its_statistics() -> None:
    model = tiny_recognizer("linear", "cumulative")
    made = {f"{number}.h5": easy_recording(number, 2.0, session="one") for number in range(2)}
    opened: list[str] = []

    def open_one(entry: Entry) -> Recording:
        opened.append(entry.path)
        return made[entry.path]

    entries = [replace(entry("test", "a"), path=path) for path in made]
    recordings = Opened(entries, open_one)
    assert [item.unlabelled_s for item in items_of(model, recordings, SessionConfig(True, 3.0))] == [3.0, 3.0]
    assert opened == [*made, *made]
    at_once = iter([*made.items()])  # cannot be gone through twice
    assert [item.unlabelled_s for item in items_of(model, at_once, SessionConfig(False, "all"))] == [4.0, 4.0]


def test_a_recording_without_labels_is_of_a_person_at_rest() -> None:
    resting = recording_of(spans=Spans.of([(0.0, 4.0, "prompt", "do nothing")]))
    typing = recording_of(Events.of([(1.0, 1.1, "h")]))
    rest, item = items_of(reader_of(KEYS), [("silent.h5", resting), ("t", typing)])
    assert (list(rest.reference), item.notes) == ([], ())
    assert keys_at_rest([0.0, 3.0, 10.0], rest.rest)[0] == 3  # all of it, its last frame too
    assert "has no labels and is taken as rest" in rest.notes[0]


def test_stretches_are_cut_at_pauses_and_lose_nothing() -> None:
    generator = np.random.default_rng(1)
    times_s = np.cumsum(generator.exponential(0.3, 600))
    frames = round(10 * times_s[-1]) + 20
    symbols = generator.choice(list("abc"), 600).tolist()
    emissions = np.arange(frames, dtype=np.float32)[:, None]
    item = Item("x", "ann", symbols, emissions, times_s, np.arange(frames) / 10)
    stretches = tuning_stretches([item], KEYS, minutes=60)
    assert KEYS.symbols_of([number for _, ids in stretches for number in ids]) == symbols
    assert np.array_equal(np.concatenate([part for part, _ in stretches]), emissions)
    assert all(len(part) <= 270 for part, _ in stretches)
    assert len(stretches) >= 7


def test_stretches_keep_to_their_minutes_and_leave_unknown_keys_out() -> None:
    times_s = np.arange(1200) * 0.1 + 0.1
    item = Item("x", "ann", ["a", "Z"] * 600, np.zeros((1300, 2)), times_s, np.arange(1300) / 10)
    stretches = tuning_stretches([item], Tokens.keystrokes("ab"), minutes=0.5)
    assert 300 <= sum(len(part) for part, _ in stretches) < 600
    assert {number for _, ids in stretches for number in ids} == {1}


def test_a_long_pause_and_unknown_times_do_not_stop_the_cutting() -> None:
    times_s = np.concatenate([np.arange(20) * 0.5 + 0.1, 200 + np.arange(20) * 0.5])
    timed = Item("x", "ann", ["a"] * 40, np.zeros((2200, 2)), times_s, np.arange(2200) / 10)
    untimed = replace(timed, times_s=np.full(40, np.nan))
    assert sum(len(ids) for _, ids in tuning_stretches([timed], KEYS, 60)) == 40
    assert [len(ids) for _, ids in tuning_stretches([untimed, replace(timed, frame_times_s=None)], KEYS, 60)] == [
        40,
        40,
    ]


def entry(split: str, checksum: str, take: str = "") -> Entry:
    return Entry(f"{checksum}.h5", "native", "ann", checksum, split, 1.0, 100.0, 2, checksum, take)


def test_tuning_on_what_is_evaluated_is_refused() -> None:
    manifest = Manifest((entry("test", "a"), entry("validation", "b"), entry("leaky", "a")), Path())
    refuse_tuning_on_test(manifest, "validation", manifest, "test")
    for split, words in [("test", "flatter"), ("leaky", "a.h5 is in both")]:
        with pytest.raises(ConfigError, match=words):
            refuse_tuning_on_test(manifest, split, manifest, "test")
    with pytest.raises(ConfigError, match="flatter"):
        refuse_tuning_on_test(manifest, "validation", manifest, "validation")


def test_what_a_model_was_trained_or_is_tested_on_is_no_validation(tmp_path: Path) -> None:
    trained = Manifest((entry("train", "a" * 64), entry("test", "b" * 64), entry("validation", "c" * 64)), tmp_path)
    write_manifest(trained, tmp_path / "manifest.jsonl")
    model = tmp_path / "run" / "model"
    model.mkdir(parents=True)
    told = {"manifest": str(tmp_path / "manifest.jsonl"), "train_split": "train"}
    (tmp_path / "run" / "training.yaml").write_text(json.dumps(told))
    for checksum, words in (("a", "which is trained on"), ("b", "in both 'validation' .* and 'test'"), ("c", "")):
        other = Manifest((entry("validation", checksum * 64), entry("test", "d" * 64)), tmp_path)
        refuse_tuning_on_test(other, "validation", other, "test")
        if not words:
            refuse_tuning_on_test(other, "validation", other, "test", model)
            continue
        with pytest.raises(EmgasrError, match=words):
            refuse_tuning_on_test(other, "validation", other, "test", model)
    (tmp_path / "manifest.jsonl").unlink()  # nobody knows any more
    refuse_tuning_on_test(other, "validation", other, "test", model)


def test_the_test_split_beside_the_validation_split_is_a_test_too() -> None:
    validation = Manifest((entry("test", "a"), entry("validation", "a")), Path())
    with pytest.raises(ConfigError, match=r"a\.h5 is in both 'validation'"):
        refuse_tuning_on_test(validation, "validation", Manifest((entry("night", "z"),), Path()), "night")


def test_takes_of_one_file_are_different_recordings() -> None:
    manifest = Manifest((entry("test", "a", "1"), entry("validation", "a", "2")), Path())
    refuse_tuning_on_test(manifest, "validation", manifest, "test")
