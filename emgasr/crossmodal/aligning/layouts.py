"""Corpora and descriptions in; their takes as gestures out, those of one layout of electrodes together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from emgasr.crossmodal.descriptions import Descriptions
from emgasr.data.compose import Take
from emgasr.display.wording import counted
from emgasr.errors import ConfigError
from emgasr.pretraining.corpora import Corpus
from emgasr.recording import Recording, Signal


@dataclass(frozen=True)
class Layout:
    """The recordings of all corpora that have one layout of electrodes, as takes of gestures."""

    signal: Signal
    recordings: Sequence[tuple[str, Recording]]
    taught: Sequence[Take]
    judging: Sequence[Take]

    @property
    def name(self) -> str:
        """What the layout is called."""
        return layout_name(self.signal)


def layout(signal: Signal) -> tuple[object, ...]:
    """Return what must be the same for two signals to be read alike: names of electrodes need not."""
    return signal.rate_hz, signal.unit, tuple((len(band.electrodes), band.ring) for band in signal.bands)


def layout_name(signal: Signal) -> str:
    """Return what a layout is called, as in 8-electrodes-200-hz-counts."""
    bands = "-".join(f"{len(band.electrodes)}{'' if band.ring else '-free'}" for band in signal.bands)
    return f"{bands}-electrodes-{signal.rate_hz:g}-hz-{signal.unit.lower()}".replace(".", "_")


def layouts_of(
    corpora: Sequence[Corpus], descriptions: Descriptions, left_out: Sequence[str], log: Callable[[str], None]
) -> list[Layout]:
    """Return the takes of each layout as gestures; those of gestures that are left out are counted and told."""
    known_names = {descriptions.concept_of(label) for corpus in corpora for label in corpus.labels}
    if strange := sorted(set(left_out) - set(descriptions.concepts) - known_names):
        raise ConfigError("left_out", f"there is no gesture {strange[0]!r}", "name gestures, or labels that are one")
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
        if not taught:
            log(f"{layout_name(signal)}: no gesture is left, and the layout is passed over")
            continue
        recordings = [pair for corpus in group for pair in corpus.training]
        found.append(Layout(signal, recordings, taught, judging))
    if dropped:
        log(f"{counted(dropped, 'take')} of {', '.join(sorted(left_out))} left out")
    return found
