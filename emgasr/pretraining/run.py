"""One pretraining run from its configuration: manifests of corpora in, a folder with the pretrained encoder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import torch

from emgasr.data.augment import Augment
from emgasr.display.wording import counted
from emgasr.errors import ConfigError
from emgasr.files.output import UNFINISHED
from emgasr.manifests import lineage
from emgasr.manifests.leaks import check_people
from emgasr.models.conformer import ConformerEncoder
from emgasr.models.folder import save_recognizer
from emgasr.models.pretrained import PretrainedConfig, load_pretrained, save_pretrained
from emgasr.models.recognizer import RecognizerConfig
from emgasr.pretraining.card import pretrained_card
from emgasr.pretraining.config import PretrainConfig
from emgasr.pretraining.corpora import Corpus, corpora_of, entries_of, features_of, merged, read_manifests
from emgasr.pretraining.labelled import LabelledObjective, TakeSampler
from emgasr.pretraining.objective import MixedSampler, PretrainObjective
from emgasr.pretraining.objectives.contract import Pretext
from emgasr.pretraining.objectives.event_tokens import EventTokens
from emgasr.pretraining.objectives.masked_reconstruction import MaskedReconstruction
from emgasr.pretraining.objectives.masked_targets import MaskedTargets
from emgasr.pretraining.probe import LinearProbe, Probed
from emgasr.pretraining.readers import Readers
from emgasr.pretraining.stretches import StretchSampler
from emgasr.pretraining.tokens.tokenizer import TokenizerFile, save_tokenizer
from emgasr.recording import Signal
from emgasr.tokens import Tokens
from emgasr.training.contracts import BatchSampler
from emgasr.training.loop import STARTING_BATCHES, Fitted, Report, choose_device, fit
from emgasr.training.resuming import begin, check_resumed, stopped_before_its_first_checkpoint, write_begun
from emgasr.training.run import claimed, parameters_checksum
from emgasr.training.session_start import SessionStart

ENCODER_FOLDER, TOKENIZER_FOLDER, READERS_FOLDER = "encoder", "tokenizer", "readers"


def pretrain(
    config: PretrainConfig,
    folder: Path,
    *,
    resume: bool = False,
    report: Report = lambda entry: None,
    log: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """Pretrain as `config` says; `folder` receives the best encoder in encoder/, and what `train` writes beside.

    readers/NAME/ are the models that read each corpus' labels, where labels were learned; tokenizer/ that of
    contractions. People are split before anything is cut.

    Raises:
        ConfigError: no manifest, or two of one name.
        ManifestError: a person or a recording of the people who judge is trained on.
    """
    listed_in = read_manifests(config.manifests, "pretrain")
    together = merged(listed_in)
    for line in check_people(
        *(entries_of(listed_in, together, split) for split in (config.train_split, config.validation_split))
    ):
        log(line)
    choose_device(config.fit.device)  # raises where it is not there
    resume = resume and not stopped_before_its_first_checkpoint(folder)
    begun = check_resumed(folder, config, together, together, False, {}) if resume else None
    splits = (config.train_split, config.validation_split)
    corpora = [
        corpus
        for name, manifest in listed_in
        for corpus in corpora_of(name, manifest, splits, log, config.labelled > 0, config.left_out)
    ]
    if config.labelled == 1:
        for corpus in (one for one in corpora if len(one.labels) < 2):
            log(f"{corpus.name}: {counted(len(corpus.labels), 'label')}, so that nothing of it is trained on")
        corpora = [one for one in corpora if len(one.labels) > 1]
        if not corpora:
            wrong = "is 1, and no corpus has two labels"
            raise ConfigError("labelled", wrong, "lower it, and give an objective a weight")
    if unknown := set(config.left_out) - {text for one in corpora for _, r in one.training for text in r.spans.texts}:
        log(f"no corpus has the label {sorted(unknown)[0]!r} that is left out")
    torch.manual_seed(config.seed)
    configs, pairs = [], []
    for corpus in corpora:
        recordings = [recording for _, recording in corpus.training]
        features = features_of(config.features, corpus.name, recordings)
        configs.append(RecognizerConfig(features, config.normalize, config.encoder))
        pairs.append((Signal.of(recordings[0]), Tokens.words(corpus.labels or ["rest"])))
    readers = Readers(configs, pairs)
    if config.init and not resume:
        load_pretrained(Path(config.init)).give(readers[0].encoder, readers[0].config, config.init)
    if begun is None:
        begun = begin(config, together, together, parameters_checksum(readers))
    with ExitStack() as stack:
        stack.enter_context(claimed(folder, resume))
        objective, batches = _parts(config, corpora, readers, log)
        if config.normalize.fitted and not resume:
            _fit_statistics(readers, batches)
        probe = LinearProbe(
            [
                Probed(corpus.name, place, corpus.taught, corpus.judging)
                for place, corpus in enumerate(corpora)
                if len(corpus.labels) > 1
            ],
            objective.figures,
        )
        tokens = cast(EventTokens | None, dict(objective.pretexts.items()).get("tokens"))
        write_begun(begun, config, folder)  # nothing is refused from here on

        def save(best: Readers, error: float, step: int) -> None:
            whole = PretrainedConfig(1, config.features, config.normalize, config.encoder)
            lineage.write(begun.shaped_by, _made(folder / ENCODER_FOLDER))
            card = pretrained_card(config, listed_in, begun, best, error if probe.corpora else None, step)
            save_pretrained(whole, best.encoder, folder / ENCODER_FOLDER, card)
            for corpus, recognizer in zip(corpora, best, strict=True):
                if config.labelled and len(corpus.labels) > 1:
                    place = _made(folder / READERS_FOLDER / corpus.name)
                    lineage.write(begun.shaped_by, place)
                    save_recognizer(recognizer, place, card)

        def keep_tokenizer() -> None:
            if tokens is not None:
                made, stride = tokens.tokenizer, readers[0].encoder.stride
                parts = (config.features, config.normalize, stride, config.tokens.events, made.config)
                save_tokenizer(made, TokenizerFile(1, *parts), folder / TOKENIZER_FOLDER)

        def reported(entry: dict[str, Any]) -> None:
            if tokens is not None and entry["step"] == config.tokens.from_step and not tokens.unfinished(entry["step"]):
                keep_tokenizer()  # from now on it is fixed
            report(entry)

        fitted = fit(
            objective,
            batches,
            probe,
            config.fit,
            folder,
            seed=config.seed,
            resume=resume,
            save_best=save,
            report=reported,
        )
        if not fitted.interrupted:
            keep_tokenizer()
            if tokens is not None and (why := tokens.unfinished(fitted.steps)):
                log(f"{TOKENIZER_FOLDER}/ is none to rely on: {why}")
            (folder / UNFINISHED).unlink(missing_ok=True)
        return fitted


def _parts(
    config: PretrainConfig, corpora: Sequence[Corpus], readers: Readers, log: Callable[[str], None]
) -> tuple[PretrainObjective, MixedSampler]:
    takes: list[BatchSampler | None] = []
    stretches: list[BatchSampler | None] = []
    cuts: list[StretchSampler] = []
    labelled_objectives: list[LabelledObjective | None] = []
    starts: list[SessionStart | None] = []
    augment = []
    events = config.tokens.events if config.tokens.weight else None
    adaptive = config.normalize.kind == "adaptive"
    for corpus, recognizer in zip(corpora, readers, strict=True):
        features = recognizer.features
        shape = (features.bands, features.electrodes, features.bins)
        rings = [band.ring for band in recognizer.signal.bands]
        augment.append(Augment(config.augment, recognizer.signal.rate_hz, rings, shape))
        labelled = config.labelled > 0 and len(corpus.labels) > 1
        worn = config.takes.worn_s if adaptive else 0.0
        sampler = start = None
        if labelled:
            sampler = TakeSampler(recognizer, corpus.taught, config.takes, config.seed)
            if sampler.too_short:
                log(f"{corpus.name}: {counted(sampler.too_short, 'take')} shorter than a frame, in no batch")
            begins = SessionStart(recognizer, sampler.sessions, worn, log, sampler.totals) if worn else None
            labelled_objectives.append(LabelledObjective(recognizer, config.takes, augment[-1], begins))
        else:
            labelled_objectives.append(None)
        cut = None
        if config.labelled < 1:
            recordings = [recording for _, recording in corpus.training]
            cut = StretchSampler(recordings, config.stretch_s, config.stretches, config.seed, events)
            for note in cut.notes:
                log(f"{corpus.name}: {note}")
            start = SessionStart(recognizer, cut.sessions, worn) if worn else None
            cuts.append(cut)
        takes.append(sampler)
        stretches.append(cut)
        starts.append(start)
    if events and config.labelled < 1 and not any(any(cut.events) for cut in cuts):
        wrong = "has no contraction in any corpus: nothing is louder than the quietest time"
        raise ConfigError("tokens", wrong, "lower tokens.events.on_db, or give recordings with rest in them")
    people = [len({recording.subject for _, recording in corpus.training}) for corpus in corpora]
    sampler_of_all = MixedSampler(takes, stretches, [count**0.5 for count in people], config.labelled, config.seed)
    pretexts = _pretexts(config, readers)
    return PretrainObjective(readers, labelled_objectives, pretexts, augment, starts), sampler_of_all


def _pretexts(config: PretrainConfig, readers: Readers) -> dict[str, Pretext]:
    encoder, bins = cast(ConformerEncoder, readers.encoder), readers[0].features.bins
    made: dict[str, Pretext] = {}
    if config.targets.weight:
        made["targets"] = MaskedTargets(config.targets, encoder, bins)
    if config.reconstruction.weight:
        made["reconstruction"] = MaskedReconstruction(config.reconstruction, encoder, bins)
    if config.tokens.weight:
        made["tokens"] = EventTokens(config.tokens, encoder, bins)
    return made


def _fit_statistics(readers: Readers, batches: MixedSampler) -> None:
    """Set each corpus' statistics from its own first batches."""
    for place, recognizer in enumerate(readers):
        number, sampler = next(one for one in batches.samplers if one[0] % len(readers) == place)
        first = (sampler.batch(step) for step in range(STARTING_BATCHES))
        frames = (
            (batch.samples, batch.lengths) if number >= 0 else recognizer.features(batch.samples, batch.lengths)
            for batch in first
        )
        recognizer.normalize.fit(frames)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
