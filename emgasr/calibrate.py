"""A model, a source and prompts in; a profile folder out: the person's recordings, a model fitted to them, its errors.

profile/fitting.hdf5     rest and the prompts that the model is fitted to
profile/held_out.hdf5    the prompts that it is judged on; neither fitting nor its choice of weights saw them
profile/fit/model        the fitted model, or the base model where fitting did not help
profile/profile.json     whose and which donning it is, errors before and after, the level of rest
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import DataError, ModelError
from emgasr.output import replacing
from emgasr.recognizer import Recognizer
from emgasr.recorder import Director, Recorder
from emgasr.recording import Recording
from emgasr.sources import Chunk, Source, channel_count
from emgasr.training import validation_errors

FITTING, HELD_OUT, FIT, PROFILE = "fitting.hdf5", "held_out.hdf5", "fit", "profile.json"
LEVEL_S = 0.1  # windows of the rest level
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


@dataclass(frozen=True)
class Profile:
    """One person's calibration of one donning; CER are greedy, on the held-out prompts; `rest_level` by band.

    `rest_level` is the root mean square of each band at rest, the 95th percentile over windows of 0.1 s.
    """

    person: str
    donning: str
    base_model: str
    made_unix_s: float
    unit: str
    fitting_s: float
    held_out_s: float
    held_out_keys: int
    cer_before: float
    cer_after: float
    rest_level: dict[str, float]

    @property
    def better(self) -> bool:
        """Whether the fitted model reads the held-out prompts better."""
        return self.cer_after < self.cer_before


def check_signal(recognizer: Recognizer, source: Source) -> None:
    """Raise a RecordingError unless the source has the model's rate, unit and bands."""
    empty = np.zeros((0, channel_count(source)), np.float32)
    recognizer.signal.check(Recording(empty, source.rate_hz, source.unit, source.bands, "source", "live"))


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
    command = [sys.executable, "-m", "emgasr", "personalize", str(base), "--recordings", str(recording)]
    command += ["--out", str(out), "--minutes", f"{minutes:g}"]
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
    fitted = Recognizer.load(folder / FIT / "model")
    before, after = (validation_errors(model, [("held out", judged_on)])[0].rate for model in (base, fitted))
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
        rest_level=rest_level(fitted_to),
    )
    with replacing(folder / PROFILE) as path:
        path.write_text(json.dumps(asdict(profile), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return profile


def read_profile(folder: str | Path) -> Profile:
    """The profile of a folder; a ModelError if it has none."""
    path = Path(folder) / PROFILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Profile(**facts)
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(path, "is no profile", "make one by `emgasr calibrate`") from error


def rest_level(recording: Recording) -> dict[str, float]:
    """Each band's level in the recording's rests: the 95th percentile over 0.1 s of the root mean square."""
    rests = recording.spans.of_kind("rest")
    rows = max(1, round(LEVEL_S * recording.rate_hz))
    levels: list[np.ndarray] = []
    for start_s, end_s in zip(rests.start_s, rests.end_s, strict=True):
        samples = recording.read(float(start_s), min(float(end_s), recording.duration_s)).astype(np.float64)
        whole = samples[: len(samples) // rows * rows].reshape(-1, rows, samples.shape[1])
        levels.append((whole - whole.mean(axis=1, keepdims=True)).var(axis=1))
    power = np.concatenate(levels) if levels else np.zeros((0, recording.n_channels))
    if not len(power):
        return {}
    found, start = {}, 0
    for band in recording.bands:
        end = start + len(band.electrodes)
        found[band.name] = float(np.percentile(np.sqrt(power[:, start:end].mean(axis=1)), 95))
        start = end
    return found


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
    while recorder.time_s < until_s:
        if not director.prompt(chunks, recorder, turn.next(), turn.number, len(turn.prompts)):
            return
