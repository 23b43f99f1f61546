"""Recordings with labelled spans in; normalized windows with their labels and people out, and a classifier as a reader.

A classifier reads as a recognizer does: an emission a window, rest as the blank. So sessions, statistics, missing
samples, forced choice and figures are those of networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emgasr.classifiers.config import ClassifyConfig, features_for
from emgasr.classifiers.contract import ClassifierConfig
from emgasr.classifiers.lda import LDAConfig
from emgasr.classifiers.registry import build_classifier
from emgasr.corpora.kinds import LABELLED
from emgasr.errors import DataError, ModelError
from emgasr.files.npz import NUMBERS, TEXT, WHOLE, Array, read_npz
from emgasr.files.output import replacing
from emgasr.frontend.features import FeaturesConfig
from emgasr.frontend.measured import mended
from emgasr.frontend.session import SessionConfig
from emgasr.models.linear import LinearConfig
from emgasr.models.listening import NO_KEY
from emgasr.models.pretrained import load_pretrained
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.session import SessionReader
from emgasr.recording import Recording, Signal
from emgasr.tokens import Tokens

REST = ""  # the label of windows in which nothing is meant
Judge = Callable[[np.ndarray], np.ndarray]  # windows (n, D) to log-probabilities (n, labels)


_STORED = {
    "windows": Array(2, NUMBERS),
    "labels": Array(1, WHOLE),
    "groups": Array(1, WHOLE),
    "names": Array(1, TEXT),
    "counts": Array(1, WHOLE),
}


@dataclass(frozen=True, eq=False)
class WindowSet:
    """Labelled windows of several people.

    Args:
        windows: (n, D) float32, normalized.
        labels: (n,) place of each window's label in `names`.
        groups: (n,) number of the person whose window it is.
        names: of the labels, sorted; REST is rest.
        takes: spans that gave windows.
        too_short: spans that hold no whole window, and gave none.
    """

    windows: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    names: tuple[str, ...]
    takes: int = 0
    too_short: int = 0

    def save(self, path: Path) -> None:
        """Write it as plain arrays; the old file stays if this fails."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            names = np.array(self.names, dtype=np.str_)
            counts = np.array([self.takes, self.too_short])
            np.savez(file, windows=self.windows, labels=self.labels, groups=self.groups, names=names, counts=counts)

    @staticmethod
    def load(path: Path) -> WindowSet:
        """Read what `save` wrote; a ModelError for anything else. Nothing is unpickled."""
        advice = "remove its job's folder to do it anew"
        found = read_npz(path, _STORED, "windows of a classifier", advice).get("", {})
        labelled = {len(found[name]) for name in ("windows", "labels", "groups")} if found else set()
        nameless = found and np.setdiff1d(found["labels"], np.arange(len(found["names"]))).size
        if len(labelled) != 1 or len(found["counts"]) != 2 or nameless:
            raise ModelError(path, "holds no windows of a classifier (its arrays do not belong together)", advice)
        if not np.isfinite(found["windows"]).all():
            raise ModelError(path, "holds windows that are not finite", advice)
        names = tuple(map(str, found["names"]))
        return WindowSet(found["windows"], found["labels"], found["groups"], names, *map(int, found["counts"]))


