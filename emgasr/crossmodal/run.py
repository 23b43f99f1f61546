"""One alignment from its configuration: manifests and descriptions in, a folder with the aligned encoder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from emgasr.crossmodal.card import aligned_card
from emgasr.crossmodal.config import AlignConfig
from emgasr.crossmodal.descriptions import Descriptions, check_described, read_descriptions
from emgasr.crossmodal.model import AlignedConfig, layout, layout_name, put_gallery, save_aligned
from emgasr.crossmodal.objective import Aligned, AlignObjective
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.crossmodal.teachers import text_teacher
from emgasr.crossmodal.validator import Judging, TextRetrieval, gesture_embedding
from emgasr.data.augment import Augment
from emgasr.data.batches import Batch
from emgasr.data.compose import Take
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, DataError
from emgasr.files.output import UNFINISHED
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_people
from emgasr.models.encoders.queries import QueriesEncoder
from emgasr.models.pretrained import load_pretrained
from emgasr.models.recognizer import RecognizerConfig
from emgasr.pretraining.corpora import Corpus, corpora_of, entries_of, features_of, merged, read_manifests
from emgasr.pretraining.labelled import TakeSampler
from emgasr.pretraining.objective import MixedSampler
from emgasr.pretraining.readers import Readers
from emgasr.recording import Recording, Signal
from emgasr.tokens import Tokens
from emgasr.training.loop import STARTING_BATCHES, Fitted, Report, choose_device, fit
from emgasr.training.resuming import begin, check_resumed, stopped_before_its_first_checkpoint, write_begun
from emgasr.training.run import claimed, parameters_checksum
from emgasr.training.session_start import SessionStart

FLOOR_SHARE = 0.05  # of validation people's takes that lie below the likeness under which nothing is meant
MODEL_FOLDER = "aligned"


@dataclass(frozen=True)
class Layout:
    """The recordings of all corpora that have one layout of electrodes, as takes of gestures."""

    signal: Signal
    recordings: Sequence[Recording]
    taught: Sequence[Take]
    judging: Sequence[Take]

    @property
    def name(self) -> str:
        """What the layout is called."""
        return layout_name(self.signal)


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
        ConfigError: no manifest, two of one name, no descriptions, or a gesture to leave out that there is none of.
        DataError: a label without a description.
        ManifestError: a person or a recording of the people who judge is trained on.
    """
    if not config.descriptions:
        raise ConfigError("align", "no descriptions", "give --descriptions FILE (docs/how-to/align.md)")
    descriptions = read_descriptions(config.descriptions)
    manifests = read_manifests(config.manifests, "align")
    together = merged(manifests)
    splits = (config.train_split, config.validation_split)
    for line in check_people(*(entries_of(manifests, together, split) for split in splits)):
        log(line)
    choose_device(config.fit.device)
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    begun = check_resumed(folder, config, together, together, False, {}) if resume else None
    corpora = [one for name, manifest in manifests for one in corpora_of(name, manifest, splits, log)]
    layouts = _layouts(corpora, descriptions, config.left_out, log)
    gestures = sorted({take.label for one in layouts for take in one.taught})
    if len(gestures) < 2:
        raise DataError("align", f"there are takes of {counted(len(gestures), 'gesture')}", "give takes of two or more")
    texts = [text for gesture in gestures for text in descriptions.texts(gesture)]
    teacher = text_teacher(config.teacher, texts)
    embedded = {gesture: teacher.embed(descriptions.texts(gesture)) for gesture in gestures}
    torch.manual_seed(config.seed)
    readers = _readers(config, layouts, gestures)
    if config.init and not resume:
        pretrained = load_pretrained(Path(config.init))
        encoder = cast(QueriesEncoder, readers.encoder).conformer
        plain = replace(config.encoder.conformer)
        pretrained.give(encoder, RecognizerConfig(config.features, config.normalize, plain), config.init)
    aligned = Aligned(readers, np.concatenate(list(embedded.values())), config.loss.temperature)
    if begun is None:
        begun = begin(config, together, together, parameters_checksum(aligned))
    with ExitStack() as stack:
        stack.enter_context(claimed(folder, resume))
        samplers, starts, augment = [], [], []
        for one, recognizer in zip(layouts, readers, strict=True):
            sampler = TakeSampler(recognizer, one.taught, config.takes, config.seed)
            if sampler.too_short:
                log(f"{one.name}: {counted(sampler.too_short, 'take')} shorter than a frame, in no batch")
            worn = config.takes.worn_s if config.normalize.kind == "adaptive" else 0.0
            starts.append(SessionStart(recognizer, sampler.sessions, worn, log, sampler.totals) if worn else None)
            shape = (recognizer.features.bands, recognizer.features.electrodes, recognizer.features.bins)
            rings = [band.ring for band in recognizer.signal.bands]
            augment.append(Augment(config.augment, recognizer.signal.rate_hz, rings, shape))
            samplers.append(sampler)
            if config.normalize.fitted and not resume:
                recognizer.normalize.fit(_frames(sampler.batch(step) for step in range(STARTING_BATCHES)))
        people = [len({take.subject for take in one.taught}) for one in layouts]
        shares = [count**0.5 for count in people]
        batches = MixedSampler(samplers, [None] * len(samplers), shares, 1.0, config.seed)
        before = round(config.before_s * readers[0].features.frame_rate_hz)
        rows = [embedded[gesture] for gesture in gestures]
        objective = AlignObjective(aligned, rows, config.loss, augment, starts, before, config.seed)
        judging = [Judging(one.name, place, one.judging) for place, one in enumerate(layouts)]
        validate = TextRetrieval(judging, embedded)
        write_begun(begun, config, folder)

        def save(best: Aligned, error: float, step: int) -> None:
            gallery = torch.stack([gesture_embedding(best, embedded[gesture]) for gesture in gestures]).numpy()
            floor = _floor(best, judging, gestures, gallery)
            scale = float(best.scale.detach())
            for recognizer in best.readers:
                blank = gallery[gestures.index("rest")] if "rest" in gestures else np.zeros_like(gallery[0])
                order = recognizer.tokens.symbols_of(range(1, len(recognizer.tokens)))
                rows = [gallery[gestures.index(name)] for name in order]
                put_gallery(recognizer, np.stack([blank, *rows]), scale, floor)
            described = AlignedConfig(
                1, config.teacher, teacher.name, teacher.checksum, tuple(gestures), tuple(texts), scale, floor
            )
            place = folder / MODEL_FOLDER
            place.mkdir(parents=True, exist_ok=True)
            lineage.write(begun.shaped_by, place)
            card = aligned_card(config, manifests, begun, best, described, error if validate.judging else None, step)
            numbers = np.concatenate([embedded[gesture] for gesture in gestures])
            kept = list(best.readers)
            save_aligned(described, descriptions, kept, best.text, numbers, place, card)

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


