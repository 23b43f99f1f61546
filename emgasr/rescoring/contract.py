"""The contract of what looks at a segment again: texts in, ln p of each out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Segment:
    """What a scorer is asked about.

    Args:
        texts: the different texts of the n-best list, backspaces done.
        context: what stands on the page before them.
        hidden: frames of the encoder (F, width), for scorers that listen; None: there are none.
        ids: of the hypotheses, for scorers that listen: token ids of each text.
    """

    texts: Sequence[str]
    context: str = ""
    hidden: np.ndarray | None = None
    ids: Sequence[Sequence[int]] = ()


class Scorer(Protocol):
    """What scores whole texts; the start of a text is prepended, its end scored."""

    @property
    def kind(self) -> str:
        """Kind of the scorer, as in second_pass.yaml: neural or llm."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def checksum(self) -> str:
        """SHA-256 (hexadecimal) of all that the scores depend on."""

    @property
    def memory_bytes(self) -> int:
        """Bytes of its weights."""

    def score(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        """Return ln p (n,), in nats, of each segment's texts.

        Raises:
            LanguageModelError: It fails, lacks memory, or gives scores that are no numbers; a failure is never a zero.
        """
