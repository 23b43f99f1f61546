"""Gaddy & Klein's layout: utterances filtered with their neighbors, text, published splits and what they leak."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, filtfilt, iirnotch, resample_poly

from emgasr.corpora import scan
from emgasr.corpora.gaddy import FILTERED_RATE_HZ, normalized_text, open_recording, utterances
from emgasr.corpora.gaddy_splits import CLAIMS, leak_report, read_sentences, split_as_published
from emgasr.errors import ConfigError, ManifestError, RecordingError
from emgasr.manifests.leaks import leaks
from emgasr.manifests.manifest import Entry, Manifest
from tests.helpers.layouts import BOOKS, write_gaddy, write_utterance

WHERE = Path("0_info.json")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gaddy(tmp_path_factory.mktemp("gaddy"))


def test_an_utterance_is_a_recording_at_the_published_rate(corpus: Path) -> None:
    opened = open_recording(corpus / "silent_parallel_data/5-4_silent/0_emg.npy")
    assert (opened.rate_hz, opened.unit, opened.n_channels) == (FILTERED_RATE_HZ, "counts", 8)
    assert opened.n_samples == -(-1300 * 441 // 640)
    assert (opened.subject, opened.session) == ("speaker", "5-4")
    assert (opened.spans.kinds, opened.spans.texts) == (("utterance",), ("its a cafe of sorts",))
    assert opened.spans.end_s[0] == pytest.approx(opened.duration_s)
    assert abs(opened.read()).max() < 50  # the soft limit


def test_the_published_path_filters_both_ways_with_both_neighbors(corpus: Path) -> None:
    folder = corpus / "silent_parallel_data/5-4_silent"
    raw = np.concatenate([np.load(folder / f"{number}_emg.npy") for number in (1, 2, 3)])
    for hz in range(60, 421, 60):
        raw = filtfilt(*iirnotch(hz, 30, fs=1000), raw, axis=0)
    raw = resample_poly(filtfilt(*butter(3, 2, "highpass", fs=1000), raw, axis=0), 441, 640, axis=0) / 20
    first = -(-1310 * 441 // 640)
    found = open_recording(folder / "2_emg.npy", filtering="zero_phase").read()
    np.testing.assert_allclose(found, 50 * np.tanh(raw[first : first + len(found)] / 50), atol=1e-4)


@pytest.mark.parametrize("filtering", ["causal", "zero_phase"])
def test_drift_and_mains_are_gone(corpus: Path, filtering: str) -> None:
    opened = open_recording(corpus / "silent_parallel_data/5-4_silent/3_emg.npy", filtering=filtering)  # type: ignore[arg-type]
    samples = opened.read()
    times = np.arange(len(samples)) / opened.rate_hz
    assert abs(samples.mean(0)).max() < 0.2  # of 100 / 20
    assert abs((samples * np.exp(-2j * np.pi * 60 * times)[:, None]).mean(0)).max() < 0.15  # of 30 / 20 / 2


def test_the_default_sees_no_later_utterance_and_little_ahead(tmp_path: Path) -> None:
    path = write_utterance(tmp_path / "silent_parallel_data/s", 1, "book", 0, "one")
    alone = open_recording(path).read()
    write_utterance(path.parent, 2, "book", 1, "two")
    np.testing.assert_array_equal(open_recording(path).read(), alone)
    write_utterance(path.parent, 0, "book", 2, "zero", seed=1)  # the one before is filtered in front
    before = open_recording(path).read()
    assert not np.allclose(before[:50], alone[:50], atol=1e-2)
    samples = np.load(path)
    samples[900:] = -500
    np.save(path, samples)
    ahead = int((0.9 - 0.016) * FILTERED_RATE_HZ)  # the down-sampler looks ahead by 14.5 ms
    after = open_recording(path).read()
    np.testing.assert_allclose(after[:ahead], before[:ahead], atol=1e-4)
    assert not np.allclose(after[ahead:], before[ahead:], atol=1)


def test_stored_samples_are_there_unfiltered(corpus: Path) -> None:
    path = corpus / "nonparallel_data/5-10/1_emg.npy"
    opened = open_recording(path, filtering="none")
    np.testing.assert_array_equal(opened.read(), np.load(path).astype(np.float32))
    assert opened.rate_hz == 1000


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("It's a Café--of sorts!", "its a cafe of sorts"),
        ("“Two\nlines”, 10 o’clock", "two lines 10 oclock"),
        ("either/or — well...", "either or well"),
    ],
)
def test_text_is_lowercase_letters_digits_and_spaces(text: str, plain: str) -> None:
    assert normalized_text(text, WHERE) == plain


def test_text_without_an_ascii_form_is_refused() -> None:
    with pytest.raises(RecordingError, match="holds '中', which has no ASCII form"):
        normalized_text("the 中 sign", WHERE)


def part(entry: Entry) -> str:
    return Path(entry.path).parts[-3].partition("_")[0].removesuffix("_parallel")


def test_silences_are_left_out_and_parts_in_order(corpus: Path) -> None:
    entries = scan(corpus, "gaddy")
    assert Counter(entry.session for entry in entries) == {"5-4": 12, "5-10": 3}
    assert Counter(part(entry) for entry in entries) == {"silent": 6, "voiced": 6, "nonparallel": 3}
    assert len(utterances(corpus)) == 18
    assert entries[0].take == f"{BOOKS['silent']}:0"


def test_only_silent_recordings_are_held_out_and_their_voiced_twins_train_nowhere(corpus: Path) -> None:
    dev, test = (read_sentences(corpus / "testset.json", key) for key in ("dev", "test"))
    chosen, missing = split_as_published(scan(corpus, "gaddy"), dev, test)
    assert missing == []
    assert Counter((entry.split, part(entry)) for entry in chosen) == {
        ("train", "silent"): 3,
        ("train", "voiced"): 3,
        ("train", "nonparallel"): 3,
        ("validation", "silent"): 1,
        ("test", "silent"): 2,
    }
    assert leaks(Manifest(tuple(chosen), corpus, CLAIMS)) == []


def test_a_voiced_twin_in_training_is_a_leak(corpus: Path) -> None:
    chosen, _ = split_as_published(scan(corpus, "gaddy"), [f"{BOOKS['silent']}:4"], [f"{BOOKS['silent']}:0"])
    twin = next(e for e in scan(corpus, "gaddy") if part(e) == "voiced" and e.take == f"{BOOKS['silent']}:0")
    take, leak = leaks(Manifest((*chosen, twin), corpus, CLAIMS))
    assert take.startswith("the same take is in ")  # spoken in the same sitting
    assert leak.startswith("the same sentence is in ")
    assert f"{BOOKS['silent']}:0" in leak


def test_without_silent_recordings_voiced_ones_are_held_out(corpus: Path) -> None:
    voiced = [entry for entry in scan(corpus, "gaddy") if part(entry) != "silent"]
    chosen, missing = split_as_published(voiced, [f"{BOOKS['silent']}:4"], [f"{BOOKS['silent']}:99"])
    assert [part(entry) for entry in chosen if entry.split == "validation"] == ["voiced"]
    assert missing == [f"test: no recording of {BOOKS['silent']}:99"]


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"dev": []}', '[["book", "one"]]'])
def test_what_is_no_split_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ManifestError, match=r"is not JSON|is not a JSON list|has no list 'test'"):
        read_sentences(tmp_path / "s.json", "test")


def test_the_leak_report_tells_what_lexicon_and_language_model_know(tmp_path: Path) -> None:
    (tmp_path / "lm.txt").write_text("We saw the quick brown fox again. Nothing else.\n")
    told = leak_report(["the quick brown fox again", "jumps he said"], ["The", "fox"], [tmp_path / "lm.txt"]).lines()
    assert told == [
        "test words in the lexicon: 2 of 8 (2 of 8 different)",
        "test sentences whole in the LM's text: 1 of 1 (1 too short to tell); 100.0 % of their 5-grams",
    ]


def info(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        file = path.with_name("0_info.json")
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9000]), "truncated"),
        (lambda path: np.save(path, np.zeros((900, 8))), "holds 900 samples, its info tells 1300"),
        (lambda path: np.save(path, np.zeros((1300, 7))), "has 7 channels"),
        (lambda path: path.with_name("0_info.json").unlink(), r"0_info\.json: cannot be read"),
        (lambda path: path.with_name("0_info.json").write_text("{book"), "is not JSON"),
        (info(lambda content: content.pop("chunks")), "lacks the field 'chunks'"),
        (info(lambda content: content.update(chunks=[[1.5, 2, 3]])), "'chunks' is"),
        (info(lambda content: content.update(chunks=[[-5, 2, 3]])), "'chunks' is"),
        (info(lambda content: content.update(chunks=[7])), "'chunks' is"),
        (info(lambda content: content.update(sentence_index="1")), "'sentence_index' is .*, not a whole number"),
        (info(lambda content: content.update(sentence_index=True)), "'sentence_index' is .*, not a whole number"),
        (info(lambda content: content.update(text=None)), "'text' is None, not text"),
        (info(lambda content: content.update(book=["a"])), "'book' is"),
        (info(lambda content: content.update(text="π² 中")), "no ASCII form"),
    ],
)
def test_a_damaged_utterance_is_refused(tmp_path: Path, change: Callable[[Path], object], told: str) -> None:
    path = write_utterance(tmp_path / "silent_parallel_data/s", 0, "book", 0, "one")
    change(path)
    with pytest.raises(RecordingError, match=told):
        open_recording(path)


def test_an_unknown_filtering_is_refused(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="'median' is not known"):
        open_recording(utterances(corpus)[0], filtering="median")  # type: ignore[arg-type]


def test_what_lies_behind_the_samples_of_an_utterance_is_told(tmp_path: Path) -> None:
    path = write_utterance(tmp_path / "silent_parallel_data/s", 1, "book", 0, "one")
    assert open_recording(path).notes == ()
    with path.open("ab") as file:
        file.write(bytes(12))
    (note,) = open_recording(path).notes
    assert "12 bytes lie beyond" in note
