"""A base model and one fitted from it in; a model whose weights lie between the two out."""

from __future__ import annotations

from copy import deepcopy

import torch

from emgasr.models.recognizer import Recognizer
from emgasr.training.contracts import Judgement, Validator


class BetweenWeights:
    """Makes and judges models whose weights are `share` those of the base and the rest those fitted from it.

    Weights fitted to one session read the next one worse than a mean of them and the base's do, which still know other
    sessions (WiSE-FT: Wortsman et al., CVPR 2022, arXiv 2109.01903). It is a validator: what it judges is what is kept.

    Args:
        base: the model before the fit; its weights are copied.
        share: of the base's weights, 0 to 1.
        validate: what judges the models between.
    """

    def __init__(self, base: Recognizer, share: float, validate: Validator[Recognizer]) -> None:
        self.share, self.validate = share, validate
        self.chooses = validate.chooses
        self._weights = {name: value.detach().clone() for name, value in base.state_dict().items()}

    def __call__(self, fitted: Recognizer) -> Judgement:
        """Judge the model between."""
        return self.validate(self.of(fitted))

    @torch.no_grad()
    def of(self, fitted: Recognizer) -> Recognizer:
        """Return a model of its own between the base and `fitted`, on the device of `fitted`."""
        if not self.share:
            return fitted
        between = deepcopy(fitted)
        for name, value in between.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self._weights[name].to(value), self.share)
        return between
