"""The validator of CTC: errors of whole recordings read greedily, a collapse noticed, no labels refused at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch

from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.errors import DataError
from emgasr.evaluation.naming import naming_of
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Events, Signal
from emgasr.tokens import Tokens
from emgasr.training.validator import GreedyCER, TakesValidator, greedy_errors, make_validator, plateau_of
from tests.helpers.tiny_models import easy_recording, tiny_recognizer
from tests.helpers.word_takes import BANDS, RATE_HZ, WORDS, word_recognizer, word_takes


def test_recordings_without_labels_are_refused_before_anything_is_fitted() -> None:
    silent = [("silent", easy_recording(events=Events.of([(1.0, 1.1, "Key.ctrl")])))]
    recognizer = tiny_recognizer()
    with pytest.raises(DataError, match="hold no labels"):
        GreedyCER(silent, recognizer.tokens)
    with pytest.raises(DataError, match="hold no labels"):
        greedy_errors(recognizer, silent)


def test_a_model_that_writes_nothing_has_lost_every_key_and_is_warned_of() -> None:
    recognizer = tiny_recognizer()
    torch.nn.init.zeros_(recognizer.head.weight)
    recognizer.head.bias.data = torch.tensor([20.0, 0, 0, 0])
    judged = GreedyCER([("one", easy_recording(9, 10.0))], recognizer.tokens)(recognizer)
    assert judged.figures == {"cer": 1.0}
    assert "nothing but blanks" in judged.warning


def test_single_takes_are_judged_in_strings_and_one_by_one() -> None:
    named = word_takes(each=4, sessions=("d1", "d2"))
    model = word_recognizer()
    validate = make_validator(ComposedConfig(shortest=2, longest=3, same_session=True), named, model.tokens)
    assert isinstance(validate, TakesValidator)
    assert len(validate.singles) == len(named)
    assert sum(len(recording.spans) for _, recording in validate.strings) == len(named)
    assert {len(recording.spans) for _, recording in validate.strings} <= {2, 3, 4}
    figures = validate(model).figures
    assert set(figures) == {"wer", "accuracy", "error"}
    assert figures["error"] == pytest.approx((figures["wer"] + 1 - figures["accuracy"]) / 2)


def test_takes_that_are_spelled_are_judged_in_strings_alone() -> None:
    spelled = Tokens.characters(sorted(set("".join(WORDS))))
    model = Recognizer(word_recognizer().config, Signal(RATE_HZ, "counts", BANDS), spelled)
    validate = TakesValidator(word_takes(), spelled, ComposedConfig(shortest=2, longest=3))
    figures = validate(model).figures
    assert "accuracy" not in figures
    assert figures["error"] == figures[naming_of(spelled).rate]
    assert "forced choice" not in validate.described


def test_labels_that_training_lacks_are_named() -> None:
    model = word_recognizer()
    with pytest.raises(DataError, match=r"hold 1 label that training lacks: 'spread'"):
        TakesValidator(word_takes(), Tokens.words(WORDS[:2]), ComposedConfig(shortest=1, longest=2))
    TakesValidator(word_takes(), model.tokens, ComposedConfig(shortest=1, longest=2))


def test_forced_choice_names_what_a_model_is_made_to_hear() -> None:
    model = word_recognizer()
    torch.nn.init.zeros_(model.head.weight)
    model.head.bias.data = torch.tensor([0.0, 5.0, 0.0, 0.0])  # all to the first word
    named = word_takes(each=2)
    judged = TakesValidator(named, model.tokens, ComposedConfig(shortest=1, longest=2))(model)
    assert judged.figures["accuracy"] == pytest.approx(1 / 3)
    assert judged.plateau == f"little but {WORDS[0]!r}"


def test_composed_lists_and_windows_are_judged_as_they_are() -> None:
    named = word_takes(each=2)
    composed = [(name, replace(recording, origin="composed")) for name, recording in named]
    tokens = word_recognizer().tokens
    assert isinstance(make_validator(ComposedConfig(), composed, tokens), GreedyCER)
    assert make_validator(ComposedConfig(), composed, tokens).chooses == "wer"
    assert (
        make_validator(WindowsConfig(), [("one", easy_recording(9, 10.0))], tiny_recognizer().tokens).chooses == "cer"
    )


@pytest.mark.parametrize(
    ("written", "asked", "said"),
    [
        ("", "abcabc", "nothing but blanks"),
        ("a", "abc" * 20, "nothing but blanks"),
        ("a" * 9 + "b", "abcabcabc", "little but 'a'"),
        ("abcabb", "abcabc", ""),
        ("a" * 9, "a" * 7 + "bc", ""),  # it is what was asked for
        ("aaaa", "abab", ""),  # of two symbols one may be hard
    ],
)
def test_a_plateau_is_what_is_written_whatever_is_heard(written: str, asked: str, said: str) -> None:
    assert plateau_of(Counter(written), Counter(asked)) == said
