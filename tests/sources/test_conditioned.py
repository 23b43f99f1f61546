"""A filtered source gives what filtering the whole recording gives, at the same times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emgasr import open_recording
from emgasr.errors import ConfigError, RecordingError
from emgasr.frontend.conditioning import Conditioner, ConditioningConfig, condition
from emgasr.recording import Band
from emgasr.sources import Chunk, Note, Typing, is_live, open_source, origin_of
from emgasr.sources.conditioned import conditioned
from tests.helpers.miniatures import write_native


@pytest.mark.slow
def test_a_filtered_replay_is_the_filtered_recording(tmp_path: Path) -> None:
    path = write_native(tmp_path, rate_hz=1000.0)
    config = ConditioningConfig(highpass_hz=20, mains="50", rate_hz=300)
    source = open_source(f"file:{path},speed=fast,highpass_hz=20,mains=50,rate_hz=300,chunk_ms=7")
    assert (source.rate_hz, source.unit, is_live(source), origin_of(source)) == (300.0, "uV", False, "simulated")
    chunks = list(source.chunks())
    np.testing.assert_allclose(
        np.concatenate([chunk.samples for chunk in chunks]), condition(open_recording(path), config).read(), atol=1e-3
    )
    ends = 0.0
    for chunk in chunks:
        assert chunk.time_s == pytest.approx(ends)
        ends = chunk.time_s + len(chunk.samples) / 300.0


class Gap:
    """A second, a hole of two seconds, another second."""

    rate_hz, unit, bands = 1000.0, "uV", (Band.numbered("emg", 2),)
    samples = np.random.default_rng(0).normal(30, 50, (2000, 2)).astype(np.float32)

    def chunks(self) -> Iterator[Chunk]:
        for first in range(0, 2000, 100):
            notes = (Note("gap", 1.0, 2000, "lost"),) if first == 1000 else ()
            yield Chunk(self.samples[first : first + 100], first / 1000 + (2.0 if first >= 1000 else 0.0), notes, 1.0)

    def close(self) -> None:
        self.closed = True


def test_after_a_gap_the_filters_start_anew_and_the_gap_is_where_it_was() -> None:
    config = ConditioningConfig(highpass_hz=20, mains="none", rate_hz=500)
    chunks = list(conditioned(Gap(), config).chunks())
    at = next(i for i, chunk in enumerate(chunks) if chunk.notes)
    assert chunks[at].notes[0].kind == "gap"
    assert chunks[at].time_s == pytest.approx(3.0)
    before, after = (np.concatenate([chunk.samples for chunk in part]) for part in (chunks[:at], chunks[at:]))
    conditioner = Conditioner(config, 1000.0)
    np.testing.assert_allclose(before, conditioner.whole(Gap.samples[:1000]), atol=1e-3)
    np.testing.assert_allclose(after, conditioner.whole(Gap.samples[1000:]), atol=1e-3)


def test_a_filtered_typist_still_types() -> None:
    source = open_source("simulate:seed=1,speed=fast,highpass_hz=30")
    assert isinstance(source, Typing)
    source.show("")
    assert len(source.typed()) == 0


def test_filters_that_cannot_be_are_refused_and_the_source_closed(tmp_path: Path) -> None:
    path = write_native(tmp_path)
    with pytest.raises(ConfigError, match="needs a signal"):
        open_source(f"file:{path},mains=auto")
    with pytest.raises(RecordingError, match="cannot raise 200 Hz to 2000 Hz"):
        open_source(f"file:{path},rate_hz=2000")
    gap = Gap()
    with pytest.raises(ConfigError, match="below 500 Hz"):
        conditioned(gap, ConditioningConfig(lowpass_hz=700, mains="none"))
    assert gap.closed
