"""The failures that a user can cause or mend, each one clear line: where, what is wrong, what to do."""

from __future__ import annotations

from pathlib import Path

from emgasr.display.visible import told_line


class EmgasrError(Exception):
    """A failure told in one line: `where` (file or stage), what is `wrong`, and the `advice` on what to do."""

    exit_code = 2

    def __init__(self, where: str | Path, wrong: str, advice: str = "") -> None:
        self.where = str(where)
        self.wrong = wrong
        self.advice = advice
        line = f"{self.where}: {wrong}" + (f"; {advice}" if advice else "")
        super().__init__(told_line(line))

    def __reduce__(self) -> tuple[type[EmgasrError], tuple[str, str, str]]:  # between processes, as it is
        return type(self), (self.where, self.wrong, self.advice)


class RecordingError(EmgasrError):
    """A recording that cannot be read or does not hold what it must."""


class ManifestError(EmgasrError):
    """A manifest that cannot be read, or whose splits break what they claim."""


class DataError(EmgasrError):
    """Labels, tokens or text that do not fit the recording or the model."""


class ModelError(EmgasrError):
    """A model folder that is damaged, foreign, or made for other signals."""


class LanguageModelError(EmgasrError):
    """A language model that cannot be read or estimated."""


class ConfigError(EmgasrError):
    """A configuration with an unknown key or an impossible value."""


class OutputError(EmgasrError):
    """Results that cannot be written where they were asked for."""
