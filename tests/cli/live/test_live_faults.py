"""Whatever befalls a live signal, `emgasr stream` goes on, tells it, and keeps the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.recording import Band
from emgasr.sources import Chunk
from emgasr.sources.timeline import Packet, Timeline, TimelineConfig
from tests.helpers.miniatures import make_recording, write_native

RATE_HZ, BLOCK = 200.0, 10
Step = tuple[np.ndarray, float, float]  # samples, the device's time of the first, when they arrive
Fault = Callable[[list[Step]], list[Step]]  # of the twenty seconds that a sound device sends


class Faulty:
    """A source of what a fault makes of twenty seconds of a sound device; a step without samples is a silence."""

    rate_hz, unit, bands = RATE_HZ, "uV", make_recording().bands

    def __init__(self, fault: Fault) -> None:
        samples = np.random.default_rng(0).normal(0, 30, (4000, 8)).astype(np.float32)
        starts = range(0, 4000, BLOCK)
        self.steps = fault([(samples[i : i + BLOCK].copy(), i / RATE_HZ, (i + BLOCK) / RATE_HZ) for i in starts])
        self.timeline = Timeline(TimelineConfig(RATE_HZ, 8))

    def chunks(self) -> Iterator[Chunk]:
        for samples, start_s, arrived_s in self.steps:
            if not len(samples):
                self.timeline.note("stalled", 0, "nothing came for 1.0 s")
                yield self.timeline.empty(0.0)
                continue
            times_s = start_s + np.arange(len(samples)) / RATE_HZ
            yield from self.timeline.feed(Packet(samples, arrived_s, times_s))
        yield from self.timeline.flush()

    def close(self) -> None:
        pass


def nothing(steps: list[Step]) -> list[Step]:
    return steps


def nan_burst(steps: list[Step]) -> list[Step]:
    for samples, _, _ in steps[100:106]:
        samples[:, 2] = np.nan
    return steps


def dying_electrode(steps: list[Step]) -> list[Step]:
    for samples, _, _ in steps[100:]:
        samples[:, 1] = 3.0
    return steps


def saturated_band(steps: list[Step]) -> list[Step]:
    for samples, _, _ in steps[100:140]:
        samples[:, 4:] = np.where(samples[:, 4:] > 0, 5000.0, -5000.0)
    return steps


def stall(steps: list[Step]) -> list[Step]:
    return [*steps[:100], (steps[0][0][:0], 0.0, 0.0), *steps[100:]]


def short_loss(steps: list[Step]) -> list[Step]:
    return [*steps[:100], *steps[101:]]


def long_loss(steps: list[Step]) -> list[Step]:
    return [*steps[:100], *steps[160:]]


def jump_in_time(steps: list[Step]) -> list[Step]:
    return [*steps[:100], *((samples, start_s - 600.0, at_s) for samples, start_s, at_s in steps[100:])]


def delivered_twice(steps: list[Step]) -> list[Step]:
    return [*steps[:100], *steps[95:]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("models") / "keys"
    save_keys_model(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (nothing, []),
        (nan_burst, ["replaced"]),
        (dying_electrode, ["dead"]),
        (saturated_band, ["saturated", "alive"]),
        (stall, ["stalled"]),
        (short_loss, ["bridged"]),
        (long_loss, ["gap"]),
        (jump_in_time, ["jump"]),
        (delivered_twice, ["repeated"]),
    ],
)
def test_a_stream_survives_and_tells(
    fault: Fault,
    told: list[str],
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("emgasr.sources.open_source", lambda spec, *more: Faulty(fault))
    assert main(["stream", str(model), "--source", "faulty", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(dict.fromkeys(row["kind"] for row in rows if row["event"] == "notice")) == told
    assert rows[-1]["seconds"] == 20.0
    times_s = [row["time_s"] for row in rows if row["event"] == "key" and row["state"] == "final"]
    assert times_s == sorted(times_s)
    assert min(times_s) < 5.0
    assert max(times_s) > 15.0  # long after the fault


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"bands": (Band.numbered("left", 4), Band.numbered("right", 4), Band.numbered("chin", 4))}, "[4, 4, 4]"),
        ({"bands": (Band.numbered("all", 8),)}, "bands of [8] electrodes, the model [4, 4]"),
    ],
)
def test_other_channels_than_the_models_are_refused(
    changes: dict[str, tuple[Band, ...]], wrong: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channels = sum(len(band.electrodes) for band in changes["bands"])
    path = write_native(tmp_path, samples=np.ones((600, channels), np.float32), **changes)
    assert main(["stream", str(model), "--source", f"file:{path},speed=fast"]) == 2
    told = capsys.readouterr().err
    assert wrong in told
    assert told.count("\n") == 1
