"""Simulated words: plausible as EMG of a face, the same for the same seeds, and neither too easy nor too hard."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import welch

from emgasr.errors import DataError
from emgasr.recording import Recording
from emgasr.simulate import cut_takes, shuffled_words, simulate_speaker, simulate_words

WORDS = ("yes", "no", "help", "stop", "water", "home")
BANDS_HZ = (20, 60, 120, 200, 300, 450)


@cache
def session(seed: int, number: int, place: str = "face") -> Recording:
    return simulate_words(simulate_speaker(seed, place), number, shuffled_words(WORDS, 12, 2, (seed, number)))


def inside(recording: Recording, kind: str) -> np.ndarray:
    spans = recording.spans.of_kind(kind)
    return np.concatenate([recording.read(a, b) for a, b in zip(spans.start_s, spans.end_s, strict=True)])


def test_a_session_holds_every_word_and_its_silences_as_spans() -> None:
    recording = session(0, 1)
    assert (recording.rate_hz, recording.unit, recording.n_channels, recording.origin) == (1000.0, "uV", 6, "simulated")
    assert not recording.bands[0].ring
    assert recording.bands[0].montage == "bipolar"
    assert sorted(recording.spans.of_kind("utterance").texts) == sorted(WORDS * 12)
    assert recording.spans.of_kind("rest").texts == ("rest", "rest")
    assert recording.spans.end_s.max() < recording.duration_s


def test_words_are_tens_of_microvolts_and_rest_is_a_few() -> None:
    for seed in range(4):
        word, rest = inside(session(seed, 1), "utterance").std(axis=0), inside(session(seed, 1), "rest").std(axis=0)
        assert 10 < word.max() < 300
        assert np.median(rest) < 6
        assert np.median(word / rest) > 2


def test_the_spectrum_of_words_lies_between_20_and_500_hz_as_that_of_faces_does() -> None:
    """The band that van Boxtel (Psychophysiology 38, 2001) found for muscles of face, mouth and neck."""
    recording = simulate_words(simulate_speaker(1), 1, list(WORDS), rate_hz=2000)
    frequency, power = welch(inside(recording, "utterance"), 2000.0, nperseg=512, axis=0)
    total = power.mean(axis=1)
    assert total[(frequency >= 20) & (frequency <= 500)].sum() > 0.9 * total.sum()
    assert 50 < np.interp(0.5, np.cumsum(total) / total.sum(), frequency) < 250


def test_each_take_begins_and_ends_at_rest() -> None:
    for label, take in cut_takes(session(2, 1)):
        if label != "rest":
            edges, middle = np.concatenate([take[:200], take[-200:]]), take[250:-250]
            assert edges.std() < middle.std()


def test_words_are_spelled_by_hand_below_a_ring_on_the_forearm() -> None:
    recording = simulate_words(simulate_speaker(0, "forearm"), 1, ["home", "rest"], electrodes=8)
    assert recording.bands[0].ring
    word, rest = inside(recording, "utterance").std(axis=0), inside(recording, "rest").std(axis=0)
    assert 10 < word.max() < 300
    assert np.median(word / rest) > 2
    mouthed = simulate_words(simulate_speaker(0), 1, ["home"]).spans
    spelled = recording.spans.of_kind("utterance")
    assert spelled.end_s[0] - spelled.start_s[0] > 1.5 * (mouthed.end_s[0] - mouthed.start_s[0])


def test_takes_do_not_overlap() -> None:
    recording = session(3, 1)
    seconds = sum(len(take) for _, take in cut_takes(recording)) / recording.rate_hz
    assert seconds < recording.duration_s
    gaps = recording.spans.start_s[1:] - recording.spans.end_s[:-1]
    assert gaps.min() >= 2 * 0.45


def test_electrodes_sit_differently_in_each_session_and_alike_within_one() -> None:
    again = [level(session(seed, 1), 1) - level(session(seed, 1), 0) for seed in range(3)]
    other = [level(session(seed, 2), 0) - level(session(seed, 1), 0) for seed in range(3)]
    assert np.std(other, axis=1).mean() > 1.5 * np.std(again, axis=1).mean()


def level(recording: Recording, half: int) -> np.ndarray:
    """Mean log level (E,) of the words in every other take of a session, each word counting alike."""
    takes = list(cut_takes(recording))
    words = [[np.log(take.std(axis=0)) for label, take in takes if label == word][half::2] for word in WORDS]
    return np.asarray(np.mean(words, axis=(0, 1)))


def test_the_same_seeds_make_the_same_session_and_others_another() -> None:
    speaker = simulate_speaker(7)
    one, two, three = (simulate_words(speaker, number, ["yes", "no"]).read() for number in (1, 1, 2))
    assert np.array_equal(one, two)
    assert one.shape != three.shape or not np.array_equal(one, three)


@pytest.mark.parametrize(("rate_hz", "electrodes"), [(200, 1), (250, 8), (2000, 32)])
def test_rates_and_numbers_of_electrodes_are_as_asked(rate_hz: int, electrodes: int) -> None:
    recording = simulate_words(simulate_speaker(1), 1, ["home"], rate_hz=rate_hz, electrodes=electrodes)
    assert (recording.rate_hz, recording.n_channels) == (rate_hz, electrodes)
    assert recording.duration_s == pytest.approx(
        simulate_words(simulate_speaker(1), 1, ["home"]).duration_s, abs=1 / rate_hz
    )
    assert inside(recording, "utterance").std(axis=0).max() > 5


@pytest.mark.slow
@pytest.mark.parametrize(("place", "least"), [("face", 0.85), ("forearm", 0.60)])
def test_a_linear_classifier_reads_most_words_of_a_new_session_and_more_without_the_sessions_mean(
    place: str, least: float
) -> None:
    plain, centred = np.mean([accuracies(seed, place) for seed in range(4)], axis=0)
    # Energies of whole takes know no order, in which the words that are spelled by hand differ most.
    assert least < centred < 0.98  # chance is 0.17
    assert 0.40 < plain < centred - 0.05  # how the electrodes sit is most of what a new session changes


def accuracies(seed: int, place: str) -> tuple[float, float]:
    """Shrinkage LDA on two sessions, tested on a third: as it is, and with each session's mean taken away."""
    features, labels = zip(*(described(session(seed, number, place)) for number in (1, 2, 3)), strict=True)
    answers = []
    for shift in (0.0, 1.0):
        train, test = ([f - shift * f.mean(axis=0) for f in part] for part in (features[:2], features[2:]))
        read = discriminant(np.concatenate(train), np.concatenate(labels[:2]), test[0])
        answers.append(float((read == labels[2]).mean()))
    return answers[0], answers[1]


