"""Takes and a gallery of embeddings in; how much each take is like each of them, by its own second and a half, out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from emgasr.crossmodal.losses import similarity
from emgasr.crossmodal.objective import embedded_at
from emgasr.data.compose import Take
from emgasr.models.encoders.queries import QueriesEncoder
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.probe import normalized_by_person


@torch.no_grad()
def likeness_of_takes(recognizer: Recognizer, takes: Sequence[Take], gallery: Tensor) -> np.ndarray:
    """Return the likeness (n, m) of takes to a gallery (m, d), at their end or where the reach of the queries ends."""
    encoder = cast(QueriesEncoder, recognizer.encoder)
    frames = encoder.config.context_frames * encoder.stride
    longest = recognizer.features.window + (frames - 1) * recognizer.features.hop
    found = np.zeros((len(takes), len(gallery)), np.float32)
    for rows, own, lengths in normalized_by_person(recognizer, takes, longest / recognizer.signal.rate_hz):
        found[rows] = similarity(embedded_at(recognizer, own, lengths, lengths - 1), gallery).cpu().numpy()
    return found
