"""Sentences in, the n-gram model that KenLM's lmplz estimates of them out; and which estimator is to be used.

lmplz sorts on disk, so that texts of any size fit. It is looked for on the PATH; lm/build_kenlm.sh builds it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from emgasr.errors import LanguageModelError
from emgasr.files.plain_text import normalized
from emgasr.lm.estimation.kneser_ney import FALLBACK_DISCOUNTS, checked_prune
from emgasr.lm.formats.arpa import read_arpa
from emgasr.lm.formats.arpa_symbols import RESERVED, written
from emgasr.lm.ngram import NGramModel

LARGE_BYTES = 50_000_000  # of text from which on `auto` takes lmplz, whose memory is bounded whatever the text
MEMORY = "1G"  # that lmplz may sort in


def chosen_builder(builder: str, text_bytes: int) -> str:
    """Return `own` or `lmplz` for what was asked: `auto` takes lmplz for a large text, where it is on the PATH.

    LanguageModelError if lmplz was asked for and is not there.
    """
    if builder == "lmplz":
        _program()
    elif builder == "auto" and text_bytes >= LARGE_BYTES and shutil.which("lmplz"):
        builder = "lmplz"
    return "lmplz" if builder == "lmplz" else "own"


def estimate_with_lmplz(sentences: Iterable[Sequence[str]], order: int, *, prune: Sequence[int] = ()) -> NGramModel:
    """Estimate a model as `emgasr.lm.estimate` does, by KenLM's program.

    LanguageModelError for what `estimate` refuses, and when it fails.
    """
    thresholds = checked_prune(order, prune)
    with tempfile.TemporaryDirectory(prefix="emgasr-lm-") as folder:
        text, arpa = Path(folder, "text"), Path(folder, "lm.arpa")
        _write(sentences, text)
        command = [_program(), "--order", str(order), "--memory", MEMORY, "--temp_prefix", f"{folder}/"]
        command += ["--text", str(text), "--arpa", str(arpa), "--prune", *map(str, thresholds)]
        command += ["--discount_fallback", *map(str, FALLBACK_DISCOUNTS[1:])]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            said = " ".join(done.stderr.decode("utf-8", errors="replace").split())[-200:]
            wrong = f"failed with exit code {done.returncode} ({said})"
            raise LanguageModelError("lmplz", wrong, "use our own estimator (builder own)")
        return _without_empty_orders(read_arpa(arpa))


def _program() -> str:
    program = shutil.which("lmplz")
    if program is None:
        advice = "build it with lm/build_kenlm.sh, or use our own estimator, whose models are the same"
        raise LanguageModelError("lmplz", "is not on the PATH", advice)
    return program


def _write(sentences: Iterable[Sequence[str]], path: Path) -> None:
    fields = _Written()
    with open(path, "w", encoding="utf-8") as file:
        for number, sentence in enumerate(sentences, 1):
            try:
                symbols = normalized(sentence) if isinstance(sentence, str) else sentence
                line = " ".join(map(fields.__getitem__, symbols))
            except KeyError as error:
                wrong = f"holds the symbol {error.args[0]!r}"
                raise LanguageModelError(f"sentence {number}", wrong, "leave it out") from None
            file.write(line + "\n")
    if not fields:
        raise LanguageModelError("language model", "there is no text to estimate it from", "give at least one symbol")


class _Written(dict[str, str]):
    """How symbols are written for lmplz, which separates them by white space."""

    def __missing__(self, symbol: str) -> str:
        composed = normalized(symbol)
        if composed in RESERVED or not symbol:
            raise KeyError(symbol)
        self[symbol] = field = written(composed)
        return field


def _without_empty_orders(model: NGramModel) -> NGramModel:
    """Return the model with the order that its n-grams have: where no n-gram is as long as asked, lmplz lists none."""
    order = max(order for order, count in enumerate(model.counts, 1) if count)
    if order == model.order:
        return model
    return NGramModel.from_tables(model.vocabulary, [model.table(shorter) for shorter in range(1, order + 1)])
