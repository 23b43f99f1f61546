"""One pipeline for Python and the verbs: what a folder holds is used, inputs of every kind are read, or refused."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import emgasr
from emgasr.cli import main
from emgasr.decoding import SearchConfig
from emgasr.decoding.search_file import write_search_config
from emgasr.errors import ConfigError, DataError, EmgasrError, ModelError, RecordingError
from emgasr.language import LanguageFiles, keep_language, language_in
from emgasr.lm import estimate, read_model, write_arpa, write_compact
from emgasr.models.folder import save_recognizer
from emgasr.pipeline import Pipeline
from emgasr.recording import Recording
from emgasr.simulate import SPLIT_SEEDS, default_prompts, simulate_person, simulate_session
from emgasr.streaming.events import KeyEvent
from emgasr.streaming.profile import MODEL, Profile, write_profile
from emgasr.streaming.rules import LiveRules, write_rules
from emgasr.tokens import Tokens
from tests.helpers.miniatures import make_recording
from tests.helpers.tiny_models import save_keys_model, tiny_recognizer

LM = estimate(["abba", "ab", "ba"], order=3)


@pytest.fixture(scope="module")
def typed() -> Recording:
    """Twenty seconds of a simulated person's typing."""
    person = simulate_person(SPLIT_SEEDS["test"][0])
    return simulate_session(person, 1, prompts=default_prompts("test"), minutes=1 / 3)


