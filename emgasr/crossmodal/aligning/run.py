"""One alignment from its configuration: manifests and descriptions in, a folder with the aligned encoder out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import numpy as np
import torch

from emgasr.crossmodal.aligning.card import aligned_card
from emgasr.crossmodal.aligning.layouts import Layout, layouts_of
from emgasr.crossmodal.aligning.objective import Aligned
from emgasr.crossmodal.aligning.regression import fit_regression, forget_regression
from emgasr.crossmodal.aligning.sides import Side, SignalSide, TextSide
from emgasr.crossmodal.aligning.validator import Judging, TextRetrieval, gesture_embedding
from emgasr.crossmodal.config import AlignConfig
from emgasr.crossmodal.descriptions import Descriptions, check_described, read_descriptions
from emgasr.crossmodal.model import REST, AlignedConfig, put_gallery, save_aligned
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.data.augment import Augment
from emgasr.data.batches import Batch
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, DataError
from emgasr.files.output import UNFINISHED
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_people
from emgasr.models.encoders.queries import QueriesEncoder
from emgasr.models.pretrained import load_pretrained
from emgasr.models.recognizer import RecognizerConfig
from emgasr.pretraining.corpora import corpora_of, entries_of, features_of, merged, read_manifests
from emgasr.pretraining.labelled import TakeSampler
from emgasr.pretraining.objective import MixedSampler
from emgasr.pretraining.readers import Readers
from emgasr.tokens import Tokens
from emgasr.training.loop import STARTING_BATCHES, Fitted, Report, choose_device, fit
from emgasr.training.resuming import begin, check_resumed, stopped_before_its_first_checkpoint, write_begun
from emgasr.training.run import claimed, parameters_checksum
from emgasr.training.session_start import SessionStart

FLOOR_SHARE = 0.05  # of validation people's takes that lie below the likeness under which nothing is meant
MODEL_FOLDER = "aligned"


def align(
    config: AlignConfig,
    folder: Path,
    *,
    resume: bool = False,
    report: Report = lambda entry: None,
    log: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """Align as `config` says; `folder` receives the best encoder in aligned/, and what `train` writes beside.

    Raises:
        ConfigError: no manifest, two of one name, no descriptions for a teacher of text, or a gesture to leave out that
            there is none of.
        DataError: a label without a description; fewer than two gestures.
        ManifestError: a person or a recording of the people who judge is trained on, or has shaped the teacher.
    """
    manifests = read_manifests(config.manifests, "align")
    together = merged(manifests)
    splits = (config.train_split, config.validation_split)
    for line in check_people(*(entries_of(manifests, together, split) for split in splits)):
        log(line)
    descriptions = _descriptions(config)
    choose_device(config.fit.device)
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    begun = check_resumed(folder, config, together, together, False, {}) if resume else None
    corpora = [one for name, manifest in manifests for one in corpora_of(name, manifest, splits, log)]
    if not config.teacher.of_signal:
        check_described(descriptions, sorted({label for corpus in corpora for label in corpus.labels}))
    layouts = layouts_of(corpora, descriptions, config.left_out, log)
    if len(gestures := {take.label for one in layouts for take in one.taught}) < 2:
        raise DataError("align", f"there are takes of {counted(len(gestures), 'gesture')}", "give takes of two or more")
    side: Side = (
        SignalSide(config, layouts, manifests, log)
        if config.teacher.of_signal
        else TextSide(config, layouts, descriptions)
    )
    torch.manual_seed(config.seed)
    readers = _readers(config, layouts, side.gestures)
    if config.init and not resume:
        encoder = cast(QueriesEncoder, readers.encoder).conformer
        read = RecognizerConfig(config.features, config.normalize, config.encoder.conformer)
        load_pretrained(Path(config.init)).give(encoder, read, config.init)
    samplers = side.samplers(readers)
    aligned = Aligned(readers, np.concatenate(list(side.samples.values())), config.loss.temperature)
    if begun is None:
        begun = begin(config, together, together, parameters_checksum(aligned))
    with ExitStack() as stack:
        stack.enter_context(claimed(folder, resume))
        parts = _starts(config, layouts, readers, samplers, log)
        if config.normalize.fitted and not resume:
            for recognizer, sampler in zip(readers, samplers, strict=True):
                recognizer.normalize.fit(_frames(sampler.batch(step) for step in range(STARTING_BATCHES)))
        before = round(config.before_s * readers[0].features.frame_rate_hz)
        objective = side.objective(aligned, config.loss, *parts, before)
        shares = [len({take.subject for take in one.taught}) ** 0.5 for one in layouts]
        batches = MixedSampler(samplers, [None] * len(samplers), shares, 1.0, config.seed)
        judging = [Judging(one.name, place, one.judging) for place, one in enumerate(layouts)]
        validate = TextRetrieval(judging, side.samples)
        write_begun(begun, config, folder)

        def save(best: Aligned, error: float, step: int) -> None:
            if config.encoder.regressed:
                fit_regression(best, layouts, side.samples)
            described = _put_galleries(best, config, side, judging)
            place = folder / MODEL_FOLDER
            place.mkdir(parents=True, exist_ok=True)
            lineage.write(lineage.together(begun.shaped_by, side.shaped_by), place)
            card = aligned_card(config, manifests, begun, best, described, error if validate.judging else None, step)
            rows = [side.samples[gesture] for gesture in side.gestures] if side.texts else []
            texts = np.concatenate(rows) if rows else np.zeros((0, best.text.in_features), np.float32)
            save_aligned(described, descriptions, list(best.readers), *best.projection, texts, place, card)
            if config.encoder.regressed:
                forget_regression(best)  # training goes on without it, so that checkpoints are judged alike

        fitted = fit(
            objective,
            batches,
            validate,
            config.fit,
            folder,
            seed=config.seed,
            resume=resume,
            save_best=save,
            report=report,
        )
        if not fitted.interrupted:
            (folder / UNFINISHED).unlink(missing_ok=True)
        return fitted


def _descriptions(config: AlignConfig) -> Descriptions:
    """Return the descriptions; none are needed for a signal, whose labels are then what they are called."""
    if config.descriptions:
        return read_descriptions(config.descriptions)
    if not config.teacher.of_signal:
        raise ConfigError("align", "no descriptions", "give --descriptions FILE (docs/how-to/align.md)")
    return Descriptions({}, {})


def _readers(config: AlignConfig, layouts: Sequence[Layout], gestures: Sequence[str]) -> Readers:
    configs, pairs = [], []
    for one in layouts:
        features = features_of(config.features, one.name, [recording for _, recording in one.recordings])
        configs.append(RecognizerConfig(features, config.normalize, config.encoder, head="nearest"))
        pairs.append((one.signal, Tokens.words(gestures)))
    return Readers(configs, pairs)


def _starts(
    config: AlignConfig,
    layouts: Sequence[Layout],
    readers: Readers,
    samplers: Sequence[TakeSampler],
    log: Callable[[str], None],
) -> tuple[list[Augment], list[SessionStart | None]]:
    """Return how each layout's frames are varied, and what its takes begin with."""
    augment: list[Augment] = []
    starts: list[SessionStart | None] = []
    for one, recognizer, sampler in zip(layouts, readers, samplers, strict=True):
        if sampler.too_short:
            log(f"{one.name}: {counted(sampler.too_short, 'take')} shorter than a frame, in no batch")
        worn = config.takes.worn_s if config.normalize.kind == "adaptive" else 0.0
        starts.append(SessionStart(recognizer, sampler.sessions, worn, log, sampler.totals) if worn else None)
        shape = (recognizer.features.bands, recognizer.features.electrodes, recognizer.features.bins)
        rings = [band.ring for band in recognizer.signal.bands]
        augment.append(Augment(config.augment, recognizer.signal.rate_hz, rings, shape))
    return augment, starts


