"""A model, a source and prompts in; a profile folder out: the person's recordings, a model fitted to them, its errors.

profile/fitting.hdf5     rest and the prompts that the model is fitted to
profile/held_out.hdf5    the prompts that it is judged on; neither fitting nor its choice of weights saw them
profile/fit/model        the fitted model, or the base model where fitting did not help
profile/profile.json     person, donning, errors before and after, level of rest (`emgasr.streaming.profile`)
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emgasr.capture.recorder import Director, Recorder
from emgasr.errors import DataError, ModelError
from emgasr.models.folder import load_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording, Signal
from emgasr.sources import Chunk, Source
from emgasr.streaming.activity import RestLevel
from emgasr.streaming.profile import MODEL, Profile, write_profile
from emgasr.training.validator import greedy_errors

FITTING, HELD_OUT = "fitting.hdf5", "held_out.hdf5"
LEAST_S = 10.0  # of recording to fit to


@dataclass(frozen=True)
class CalibrateConfig:
    """How long to rest (`rest_s`), type to be learned from (`fitting_s`) and to be judged by (`held_out_s`).

    `fitting_minutes` of wall-clock time are spent on fitting, most of them while the held-out prompts are typed.
    """

    rest_s: float = 5.0
    fitting_s: float = 180.0
    held_out_s: float = 45.0
    fitting_minutes: float = 2.0


def check_signal(recognizer: Recognizer, source: Source) -> None:
    """Raise a RecordingError unless the source has the model's rate, unit and bands."""
    recognizer.signal.check_same(Signal(source.rate_hz, source.unit, source.bands), "source")


def record_session(
    source: Source,
    director: Director,
    prompts: Sequence[str],
    config: CalibrateConfig,
    folder: Path,
    names: tuple[str, str],
    start_fitting: Callable[[Path], None],
) -> tuple[Recording, Recording]:
    """Record rest and prompts to fit to, call `start_fitting` with their file, and record the held-out prompts.

    `names` are the person and the donning. Prompts are taken in turn, again from the first when they end. A DataError
    if the source ends before there is enough of either.
    """
    person, donning = names
    chunks = source.chunks()
    turn = _Turn(tuple(prompts))
    fitting = Recorder(folder / FITTING, source, person, f"{donning}-fitting")
    try:
        director.rest(chunks, fitting, config.rest_s)
        _type(director, chunks, fitting, turn, config.rest_s + config.fitting_s)
        fitted_to = fitting.finish()
    finally:
        fitting.close()
    if fitted_to.duration_s < LEAST_S or not len(fitted_to.events):
        raise DataError("calibration", "the source ended, or nothing was typed, before there was enough", "start again")
    start_fitting(folder / FITTING)
    judging = Recorder(folder / HELD_OUT, source, person, f"{donning}-held-out")
    try:
        _type(director, chunks, judging, turn, config.held_out_s)
        judged_on = judging.finish()
    finally:
        judging.close()
    if not len(judged_on.events):
        raise DataError("calibration", "nothing was typed in the prompts that judge", "start again")
    return fitted_to, judged_on


def fit_in_background(base: Path, recording: Path, out: Path, minutes: float) -> subprocess.Popen[str]:
    """Start `emgasr personalize` in a process of its own, which leaves this one to the signal."""
    command = [sys.executable, "-m", "emgasr", "personalize", str(base), str(recording)]
    command += ["--out", str(out), "--fit.minutes", f"{minutes:g}"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_fit(process: subprocess.Popen[str], waiting: Callable[[], None] = lambda: None) -> None:
    """Wait for the fit; a ModelError with its last line if it failed."""
    while process.poll() is None:
        waiting()
        time.sleep(0.2)
    _, told = process.communicate()
    if process.returncode:
        last = told.strip().splitlines()[-1] if told.strip() else f"exit code {process.returncode}"
        raise ModelError("calibration", f"fitting failed ({last.removeprefix('emgasr: ')})", "the recordings are kept")


def judge(
    base: Recognizer, folder: Path, fitted_to: Recording, judged_on: Recording, base_name: str, donning: str
) -> Profile:
    """Read the held-out prompts with both models, and write the profile."""
    fitted = load_recognizer(folder / MODEL)
    before, after = (greedy_errors(model, [("held out", judged_on)]).rate for model in (base, fitted))
    profile = Profile(
        person=judged_on.subject,
        donning=donning,
        base_model=base_name,
        made_unix_s=time.time(),
        unit=judged_on.unit,
        fitting_s=fitted_to.duration_s,
        held_out_s=judged_on.duration_s,
        held_out_keys=len(judged_on.events),
        cer_before=before,
        cer_after=after,
        rest_level=_rest_level(fitted_to, base),
    )
    write_profile(profile, folder)
    return profile


def _rest_level(recording: Recording, recognizer: Recognizer) -> dict[str, float]:
    rest = RestLevel.of_recording(recording, recognizer.emission_samples)
    names = (band.name for band in recording.bands)
    return {} if rest is None else dict(zip(names, rest.levels, strict=True))


@dataclass
class _Turn:
    """Prompts, round and round."""

    prompts: tuple[str, ...]
    number: int = 0

    def next(self) -> str:
        text = self.prompts[self.number % len(self.prompts)]
        self.number += 1
        return text


def _type(director: Director, chunks: Iterator[Chunk], recorder: Recorder, turn: _Turn, until_s: float) -> None:
    """Prompts until the recording is `until_s` long."""
    director.until_s = until_s
    while recorder.time_s < until_s:
        if not director.prompt(chunks, recorder, turn.next(), turn.number, 0):
            return
