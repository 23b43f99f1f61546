"""Emissions (F, V) of natural-log probabilities in, hypotheses out: greedy, prefix beam search, a single label."""

from emgasr.decoding.align import align
from emgasr.decoding.classify import classify
from emgasr.decoding.greedy import greedy
from emgasr.decoding.hypothesis import Hypothesis, SearchConfig
from emgasr.decoding.search import BeamSearch, SearchState, beam_search

__all__ = ["BeamSearch", "Hypothesis", "SearchConfig", "SearchState", "align", "beam_search", "classify", "greedy"]
