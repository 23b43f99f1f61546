"""People, muscles and electrodes in software: seeds and text (or real key times) in, labelled Recordings out."""

from emgasr.simulate.person import SPLIT_SEEDS, Person, simulate_person
from emgasr.simulate.prompts import default_prompts
from emgasr.simulate.session import simulate_session

__all__ = ["SPLIT_SEEDS", "Person", "default_prompts", "simulate_person", "simulate_session"]
