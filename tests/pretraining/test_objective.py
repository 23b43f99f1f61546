"""Several corpora through one encoder: shared weights, whose batch it is, labelled and not, people alike, the probe."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from emgasr.data.augment import Augment, AugmentConfig
from emgasr.data.compose import takes_from_recordings
from emgasr.data.take_frames import frames_of_takes
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.pretraining.events import EventsConfig
from emgasr.pretraining.labelled import LabelledConfig, LabelledObjective, TakeSampler
from emgasr.pretraining.objective import MixedSampler, PretrainObjective
from emgasr.pretraining.objectives.masked_reconstruction import MaskedReconstruction, MaskedReconstructionConfig
from emgasr.pretraining.probe import LinearProbe, Probed
from emgasr.pretraining.readers import Readers
from emgasr.pretraining.stretches import StretchSampler
from emgasr.recording import Recording, Signal, Spans
from emgasr.tokens import Tokens
from tests.helpers.armbands import CORPORA, LABELS, recording
from tests.helpers.pretext import CONFIG

PLAIN = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
SHAPE = RecognizerConfig(SharedAxisConfig(), NormalizeConfig(kind="adaptive"), CONFIG)


def recordings(corpus: str, people: str = "abcd") -> list[tuple[str, Recording]]:
    return [(f"{corpus}/{person}", recording(corpus, person)) for person in people]


def readers() -> Readers:
    torch.manual_seed(0)
    made = Readers([SHAPE] * 2, [(Signal.of(recording(corpus, "a")), Tokens.words(LABELS)) for corpus in CORPORA])
    for corpus, recognizer in zip(CORPORA, made, strict=True):
        frames = [
            recognizer.features(torch.from_numpy(one.read())[None], torch.tensor([one.n_samples]))
            for _, one in recordings(corpus)
        ]
        recognizer.normalize.fit(frames)
    return made


def test_readers_of_several_layouts_train_one_encoder() -> None:
    made = readers()
    first, second = (dict(recognizer.encoder.named_parameters()) for recognizer in made)  # type: ignore[attr-defined]
    assert all(first[name] is second[name] for name in first)
    assert made[0].head.weight is not made[1].head.weight
    samples = torch.from_numpy(recording("bar", "a").read())[None]
    before = made[1](samples, torch.tensor([samples.shape[1]]))[0]
    with torch.no_grad():
        for value in made[0].encoder.parameters():  # type: ignore[attr-defined]
            value.add_(0.1)
    assert not torch.allclose(made[1](samples, torch.tensor([samples.shape[1]]))[0], before)


def test_an_encoder_of_one_layout_cannot_be_shared() -> None:
    config = replace(SHAPE, encoder=replace(CONFIG, mixing="ring"))
    with pytest.raises(ConfigError, match="depend on the layout"):
        Readers([config] * 2, [(Signal.of(recording(corpus, "a")), Tokens.words(LABELS)) for corpus in CORPORA])


def sampler_of(recognizer: Recognizer, corpus: str, people: str = "abcd", **options: float) -> TakeSampler:
    config = replace(LabelledConfig(batch_size=4), **options)  # type: ignore[arg-type]
    return TakeSampler(recognizer, takes_from_recordings(recordings(corpus, people)), config, 0)


def sampler(labelled: float = 0.5) -> MixedSampler:
    made = readers()
    takes = [sampler_of(made[place], corpus) for place, corpus in enumerate(CORPORA)]
    stretches = [StretchSampler([one for _, one in recordings(corpus)], 3.0, 4, 0) for corpus in CORPORA]
    return MixedSampler([*takes[:1], None], stretches, (3.0, 1.0), labelled, 0)


def test_batches_are_of_one_corpus_in_their_shares_and_a_number_is_always_the_same_batch() -> None:
    made = sampler()
    found = [int(made.batch(step).reader) for step in range(200)]
    counts = Counter(found)
    assert set(counts) == {0, -2, -1}  # labelled and not of the first, the second without labels
    assert counts[0] + counts[-2] == pytest.approx(150, abs=20)
    assert counts[0] == pytest.approx(75, abs=20)
    assert torch.equal(made.batch(7).samples, sampler().batch(7).samples)


def augment_of(recognizer: Recognizer) -> Augment:
    shape = (1, recognizer.features.electrodes, recognizer.features.bins)
    return Augment(PLAIN, recognizer.signal.rate_hz, [True], shape)


def objective() -> PretrainObjective:
    made = readers()
    augment = [augment_of(recognizer) for recognizer in made]
    labelled = [LabelledObjective(one, LabelledConfig(), varied) for one, varied in zip(made, augment, strict=True)]
    bins = made[0].features.bins
    pretexts = {"reconstruction": MaskedReconstruction(MaskedReconstructionConfig(weight=1.0), made.encoder, bins)}
    return PretrainObjective(made, labelled, pretexts, augment, [None, None])


def test_labelled_batches_have_the_losses_of_labels_and_the_others_those_without_labels() -> None:
    torch.manual_seed(0)
    made, batches = objective(), sampler()
    for step in range(12):
        batch = batches.batch(step)
        losses = made(batch, step)
        assert set(losses) == ({"frame", "take"} if int(batch.reader) >= 0 else {"reconstruction"})
        assert all(torch.isfinite(loss) for loss in losses.values())
    trained = {id(value) for value in made.parameters()}
    assert {id(value) for value in nn.Module.parameters(made.readers)} <= trained


def test_stretches_of_takes_are_their_frames_in_order() -> None:
    made = readers()
    takes = takes_from_recordings(recordings("myo"))
    batches = sampler_of(made[0], "myo", longest_s=0.5)
    batch = batches.batch(3)
    assert torch.equal(batch.samples, sampler_of(made[0], "myo", longest_s=0.5).batch(3).samples)
    assert int(batch.lengths.max()) == 5
    sessions = list(batches.sessions)
    for row in range(4):
        (label,) = made[0].tokens.symbols_of(batch.targets[row].tolist())
        stretch = batch.samples[row, : batch.lengths[row]]
        own = [take for take in takes if (take.subject, take.session) == sessions[int(batch.worn[row])]]
        found = False
        for take in (take for take in own if take.label == label):
            samples = torch.from_numpy(take.samples - take.samples.mean(0))[None]
            frames = made[0].features(samples, torch.tensor([samples.shape[1]]))[0][0]
            for first in range(len(frames) - len(stretch) + 1):
                found |= torch.allclose(frames[first : first + len(stretch)], stretch, atol=2e-2)
        assert found


def test_labels_and_people_are_drawn_alike_however_many_takes_there_are() -> None:
    recognizer = readers()[0]
    takes = takes_from_recordings(recordings("myo", "ab"))
    many = [take for take in takes if (take.subject, take.label) == ("a", LABELS[0])] * 9 + takes
    batches = TakeSampler(recognizer, many, LabelledConfig(batch_size=400), 0)
    batch = batches.batch(0)
    drawn = Counter(batch.targets[:, 0].tolist())
    assert set(drawn) == set(recognizer.tokens.ids(sorted({take.label for take in takes})))
    assert max(drawn.values()) < 1.4 * min(drawn.values())
    first = batch.worn[batch.targets[:, 0] == recognizer.tokens.ids([LABELS[0]])[0]]
    assert float((first == 0).float().mean()) == pytest.approx(0.5, abs=0.12)


def test_losses_fall_when_readers_learn_labels_and_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    made = readers()
    loss = LabelledObjective(made[0], LabelledConfig(smoothing=0), augment_of(made[0]))
    batch = sampler_of(made[0], "myo").batch(0)
    longer = replace(batch, samples=torch.nn.functional.pad(batch.samples, (0, 0, 0, 0, 0, 0, 0, 7), value=9.0))
    for name, value in loss.eval()(batch, 0).items():
        torch.testing.assert_close(loss(longer, 0)[name], value)
    before = sum(float(value.detach()) for value in loss(batch, 0).values())
    optimizer = torch.optim.Adam(loss.parameters(), 1e-2)
    for step in range(30):
        optimizer.zero_grad()
        sum(loss.train()(sampler_of(made[0], "myo").batch(step), step).values()).backward()  # type: ignore[union-attr]
        optimizer.step()
    assert sum(float(value.detach()) for value in loss.eval()(batch, 0).values()) < 0.5 * before


def test_takes_too_short_for_a_frame_are_counted_and_a_sessions_totals_are_those_of_its_frames() -> None:
    recognizer, takes = readers()[0], takes_from_recordings(recordings("myo"))
    takes[1] = replace(takes[1], samples=takes[1].samples[:10])
    made = TakeSampler(recognizer, takes, LabelledConfig(), 0)
    assert made.too_short == 1
    frames = dict(frames_of_takes(recognizer, takes))
    for (key, session), (counts, totals, squares) in zip(made.sessions.items(), made.totals, strict=True):
        own = torch.cat([frames[place] for place, take in enumerate(takes) if (take.subject, take.session) == key])
        assert (len(counts), float(counts.sum())) == (len(session), len(own))
        torch.testing.assert_close(totals.sum(0), own.sum(0))
        torch.testing.assert_close(squares.sum(0), own.square().sum(0))


def test_takes_too_short_for_a_frame_are_refused_where_no_two_labels_are_left() -> None:
    recognizer = readers()[0]
    short = [replace(take, samples=take.samples[:10]) for take in takes_from_recordings(recordings("myo"))]
    with pytest.raises(DataError, match=r"0 of .* takes last a frame"):
        TakeSampler(recognizer, short, LabelledConfig(), 0)


def test_labels_of_stretches_are_not_read() -> None:
    named = recordings("myo")
    other = [replace(one, spans=Spans.empty()) for _, one in named]
    first, second = StretchSampler([one for _, one in named], 3.0, 4, 0), StretchSampler(other, 3.0, 4, 0)
    assert torch.equal(first.batch(3).samples, second.batch(3).samples)
    assert not first.batch(3).target_lengths.any()


def test_people_are_drawn_alike_however_much_there_is_of_each() -> None:
    many = [recording("myo", "a", seed) for seed in range(9)] + [recording("myo", "b")]
    made = StretchSampler(many, 3.0, 50, 0)
    sessions = list(made.sessions)
    worn = torch.cat([made.batch(step).worn for step in range(8)])
    share = float((worn == sessions.index(("b", "s"))).float().mean())
    assert share == pytest.approx(0.5, abs=0.08)


def test_events_of_stretches_are_where_the_signal_is_loud() -> None:
    made = StretchSampler([recording("myo", "a")], 6.0, 16, 0, EventsConfig())
    batch = made.batch(0)
    assert batch.target_lengths.sum() > 16
    for row in range(16):
        for event in range(int(batch.target_lengths[row])):
            middle = round(200 * float(batch.onset_s[row, event] + batch.offset_s[row, event]) / 2)
            here = batch.samples[row, middle - 10 : middle + 10].square().mean()
            assert here > 5 * batch.samples[row].square().quantile(0.2)


def test_a_recording_shorter_than_a_stretch_is_refused() -> None:
    with pytest.raises(DataError, match=r"lasts 12\.0 s, less than a stretch of 20 s"):
        StretchSampler([recording("myo", "a")], 20.0, 4, 0)


def test_the_probe_tells_labels_apart_that_the_signal_tells_apart_and_no_others() -> None:
    made = readers().eval()
    teaching, judging = (takes_from_recordings(recordings("myo", people)) for people in ("abcd", "ef"))
    figures = LinearProbe([Probed("myo", 0, teaching, judging)], lambda: {"more": 3.0})(made).figures
    assert figures["error"] == figures["myo_wrong"] < 0.1
    assert figures["more"] == 3.0
    rng = np.random.default_rng(0)
    mixed = [replace(take, label=LABELS[rng.integers(3)]) for take in judging]
    assert LinearProbe([Probed("myo", 0, teaching, mixed)])(made).figures["error"] > 0.3
