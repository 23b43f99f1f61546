"""Recordings of sessions in, their emissions out, the statistics of each session going on from one to the next.

The rule is causal. The recordings of a session (same subject, same session) are read in the order in which they come,
others may come in between. The first begins with the training set's statistics or with the warm-up, each other one with
the statistics at the end of the one before it; features and encoder begin anew. A stream does the same at a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from emgasr.errors import EmgasrError
from emgasr.frontend.measured import Measured
from emgasr.frontend.normalize import NormalizeState
from emgasr.frontend.session import ALL, SessionConfig
from emgasr.models.recognizer import Heard, Recognizer
from emgasr.recording import Recording
from emgasr.state import merge_streams


@dataclass
class _Session:
    """What is known of a session: a state of one stream without the room for frames held back, and seconds in it.

    Args:
        state: the next recording's start.
        heard_s: seconds of the session that entered it.
        entered: of the recordings that are still to come, in order, the frames and seconds that entered already.
    """

    state: NormalizeState
    heard_s: float = 0.0
    entered: deque[tuple[int, float]] = field(default_factory=deque)


class SessionReader:
    """Reads recordings of any sessions in any order, each with the statistics that its session has by then.

    Memory grows with the sessions: two numbers for each value of a frame.

    Args:
        recognizer: what reads.
        config: what a recording begins with.
        before_s: seconds of the person's signal that are in the recognizer's statistics already.
    """

    def __init__(self, recognizer: Recognizer, config: SessionConfig | None = None, before_s: float = 0.0) -> None:
        self.recognizer = recognizer
        self.config = config or SessionConfig()
        self.before_s = before_s
        self._sessions: dict[tuple[str, str], _Session] = {}

    @property
    def looks_ahead(self) -> bool:
        """Whether `begin` wants the recordings before they are read."""
        return self.config.unlabelled_seconds != 0 and self.recognizer.config.normalize.running

    def begin(self, recordings: Iterable[Recording]) -> None:
        """Set each session's statistics by its first seconds, given all recordings in the order of their reading."""
        seconds = self.config.unlabelled_seconds
        rate_hz = self.recognizer.signal.rate_hz
        most = None if seconds == ALL else round(float(seconds) * rate_hz)
        left: dict[tuple[str, str], int | None] = {}
        for recording in recordings:
            self.recognizer.signal.check(recording)
            key = recording.subject, recording.session
            session, count = self._session(key), left.setdefault(key, most)
            taken = recording.n_samples if count is None else min(count, recording.n_samples)
            state = self._started(session.state)
            frames = 0
            if taken:
                state, frames = learn(self.recognizer, good_pieces(self.recognizer, recording, taken), state)
            left[key] = None if count is None else count - taken
            heard_s = session.heard_s + taken / rate_hz
            entered = deque([*session.entered, (frames, taken / rate_hz)])
            self._sessions[key] = _Session(self._kept(state), heard_s, entered)
        for session in self._sessions.values():
            session.state = self._kept(self.recognizer.normalize.end_warmup(self._started(session.state)))

    def listen(self, recording: Recording) -> Heard:
        """Return what the recognizer makes of the next recording of a session; one that fails is passed over."""
        try:
            return self.listen_together([recording])[0]
        except EmgasrError:
            if entered := self._session((recording.subject, recording.session)).entered:
                entered.popleft()
            raise

    def listen_together(self, recordings: Sequence[Recording]) -> list[Heard]:
        """Return that of the next recordings, which share the forward passes; if one is refused, none was read.

        Of several of one session the later ones begin as if the earlier were read before: their statistics are taken
        first, in a pass of their own without the encoder.
        """
        keys = [(recording.subject, recording.session) for recording in recordings]
        for recording in recordings:
            self.recognizer.signal.check(recording)
        now = {key: replace(session, entered=deque(session.entered)) for key in keys if (session := self._session(key))}
        starts, counts, before_s = [], [], []
        for place, (key, recording) in enumerate(zip(keys, recordings, strict=True)):
            session = now[key]
            frames, in_s = session.entered.popleft() if session.entered else (0, 0.0)
            starts.append(self._started(session.state))
            counts.append(frames)
            before_s.append(entered_s(self.recognizer, session.heard_s))
            if not self.config.carry:
                continue
            session.heard_s += recording.duration_s - in_s
            if key in keys[place + 1 :]:
                state, _ = learn(self.recognizer, good_pieces(self.recognizer, recording), starts[-1], frames)
                session.state = self._kept(state)
        found = self.recognizer.listen_together(recordings, merge_streams(starts), counts)
        for key, heard in zip(keys, found, strict=True):
            if self.config.carry:
                now[key].state = self._kept(heard.normalize)  # the last one of a session stays
        self._sessions |= now
        return [heard._replace(unlabelled_s=seconds) for heard, seconds in zip(found, before_s, strict=True)]

    def _session(self, key: tuple[str, str]) -> _Session:
        if key not in self._sessions:
            return _Session(self._kept(self.recognizer.start().normalize), self.before_s)
        return self._sessions[key]

    def _kept(self, state: NormalizeState) -> NormalizeState:
        """Return the state that the next recording begins with, without the room for frames that holds none."""
        state = self.recognizer.normalize.next_recording(state)
        return state if int(state.lengths[0]) else state._replace(held=state.held[:, :0].clone())

    def _started(self, kept: NormalizeState) -> NormalizeState:
        room = max(0, self.recognizer.config.normalize.held_frames - 1)
        if kept.held.shape[1] == room:
            return kept
        return kept._replace(held=kept.held.new_zeros(1, room, *kept.held.shape[2:]))


def entered_s(recognizer: Recognizer, heard_s: float) -> float:
    """Return how many of the seconds that a session was heard are in its statistics, by the kind of normalization."""
    config = recognizer.config.normalize
    if not config.running:
        return 0.0
    warmup_s = config.warmup_frames / recognizer.features.frame_rate_hz
    return min(heard_s, warmup_s) if config.kind == "warmup" else heard_s


@torch.inference_mode()
def learn(
    recognizer: Recognizer, samples: Iterable[np.ndarray], heard: NormalizeState, entered: int = 0
) -> tuple[NormalizeState, int]:
    """Return the statistics at the end of a recording that nobody reads, and the number of its input frames.

    Args:
        recognizer: whose features and normalization.
        samples: good ones (T, C), piece by piece.
        heard: statistics to start with, of one stream.
        entered: number of the first frames that are in them already.
    """
    weight, state, frames = recognizer.head.weight, recognizer.start().features, 0
    for piece in samples:
        values = torch.from_numpy(piece)[None].to(weight)
        lengths = torch.tensor([values.shape[1]], device=weight.device)
        found, counts, state = recognizer.features.step(values, lengths, state)
        learned = torch.arange(frames, frames + int(counts[0]), device=weight.device)[None] >= entered
        _, _, heard = recognizer.normalize.step(found, counts, heard, learned)
        frames += int(counts[0])
    return heard, frames


def good_pieces(recognizer: Recognizer, recording: Recording, count: int | None = None) -> Iterator[np.ndarray]:
    """Yield the first `count` samples of a recording (None: all), mended, in the pieces that it is read in."""
    measured = Measured(recording.n_channels, recording.unit, recognizer.emission_samples)
    last, size = recording.n_samples if count is None else count, recognizer.piece_frames * recognizer.features.hop
    for first in range(0, last, size):
        yield measured.feed(np.asarray(recording.samples[first : min(first + size, last)], np.float32)).samples
