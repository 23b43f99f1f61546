"""What the loaders are timed on: both give whole batches of varied windows from a session that the reader takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emgasr.corpora.emg2qwerty import sessions as emg2qwerty
from emgasr.data.validate import check_recording

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from data import BATCH, WINDOW_S, ours, plain, windows_per_s, write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "session.hdf5"
    write_session(path, 0.2)
    return path


def test_the_session_is_one_of_the_corpus_with_keys_at_its_rate(session: Path) -> None:
    recording = emg2qwerty.open_recording(session)
    assert check_recording(recording)[0] == []
    assert 3 < len(recording.events) / recording.duration_s < 6


@pytest.mark.slow
@pytest.mark.parametrize("make", [ours, plain])
def test_both_loaders_give_whole_batches(session: Path, make: type) -> None:
    samples = next(make(session, False))
    assert samples.shape[0] == BATCH
    assert samples[0].numel() == pytest.approx(WINDOW_S * 2000 * 32, rel=0.02)
    frames = next(make(session, True))
    assert frames.shape[:1] + frames.shape[2:] == (BATCH, 2, 16, 33)
    assert frames.shape[1] == pytest.approx(622, rel=0.02)


def test_loaders_are_timed_by_turns(session: Path) -> None:
    loaders = {"ours": ours(session, False), "plain": plain(session, False)}
    assert min(windows_per_s(loaders, batches=1, rounds=1).values()) > 0