def described(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Log band energies (N, E · bands) of whole takes, and their labels."""
    features, labels = [], []
    for label, take in cut_takes(recording):
        if label == "rest":
            continue
        frequency, power = welch(take, recording.rate_hz, nperseg=128, axis=0)
        edges = pairwise(BANDS_HZ)
        features.append(
            np.concatenate([np.log(power[(frequency >= low) & (frequency < high)].mean(axis=0)) for low, high in edges])
        )
        labels.append(label)
    return np.array(features), np.array(labels)


def discriminant(features: np.ndarray, labels: np.ndarray, asked: np.ndarray, shrink: float = 0.2) -> np.ndarray:
    """Linear discriminant analysis, the covariance shrunk toward a multiple of the identity (Friedman 1989)."""
    names, which = np.unique(labels, return_inverse=True)
    means = np.stack([features[which == k].mean(axis=0) for k in range(len(names))])
    apart = features - means[which]
    covariance = apart.T @ apart / len(apart)
    covariance = (1 - shrink) * covariance + shrink * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    return np.asarray(names[np.argmax(asked @ weights - 0.5 * (means.T * weights).sum(axis=0), axis=1)])


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"words": []}, "no words"),
        ({"electrodes": 0}, "0 electrodes"),
        ({"electrodes": 33}, "33 electrodes"),
        ({"rate_hz": 100}, "100 samples a second"),
        ({"rate_hz": 4000}, "4000 samples a second"),
        ({"session_seed": -1}, "seed cannot be -1"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options: dict[str, object], wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        simulate_words(simulate_speaker(0), **{"session_seed": 1, "words": ["yes"], **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(("seed", "place", "wrong"), [(-1, "face", "-1"), (0, "knee", "'knee'")])
def test_a_person_without_a_number_or_a_place_is_refused(seed: int, place: str, wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        simulate_speaker(seed, place)
