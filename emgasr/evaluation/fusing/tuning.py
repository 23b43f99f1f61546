"""Models and recordings of held-out people in; what the fusion of the models is fitted on, and its fit, out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emgasr.errors import ConfigError, ManifestError
from emgasr.evaluation.items import Item, parts_of, reference_of, refuse_tuning_on_test, trained_on, tuning_stretches
from emgasr.fusion.config import FusionConfig
from emgasr.fusion.fitting import Fitted, Stretch, fit
from emgasr.fusion.reading import Aligned, EnsembleReader
from emgasr.fusion.rover import Reading, network_of, posteriors_of, row_of, stretches
from emgasr.fusion.system import Ensemble
from emgasr.manifests import lineage
from emgasr.manifests.manifest import TEST, Entry, Manifest
from emgasr.recording import Recording
from emgasr.score import count_edits

TEMPERATURES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)  # of n-best lists
VOTES, ABSENCES, SHARES = (0.0, 0.5, 1.0), (0.5, 1.0, 2.0), (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class FittedVote:
    """A vote as it was fitted, and the errors that each model by itself and all together make by it, of so many."""

    config: FusionConfig
    alone: tuple[int, ...]
    together: int
    symbols: int


def refuse_fitting(manifest: Manifest, split: str, models: Sequence[object]) -> list[str]:
    """Raise a ConfigError if temperatures would be fitted on whom is tested; return a line on people seen in training.

    Args:
        manifest: of the held-out people.
        split: that they are.
        models: folders of the models.
    """
    entries = manifest.split(split)
    tested = [entry for entry in manifest.entries if entry.split == TEST]
    if split != TEST and tested:
        again, people = lineage.seen(entries, tested)
        if again or people:
            who = ", ".join(people or sorted({entry.subject for entry in again}))
            wrong = f"the split {split!r} holds people who are tested too: {who}"
            raise ConfigError("fusion", wrong, "fit temperatures and weights on people of their own")
    said = []
    for model in models:
        folder = model if hasattr(model, "joinpath") else None
        refuse_tuning_on_test(manifest, split, manifest, TEST, folder)  # type: ignore[arg-type]
        _, people = lineage.seen(trained_on(folder) or (), entries)  # type: ignore[arg-type]
        if people:
            said.append(f"{model} was trained on other recordings of {', '.join(people)}: it is sure of what it knows")
    return said


def refuse_tested(config: FusionConfig, tested: Sequence[Entry]) -> None:
    """Raise a ManifestError if temperatures and weights were fitted on people who are tested."""
    again, people = lineage.seen(config.fitted_on, tested)
    if again or people:
        who = ", ".join(people or sorted({entry.subject for entry in again}))
        wrong = f"its temperatures and weights were fitted on people who are tested: {who}"
        raise ManifestError("fusion", wrong, "fit it on other people (`emgasr fuse --validation-manifest`)")


def fitted_mean(
    ensemble: Ensemble,
    recordings: Iterable[tuple[str, Recording]],
    kinds: Sequence[str],
    minutes: float,
    shift: int,
    log: Callable[[str], None] = lambda line: None,
) -> tuple[FusionConfig, Fitted]:
    """Return the fusion by the best of some kinds of mean, fitted on recordings of held-out people.

    `log` receives a line for each part of a recording that lacks a sensor and is left out.
    """
    cut = tuning_stretches(_items(ensemble, recordings, log), ensemble.tokens, minutes)
    found = [Stretch(rows[..., :-1], rows[..., -1] > 0, tuple(ids)) for rows, ids in cut]
    best = min((fit(found, kind, shift) for kind in kinds), key=lambda one: one.together)
    values = zip(best.temperatures, best.weights, best.shifts, ensemble.config.systems, strict=True)
    systems = tuple(replace(s, temperature=t, weight=w, shift_frames=shift) for t, w, shift, s in values)
    return replace(ensemble.config, kind=best.kind, systems=systems), best  # type: ignore[arg-type]


def fitted_vote(
    ensemble: Ensemble, recordings: Iterable[tuple[str, Recording]], log: Callable[[str], None] = lambda line: None
) -> FittedVote:
    """Return the vote with fewest errors on recordings of held-out people.

    The temperature of each model's n-best lists makes the best hypothesis in them likeliest; then weights, and how
    first hypotheses and nothing at all count, are tried. Of equals, equal weights and plain counts go first. `log`
    receives a line for each part of a recording that lacks a sensor and is left out.
    """
    read = _read(ensemble, recordings, log)
    models = len(ensemble.members)
    temperatures = [_temperature(ensemble, read, model) for model in range(models)]
    symbols = sum(len(reference) for reference, _ in read)
    alone = [
        sum(count_edits(truth, _ids(ensemble, [[one[model]] for one in parts])).errors for truth, parts in read)
        for model in range(models)
    ]
    equal = tuple(1 / models for _ in range(models))
    shares = [equal] if models > 2 else [equal, *((share, 1 - share) for share in SHARES if share != 0.5)]
    tried = {}
    for weights, votes, absence in itertools.product(shares, VOTES, sorted(ABSENCES, key=lambda one: abs(one - 1))):
        errors = sum(
            count_edits(truth, _ids(ensemble, parts, temperatures, weights, votes, absence)).errors
            for truth, parts in read
        )
        tried[weights, votes, absence] = errors
    weights, votes, absence = min(tried, key=lambda one: tried[one])
    values = zip(ensemble.config.systems, temperatures, weights, strict=True)
    systems = tuple(replace(s, temperature=t, weight=round(w, 4)) for s, t, w in values)
    config = replace(ensemble.config, kind="rover", systems=systems, votes=votes, absence=absence)
    return FittedVote(config, tuple(alone), tried[weights, votes, absence], symbols)


def _items(
    ensemble: Ensemble, recordings: Iterable[tuple[str, Recording]], log: Callable[[str], None]
) -> Iterator[Item]:
    """Yield items whose emissions (F, N, V + 1) are those of all models; the last column says whether each answers."""
    for name, part, found in _aligned(ensemble, recordings, log):
        rows = np.concatenate([found.rows, found.inside[..., None].astype(np.float32)], 2)
        symbols, times_s = reference_of(part, ensemble.tokens)
        yield Item(name, part.subject, symbols, rows, times_s, found.times_s)


def _aligned(
    ensemble: Ensemble, recordings: Iterable[tuple[str, Recording]], log: Callable[[str], None]
) -> Iterator[tuple[str, Recording, Aligned]]:
    """Yield each part with what all models make of it; one that lacks a sensor is left out, and logged."""
    reader = EnsembleReader(ensemble)
    for name, recording in recordings:
        for part_name, part in parts_of(name, recording):
            found = reader.aligned(part)
            if len(found.places) == len(ensemble.members):
                yield part_name, part, found
            else:
                log(_left_out(part_name, len(found.places), ensemble))


def _left_out(name: str, working: int, ensemble: Ensemble) -> str:
    return f"{name}: {working} of {len(ensemble.members)} sensors can be read; left out of the fit"


_Read = list[tuple[list[str], list[list[Reading]]]]  # of each recording: the reference, and the readings of stretches


def _read(ensemble: Ensemble, recordings: Iterable[tuple[str, Recording]], log: Callable[[str], None]) -> _Read:
    reader, found = EnsembleReader(ensemble), []
    for name, part, aligned in _aligned(ensemble, recordings, log):
        votes = reader.votes(aligned)
        if len(votes) == len(ensemble.members):
            readings = [[vote.read(*times) for vote in votes] for times in stretches(votes, part.duration_s)]
            found.append((reference_of(part, ensemble.tokens)[0], readings))
        else:
            log(_left_out(name, len(votes), ensemble))
    if not any(reference for reference, _ in found):
        raise ConfigError("fusion", "has no labels to fit on", "give a split of held-out people with labels")
    return found


def _ids(
    ensemble: Ensemble,
    parts: Sequence[Sequence[Reading]],
    temperatures: Sequence[float] = (1.0,),
    weights: Sequence[float] = (1.0,),
    votes: float = 1.0,
    absence: float = 1.0,
) -> list[str]:
    """Return the symbols that a vote reads."""
    tokens, found = ensemble.tokens, []
    for readings in parts:
        network = network_of(readings, temperatures, weights, votes, tokens)
        found += [int(row_of(slot, tokens, absence).argmax()) for slot in network]
    return tokens.symbols_of(number for number in found if number)


def _temperature(ensemble: Ensemble, read: _Read, model: int) -> float:
    """Return the temperature at which the hypotheses with fewest errors are likeliest in a model's lists."""
    costs = dict.fromkeys(TEMPERATURES, 0.0)
    for reference, parts in read:
        if len(parts) != 1:  # which labels are of which stretch, nobody says
            continue
        hypotheses = parts[0][model].hypotheses
        errors = [count_edits(reference, ensemble.tokens.symbols_of(one.ids)).errors for one in hypotheses]
        right = int(np.argmin(errors))
        for temperature in TEMPERATURES:
            shares = posteriors_of([one.score for one in hypotheses], temperature)
            costs[temperature] -= float(np.log(max(shares[right], 1e-300)))
    return min(sorted(costs, key=lambda one: abs(np.log(one))), key=lambda one: costs[one])
