"""Likeness of takes to gestures trained and not trained in; the lead that lets both be found, and its cost, out.

Training draws every take to a gesture that was trained, so that one that was not is never the nearest of all. A lead is
added to the likeness of gestures that were not trained (calibrated stacking, Chao et al. 2016, arXiv 1605.04253). It is
measured by a model that was trained without gestures that others know, on people who are not tested.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emgasr.config.parsing import to_mapping, write_yaml
from emgasr.crossmodal.model import CONFIG_NAME, AlignedModel
from emgasr.crossmodal.ranking import recall
from emgasr.errors import DataError

STEP, MOST = 0.02, 2.0  # of leads that are tried; likeness lies between -1 and 1


@dataclass(frozen=True)
class Lead:
    """A lead and what it does: recall at 1 among all gestures, of those not trained and of those trained.

    Args:
        value: added to the likeness of gestures that were not trained.
        unseen: recall of takes of gestures that were not trained.
        seen: recall of takes of gestures that were.
    """

    value: float
    unseen: float
    seen: float

    @property
    def harmonic(self) -> float:
        """The harmonic mean of both recalls, which is 0 where either is."""
        return 2 * self.unseen * self.seen / (self.unseen + self.seen) if self.unseen + self.seen else 0.0


def measured(likeness: np.ndarray, labels: Sequence[str], gallery: Sequence[str], trained: Collection[str]) -> Lead:
    """Return the least lead of the highest harmonic mean of recalls.

    Args:
        likeness: (n, m) of takes to the gallery.
        labels: gesture of each take.
        gallery: m gestures.
        trained: those that the model was trained on.

    Raises:
        DataError: takes are all of gestures that were trained, or none is.
    """
    known = np.array([label in trained for label in labels], bool)
    if known.all() or not known.any():
        wrong = "takes are " + (
            "all of gestures that were trained" if known.all() else "of no gesture that was trained"
        )
        raise DataError("lead", wrong, "give a model that was trained without some gestures, and takes of both kinds")
    best = with_lead(0.0, likeness, labels, gallery, trained)
    for value in np.arange(STEP, MOST + STEP / 2, STEP):
        one = with_lead(round(float(value), 4), likeness, labels, gallery, trained)
        if one.harmonic > best.harmonic:
            best = one
        if one.seen == 0:
            break
    return best


def with_lead(
    value: float, likeness: np.ndarray, labels: Sequence[str], gallery: Sequence[str], trained: Collection[str]
) -> Lead:
    """Return what a lead comes to; arguments as of `measured`."""
    leads = np.array([0.0 if gesture in trained else value for gesture in gallery])
    found = []
    for kind in (False, True):
        rows = [place for place, label in enumerate(labels) if (label in trained) == kind]
        found.append(recall(likeness[rows] + leads, [labels[row] for row in rows], gallery, (1,)).at[1])
    return Lead(value, *found)


def give(model: AlignedModel, lead: float) -> None:
    """Write a lead into a model's folder."""
    write_yaml(to_mapping(replace(model.config, lead=lead)), model.folder / CONFIG_NAME)
