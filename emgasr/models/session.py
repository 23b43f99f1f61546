"""Recordings of sessions in, their emissions out, the statistics of each session going on from one to the next.

The rule is causal. The recordings of a session (same subject, same session) are read in the order in which they come,
others may come in between. The first begins with the training set's statistics or with the warm-up, each other one with
the statistics at the end of the one before it; features and encoder begin anew. A stream does the same at a gap.

The session's first seconds, where they set its statistics, also say which electrodes are dead and how far rings are
turned from where the training people wear them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from emgasr.errors import EmgasrError, ModelError
from emgasr.frontend.electrodes import TEMPLATE_NAME, Alignment, Profile, Profiler, align, dead
from emgasr.frontend.measured import Measured, mended, named
from emgasr.frontend.normalize_hidden import Statistics
from emgasr.frontend.session import ALL, SessionConfig
from emgasr.models.listening import Heard
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.state import merge_streams


@dataclass
class _Session:
    """What is known of a session: a state of one stream without the room for frames held back, and seconds in it.

    Args:
        state: the next recording's start.
        heard_s: seconds of the session that entered it.
        entered: of the recordings that are still to come, in order, the frames and seconds that entered already.
        alignment: what its samples go through; None: they stay as they are.
        said: a line on its electrodes, for the first recording that is read.
    """

    state: Statistics
    heard_s: float = 0.0
    entered: deque[tuple[int, float]] = field(default_factory=deque)
    alignment: Alignment | None = None
    said: str = ""


class SessionReader:
    """Reads recordings of any sessions in any order, each with the statistics that its session has by then.

    Memory grows with the sessions: two numbers for each value of a frame.

    Args:
        recognizer: what reads.
        config: what a recording begins with.
        before_s: seconds of the person's signal that are in the recognizer's statistics already.

    Raises:
        ModelError: Rings are to be turned, and the model does not know how the training people wear them.
    """

    def __init__(self, recognizer: Recognizer, config: SessionConfig | None = None, before_s: float = 0.0) -> None:
        self.recognizer = recognizer
        self.config = config or SessionConfig()
        self.before_s = before_s
        self._sessions: dict[tuple[str, str], _Session] = {}
        if self.config.align_turns and recognizer.template is None:
            wrong = f"has no profile of the training people's electrodes ({TEMPLATE_NAME}), which a turn is found by"
            raise ModelError(recognizer.origin, wrong, "train the model again, or leave the rings as they are")

    @property
    def looks_ahead(self) -> bool:
        """Whether `begin` wants the recordings before they are read."""
        return self.config.unlabelled_seconds != 0 and (self.recognizer.running or self.config.align_turns > 0)

    def begin(self, recordings: Callable[[], Iterable[Recording]]) -> None:
        """Set each session's statistics by its first seconds, given all recordings in the order of their reading.

        They are gone through once, and once more where rings are to be turned or hidden frames have statistics.
        """
        profilers = defaultdict[tuple[str, str], Profiler](Profiler)
        worn: dict[tuple[str, str], Recording] = {}
        if self.config.align_turns:
            for key, recording, count in self._first_seconds(recordings()):
                profilers[key].add(mended(recording), count)
                worn.setdefault(key, recording)
            self._turn(profilers, worn)
            profilers.clear()
        for key, recording, count in self._first_seconds(recordings()):
            session = self._sessions.setdefault(key, self._session(key))
            recording = _aligned(session, recording)
            state, frames = learn(
                self.recognizer, good_pieces(self.recognizer, recording, count), self._started(session.state)
            )
            profilers[key].add(mended(recording), count)
            session.state = self._kept(state)
            session.heard_s += count / self.recognizer.signal.rate_hz
            session.entered.append((frames, count / self.recognizer.signal.rate_hz))
        for key, session in self._sessions.items():
            state = end_warmup(self.recognizer, self._started(session.state))
            state, said = mute_dead(self.recognizer, state, profilers[key].profile())
            session.said = "; ".join(filter(None, (session.said, said)))
            session.state = self._kept(state)
        if self.recognizer.normalize_hidden.running:
            for key, recording, count in self._first_seconds(recordings()):
                pieces = good_pieces(self.recognizer, _aligned(self._sessions[key], recording), count)
                session = self._sessions[key]
                session.state = self._kept(learn_hidden(self.recognizer, pieces, self._started(session.state)))

    def _first_seconds(self, recordings: Iterable[Recording]) -> Iterator[tuple[tuple[str, str], Recording, int]]:
        """Yield each recording with its session and the number of its samples that set the statistics."""
        seconds = self.config.unlabelled_seconds
        most = None if seconds == ALL else round(float(seconds) * self.recognizer.signal.rate_hz)
        left: dict[tuple[str, str], int | None] = {}
        for recording in recordings:
            self.recognizer.signal.check(recording)
            key = recording.subject, recording.session
            count = left.setdefault(key, most)
            taken = recording.n_samples if count is None else min(count, recording.n_samples)
            left[key] = None if count is None else count - taken
            yield key, recording, taken

    def _turn(self, profilers: Mapping[tuple[str, str], Profiler], worn: Mapping[tuple[str, str], Recording]) -> None:
        for key, profiler in profilers.items():
            session, turns = self._session(key), self.config.align_turns
            session.alignment, session.said = turn_back(self.recognizer, profiler.profile(), worn[key], turns)
            self._sessions[key] = session

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
        recordings = [_aligned(self._session(key), one) for key, one in zip(keys, recordings, strict=True)]
        now = {key: replace(session, entered=deque(session.entered)) for key in keys if (session := self._session(key))}
        starts, counts, before_s, said = [], [], [], []
        for place, (key, recording) in enumerate(zip(keys, recordings, strict=True)):
            session = now[key]
            frames, in_s = session.entered.popleft() if session.entered else (0, 0.0)
            starts.append(self._started(session.state))
            counts.append(frames)
            before_s.append(entered_s(self.recognizer, session.heard_s))
            said.append(session.said)
            session.said = ""
            if not self.config.carry:
                continue
            session.heard_s += recording.duration_s - in_s
            if key in keys[place + 1 :]:
                if self.recognizer.normalize_hidden.running:
                    state = self.recognizer.listen(recording, starts[-1], frames).statistics
                else:
                    state, _ = learn(self.recognizer, good_pieces(self.recognizer, recording), starts[-1], frames)
                session.state = self._kept(state)
        found = self.recognizer.listen_together(recordings, merge_streams(starts), counts)
        for key, heard in zip(keys, found, strict=True):
            if self.config.carry:
                now[key].state = self._kept(heard.statistics)  # the last one of a session stays
        self._sessions |= now
        return [
            heard._replace(unlabelled_s=seconds, mended="; ".join(filter(None, (heard.mended, line))))
            for heard, seconds, line in zip(found, before_s, said, strict=True)
        ]

    def _session(self, key: tuple[str, str]) -> _Session:
        if key not in self._sessions:
            return _Session(self._kept(self.recognizer.start().statistics), self.before_s)
        return self._sessions[key]

    def _kept(self, state: Statistics) -> Statistics:
        """Return the state that the next recording begins with, without the room for frames that holds none."""
        state = self.recognizer.next_recording(state)
        frames = state.frames
        if int(frames.lengths[0]):
            return state
        return state._replace(frames=frames._replace(held=frames.held[:, :0].clone()))

    def _started(self, kept: Statistics) -> Statistics:
        room = max(0, self.recognizer.config.normalize.held_frames - 1)
        held = kept.frames.held
        if held.shape[1] == room:
            return kept
        return kept._replace(frames=kept.frames._replace(held=held.new_zeros(1, room, *held.shape[2:])))


def turn_back(
    recognizer: Recognizer, person: Profile | None, worn: Recording, most_turns: int
) -> tuple[Alignment | None, str]:
    """Return what turns a person's rings to where the training people wear them, None if they sit so, and a line.

    Args:
        recognizer: with the template of the training people; without one nothing is turned.
        person: the profile of the first seconds; None: they are shorter than a frame.
        worn: a recording whose bands say which electrodes make a ring.
        most_turns: most electrodes by which a ring is turned.
    """
    if person is None or recognizer.template is None:
        return None, ""
    found = align(person, recognizer.template, worn, most_turns)
    line = f"rings are turned back by {', '.join(map(str, found.turns))} electrodes"
    return found.turned_only() if any(found.turns) else None, line


def mute_dead(recognizer: Recognizer, state: Statistics, person: Profile | None) -> tuple[Statistics, str]:
    """Return the statistics by which dead electrodes have no say, and a line that names them; empty without any.

    Their values become 0 behind the normalization, as the training set's mean is.
    """
    gone = np.zeros(0, bool) if person is None else dead(person)
    if not gone.any():
        return state, ""
    names = [electrode for band in recognizer.signal.bands for electrode in band.electrodes]
    line = f"{named(names, gone)} dead in the session's first seconds"
    if not recognizer.config.normalize.running or not float(state.frames.weight[0]) > 0 or gone.all():
        return state, line
    values = recognizer.features.of_channels(np.flatnonzero(gone).tolist())
    muted = ", and taken for the training mean" if values.any() else ""
    return state._replace(frames=recognizer.normalize.mute(state.frames, values)), line + muted


def _aligned(session: _Session, recording: Recording) -> Recording:
    return recording if session.alignment is None else session.alignment.of(recording)


def entered_s(recognizer: Recognizer, heard_s: float) -> float:
    """Return how many of the seconds that a session was heard are in its statistics, by the kind of normalization."""
    config = recognizer.config.normalize
    if not recognizer.running:
        return 0.0
    warmup_s = config.warmup_frames / recognizer.features.frame_rate_hz
    return min(heard_s, warmup_s) if config.kind == "warmup" else heard_s


@torch.inference_mode()
def learn(
    recognizer: Recognizer, samples: Iterable[np.ndarray], heard: Statistics, entered: int = 0
) -> tuple[Statistics, int]:
    """Return the statistics at the end of a recording that nobody reads, and the number of its input frames.

    Those of hidden frames stay as they are (`learn_hidden`).

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
        _, _, known = recognizer.normalize.step(found, counts, heard.frames, learned)
        heard = heard._replace(frames=known)
        frames += int(counts[0])
    return heard, frames


