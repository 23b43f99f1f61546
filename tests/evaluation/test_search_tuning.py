"""Tuning the search's weights on validation emissions."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import SearchConfig
from emgasr.decoding.hotwords import Hotwords
from emgasr.errors import DataError
from emgasr.evaluation.search_tuning import GRID, RANGES, Trial, Tuned, Utterance, surface, tune
from emgasr.lm import estimate
from emgasr.score import Counts
from emgasr.tokens import Tokens

TOKENS = Tokens.characters("abc")
LM = estimate(["abcabcabc", "bcabca"], order=3)


@pytest.fixture(scope="module")
def utterances() -> list[Utterance]:
    """Emissions that err where the language model knows better."""
    generator = np.random.default_rng(0)
    made = []
    for _ in range(4):
        reference = TOKENS.encode_text("abcabcabc")
        scores = generator.normal(size=(4 * len(reference), 4)) * 1.4
        scores[:, 0] += 1.0
        scores[1::4, :] += 3.0 * np.eye(4)[reference]
        made.append((scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), reference))
    return made


def test_tuning_beats_where_it_started_and_logs_every_trial(utterances: list[Utterance]) -> None:
    start = SearchConfig(beam=8, lm_weight=0.0, length_bonus=-1.0)
    told: list[Trial] = []
    tuned = tune(utterances, TOKENS, LM, start, budget=10, report=told.append)
    assert tuned.trials == tuple(told)
    assert tuned.trials[0].config == start
    assert len(tuned.trials) == 10
    fewest = min(trial.counts.errors for trial in tuned.trials)
    assert fewest < tuned.trials[0].counts.errors
    assert tuned.best in tuned.trials
    assert tuned.best.counts.errors <= 1 + 1.02 * fewest
    assert tuned.config == tuned.best.config
    for trial in tuned.trials[1:]:
        assert trial.config.beam == 8
        assert trial.config.backspace_penalty == start.backspace_penalty  # there is no backspace key
        for name in ("lm_weight", "length_bonus", "acoustic_scale"):
            assert RANGES[name][0] <= getattr(trial.config, name) <= RANGES[name][1]


def test_weights_are_left_only_for_more_than_an_accident() -> None:
    """Emissions that are read alike by nearly all weights: the start's stay, whatever a trial happened to gain."""
    certain = []
    for reference in ([1, 2, 3], [3, 3, 1], [2, 1]):
        labels = [label for token in reference for label in (token, 0)]
        certain.append((np.log(np.full((len(labels), 4), 0.01) + 0.96 * np.eye(4)[labels]), reference))
    start = SearchConfig(beam=8, lm_weight=0.1)
    tuned = tune(certain, TOKENS, LM, start, budget=8)
    assert len({trial.config for trial in tuned.trials}) == 8
    assert tuned.config == start


def test_the_seed_fixes_the_trials_whatever_the_number_of_threads(utterances: list[Utterance]) -> None:
    start = SearchConfig(beam=4)
    one = tune(utterances, TOKENS, LM, start, budget=5, seed=5)
    assert one == tune(utterances, TOKENS, LM, start, budget=5, seed=5, threads=3)
    assert one != tune(utterances, TOKENS, LM, start, budget=5, seed=6)


def test_without_a_language_model_its_weight_stays(utterances: list[Utterance]) -> None:
    tuned = tune(utterances[:1], TOKENS, None, SearchConfig(beam=4, lm_weight=0.3), budget=4)
    assert {trial.config.lm_weight for trial in tuned.trials} == {0.3}


def test_a_surface_tries_every_weight_with_every_bonus(utterances: list[Utterance]) -> None:
    config = SearchConfig(beam=4, acoustic_scale=0.7)
    around = surface(utterances[:2], TOKENS, LM, tune(utterances[:2], TOKENS, LM, config, budget=1))
    tried = {(trial.config.lm_weight, trial.config.length_bonus) for trial in around.trials}
    assert len(tried) == len(around.trials) == GRID**2
    assert {trial.config.acoustic_scale for trial in around.trials} == {0.7}
    assert (min(tried), max(tried)) == ((0.0, -1.0), (2.0, 4.0))
    assert around.best.counts.errors <= 1 + 1.02 * min(trial.counts.errors for trial in around.trials)


def test_a_surface_is_chosen_from_as_tuning_chooses(utterances: list[Utterance]) -> None:
    """What was tuned stays where no point of the surface is nearer to the start, unless it is clearly outdone."""

    def tuned(errors: int, weight: float, *others: Trial) -> Tuned:
        best = Trial(SearchConfig(beam=4, lm_weight=weight), Counts(deletions=errors))
        return Tuned(best, (best, *others))

    fewest = min(t.counts.errors for t in surface(utterances[:2], TOKENS, LM, tuned(10**6, 1.1)).trials)
    hardly_more = tuned(fewest + 1, 1.1)
    assert surface(utterances[:2], TOKENS, LM, hardly_more).best == hardly_more.best
    clearly_more = tuned(round(1.02 * fewest) + 3, 1.1)
    assert surface(utterances[:2], TOKENS, LM, clearly_more).best.counts.errors <= 1 + 1.02 * fewest
    start = Trial(SearchConfig(beam=4, lm_weight=0.0), Counts(deletions=10**6))
    far = Tuned(hardly_more.best, (start, hardly_more.best))
    chosen = surface(utterances[:2], TOKENS, LM, far).best
    assert chosen.config.lm_weight <= 1.1
    assert chosen.counts.errors <= 1 + 1.02 * fewest


def test_hotwords_take_part_in_every_trial(utterances: list[Utterance]) -> None:
    held_back = Hotwords({"abcabcabc": -1000.0}, TOKENS)
    config = SearchConfig(beam=8, end_of_sentence=True)
    plain = tune(utterances, TOKENS, LM, config, budget=1)
    against = tune(utterances, TOKENS, LM, config, budget=1, hotwords=held_back)
    assert against.best.counts.errors > plain.best.counts.errors
    around = surface(utterances[:1], TOKENS, LM, against, hotwords=held_back)
    assert all(trial.counts.errors for trial in around.trials)


def test_nothing_to_tune_on_is_refused(utterances: list[Utterance]) -> None:
    with pytest.raises(DataError, match="no validation utterances"):
        tune([], TOKENS, LM)
    with pytest.raises(DataError, match="budget of 0"):
        tune(utterances, TOKENS, LM, budget=0)
