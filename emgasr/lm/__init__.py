"""Symbols in, natural-log probabilities out: n-gram language models, estimated from text or read from files."""

from __future__ import annotations

import logging
from pathlib import Path

from emgasr.errors import LanguageModelError
from emgasr.files.pointers import check_fetched
from emgasr.lm.estimation.kneser_ney import estimate
from emgasr.lm.formats.arpa import read_arpa, write_arpa
from emgasr.lm.formats.compact import SUFFIX, is_compact, open_compact, write_compact
from emgasr.lm.ngram import NGramModel, State

__all__ = [
    "NGramModel",
    "State",
    "estimate",
    "open_compact",
    "read_arpa",
    "read_model",
    "write_arpa",
    "write_compact",
    "write_model",
]


def read_model(path: str | Path) -> NGramModel:
    """Read a model from an ARPA file, plain or gzipped, or map a compact one; its first bytes say which it is.

    What reading it filled in or passed over (`NGramModel.notes`) is logged as warnings.
    """
    check_fetched(path, LanguageModelError)
    try:
        compact = is_compact(path)
    except OSError as error:
        advice = "give an ARPA or .lm file"
        raise LanguageModelError(path, f"cannot be read ({error.strerror})", advice) from error
    except ValueError as error:  # a NUL in the path
        raise LanguageModelError(path, f"cannot be read ({error})", "check the path") from error
    model = open_compact(path) if compact else read_arpa(path)
    for note in model.notes:
        logging.getLogger(__name__).warning("%s: %s", path, note)
    return model


def write_model(model: NGramModel, path: str | Path) -> None:
    """Write a compact model if the name ends in .lm, else an ARPA file, gzipped if it ends in .gz."""
    write = write_compact if Path(path).suffix == SUFFIX else write_arpa
    write(model, path)
