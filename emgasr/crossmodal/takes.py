"""Takes and a gallery of embeddings in; how much each take is like each of them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from emgasr.crossmodal.aligning.losses import similarity
from emgasr.data.compose import Take
from emgasr.models.encoders.queries import QueriesEncoder
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.probe import normalized_by_person

LONGEST_S = 4.0  # of a take
EVERY_FRAMES = 4  # that one of is read, from the end of the take to where the queries' reach is full, or the end alone


@torch.no_grad()
def likeness_of_takes(recognizer: Recognizer, takes: Sequence[Take], gallery: Tensor) -> np.ndarray:
    """Return the likeness (n, m) of takes to a gallery (m, d): the mean of some frames at which they are embedded."""
    encoder = cast(QueriesEncoder, recognizer.encoder)
    found = np.zeros((len(takes), len(gallery)), np.float32)
    for rows, own, lengths in normalized_by_person(recognizer, takes, LONGEST_S):
        joined, counts = encoder.looked_at(own, lengths)
        last = counts - 1
        total = torch.zeros(len(rows), len(gallery))
        number = torch.zeros(len(rows), 1)
        for back in range(0, int(counts.max()), EVERY_FRAMES):
            at = last - back
            valid = (at >= (encoder.config.context_frames - 1)) | (back == 0)
            parts = encoder.found(joined, torch.zeros_like(counts), at.clamp(min=0)[:, None])[:, 0]
            likeness = similarity(parts.unflatten(1, (encoder.config.parts, -1)), gallery)
            total += (likeness * valid[:, None]).cpu()
            number += valid[:, None].cpu()
        found[rows] = (total / number).numpy()
    return found