def _frames(batches: Iterable[Batch]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch.samples, batch.lengths) for batch in batches]


def _put_galleries(best: Aligned, config: AlignConfig, side: Side, judging: Sequence[Judging]) -> AlignedConfig:
    """Let every reader read the gestures that were trained, and return what the folder says of the model."""
    gallery = torch.stack([gesture_embedding(best, side.samples[gesture]) for gesture in side.gestures]).numpy()
    floor = _floor(best, judging, side.gestures, gallery)
    scale = float(best.scale.detach())
    for recognizer in best.readers:
        blank = gallery[side.gestures.index(REST)] if REST in side.gestures else np.zeros_like(gallery[0])
        order = recognizer.tokens.symbols_of(range(1, len(recognizer.tokens)))
        rows = [gallery[side.gestures.index(name)] for name in order]
        put_gallery(recognizer, np.stack([blank, *rows]), scale, floor)
    names = (side.teacher_name, side.teacher_checksum)
    return AlignedConfig(1, config.teacher, *names, tuple(side.gestures), side.texts, scale, floor)


def _floor(model: Aligned, judging: Sequence[Judging], gestures: Sequence[str], gallery: np.ndarray) -> float:
    """Return the likeness to their own gesture of all but FLOOR_SHARE of validation people's takes; 0 without any."""
    own = []
    model.eval()
    for one in judging:
        if one.takes:
            likeness = likeness_of_takes(model.readers[one.place], one.takes, torch.from_numpy(gallery))
            columns = [gestures.index(take.label) for take in one.takes]
            own.append(likeness[np.arange(len(columns)), columns])
    return float(np.quantile(np.concatenate(own), FLOOR_SHARE)) if own else 0.0
