"""`emgasr new` as a user meets it: from a folder of takes to metadata.csv, a manifest, a model and results."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.manifests.manifest import read_manifest
from emgasr.manifests.splits import people

FACTS = ("--rate", "200", "--unit", "counts", "--subject", "me", "--no-ring")
TINY = """\
fit: {validations: 1}
objective: {intermediate_weight: 0}
data: {kind: composed, batch_size: 2}
features: {kind: log_spectrogram, window_ms: 80, hop_ms: 40}
encoder: {kind: linear}
"""


class Terminal(io.StringIO):
    """Someone who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two words, three sessions of six takes each, without a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    rng = np.random.default_rng(0)
    (tmp_path / "mine").mkdir()
    for word in ("yes", "no"):
        for session in ("s1", "s2", "s3"):
            for take in range(6):
                samples = rng.integers(-99, 99, (80, 4), dtype=np.int16)
                np.save(tmp_path / "mine" / f"{word}_{session}_{take}.npy", samples)
    return tmp_path


def new(*words: object) -> int:
    return main(["new", "mine", *map(str, words)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("emgasr: ")
    return error


def samples_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "mine").glob("*.npy")}


def test_table_and_manifest_come_out_and_the_files_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = samples_of(folder)
    assert new("--yes", "--no-train", *FACTS) == 0
    printed = capsys.readouterr().out
    assert "note: montage: not told" in printed
    assert "36 takes: 2 labels of 18 takes; people: me; 3 sessions: s1, s2, s3" in printed
    command = "--test-sessions s3 --validation-every 5 --out out/mine/manifest.jsonl"
    assert f"$ emgasr manifest mine --corpus takes {command}" in printed
    following = printed.partition("What next:")[2]
    assert "emgasr train out/mine/manifest.jsonl --task words --fit.minutes 5" in following
    assert "emgasr transcribe out/mine/run/model mine/no_s3_0.npy" in following
    manifest = read_manifest("out/mine/manifest.jsonl")
    assert {entry.split for entry in manifest.entries if entry.session == "s3"} == {"test"}
    assert {entry.split for entry in manifest.entries if entry.session != "s3"} == {"train", "validation"}
    assert people(manifest.entries) == ["me"]
    assert samples_of(folder) == before


def test_without_a_terminal_one_line_names_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--no-train", "--no-ring") == 2
    error = capsys.readouterr().err
    assert "cannot know: --pattern (a guess: {label}_{session}_{take}), --rate, --unit (a guess: counts)" in error
    assert error.count("\n") == 1
    assert not (folder / "mine" / "metadata.csv").exists()


def test_on_a_terminal_it_asks(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["{label}_{session+}", "{label}_{session}_{n}", "", "fast", "200", "", "ann", "no", "mono", "Bipolar"]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(typed) + "\n"))
    assert new("--no-train") == 0
    printed = capsys.readouterr()
    assert "yes_s1_0.npy  label yes, session s1, n 0" in printed.out
    assert "'fast' is no number" in printed.out
    assert "unknown montage 'mono'" in printed.out
    assert "--montage bipolar" in printed.out
    assert {entry.montage for entry in read_manifest("out/mine/manifest.jsonl").entries} == {"bipolar"}
    assert "Pattern of the names, as in {label}_{session}_{take} [{label}_{session}_{n}]: " in printed.err
    assert {entry.subject for entry in read_manifest("out/mine/manifest.jsonl").entries} == {"ann"}


def test_a_second_run_goes_on_and_other_answers_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--yes", "--no-train", *FACTS) == 0
    table = (folder / "mine" / "metadata.csv").read_bytes()
    capsys.readouterr()
    assert new("--yes", "--no-train", *FACTS) == 0
    printed = capsys.readouterr().out
    assert "metadata.csv: used as it is" in printed
    assert "(done already)" in printed
    assert new("--yes", "--no-train", "--split-by", "take") == 2
    assert "holds a manifest step of other answers" in one_line(capsys)
    assert new("--yes", "--no-train", "--rate", "250") == 2
    assert "says rate 200.0 of no_s1_0.npy, the options 250.0" in one_line(capsys)
    assert (folder / "mine" / "metadata.csv").read_bytes() == table
    assert new("--yes", "--no-train", "--rate", "250", "--overwrite") == 0
    assert {entry.rate_hz for entry in read_manifest("out/mine/manifest.jsonl").entries} == {250.0}


