"""A symbol set, a language model and hotwords in; an error out if they do not belong together."""

from __future__ import annotations

from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.hypothesis import SearchConfig
from emgasr.errors import ConfigError, LanguageModelError
from emgasr.lm.ngram import NGramModel
from emgasr.lm.single_words import SingleWords
from emgasr.lm.words import WordModel
from emgasr.tokens import SHIFT, Tokens


def on_page(token: int, tokens: Tokens, lm: NGramModel | WordModel | None) -> bool:
    """Return whether a token is a symbol of the page: one that the language model scores and a backspace deletes.

    Those are the tokens that print; emg2qwerty's decoder takes shift for one too.
    """
    return tokens.printing(token) or (isinstance(lm, SingleWords) and tokens.symbols[token] == SHIFT)


def check_belonging(
    tokens: Tokens, lm: NGramModel | WordModel | None, config: SearchConfig, hotwords: Hotwords | None
) -> None:
    """Check that the parts of a search fit together.

    Raises:
        ConfigError: The model or the hotwords are made for other tokens, or a word bonus has no lexicon.
        LanguageModelError: The model knows none of the tokens.
    """
    for made in (hotwords, lm):
        if isinstance(made, Hotwords | WordModel) and made.tokens != tokens:
            raise ConfigError("search", f"its {type(made).__name__} is made for other tokens", "make it for these")
    if config.word_bonus != 0 and not isinstance(lm, WordModel):
        wrong = f"word_bonus is {config.word_bonus:g}, and no lexicon says what a word is"
        raise ConfigError("search", wrong, "leave it out, or search with a lexicon")
    if lm is not None:
        printed = [symbol for token, symbol in enumerate(tokens.symbols) if tokens.printing(token)]
        if len(lm.unknown_symbols(printed)) == len(printed):
            wrong = f"knows none of the model's {len(printed)} symbols ({printed[0]!r}, ...)"
            raise LanguageModelError("language model", wrong, "use one built for this symbol set")
