"""A trained model and one person's labelled recordings in; a model fitted to them, never a worse one, out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from emgasr.corpora.single import steps_of
from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import ComposedConfig, ComposedSampler, WindowSampler
from emgasr.data.compose import Take, as_recording, compose_shuffled, takes_from_recordings
from emgasr.data.spellings import RandomStrings
from emgasr.errors import DataError
from emgasr.evaluation.naming import naming_of
from emgasr.files.output import claimed_folder, replacing
from emgasr.frontend.measured import mended
from emgasr.language import keep_language, language_in
from emgasr.manifests import lineage
from emgasr.manifests.manifest import TRAIN, Entry
from emgasr.models.folder import LIVE_NAME, SEARCH_NAME, load_recognizer, save_recognizer
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.training.card import personal_card
from emgasr.training.config import PERSONAL_AUGMENT, PersonalizeConfig
from emgasr.training.contracts import Judgement, Validator
from emgasr.training.loop import Report, fit
from emgasr.training.objective import CTCObjective
from emgasr.training.presets import Facts, preset
from emgasr.training.run import make_session_start, sampler_of_takes
from emgasr.training.validator import GreedyCER


@dataclass(frozen=True)
class Personalized:
    """What a personalization came to.

    Args:
        recognizer: the better of the two models.
        error_before: greedy error rate of the base model on the person's held-out part, a fraction.
        error_after: that of `recognizer` there.
        kept: whether the fitted weights were better.
        minutes: wall-clock time of the fit.
        interrupted: whether Ctrl-C ended it.
    """

    recognizer: Recognizer
    error_before: float
    error_after: float
    kept: bool
    minutes: float
    interrupted: bool = False


class BetweenWeights:
    """Makes and judges models whose weights are `share` those of the base and the rest those fitted from it.

    Weights fitted to one session read the next one worse than a mean of them and the base's do, which still know other
    sessions (WiSE-FT: Wortsman et al., CVPR 2022, arXiv 2109.01903). It is a validator: what it judges is what is kept.

    Args:
        base: the model before the fit; its weights are copied.
        share: of the base's weights, 0 to 1.
        validate: what judges the models between.
    """

    def __init__(self, base: Recognizer, share: float, validate: Validator[Recognizer]) -> None:
        self.share, self.validate = share, validate
        self.chooses = validate.chooses
        self._weights = {name: value.detach().clone() for name, value in base.state_dict().items()}

    def __call__(self, model: Recognizer) -> Judgement:
        """Judge what lies between the base and a fitted `model`."""
        return self.validate(self.of(model))

    @torch.no_grad()
    def of(self, fitted: Recognizer) -> Recognizer:
        """Return a model of its own between the base and `fitted`, on the device of `fitted`."""
        if not self.share:
            return fitted
        between = deepcopy(fitted)
        for name, value in between.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self._weights[name].to(value), self.share)
        return between


def personalize(
    base: Path,
    recordings: Sequence[Recording],
    config: PersonalizeConfig,
    folder: Path,
    report: Report = lambda entry: None,
    compose: ComposedConfig | None = None,
    log: Callable[[str], None] = lambda line: None,
    entries: Sequence[Entry] = (),
) -> Personalized:
    """Fit the model in `base` to one person's `recordings`; `folder`/model receives the better of the two models.

    The person's held-out part decides: if no checkpoint reads it better than the base model, the base model is kept.
    The base model's search.yaml, live.yaml and language model, if it has them, come along.

    Args:
        base: the model's folder.
        recordings: labelled recordings of one person.
        config: how the model is fitted.
        folder: receives model/ and the log of the fit.
        report: receives each entry of the log, as `fit` gives it.
        compose: fit and judge on sequences composed of the takes in the recordings, instead of on windows; where the
            model writes words or characters and the recordings hold labels and no key presses, that is so without it.
        log: receives a line for each recording with values that no amplifier gives; they are filled in.
        entries: the recordings' entries, where they are known. The model lists for good whose recordings shaped it
            (`emgasr.manifests.lineage`): the person's and those that shaped `base`.

    Raises:
        DataError: the recordings are of several people, or hold no labels.
    """
    people = sorted({recording.subject for recording in recordings})
    if len(people) != 1:
        raise DataError("personalize", f"got recordings of {len(people)} people", "give those of one person")
    recognizer = load_recognizer(base)
    if own_steps := steps_of(entries):
        recognizer.signal = replace(recognizer.signal, steps=own_steps)
    recordings = [mended(recording, log) for recording in recordings]
    recognizer.signal = recognizer.signal.with_montage_of(recordings)
    if compose is None and recognizer.tokens.kind != "keystrokes":
        facts = Facts.of(recordings)
        if facts.labels and not facts.typed:
            config, compose = _of_takes(recognizer, facts, config)
            log(f"strings composed of single takes ({facts.labels.total()} takes of {len(facts.labels)} labels)")
    if config.weights == "head":
        for name, parameter in recognizer.named_parameters():
            parameter.requires_grad_(name.startswith("head."))
    batches, held_out = _sides(recognizer, recordings, config, compose)
    validate = GreedyCER(held_out, recognizer.tokens)
    before = validate(recognizer).figures[validate.chooses]
    between = BetweenWeights(recognizer, config.base_share, validate)
    own = lineage.of_entries(entries, TRAIN) if entries else lineage.of_recordings(recordings)
    inherited = lineage.read(base)
    shaped_by = lineage.together(inherited or (), own)
    unknown = "" if inherited is not None else f"{base.name}, which does not say whose recordings shaped it"
    rows = lineage.card_rows(shaped_by, unknown)
    best = [before]

    def save(model: Recognizer, error: float) -> None:
        lineage.write(shaped_by, folder / "model")
        short = naming_of(model.tokens).short
        text = personal_card(people[0], recordings, short, before, error, base, bool(config.held_out), rows)
        save_recognizer(model, folder / "model", text)
        for name in (SEARCH_NAME, LIVE_NAME):
            if (base / name).is_file():  # the base model's errors are still much like this one's
                with replacing(folder / "model" / name) as path:
                    shutil.copyfile(base / name, path)

    def save_if_better(fitted: Recognizer, error: float, step: int) -> None:
        if error < best[0]:
            best[0] = error
            save(between.of(fitted), error)

    with claimed_folder(folder, None):
        save(recognizer, before)
        if (files := language_in(base)) is not None:
            keep_language(files, folder / "model")
        begins = make_session_start(compose, recognizer, batches, log) if compose is not None else None
        objective = CTCObjective(recognizer, config.objective, config.augment, begins)
        fitted = fit(
            objective,
            batches,
            between,
            config.fit,
            folder,
            seed=config.seed,
            save_best=save_if_better,
            report=report,
        )
        model = load_recognizer(folder / "model")
    return Personalized(model, before, best[0], best[0] < before, fitted.minutes, fitted.interrupted)


def _of_takes(
    recognizer: Recognizer, facts: Facts, config: PersonalizeConfig
) -> tuple[PersonalizeConfig, ComposedConfig]:
    """Return how single takes are fitted: strings as training composes them, varied as training varies them.

    Augmentation that was chosen stays as it is.
    """
    values = preset("words", facts).values
    compose = ComposedConfig(**values["data"])
    if recognizer.config.normalize.kind != "adaptive":
        compose = replace(compose, worn_s=0.0)
    if config.augment == PERSONAL_AUGMENT:
        config = replace(config, augment=AugmentConfig(**values["augment"]))
    return config, compose


def _sides(
    recognizer: Recognizer, recordings: Sequence[Recording], config: PersonalizeConfig, compose: ComposedConfig | None
) -> tuple[WindowSampler | ComposedSampler, list[tuple[str, Recording]]]:
    """What is fitted on, and the recordings that judge."""
    if compose is not None:
        return _sides_of_takes(recognizer, recordings, config, compose)
    cuts = [recording.duration_s * (1 - config.held_out) for recording in recordings]
    fitting = [recording.segment(0.0, cut) for recording, cut in zip(recordings, cuts, strict=True)]
    judging = fitting
    if config.held_out:
        judging = [recording.segment(cut) for recording, cut in zip(recordings, cuts, strict=True)]
    held_out = [(f"held out {i}", recording) for i, recording in enumerate(judging)]
    return WindowSampler(fitting, recognizer.tokens, config.data, config.seed), held_out


def _sides_of_takes(
    recognizer: Recognizer, recordings: Sequence[Recording], config: PersonalizeConfig, compose: ComposedConfig
) -> tuple[ComposedSampler, list[tuple[str, Recording]]]:
    """What is fitted on, and strings of whole takes that judge: a take is on one side only."""
    tokens, device = recognizer.tokens, recordings[0]
    takes = takes_from_recordings((f"calibration {i}", recording) for i, recording in enumerate(recordings))
    fitting, judging = takes, [take for take in takes if not take.rest]
    if config.held_out and judging:
        fitting, judging = _held_out(takes, config.held_out)
    batches = sampler_of_takes(compose, fitting, tokens, config.seed)
    lengths = RandomStrings(compose.shortest, compose.longest)
    plain = replace(compose, trim_ms=0.0, stretch=0.0, rest_shortest_ms=0.0, rest_longest_ms=0.0)
    examples = compose_shuffled(judging, lengths, tokens, plain, config.seed)
    return batches, [
        (f"held out {i}", as_recording(example, tokens, device.rate_hz, device.unit, device.bands))
        for i, example in enumerate(examples)
    ]


def _held_out(takes: Sequence[Take], share: float) -> tuple[list[Take], list[Take]]:
    """Return the takes to fit on, and those that judge: the last of each label in each session, at least one of two.

    Takes of rest are fitted on.
    """
    alike: dict[tuple[str, str], list[Take]] = {}
    for take in takes:
        if not take.rest:
            alike.setdefault((take.session, take.label), []).append(take)
    judging = [take for same in alike.values() if len(same) > 1 for take in same[-max(1, round(share * len(same))) :]]
    if not judging:
        wrong = "no label has two takes in a session, so that none can judge"
        raise DataError("personalize", wrong, "record more takes, or pass --held-out 0")
    names = {id(take) for take in judging}
    return [take for take in takes if id(take) not in names], judging
