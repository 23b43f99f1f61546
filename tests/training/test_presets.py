"""Presets: what recordings are, which task that makes clear, and features that fit rate, electrodes and mains."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emgasr.config.parsing import from_mapping
from emgasr.errors import ConfigError
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Band, Recording, Signal, Spans
from emgasr.tokens import Tokens
from emgasr.training.config import KINDS, TrainingConfig
from emgasr.training.presets import TASKS, Facts, preset, task_of
from tests.helpers.tiny_models import easy_recording
from tests.helpers.word_takes import WORDS, word_take, word_takes

FACTS = Facts.of([recording for _, recording in word_takes(sessions=("d1", "d2"))])


def test_facts_count_labels_people_and_sessions() -> None:
    assert FACTS.labels == Counter(dict.fromkeys(WORDS, 8))
    assert (FACTS.people, FACTS.sessions, FACTS.take_s, FACTS.rate_hz) == (1, 2, 1.0, 200.0)
    assert (FACTS.typed, FACTS.rest, FACTS.electrodes, FACTS.rings) == (False, False, (3,), (False,))


def test_the_power_is_that_of_white_noise() -> None:
    rng = np.random.default_rng(0)
    noise = Recording(
        rng.normal(0, 7, (4000, 2)).astype(np.float32), 200.0, "counts", (Band.numbered("b", 2),), "s", "d"
    )
    assert Facts.of([noise]).power == pytest.approx(49, rel=0.1)


def test_rest_counts_where_each_person_has_some() -> None:
    resting = replace(word_take("fist"), spans=Spans.of([(0.0, 1.0, "rest", "silence")]))
    mine = [word_take("fist"), resting]
    assert Facts.of(mine).rest
    assert not Facts.of([*mine, replace(word_take("fist"), subject="s2")]).rest


def test_labels_make_the_task_clear() -> None:
    assert task_of(Facts.of([easy_recording()])) == "typing"
    assert task_of(FACTS) == "words"
    assert task_of(replace(FACTS, labels=Counter("aaabbb"))) == "letters"
    for labels in (Counter(), Counter(["once said", "and never again"])):
        with pytest.raises(ConfigError, match="is not clear"):
            task_of(replace(FACTS, labels=labels))


def test_a_task_of_takes_needs_takes() -> None:
    with pytest.raises(ConfigError, match="needs labelled takes"):
        preset("words", replace(FACTS, labels=Counter()))


def test_typing_needs_key_presses() -> None:
    with pytest.raises(ConfigError, match=r"needs key presses.*--task words"):
        preset("typing", FACTS)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "changes",
    [
        {"electrodes": (2,), "rate_hz": 250.0, "mains_hz": 50.0, "take_s": 0.9, "power": 800.0},
        {"electrodes": (4,), "rate_hz": 250.0, "mains_hz": 60.0, "rest": True},
        {"electrodes": (6,), "rate_hz": 1000.0, "mains_hz": 50.0, "take_s": 0.3},
        {"electrodes": (8,), "rate_hz": 2000.0, "rings": (True,), "take_s": 3.0},
        {"electrodes": (16, 16), "rate_hz": 2000.0, "rings": (True, True), "mains_hz": 60.0},
        {"electrodes": (8,), "rate_hz": 100.0, "take_s": 8.0},
        {"electrodes": (3,), "rate_hz": 153.0, "take_s": 0.05, "power": 0.0},
        {"electrodes": (1,), "rate_hz": 44100.0, "mains_hz": 50.0},
    ],
)
def test_every_preset_is_a_model_that_can_be_built_and_says_why(task: Any, changes: dict[str, Any]) -> None:
    facts = replace(FACTS, typed=task == "typing", **{"mains_hz": None, "power": 1.0} | changes)
    chosen = preset(task, facts)
    config = from_mapping(TrainingConfig, KINDS, {**chosen.values, "fit": {"steps": 1}}, "preset")
    bands = tuple(Band.numbered(f"b{i}", count) for i, count in enumerate(facts.electrodes))
    shape = RecognizerConfig(config.features, config.normalize, config.encoder)
    if task != "typing":  # its features are those of 2 kHz
        model = Recognizer(shape, Signal(facts.rate_hz, "counts", bands), Tokens.words(WORDS))
        assert model.frame_rate_hz * max(0.3, facts.take_s) >= 2  # a take is a few frames
        lines = [50.0, 100.0] if facts.mains_hz == 50 else [60.0] if facts.mains_hz else []
        ranges = config.features.bands_hz  # type: ignore[union-attr]
        assert not any(low < line < high for low, high in ranges for line in lines)
        assert max(high for _, high in ranges) < facts.rate_hz / 2
    assert chosen.reasons
    assert all(what and because for what, because in chosen.reasons)


def test_rings_are_turned_for_people_whom_training_does_not_see() -> None:
    recordings = [recording for _, recording in word_takes()]
    assert not Facts.of(recordings, {"s1"}).strangers
    assert not Facts.of(recordings, {"s1", "s2"}).strangers
    assert not Facts.of(recordings).strangers
    strange = Facts.of(recordings, {"s2"})
    assert strange.strangers
    for rings, turned in (((False,), False), ((True,), True)):
        augment = preset("words", replace(strange, rings=rings)).values["augment"]
        assert ("rotation_sd_electrodes" in augment) == turned


def test_sessions_with_different_labels_do_not_lend_their_statistics() -> None:
    first = [word_take(word, number, "d1") for word in WORDS[:2] for number in range(4)]
    second = [word_take(WORDS[2], number, "d2") for number in range(4)]
    apart = Facts.of([*first, *second])
    assert apart.confounded
    assert not FACTS.confounded
    chosen = preset("words", apart).values
    assert chosen["augment"]["spread"] > 0
    assert chosen["data"]["worn_s"] == 0
    assert not chosen["data"]["same_session"]
    assert not Facts.of(first).confounded  # one session
    others = [replace(recording, subject="s2", session="d2") for recording in second]
    assert not Facts.of([*first, *others]).confounded  # a session of each person
