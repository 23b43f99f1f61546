"""Weights between a base model's and fitted ones: what is judged is what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from emgasr.models.folder import load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.training.base_share import BetweenWeights
from emgasr.training.config import PERSONAL_FIT, PersonalizeConfig
from emgasr.training.contracts import Judgement
from emgasr.training.personalize import personalize
from tests.helpers.tiny_models import easy_recording, tiny_recognizer


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
