"""What training sequences begin with: the statistics of their session's takes, as a stream would have them."""

from __future__ import annotations

import pytest
import torch

from emgasr.data.compose import ComposeConfig, ComposedExamples, takes_from_recordings
from emgasr.data.spellings import RandomStrings
from emgasr.tokens import Tokens
from emgasr.training.session_start import AFRESH, SessionStart
from tests.helpers.word_takes import WORDS, word_recognizer, word_takes

NAMED = word_takes(sessions=("d1",)) + word_takes(sessions=("d2",), gain=5.0)


def sequences() -> ComposedExamples:
    takes = takes_from_recordings(NAMED)
    return ComposedExamples(takes, RandomStrings(1, 3), Tokens.words(WORDS), ComposeConfig(same_session=True))


def test_statistics_of_takes_equal_those_of_a_stream_that_read_them() -> None:
    model, takes = word_recognizer(), takes_from_recordings(NAMED[:2])
    state, frames = model.normalize.start(1, torch.float32, torch.device("cpu")), []
    for take in takes:
        samples = torch.from_numpy(take.samples - take.samples.mean(0))[None]
        frames.append(model.features(samples, torch.tensor([samples.shape[1]]))[0])
    rows = torch.cat(frames, 1)
    _, _, streamed = model.normalize.step(rows, torch.tensor([rows.shape[1]]), state)
    count = torch.tensor([float(rows.shape[1])], dtype=torch.float64)
    told = model.normalize.heard(state, count, rows.double().sum(1), rows.double().square().sum(1))
    for name in ("weight", "mean", "scatter"):
        torch.testing.assert_close(getattr(told, name), getattr(streamed, name), rtol=1e-6, atol=1e-6)


def test_each_sequence_begins_with_its_own_session() -> None:
    torch.manual_seed(0)
    model, made = word_recognizer(), sequences()
    start = SessionStart(model, made.sessions, longest_s=1e4)  # so long that all takes are drawn at times
    places = {session: place for place, session in enumerate(made.sessions)}
    worn = torch.tensor([places["s1", "d1"]] * 200 + [places["s1", "d2"]] * 200 + [-1] * 50)
    state = start.state(model, worn)
    afresh = state.weight == model.normalize.prior_frames
    assert afresh[400:].all()
    assert abs(float(afresh[:400].float().mean()) - AFRESH) < 0.07
    levels = state.mean[..., 0].flatten(1).mean(1)  # logarithms: a gain of 5 adds 2 ln 5
    quiet, loud = levels[:200][~afresh[:200]], levels[200:400][~afresh[200:400]]
    assert quiet.mean() + 1 < loud.mean()


def test_a_sequence_says_its_session_and_one_of_two_says_none() -> None:
    made = sequences()
    for index in range(20):
        example = made.example(index)
        assert list(made.sessions)[example.worn] == (example.subject, example.session)
    mixed = ComposedExamples(takes_from_recordings(NAMED), RandomStrings(8, 8), Tokens.words(WORDS), ComposeConfig())
    of_both = [mixed.example(index) for index in range(10)]
    assert {example.session for example in of_both} >= {"d1+d2"}
    assert all((example.worn == -1) == (example.session == "d1+d2") for example in of_both)


def test_a_sequence_that_begins_with_its_session_is_normalized_by_it() -> None:
    model = word_recognizer()
    samples = torch.randn(2, 400, 3)
    frames, lengths = model.features(samples, torch.tensor([400, 300]))
    plain, _ = model.normalize(frames, lengths)
    begun = model.normalize.start(2, torch.float32, torch.device("cpu"))
    same, _ = model.normalize(frames, lengths, begun)
    torch.testing.assert_close(same, plain)
    other, _ = model.normalize(frames, lengths, begun._replace(mean=begun.mean + 1))
    assert float((other - plain).abs().max()) > 0.1
    assert not other[1, int(lengths[1]) :].any()


@pytest.mark.parametrize("gain", [0.0, 1e-3])  # nothing, and 60 dB below the others
def test_an_electrode_without_contact_has_no_say_in_its_session_and_is_named(gain: float) -> None:
    named = word_takes(sessions=("d1", "d2"))
    for _, recording in named:
        if recording.session == "d2":
            recording.samples[:, 1] *= gain
    takes = takes_from_recordings(named)
    made = ComposedExamples(takes, RandomStrings(1, 3), Tokens.words(WORDS), ComposeConfig(same_session=True))
    model, lines = word_recognizer(), list[str]()
    start = SessionStart(model, made.sessions, 60.0, lines.append)
    assert lines == ["session s1/d2: arm2 dead; dead and saturated ones have no say there"]
    samples = 20 * torch.randn(2, 400, 3)
    state = start.state(model, torch.tensor([list(made.sessions).index(("s1", session)) for session in ("d1", "d2")]))
    frames, _ = model.normalize(*model.features(samples, torch.tensor([400, 400])), state)
    gone = model.features.of_electrode(0, 1)
    assert frames[1, :, gone].abs().max() < 0.01
    assert frames[1, :, ~gone].abs().mean() > 0.1
    assert frames[0, :, gone].abs().mean() > 0.1