class WindowRecognizer(Recognizer):
    """A recognizer whose emissions are normalized windows (n, D), until `judged_by` names what judges them.

    With a pretrained encoder, windows are its hidden frames with the frames that it reads behind them, and the
    configured normalization is theirs.

    Raises:
        ConfigError: the encoder does not read these features.
    """

    def __init__(self, features: FeaturesConfig, config: ClassifyConfig, signal: Signal) -> None:
        pretrained = load_pretrained(Path(config.features.encoder)) if config.features.encoder else None
        made = RecognizerConfig(features, config.normalize, LinearConfig(context_frames=1))
        if pretrained is not None:
            read = pretrained.config
            made = RecognizerConfig(features, read.normalize, replace(read.encoder, beside=True), config.normalize)
        self._begin(made, signal, f"the classifier {config.classifier.kind}")
        if pretrained is not None:
            pretrained.give(self.encoder, made, config.features.encoder)

    @staticmethod
    def of(recognizer: Recognizer) -> WindowRecognizer:
        """Return what gives the hidden frames of a recognizer as windows, with its weights and statistics."""
        made = WindowRecognizer.__new__(WindowRecognizer)
        made._begin(recognizer.config, recognizer.signal, recognizer.origin)
        for name in ("encoder", "normalize", "normalize_hidden"):
            getattr(made, name).load_state_dict(getattr(recognizer, name).state_dict())
        made.template = recognizer.template
        return made

    def _begin(self, config: RecognizerConfig, signal: Signal, origin: str) -> None:
        super().__init__(config, signal, Tokens.words(["nothing"]))
        self.judge: Judge | None = None
        self.origin = origin
        self.eval()

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return natural-log probabilities (B, F, V) of windows (B, F, D)."""
        if self.judge is None:
            return hidden
        flat = hidden.flatten(0, 1).double().cpu().numpy()
        if not len(flat):
            return hidden.new_zeros(*hidden.shape[:2], len(self.tokens))
        return torch.from_numpy(self.judge(flat)).to(hidden).unflatten(0, hidden.shape[:2])

    def unjudged(self) -> WindowRecognizer:
        """Give the windows themselves again, and return this."""
        self.judge = None
        return self

    def judged_by(self, names: Sequence[str], judge: Judge) -> None:
        """Read by a classifier whose labels have these names from now on; rest becomes the blank."""
        self.tokens = Tokens.words([name for name in names if name != REST])
        order = [names.index(symbol) for symbol in self.tokens.symbols_of(range(1, len(self.tokens)))]

        def emissions(windows: np.ndarray) -> np.ndarray:
            found = judge(windows)
            blank = found[:, [names.index(REST)]] if REST in names else np.full((len(found), 1), NO_KEY)
            return np.concatenate([blank, found[:, order]], 1)

        self.judge = emissions


def learned_windows(
    config: ClassifyConfig,
    measured: Sequence[Recording],
    recordings: Callable[[], Iterable[Recording]],
    statistics_s: float = math.inf,
) -> tuple[WindowRecognizer, WindowSet]:
    """Return the front end that recordings of a training set ask for, and the windows of labelled spans that it gives.

    Args:
        config: the features, how they are normalized, and the classifier.
        measured: recordings whose strength and statistics set the front end.
        recordings: those whose windows are returned.
        statistics_s: seconds of each of `measured` that statistics are taken of.

    Raises:
        RecordingError: a recording differs from the first one in rate, unit or electrodes.
        DataError: no span holds a window.
    """
    signal = Signal.of(measured[0]).with_montage_of(measured)
    reader = WindowRecognizer(features_for(config, measured), config, signal)
    if reader.config.normalize.fitted:
        reader.normalize.fit(_frames(reader, measured, statistics_s))
    reader.normalize_hidden.fit(_hidden(reader, measured, statistics_s))
    return reader, windows_of(reader, recordings)


def _frames(
    reader: WindowRecognizer, recordings: Iterable[Recording], seconds: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the feature frames (1, F, N, E, K) of recordings, and their number."""
    for recording in recordings:
        samples = torch.from_numpy(mended(recording).read(0.0, min(seconds, recording.duration_s)))[None]
        with torch.inference_mode():
            frames, lengths = reader.features(samples, torch.tensor([samples.shape[1]]))
        if int(lengths[0]):
            yield frames, lengths


