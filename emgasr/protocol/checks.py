"""Refuses what would flatter a result: folds, what a model was fitted on, a language model's text in; errors out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.errors import ConfigError, DataError, LanguageModelError, ManifestError
from emgasr.manifests.identity import same_name
from emgasr.manifests.leaks import check_apart, leaks, overlap_s
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry, Manifest
from emgasr.manifests.text_overlap import read_lines, text_overlap
from emgasr.protocol.folds import CALIBRATION, Fold

HELD_OUT = "held out"
ONLY = "the only one"  # a session without a name: a person's recordings of none are one sitting
# What is fitted in a fold before anything is tested, by the name that a run records it under.
FITTED = {
    "weights": "the weights were",
    "normalization": "the normalization was",
    "search": "the search was tuned,",
    "template": "the template of electrodes was",
}


def check_fold(fold: Fold, entries: Sequence[Entry], rule: Mapping[str, Any], root: Path) -> None:
    """Raise a ManifestError if anything tested is trained, validated or calibrated on, as far as the rule forbids it.

    A test person is nowhere in training and validation unless the rule is "within-subject"; nobody validates who is
    trained on where people are held out; no session is tested that anything else saw, unless sessions are cut in time;
    and never do two sides hold the same stretch of a file.
    """
    outside = [replace(e, split=HELD_OUT) if e.split in (CALIBRATION, TEST) else e for e in entries]
    found = leaks(Manifest(tuple(entries), root))
    if rule["rule"] != "within-subject":
        found += leaks(Manifest(tuple(outside), root, (f"subject:{HELD_OUT}",)))
    if rule["rule"] in ("leave-one-subject-out", "groups"):
        learned = tuple(entry for entry in entries if entry.split in (TRAIN, VALIDATION))
        found += leaks(Manifest(learned, root, (f"subject:{VALIDATION}",)))
    if rule["rule"] != "within-subject" or rule["test_sessions"]:
        sittings = tuple(replace(entry, session=entry.session or ONLY) for entry in entries)
        found += leaks(Manifest(sittings, root, (f"session:{TEST}",)))
    if found:
        raise ManifestError(f"fold {fold.name}", found[0], "split again with `emgasr protocol split`")
    sides = {
        side: [entry for entry in entries if entry.split == side] for side in (TRAIN, VALIDATION, CALIBRATION, TEST)
    }
    for side in (VALIDATION, CALIBRATION):
        check_apart(sides[side], sides[TEST])
    check_apart(sides[TRAIN], [*sides[VALIDATION], *sides[CALIBRATION], *sides[TEST]])


def check_list(fold: Fold, entries: Iterable[Entry], listed: Iterable[Entry]) -> None:
    """Raise a ManifestError if a composed recording that the fold reads is made of takes of another side of it."""
    by_side: dict[str, list[Entry]] = {}
    for entry in entries:
        by_side.setdefault(entry.split, []).append(entry)
    for entry in listed:
        for side, others in by_side.items():
            if side != entry.split:
                try:
                    check_apart(others, [entry])
                except ManifestError as error:
                    wrong = f"{entry.path}, read as {entry.split}, is or holds a recording of {side}"
                    raise ManifestError(f"fold {fold.name}", wrong, "compose each session for itself") from error


def check_fitted(what: Mapping[str, Sequence[Entry]], held_out: Sequence[Entry], where: str) -> None:
    """Raise a ManifestError if weights, normalization, search or template (FITTED) were fitted on what is held out."""
    for name, entries in what.items():
        for entry in entries:
            for other in held_out:
                if overlap_s(entry, other):
                    wrong = f"{FITTED[name]} fitted on {entry.subject}/{entry.session}, which is held out"
                    raise ManifestError(where, wrong, "fit on training recordings, tune on validation")
        try:
            check_apart(entries, held_out)
        except ManifestError as error:
            wrong = f"{FITTED[name]} fitted on a part of what is held out"
            raise ManifestError(where, wrong, "fit on training recordings, tune on validation") from error


def check_starts(starts: Mapping[str, str]) -> None:
    """Raise a DataError unless every fold of one system started from the same parameters.

    `starts` gives each fold's SHA-256 of the parameters before the first step, which a fold that goes on from another
    one's weights would change.
    """
    hashes = list(starts.items())
    for fold, found in hashes[1:]:
        if found != hashes[0][1]:
            wrong = f"fold {fold} starts from other parameters than fold {hashes[0][0]}"
            raise DataError("protocol", wrong, "start each fold afresh, with the same seed and the same tokens")


def check_init(init: str, trained_on: Iterable[Entry] | None, held_out: Sequence[Entry], where: str) -> None:
    """Raise an error if people who are held out shaped the weights that training starts from, or if nobody can tell.

    Who only chose these weights, as a validation person does, is known to them too. People go by their names, whatever
    their corpus: weights do not say which corpus a name is of, and a flattered result is worse than a refused one.
    """
    if trained_on is None:
        wrong = f"starts from {init}, and nothing tells what that was trained on"
        raise ConfigError(where, wrong, "keep training.yaml and its manifest beside the model, or start afresh")
    entries = list(trained_on)
    check_fitted({"weights": entries}, held_out, where)
    for how, chose in (("trained", False), ("chosen", True)):
        known = {same_name(entry.subject) for entry in entries if (entry.split == VALIDATION) == chose}
        if both := [entry.subject for entry in held_out if same_name(entry.subject) in known]:
            wrong = f"starts from {init}, which was {how} on {min(both)}, who is held out"
            advice = (
                "start from a model of other people; if only the name is the same, which nothing here can tell, give"
            )
            raise ManifestError(where, wrong, f"{advice} one of them another in the manifest")


def check_lm_text(lm: str, text: Sequence[str | Path], prompts: Iterable[str]) -> None:
    """Raise an error if a test prompt stands whole in the language model's text, or if that text is not given."""
    if not text:
        wrong = "nothing tells whether it knows the test's text"
        raise ConfigError(f"language model {lm}", wrong, "pass the text that it was built from as --lm-text FILE")
    overlap = text_overlap(prompts, read_lines(text))
    if overlap.prompts_found:
        told = f"{overlap.prompts_found} of {overlap.prompts} test prompts stand whole in its text"
        advice = "build it without them"
        raise LanguageModelError(f"language model {lm}", f"{told}, as {overlap.examples[0]!r}", advice)
