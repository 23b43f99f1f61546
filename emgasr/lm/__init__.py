"""Symbols in, natural-log probabilities out: n-gram language models, estimated from text or read from ARPA files."""

from emgasr.lm.arpa import read_arpa, write_arpa
from emgasr.lm.kneser_ney import estimate
from emgasr.lm.ngram import NGramModel, State

__all__ = ["NGramModel", "State", "estimate", "read_arpa", "write_arpa"]
