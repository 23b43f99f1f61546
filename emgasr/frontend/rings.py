"""Places round a circle in; how much each electrode of a ring has a part in them out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def shares(places: Sequence[float] | Tensor, electrodes: int, reach: float) -> Tensor:
    """Return (..., places, electrodes) float32: each electrode's share of a ring in each place; a row sums to 1.

    Electrodes stand at equal angles, the first at 0. A share falls linearly to 0 at `reach` from a place.

    Args:
        places: angles (..., places), as shares of the whole turn; any number is an angle.
        electrodes: how many there are.
        reach: share of the whole turn, at least that from one electrode to the next.
    """
    places = places.double() if isinstance(places, Tensor) else torch.as_tensor(places, dtype=torch.float64)
    angle = torch.arange(electrodes, dtype=torch.float64, device=places.device) / electrodes
    apart = (places[..., None] - angle) % 1.0
    apart = torch.minimum(apart, 1.0 - apart)
    weights = (1.0 - apart / reach - 1e-12).clamp(min=0.0)  # less what rounding leaves of an electrode at the reach
    return (weights / weights.sum(-1, keepdim=True)).float()
