"""The contract of teachers that read a signal beside muscles, and what of that signal they are shown.

A teacher is trained, or measured, on training people and training labels alone; then it is frozen. Its folder says
whose recordings and which labels shaped it, so that nobody aligns with one that has seen what is held out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emgasr.corpora.beside import Beside, Windows
from emgasr.errors import DataError
from emgasr.recording import Recording

HOP_S = 0.25  # between the windows that a teacher is trained on


class SignalTeacher(Protocol):
    """What turns windows of a signal beside muscles into embeddings, and is never trained again.

    Attributes:
        kind: pose or audio.
        name: for people.
        width: of an embedding.
        checksum: SHA-256 of what determines its embeddings.
        channels: C of a window.
        window_s: seconds of a window.
        frame_rate_hz: frames a second of a window.
        relative: whether it reads values less the median of their recording.
        labels: the labels whose windows it was trained on, sorted.
    """

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def checksum(self) -> str: ...
    @property
    def channels(self) -> int: ...
    @property
    def window_s(self) -> float: ...
    @property
    def frame_rate_hz(self) -> float: ...
    @property
    def relative(self) -> bool: ...
    @property
    def labels(self) -> tuple[str, ...]: ...

    def embed(self, windows: np.ndarray) -> np.ndarray:
        """Return embeddings (n, width) float32 of windows (n, F, C), rows of unit length."""
        ...

    def frames(self, windows: np.ndarray) -> np.ndarray:
        """Return an embedding of each patch of windows (n, F, C), (n, F', width) float32."""
        ...


def windows_before(teacher: SignalTeacher, beside: Beside, ends_s: Sequence[float] | np.ndarray) -> Windows:
    """Return the windows of a signal before each of `ends_s`, as a teacher reads them.

    Raises:
        DataError: The signal is of another kind, or has another number of channels, than the teacher reads.
    """
    check_read(teacher.kind, teacher.channels, beside)
    return shown(beside, ends_s, teacher.window_s, teacher.frame_rate_hz, teacher.relative)


def shown(
    beside: Beside, ends_s: Sequence[float] | np.ndarray, window_s: float, rate_hz: float, relative: bool
) -> Windows:
    """Return windows, less the recording's median if they are `relative`."""
    found = beside.windows(ends_s, window_s, rate_hz)
    if not relative or not len(found.samples):
        return found
    return Windows(found.samples - beside.posture, found.whole, found.gaps, found.outside)


def check_read(kind: str, channels: int, beside: Beside) -> None:
    """Raise a DataError unless a signal is of this kind and has as many channels."""
    if beside.kind not in READ[kind]:
        raise DataError(beside.where, f"is {beside.kind}", f"a teacher of {kind} reads {' or '.join(READ[kind])}")
    if beside.channels != channels:
        wrong = f"has {beside.channels} channels, the teacher reads {channels}"
        raise DataError(beside.where, wrong, "train a teacher on such recordings")


READ = {"pose": ("pose",), "audio": ("audio", "frames")}  # kinds of signals that a kind of teacher reads


@dataclass(frozen=True, eq=False)
class Taught:
    """Windows that a teacher is trained on.

    Args:
        windows: (n, F, C) float32.
        labels: the label that each is of.
        people: the person whom each is of.
        passed: lines on what was passed over.
    """

    windows: np.ndarray
    labels: tuple[str, ...]
    people: tuple[str, ...]
    passed: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Each label once, sorted."""
        return tuple(sorted({str(label) for label in self.labels}))


def taught_windows(
    pairs: Iterable[tuple[Recording, Beside]],
    window_s: float,
    rate_hz: float,
    relative: bool,
    left_out: Iterable[str] = (),
    rest: bool = False,
) -> Taught:
    """Return windows of recordings' labelled spans: one every HOP_S that is at least half in its span, and the last.

    No window touches a span of a label that is left out. Prompts have no label. A hand rests most of the time: without
    `rest`, no window is of rest, so that a teacher learns how hands move.

    Raises:
        DataError: No window is left.
    """
    hidden = set(left_out)
    windows: list[np.ndarray] = []
    labels: list[str] = []
    people: list[str] = []
    passed: list[str] = []
    for recording, beside in pairs:
        spans = recording.spans
        rows = list(zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.kinds, spans.texts, strict=True))
        ends: list[float] = []
        named: list[str] = []
        touching = 0
        for start, end, kind, text in rows:
            label = text or "rest"
            if kind == "prompt" or label in hidden or (kind == "rest" and not rest):
                continue
            for at in [*np.arange(start + window_s / 2, end, HOP_S).tolist(), end]:
                if hidden & {text or "rest" for text in spans.overlapping(at - window_s, at).texts}:
                    touching += 1
                    continue
                ends.append(at)
                named.append(label)
        found = shown(beside, ends, window_s, rate_hz, relative)
        windows.append(found.samples)
        kept = [label for label, whole in zip(named, found.whole, strict=True) if whole]
        labels += kept
        people += [recording.subject] * len(kept)
        name = f"{recording.subject}/{recording.session}"
        if found.told:
            passed.append(f"{name}: {found.told}")
        if touching:
            passed.append(f"{name}: {touching} windows that reach into a label that is left out passed over")
    if not labels:
        raise DataError("teacher", "has no window to be trained on", "give recordings with a signal beside, and labels")
    return Taught(np.concatenate(windows), tuple(labels), tuple(people), tuple(passed))


def windows_checked(windows: np.ndarray, frames: int, channels: int, where: str) -> np.ndarray:
    """Return windows (n, F, C) as float32; a DataError for another shape, other numbers, or values not finite."""
    windows = np.asarray(windows)
    if windows.ndim != 3 or windows.shape[1:] != (frames, channels) or windows.dtype.kind not in "iuf":
        wrong = f"has windows of shape {windows.shape} and type {windows.dtype}"
        raise DataError(where, wrong, f"give numbers (n, {frames}, {channels})")
    windows = np.ascontiguousarray(windows, np.float32)
    if not np.isfinite(windows).all():
        raise DataError(where, "has windows with gaps in them", "pass them over")
    return windows
