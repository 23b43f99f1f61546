"""A model of single words by their letters in; one that reads whole texts by emg2qwerty's published rule out.

The published decoder (arXiv 2410.20081) knows lowercase letters within one word only: any other symbol ends the word
with p(</s>) and begins a new one at <s>, and the end of the utterance is never scored. One difference is left: shift
(136 presses in the whole corpus) prints nothing, and is not scored here.
"""

from __future__ import annotations

import math
import string
from dataclasses import replace

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.ngram import BEGIN_ID, END_ID, SPECIALS, NGramModel

# The published decoder adds KenLM's log10 to natural-log emissions, with weight 2: in natural logs, 2 / ln 10.
PUBLISHED_LM_WEIGHT = 2.0 / math.log(10)
PUBLISHED_LENGTH_BONUS = 2.0


def read_as_single_words(model: NGramModel) -> NGramModel:
    """The model under the published rule; a LanguageModelError unless it is one of the letters a to z."""
    if other := [symbol for symbol in model.vocabulary[len(SPECIALS) :] if symbol not in string.ascii_lowercase]:
        wrong = f"knows {other[0]!r}; the published rule is for models of the letters a to z"
        raise LanguageModelError("language model", wrong, "estimate one from words, lowercase, one a line")
    ends = model.symbol == END_ID
    if not ends.any() or BEGIN_ID not in model.symbol:
        raise LanguageModelError("language model", "has no ends of words", "estimate it from words, one a line")
    after = np.where(ends, np.int32(model.start()), model.next)
    after.flags.writeable = False
    return replace(model, next=after, others=END_ID)
