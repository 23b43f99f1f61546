"""`emgasr demo` as a user meets it, with a tiny untrained model in place of the packaged one."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from emgasr.cli import main

QUICK = ("--data-minutes", "2", "--fit-minutes", "0.02")


@dataclass(frozen=True)
class Finished:
    folder: Path
    model: Path
    out: str
    code: int


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from emgasr.decoding import SearchConfig
    from emgasr.decoding.search_file import write_search_config
    from emgasr.frontend.features import LogSpectrogramConfig
    from emgasr.lm import estimate, write_arpa
    from emgasr.models.folder import save_recognizer
    from emgasr.models.linear import LinearConfig
    from emgasr.models.recognizer import Recognizer, RecognizerConfig
    from emgasr.recording import Signal
    from emgasr.simulate.session import BANDS, RATE_HZ
    from emgasr.tokens import Tokens

    folder = tmp_path_factory.mktemp("demo") / "model"
    torch.manual_seed(0)
    shape = RecognizerConfig(features=LogSpectrogramConfig(window_ms=128, hop_ms=64), encoder=LinearConfig())
    save_recognizer(Recognizer(shape, Signal(RATE_HZ, "uV", BANDS), Tokens.keystrokes()), folder)
    write_arpa(estimate([list("the thin tent")] * 3, order=2), folder / "lm.arpa.gz")
    write_search_config(SearchConfig(beam=4, top_k=3, length_bonus=0.5), folder / "search.yaml")
    return folder


@pytest.fixture(scope="module")
def finished(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emgasr.cli.read.demo_story.TYPED_MINUTES", 0.4)
        told = _Told(patch)
        code = main(["demo", "--model", str(model), "--out", str(folder), "--seed", "3", *QUICK])
    return Finished(folder, model, told.text(), code)


class _Told:
    """What is printed meanwhile: capsys lives for one test only."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import io

        self.buffer = io.StringIO()
        patch.setattr("sys.stdout", self.buffer)

    def text(self) -> str:
        return self.buffer.getvalue()


@pytest.mark.slow
def test_the_demo_reads_calibrates_and_reads_again(finished: Finished) -> None:
    assert finished.code == 0
    assert "sim9003" in finished.out
    assert "0-7999" in finished.out
    assert finished.out.count("typed  ") == finished.out.count("read   ") >= 4
    assert "as shipped" in finished.out
    assert "calibrated" in finished.out
    assert f"{finished.folder}/report.html" in finished.out.replace("\n", "")
    assert "emgasr demo --seed 4" in finished.out


@pytest.mark.slow
def test_it_leaves_results_a_report_and_the_personal_model(finished: Finished) -> None:
    from emgasr.sessions.native import open_session

    rows = json.loads((finished.folder / "results.json").read_text())["rows"]
    assert [(row["system"], row["subject"]) for row in rows] == [
        (system, who) for system in ("as shipped", "calibrated") for who in ("all", "sim9003")
    ]
    assert all({"cer_greedy", "cer_lm", "cer_rendered_lm", "wer_lm", "interval"} <= row.keys() for row in rows)
    lines = [json.loads(line) for line in (finished.folder / "hypotheses.jsonl").read_text().splitlines()]
    assert [line["system"] for line in lines] == ["as shipped", "calibrated"]
    assert lines[0]["reference"] == lines[1]["reference"]
    page = (finished.folder / "report.html").read_text()
    assert "Side by side" in page
    assert str(finished.folder.parent) not in page
    from emgasr.models.folder import load_recognizer

    assert load_recognizer(finished.folder / "personal" / "model").parameter_count > 0
    assert open_session(finished.folder / "typed.hdf5").subject == "sim9003"
    assert [path.name for path in finished.folder.parent.iterdir()] == ["out"]  # nothing half-written beside it


@pytest.mark.slow
def test_the_sentences_of_test_and_calibration_differ() -> None:
    from emgasr.cli.read import demo_story as demo

    person = demo.unseen_person(0)
    typed, known = demo.typed_minute(person), demo.calibration(person, 2)
    assert typed.subject == known.subject
    assert typed.session != known.session
    assert not set(typed.spans.of_kind("prompt").texts) & set(known.spans.of_kind("prompt").texts)


@pytest.mark.slow
def test_json_is_all_that_is_on_stdout_and_a_free_name_is_found(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emgasr.cli.read.demo_story.TYPED_MINUTES", 0.3)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / "demo").mkdir(parents=True)
    (tmp_path / "out" / "demo" / "an older demo").touch()
    assert main(["demo", "--model", str(model), "--json", *QUICK]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["folder"], len(told["rows"])) == ("out/demo-2", 4)
    assert (tmp_path / "out" / "demo-2" / "report.html").is_file()


@pytest.mark.slow
def test_a_folder_that_holds_something_is_left_alone(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished.folder / "results.json").read_bytes()
    assert main(["demo", "--model", str(finished.model), "--out", str(finished.folder)]) == 2
    assert "already holds something" in capsys.readouterr().err
    assert (finished.folder / "results.json").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["typed_minute", "calibrate"])
def test_ctrl_c_ends_it_with_130_and_leaves_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.cli.read.demo_story.TYPED_MINUTES", 0.3)
    monkeypatch.setattr(f"emgasr.cli.read.demo_story.{stage}", stop)
    assert main(["demo", "--model", str(model), "--out", str(tmp_path / "out"), *QUICK]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "emgasr: interrupted"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_checkout_without_the_model_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emgasr.models.folder.resources.files", lambda package: tmp_path)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "recipes/demo_model/run.sh" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["config.yaml", "model.safetensors", "lm.arpa.gz", "search.yaml"])
def test_an_incomplete_model_is_refused_by_the_name_of_what_is_missing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    copy = shutil.copytree(model, tmp_path / "model")
    (copy / missing).unlink()
    assert main(["demo", "--model", str(copy), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert missing in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "-1"], "--seed: is -1"),
        (["--seed", "1000"], "test people 0 to 999"),
        (["--data-minutes", "0"], "--data-minutes: is 0"),
        (["--data-minutes", "1"], "give at least 2"),
        (["--fit-minutes", "0"], "give more than 0"),
        (["--fit-minutes", "nan"], "--fit-minutes: is nan"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_bad_option_is_one_line(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *options]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert words in told.err
