"""Text from muscle signals: recordings of surface EMG in, keystrokes or words out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.errors import ConfigError
from emgasr.transcribe import Transcript, transcribe
from emgasr.version import __version__

if TYPE_CHECKING:
    from emgasr.models.recognizer import Recognizer
    from emgasr.recording import Recording

__all__ = ["Recognizer", "Recording", "Transcript", "__version__", "load", "open_recording", "transcribe"]


def load(folder: str | Path, device: str = "cpu") -> Recognizer:
    """Load the model in a folder that `emgasr train` wrote; a ModelError if it is missing or damaged.

    A ConfigError for a device that is not there, or what is no path.
    """
    _check_path("load", folder)
    from emgasr.models.folder import load_recognizer

    return load_recognizer(folder, device)


def open_recording(path: str | Path) -> Recording:
    """Open a native or emg2qwerty session (HDF5) or BIDS EMG (BDF, EDF), told by its content; samples read lazily."""
    _check_path("open_recording", path)
    from emgasr.corpora import open_any

    return open_any(path)


def _check_path(what: str, path: object) -> None:
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise ConfigError(what, f"{path!r} is no path", "give a text or a pathlib.Path")


def __getattr__(name: str) -> Any:
    """Import Recording and Recognizer when they are asked for: `import emgasr` itself imports nothing heavy."""
    if name == "Recording":
        from emgasr.recording import Recording

        return Recording
    if name == "Recognizer":
        from emgasr.models.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module 'emgasr' has no attribute {name!r}")