def _layouts(
    corpora: Sequence[Corpus], descriptions: Descriptions, left_out: Sequence[str], log: Callable[[str], None]
) -> list[Layout]:
    """Return the takes of each layout as gestures; those of gestures that are left out are counted and told."""
    check_described(descriptions, sorted({label for corpus in corpora for label in corpus.labels}))
    if strange := sorted(set(left_out) - set(descriptions.concepts)):
        raise ConfigError("left_out", f"there is no gesture {strange[0]!r}", "name gestures of the descriptions")
    groups: dict[object, list[Corpus]] = {}
    for corpus in corpora:
        groups.setdefault(layout(Signal.of(corpus.training[0][1])), []).append(corpus)
    found, dropped = [], 0
    for group in groups.values():
        signal = Signal.of(group[0].training[0][1])
        sides = []
        for takes in ([t for c in group for t in c.taught], [t for c in group for t in c.judging]):
            named = [replace(take, label=descriptions.concept_of(take.label)) for take in takes]
            sides.append([take for take in named if take.label not in left_out])
            dropped += len(named) - len(sides[-1])
        taught, judging = sides
        known = {take.label for take in taught}
        judging = [take for take in judging if take.label in known]
        if len(known) < 2:
            log(f"{layout_name(signal)}: {counted(len(known), 'gesture')} is left, and the layout is passed over")
            continue
        recordings = [recording for corpus in group for _, recording in corpus.training]
        found.append(Layout(signal, recordings, taught, judging))
    if dropped:
        log(f"{counted(dropped, 'take')} of {', '.join(sorted(left_out))} left out")
    return found


def _readers(config: AlignConfig, layouts: Sequence[Layout], gestures: Sequence[str]) -> Readers:
    configs, pairs = [], []
    for one in layouts:
        features = features_of(config.features, one.name, one.recordings)
        configs.append(RecognizerConfig(features, config.normalize, config.encoder, head="nearest"))
        pairs.append((one.signal, Tokens.words(gestures)))
    return Readers(configs, pairs)


def _frames(batches: Sequence[Batch]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch.samples, batch.lengths) for batch in batches]


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
