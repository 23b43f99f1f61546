"""A person's own: statistics brought along, heads fitted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.electrodes import profile
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.protocol.adaptation import Adapted, adapt, applies
from emgasr.protocol.amounts import earliest
from emgasr.protocol.config import AdaptationConfig
from emgasr.recording import Spans
from emgasr.training.config import TrainingConfig
from emgasr.training.loop import FitConfig
from tests.helpers.people import entry
from tests.helpers.tiny_models import BANDS, ENCODERS, easy_recording, tiny_recognizer

WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2)
TRAINING = TrainingConfig(fit=FitConfig(steps=1), data=WINDOWS)


def test_the_earliest_minutes_are_taken_in_the_order_of_sessions() -> None:
    own = [entry("p", "s10"), entry("p", "s9"), entry("p", "s8", duration_s=30.0)]
    assert [(e.session, s) for e, s in earliest(own, 1.0, 5)] == [("s8", 30), ("s9", 30)]
    assert [(e.session, s) for e, s in earliest(own, 0.25, 5)] == [("s8", 15)]
    assert [(e.session, s) for e, s in earliest(own, 31 / 60, 5)] == [("s8", 30)]  # a second of s9 fills no window
    assert len(earliest(own, 3.85, 5)) == 3  # a second short
    assert earliest(own, 4.0, 5) == []


@pytest.fixture
def model(tmp_path: Path) -> Path:
    recognizer = tiny_recognizer("linear", "cumulative")
    save_recognizer(recognizer, tmp_path / "model")
    return tmp_path / "model"


def adapted(model: Path, *arguments: Any) -> Adapted:
    return adapt(model, load_recognizer(model), *arguments)


def climbed(model: Path, method: str, training: TrainingConfig = TRAINING, **changes: object) -> Recognizer:
    config = replace(AdaptationConfig(steps=3, learning_rate=1e-2, head_learning_rate=1e-2), **changes)  # type: ignore[arg-type]
    recordings = [easy_recording(1, 20.0)]
    template = profile([easy_recording(2, 20.0)])
    made = adapted(model, recordings, method, config, training, template, model.parent / method)
    assert made.prepare(recordings[0]).duration_s == recordings[0].duration_s
    return made.recognizer


def test_statistics_make_the_first_second_look_like_the_rest(model: Path) -> None:
    recording = easy_recording(3, 10.0)
    plain, prior = climbed(model, "none"), climbed(model, "statistics", prior_s=1e6)
    assert not np.array_equal(plain.emissions(recording), prior.emissions(recording))
    # With the statistics of the very recording, weighted without end, nothing is learned on the way: as if fixed.
    frames, lengths = prior.features(torch.from_numpy(recording.read())[None], torch.tensor([recording.n_samples]))
    state = prior.normalize.statistics_of([frames], 1e9)
    whole = frames[0].double()
    np.testing.assert_allclose(state.mean[0], whole.mean(0), atol=1e-6)
    np.testing.assert_allclose(state.scatter[0] / state.weight[0], whole.var(0, correction=0), rtol=1e-4)
    assert int(lengths[0]) == float(state.weight[0])
    capped = prior.normalize.statistics_of([frames[:, :100], frames[:, 100:]], 50)
    assert float(capped.weight[0]) == pytest.approx(50)
    np.testing.assert_allclose(capped.mean, state.mean, atol=1e-6)
    np.testing.assert_allclose(capped.scatter / 50, state.scatter / state.weight[0], rtol=1e-4)


def test_streams_start_with_a_prior_and_still_equal_the_whole(model: Path) -> None:
    recognizer = climbed(model, "statistics")
    samples = torch.from_numpy(easy_recording(3, 4.0).read())[None]
    parts, state = [], recognizer.start()
    for chunk in samples.split(77, 1):
        log_probs, _, state = recognizer.step(chunk, None, state)
        parts.append(log_probs)
    whole = recognizer.emissions(easy_recording(3, 4.0))
    np.testing.assert_allclose(torch.cat([*parts, recognizer.flush(state)[0]], 1)[0], whole, atol=1e-5)


def test_statistics_need_a_normalization_that_keeps_some_and_enough_frames(tmp_path: Path) -> None:
    assert applies("statistics", TRAINING)
    assert not applies("statistics", replace(TRAINING, normalize=NormalizeConfig("none")))
    assert applies("affine", replace(TRAINING, normalize=NormalizeConfig("none")))
    with pytest.raises(ConfigError, match="has no running statistics"):
        tiny_recognizer("linear", "none").normalize.statistics_of([], 1)
    with pytest.raises(DataError, match="fewer than the 10 frames"):
        tiny_recognizer("linear", "cumulative").normalize.statistics_of([torch.zeros(1, 9, 2, 4, 5)], 1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["head", "all"])
@pytest.mark.parametrize("encoder", ["conformer", "tds", "tcn", "gru", "cnn", "patch_transformer"])
def test_labels_change_the_head_or_all_weights(tmp_path: Path, encoder: str, method: str) -> None:
    save_recognizer(tiny_recognizer(encoder, "cumulative"), tmp_path / "model")
    before = load_recognizer(tmp_path / "model").state_dict()
    made = climbed(tmp_path / "model", method, held_out=0.0, steps=20)
    changed = {name for name, value in made.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("head.") for name in changed) == (method == "head")


@pytest.mark.parametrize("method", ["none", "statistics", "affine", "head", "all"])
def test_a_model_adapted_to_one_person_is_as_it_was_for_the_next(model: Path, method: str) -> None:
    recognizer, recordings = load_recognizer(model), [easy_recording(1, 20.0)]
    before = recognizer.emissions(recordings[0])
    config = AdaptationConfig(steps=3, learning_rate=1e-2, head_learning_rate=1e-2)
    template, folder = profile([easy_recording(2, 20.0)]), model.parent / method
    first = adapt(model, recognizer, recordings, method, config, TRAINING, template, folder)
    own = first.recognizer.emissions(first.prepare(recordings[0]))
    assert np.array_equal(own, before) == (method == "none")
    np.testing.assert_array_equal(recognizer.emissions(recordings[0]), before)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_turned_ring_is_turned_back_before_any_encoder(tmp_path: Path, encoder: str) -> None:
    save_recognizer(tiny_recognizer(encoder, "cumulative"), tmp_path / "model")
    gains = np.array([1, 2, 4, 8, 8, 4, 2, 1], np.float32)  # each ring has a loud side
    usual, turned = (
        easy_recording(seed, 10.0, samples=np.random.default_rng(seed).normal(0, 10, (2000, 8)).astype(np.float32) * by)
        for seed, by in ((1, gains), (2, gains.reshape(2, 4)[:, [3, 0, 1, 2]].flatten()))
    )
    folder = tmp_path / "affine"
    made = adapted(
        tmp_path / "model", [turned], "affine", AdaptationConfig(turns=2), TRAINING, profile([usual]), folder
    )
    assert made.facts == {"turns": [-1, -1]}  # each electrode goes back to the place before it
    assert np.isfinite(made.recognizer.emissions(made.prepare(turned))).all()


def test_a_fit_may_be_given_seconds_in_place_of_steps(tmp_path: Path) -> None:
    save_recognizer(tiny_recognizer("linear", "cumulative"), tmp_path / "model")
    made = {}
    for name, config in {
        "time": AdaptationConfig(budget_s=1.0, steps=10**6, batch_s=12.0, validations=1),
        "steps": AdaptationConfig(steps=2, batch_s=12.0, validations=2),
    }.items():
        recordings, template = [easy_recording(3, 30.0)], profile([easy_recording(0)])
        adapted(tmp_path / "model", recordings, "head", config, TRAINING, template, tmp_path / name)
        log = (tmp_path / name / "personal" / "log.jsonl").read_text().splitlines()
        made[name] = [json.loads(line) for line in log]
    assert made["time"][-1]["minutes"] * 60 >= 1.0
    assert len(made["time"]) < 10**5
    assert [entry["step"] for entry in made["steps"] if "validation_cer" in entry] == [1, 2]


def test_takes_are_composed_to_learn_a_person_who_makes_gestures(tmp_path: Path) -> None:
    from emgasr.tokens import Tokens

    save_recognizer(tiny_recognizer("linear", "none", tokens=Tokens.words(["fist", "point"])), tmp_path / "model")
    rng = np.random.default_rng(0)
    spans = [(3.0 * i, 3.0 * i + 2, "gesture", "fist" if i % 2 else "point") for i in range(6)]
    made = replace(
        easy_recording(0, 18.0, samples=rng.normal(0, 50, (3600, 8)).astype(np.float32), spans=Spans.of(spans)),
        bands=BANDS,
    )
    training = replace(TRAINING, data=ComposedConfig(batch_size=4, shortest=1, longest=3))
    config = AdaptationConfig(steps=2, held_out=0.34)
    template = profile([made])
    facts = adapted(tmp_path / "model", [made], "all", config, training, template, tmp_path / "a").facts
    assert facts.keys() == {"held_out_wer_before", "held_out_wer_after", "kept"}
    unlabelled = replace(made, spans=Spans.empty())
    facts = adapted(tmp_path / "model", [unlabelled], "all", config, training, template, tmp_path / "b").facts
    assert facts["kept"] is False
    assert "no labelled takes" in str(facts["why"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"methods": ("legs",)}, "'legs' is unknown; choose of statistics"),
        ({"minutes": (0.0,)}, "minutes: 0 is out of range"),
        ({"budget_s": -1.0}, "budget_s: -1 is out of range"),
    ],
)
def test_impossible_ladders_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        AdaptationConfig(**changes)  # type: ignore[arg-type]
