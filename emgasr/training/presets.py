"""Training recordings in; what they are, and the configuration that training begins with, each choice with its reason.

A preset lies beneath everything that is given: a file's or an option's word goes over it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from emgasr.config.parsing import to_mapping
from emgasr.corpora import open_entry
from emgasr.display.wording import counted
from emgasr.errors import ConfigError
from emgasr.frontend.features.spectrum import floor_of
from emgasr.frontend.mains import find_mains, harmonics
from emgasr.manifests.manifest import read_manifest
from emgasr.models.pretrained import is_pretrained, load_pretrained
from emgasr.recording import Recording, Signal

Task = Literal["typing", "words", "gestures", "letters"]
TASKS: tuple[Task, ...] = ("typing", "words", "gestures", "letters")
BUDGET_MINUTES = 5.0  # where none is given
REPEATED = 3  # takes a label, in the median, that make labels rather than sentences
ALIKE = 0.7  # share of a person's labels that a typical session holds, where a session's statistics tell no label
FRAMES_A_LABEL = 6  # emissions in a typical take: long windows tell more of a muscle than many short ones
SHORTEST_FRAME_MS, LONGEST_FRAME_MS = 40.0, 160.0
WIDTH_OF_FEATURES = 108  # values of a frame, at most, over all frequency bands
BINS_AN_ELECTRODE = 2  # of a band's spectrum, at least: a covariance of fewer is nearly singular
LOWEST_HZ, HIGHEST_SHARE = 15.0, 0.95  # of the spectrum that is used: below lies motion, above the converter's filter
LOWEST_SLOW_HZ = 5.0  # of electrodes that are no ring, as on face and neck: what moves slowly tells most there
BESIDE_MAINS_HZ = 4.0
LISTENED_S = 60.0  # of signal, at most, in which the mains are looked for


@dataclass(frozen=True)
class Facts:
    """What training recordings are.

    Args:
        typed: whether they hold key presses.
        rate_hz: their sampling rate.
        electrodes: electrodes of each band.
        rings: whether each band closes a circle.
        labels: the labels of single takes, with the number of takes of each; empty where there are none.
        take_s: median length of a take, in seconds.
        mains_hz: the line of the mains where it stands out; None where it does not.
        power: typical power of an electrode in the spectrum that is used, in the signal's unit squared a frequency bin,
            as the spectral features have it.
        rest: whether each person has takes of rest.
        people: how many there are.
        sessions: how many there are, over all people.
        strangers: whether validation is on people whom training does not see.
        confounded: whether sessions hold different labels, so that a session's statistics tell which.
    """

    typed: bool
    rate_hz: float
    electrodes: tuple[int, ...]
    rings: tuple[bool, ...]
    labels: Counter[str]
    take_s: float
    mains_hz: float | None
    power: float
    rest: bool
    people: int
    sessions: int
    strangers: bool = False
    confounded: bool = False

    @staticmethod
    def of(recordings: Sequence[Recording], validated_on: Collection[str] = ()) -> Facts:
        """Return the facts of training recordings, of which there is at least one, and of the people validated on."""
        labels: Counter[str] = Counter()
        lengths: list[float] = []
        people: dict[str, bool] = {}
        held: dict[tuple[str, str], set[str]] = {}  # the labels of each person's sessions
        for recording in recordings:
            spans = recording.spans
            people[recording.subject] = people.get(recording.subject, False) or "rest" in spans.kinds
            for start, end, kind, text in zip(spans.start_s, spans.end_s, spans.kinds, spans.texts, strict=True):
                if kind in ("utterance", "gesture"):
                    labels[text] += 1
                    held.setdefault((recording.subject, recording.session), set()).add(text)
                    lengths.append(float(end - start))
        first = recordings[0]
        mains, power = _heard(recordings)
        return Facts(
            any(len(recording.events) for recording in recordings),
            first.rate_hz,
            tuple(len(band.electrodes) for band in first.bands),
            tuple(band.ring for band in first.bands),
            labels,
            float(np.median(lengths)) if lengths else 0.0,
            mains,
            power,
            all(people.values()),
            len(people),
            len({(recording.subject, recording.session) for recording in recordings}),
            bool(validated_on) and not set(validated_on) & set(people),
            _confounded(held),
        )


@dataclass(frozen=True)
class Preset:
    """A configuration to begin with, as plain data by section, and why: (what, because) lines for people."""

    task: Task
    values: dict[str, Any]
    reasons: tuple[tuple[str, str], ...] = ()
    free: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by section: what may be fitted to the budget


def preset_for(
    manifest: str | Path, split: str, validation: tuple[str | Path, str], task: str, init: str = ""
) -> Preset:
    """Return the preset for the recordings of a manifest's split; `task` may be auto: as their labels say.

    `validation` is the manifest and the split that validate; there may be no such split. `init` is the folder that
    training starts from: a pretrained encoder decides features and encoder.
    """
    listed, held_out = read_manifest(manifest), read_manifest(validation[0])
    judges = {entry.subject for entry in held_out.entries if entry.split == validation[1]}
    recordings = [open_entry(entry, listed.root) for entry in listed.split(split)]
    Signal.of(recordings[0]).with_montage_of(recordings)  # a model is for one layout
    facts = Facts.of(recordings, judges)
    made = preset(task_of(facts) if task == "auto" else cast(Task, task), facts)
    return of_pretrained(made, init, facts) if init and is_pretrained(Path(init)) else made


def of_pretrained(made: Preset, init: str, facts: Facts) -> Preset:
    """Return a preset whose features and encoder are those of the pretrained encoder in the folder `init`."""
    config = load_pretrained(Path(init)).config
    features = to_mapping(config.features) | {"epsilon": floor_of(facts.power)}
    parts = {"features": features, "normalize": to_mapping(config.normalize), "encoder": to_mapping(config.encoder)}
    reason = ("features and network of the pretrained encoder", f"training starts from {init}")
    return replace(made, values=made.values | parts, reasons=(*made.reasons[:1], *made.reasons[3:], reason))


def task_of(facts: Facts) -> Task:
    """Return the task that recordings are clearly of; a ConfigError where they are not."""
    if facts.typed:
        return "typing"
    counts = sorted(facts.labels.values())
    if not counts or counts[len(counts) // 2] < REPEATED:
        found = f"{len(counts)} labels, most of them with fewer than {REPEATED} takes" if counts else "no labels"
        raise ConfigError("task", f"is not clear: {found} and no key presses", "pass --task, or --config")
    return "letters" if all(len(label) == 1 for label in facts.labels) else "words"


def preset(task: Task, facts: Facts) -> Preset:
    """Return the configuration that training for `task` begins with on recordings like these."""
    if task == "typing":
        if not facts.typed:
            advice = f"pass --task {task_of(facts)}" if facts.labels else "record key presses, or label takes"
            raise ConfigError("task", "typing needs key presses, and the recordings hold none", advice)
        return Preset(task, {}, (("windows of continuous typing", "there are key presses"),), {"fit": ("validations",)})
    if not facts.labels:
        raise ConfigError(
            "task", f"{task} needs labelled takes, and there are none", "label spans, or pass --task typing"
        )
    frame_ms = float(np.clip(1000 * facts.take_s / FRAMES_A_LABEL, SHORTEST_FRAME_MS, LONGEST_FRAME_MS))
    features, of_features = _features(frame_ms, facts)
    frame_s = 2 * features["hop_ms"] / 1000
    trim_ms = float(round(min(300.0, 150 * facts.take_s)))
    values: dict[str, Any] = {
        "tokens": {"kind": "characters" if task == "letters" else "words"},
        "data": {
            "kind": "composed",
            "shortest": 1,
            "longest": 4,
            "batch_size": 32,
            "same_session": True,
            "worn_s": 60.0,
            "trim_ms": trim_ms,
            "stretch": 0.1,
            "repeats": 0.2,
        },
        "features": features,
        "normalize": {"kind": "adaptive", "prior_s": 8.0},
        "encoder": {
            "kind": "conformer",
            "mixing": "ring" if all(facts.rings) else "free",
            "width": 64,
            "blocks": 2,
            "intermediate_block": 0,
            "mixer_channels": 48,
            "subsampling": 2,
            "chunk_frames": 4,
            "left_chunks": 4,
            "kernel": 7,
            "dropout": 0.2,
        },
        "objective": {"frame_head": "own", "ctc_ramp_steps": 100, "frame_weight": 0.3},
        "augment": {"time_masks": 0, "frequency_masks": 0, "take_spread": 0.7},
        "fit": {"learning_rate": 4e-3, "warmup_steps": 50},
    }
    if facts.confounded:
        # Two people's 15 days, half of the labels on each half of them: 21 % of the labels in strings wrong, 25 % with
        # each session's statistics, 27 % with the training set's alone.
        values["data"] |= {"same_session": False, "worn_s": 0.0}
        values["augment"]["spread"] = 1.0
    if facts.strangers and all(facts.rings):
        values["augment"] |= {"rotation_sd_electrodes": 0.5, "reversal_probability": 0.2}
    if facts.rest:
        values["data"] |= {"rest_shortest_ms": 0.0, "rest_longest_ms": 1000 * facts.take_s, "rest_probability": 0.5}
    reasons = (
        (
            f"strings of {values['data']['shortest']} to {values['data']['longest']} {task}, composed of single takes",
            f"{counted(sum(facts.labels.values()), 'take')} of {counted(len(facts.labels), 'label')}",
        ),
        (f"an emission every {1000 * frame_s:g} ms", f"a take lasts {facts.take_s:.2f} s"),
        of_features,
        _of_statistics(facts),
        *_of_rings(facts),
    )
    return Preset(task, values, reasons, {"fit": ("validations",), "data": ("batch_size",)})


def _confounded(held: Mapping[tuple[str, str], set[str]]) -> bool:
    """Whether a typical session of people with several lacks many of their labels."""
    sessions: dict[str, list[set[str]]] = {}
    for (subject, _), labels in held.items():
        sessions.setdefault(subject, []).append(labels)
    shares = [len(one) / len(set().union(*many)) for many in sessions.values() if len(many) > 1 for one in many]
    return bool(shares) and float(np.median(shares)) < ALIKE


def _of_statistics(facts: Facts) -> tuple[str, str]:
    if facts.confounded:
        return "takes of all sessions together, shifted together", "sessions hold different labels"
    return "statistics that go on from take to take", _worn(facts)


def _worn(facts: Facts) -> str:
    people = "1 person" if facts.people == 1 else f"{facts.people} people"
    return f"{counted(facts.sessions, 'session')} of {people}"


def _of_rings(facts: Facts) -> list[tuple[str, str]]:
    if not all(facts.rings):
        return [("electrodes stay in their places", "they are no ring")]
    if facts.strangers:
        what = "rings turned by half an electrode or so, one in five the other way round"
        return [(what, "validation is on people who are not trained on")]
    return [("rings stay as they are worn", "validation is on people who are trained on")]


def _features(frame_ms: float, facts: Facts) -> tuple[dict[str, Any], tuple[str, str]]:
    """Return the covariance of the electrodes in bands of frequencies that fit rate, electrodes and mains; and why."""
    sample_ms = 1000 / facts.rate_hz
    hop = max(1, round(frame_ms / 2 / sample_ms))
    window = max(8, 4 * hop)
    narrowest = 2 * facts.rate_hz / window  # two bins of the spectrum
    most = max(facts.electrodes)
    lowest = max(
        LOWEST_HZ if all(facts.rings) else LOWEST_SLOW_HZ, narrowest
    )  # below, the taper leaks what stands still
    highest = HIGHEST_SHARE * facts.rate_hz / 2
    bins = (highest - lowest) * window / facts.rate_hz
    bands = int(np.clip(min(WIDTH_OF_FEATURES // (most * (most + 1) // 2), bins // (BINS_AN_ELECTRODE * most)), 1, 6))
    while True:  # narrower where there is more to tell apart
        edges = np.linspace(np.sqrt(lowest), np.sqrt(highest), bands + 1) ** 2
        if bands == 1 or edges[1] - edges[0] >= narrowest:
            break
        bands -= 1
    ranges = _without_mains(list(itertools.pairwise(edges.tolist())), facts, narrowest)
    features: dict[str, Any] = {
        "kind": "spectral_covariance",
        "window_ms": round(window * sample_ms, 6),
        "hop_ms": round(hop * sample_ms, 6),
        "bands_hz": [[round(low, 1), round(high, 1)] for low, high in ranges],
        "shrinkage": 0.01,  # electrodes differ by 20 dB: more would hide the quiet ones
        "epsilon": max(1e-6, floor_of(facts.power)),
    }
    shown = ", ".join(f"{low:g}-{high:g}" for low, high in features["bands_hz"])
    line = f"; the mains are at {facts.mains_hz:g} Hz" if facts.mains_hz else ""
    why = f"{'+'.join(map(str, facts.electrodes))} electrodes at {facts.rate_hz:g} Hz{line}"
    return features, (f"covariance of the electrodes in {shown} Hz", why)


def _without_mains(
    ranges: Sequence[tuple[float, float]], facts: Facts, narrowest_hz: float
) -> list[tuple[float, float]]:
    """Return the bands without the mains and their harmonics, where they stand out; none narrower than can be seen."""
    if facts.mains_hz is None:
        return list(ranges)
    found = list(ranges)
    for line in harmonics(facts.mains_hz, facts.rate_hz):
        low, high = line - BESIDE_MAINS_HZ, line + BESIDE_MAINS_HZ
        cut = [part for a, b in found for part in ((a, min(b, low)), (max(a, high), b)) if part[0] < part[1]]
        found = [(a, b) for a, b in cut if b - a >= narrowest_hz]
    return found or list(ranges)


def _heard(recordings: Sequence[Recording]) -> tuple[float | None, float]:
    """Return the mains in the first minute or so of signal, and the typical power of an electrode."""
    rate, pieces, heard_s = recordings[0].rate_hz, [], 0.0
    for place in np.random.default_rng(0).permutation(len(recordings)):
        part = recordings[int(place)].read(0.0, min(recordings[int(place)].duration_s, 10.0))
        pieces.append(part - part.mean(0))
        heard_s += len(part) / rate
        if heard_s > LISTENED_S:
            break
    mains, powers = find_mains(np.concatenate(pieces), rate), []
    for piece in pieces:
        taper = np.hanning(len(piece))
        spectrum = np.abs(np.fft.rfft(piece * taper[:, None], axis=0)) ** 2 / max(1e-9, float(np.square(taper).sum()))
        hz = np.fft.rfftfreq(len(piece), 1 / rate)
        used = (hz >= LOWEST_HZ) & (hz <= HIGHEST_SHARE * rate / 2)
        for line in harmonics(mains, rate) if mains else ():
            used &= np.abs(hz - line) > BESIDE_MAINS_HZ
        powers += [spectrum[used].mean(0)] if used.any() else []
    return mains, float(np.median(powers)) if powers else 0.0
