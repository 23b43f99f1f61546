"""`emgasr calibrate`: a simulated person types what is shown, and a profile tells what fitting was worth."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from emgasr import open_recording
from emgasr.cli import main
from emgasr.cli.live import calibrate
from emgasr.errors import ModelError
from emgasr.frontend.features import BandPowerConfig
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.linear import LinearConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Signal
from emgasr.simulate.session import BANDS
from emgasr.streaming.profile import Profile, read_profile, write_profile
from emgasr.tokens import Tokens
from tests.helpers.miniatures import write_native


def save_model(folder: Path) -> Path:
    """An untrained linear model of two wrists at 2 kHz."""
    torch.manual_seed(0)
    shape = RecognizerConfig(features=BandPowerConfig(), encoder=LinearConfig())
    save_recognizer(Recognizer(shape, Signal(2000.0, "uV", BANDS), Tokens.keystrokes("ab \b\n")), folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "base")


def command(model: Path, out: Path, *words: str) -> list[str]:
    prompts = out.parent / "prompts.txt"
    prompts.write_text("abba ab ba\nbaba bab\n")
    source = ["--source", "simulate:seed=9001,speed=fast", "--prompts", str(prompts)]
    short = ["--rest-seconds", "1", "--data-seconds", "12", "--held-out-seconds", "4", "--fit-minutes", "0.02"]
    return ["calibrate", str(model), "--out", str(out), *source, *short, *words]


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_kept_profile_holds_recordings_model_and_errors(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ann"
    assert main(command(model, out, "--keep", "--json", "--subject", "ann", "--session", "morning")) == 0
    told = json.loads(capsys.readouterr().out)
    profile = read_profile(out)
    assert (told["kept"], told["cer_after"]) == (True, profile.cer_after)
    assert (profile.person, profile.donning, profile.base_model) == ("ann", "morning", "base")
    fitting, held_out = open_recording(out / "fitting.hdf5"), open_recording(out / "held_out.hdf5")
    assert fitting.spans.kinds[0] == "rest"
    assert set(held_out.spans.kinds) == {"prompt"}
    assert profile.held_out_keys == len(held_out.events) > 5
    assert held_out.start_unix_s is not None
    assert fitting.start_unix_s is not None
    assert held_out.start_unix_s >= fitting.start_unix_s
    assert set(profile.rest_level) == {"left", "right"}
    assert load_recognizer(out / "fit" / "model").signal.rate_hz == 2000.0
    capsys.readouterr()
    assert (
        main(["stream", str(out), "--source", "simulate:seed=9001,speed=fast", "--limit-seconds", "3", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["seconds"] == pytest.approx(3, abs=0.1)
    assert main(command(model, out)) == 2
    assert "already holds something" in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_dropped_profile_leaves_nothing(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(model, tmp_path / "ann", "--drop")) == 0
    assert "nothing was kept" in capsys.readouterr().out
    assert not (tmp_path / "ann").exists()


def test_ctrl_c_keeps_what_was_recorded_and_says_where(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.capture.recorder.Director.prompt", interrupted)
    assert main(command(model, tmp_path / "ann")) == 130
    assert "is kept in" in capsys.readouterr().err
    assert open_recording(tmp_path / "ann" / "fitting.hdf5").duration_s >= 1.0


@pytest.mark.parametrize(
    ("answer", "after", "kept"),
    [("y", 0.4, True), ("n", 0.2, False), ("", 0.2, True), ("", 0.4, False), (EOFError, 0.2, True)],
)
def test_the_person_chooses_and_what_is_better_is_the_default(
    answer: str | type[EOFError], after: float, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(question: str) -> str:
        assert len(question) < 40
        if not isinstance(answer, str):
            raise answer
        return answer

    monkeypatch.setattr("emgasr.capture.keyboard.has_keyboard", lambda: True)
    monkeypatch.setattr("builtins.input", told)
    options = argparse.Namespace(keep=False, drop=False, json=False)
    profile = Profile("ann", "1", "base", 0.0, "uV", 30.0, 10.0, 50, 0.3, after, {})
    assert calibrate._keep(options, profile) is kept


def test_a_source_that_is_not_the_models_is_refused_before_anything_is_made(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_native(tmp_path)
    out = tmp_path / "ann"
    assert main(["calibrate", str(model), "--source", f"file:{other}", "--out", str(out)]) == 2
    assert "is at 200 Hz, the model at 2000 Hz" in capsys.readouterr().err
    assert main(["calibrate", str(model), "--source", "simulate:", "--out", str(out), "--data-seconds", "1"]) == 2
    assert "--data-seconds" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_without_a_profile_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no profile"):
        read_profile(tmp_path)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda facts: facts.pop("cer_after"), "lacks cer_after"),
        (lambda facts: facts.update(person=None), "person is null, where a value is needed"),
        (lambda facts: facts.update(rest_level={"left": "low"}), "rest_level is"),
        (lambda facts: facts.update(model="elsewhere"), "'model' is unknown"),
        (lambda facts: facts.update(person=[[[[]]]] * 9), "person is a list of 9"),
    ],
)
def test_a_profile_with_other_facts_is_refused(
    change: Callable[[dict[str, object]], None], wrong: str, tmp_path: Path
) -> None:
    profile = Profile("ann", "one", "base", 1.0, "uV", 60.0, 20.0, 80, 0.2, 0.1, {"left": 3.0})
    write_profile(profile, tmp_path)
    assert read_profile(tmp_path) == profile
    facts = asdict(profile)
    change(facts)
    (tmp_path / "profile.json").write_text(json.dumps(facts))
    with pytest.raises(ModelError, match=wrong):
        read_profile(tmp_path)
    (tmp_path / "profile.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match="nests more than"):
        read_profile(tmp_path)
