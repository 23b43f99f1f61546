"""An aligned encoder and the takes of validation people in; how often a gesture's texts are the nearest out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emgasr.crossmodal.aligning.objective import Aligned
from emgasr.crossmodal.ranking import recall
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.data.compose import Take
from emgasr.training.contracts import Judgement


@dataclass(frozen=True)
class Judging:
    """Takes that judge: the place of their reader, and what they show, as gestures."""

    name: str
    place: int
    takes: Sequence[Take]


class TextRetrieval:
    """Judges by takes against one embedding of each gesture that their layout was trained on: the mean of its texts.

    `error`, which chooses, is the mean over layouts of the share of takes whose nearest gesture is another, gestures
    counting alike.
    """

    chooses = "error"

    def __init__(self, judging: Sequence[Judging], texts: Mapping[str, np.ndarray]) -> None:
        self.judging = [one for one in judging if one.takes]
        self.texts = texts

    def __call__(self, model: Aligned) -> Judgement:
        figures = {}
        model.eval()
        for one in self.judging:
            names = sorted({take.label for take in one.takes})
            gallery = torch.stack([gesture_embedding(model, self.texts[name]) for name in names])
            likeness = likeness_of_takes(model.readers[one.place], one.takes, gallery)
            figures[f"{one.name}_wrong"] = 1 - recall(likeness, [take.label for take in one.takes], names).at[1]
        error = float(np.mean(list(figures.values()))) if figures else 1.0
        return Judgement({**figures, "scale": float(model.scale.detach()), self.chooses: error}, latest=not figures)


@torch.no_grad()
def gesture_embedding(model: Aligned, texts: np.ndarray) -> Tensor:
    """Return the embedding (d,) of a gesture, given the teacher's embeddings (n, w) of its texts."""
    return model.encoder.config.unit(model.placed(torch.from_numpy(texts)).mean(0))
