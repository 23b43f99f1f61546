"""Texts in, ln p of each under a neural language model of our own out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.neural.folder import load_neural
from emgasr.lm.neural.model import NeuralLM
from emgasr.rescoring.contract import Segment
from emgasr.tokens import Tokens


class NeuralScorer:
    """A scorer of kind neural.

    Args:
        model: the language model.
    """

    kind = "neural"

    def __init__(self, model: NeuralLM) -> None:
        self.model = model
        self.name, self.checksum = model.name, model.checksum
        self.memory_bytes = sum(value.nbytes for value in model.network.state_dict().values())

    @classmethod
    def load(cls, folder: str | Path, tokens: Tokens) -> NeuralScorer:
        """Read a model's folder, for texts of a recognizer's tokens.

        Raises:
            LanguageModelError: The folder is damaged, or its model knows fewer than half of the signs that texts hold.
        """
        model = load_neural(folder)
        check_symbols(model, tokens, folder)
        return cls(model)

    def score(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        """Return ln p of each segment's texts; see the contract."""
        return [self.model.score_texts(segment.texts, segment.context) for segment in segments]


def check_symbols(model: NeuralLM, tokens: Tokens, where: str | Path) -> None:
    """Raise a LanguageModelError for a model that knows fewer than half of the letters that the tokens write.

    Capitals count as their small letters: keyboards have both, and texts are often small. Without letters all signs
    count.
    """
    texts = {tokens.render([index]).strip() for index in range(1, len(tokens)) if tokens.printing(index)} - {""}
    letters = {text.lower() for text in texts if text.isalpha()}
    signs = letters or texts
    cut = {sign: symbols for sign in signs if (symbols := model.vocabulary.split(sign))}
    known = sum(0 not in model.vocabulary.ids(symbols) for symbols in cut.values())
    if (tokens.kind == "words" or model.vocabulary.kind != "words") and 2 * known < len(cut):
        wrong = f"knows {known} of the {len(cut)} {'letters' if letters else 'signs'} that the recognizer writes"
        raise LanguageModelError(where, wrong, "give a language model of the same symbols")