@torch.inference_mode()
def learn_hidden(recognizer: Recognizer, samples: Iterable[np.ndarray], heard: Statistics) -> Statistics:
    """Return the statistics with the hidden frames of a recording that nobody reads; its feature frames are in them."""
    weight, state = recognizer.head.weight, recognizer.start().with_statistics(heard)
    if not recognizer.normalize_hidden.running:
        return heard
    for piece in samples:
        values = torch.from_numpy(piece)[None].to(weight)
        counts = torch.tensor([values.shape[1]], device=weight.device)
        frames, counts, features = recognizer.features.step(values, counts, state.features)
        none = torch.zeros(frames.shape[:2], dtype=torch.bool, device=weight.device)
        frames, counts, normalize = recognizer.normalize.step(frames, counts, state.normalize, none)
        found, lengths, encoder = recognizer.encoder.step(frames, counts, state.encoder)
        _, hidden = recognizer.normalize_hidden.step(found, lengths, state.hidden, (None, counts))
        state = state._replace(features=features, normalize=normalize, encoder=encoder, hidden=hidden)
    return heard._replace(hidden=state.statistics.hidden)


def end_warmup(recognizer: Recognizer, state: Statistics) -> Statistics:
    """Return the statistics of one stream whose warm-up ends here."""
    return state._replace(frames=recognizer.normalize.end_warmup(state.frames))


def good_pieces(recognizer: Recognizer, recording: Recording, count: int | None = None) -> Iterator[np.ndarray]:
    """Yield the first `count` samples of a recording (None: all), mended, in the pieces that it is read in."""
    measured = Measured(recording.n_channels, recording.unit, recognizer.emission_samples)
    last, size = recording.n_samples if count is None else count, recognizer.piece_frames * recognizer.features.hop
    for first in range(0, last, size):
        yield measured.feed(np.asarray(recording.samples[first : min(first + size, last)], np.float32)).samples
