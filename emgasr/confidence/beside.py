"""A model folder in; the confidence and the operating point beside its weights out, where they belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emgasr.confidence.model import Confidence
from emgasr.decoding.held import HELD, TOKENS, OperatingPoint, read_point
from emgasr.models.folder import CONFIDENCE_NAME, OPERATING_NAME, weights_sha256


class Fitting(NamedTuple):
    """What belongs to a model and its way of reading; `notes` say what lies there and does not."""

    confidence: Confidence | None = None
    point: OperatingPoint | None = None
    notes: tuple[str, ...] = ()

    @property
    def held(self) -> OperatingPoint | None:
        """The operating point of held labels."""
        return self.point if self.point is not None and self.point.reads == HELD else None

    @property
    def least(self) -> float:
        """The confidence below which the operating point lets no token be read."""
        return self.point.threshold if self.point is not None and self.point.reads == TOKENS else 0.0


@dataclass(frozen=True)
class Beside:
    """What lies beside a model's weights, whatever it was fitted or chosen for.

    Args:
        folder: the model's; None: the model was made in memory, and nothing lies beside it.
        confidence: of confidence.json.
        point: of operating.yaml.
    """

    folder: Path | None = None
    confidence: Confidence | None = None
    point: OperatingPoint | None = None

    @classmethod
    def read(cls, folder: Path) -> Beside:
        """Read what a model folder holds."""
        confidence, point = folder / CONFIDENCE_NAME, folder / OPERATING_NAME
        return cls(
            folder,
            Confidence.load(confidence) if confidence.is_file() else None,
            read_point(point) if point.is_file() else None,
        )

    def held(self, searched: bool) -> OperatingPoint | None:
        """Return the operating point of held labels, which no search of a language model reads."""
        return self.point if self.point is not None and self.point.reads == HELD and not searched else None

    def fitting(self, reading: str, searched: bool) -> Fitting:
        """Return what belongs to the weights in the folder and to a way of reading.

        Args:
            reading: checksum of how emissions are read (`emgasr.confidence.model.reading_sha256`).
            searched: whether that is a search with a language model.
        """
        if self.folder is None or (self.confidence is None and self.point is None):
            return Fitting()
        sha256, notes = weights_sha256(self.folder), []
        confidence, point = self.confidence, self.point
        if confidence is not None and (note := confidence.refusal(self.folder / CONFIDENCE_NAME, sha256, reading)):
            confidence = None
            notes.append(note)
        if point is not None:
            path = self.folder / OPERATING_NAME
            note = point.refusal(path, sha256, confidence is not None)
            if not note and point.reads == HELD and searched:
                note = f"{path}: is of labels that are held, which no language model reads, and is left out"
            if note:
                point = None
                notes.append(note)
        return Fitting(confidence, point, tuple(notes))
