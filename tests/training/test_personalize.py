"""One person's model: better when it can be, never worse, and nobody else's recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import ComposedSampler, WindowSampler, WindowsConfig
from emgasr.errors import DataError, EmgasrError, ModelError, RecordingError
from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Events, Recording
from emgasr.training.config import PERSONAL_FIT, PERSONAL_OBJECTIVE, PersonalizeConfig
from emgasr.training.contracts import Judgement
from emgasr.training.personalize import BetweenWeights, personalize
from emgasr.training.validator import GreedyCER, greedy_errors
from tests.helpers.tiny_models import CONFORMER, easy_recording, tiny_recognizer
from tests.helpers.word_takes import WORDS, word_recognizer, word_takes

EASY = PersonalizeConfig(
    fit=replace(PERSONAL_FIT, steps=50, learning_rate=6e-3, validations=2),
    objective=replace(PERSONAL_OBJECTIVE, frame_weight=0.3),
    data=WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2),
    augment=AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0),
    base_share=0.0,  # the base's weights are random
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    recognizer = tiny_recognizer(config=replace(CONFORMER, width=32, mixer_channels=8))
    recognizer.head.reset_parameters()
    save_recognizer(recognizer, tmp_path / "base")
    return tmp_path / "base"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_an_easy_person_is_learned_and_the_base_model_left_alone(base: Path, tmp_path: Path) -> None:
    before = files(base)
    recordings = [easy_recording(0, 20.0), easy_recording(1, 20.0)]
    result = personalize(base, recordings, EASY, tmp_path / "out")
    assert result.kept
    assert result.error_after <= 0.2 < result.error_before
    assert files(base) == before
    held_out = [("end", recording.segment(16.0)) for recording in recordings]
    assert greedy_errors(result.recognizer, held_out).rate == result.error_after
    saved = load_recognizer(tmp_path / "out" / "model")
    np.testing.assert_array_equal(saved.emissions(recordings[0]), result.recognizer.emissions(recordings[0]))
    card = (tmp_path / "out" / "model" / "README.md").read_text()
    assert f"{100 * result.error_before:.2f} % → {100 * result.error_after:.2f} %" in card
    assert "ann" in card


def test_the_tuned_search_of_the_base_model_comes_along(base: Path, tmp_path: Path) -> None:
    (base / "search.yaml").write_text("# found somewhere\nlm_weight: 0.125\n")
    personalize(base, [easy_recording(0, 20.0)], replace(EASY, fit=replace(EASY.fit, steps=4)), tmp_path / "out")
    assert files(tmp_path / "out" / "model")["search.yaml"] == files(base)["search.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [100.0, 1e30])
def test_a_fit_that_goes_wrong_keeps_the_base_weights_to_the_bit(
    learning_rate: float, base: Path, tmp_path: Path
) -> None:
    recordings = [easy_recording(0, 20.0)]
    first = personalize(base, recordings, EASY, tmp_path / "good")
    config = replace(EASY, fit=replace(EASY.fit, steps=4, warmup_steps=1))
    object.__setattr__(config.fit, "learning_rate", learning_rate)  # also beyond what a configuration may say
    result = personalize(tmp_path / "good" / "model", recordings, config, tmp_path / "out")
    assert (result.kept, result.error_after) == (False, result.error_before)
    assert result.error_before == first.error_after
    wanted, found = (load_recognizer(tmp_path / name / "model").state_dict() for name in ("good", "out"))
    assert all(torch.equal(value, found[name]) for name, value in wanted.items())
    assert "base kept" in (tmp_path / "out" / "model" / "README.md").read_text()


def test_what_judges_is_not_fitted_on(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[Recording], list[Recording]]] = []

    def watched(objective: Any, batches: WindowSampler, between: BetweenWeights, *_: Any, **__: Any) -> None:
        assert isinstance(between.validate, GreedyCER)
        seen.append((batches.recordings, [recording for _, recording in between.validate.recordings]))
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.training.personalize.fit", watched)
    recording = easy_recording(0, 20.0)
    with pytest.raises(KeyboardInterrupt):
        personalize(base, [recording], replace(EASY, held_out=0.25), tmp_path / "out")
    (((fitted,), (judging,)),) = seen
    np.testing.assert_array_equal(np.concatenate([fitted.read(), judging.read()]), recording.read())
    assert (fitted.duration_s, judging.duration_s) == (15.0, 5.0)
    assert files(tmp_path / "out" / "model")["model.safetensors"] == files(base)["model.safetensors"]


@pytest.mark.parametrize(
    ("recordings", "kind", "wrong"),
    [
        ([], DataError, "recordings of 0 people"),
        ([easy_recording(0, 20.0), easy_recording(1, 20.0, subject="bob")], DataError, "recordings of 2 people"),
        ([easy_recording(0, 20.0, rate_hz=400.0)], RecordingError, "at 400 Hz, the model at 200 Hz"),
        ([easy_recording(0, 20.0, unit="counts")], RecordingError, "in counts, the model in uV"),
        ([easy_recording(0, 20.0, events=Events.empty())], DataError, "no key press"),
        ([easy_recording(0, 20.0, events=Events.of([(1.0, 1.1, "a")]))], DataError, "no labels"),
        ([easy_recording(0, 2.0)], DataError, "less than a window"),
    ],
)
def test_recordings_that_cannot_be_learned_from_leave_nothing_behind(
    recordings: list[Recording], kind: type[EmgasrError], wrong: str, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=wrong):
        personalize(base, recordings, EASY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_model_and_a_used_folder_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        personalize(tmp_path / "nowhere", [easy_recording(0, 20.0)], EASY, tmp_path / "out")
    before = files(base)
    with pytest.raises(EmgasrError, match="already holds something"):
        personalize(base, [easy_recording(0, 20.0)], EASY, base)
    assert files(base) == before


def test_the_head_alone_can_be_fitted(base: Path, tmp_path: Path) -> None:
    config = replace(EASY, weights="head", fit=replace(EASY.fit, steps=20, learning_rate=5e-2))
    result = personalize(base, [easy_recording(0, 20.0)], config, tmp_path / "out")
    assert result.kept
    before, after = load_recognizer(base).state_dict(), result.recognizer.state_dict()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {"head.weight", "head.bias"}


def test_with_nothing_held_out_all_is_fitted_on_and_the_card_says_so(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def watched(objective: Any, batches: WindowSampler, *_: Any, **__: Any) -> None:
        seen.append(batches.recordings[0].duration_s)
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.training.personalize.fit", watched)
    with pytest.raises(KeyboardInterrupt):
        personalize(base, [easy_recording(0, 20.0)], replace(EASY, held_out=0.0), tmp_path / "out")
    assert seen == [20.0]
    assert "what was fitted on (nothing was held out)" in (tmp_path / "out" / "model" / "README.md").read_text()


TAKES = PersonalizeConfig(fit=replace(PERSONAL_FIT, steps=2, validations=1), held_out=0.25)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    save_recognizer(word_recognizer(), tmp_path / "words")
    return tmp_path / "words"


def test_whole_takes_are_held_out_and_the_others_composed(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[ComposedSampler, list[Recording]]] = []

    def watched(objective: Any, batches: ComposedSampler, between: BetweenWeights, *_: Any, **__: Any) -> None:
        assert isinstance(between.validate, GreedyCER)
        seen.append((batches, [recording for _, recording in between.validate.recordings]))
        raise KeyboardInterrupt

    monkeypatch.setattr("emgasr.training.personalize.fit", watched)
    recordings = [recording for _, recording in word_takes(each=4, sessions=("d1", "d2"))]
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        personalize(words, recordings, TAKES, tmp_path / "out", log=told.append)
    ((batches, judging),) = seen
    fitted = [take for takes in batches.sequences.sessions.values() for take in takes]
    assert {take.label: sum(other.label == take.label for other in fitted) for take in fitted} == dict.fromkeys(
        WORDS, 6
    )
    assert all(len(take.samples) == recordings[0].n_samples for take in fitted)
    assert sorted(text for recording in judging for text in recording.spans.texts) == sorted(2 * WORDS)
    assert any("strings composed of single takes (24 takes of 3 labels)" in line for line in told)


def test_a_model_of_words_is_fitted_to_takes(words: Path, tmp_path: Path) -> None:
    recordings = [recording for _, recording in word_takes(each=2)]
    result = personalize(words, recordings, TAKES, tmp_path / "out")
    assert result.error_after <= result.error_before
    load_recognizer(tmp_path / "out" / "model")


def test_one_take_of_each_label_cannot_judge(words: Path, tmp_path: Path) -> None:
    recordings = [recording for _, recording in word_takes(each=1)]
    with pytest.raises(DataError, match=r"no label has two takes in a session.*--held-out 0"):
        personalize(words, recordings, TAKES, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    personalize(words, recordings, replace(TAKES, held_out=0.0), tmp_path / "out")


class Remembered:
    """Judges every model alike, and remembers its output layer."""

    chooses = "cer"

    def __init__(self) -> None:
        self.heads: list[torch.Tensor] = []

    def __call__(self, model: Recognizer) -> Judgement:
        self.heads.append(model.head.weight.detach().clone())
        return Judgement({"cer": 0.5})


def test_weights_lie_between_and_what_is_judged_is_what_is_kept() -> None:
    model, judge = tiny_recognizer(), Remembered()
    base = {name: value.clone() for name, value in model.state_dict().items()}
    between = BetweenWeights(model, 0.25, judge)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    kept = between.of(model)
    for name, parameter in kept.named_parameters():
        torch.testing.assert_close(parameter.detach(), base[name] + 0.75)
    for name, parameter in model.named_parameters():  # the fit goes on from its own weights
        torch.testing.assert_close(parameter.detach(), base[name] + 1.0)
    assert between(model).figures == {"cer": 0.5}
    assert torch.equal(judge.heads[0], kept.head.weight)


def test_without_a_share_the_fitted_weights_are_kept_as_they_are() -> None:
    model = tiny_recognizer()
    assert BetweenWeights(model, 0.0, Remembered()).of(model) is model


def test_a_personal_model_keeps_a_share_of_its_base(tmp_path: Path) -> None:
    save_recognizer(tiny_recognizer(), tmp_path / "base")
    found = {}
    for share in (0.0, 0.25, 0.99):
        fit = replace(PERSONAL_FIT, steps=4, learning_rate=2e-2, warmup_steps=1, validations=1)
        config = PersonalizeConfig(fit=fit, base_share=share, held_out=0.0)
        folder = tmp_path / str(share)
        if personalize(tmp_path / "base", [easy_recording(0, 20.0)], config, folder).kept:
            found[share] = load_recognizer(folder / "model").head.weight
    base = load_recognizer(tmp_path / "base").head.weight
    torch.testing.assert_close(found[0.25] - base, 0.75 * (found[0.0] - base))
    assert 0.99 not in found or (found[0.99] - base).abs().max() < 0.02 * (found[0.0] - base).abs().max()
