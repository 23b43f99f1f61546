"""`emgasr stream` as a user runs it: events, plain text, a terminal's view; refusals; the example of the package."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from emgasr.cli import main
from emgasr.cli.live.stream_view import View
from emgasr.errors import RecordingError
from emgasr.lm import estimate, write_arpa
from emgasr.models.folder import load_recognizer
from emgasr.sessions.native import save_session
from emgasr.sources import Chunk
from emgasr.streaming import stream as streaming
from tests.helpers.miniatures import make_recording
from tests.helpers.streams import stream_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with run/model, typed.hdf5 with a NaN in it, and english.arpa."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("world")
    save_keys_model(folder / "run" / "model")
    samples = np.random.default_rng(0).normal(0, 30, (2000, 8)).astype(np.float32)
    samples[600, 0] = np.nan
    save_session(make_recording(10.0, samples=samples), folder / "typed.hdf5")
    write_arpa(estimate([list("abab")] * 3, order=2), folder / "english.arpa")
    return folder


def arguments(world: Path, *more: str) -> list[str]:
    return ["stream", f"{world}/run/model", "--source", f"file:{world}/typed.hdf5,speed=fast", *more]


def test_events_are_json_lines_that_end_in_a_summary(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(world, "--json", "--lm", f"{world}/english.arpa", "--finalize-within-seconds", "0.3")) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["event"] for row in rows} == {"key", "notice", "summary"}
    summary = rows[-1]
    final = [row for row in rows if row["event"] == "key" and row["state"] == "final"]
    assert summary["keys"] == len(final) > 3
    assert [row["index"] for row in final] == list(range(len(final)))
    assert summary["seconds"] == 10.0
    assert summary["interrupted"] is False
    assert summary["delay"]["finalize_ms"] == 300


def test_a_pipe_gets_the_text_and_the_figures_apart(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(world)) == 0
    told = capsys.readouterr()
    expected = stream_of(load_recognizer(world / "run" / "model"))
    from emgasr.sessions.native import open_session

    for event in (*expected.feed(open_session(world / "typed.hdf5").read()), *expected.close()):
        assert event
    assert "".join(told.out.split("\n")) == expected.text.replace("\n", "")
    assert "keys a minute" not in told.out
    assert "computing, each chunk: p50" in told.err
    assert "no amplifier gives" in told.err


def test_rest_a_limit_and_the_size_of_chunks_are_taken(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(world, "--json", "--rest-seconds", "4", "--limit-seconds", "6", "--chunk-ms", "100")) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[-1]["seconds"] == pytest.approx(6, abs=0.1)
    assert rows[-1]["feeds"] <= 62  # one chunk is cut where rest ends
    assert [row["kind"] for row in rows if row["event"] == "notice"][-1] == "rest"
    assert all(row["time_s"] > 4 for row in rows if row["event"] == "key")


@pytest.mark.slow
@pytest.mark.parametrize("chunk_ms", ["20", "1000", "10000"])
def test_rest_ends_when_it_was_said_to_in_chunks_of_any_size(
    world: Path, chunk_ms: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(world, "--json", "--rest-seconds", "0.5", "--chunk-ms", chunk_ms)) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [row["text"] for row in rows if row["event"] == "notice" and row["kind"] == "rest"]
    assert main(arguments(world, "--json", "--rest-seconds", "0.5")) == 0
    assert told in capsys.readouterr().out
    assert any(row["event"] == "key" for row in rows)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (["--chunk-ms", "0"], "--chunk-ms: is 0"),
        (["--rest-seconds", "-1"], "--rest-seconds: is -1"),
        (["--agreement", "2"], "agreement: 2 is out of range"),
        (["--lm-weight", "1"], "needs a language model"),
        (["--json", "--text"], "not allowed with"),
    ],
)
def test_a_bad_option_is_one_line(world: Path, more: list[str], wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(world, *more)) == 2
    assert wrong in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [({"rate_hz": 400.0}, "is at 400 Hz, the model at 200 Hz"), ({"unit": "counts"}, "is in counts, the model in uV")],
)
def test_another_signal_is_refused_in_one_line(
    world: Path, tmp_path: Path, changes: dict, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_session(make_recording(1.0, **({"rate_hz": 200.0} | changes)), tmp_path / "other.hdf5")
    source = f"file:{tmp_path}/other.hdf5,speed=fast"
    assert main(["stream", f"{world}/run/model", "--source", source]) == 2
    told = capsys.readouterr().err
    assert wrong in told
    assert f"{tmp_path}/other.hdf5" in told
    assert told.count("\n") == 1


def test_ctrl_c_ends_a_stream_cleanly(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = streaming.Stream.feed

    def interrupted(stream: streaming.Stream, samples: np.ndarray, rest: bool = False) -> list[streaming.Event]:
        if 5 < stream.time_s < 6 and stream.watch.count > 10:
            raise KeyboardInterrupt
        return feed(stream, samples, rest)

    monkeypatch.setattr(streaming.Stream, "feed", interrupted)
    assert main(arguments(world, "--json")) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[-1]["event"] == "summary"
    assert rows[-1]["interrupted"] is True
    assert 5 < rows[-1]["seconds"] < 6


def test_a_source_that_is_gone_for_good_leaves_what_was_read(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from emgasr.sources import open_source

    source = open_source(f"file:{world}/typed.hdf5,speed=fast")

    class Failing:
        rate_hz, unit, bands = source.rate_hz, source.unit, source.bands

        def chunks(self) -> Iterator[Chunk]:
            yield from islice(source.chunks(), 20)
            raise RecordingError("source", "is gone (unplugged)", "plug it in")

        def close(self) -> None:
            source.close()

    monkeypatch.setattr("emgasr.sources.open_source", lambda spec, *more: Failing())
    assert main(arguments(world, "--json")) == 2
    told = capsys.readouterr()
    assert told.err.splitlines() == ["emgasr: source: is gone (unplugged); plug it in"]
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert rows[-1]["event"] == "summary"
    assert 0 < rows[-1]["seconds"] < 10
    assert rows[-1]["keys"] == sum(row["event"] == "key" and row["state"] == "final" for row in rows)


def test_the_view_shows_text_bars_pace_and_notices(world: Path) -> None:
    stream = stream_of(load_recognizer(world / "run" / "model"))
    samples = np.random.default_rng(0).normal(0, 30, (2000, 8)).astype(np.float32)
    samples[800, 2] = np.nan
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=30)
    with View(stream, 64.0, console) as show:
        for first in range(0, 2000, 13):
            show(stream.feed(samples[first : first + 13]))
        show(stream.close())
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    last = plain[plain.rindex("emgasr") :]
    assert stream.text.replace("\n", "")[-20:] in last.replace("\n", "").replace("│", "").replace(" ", "")
    for part in ("left", "right", "█", "µV", "keys a minute", "first shown after", "left3"):
        assert part in last, part


@pytest.mark.slow
def test_the_example_of_the_package_runs(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = re.search(r"(?m)((?:^    .*\n|^\n)+)", str(streaming.__doc__))
    assert example is not None
    code = re.sub(r"(?m)^    ", "", example[1]).strip()
    assert len([line for line in code.splitlines() if line]) <= 11
    monkeypatch.chdir(world)
    exec(compile(code, "example", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert any(line.startswith("KeyEvent(index=0, key=Key(symbol=") for line in told), told


def test_info_tells_the_delay_of_a_model(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", f"{world}/run/model"]) == 0
    assert "first shown after" in capsys.readouterr().out
    assert main(["info", f"{world}/run/model", "--json"]) == 0
    delay = json.loads(capsys.readouterr().out)["delay"]
    assert (delay["window_ms"], delay["hop_ms"], delay["feed_ms"]) == (80, 20, 64)
    assert delay["partial_mean_ms"] < delay["partial_worst_ms"] < delay["final_worst_ms"]
