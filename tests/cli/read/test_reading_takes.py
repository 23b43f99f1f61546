"""The verbs that read single takes: transcribe, stream and condition, with a model's rate and unit or those given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

import emgasr
from emgasr.cli import main
from emgasr.recording import Band
from tests.helpers.miniatures import write_native, write_takes
from tests.helpers.tiny_models import save_keys_model

Told = Callable[[], tuple[str, str]]
VALUES = np.random.default_rng(0).normal(0, 50, (600, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained model of two bands of four electrodes at 200 Hz, in µV."""
    folder = tmp_path_factory.mktemp("world") / "model"
    save_keys_model(folder, "# A card")
    return str(folder)


@pytest.fixture
def takes(tmp_path: Path) -> dict[str, str]:
    """One signal as an array, a WAV of floats, a table, and a session that says all of itself."""
    found = {kind: str(tmp_path / f"take.{kind}") for kind in ("npy", "wav", "csv", "hdf5")}
    np.save(found["npy"], VALUES)
    wavfile.write(found["wav"], 200, VALUES)
    header = ",".join(f"emg{i + 1}" for i in range(8))
    np.savetxt(found["csv"], VALUES, fmt="%.9g", delimiter=",", header=header, comments="")
    write_native(tmp_path, "take.hdf5", samples=VALUES, events=emgasr.recording.Events.empty())
    return found


def test_a_take_of_any_kind_is_read_as_the_session_of_the_same_signal(
    model: str, takes: dict[str, str], told: Told
) -> None:
    texts = {}
    for kind, path in takes.items():
        assert main(["transcribe", model, path, "--json"]) == 0
        out, errors = told()
        texts[kind] = [(key["key"], key["time_s"]) for key in json.loads(out)["keys"]]
        assert ("as the model is: its file does not say (--rate, --unit)" in errors) == (kind != "hdf5")
    assert texts["hdf5"]
    assert texts["npy"] == texts["wav"] == texts["csv"] == texts["hdf5"]
    assert emgasr.load(model).transcribe(takes["npy"]).text == emgasr.load(model).transcribe(takes["hdf5"]).text


def test_what_is_given_of_takes_is_used_and_not_remarked_upon(model: str, takes: dict[str, str], told: Told) -> None:
    assert main(["transcribe", model, takes["npy"], takes["csv"], "--rate", "200", "--unit", "uV"]) == 0
    assert "as the model is" not in told()[1]


def test_one_line_tells_of_many_takes_what_was_taken_from_the_model(
    model: str, tmp_path: Path, takes: dict[str, str], told: Told
) -> None:
    folder = write_takes(tmp_path / "data", takes=2)
    assert main(["transcribe", model, str(folder / "takes"), "--json"]) == 0
    out, errors = told()
    assert [Path(json.loads(line)["recording"]).stem for line in out.splitlines()][:3] == ["d1_a_0", "d1_a_1", "d1_b_0"]
    assert len(out.splitlines()) == 8
    assert errors.count("taken at 200 Hz and in uV, as the model is") == 2
    assert "7 further recordings: taken at 200 Hz" in errors


def test_a_folder_of_takes_and_a_manifest_are_read_whole(model: str, tmp_path: Path, told: Told) -> None:
    folder = write_takes(tmp_path / "data", takes=1)
    bands = ["--bands", "left:4", "right:4"]
    make = ["manifest", str(folder), "--corpus", "takes", "--unit", "uV", *bands, "--split", "test", "--out"]
    assert main([*make, f"{tmp_path}/m.jsonl"]) == 0
    told()
    assert main(["transcribe", model, f"{tmp_path}/m.jsonl", "--json"]) == 0
    by_manifest = [json.loads(line) for line in told()[0].splitlines()]
    assert main(["transcribe", model, str(folder), "--json"]) == 0
    out, errors = told()
    assert [json.loads(line)["text"] for line in out.splitlines()] == [row["text"] for row in by_manifest]
    assert [Path(row["recording"]).stem for row in by_manifest] == ["d1_a_0", "d1_b_0", "d2_a_0", "d2_b_0"]
    assert "taken in uV, as the model is, where data does not say its unit" in errors


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("wav", ["--rate", "100"], "header tells 200 Hz, 100 Hz are declared"),
        ("npy", ["--rate", "100"], "take.npy: is at 100 Hz, the model at 200 Hz"),
        ("npy", ["--unit", "counts"], "take.npy: is in counts, the model in uV"),
        ("npy", ["--rate", "-1"], "--rate: has the rate -1"),
        ("npy", ["--unit", "parsec"], "--unit: unknown unit 'parsec'"),
        ("npy", ["--unit", "uV", "--scale-uv", "1"], "--scale-uv: is given, and --unit too"),
        ("npy", ["--columns", "1"], "has no columns to choose"),
        ("csv", ["--columns", "1", "2"], "has 2 channels, the model 8"),
        ("hdf5", ["--unit", "mV"], "is in uV, as it says itself"),
    ],
)
def test_a_take_that_does_not_fit_is_one_line(
    model: str, takes: dict[str, str], told: Told, kind: str, options: list[str], words: str
) -> None:
    assert main(["transcribe", model, takes[kind], *options]) == 2
    out, errors = told()
    assert (out, errors.count("\n")) == ("", 1)
    assert words in errors


def test_a_stream_replays_a_take_with_what_its_source_says_or_the_model(
    model: str, takes: dict[str, str], told: Told
) -> None:
    shown = {}
    for kind, said in (("hdf5", ""), ("npy", ""), ("csv", ",rate=200,unit=uV"), ("wav", ",unit=uV")):
        assert main(["stream", model, "--source", f"file:{takes[kind]}{said},speed=fast", "--json"]) == 0
        out, errors = told()
        keys = [json.loads(line) for line in out.splitlines()]
        shown[kind] = [(row["key"], row["state"], row["time_s"]) for row in keys if row["event"] == "key"]
        assert ("as the model is" in errors) == (kind == "npy")
    assert shown["hdf5"]
    assert shown["npy"] == shown["csv"] == shown["wav"] == shown["hdf5"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("rate=100", "is at 100 Hz, the model at 200 Hz"),
        ("unit=counts", "is in counts, the model in uV"),
        ("columns=1+2", "has no columns to choose"),
        ("scale_uv=0", "scale_uv is 0.0"),
        ("rte=100", "did you mean rate?"),
        ("rate_hz=200", "does not say its rate"),  # filters change it: the file's own cannot be the model's
    ],
)
def test_a_source_that_says_something_else_of_a_take_is_one_line(
    model: str, takes: dict[str, str], told: Told, said: str, words: str
) -> None:
    assert main(["stream", model, "--source", f"file:{takes['npy']},{said},speed=fast"]) == 2
    out, errors = told()
    assert (out, errors.strip().splitlines()[-1].count(words)) == ("", 1)


def test_a_take_is_conditioned_once_its_rate_and_unit_are_known(
    tmp_path: Path, takes: dict[str, str], told: Told
) -> None:
    out = str(tmp_path / "clean.hdf5")
    assert main(["condition", takes["npy"], "--out", out]) == 2
    assert "does not say its rate and unit; give --rate HZ and --unit" in told()[1]
    assert main(["condition", takes["npy"], "--out", out, "--rate", "200", "--unit", "mV", "--mains", "none"]) == 0
    made = emgasr.open_recording(out)
    assert (made.rate_hz, made.unit, made.n_channels) == (200.0, "uV", 8)
    assert made.bands == (Band.numbered("band", 8),)
    assert float(np.abs(made.read()).max()) > 1000