@pytest.mark.slow
def test_a_dozen_lines_of_python_load_transcribe_and_stream(
    typed: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    emgasr.save_recording(typed, "typed.hdf5")
    pipeline = emgasr.load("demo")
    transcript = pipeline.transcribe("typed.hdf5")
    print(transcript.text)
    for word in transcript.words:
        print(f"{word.start_s:6.2f} {word.end_s:6.2f}  {word.text}")
    with pipeline.stream() as stream:
        for chunk in emgasr.open_source("file:typed.hdf5,speed=fast").chunks():
            for event in stream.feed(chunk.samples):
                print(event)
    print(stream.text)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == transcript.text.splitlines()[0]
    assert len(transcript.words) >= 3
    assert all(0 < word.start_s <= word.end_s <= 20 for word in transcript.words)
    assert any(line.startswith("KeyEvent(index=0, key=Key(symbol=") for line in printed)
    # The live rules may finalize a key too soon, so that the last ones differ.
    assert stream.text[:10] == transcript.text[:10]
    assert pipeline.transcribe("typed.hdf5", lm=None).keys != transcript.keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with a language model, a tuned search and live rules beside it, and a recording."""
    save_keys_model(tmp_path / "model")
    write_arpa(LM, tmp_path / "lm.arpa")
    keep_language(LanguageFiles(lm=tmp_path / "lm.arpa"), tmp_path / "model")
    write_search_config(SearchConfig(beam=7, lm_weight=0.5, length_bonus=1.0), tmp_path / "model" / "search.yaml")
    write_rules(LiveRules(0.9, 0.5, None), tmp_path / "model" / "live.yaml")
    emgasr.save_recording(make_recording(6.0), tmp_path / "typed.hdf5")
    return tmp_path / "model"


def test_a_pipeline_holds_all_that_its_folder_does(folder: Path) -> None:
    pipeline = emgasr.load(folder)
    assert pipeline.language is not None
    assert pipeline.language.lm.checksum() == LM.checksum()
    assert pipeline.search == SearchConfig(beam=7, lm_weight=0.5, length_bonus=1.0)
    assert pipeline.rules == LiveRules(0.9, 0.5, None)
    assert pipeline.rest is None
    assert pipeline.reading.endswith(f"; weights of {folder}/search.yaml; lm.arpa.gz of {folder}")
    stream = pipeline.stream()
    assert (stream.config.agreement, stream.config.finalize_within_s) == (0.9, 0.5)


def test_a_profile_is_its_model_with_a_level_of_rest(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "me" / MODEL)
    levels = {"left": 3.0, "right": 4.0}
    write_profile(Profile("me", "1", "base", 0.0, "uV", 9.0, 9.0, 9, 0.2, 0.1, levels), tmp_path / "me")
    pipeline = emgasr.load(tmp_path / "me")
    assert pipeline.rest is not None
    assert pipeline.rest.levels == (3.0, 4.0)
    assert pipeline.live.rest == pipeline.rest
    assert pipeline.search.beam == 7


@pytest.mark.parametrize("options", [[], ["--lm", "none"], ["--lm", "{lm}"], ["--lm", "{lm}", "--beam", "3"]])
def test_the_verb_and_the_pipeline_give_the_same_text(
    folder: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lm, path = folder.parent / "lm.arpa", folder.parent / "typed.hdf5"
    asked: dict[str, Any] = {"lm": None if "none" in options else lm} if options else {}
    asked |= {"beam": 3} if "--beam" in options else {}
    assert main(["transcribe", str(folder), str(path), *(option.format(lm=lm) for option in options)]) == 0
    out, errors = capsys.readouterr()
    assert out == emgasr.load(folder).transcribe(path, **asked).text + "\n"
    assert errors.startswith("search: greedy\n" if "none" in options else "search: beam ")


def test_a_greedy_model_says_nothing_of_a_search(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "lm.arpa.gz").unlink()
    assert main(["transcribe", str(folder), f"{folder.parent}/typed.hdf5"]) == 0
    out, errors = capsys.readouterr()
    assert (out, errors) == (emgasr.load(folder).transcribe(folder.parent / "typed.hdf5").text + "\n", "")


def test_streams_of_the_verb_and_the_pipeline_end_in_the_same_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder.parent / "typed.hdf5"
    for options, asked in (([], {}), (["--lm", "none"], {"lm": None})):
        assert main(["stream", str(folder), "--source", f"file:{path},speed=fast", *options]) == 0
        with emgasr.load(folder).stream(**asked) as stream:
            events = stream.feed(emgasr.open_recording(path).read())
        assert any(isinstance(event, KeyEvent) for event in events)
        assert capsys.readouterr().out.replace("\n", "") == stream.text.replace("\n", "")


def as_path(recording: Recording, folder: Path) -> Any:
    emgasr.save_recording(recording, folder / "r.hdf5")
    return folder / "r.hdf5"


@pytest.mark.parametrize(
    "form",
    [
        as_path,
        lambda recording, folder: str(as_path(recording, folder)),
        lambda recording, folder: recording,
        lambda recording, folder: (recording.read(), 200),
        lambda recording, folder: (recording.read().astype(np.float64), 200.0),
        lambda recording, folder: (recording.read().tolist(), np.float32(200)),
    ],
)
def test_a_recording_is_read_in_whatever_form_it_comes(form: Callable[..., Any], tmp_path: Path) -> None:
    pipeline, recording = Pipeline(tiny_recognizer()), make_recording(4.0)
    expected = pipeline.transcribe(recording)
    found = pipeline.transcribe(form(recording, tmp_path))
    assert (found.text, found.keys, found.words) == (expected.text, expected.keys, expected.words)
    assert expected.keys


def test_a_list_is_read_in_order_whatever_the_batches(tmp_path: Path) -> None:
    pipeline = Pipeline(tiny_recognizer())
    given = [make_recording(seconds, seed=seed) for seed, seconds in enumerate((4.0, 1.0, 6.0, 0.0, 5.0))]
    texts = [pipeline.transcribe(recording).text for recording in given]
    for size in (1, 2, 5, 99):
        assert [found.text for found in pipeline.transcribe(given, batch_size=size)] == texts
    assert pipeline.transcribe([]) == []
    assert len({*texts}) > 2


def test_values_that_no_amplifier_gives_are_filled_in_and_noted() -> None:
    samples = make_recording(4.0).read()
    samples[300:320, 1] = np.nan
    (note,) = Pipeline(tiny_recognizer()).transcribe((samples, 200)).notes
    assert "20 values that no amplifier gives (left2" in note


@pytest.mark.filterwarnings("error")
def test_arrays_that_pytorch_does_not_take_are_read_like_any_other() -> None:
    pipeline, samples = Pipeline(tiny_recognizer()), make_recording(4.0).read()
    constant = samples.copy()
    constant.flags.writeable = False
    flipped = np.ascontiguousarray(samples[::-1])[::-1]  # the same, from the last row on in memory
    expected = pipeline.transcribe((samples, 200))
    with pipeline.stream() as stream:
        events = stream.feed(samples.copy())
    for given in (constant, flipped, np.asfortranarray(samples)):
        found = pipeline.transcribe([(given, 200), make_recording(4.0, samples=given)])
        assert [(one.text, one.keys) for one in found] == [(expected.text, expected.keys)] * 2
        with pipeline.stream() as stream:
            assert stream.feed(given) == events
    assert expected.text


def test_masked_values_are_not_measured() -> None:
    samples = make_recording(4.0).read()
    hidden = np.zeros(samples.shape, bool)
    hidden[300:320, 1] = True
    (note,) = Pipeline(tiny_recognizer()).transcribe((np.ma.masked_array(samples, hidden), 200)).notes
    assert "20 values that no amplifier gives (left2" in note


def test_a_stream_refuses_what_is_no_configuration() -> None:
    with pytest.raises(EmgasrError, match="config: is of type int; give a StreamConfig"):
        Pipeline(tiny_recognizer()).stream(config=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kind", "wrong"),
    [
        (None, DataError, "got a NoneType, not a recording; give a path"),
        (np.zeros((9, 8), np.float32), DataError, "got a ndarray, not a recording; give a path"),
        (torch.zeros(9, 8), DataError, "got a Tensor, not a recording"),
        ((np.zeros((9, 8)), "200"), DataError, "got a tuple, not a recording"),
        ((np.zeros((9, 7)), 200), DataError, r"shape \(9, 7\); this model takes \(T, 8 channels\) in uV"),
        ((np.zeros(9), 200), DataError, r"shape \(9,\)"),
        (([[1.0] * 8, [1.0] * 7], 200), DataError, "have no one shape"),
        ((torch.zeros(9, 8, requires_grad=True), 200), DataError, "samples are no array"),
        ((np.zeros((9, 8), complex), 200), DataError, "are of type complex128"),
        ((np.full((9, 8), "1"), 200), DataError, "are of type <U1"),
        ((np.zeros((9, 8)), 400), RecordingError, "is at 400 Hz, the model at 200 Hz"),
        ((np.zeros((9, 8)), True), RecordingError, "rate_hz is True"),
        ((np.zeros((9, 8)), float("nan")), RecordingError, "the rate is nan Hz"),
        (make_recording(1.0, unit="counts"), RecordingError, "is in counts, the model in uV"),
        ("nowhere.hdf5", RecordingError, "nowhere.hdf5"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(given: Any, kind: type[EmgasrError], wrong: str) -> None:
    pipeline = Pipeline(tiny_recognizer())
    for inputs in (given, [make_recording(1.0), given, make_recording(2.0)]):
        with pytest.raises(kind, match=wrong) as error:
            pipeline.transcribe(inputs)
        assert "\n" not in str(error.value)
    found = list(pipeline.read_each([make_recording(1.0), given, make_recording(2.0)], batch_size=3))
    assert [type(one) for one in found] == [emgasr.Transcript, kind, emgasr.Transcript]


class Torn:
    """Samples whose file ends too soon."""

    shape = (2000, 8)

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        raise RecordingError("r.hdf5", "ends too soon", "copy it again")


def test_a_file_that_fails_while_it_is_read_spoils_no_other_of_its_batch() -> None:
    pipeline, well = Pipeline(tiny_recognizer()), make_recording(3.0)
    found = list(pipeline.read_each([well, make_recording(10.0, samples=Torn()), well], batch_size=3))
    assert isinstance(found[1], RecordingError)
    expected = pipeline.transcribe(well)
    for one in (found[0], found[2]):
        assert isinstance(one, emgasr.Transcript)
        assert (one.text, one.keys) == (expected.text, expected.keys)


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"lm": None, "hotwords": ["ab"]}, "hotwords: needs a language model; pass lm=FILE"),
        ({"lm": None, "beam": 3}, "beam: needs a language model"),
        ({"lm": None, "nbest": 2}, "nbest: needs a search"),
        ({"nbest": 8}, "nbest: is 8, and the beam holds 7; pass beam=8 too"),
        ({"beam": 0}, "beam is 0"),
        ({"lexicon": "words.txt"}, "lexicon: needs a model of characters"),
        ({"hotwords": 5}, "hotwords: is 5; give a file"),
        ({"hotwords": []}, "hotwords: hold no phrases"),
        ({"hotwords": [1, 2]}, r"hotwords: is \[1, 2\]; give a file"),
        ({"hotwords": {"ab": "3"}}, "hotwords: the boost of 'ab' is '3'"),
        ({"search": 5}, "search: is of type int; give a SearchConfig or a file"),
        ({"search": {"beam": 3}}, "search: is of type dict"),
        ({"lm": 5}, "lm: is of type int, no file"),
        ({"batch_size": 0}, "batch_size: is 0"),
        ({"batch_size": True}, "batch_size: is True"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(folder: Path, asked: dict[str, Any], wrong: str) -> None:
    with pytest.raises(EmgasrError, match=wrong) as error:
        emgasr.load(folder).transcribe(make_recording(1.0), **asked)
    assert "\n" not in str(error.value)


def test_hotwords_and_models_in_memory_are_taken(folder: Path) -> None:
    recording = make_recording(6.0)
    pipeline = emgasr.load(folder, lm=LM, search=SearchConfig(beam=16))
    assert emgasr.load(folder, search=SearchConfig(beam=16)).transcribe(recording) == pipeline.transcribe(recording)
    for hotwords in (["bbbabbb"], {"bbbabbb": 300.0}):
        found = pipeline.transcribe(recording, hotwords=hotwords, nbest=3)
        assert len(found.nbest) == 3
    assert "bbbabbb" in found.text
    assert "bbbabbb" not in pipeline.transcribe(recording).text


def test_weights_for_another_language_model_are_used_and_warned_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_search_config(SearchConfig(lm_weight=0.5), folder / "search.yaml", lm_sha256="0" * 64)
    with caplog.at_level(logging.WARNING):
        pipeline = emgasr.load(folder)
    assert "its weights were tuned for another language model" in caplog.text
    assert "tuned for another language model" in pipeline.reading
    assert emgasr.load(folder, search=SearchConfig()).notes == ()


@pytest.mark.parametrize("name", ["lm.arpa", "lm.lm"])
def test_a_model_carries_its_language_in_its_folder(name: str, tmp_path: Path) -> None:
    save_keys_model(tmp_path / "model")
    (write_arpa if name == "lm.arpa" else write_compact)(estimate([["ab"], ["ba"]], order=2), tmp_path / name)
    write_arpa(estimate(["ab", "ba"], order=2), tmp_path / "letters.arpa")
    (tmp_path / "list.txt").write_text("ab\nba\n")
    (tmp_path / "names.txt").write_text("aba\t3\n")
    files = LanguageFiles(
        lm=tmp_path / name,
        lexicon=tmp_path / "list.txt",
        character_lm=tmp_path / "letters.arpa",
        hotwords=tmp_path / "names.txt",
        unknown_penalty=2.0,
        free_separators=True,
    )
    given = Pipeline.of_folder(tmp_path / "model", language=files)
    keep_language(files, tmp_path / "model")
    kept = emgasr.load(tmp_path / "model")
    assert kept.language is not None
    assert given.language is not None
    assert kept.language.checksum == given.language.checksum
    assert kept.language.hotwords is not None
    assert kept.language.hotwords.phrases == {"aba": 3.0}
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    found = language_in(tmp_path / "model")
    assert found is not None
    keep_language(found, tmp_path / "model")  # onto itself
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
    write_arpa(LM, tmp_path / "other.arpa")
    keep_language(LanguageFiles(lm=tmp_path / "other.arpa"), tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()} - {"README.md"}
    assert names == {"model.safetensors", "config.yaml", "tokens.json", "lm.arpa.gz"}
    assert read_model(tmp_path / "model" / "lm.arpa.gz").checksum() == LM.checksum()
    save_recognizer(tiny_recognizer(), tmp_path / "model")  # new weights keep their language
    assert (tmp_path / "model" / "lm.arpa.gz").exists()


def test_a_language_that_cannot_be_copied_leaves_the_folder_as_it_was(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder.parent / "names.txt").write_text("ab\n")
    wanted = LanguageFiles(lm=folder.parent / "lm.arpa", hotwords=folder.parent / "none.txt")
    with pytest.raises(EmgasrError, match=r"none\.txt|hotwords\.txt"):
        keep_language(wanted, folder)
    with pytest.raises(ConfigError, match="lm: is of type NGramModel, no file"):
        keep_language(LanguageFiles(lm=LM), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_with_two_language_models_is_refused(folder: Path) -> None:
    write_compact(LM, folder / "lm.lm")
    with pytest.raises(ModelError, match=r"holds both lm\.lm and lm\.arpa\.gz; remove the one"):
        emgasr.load(folder)


@pytest.mark.parametrize("name", ["lexicon.txt", "hotwords.txt"])
def test_words_whose_language_model_is_lost_are_no_silent_greedy_reading(name: str, tmp_path: Path) -> None:
    save_keys_model(tmp_path)
    (tmp_path / name).write_text("ab\n")
    with pytest.raises(EmgasrError, match=f"{name}: belongs to a language model, which the folder lacks"):
        emgasr.load(tmp_path)


@pytest.mark.parametrize("name", ["lm.lm", "lm.arpa.gz", "search.yaml", "live.yaml"])
def test_a_link_to_nothing_and_a_folder_in_place_of_a_file_are_refused(name: str, tmp_path: Path) -> None:
    save_keys_model(tmp_path)
    (tmp_path / name).symlink_to(tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(EmgasrError, match=name):
            emgasr.load(tmp_path)
        (tmp_path / "moved").mkdir(exist_ok=True)


def test_a_wrong_file_of_language_options_is_refused(folder: Path) -> None:
    (folder / "language.yaml").write_text("boost: 5000\n")
    with pytest.raises(ConfigError, match=r"language\.yaml: boost: 5000 is out of range"):
        emgasr.load(folder)


def test_a_language_model_of_other_symbols_is_refused(folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tiny_recognizer(tokens=Tokens.words(["yes", "no"])))
    with pytest.raises(EmgasrError, match="language model"):
        pipeline.transcribe(make_recording(1.0), lm=LM)


@pytest.mark.process
def test_import_emgasr_loads_nothing_heavy_and_shows_its_names() -> None:
    code = "import sys, emgasr; print(*sorted({'torch', 'numpy', 'scipy', 'numba', 'yaml'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    for name in emgasr.__all__:
        assert getattr(emgasr, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        emgasr.nothing  # noqa: B018


@pytest.mark.parametrize("recording", [None, "r.hdf5", np.zeros((9, 8))])
def test_only_a_recording_is_saved(recording: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a recording; give emgasr\.Recording"):
        emgasr.save_recording(recording, tmp_path / "r.hdf5")
    assert not any(tmp_path.iterdir())
