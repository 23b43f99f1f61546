"""A lead for gestures that were not trained: found where both kinds are read best, and no more than it needs to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.crossmodal.describing import Gallery
from emgasr.crossmodal.lead import give, measured, with_lead
from emgasr.crossmodal.model import load_aligned
from emgasr.errors import DataError
from emgasr.recording import Signal
from tests.helpers.aligned_models import write_aligned
from tests.helpers.armbands import recording

GALLERY = ("fist", "point", "snap")
# Takes of snap, which nobody trained, are 0.3 less like snap than like a fist; those of fist 0.9 less like snap.
LIKENESS = np.array([[1.0, 0.0, 0.1], [1.0, 0.2, 0.1], [0.1, 0.9, 0.3], [0.5, 0.0, 0.2], [0.5, 0.1, 0.2]])
LABELS = ("fist", "fist", "point", "snap", "snap")


def test_without_a_lead_takes_go_to_gestures_that_were_trained() -> None:
    none = with_lead(0.0, LIKENESS, LABELS, GALLERY, {"fist", "point"})
    assert (none.unseen, none.seen, none.harmonic) == (0.0, 1.0, 0.0)


def test_the_least_lead_that_reads_both_kinds_is_taken() -> None:
    found = measured(LIKENESS, LABELS, GALLERY, {"fist", "point"})
    assert found.value == pytest.approx(0.32)
    assert (found.unseen, found.seen) == (1.0, 1.0)


def test_a_lead_needs_takes_of_both_kinds() -> None:
    with pytest.raises(DataError, match="all of gestures that were trained"):
        measured(LIKENESS, LABELS, GALLERY, set(GALLERY))
    with pytest.raises(DataError, match="of no gesture that was trained"):
        measured(LIKENESS, LABELS, GALLERY, set())


def test_a_model_adds_its_lead_to_what_it_was_not_trained_on(tmp_path: Path) -> None:
    folder = write_aligned(tmp_path / "aligned", trained=("fist", "rest", "spread"))
    one = recording("myo", "q")
    names, unseen = ["fist", "flexion"], "flexion"
    before = load_aligned(folder)
    give(before, 0.25)
    after = load_aligned(folder)
    assert after.leads(["Fist", "flexion", "spread", "rest"]).tolist() == [0.0, 0.25, 0.0, 0.0]
    found = []
    for model in (before, after):
        reader = model.with_labels(names, Signal.of(one))
        with torch.no_grad():
            logits = reader.head(torch.ones(1, 1, reader.encoder.width))[0, 0]
        symbols = reader.tokens.symbols_of(range(1, len(reader.tokens)))
        found.append(dict(zip(symbols, logits[1:].tolist(), strict=True)))
    assert found[1][unseen] - found[0][unseen] == pytest.approx(0.25 * after.config.scale, abs=1e-4)
    assert found[1]["fist"] == pytest.approx(found[0]["fist"])
    gallery = Gallery.of(after)
    assert gallery.leads[gallery.gestures.index("wrist_flexion")] == pytest.approx(0.25)
