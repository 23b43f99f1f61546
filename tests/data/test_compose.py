"""Composed sequences: joins, times, rest, seeds, test lists that use every take, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.data.compose import (
    ComposeConfig,
    ComposedExamples,
    Take,
    as_recording,
    compose,
    compose_shuffled,
    compose_words,
    takes_from_recordings,
)
from emgasr.data.spellings import RandomStrings, Words
from emgasr.errors import ConfigError, DataError
from emgasr.recording import Band, Recording, Spans
from emgasr.tokens import Tokens

RATE = 200.0
LETTERS = Tokens.characters("abc")
GESTURES = Tokens.words(["fist", "flexion"])
PLAIN = ComposeConfig(join_ms=50)
VARIED = ComposeConfig(join_ms=50, trim_ms=100, stretch=0.1)


def take(
    label: str, number: int = 0, subject: str = "s1", session: str = "d1", count: int = 100, rest: bool = False
) -> Take:
    rng = np.random.default_rng((number, *label.encode()))
    samples = rng.standard_normal((count, 2)).astype(np.float32)
    return Take(samples, RATE, label, subject, session, f"{subject}/{session}/{label}{number}", rest)


def takes(labels: str = "abc", each: int = 3, subject: str = "s1", session: str = "d1") -> list[Take]:
    return [take(label, number, subject, session) for label in labels for number in range(each)]


def test_one_take_stays_as_it_is() -> None:
    only = take("a")
    example = compose([only], LETTERS, ComposeConfig(remove_offset=False))
    np.testing.assert_array_equal(example.samples, only.samples)
    assert example.ids == [1]
    assert (example.onset_s[0], example.offset_s[0]) == (0, 0.5)


def test_takes_overlap_by_the_join_and_their_times_meet_in_its_middle() -> None:
    example = compose([take("c"), take("a"), take("b")], LETTERS, PLAIN)
    assert example.ids == [3, 1, 2]
    assert len(example.samples) == 300 - 2 * 10
    np.testing.assert_allclose(example.onset_s, [0, 0.475, 0.925])
    np.testing.assert_allclose(example.offset_s, [0.475, 0.925, 1.4])


def test_a_join_neither_clicks_nor_fades() -> None:
    first, second = take("a", count=8000), take("b", count=8000)
    example = compose([first, second], LETTERS, ComposeConfig(join_ms=10_000, remove_offset=False))
    joined = example.samples[6000:8000]
    assert joined.std() == pytest.approx(1, abs=0.05)  # equal power throughout
    np.testing.assert_array_equal(example.samples[:6000], first.samples[:6000])
    np.testing.assert_array_equal(example.samples[8000:], second.samples[2000:])


def test_offsets_make_no_steps() -> None:
    shifted = [
        Take(t.samples + offset, RATE, t.label, t.subject, t.session, t.take)
        for t, offset in ((take("a"), 3000), (take("b"), -500))
    ]
    example = compose(shifted, LETTERS, PLAIN)
    assert np.abs(example.samples).max() < 10


def test_short_takes_share_at_most_half_of_themselves() -> None:
    example = compose([take("a", count=5), take("b", count=4), take("c", count=1)], LETTERS, PLAIN)
    assert len(example.samples) == 5 + 4 + 1 - 2 - 0
    assert (example.onset_s[1:] == example.offset_s[:-1]).all()


def test_rest_lies_between_takes_and_has_no_label() -> None:
    config = ComposeConfig(join_ms=50, rest_shortest_ms=300, rest_longest_ms=300)
    quiet = take("", count=25, rest=True)  # shorter than the rest wanted: several are chained
    example = compose([take("a"), take("b")], LETTERS, config, rests=[quiet])
    assert example.ids == [1, 2]
    assert example.onset_s[1] - example.offset_s[0] == pytest.approx(0.3)


def test_a_label_of_several_tokens_gives_each_the_whole_takes_times() -> None:
    example = compose([take("abc"), take("b")], LETTERS, PLAIN)
    assert example.ids == [1, 2, 3, 2]
    np.testing.assert_allclose(example.onset_s, [0, 0, 0, 0.475])


def source(seed: int = 0, config: ComposeConfig = VARIED) -> ComposedExamples:
    people = [*takes(subject="s1"), *takes("ab", subject="s2"), *takes("ab", subject="s2", session="d2")]
    return ComposedExamples(people, RandomStrings(1, 6), LETTERS, config, seed)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**40), index=st.integers(0, 2**40))
def test_an_example_is_a_function_of_seed_and_index(seed: int, index: int) -> None:
    one, other = source(seed), source(seed)
    other.example(index + 1)  # what was drawn before does not matter
    first, again = one.example(index), other.example(index)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.ids == again.ids
    assert len(first.samples) == one.planned_samples(index)


def test_other_seeds_and_indices_give_other_examples() -> None:
    made = [source(seed).example(index).samples for seed in (0, 1) for index in (0, 1)]
    assert len({samples.tobytes() for samples in made}) == 4


@pytest.mark.parametrize("same_session", [False, True])
def test_a_sequence_never_mixes_people_nor_sessions_when_asked(same_session: bool) -> None:
    drawn = source(config=ComposeConfig(same_session=same_session))
    examples = [drawn.example(index) for index in range(60)]
    for example in examples:
        assert {name.split("/")[0] for name in example.takes} == {example.subject}
    assert {example.subject for example in examples} == {"s1", "s2"}
    assert any("+" in example.session for example in examples) != same_session


@settings(max_examples=30, deadline=None)
@given(index=st.integers(0, 10_000))
def test_labels_lie_in_order_inside_the_samples(index: int) -> None:
    example = source().example(index)
    assert len(example.ids) == len(example.onset_s) == len(example.offset_s) == len(example.takes)
    assert (example.onset_s < example.offset_s).all()
    assert (np.diff(example.onset_s) > 0).all()
    assert example.onset_s[0] == 0
    assert example.offset_s[-1] == pytest.approx(len(example.samples) / RATE)
    assert example.samples.dtype == np.float32
    assert np.isfinite(example.samples).all()


@pytest.mark.parametrize(("balance", "share"), [(False, 0.1), (True, 0.5)])
def test_sessions_are_drawn_by_their_takes_or_alike_when_asked(balance: bool, share: float) -> None:
    many = takes("ab", each=9, session="d1") + [take(label, 9, session="d2") for label in "ab"]
    config = ComposeConfig(balance_sessions=balance)
    drawn = ComposedExamples(many, RandomStrings(4, 4), LETTERS, config, seed=0)
    used = [name for index in range(250) for name in drawn.example(index).takes]
    assert np.mean(["/d2/" in name for name in used]) == pytest.approx(share, abs=0.04)


def test_stretching_keeps_a_slow_wave_a_wave() -> None:
    wave = np.sin(np.arange(1000) * 0.05).astype(np.float32)[:, None]
    wave_take = Take(wave, RATE, "a", "s1", "d1", "wave")
    config = ComposeConfig(stretch=0.2, remove_offset=False)
    stretched = compose([wave_take], LETTERS, config, seed=4).samples
    assert len(stretched) != 1000
    expected = np.sin(np.linspace(0, 999, len(stretched)) * 0.05)
    np.testing.assert_allclose(stretched[:, 0], expected, atol=1e-3)


def test_words_are_spelled_from_the_takes_there_are() -> None:
    drawn = ComposedExamples(takes("ab"), Words(["ab", "cab", "abba"]), LETTERS, PLAIN)
    spelled = {"".join(LETTERS.symbols_of(drawn.example(index).ids)) for index in range(20)}
    assert spelled == {"ab", "abba"}


def test_a_label_may_hold_a_space() -> None:
    tokens = Tokens.words(["wave", "wave in"])
    example = compose([take("wave in"), take("wave")], tokens, PLAIN)
    assert tokens.symbols_of(example.ids) == ["wave in", "wave"]


def test_gestures_are_whole_words() -> None:
    drawn = ComposedExamples([take("fist"), take("flexion")], RandomStrings(3, 3), GESTURES, PLAIN)
    assert len(drawn.example(0).ids) == 3


def test_a_test_list_holds_every_word_and_every_take() -> None:
    examples = compose_words(takes(each=5), ["ab", "bac"], LETTERS, PLAIN, seed=1)
    spelled = ["".join(LETTERS.symbols_of(example.ids)) for example in examples]
    assert spelled[:2] == ["ab", "bac"]
    used = [name for example in examples for name in example.takes]
    assert set(used) == {t.take for t in takes(each=5)}
    again = compose_words(takes(each=5), ["ab", "bac"], LETTERS, PLAIN, seed=1)
    assert [example.takes for example in again] == [example.takes for example in examples]


def test_takes_in_random_order_are_used_once_each() -> None:
    people = [*takes(each=4, subject="s1"), *takes(each=4, subject="s2")]
    examples = compose_shuffled(people, RandomStrings(4, 6), LETTERS, PLAIN)
    used = [name for example in examples for name in example.takes]
    assert sorted(used) == sorted(t.take for t in people)
    assert all(len(example.ids) >= 4 for example in examples)
    assert all(len({name.split("/")[0] for name in example.takes}) == 1 for example in examples)


def continuous() -> Recording:
    samples = np.arange(2000, dtype=np.float32).reshape(1000, 2)
    spans = Spans.of(
        [(0, 1, "rest", "silence"), (1, 2.5, "gesture", "fist"), (2, 3, "prompt", "go"), (3, 4, "gesture", "flexion")]
    )
    return Recording(samples, RATE, "uV", (Band.numbered("arm", 2),), "s1", "d1", spans=spans)


def test_takes_are_the_labelled_spans_of_recordings() -> None:
    found = takes_from_recordings([("one", continuous()), ("two", continuous())])
    assert [(t.label, t.rest) for t in found[:3]] == [("silence", True), ("fist", False), ("flexion", False)]
    np.testing.assert_array_equal(found[1].samples, continuous().samples[200:500])
    assert len({t.take for t in found}) == 6


def test_a_composed_recording_says_so() -> None:
    cut = takes_from_recordings([("one", continuous())])
    example = compose(cut[1:], GESTURES, PLAIN)
    recording = as_recording(example, GESTURES, RATE, "uV", continuous().bands)
    assert recording.origin == "composed"
    assert (recording.subject, recording.session) == ("s1", "d1")
    assert recording.spans.of_kind("gesture").texts == ("fist", "flexion")
    assert recording.spans.end_s[-1] == pytest.approx(recording.duration_s)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"join_ms": -1}, "join_ms: -1 is out of range"),
        ({"rest_shortest_ms": 5.0}, "rest_longest_ms is below"),
        ({"stretch": 0.9}, r"stretch: 0\.9 is out of range"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ComposeConfig(**values)  # type: ignore[arg-type]


def test_strings_of_no_length_are_refused() -> None:
    with pytest.raises(ConfigError, match="shortest"):
        RandomStrings(0, 3)


def test_takes_that_do_not_fit_are_refused() -> None:
    other_rate = Take(np.zeros((9, 2), np.float32), 250.0, "b", "s1", "d1", "fast")
    other_channels = Take(np.zeros((9, 3), np.float32), RATE, "b", "s1", "d1", "wide")
    for bad, message in (
        ([], "no labelled takes"),
        ([take("", rest=True)], "no labelled takes"),
        ([take("a"), other_rate], "take fast: has 2 channels at 250 Hz, others 2 at 200 Hz"),
        ([take("a"), other_channels], "take wide: has 3 channels"),
        ([take("a", count=0)], "is empty"),
        ([take("x")], "'x' is not among"),
        ([take("")], "empty label"),
    ):
        with pytest.raises(DataError, match=message):
            ComposedExamples(bad, RandomStrings(1, 2), LETTERS, PLAIN)


def test_what_cannot_be_composed_is_refused() -> None:
    with pytest.raises(DataError, match="there is no take"):
        compose([], LETTERS, PLAIN)
    with pytest.raises(DataError, match="several people"):
        compose([take("a"), take("a", subject="s2")], LETTERS, PLAIN)
    with pytest.raises(DataError, match="no rest takes"):
        compose([take("a")], LETTERS, ComposeConfig(rest_longest_ms=100))
    with pytest.raises(DataError, match="none of 1 words can be spelled"):
        ComposedExamples(takes("ab"), Words(["cab"]), LETTERS, PLAIN).example(0)
    with pytest.raises(DataError, match="no take of 'c'"):
        compose_words(takes("ab"), ["cab"], LETTERS, PLAIN)
    with pytest.raises(DataError, match="no word uses 'c'"):
        compose_words(takes("abc"), ["ab"], LETTERS, PLAIN)


def test_rest_stands_before_between_and_behind_takes_as_often_as_asked() -> None:
    rests = [take("r", number, count=60, rest=True) for number in range(3)]
    config = ComposeConfig(rest_shortest_ms=200, rest_longest_ms=200, rest_probability=0.5)
    made = ComposedExamples([*takes(), *rests], RandomStrings(3, 3), LETTERS, config)
    examples = [made.example(index) for index in range(300)]
    before = np.mean([example.onset_s[0] > 0.1 for example in examples])
    behind = np.mean([len(example.samples) / RATE - example.offset_s[-1] > 0.1 for example in examples])
    between = np.mean([gap > 0.1 for e in examples for gap in e.onset_s[1:] - e.offset_s[:-1]])
    assert all(abs(share - 0.5) < 0.1 for share in (before, between, behind))


def test_repeats_are_made_as_often_as_asked() -> None:
    for repeats, share in ((0.0, 1 / 3), (0.3, 0.3 + 0.7 / 3), (1.0, 1.0)):
        texts = RandomStrings(2, 6, repeats)
        rng = np.random.default_rng(0)
        drawn = [texts.draw(list("abc"), rng) for _ in range(2000)]
        equal = np.mean([one == other for text in drawn for one, other in itertools.pairwise(text)])
        assert abs(equal - share) < 0.02
