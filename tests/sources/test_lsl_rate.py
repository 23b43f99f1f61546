"""The rate of a network stream: as it tells it, or as it is declared where it tells none; no network is needed."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from emgasr.errors import ConfigError, EmgasrError, RecordingError
from emgasr.sources import Source, open_source


class Description:
    """What a stream says of itself; it describes no channels."""

    def __init__(self, rate_hz: float, form: int = 1) -> None:
        self.rate_hz, self.form = rate_hz, form

    def nominal_srate(self) -> float:
        return self.rate_hz

    def channel_count(self) -> int:
        return 2

    def channel_format(self) -> int:
        return self.form

    def desc(self) -> Any:
        return self

    def child(self, name: str) -> Any:
        return self

    def empty(self) -> bool:
        return True


SENT = np.arange(2000, dtype=np.float32).reshape(1000, 2)


class Inlet:
    """Sends SENT at 500 Hz of its own clock, 50 samples at a time; 20 of them are lost from sample 500 on."""

    def __init__(self, found: Description, **options: Any) -> None:
        self.found, self.at = found, -1

    def info(self, timeout: float) -> Description:
        return self.found

    def open_stream(self, timeout: float) -> None: ...

    def close_stream(self) -> None: ...

    def pull_chunk(self, timeout: float, max_samples: int) -> tuple[np.ndarray, list[float]]:
        self.at += 1
        if not 0 <= 50 * (self.at - 1) < len(SENT):  # what came before anyone listened is left out
            return SENT[:0], []
        rows = np.arange(50 * (self.at - 1), 50 * self.at)
        return SENT[rows], ((rows + 20 * (rows >= 500)) / 500 + 1000).tolist()


def network(monkeypatch: pytest.MonkeyPatch, found: Description) -> None:
    pylsl: Any = types.ModuleType("pylsl")
    pylsl.util = types.ModuleType("pylsl.util")
    pylsl.util.LostError, pylsl.util.TimeoutError = type("LostError", (Exception,), {}), TimeoutError
    pylsl.resolve_bypred = lambda predicate, least, wait_s: [found]
    pylsl.StreamInlet = Inlet
    pylsl.set_config_content = lambda content: None
    monkeypatch.setitem(sys.modules, "pylsl", pylsl)
    monkeypatch.setitem(sys.modules, "pylsl.util", pylsl.util)


def taken(source: Source, rows: int) -> tuple[np.ndarray, list[str]]:
    parts, notes = [], []
    for chunk in source.chunks():
        parts.append(chunk.samples)
        notes += [note.kind for note in chunk.notes]
        if sum(map(len, parts)) >= rows:
            break
    source.close()
    return np.concatenate(parts), notes


@pytest.mark.parametrize(("nominal_hz", "declared"), [(0.0, ",rate=500"), (500.0, ""), (500.0, ",rate=500")])
def test_samples_stand_on_their_own_times_whoever_tells_the_rate(
    nominal_hz: float, declared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network(monkeypatch, Description(nominal_hz))
    source = open_source(f"lsl:name=band,unit=counts,chunk_ms=25{declared}")
    assert source.rate_hz == 500.0
    samples, notes = taken(source, 1020)
    np.testing.assert_array_equal(samples[:500], SENT[:500])
    np.testing.assert_array_equal(samples[500:520], np.tile(SENT[499], (20, 1)))  # bridged: it is known that they lack
    np.testing.assert_array_equal(samples[520:], SENT[500:])
    assert notes == ["bridged"]


@pytest.mark.parametrize(
    ("found", "declared", "kind", "wrong"),
    [
        (Description(0.0), "", RecordingError, r"nominal rate is 0\); if it sends samples, at which rate"),
        (Description(500.0), ",rate=1000", ConfigError, "is at 500 Hz, not at 1000 Hz"),
        (Description(0.0), ",rate=0", ConfigError, "rate=0 cannot be"),
        (Description(0.0), ",rate=nan", ConfigError, "rate=nan cannot be"),
        (Description(0.0, form=3), ",rate=500", RecordingError, "sends texts"),
    ],
)
def test_a_stream_of_no_known_rate_is_refused_with_the_question(
    found: Description, declared: str, kind: type[EmgasrError], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network(monkeypatch, found)
    with pytest.raises(kind, match=wrong):
        open_source(f"lsl:name=band,unit=counts{declared}")
