"""Recordings of several sensors: what all models say, and exactly the others' answer where one is cut off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.sensors import only_bands, with_others
from emgasr.errors import ConfigError, DataError, ModelError, RecordingError
from emgasr.evaluation.fusing.tuning import fitted_mean
from emgasr.frontend.features import LogSpectrogramConfig
from emgasr.fusion.combine import pooled
from emgasr.fusion.pipeline import FusedPipeline
from emgasr.fusion.reading import EnsembleReader
from emgasr.recording import Band, Events, Other, Recording
from emgasr.sessions.native import save_session
from emgasr.tokens import Tokens
from tests.helpers.fused import LEFT, RIGHT, cut, ensemble_of, noise, system, wrists
from tests.helpers.tiny_models import BANDS, CONFORMER, easy_recording, tiny_recognizer

EEG = Band.numbered("eeg", 4)


def alone(recording: Recording, band: str) -> np.ndarray:
    """What the model of one band makes of a recording by itself."""
    member = wrists().members[0 if band == "left" else 1]
    found: np.ndarray = member.recognizer.listen(only_bands(recording, [band])).emissions
    return found


@pytest.mark.parametrize("band", BANDS, ids=["left", "right"])
@pytest.mark.parametrize("value", [0.0, 300.0, np.nan], ids=["dead", "railed", "lost"])
def test_with_one_sensor_cut_the_answer_is_the_others_to_the_bit(band: Band, value: float) -> None:
    other = "right" if band is LEFT else "left"
    recording = cut(noise(), band, value=value)
    found = EnsembleReader(wrists()).listen(recording)
    np.testing.assert_array_equal(found.emissions, alone(recording, other))
    assert f"sensor {band.name} does not work and is not read" in found.mended


def test_with_one_sensor_missing_the_transcript_is_the_others() -> None:
    recording = noise()
    one = only_bands(recording, ["right"])
    ensemble = wrists()
    found = FusedPipeline(ensemble).transcribe(one)  # type: ignore[arg-type]
    theirs = ensemble.members[1].pipeline.transcribe(one)
    assert (found.text, found.keys, found.score) == (theirs.text, theirs.keys, theirs.score)
    assert found.notes == ("sensor left is missing and is not read",)


def test_a_sensor_that_dies_and_comes_back_is_read_before_and_after() -> None:
    recording, dies_s, back_s = noise(9.0), 3.0, 5.0
    samples = np.array(cut(recording, LEFT, dies_s).read())
    samples[round(back_s * 200) :] = recording.read()[round(back_s * 200) :]
    found = EnsembleReader(wrists()).listen(replace(recording, samples=samples))
    whole = EnsembleReader(wrists()).listen(recording).emissions
    right, times_s = alone(recording, "right"), found.times_s
    assert times_s is not None
    by_both = (found.emissions == whole).all(1)
    by_right = (found.emissions == right).all(1)
    assert by_both[times_s < dies_s].all()
    out = (times_s > dies_s + 0.25) & (times_s < back_s + 1.0)  # seen within 0.25 s; back after a second that works
    assert by_right[out].all()
    assert not by_right[times_s > back_s + 1.25].any()
    assert "is read again" in found.mended


def test_where_no_sensor_works_all_are_read_as_they_are() -> None:
    recording = cut(cut(noise(), LEFT), RIGHT)
    found = EnsembleReader(wrists()).listen(recording)
    assert len(found.emissions)
    assert np.isfinite(found.emissions).all()


def test_sensors_of_other_rates_are_aligned_by_their_clocks() -> None:
    """The second model has twice the frames, and its sensor, at half the rate, began 0.5 s earlier."""
    tokens = Tokens.keystrokes(["a", "b"])
    slow = tiny_recognizer(bands=(LEFT,), tokens=tokens)
    fine = replace(CONFORMER, subsampling=1, intermediate_block=0)
    fast = tiny_recognizer(bands=(EEG,), tokens=tokens, rate_hz=100.0, config=fine)
    assert fast.frame_rate_hz == 2 * slow.frame_rate_hz
    ensemble = ensemble_of({"emg": (slow, system("emg", (LEFT,))), "eeg": (fast, system("eeg", (EEG,)))})
    main = only_bands(noise(), ["left"])
    scalp = Recording(
        np.random.default_rng(1).normal(0, 9, (700, 4)).astype(np.float32), 100.0, "uV", (EEG,), "ann", "day0"
    )
    recording = replace(main, others=(Other(scalp, -0.5),))
    found = EnsembleReader(ensemble).aligned(recording)
    rows = fast.listen(scalp).emissions
    # Frame k of the grid ends 0.06 + 0.04 k s after the start, and its middle is that of two fine ones, by their times.
    middle_s = (0.06 / 2 + 0.04 * np.arange(len(found.times_s)))[:, None] + 0.5
    fine_s = 0.04 / 2 + 0.02 * np.arange(len(rows))
    first = np.abs(fine_s[:-1] + 0.01 - middle_s).argmin(1)
    has = found.inside[:, 1]
    assert has.sum() > 140
    for frame in np.flatnonzero(has)[::10]:
        expected = pooled(rows[first[frame] : first[frame] + 2], 2)[0]
        np.testing.assert_allclose(found.rows[frame, 1], expected, rtol=1e-5)


def test_frame_rates_that_are_no_multiples_are_refused_with_who_has_which() -> None:
    slow = tiny_recognizer(bands=(LEFT,))
    odd = tiny_recognizer(bands=(RIGHT,), features=LogSpectrogramConfig(window_ms=40, hop_ms=30))
    with pytest.raises(ConfigError, match=r"(right|left) gives .* frames a second, (left|right)"):
        ensemble_of({"left": (slow, system("left", (LEFT,))), "right": (odd, system("right", (RIGHT,)))})


def test_models_of_other_tokens_are_refused_by_name() -> None:
    models = {
        "left": (tiny_recognizer(bands=(LEFT,)), system("left", (LEFT,))),
        "right": (tiny_recognizer(bands=(RIGHT,), tokens=Tokens.characters("xyz")), system("right", (RIGHT,))),
    }
    with pytest.raises(ModelError, match=r"right reads other tokens .* than left"):
        ensemble_of(models)


def test_a_sensor_of_another_rate_than_its_model_is_refused_by_name() -> None:
    recording = noise()
    wrong = replace(only_bands(recording, ["left"]), rate_hz=100.0)
    joined = replace(only_bands(recording, ["right"]), others=(Other(wrong, 0.0),))
    with pytest.raises(RecordingError, match=r"sensor left.* is at 100 Hz, the model at 200 Hz"):
        EnsembleReader(wrists()).listen(joined)


def test_a_recording_without_any_of_the_sensors_is_refused() -> None:
    recording = replace(only_bands(noise(), ["left"]), bands=(Band.numbered("leg", 4),))
    with pytest.raises(RecordingError, match="has the bands leg; the systems read left, right"):
        EnsembleReader(wrists()).listen(recording)


def test_sensors_that_disagree_in_their_clocks_are_refused() -> None:
    recording = only_bands(noise(), ["left"])
    other = replace(only_bands(noise(), ["right"]), start_unix_s=1.7e9)
    with pytest.raises(RecordingError, match="disagree in their clocks"):
        with_others(recording, [(other, None)])
    with pytest.raises(RecordingError, match="began 3 s later as its manifest says"):
        with_others(recording, [(replace(other, start_unix_s=1.6e9 + 1), 3.0)])


def test_clocks_that_nobody_knows_are_taken_to_begin_together_and_said() -> None:
    recording = replace(only_bands(noise(), ["left"]), start_unix_s=None)
    found = with_others(recording, [(only_bands(noise(), ["right"]), None)])
    assert found.others[0].offset_s == 0
    assert "taken to begin with the recording" in found.notes[-1]


def test_a_part_of_a_recording_keeps_the_others_where_they_were() -> None:
    recording = replace(only_bands(noise(), ["left"]), others=(Other(only_bands(noise(), ["right"]), 1.5),))
    part = recording.segment(1.0, 4.0)
    assert part.others[0].offset_s == 0.5
    np.testing.assert_array_equal(part.others[0].recording.read(), recording.others[0].recording.read(0.0, 2.5))
    assert recording.segment(0.0, 1.0).others == ()


def test_a_recording_of_several_sensors_is_not_saved_as_one_of_them(tmp_path: Path) -> None:
    one = easy_recording(0, 2.0)
    with pytest.raises(DataError, match="holds one sensor, and the recording has 1 beside it; save each by itself"):
        save_session(replace(one, others=(Other(easy_recording(1, 2.0)),)), tmp_path / "both.hdf5")
    assert not list(tmp_path.iterdir())


def test_a_recording_that_lacks_a_sensor_is_left_out_of_a_fit_and_named() -> None:
    ensemble, whole = wrists(), noise(3.0, events=Events.of([(1.0, 1.1, "a"), (2.0, 2.1, "b")]))
    lines: list[str] = []
    fitted_mean(
        ensemble, [("whole", whole), ("half", only_bands(whole, ["left"]))], ("geometric",), 1.0, 0, lines.append
    )
    assert lines == ["half: 1 of 2 sensors can be read; left out of the fit"]
