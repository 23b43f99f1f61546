"""A recognizer and labelled recordings in; the greedy error rate, by which training chooses its best model, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.data.compose import ComposeConfig, as_recording, compose_shuffled, takes_from_recordings
from emgasr.data.spellings import RandomStrings
from emgasr.decoding import greedy
from emgasr.decoding.classify import classify
from emgasr.display.wording import counted, listed
from emgasr.errors import DataError
from emgasr.evaluation.items import items_of, reference_of
from emgasr.evaluation.naming import naming_of
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.score import Counts, count_edits
from emgasr.tokens import Tokens
from emgasr.training.contracts import Judgement

Named = Sequence[tuple[str, Recording]]
BLANKS = 0.05  # of the labels that are there: a model that writes fewer symbols sits on blanks
ONE_SYMBOL = 0.8  # share of what a model writes: with more of one symbol it says the same to everything


class GreedyCER:
    """The validator of CTC: the error rate of greedy reading, a fraction, on (name, recording) pairs.

    Its name is that of `evaluation.naming`: `cer` of keys, `ler` of letters, `wer` of words.

    Raises:
        DataError: No recording has a label that `tokens` can be judged by; said before a budget is spent on the fit.
    """

    def __init__(self, recordings: Named, tokens: Tokens) -> None:
        self.recordings = recordings
        naming = naming_of(tokens)
        self.chooses = naming.rate
        self.described = f"{naming.short} on validation, greedy"
        if not any(reference_of(recording, tokens)[0] for _, recording in recordings):
            raise _without_labels()

    def __call__(self, model: Recognizer) -> Judgement:
        """Read the recordings whole, as a user's are read."""
        counts, written, asked = _read(model, self.recordings)
        plateau = plateau_of(written, asked)
        warning = f"plateau: writes {plateau}; train longer or lower the output rate" if plateau else ""
        return Judgement({self.chooses: counts.rate}, warning, plateau)


class TakesValidator:
    """The validator of single takes: strings composed of them, each take once, and each take by itself.

    Figures are fractions: `wer` (or `ler`, of letters) of the strings, read greedily; `accuracy` of the takes, by
    forced choice; `error`, which chooses, the mean of the strings' error rate and the share of takes that are wrong.
    Where takes are spelled by several tokens, no choice of one can be right: there is no accuracy, and the strings
    choose alone. Both are read one after the other with statistics that go on, as when the device is worn.
    """

    chooses = "error"

    def __init__(self, recordings: Named, tokens: Tokens, config: ComposedConfig) -> None:
        takes = [take for take in takes_from_recordings(recordings) if not take.rest]
        if not takes:
            raise _without_labels()
        if unknown := sorted({take.label for take in takes if not _written(take.label, tokens)}):
            wrong = f"hold {counted(len(unknown), 'label')} that training lacks: {listed(map(repr, unknown))}"
            raise DataError("validation recordings", wrong, "train on takes of them too, or leave them out")
        first = recordings[0][1]
        lengths = RandomStrings(config.shortest, config.longest)
        device = (tokens, first.rate_hz, first.unit, first.bands)
        plain = ComposeConfig(same_session=config.same_session)
        strings = compose_shuffled(takes, lengths, tokens, plain)
        whole = all(len(tokens.encode_text(take.label)) == 1 for take in takes)
        singles = compose_shuffled(takes, RandomStrings(1, 1), tokens, plain) if whole else []
        naming = naming_of(tokens)
        self.measure = naming.rate
        self.described = "validation error, mean of strings (greedy) and single takes (forced choice)"
        if not whole:
            self.described = f"{naming.short} on strings of validation takes, greedy"
        self.strings = [(str(number), as_recording(example, *device)) for number, example in enumerate(strings)]
        self.singles = [(str(number), as_recording(example, *device)) for number, example in enumerate(singles)]

    def __call__(self, model: Recognizer) -> Judgement:
        """Read the strings, then the single takes."""
        counts, written, asked = _read(model, self.strings)
        plateau = plateau_of(written, asked)
        warning = f"plateau: writes {plateau}" if plateau else ""
        if not self.singles:
            return Judgement({self.measure: counts.rate, self.chooses: counts.rate}, warning, plateau)
        right = [
            model.tokens.symbols_of([classify(item.emissions)]) == list(item.reference)
            for item in items_of(model, self.singles)
            if not np.isnan(item.emissions).any()
        ]
        accuracy = sum(right) / len(self.singles)
        figures = {self.measure: counts.rate, "accuracy": accuracy, "error": (counts.rate + 1 - accuracy) / 2}
        return Judgement(figures, warning, plateau)


def make_validator(
    config: WindowsConfig | ComposedConfig, recordings: Named, tokens: Tokens
) -> GreedyCER | TakesValidator:
    """Return what judges a model on validation recordings: single takes are composed too, as those of training are."""
    takes = isinstance(config, ComposedConfig) and not any(r.origin == "composed" for _, r in recordings)
    if takes and not any(len(recording.events) for _, recording in recordings):
        assert isinstance(config, ComposedConfig)
        return TakesValidator(recordings, tokens, config)
    return GreedyCER(recordings, tokens)


def plateau_of(written: Counter[str], asked: Counter[str]) -> str:
    """Return what a model writes whatever it hears, given how often it wrote each symbol and how often each was asked.

    Empty where it writes what it hears, or too few kinds of symbol were asked for to say.
    """
    if written.total() < BLANKS * asked.total():
        return "nothing but blanks"
    if len(asked) < 3:
        return ""
    symbol, count = written.most_common(1)[0]
    alike = count >= ONE_SYMBOL * written.total() and asked[symbol] < 0.5 * ONE_SYMBOL * asked.total()
    return f"little but {symbol!r}" if alike else ""


def greedy_errors(recognizer: Recognizer, recordings: Named) -> Counts:
    """Return the greedy edits of `recognizer` on whole recordings."""
    return _read(recognizer, recordings)[0]


def _read(recognizer: Recognizer, recordings: Named) -> tuple[Counts, Counter[str], Counter[str]]:
    """Return the greedy edits, how often each symbol was written, and how often it should have been."""
    counts, written, asked = Counts(0, 0, 0, 0), Counter[str](), Counter[str]()
    for item in items_of(recognizer, recordings):
        # A model whose weights have run away writes nothing: it is judged, not an end to the run.
        ids = () if np.isnan(item.emissions).any() else greedy(item.emissions).ids
        symbols = recognizer.tokens.symbols_of(ids)
        counts = counts + count_edits(item.reference, symbols)
        written.update(symbols)
        asked.update(item.reference)
    if not counts.reference_length:
        raise _without_labels()
    return counts, written, asked


def _written(label: str, tokens: Tokens) -> bool:
    try:
        return bool(tokens.encode_text(label))
    except DataError:
        return False


def _without_labels() -> DataError:
    return DataError(
        "validation recordings", "hold no labels", "check the validation split, or hold out more of each recording"
    )
