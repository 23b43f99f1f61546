"""ARPA files in, KenLM's log10 scores of strings out: of each symbol, and of whole long lines (see data/README.md)."""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from emgasr.lm import read_arpa

try:
    import kenlm
except ImportError:  # only to make the scores anew is it needed
    kenlm = None

SPACE_SIGN = "␣"


def random_sentences(symbols: list[str], count: int, seed: int) -> list[list[str]]:
    """Return strings of `symbols` and of one that no model knows, some of them real words, some empty."""
    generator = random.Random(seed)
    pool = [*symbols, "§", *("the", "of them", "signal", "is the", "quick")]
    sentences = []
    for _ in range(count):
        pieces = [generator.choice(pool) for _ in range(generator.randrange(0, 12))]
        sentences.append([symbol for piece in pieces for symbol in piece])
    return sentences


def kenlm_scores(model: Any, sentence: list[str]) -> list[float]:
    """Return log10 p of each symbol, and of the end of the sentence last."""
    written = " ".join(symbol.replace(" ", SPACE_SIGN) for symbol in sentence)
    return [score for score, _, _ in model.full_scores(written)]


def random_line(symbols: list[str], length: int, seed: int, unknown: float = 0.0) -> list[str]:
    """Return a line of `length` symbols, a share of which no model knows."""
    generator = random.Random(seed)
    return ["§" if generator.random() < unknown else generator.choice(symbols) for _ in range(length)]


def without_unknown(arpa: str) -> str:
    """Return the text of an ARPA file without its <unk>, which no longer n-gram of it holds."""
    lines = arpa.split("\n")
    left = [line for line in lines if "<unk>" not in line.split()]
    count = next(line for line in left if line.startswith("ngram 1="))
    left[left.index(count)] = f"ngram 1={int(count.partition('=')[2]) - (len(lines) - len(left))}"
    return "\n".join(left)


def long_lines() -> list[dict[str, object]]:
    """Return what `random_line` was asked for and the sum of KenLM's scores, added up in float64."""
    scored: list[dict[str, object]] = []
    data = Path(__file__).parent / "data"
    for name in ("characters5", "words3"):
        for unknown, share in ((True, 0.0), (True, 0.1), (False, 0.1)):
            text = (data / f"{name}.arpa").read_text(encoding="utf-8")
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "lm.arpa"
                path.write_text(text if unknown else without_unknown(text), encoding="utf-8")
                model, symbols = kenlm.Model(str(path)), sorted(read_arpa(path).symbols)
            for length in (10, 300, 3000):
                line = random_line(symbols, length, seed=length, unknown=share)
                total = math.fsum(kenlm_scores(model, line))
                scored.append({"model": name, "has_unknown": unknown, "share": share, "length": length, "log10": total})
    return scored


if __name__ == "__main__":
    if len(sys.argv) == 2:
        Path(sys.argv[1]).write_text(json.dumps(long_lines(), indent=1) + "\n", encoding="utf-8")
        sys.exit()
    arpa, out = sys.argv[1:]
    model = kenlm.Model(arpa)
    sentences = random_sentences(list("abcdefghijklmnopqrstuvwxyz "), 60, seed=0)
    scores = [{"symbols": "".join(sentence), "log10": kenlm_scores(model, sentence)} for sentence in sentences]
    with open(out, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in scores) + "\n]\n")
