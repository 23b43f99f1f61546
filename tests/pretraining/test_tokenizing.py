"""Recordings to tokens: where contractions are, whose statistics count, what is passed over, and what codes say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from emgasr.frontend.normalize import NormalizeConfig
from emgasr.pretraining.events import EventsConfig
from emgasr.pretraining.quantizer import QuantizerConfig
from emgasr.pretraining.stretches import events_of
from emgasr.pretraining.tokens.code_use import CodeUse, mutual_information
from emgasr.pretraining.tokens.pictures import draw_code_use, draw_tokens
from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerConfig, TokenizerFile, frames_of
from emgasr.pretraining.tokens.tokenizing import Token, tokenize
from emgasr.recording import Band, Recording, Spans
from tests.helpers.armbands import recording
from tests.helpers.pictures import STRANGE, texts_drawn

CONFIG = TokenizerFile(
    normalize=NormalizeConfig(kind="adaptive"),
    tokenizer=TokenizerConfig(steps=4, width=16, token_width=8, book=QuantizerConfig(codes=64)),
)


@pytest.fixture(scope="module")
def tokenizer() -> EventTokenizer:
    torch.manual_seed(0)
    return EventTokenizer(CONFIG.tokenizer, 15).eval()


def codes(tokens: tuple[Token, ...]) -> list[int]:
    return [token.code for token in tokens]


def test_each_contraction_is_a_token_with_its_times_energy_and_label(tokenizer: EventTokenizer) -> None:
    one = recording("myo", "a")
    (found,) = tokenize(tokenizer, CONFIG, [one])
    events = [event for event in events_of(one, CONFIG.events) if event.end_s - event.start_s > 0.1]
    assert [(t.start_s, t.end_s, t.energy_db) for t in found.tokens] == [
        (e.start_s, e.end_s, e.energy_db) for e in events
    ]
    assert [token.label for token in found.tokens[1:]] == ["flexion", "spread", "fist", "flexion", "spread"]
    assert found.none == ""


def test_recordings_of_a_session_are_normalized_together_and_others_apart(tokenizer: EventTokenizer) -> None:
    one, again, stranger = recording("myo", "a"), recording("myo", "a", 1), recording("myo", "b")
    louder = replace(stranger, samples=100 * stranger.read())
    alone, _, _ = tokenize(tokenizer, CONFIG, [one, stranger, louder])
    assert alone == tokenize(tokenizer, CONFIG, [one])[0]  # nobody else's signal counts
    both = tokenize(tokenizer, CONFIG, [one, again])
    assert [len(found.tokens) for found in both] == [6, 6]
    cut = [one.segment(0, 6), one.segment(6, 12)]  # two files of one session
    parts = tokenize(tokenizer, CONFIG, cut, rest_s=0.5)
    whole = tokenize(tokenizer, CONFIG, [one], rest_s=0.5)[0]
    assert codes(parts[0].tokens) + codes(parts[1].tokens) == codes(whole.tokens)


def test_how_loud_a_device_is_changes_no_token(tokenizer: EventTokenizer) -> None:
    one = recording("myo", "a")
    louder = replace(one, samples=1000 * one.read())
    assert codes(tokenize(tokenizer, CONFIG, [one])[0].tokens) == codes(tokenize(tokenizer, CONFIG, [louder])[0].tokens)


def test_one_codebook_reads_every_layout(tokenizer: EventTokenizer) -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2400, 6)).astype(np.float32)
    samples[1000:1300] *= 10
    bands = (Band.numbered("left", 3), Band.numbered("right", 3, ring=True))
    free = Recording(samples, 200.0, "counts", bands, "c", "s")
    found = tokenize(tokenizer, CONFIG, [recording("bar", "a"), free])
    assert [len(one.tokens) > 0 for one in found] == [True, True]


def flat(seconds: float, **more: object) -> Recording:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(round(200 * seconds), 8)).astype(np.float32)
    return replace(recording("myo", "z"), samples=samples, spans=Spans.empty(), **more)  # type: ignore[arg-type]


def test_what_has_no_token_says_why(tokenizer: EventTokenizer) -> None:
    bands = (Band.numbered("a", 3), Band.numbered("b", 5))
    given = [flat(1.5), flat(10), flat(10, bands=bands, subject="y"), flat(10, rate_hz=60.0, subject="x")]
    why = [one.none for one in tokenize(tokenizer, CONFIG, given)]
    assert why[0] == "lasts 1.5 s, less than the 2 s from which the level of rest is known"
    assert "no rest is known from contractions: its median level is" in why[1]
    assert "have different numbers of electrodes (a 3, b 5)" in why[2]
    assert "100 Hz" in why[3]
    burst = flat(10)
    burst.samples[1000:1006] *= 30  # type: ignore[index]
    strict = replace(CONFIG, events=EventsConfig(shortest_ms=600))
    (short,) = tokenize(tokenizer, strict, [burst])
    assert (short.tokens, short.short, short.none) == ((), 1, "its contractions are too short")


def test_declared_rest_finds_contractions_of_a_person_who_hardly_rests(tokenizer: EventTokenizer) -> None:
    one = flat(10)
    one.samples[400:] *= 10  # type: ignore[index]
    assert tokenize(tokenizer, CONFIG, [one.segment(1.9, 10)])[0].none
    assert tokenize(tokenizer, CONFIG, [one], rest_s=1.9)[0].tokens[0].start_s == pytest.approx(2.0, abs=0.1)


def test_frames_of_an_event_are_those_that_begin_in_it() -> None:
    first, last = frames_of(torch.tensor([0.0, 0.21]), torch.tensor([0.2, 0.29]), torch.tensor(9), 10.0)
    assert (first.tolist(), last.tolist()) == ([0, 3], [2, 3])
    assert frames_of(torch.tensor([0.5]), torch.tensor([2.0]), torch.tensor(9), 10.0)[1].tolist() == [9]


def test_mutual_information_is_that_of_the_joint_counts() -> None:
    rng = np.random.default_rng(1)
    labels, numbers = rng.integers(4, size=300), rng.integers(9, size=300)
    numbers[:150] = labels[:150]
    use = CodeUse.of((f"g{label}", int(code)) for label, code in zip(labels, numbers, strict=True))
    assert use.bits == pytest.approx(mutual_info_score(labels, numbers) / np.log(2))
    assert mutual_information(np.eye(4)) == pytest.approx(2.0)
    assert use.chance_bits < 0.5 * use.bits
    counted = {
        (label, code): int(use.counts[i, j]) for i, label in enumerate(use.labels) for j, code in enumerate(use.codes)
    }
    assert counted["g2", 3] == int(((labels == 2) & (numbers == 3)).sum())


def test_pictures_show_codes_counts_and_labels_as_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    one = recording("myo", "a")
    spans = Spans.of([(i, i + 1.0, "gesture", text) for i, text in enumerate(STRANGE[:-2])])
    png = draw_tokens(replace(one, spans=spans), [Token(1.0, 2.0, 37, 9.0), Token(5.0, 7.5, 401, 12.0)])
    assert png.startswith(b"\x89PNG")
    assert {"37", "401", "arm1"} <= set(drawn)
    draw_code_use(CodeUse.of([(text, code) for code, text in enumerate(STRANGE) for _ in range(code + 1)]))
    assert "A code says" in " ".join(drawn)
    assert {"a_b", "$x"} <= set(drawn)


def test_a_table_of_many_codes_and_labels_adds_the_rest_up(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    draw_code_use(CodeUse.of((f"label{code % 55}", code) for code in range(220)))
    assert drawn.count("others") == 2
    assert "181" not in [text for text in drawn if text == "label181"]
