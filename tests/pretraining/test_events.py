"""Contractions in a stream: where they are, whatever the chunks, from what was heard before alone, and none at rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.pretraining.events import Event, EventFinder, EventsConfig
from emgasr.recording import Band
from emgasr.streaming.activity import RestLevel

RATE_HZ = 200.0
BANDS = (Band.numbered("arm", 4, ring=True),)
CONTRACTIONS = ((4.0, 5.5), (8.0, 8.8), (12.0, 13.0))


def signal(contractions: tuple[tuple[float, float], ...] = CONTRACTIONS, seconds: float = 16.0) -> np.ndarray:
    samples = np.random.default_rng(0).normal(size=(round(seconds * RATE_HZ), 4))
    for start_s, end_s in contractions:
        samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ), :2] *= 12
    return samples.astype(np.float32)


def events_of(samples: np.ndarray, *cuts: int, rest: RestLevel | None = None, **options: float) -> list[Event]:
    finder = EventFinder(EventsConfig(**options), BANDS, RATE_HZ, "counts", rest)  # type: ignore[arg-type]
    found = [event for part in np.split(samples, cuts) for event in finder.feed(part)]
    return [*found, *finder.finish()]


def test_each_contraction_is_found_where_it_is_with_its_energy() -> None:
    found = events_of(signal())
    assert len(found) == 3
    for event, (start_s, end_s) in zip(found, CONTRACTIONS, strict=True):
        assert event.start_s == pytest.approx(start_s, abs=0.1)
        assert event.end_s == pytest.approx(end_s, abs=0.2)  # the level looks back 128 ms
        assert event.energy_db == pytest.approx(20 * np.log10(12 / np.sqrt(2)), abs=3)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 3200), max_size=6))
def test_chunks_of_any_size_give_the_same_events(cuts: list[int]) -> None:
    samples = signal()
    assert events_of(samples, *sorted(cuts)) == events_of(samples)


def test_an_event_depends_on_nothing_later() -> None:
    samples = signal()
    until = round(9.5 * RATE_HZ)
    louder = samples.copy()
    louder[until:] *= 50
    assert events_of(louder)[:2] == events_of(samples)[:2] == events_of(samples[:until])


def test_rest_alone_has_no_event() -> None:
    assert events_of(signal(())) == []


def test_a_person_who_never_rests_has_none_and_it_can_be_seen() -> None:
    finder = EventFinder(EventsConfig(), BANDS, RATE_HZ, "counts")
    assert finder.feed(signal(((0.0, 16.0),))) == []
    assert finder.quietest_db < 1.5
    resting = EventFinder(EventsConfig(), BANDS, RATE_HZ, "counts")
    resting.feed(signal(((4.0, 15.0),)))
    assert resting.quietest_db > 6


def test_declared_rest_finds_what_begins_at_once() -> None:
    rest = RestLevel.of_samples(signal((), 3.0), BANDS, RATE_HZ, 8)
    samples = signal(((0.0, 1.0),), 4.0)
    assert events_of(samples) == []
    (event,) = events_of(samples, rest=rest)
    assert event.start_s == 0.0


def test_short_bursts_are_no_contractions_and_long_ones_are_cut() -> None:
    assert events_of(signal(((5.0, 5.03),)), shortest_ms=400) == []
    pieces = events_of(signal(((4.0, 10.0),), 20.0), longest_ms=2000)
    assert len(pieces) == 3
    assert pieces[0].end_s - pieces[0].start_s == pytest.approx(2.0, abs=0.05)
    assert pieces[1].start_s == pytest.approx(pieces[0].end_s, abs=0.05)


def test_a_contraction_that_the_stream_ends_in_ends_there() -> None:
    (event,) = events_of(signal(((14.8, 16.0),)))
    assert event.end_s == pytest.approx(16.0)
