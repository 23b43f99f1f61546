"""A Source in; the same Source, filtered as its spec says ("…,highpass_hz=20", as `emgasr condition` does), out.

Filters that the spec does not name are off. After a gap the filters start anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emgasr.errors import EmgasrError
from emgasr.frontend.conditioning import Conditioner, ConditioningConfig
from emgasr.frontend.measured import Measured
from emgasr.recording import Band, Events
from emgasr.sources.source import Chunk, Source, Typing, channel_count, is_live, origin_of
from emgasr.sources.spec import CONDITIONING, Spec


def asked_for(spec: Spec) -> ConditioningConfig:
    """Take the filters out of a spec's options; what is not named is left out."""
    wanted = Spec(spec.kind, "", {key: spec.options.pop(key) for key in CONDITIONING if key in spec.options})
    return ConditioningConfig(
        highpass_hz=wanted.number("highpass_hz", 0.0),
        lowpass_hz=wanted.number("lowpass_hz", 0.0),
        order=wanted.integer("order", ConditioningConfig.order),
        mains=wanted.text("mains", "none"),
        notch_q=wanted.number("notch_q", ConditioningConfig.notch_q),
        rate_hz=wanted.number("rate_hz", 0.0),
    )


def conditioned(source: Source, config: ConditioningConfig) -> Source:
    """Wrap `source`, which is closed if the filters cannot be made for its rate."""
    try:
        conditioner = Conditioner(config, source.rate_hz)
    except EmgasrError:
        source.close()
        raise
    return (
        ConditionedTypist(source, conditioner) if isinstance(source, Typing) else ConditionedSource(source, conditioner)
    )


class ConditionedSource:
    """A Source that filters another's chunks; samples come later by the filters' lookahead, at their own time."""

    def __init__(self, source: Source, conditioner: Conditioner) -> None:
        self.source, self.conditioner = source, conditioner
        self.origin, self.live = origin_of(source), is_live(source)

    @property
    def rate_hz(self) -> float:
        """The rate after the filters."""
        return self.conditioner.rate_hz

    @property
    def unit(self) -> str:
        """The samples' unit."""
        return self.source.unit

    @property
    def bands(self) -> tuple[Band, ...]:
        """The electrodes."""
        return self.source.bands

    def chunks(self) -> Iterator[Chunk]:
        """The filtered chunks, with the notes of those that they were made of."""
        channels = channel_count(self.source)
        state = self.conditioner.start(channels)
        measured = Measured(channels, self.unit)
        start_s, made, arrived_s = None, 0, 0.0

        def rest() -> Iterator[Chunk]:
            left = self.conditioner.flush(state).astype(np.float32)
            if len(left) and start_s is not None:
                yield Chunk(left, start_s + made / self.rate_hz, (), arrived_s)

        for chunk in self.source.chunks():
            if start_s is None or (chunk.notes and chunk.notes[0].kind == "gap"):
                yield from rest()
                state, start_s, made = self.conditioner.start(channels), chunk.time_s, 0
            out, state = self.conditioner.step(measured.feed(chunk.samples).samples, state)  # a NaN would never leave
            arrived_s = chunk.arrived_s
            if len(out) or chunk.notes:
                yield Chunk(out, start_s + made / self.rate_hz, chunk.notes, arrived_s)
            made += len(out)
        yield from rest()

    def close(self) -> None:
        """Close the source."""
        self.source.close()


class ConditionedTypist(ConditionedSource):
    """The same of a Typing source."""

    source: Typing  # type: ignore[assignment]

    def show(self, text: str) -> None:
        """Show a prompt."""
        self.source.show(text)

    def typed(self) -> Events:
        """Keys pressed so far."""
        return self.source.typed()
