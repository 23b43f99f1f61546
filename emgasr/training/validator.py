"""A recognizer and labelled recordings in; its greedy character error rate, by which training chooses, out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emgasr.decoding import greedy
from emgasr.errors import DataError
from emgasr.evaluation.items import items_of, reference_of
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.score import Counts, count_edits
from emgasr.tokens import Tokens
from emgasr.training.loop import Judgement

Named = Sequence[tuple[str, Recording]]


class GreedyCER:
    """The validator of CTC: the character error rate of greedy reading, a fraction, on (name, recording) pairs.

    Raises a DataError if no recording has a label that `tokens` can be judged by, before a budget is spent on the fit.
    """

    chooses = "cer"

    def __init__(self, recordings: Named, tokens: Tokens) -> None:
        self.recordings = recordings
        if not any(reference_of(recording, tokens)[0] for _, recording in recordings):
            raise _without_labels()

    def __call__(self, model: Recognizer) -> Judgement:
        """Read the recordings whole, as a user's are read."""
        counts, emitted = greedy_errors(model, self.recordings)
        collapsed = emitted < 0.01 * counts.reference_length
        warning = "blank collapse: almost nothing but blanks; train longer or lower the output rate"
        return Judgement({"cer": counts.rate}, warning if collapsed else "")


def greedy_errors(recognizer: Recognizer, recordings: Named) -> tuple[Counts, int]:
    """Return the greedy edits of `recognizer` on whole recordings, and how many tokens it wrote at all."""
    counts, emitted = Counts(0, 0, 0, 0), 0
    for item in items_of(recognizer, recordings):
        # A model whose weights have run away writes nothing: it is judged, not an end to the run.
        ids = () if np.isnan(item.emissions).any() else greedy(item.emissions).ids
        counts = counts + count_edits(item.reference, recognizer.tokens.symbols_of(ids))
        emitted += len(ids)
    if not counts.reference_length:
        raise _without_labels()
    return counts, emitted


def _without_labels() -> DataError:
    return DataError(
        "validation recordings", "hold no labels", "check the validation split, or hold out more of each recording"
    )
