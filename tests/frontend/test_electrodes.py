"""Profiles of electrodes: turned rings, weak and dead electrodes are found without labels; templates are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.errors import DataError, ModelError
from emgasr.frontend.electrodes import (
    TEMPLATE_NAME,
    align,
    dead,
    load_profile,
    mean_profile,
    profile,
    save_profile,
    save_template,
)
from emgasr.recording import Band, Recording


def muscles(seed: int = 0, electrodes: int = 8) -> Recording:
    """60 s of bursts that one place of a ring after the other makes, its neighbors hearing it too; two rings."""
    rng = np.random.default_rng(seed)
    count = 12000
    rings = []
    for ring in range(2):
        places = np.random.default_rng([9, ring]).uniform(0, electrodes, 5)
        activity = np.repeat(rng.gamma(0.6, 1.0, (count // 100, 5)), 100, axis=0)
        apart = np.abs((np.arange(electrodes) - places[:, None] + electrodes / 2) % electrodes - electrodes / 2)
        sources = activity * rng.normal(0, 30, (count, 5))
        rings.append(sources @ np.exp(-(apart**2) / 1.5) + rng.normal(0, 1, (count, electrodes)))
    bands = tuple(Band.numbered(name, electrodes, ring=True) for name in ("left", "right"))
    return Recording(np.concatenate(rings, 1).astype(np.float32), 200.0, "uV", bands, "ann", f"day{seed}")


@pytest.mark.parametrize("turns", [(0, 0), (1, -2), (-1, 2)])
def test_turned_rings_and_weak_electrodes_are_found_without_labels(turns: tuple[int, int]) -> None:
    reference, other = muscles(0), muscles(1).read()
    rings = [np.roll(other[:, 8 * i : 8 * i + 8], turn, axis=1) for i, turn in enumerate(turns)]
    gain = np.exp(np.random.default_rng(2).normal(0, 0.3, 16)).astype(np.float32)
    worn = replace(reference, samples=np.concatenate(rings, 1) * gain + 25)
    made = align(profile([worn]), profile([reference]), worn, 2)
    assert made.turns == tuple(-turn for turn in turns)  # back
    corrected, wanted = profile([made.of(worn)]), profile([reference])
    np.testing.assert_allclose(corrected.mean, wanted.mean, atol=1e-3)
    np.testing.assert_allclose(corrected.offset, 0, atol=0.1)
    np.testing.assert_allclose(made.of(worn).read(1.0, 2.0), made.of(worn).read()[200:400], rtol=1e-6)


def test_what_is_no_ring_is_not_turned_and_no_gain_is_without_bound() -> None:
    flat = replace(muscles(), bands=tuple(replace(band, ring=False) for band in muscles().bands))
    turned = np.roll(muscles(1).read(), 1, axis=1)
    turned[:, 3] = 0
    made = align(profile([replace(flat, samples=turned)]), profile([flat]), flat, 2)
    assert made.turns == (0, 0)
    assert made.gain.max() <= 10 ** (12 / 20) + 1e-9


def test_profiles_are_kept_and_people_count_alike(tmp_path: Path) -> None:
    one, two = profile([muscles(0)]), profile([muscles(1), muscles(2)])
    save_profile(mean_profile([one, two]), tmp_path / "t.safetensors")
    np.testing.assert_allclose(load_profile(tmp_path / "t.safetensors").mean, (one.mean + two.mean) / 2)
    (tmp_path / "bad").write_bytes(b"x")
    for name in ("bad", "none"):
        with pytest.raises(ModelError, match="is no profile"):
            load_profile(tmp_path / name)
    with pytest.raises(DataError, match=r"no recording is 0\.064 s long"):
        profile([muscles().segment(0.0, 0.05)])


def test_the_template_of_a_model_is_of_all_that_it_was_trained_on(tmp_path: Path) -> None:
    save_template([muscles(0), muscles(1).segment(0.0, 0.05), muscles(2)], tmp_path)
    expected = mean_profile([profile([muscles(0)]), profile([muscles(2)])])
    np.testing.assert_allclose(load_profile(tmp_path / TEMPLATE_NAME).covariance, expected.covariance)


@pytest.mark.parametrize(("gain", "offset"), [(0.0, 7.0), (0.01, 0.0)])
def test_an_electrode_that_gives_a_constant_or_next_to_nothing_is_dead(gain: float, offset: float) -> None:
    samples = muscles().read()
    assert not dead(profile([muscles()])).any()
    samples[:, 5] = samples[:, 5] * gain + offset
    assert np.flatnonzero(dead(profile([replace(muscles(), samples=samples)]))).tolist() == [5]
