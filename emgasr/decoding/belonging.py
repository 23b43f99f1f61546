"""A symbol set, a language model and hotwords in; an error out if they do not belong together."""

from __future__ import annotations

from emgasr.decoding.hotwords import Hotwords
from emgasr.errors import ConfigError, LanguageModelError
from emgasr.lm.ngram import NGramModel
from emgasr.lm.words import WordModel
from emgasr.tokens import Tokens


def check_belonging(tokens: Tokens, lm: NGramModel | WordModel | None, hotwords: Hotwords | None) -> None:
    """ConfigError for what is made for other tokens, LanguageModelError for a model that knows none of them."""
    for made in (hotwords, lm):
        if isinstance(made, Hotwords | WordModel) and made.tokens != tokens:
            raise ConfigError("search", f"its {type(made).__name__} is made for other tokens", "make it for these")
    if lm is not None:
        printed = [symbol for token, symbol in enumerate(tokens.symbols) if tokens.printing(token)]
        if len(lm.unknown_symbols(printed)) == len(printed):
            wrong = f"knows none of the model's {len(printed)} symbols ({printed[0]!r}, ...)"
            raise LanguageModelError("language model", wrong, "use one built for this symbol set")
