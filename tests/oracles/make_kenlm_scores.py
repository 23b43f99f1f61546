"""An ARPA file in, random strings and KenLM's log10 scores of each of their symbols out (see data/README.md)."""

from __future__ import annotations

import json
import random
import sys

import kenlm

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


def kenlm_scores(model: kenlm.Model, sentence: list[str]) -> list[float]:
    """Return log10 p of each symbol, and of the end of the sentence last."""
    written = " ".join(symbol.replace(" ", SPACE_SIGN) for symbol in sentence)
    return [score for score, _, _ in model.full_scores(written)]


if __name__ == "__main__":
    arpa, out = sys.argv[1:]
    model = kenlm.Model(arpa)
    sentences = random_sentences(list("abcdefghijklmnopqrstuvwxyz "), 60, seed=0)
    scores = [{"symbols": "".join(sentence), "log10": kenlm_scores(model, sentence)} for sentence in sentences]
    with open(out, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in scores) + "\n]\n")
