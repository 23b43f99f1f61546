"""Text from muscle signals: recordings of surface EMG in, keystrokes or words out.

    import emgasr

    pipeline = emgasr.load("demo")
    print(pipeline.transcribe("typed.hdf5").text)

`load`, `open_recording`, `save_recording` and `open_source` are the ways in; the classes are what they return.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.version import __version__

if TYPE_CHECKING:
    from emgasr.models.recognizer import Recognizer
    from emgasr.pipeline import Pipeline
    from emgasr.recording import Recording
    from emgasr.sources import Source
    from emgasr.transcript import Key, Transcript, Word

__all__ = [
    "Key",
    "Pipeline",
    "Recognizer",
    "Recording",
    "Transcript",
    "Word",
    "__version__",
    "load",
    "open_recording",
    "open_source",
    "save_recording",
]
# Where each class is, to be imported when it is asked for: `import emgasr` itself imports nothing heavy.
_HOMES = {
    "Key": "emgasr.transcript",
    "Pipeline": "emgasr.pipeline",
    "Recognizer": "emgasr.models.recognizer",
    "Recording": "emgasr.recording",
    "Transcript": "emgasr.transcript",
    "Word": "emgasr.transcript",
}


def load(
    model: str | Path = "demo",
    device: str = "auto",
    *,
    lm: Any = ...,
    lexicon: str | Path | None = None,
    character_lm: Any = None,
    hotwords: Any = None,
    beam: int | None = None,
    search: Any = None,
) -> Pipeline:
    """Load a model with all that its folder holds: recognizer, language model, search weights, live rules.

    Args:
        model: "demo", the model that ships with emgasr; a folder that `emgasr train` or `emgasr fuse`
            wrote; or a profile of `emgasr calibrate`, whose level of rest comes along.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        lm: a language model, or its file, in place of what the folder knows of language; None: read greedily.
        lexicon: a file of the words that `lm` is a model of.
        character_lm: with a lexicon, the model (or its file) that spells other words.
        hotwords: phrases to expect, or phrases with boosts in nats, or a file of them.
        beam: hypotheses that the search keeps after each frame.
        search: a SearchConfig, or a file of weights as `emgasr tune` writes it.

    Raises:
        ModelError: The folder is missing, damaged, or of another format.
        ConfigError: The device is not there, or an option cannot be.
    """
    from emgasr.fusion.pipeline import load

    asked = {"lexicon": lexicon, "character_lm": character_lm, "hotwords": hotwords, "beam": beam, "search": search}
    return load(model, device, lm=lm, **asked)


def open_recording(
    path: str | Path,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    scale_uv: float | None = None,
    columns: Sequence[str] = (),
    montage: str = "",
) -> Recording:
    """Open a session (HDF5), BIDS EMG (BDF, EDF) or a single take (.npy, .wav, .csv) by its content; reads lazily.

    Args:
        path: the file.
        rate_hz: samples a second, where a take does not say it.
        unit: uV, mV, V, nV or counts, likewise.
        scale_uv: µV of one stored step, in place of a unit.
        columns: of a table of samples, the electrodes' columns by name or number from 1.
        montage: bipolar, reference or average: how the voltage was taken, where the file does not say it.

    Raises:
        RecordingError: The file is missing, damaged, of another kind, or does not agree with what is said of it.
    """
    _check_path("open_recording", path)
    from emgasr.corpora.single import Facts, open_single

    return open_single(path, Facts(rate_hz, unit, scale_uv, tuple(columns), montage))


def save_recording(recording: Recording, path: str | Path) -> None:
    """Write a recording as a native session (HDF5); the old file stays if this fails.

    Raises:
        DataError: `recording` is no recording.
        OutputError: There is no room, or no permission.
    """
    _check_path("save_recording", path)
    from emgasr.errors import DataError
    from emgasr.recording import Recording
    from emgasr.sessions.native import save_session

    if not isinstance(recording, Recording):
        raise DataError("save_recording", f"got a {type(recording).__name__}, not a recording", _MAKE_ONE)
    save_session(recording, path)


def open_source(spec: str) -> Source:
    """Open a live signal, such as "file:typed.hdf5,speed=fast" or "brainflow:board=0"; `emgasr stream --help` has all.

    Raises:
        ConfigError: The source is unknown, or lacks an option.
    """
    from emgasr.sources import open_source

    return open_source(spec)


_MAKE_ONE = "give emgasr.Recording(samples, rate_hz, unit, bands, subject, session), or emgasr.open_recording(path)"


def _check_path(what: str, path: object) -> None:
    if not isinstance(path, str | Path) or "\0" in str(path):
        from emgasr.errors import ConfigError

        raise ConfigError(what, f"{path!r} is no path", "give a text or a pathlib.Path")


def __getattr__(name: str) -> Any:
    """Import a class when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'emgasr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
