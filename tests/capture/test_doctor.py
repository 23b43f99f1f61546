"""The doctor sees what is wrong with a signal, electrode by electrode, and finds nothing wrong with a sound one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emgasr.capture.doctor import Diagnosis, examine
from emgasr.cli import main
from emgasr.errors import RecordingError
from emgasr.recording import Band
from emgasr.sessions.native import save_session
from emgasr.sources import Chunk, Note, Typing, open_source
from tests.helpers.miniatures import make_recording

RATE_HZ = 1000.0


class Patient:
    """Ten seconds of noise of 5 µV with a little hum on eight electrodes; `ill` spoils them."""

    rate_hz, unit, bands = RATE_HZ, "uV", (Band.numbered("left", 4), Band.numbered("right", 4))

    def __init__(self, true_rate_hz: float = RATE_HZ, notes: tuple[Note, ...] = ()) -> None:
        time_s = np.arange(10_000) / RATE_HZ
        self.samples = np.random.default_rng(0).normal(0, 5, (10_000, 8))
        self.hum = np.sin(2 * np.pi * 50 * time_s)
        self.samples += 2 * self.hum[:, None]
        self.true_rate_hz = true_rate_hz
        self.notes = notes
        self.closed = False

    def chunks(self) -> Iterator[Chunk]:
        for first in range(0, 10_000, 20):
            notes = self.notes if first == 200 else ()
            samples = self.samples[first : first + 20].astype(np.float32)
            yield Chunk(samples, first / RATE_HZ, notes, 9.0 + (first + 20) / self.true_rate_hz)

    def close(self) -> None:
        self.closed = True


def wrongs(diagnosis: Diagnosis) -> str:
    return " / ".join(finding.wrong for finding in diagnosis.findings)


def states(diagnosis: Diagnosis) -> list[str]:
    return [electrode.state for electrode in diagnosis.electrodes]


def test_a_simulated_person_rests_for_it() -> None:
    source = open_source("simulate:seed=9001,speed=fast")
    diagnosis = examine(source, 5.0)
    assert isinstance(source, Typing)
    assert not len(source.typed())
    assert diagnosis.verdict == "good"
    assert np.median([electrode.rms for electrode in diagnosis.electrodes]) < 10


def test_a_sound_signal_is_good() -> None:
    patient = Patient()
    diagnosis = examine(patient, 10.0)
    assert (diagnosis.verdict, wrongs(diagnosis)) == ("good", "")
    assert diagnosis.mains_hz == 50.0
    assert diagnosis.measured_rate_hz == pytest.approx(RATE_HZ, rel=0.001)
    assert [e.band for e in diagnosis.electrodes] == ["left"] * 4 + ["right"] * 4
    for electrode in diagnosis.electrodes:
        assert electrode.rms == pytest.approx(np.sqrt(25 + 2), rel=0.05)
        assert electrode.mains == pytest.approx(np.sqrt(2), rel=0.25)
        assert electrode.noise_floor < electrode.rest_level < 1.1 * electrode.rms
    assert patient.closed


def test_each_ill_electrode_is_named_for_what_it_has() -> None:
    patient = Patient()
    patient.samples[:, 0] = 3.0
    patient.samples[:, 2] = np.clip(40 * patient.samples[:, 2], -100, 100)
    patient.samples[:, 5] += 60 * patient.hum
    patient.samples[:, 7] *= 30
    diagnosis = examine(patient, 10.0)
    assert states(diagnosis) == ["dead", "good", "saturated", "good", "good", "detached", "good", "noisy"]
    assert diagnosis.verdict == "usable"
    for wrong in ("dead: left left1", "saturated: left left3", "detached: right right2", "noisy: right right4"):
        assert wrong in wrongs(diagnosis)


def test_many_ill_electrodes_make_a_bad_signal() -> None:
    patient = Patient()
    patient.samples[:, :3] = 0.0
    diagnosis = examine(patient, 10.0)
    assert diagnosis.verdict == "bad"
    assert states(diagnosis)[:3] == ["dead"] * 3


def test_a_signal_without_any_life_is_bad() -> None:
    patient = Patient()
    patient.samples[:] = 0.0
    diagnosis = examine(patient, 10.0)
    assert diagnosis.verdict == "bad"
    assert set(states(diagnosis)) == {"dead"}


@pytest.mark.parametrize(("true_hz", "verdict"), [(970.0, "usable"), (800.0, "bad"), (1300.0, "bad")])
def test_a_wrong_rate_is_measured(true_hz: float, verdict: str) -> None:
    diagnosis = examine(Patient(true_hz), 10.0)
    assert diagnosis.verdict == verdict
    assert diagnosis.measured_rate_hz == pytest.approx(true_hz, rel=0.001)
    assert "1000 Hz is declared" in wrongs(diagnosis)


def test_lost_and_repeated_samples_are_counted() -> None:
    notes = (Note("gap", 0.2, 500, ""), Note("repeated", 0.2, 20, ""), Note("replaced", 0.2, 3, ""))
    diagnosis = examine(Patient(notes=notes), 10.0)
    assert diagnosis.counts == {"gap": 500, "repeated": 20, "replaced": 3}
    assert diagnosis.verdict == "bad"
    assert "500 samples were lost (4.76%)" in wrongs(diagnosis)


def test_noise_unrest_and_hum_are_told() -> None:
    patient = Patient()
    patient.samples *= 5
    assert "noise floor is 2" in wrongs(examine(patient, 10.0))
    patient = Patient()
    patient.samples[3000:] *= 20
    assert "rest level" in wrongs(examine(patient, 10.0))
    patient = Patient()
    patient.samples += 20 * patient.hum[:, None]
    assert "hum of 50 Hz is most of the signal" in wrongs(examine(patient, 10.0))


def test_a_source_that_gives_nothing_is_told() -> None:
    patient = Patient()
    patient.chunks = lambda: iter(())  # type: ignore[method-assign]
    with pytest.raises(RecordingError, match=r"only 0\.00 s of signal came"):
        examine(patient, 10.0)


def test_the_verb_shows_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.hdf5"
    recording = make_recording(4.0, rate_hz=1000.0)
    quiet = make_recording(4.0, rate_hz=1000.0, samples=(recording.read() / 10).astype(np.float32))
    save_session(quiet, path)
    assert main(["doctor", "--source", f"file:{path},speed=fast", "--limit-seconds", "4"]) == 0
    told = capsys.readouterr().out
    assert "verdict: good" in told
    assert "right4" in told
    assert max(map(len, told.splitlines())) <= 80
    assert main(["doctor", "--source", f"file:{path},speed=fast", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["verdict"], facts["measured_rate_hz"], len(facts["electrodes"])) == ("good", None, 8)


def test_the_verb_ends_with_2_for_a_bad_signal_and_for_bad_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dead.hdf5"
    save_session(make_recording(4.0, samples=np.zeros((800, 8), np.float32)), path)
    assert main(["doctor", "--source", f"file:{path},speed=fast"]) == 2
    assert "verdict: bad" in capsys.readouterr().out
    assert main(["doctor", "--source", "file:/nowhere"]) == 2
    assert main(["doctor", "--source", "file:x", "--limit-seconds", "0"]) == 2
    assert main(["doctor"]) == 2