def _hidden(
    reader: WindowRecognizer, recordings: Iterable[Recording], seconds: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the hidden frames (1, F, D) of recordings, not normalized, and their number."""
    for frames, lengths in _frames(reader, recordings, seconds):
        with torch.inference_mode():
            hidden, lengths, _ = reader.encoder(*reader.normalize(frames, lengths))
        if int(lengths[0]):
            yield hidden, lengths


def windows_of(reader: WindowRecognizer, recordings: Callable[[], Iterable[Recording]]) -> WindowSet:
    """Return the windows that lie wholly within labelled spans; each session is normalized by all of its seconds.

    Raises:
        DataError: no span holds a window.
    """
    session = SessionReader(reader, SessionConfig(carry=True, unlabelled_seconds="all"))
    if session.looks_ahead:
        session.begin(recordings)
    rows: list[np.ndarray] = []
    labels: list[str] = []
    people: list[str] = []
    takes = too_short = 0
    for recording in recordings():
        windows = session.listen(recording).emissions
        ends = reader.frame_times_s(len(windows))
        starts = ends - reader.features.window / reader.signal.rate_hz
        # What was not measured comes as a blank frame (`Recognizer.listen_together`).
        measured = ~((windows[:, 0] == 0) & (windows[:, 1:] == NO_KEY).all(1)) if windows.shape[1] > 1 else True
        spans = recording.spans
        tolerance = 0.5 / reader.signal.rate_hz
        for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
            if kind not in LABELLED:
                continue
            inside = (starts >= start - tolerance) & (ends <= end + tolerance) & measured
            takes += bool(inside.any())
            too_short += not inside.any()
            rows.append(windows[inside])
            labels += [REST if kind == "rest" else text] * int(inside.sum())
            people += [recording.subject] * int(inside.sum())
    if not labels:
        raise DataError("classifier", "no labelled span holds a whole window", "shorten features.window_ms")
    names, numbers = np.unique(np.array(labels), return_inverse=True)
    groups = np.unique(np.array(people), return_inverse=True)[1]
    return WindowSet(np.concatenate(rows), numbers, groups, tuple(map(str, names)), takes, too_short)


def drawn(found: WindowSet, most: int, seed: int) -> WindowSet:
    """Return at most `most` of the windows, as many of each label of each person as there are, or as are drawn alike.

    The same seed draws the same windows.
    """
    if len(found.windows) <= most:
        return found
    cells = found.labels * (int(found.groups.max()) + 1) + found.groups
    _, cell, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    quota = _quota(sizes, most)
    order = np.random.default_rng(seed).permutation(len(cell))
    order = order[np.argsort(cell[order], kind="stable")]  # by cell, at random within
    place = np.arange(len(cell)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.sort(order[place < quota])
    return replace(found, windows=found.windows[chosen], labels=found.labels[chosen], groups=found.groups[chosen])


def fitted(config: ClassifyConfig, others: WindowSet, own: WindowSet | None = None) -> tuple[tuple[str, ...], Judge]:
    """Return the labels' names, and the log-probabilities (n, L) of windows (n, D) by a classifier that learned these.

    Raises:
        ConfigError: it needs a library that is not installed.
        DataError: there is one label alone.
    """
    sets = [others] if own is None else [others, own]
    names = tuple(sorted({name for one in sets for name in one.names}))
    if len(names) < 2:
        raise DataError("classifier", f"there is one label alone ({names[0]!r})", "give recordings of two or more")
    places = [np.array([names.index(name) for name in one.names])[one.labels] for one in sets]
    groups = [others.groups] if own is None else [others.groups, own.groups + int(others.groups.max()) + 1]
    windows = np.concatenate([one.windows for one in sets]).astype(np.float64)
    present = np.unique(np.concatenate(places))
    names = tuple(names[place] for place in present)
    labels = np.searchsorted(present, np.concatenate(places))
    known = np.bincount(labels[: len(others.windows)], minlength=len(names))
    own_weight = np.where(known > 0, known / config.prior_windows, 1.0)  # of each label
    weights = np.concatenate([np.ones(len(others.windows)), own_weight[labels[len(others.windows) :]]])
    made = build_classifier(_of_encoder(config), config.seed)
    made.fit(windows, labels, np.concatenate(groups), weights)
    return names, made.log_probs


def _of_encoder(config: ClassifyConfig) -> ClassifierConfig:
    """Return the classifier's options; those of a linear discriminant say how wide the hidden frames are."""
    if not config.features.encoder or not isinstance(config.classifier, LDAConfig):
        return config.classifier
    return replace(config.classifier, hidden=load_pretrained(Path(config.features.encoder)).config.encoder.width)


def _quota(sizes: np.ndarray, most: int) -> int:
    """Return the largest number to which all cells are cut so that at most `most` windows are left; at least 1."""
    low, high = 1, int(sizes.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(sizes, middle).sum() <= most else (low, middle - 1)
    return low
