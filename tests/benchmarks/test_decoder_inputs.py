"""What decoders are timed on: seeded emissions that sum to one and err as meant, a larger model that says the same."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from emgasr.errors import DataError
from emgasr.lm import estimate
from emgasr.lm.texts import sentences
from emgasr.simulate.prompts import default_prompts

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from emissions import CUT_S, LEAST_KEYS, RATES_HZ, emission_set, greedy_cer, real_typing, simulated_typing
from keystroke_lm import filled

TYPING = simulated_typing(measured=12, tuning=3, seed=0)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_emissions_are_log_probabilities_that_greedy_decoding_misreads_as_calibrated(rate: str) -> None:
    emissions = emission_set(TYPING.measured, rate, seed=0)
    for frames in emissions:
        assert frames.shape == (CUT_S * RATES_HZ[rate], 99)
        assert frames.dtype == np.float32
        assert np.exp(frames.astype(float)).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert greedy_cer(TYPING.measured, emissions) == pytest.approx(16.8, abs=3)  # few cuts


def test_the_same_seed_gives_the_same_cuts_and_emissions() -> None:
    again = simulated_typing(measured=12, tuning=3, seed=0)
    assert [cut.ids for cut in again.measured] == [cut.ids for cut in TYPING.measured]
    first, second = (emission_set(typing.measured[:2], "31", seed=3) for typing in (TYPING, again))
    assert all(map(np.array_equal, first, second))
    assert all(len(cut.ids) >= LEAST_KEYS for cut in TYPING.measured)


def test_a_folder_without_sessions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give at least 3 sessions"):
        real_typing(tmp_path, measured=1, tuning=1, seed=0)


def test_filling_a_model_changes_no_probability() -> None:
    lines = [line.lower() for line in default_prompts("train")[:150]]
    model = estimate(sentences(lines, "keystrokes"), 6)
    size = sum(model.counts) + 5000
    larger = filled(model, size)
    assert sum(larger.counts) == size
    for line in default_prompts("test")[:50]:
        assert larger.sentence(line.lower()).ln_p == pytest.approx(model.sentence(line.lower()).ln_p, rel=1e-5)
