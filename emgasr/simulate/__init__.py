"""People, muscles and electrodes in software: seeds and text (or real key times) in, labelled Recordings out."""

from emgasr.simulate.person import SPLIT_SEEDS, Person, simulate_person
from emgasr.simulate.prompts import default_prompts
from emgasr.simulate.session import simulate_session
from emgasr.simulate.words import Speaker, cut_takes, shuffled_words, simulate_speaker, simulate_words

__all__ = [
    "SPLIT_SEEDS",
    "Person",
    "Speaker",
    "cut_takes",
    "default_prompts",
    "shuffled_words",
    "simulate_person",
    "simulate_session",
    "simulate_speaker",
    "simulate_words",
]
