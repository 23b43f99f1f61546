"""Labels given as words: what they mean, what is said of them, and that a stream reads what a recording reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.crossmodal.gallery import gallery_of, labels_in, only, reading, relabelled, signal_of
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.errors import ConfigError, DataError, RecordingError
from emgasr.models.session import SessionReader
from emgasr.pipeline import Pipeline
from emgasr.recording import Signal, Spans
from emgasr.streaming.rules import OFFLINE
from emgasr.streaming.stream import Stream
from emgasr.transcribe import transcribe
from tests.helpers.aligned_models import DESCRIPTIONS, write_aligned
from tests.helpers.armbands import recording

LABELS = ("spread", "fist", "Wrist-Flexion")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AlignedModel:
    return load_aligned(write_aligned(tmp_path_factory.mktemp("model") / "aligned"))


def test_lists_are_cut_at_commas() -> None:
    assert labels_in(" fist,  two  fingers ,") == ("fist", "two fingers")
    with pytest.raises(ConfigError, match="names no label"):
        labels_in(" , ")


@pytest.mark.parametrize("chunk", [7, 64, 1000])
@pytest.mark.parametrize("corpus", ["myo", "bar"])
def test_a_stream_of_labels_reads_what_the_recording_reads(model: AlignedModel, corpus: str, chunk: int) -> None:
    one = recording(corpus, "q")
    recognizer, _ = reading(model, LABELS, Signal.of(one))
    whole = transcribe(recognizer, one)
    assert len(whole.keys) > 2
    with Stream(recognizer, None, OFFLINE) as stream:
        for first in range(0, one.n_samples, chunk):
            stream.feed(one.samples[first : first + chunk])
    assert stream.text == whole.text


def test_a_stream_with_a_gap_reads_what_its_two_parts_read_in_one_session(model: AlignedModel) -> None:
    one = recording("myo", "q")
    recognizer, _ = reading(model, LABELS, Signal.of(one))
    parts = [one.segment(0, 5.3), one.segment(7.1, 12.0)]
    reader = SessionReader(recognizer)
    pipeline = Pipeline(recognizer)
    offline = [found.text for found in pipeline.read_each(parts)]  # type: ignore[union-attr]
    assert reader.listen(parts[0]).emissions.shape[1] == len(LABELS) + 1
    with Stream(recognizer, None, OFFLINE) as stream:
        stream.feed(parts[0].read())
        stream.gap(1.8)
        stream.feed(parts[1].read())
    assert stream.text == " ".join(filter(None, offline))


def test_what_was_not_measured_is_none_of_the_labels_offline_and_live(model: AlignedModel) -> None:
    one = recording("myo", "q")
    samples = np.array(one.samples)
    samples[600:1100] = np.nan
    broken = replace(one, samples=samples)
    recognizer, _ = reading(model, LABELS, Signal.of(one))
    whole = transcribe(recognizer, broken)
    assert not [key for key in whole.keys if 3.2 < key.time_s < 5.4]
    with Stream(recognizer, None, OFFLINE) as stream:
        for first in range(0, len(samples), 33):
            stream.feed(samples[first : first + 33])
    assert stream.text == whole.text


def test_without_labels_the_trained_gestures_are_read_and_it_is_said(model: AlignedModel) -> None:
    gallery = gallery_of(model, None)
    assert gallery.labels == ("fist", "spread", "wrist_flexion")
    assert gallery.notes == ("no --labels: reads the 3 gestures that were trained (fist, spread, wrist_flexion)",)


def test_a_label_without_a_description_is_read_by_its_own_words_and_it_is_said(model: AlignedModel) -> None:
    gallery = gallery_of(model, ["fist", "curled palm", "rest"])
    assert gallery.labels == ("fist", "curled palm")
    assert gallery.notes == ("nobody described 'curled palm': it is read as bag of words takes the word itself",)


def test_labels_in_words_that_the_teacher_lacks_are_refused(model: AlignedModel) -> None:
    with pytest.raises(DataError, match="1 of 1 words are not in the vocabulary"):
        gallery_of(model, ["fist", "daumen"])


@pytest.mark.parametrize("labels", [["fist", "Fist"], ["fist", "all fingers are curled"], ["flexion", "wrist flexion"]])
def test_two_labels_of_one_meaning_are_refused(model: AlignedModel, labels: list[str]) -> None:
    with pytest.raises(DataError, match="are the same; name each gesture once"):
        reading(model, labels, next(iter(model.readers.values())).signal)


def test_the_layout_is_the_only_one_or_that_of_what_is_read_or_the_one_named(model: AlignedModel) -> None:
    myo, bar = (Signal.of(recording(name, "q")) for name in ("myo", "bar"))

    def silent() -> Signal:
        raise RecordingError("take.npy", "does not say its rate")

    assert signal_of(model, None, lambda: bar).rate_hz == 500
    assert signal_of(model, "8-electrodes-200-hz-counts", lambda: bar).rate_hz == 200
    one = replace(model, readers={"8-electrodes-200-hz-counts": model.reader(myo)})
    assert signal_of(one, None, silent).rate_hz == 200
    for first in (None, silent):
        with pytest.raises(ConfigError, match="choose 10-electrodes-500-hz-counts, 8-electrodes-200-hz-counts"):
            signal_of(model, None, first)
    with pytest.raises(ConfigError, match="reads no 3-electrodes"):
        signal_of(model, "3-electrodes")


def test_labels_of_recordings_are_spelled_as_the_gallery_spells_what_they_mean() -> None:
    spans = Spans.of(
        [(0, 1, "gesture", "flexion"), (1, 2, "gesture", "Rest"), (2, 3, "rest", ""), (3, 4, "gesture", "thumb")]
    )
    found = relabelled(replace(recording("myo", "q"), spans=spans), DESCRIPTIONS, ["Wrist flexion"])
    assert found.spans.kinds == ("gesture", "rest", "rest", "gesture")
    assert found.spans.texts == ("Wrist flexion", "Rest", "", "thumb")
    assert only(found, ["Wrist flexion"]).spans.texts == ("Wrist flexion", "Rest", "")


def test_a_label_is_known_by_any_spelling_and_by_its_texts_but_for_held_out_ones() -> None:
    for label in ("wrist_flexion", "Wrist flexion", "WRIST-FLEXION", "flexion", "the wrist bends  towards the palm"):
        assert DESCRIPTIONS.concept_of(label) == "wrist_flexion"
    assert DESCRIPTIONS.concept_of("held out for fist") == "held out for fist"


def test_saved_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    first, again = (load_aligned(write_aligned(tmp_path / name)) for name in ("a", "b"))
    assert first.checksum == again.checksum
    assert load_aligned(write_aligned(tmp_path / "c", seed=2)).checksum != first.checksum
