"""The compiled beam search: equal to the readable one, chunk by chunk, in bounded memory; what it refuses."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import BeamSearch, Hypothesis, SearchConfig, beam_search
from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.kernel.tree import HISTORY, compact
from emgasr.errors import ConfigError, DataError, LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.words import WordModel
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles import reference_search as reference

KEYS = Tokens.keystrokes(["a", "b", "c", " ", BACKSPACE, ENTER, SHIFT])
LM = estimate(["abc abc" + ENTER, "cab", "bca abc", "a" + ENTER + "b"], order=4)
NARROW = estimate(["ab" * 5], order=2)  # does not know c, space and enter


def random_emissions(frames: int, seed: int, labels: int = len(KEYS), sharpness: float = 2.0) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(frames, labels)) * sharpness
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def assert_equal(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert {h.ids for h in found} == {h.ids for h in expected}
    others = {h.ids: h for h in expected}
    for hypothesis in found:
        other = others[hypothesis.ids]
        parts = (hypothesis.score, hypothesis.acoustic, hypothesis.lm)
        assert parts == pytest.approx((other.score, other.acoustic, other.lm), abs=1e-9)
        assert hypothesis.frames == other.frames
        assert hypothesis.confidences == pytest.approx(other.confidences)


WEIGHTS = {
    "lm_weight": st.sampled_from([0.0, 0.7, 2.0]),
    "length_bonus": st.sampled_from([0.0, 1.3, -0.5]),
    "acoustic_scale": st.sampled_from([1.0, 0.6]),
    "blank_penalty": st.sampled_from([0.0, 0.8, -0.4]),
    "backspace_penalty": st.sampled_from([0.0, 2.5, -1.0]),
    "end_of_sentence": st.booleans(),
}


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    frames=st.integers(0, 5),
    keep=st.sets(st.sampled_from(KEYS.symbols[1:]), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([0.3, 1.0, 3.0]),
    lm=st.sampled_from([None, LM, NARROW]),
    weights=st.fixed_dictionaries(WEIGHTS),
)
def test_unpruned_it_finds_what_the_readable_search_finds(
    frames: int, keep: set[str], seed: int, sharpness: float, lm: NGramModel | None, weights: dict[str, float]
) -> None:
    tokens = Tokens.keystrokes(keep)
    if lm is not None and not {"a", "b"} & keep:
        lm = None
    emissions = random_emissions(frames, seed, len(tokens), sharpness)
    config = SearchConfig(beam=10**6, top_k=None, n_best=10**6, **weights)
    assert_equal(beam_search(emissions, tokens, lm, config), reference.beam_search(emissions, tokens, lm, config))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([1.0, 3.0, 6.0]),
    lm=st.sampled_from([None, LM, NARROW]),
    beam=st.integers(1, 20),
    top_k=st.integers(1, 7),
    threshold=st.sampled_from([None, 2.0, 6.0]),
    weights=st.fixed_dictionaries(WEIGHTS),
)
def test_pruned_it_keeps_what_the_readable_search_keeps(
    seed: int,
    sharpness: float,
    lm: NGramModel | None,
    beam: int,
    top_k: int,
    threshold: float | None,
    weights: dict[str, float],
) -> None:
    emissions = random_emissions(25, seed, sharpness=sharpness)
    config = SearchConfig(beam=beam, top_k=top_k, n_best=beam, threshold=threshold, **weights)
    found = beam_search(emissions, KEYS, lm, config)
    expected = reference.beam_search(emissions, KEYS, lm, config)
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)


WORD_LM = estimate([["ab", "abc"], ["ab", "c", "ab"], ["abc", "cab", "ab"]], order=3)
SPELLING_LM = estimate(["ab", "abc", "c", "cab", "ba"], order=3)
PIECES = Tokens("sentencepiece", ["▁", "▁a", "▁ab", "a", "b", "bc", "c▁a", "c"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([1.0, 3.0]),
    lm=st.sampled_from(["words", "characters", "none"]),
    pieces=st.booleans(),
    beam=st.integers(1, 30),
    penalty=st.sampled_from([0.0, 2.0, -3.0]),
    phrases=st.dictionaries(st.sampled_from(["a", "ab", "ab c", "c ab", "cab"]), st.sampled_from([2.0, 0.7, -1.0])),
    weights=st.fixed_dictionaries(WEIGHTS),
)
def test_words_and_hotwords_are_searched_as_the_readable_search_does(
    seed: int,
    sharpness: float,
    lm: str,
    pieces: bool,
    beam: int,
    penalty: float,
    phrases: dict[str, float],
    weights: dict[str, float],
) -> None:
    tokens = PIECES if pieces else KEYS
    models = {"words": WordModel(WORD_LM, ["ab", "abc", "cab"], SPELLING_LM, tokens, penalty), "characters": LM}
    if pieces:
        models["characters"] = estimate([PIECES.symbols[1:]], order=2)
    model = models.get(lm)
    emissions = random_emissions(14, seed, len(tokens), sharpness)
    config = SearchConfig(beam=beam, top_k=5, n_best=beam, **weights)
    hotwords = Hotwords(phrases, tokens) if phrases else None
    found = beam_search(emissions, tokens, model, config, hotwords)
    expected = reference.beam_search(emissions, tokens, model, config, hotwords)
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)
    assert {h.ids for h in found} == {h.ids for h in expected} or _tied(expected)


def _tied(hypotheses: list[Hypothesis]) -> bool:
    """Whether the last place of the beam is shared, so that either of two may have been kept."""
    scores = sorted(h.score for h in hypotheses)
    return any(abs(one - other) < 1e-9 for one, other in itertools.pairwise(scores))


@settings(max_examples=60, deadline=None)
@given(cuts=st.sets(st.integers(1, 199), max_size=60), seed=st.integers(0, 5), beam=st.integers(1, 12))
def test_any_chunking_gives_the_same_hypotheses(cuts: set[int], seed: int, beam: int) -> None:
    emissions = random_emissions(200, seed, sharpness=4.0)
    config = SearchConfig(
        beam=beam, top_k=4, lm_weight=0.8, length_bonus=0.5, n_best=beam, threshold=8.0, finalize_within=50
    )
    search = BeamSearch(KEYS, LM, config)
    state = search.start()
    for chunk in np.split(emissions, sorted(cuts)):
        state = search.step(chunk, state)
    assert search.flush(state) == beam_search(emissions, KEYS, LM, config)


def test_what_is_committed_is_never_taken_back_and_ends_up_in_the_answer() -> None:
    emissions = random_emissions(600, seed=1, sharpness=6.0)
    search = BeamSearch(KEYS, LM, SearchConfig(beam=10, threshold=8.0))
    state = search.start()
    before: tuple[int, ...] = ()
    for row in range(0, 600, 3):
        state = search.step(emissions[row : row + 3], state)
        assert tuple(state.ids[: len(before)]) == before
        before = tuple(state.ids)
        best = search.flush(state)[0]
        assert best.ids[: len(before)] == before
        assert list(best.frames) == sorted(best.frames)
        assert best.frames[: len(before)] == tuple(state.frames)
    assert len(before) > 50
    assert all(frame < 600 for frame in state.frames)


def test_committed_times_are_those_of_the_whole_alignment() -> None:
    emissions = random_emissions(400, seed=2, sharpness=8.0)
    config = SearchConfig(beam=10, threshold=8.0)
    found = beam_search(emissions, KEYS, LM, config)[0]
    expected = reference.beam_search(emissions, KEYS, LM, config)[0]
    assert found.ids == expected.ids
    same = np.mean(np.array(found.frames) == np.array(expected.frames))
    assert same > 0.98  # what becomes final cannot know what the frames after it would have changed


def test_a_stream_of_any_length_takes_bounded_memory() -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=10, threshold=8.0, finalize_within=200))
    state = search.start()
    size = sum(array.nbytes for array in state.tree)
    for seed in range(150):
        state = search.step(random_emissions(400, seed, sharpness=6.0), state)
    assert state.frames_seen == 60_000
    assert sum(array.nbytes for array in state.tree) == size


def nearly_certain(ids: list[int]) -> np.ndarray:
    return np.log(np.full((len(ids), len(KEYS)), 1e-6) + (1 - 1e-6 * len(KEYS)) * np.eye(len(KEYS))[ids])


def test_a_pause_without_end_is_let_go() -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(finalize_within=100, lm_weight=0.5))
    state = search.step(nearly_certain([0] * 3000), search.start())
    assert state.tree.window.shape[0] <= 512
    answer = search.flush(search.step(nearly_certain([1, 0]), state))[0]
    assert (answer.ids, answer.frames) == ((1,), (3000,))


def test_backspaces_into_forgotten_text_find_an_empty_page_and_refund_nothing() -> None:
    """The readable search forgets nothing: its acoustic score is the truth, the rest is what SearchConfig says."""
    typed = KEYS.ids("abc cab" * 100)
    erased = [*KEYS.ids([BACKSPACE]), 0] * (HISTORY + 40)
    before = nearly_certain([label for token in typed for label in (token, 0)])
    after = nearly_certain([*erased, *KEYS.ids("b")])
    config = SearchConfig(beam=2, lm_weight=0.7, length_bonus=0.3, backspace_penalty=1.5)
    hotwords = Hotwords({"cab": 2.0}, KEYS)
    search = BeamSearch(KEYS, LM, config, hotwords)
    state = search.step(before, search.start())
    compact(state.tree)
    remembered = typed[: len(state.ids) - HISTORY]
    found = search.flush(search.step(after, state))[0]
    assert found.ids == (*typed, *(erased[::2]), *KEYS.ids("b"))
    true = reference.beam_search(np.concatenate([before, after]), KEYS, LM, config, hotwords)[0]
    assert true.ids == found.ids
    assert found.acoustic == pytest.approx(true.acoustic, abs=1e-6)
    page = KEYS.symbols_of([*remembered, *KEYS.ids("b")])
    ln_p, context, boost, hot = 0.0, LM.start(), 0.0, hotwords.start
    for symbol, token in zip(page, KEYS.ids(page), strict=True):
        step, context = LM.score(context, symbol)
        ln_p, boost = ln_p + step, boost + hotwords.gain[hot, token]
        hot = hotwords.goto[hot, token]
    assert found.lm == pytest.approx(ln_p, abs=1e-9)
    prior = 0.7 * ln_p + boost + hotwords.ending[hot] + 0.3 * len(found.ids) - 1.5 * (HISTORY + 40)
    assert found.score == pytest.approx(found.acoustic + prior, abs=1e-6)


def test_doubt_is_finalized_within_its_bound() -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=30, finalize_within=40, length_bonus=1.0))
    state = search.start()
    for row in random_emissions(400, seed=3, sharpness=0.5):
        state = search.step(row[None], state)
        assert state.open_frames <= 44
        assert search.flush(state)[0].ids[: len(state.ids)] == tuple(state.ids)
    assert len(state.ids) > 10


def test_a_state_can_be_stored_copied_and_taken_up_by_another_search() -> None:
    emissions = random_emissions(60, seed=0)
    config = SearchConfig(beam=5, n_best=5, threshold=8.0)
    search = BeamSearch(KEYS, LM, config)
    state = search.step(emissions[:31], search.start())
    kept, stored = state.copy(), pickle.dumps(state)
    search.step(random_emissions(9, seed=5), state)
    another = BeamSearch(KEYS, LM, config)
    for resumed in (kept, pickle.loads(stored)):
        assert another.flush(another.step(emissions[31:], resumed)) == search.whole(emissions)


def test_one_search_serves_many_threads() -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=20))
    expected = [search.whole(random_emissions(300, seed)) for seed in range(4)]
    found: dict[int, list[Hypothesis]] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.update({seed: search.whole(random_emissions(300, seed))}))
        for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == expected


@pytest.mark.parametrize("lm", [None, LM])
def test_float32_and_frozen_emissions_are_read_alike(lm: NGramModel | None) -> None:
    emissions = random_emissions(40, seed=0).astype(np.float32)
    frozen = emissions.astype(np.float64)
    frozen.flags.writeable = False
    wide = np.zeros((40, 2 * len(KEYS)))
    wide[:, ::2] = emissions
    answers = [beam_search(e, KEYS, lm) for e in (emissions, frozen, wide[:, ::2])]
    assert answers[0] == answers[1] == answers[2]


def test_no_frames_give_the_empty_hypothesis() -> None:
    (answer,) = beam_search(np.zeros((0, len(KEYS))), KEYS, LM, SearchConfig(n_best=9))
    assert (answer.ids, answer.frames, answer.score, answer.acoustic, answer.lm) == ((), (), 0.0, 0.0, 0.0)
    (answer,) = beam_search(np.zeros((0, len(KEYS))), KEYS, LM, SearchConfig(lm_weight=2, end_of_sentence=True))
    assert answer.score == 2 * answer.lm == 2 * LM.end(LM.start())


def test_a_single_symbol_can_be_searched() -> None:
    tokens = Tokens.characters("a")
    emissions = random_emissions(6, 0, labels=2)
    config = SearchConfig(beam=100, n_best=100)
    assert_equal(beam_search(emissions, tokens, LM, config), reference.beam_search(emissions, tokens, LM, config))


def test_certain_emissions_and_impossible_labels_are_no_trouble() -> None:
    certain = np.full((6, len(KEYS)), -np.inf)
    certain[np.arange(6), [1, 1, 0, 1, 2, 2]] = 0.0
    answer = beam_search(certain, KEYS, LM)[0]
    assert answer.ids == (1, 1, 2)
    assert answer.acoustic == 0.0


@pytest.mark.slow
def test_hundreds_of_improbable_frames_do_not_underflow() -> None:
    config = SearchConfig(beam=20, lm_weight=2.0)
    emissions = random_emissions(3000, seed=0, sharpness=0.1)
    found = beam_search(emissions, KEYS, LM, config)[0]
    assert found.score == pytest.approx(reference.beam_search(emissions, KEYS, LM, config)[0].score, abs=1e-6)
    assert found.score < -3000


def test_improbable_symbols_of_a_model_without_unknown_are_scored_and_survive() -> None:
    emissions = np.log(np.full((2, len(KEYS)), 1e-9) + (1 - len(KEYS) * 1e-9) * np.eye(len(KEYS))[KEYS.ids("c ")])
    answer = beam_search(emissions, KEYS, NARROW, SearchConfig(lm_weight=1.5))[0]
    assert answer.score == pytest.approx(
        max(h.score for h in reference.beam_search(emissions, KEYS, NARROW, SearchConfig(lm_weight=1.5)))
    )


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (np.nan, "frame 12 holds NaN"),
        (np.inf, "frame 12 holds NaN or infinity"),
        (0.7, "probabilities of frame 12 sum to"),
        (-np.inf, "probabilities of frame 12 sum to"),
    ],
)
def test_a_bad_frame_is_numbered_from_the_stream_start(spoil: float, wrong: str) -> None:
    search = BeamSearch(KEYS)
    state = search.step(random_emissions(10, seed=0), search.start())
    bad = random_emissions(4, seed=1)
    bad[2, int(bad[2].argmax())] = spoil
    with pytest.raises(DataError, match=wrong):
        search.step(bad, state)
    assert state.frames_seen == 12  # those before it were searched


def test_sums_at_the_edge_of_the_tolerance_are_judged_exactly() -> None:
    row = random_emissions(1, seed=0)
    for factor, fine in ((1.00095, True), (1.0011, False), (0.99905, True), (0.9989, False)):
        if fine:
            beam_search(row + np.log(factor), KEYS)
        else:
            with pytest.raises(DataError, match="sum to"):
                beam_search(row + np.log(factor), KEYS)


@pytest.mark.parametrize("shape", [(5, len(KEYS) + 1), (5,), (5, len(KEYS), 1)])
def test_emissions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="is not \\(frames, 8\\)"):
        beam_search(np.zeros(shape), KEYS)


def test_a_language_model_of_other_symbols_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="knows none of the model's"):
        BeamSearch(KEYS, estimate([["word", "words"]], 2))


def test_words_and_hotwords_of_other_tokens_are_refused() -> None:
    others = Tokens.characters("abc ")
    with pytest.raises(ConfigError, match="made for other tokens"):
        BeamSearch(KEYS, None, None, Hotwords({"ab": 1.0}, others))
    with pytest.raises(ConfigError, match="made for other tokens"):
        BeamSearch(KEYS, WordModel(WORD_LM, ["ab"], SPELLING_LM, others))


def test_a_vocabulary_without_masks_is_searched_alike() -> None:
    many = estimate([[f"w{i % 150}" for i in range(k, k + 40)] for k in range(150)], order=3)
    tokens = Tokens.words([f"w{i}" for i in range(150)])
    emissions = random_emissions(12, seed=4, labels=len(tokens))
    config = SearchConfig(beam=30, top_k=20, n_best=30)
    found, expected = (
        beam_search(emissions, tokens, many, config),
        reference.beam_search(emissions, tokens, many, config),
    )
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)


def test_a_lower_threshold_loses_hypotheses_and_never_finds_better_ones() -> None:
    emissions = random_emissions(30, seed=7)
    config = SearchConfig(beam=30, n_best=30)
    wide, narrow = (beam_search(emissions, KEYS, LM, replace(config, threshold=t)) for t in (None, 1.0))
    assert len(narrow) < len(wide)
    assert narrow[0].score <= wide[0].score + 1e-9


@pytest.mark.process
@pytest.mark.slow
def test_decoding_needs_no_torch() -> None:
    code = "import emgasr.decoding, emgasr.lm, emgasr.score, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