def test_files_that_do_not_fit_are_listed_and_left_out_only_if_wanted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(folder / "mine" / "yes.npy", np.ones((80, 4)))
    np.save(folder / "mine" / "yes_s1_9.npy", np.random.default_rng(0).normal(0, 9, (80, 3)))
    assert new("--yes", "--no-train", *FACTS) == 2
    printed = capsys.readouterr()
    assert "does not fit: yes.npy: its name does not fit the pattern" in printed.out
    assert "does not fit: yes_s1_9.npy: has 3 channels, most takes have 4" in printed.out
    assert "2 of 38 files do not fit (above); mend them, or pass --leave-out-bad" in printed.err
    assert not (folder / "mine" / "metadata.csv").exists()
    assert new("--yes", "--no-train", "--leave-out-bad", *FACTS) == 0
    assert len(read_manifest("out/mine/manifest.jsonl").entries) == 36


def test_one_session_is_said_to_be_optimistic_and_a_rare_label_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "mine").glob("*_s[23]_*.npy"):
        path.unlink()
    np.save(folder / "mine" / "maybe_s1_0.npy", np.random.default_rng(0).normal(0, 9, (80, 4)))
    words = ("--pattern", "{label}_s1_{take}", "--session", "today")
    assert new("--yes", "--no-train", *words, *FACTS) == 0
    printed = capsys.readouterr().out
    assert "there is one session only; takes of a known session are optimistic" in printed
    assert "1 label with fewer than 5 takes: 'maybe' (1)" in printed


def test_wav_files_of_several_rates_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from scipy.io import wavfile

    (folder / "waves").mkdir()
    for number in range(6):
        for word in ("yes", "no"):
            rate = 2000 if (number, word) == (0, "no") else 1000
            samples = np.random.default_rng(number).integers(-99, 99, (400, 2), dtype=np.int16)
            wavfile.write(folder / "waves" / f"{word}_{number}.wav", rate, samples)
    facts = ("--unit", "counts", "--subject", "me", "--session", "1", "--no-ring", "--yes", "--no-train")
    assert main(["new", "waves", *facts]) == 2
    assert "does not fit: no_0.wav: its header tells 2000 Hz, not 1000 Hz" in capsys.readouterr().out


def test_a_label_all_whose_takes_are_silent_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (folder / "mine").glob("no_*.npy"):
        np.save(path, np.zeros((80, 4)))
    assert new("--yes", "--no-train", *FACTS) == 2
    assert "does not fit: all takes of 'no' are silent" in capsys.readouterr().out
    assert new("--yes", "--no-train", "--leave-out-bad", *FACTS) == 2
    assert "holds takes of one label alone (yes)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--fit-minutes", "0"), "--fit-minutes: is 0"),
        (("--pattern", "{take}"), "does not say where the label stands"),
        (("--yes", "--rate", "200", "--session", "x"), "--session: is in the names already"),
        (("--yes", "--rate", "0"), "has the rate 0"),
        (("--yes", "--rate", "200", "--unit", "amps"), "unknown unit 'amps'"),
        (("--yes", "--rate", "200", "--split-by", "person"), "no person can be left out"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert new(*words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (folder / "mine" / "metadata.csv").exists()


@pytest.mark.slow
@pytest.mark.process  # a training asks git which version it is of
def test_the_whole_path_ends_in_a_report_and_goes_on_where_it_stopped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    words = ("--yes", *FACTS, "--config", "tiny.yaml", "--quiet", "--fit-minutes", "0.1")
    assert new(*words, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["model"] == "out/mine/run/model"
    assert len(made["commands"]) == 5
    for results in ("results", "results_strings"):
        assert (folder / "out" / "mine" / results / "report.html").is_file()
    assert new(*words) == 0
    assert capsys.readouterr().out.count("(done already)") == 5
    assert new(*words, "--overwrite") == 2
    assert "holds a model, which is never replaced" in capsys.readouterr().err
