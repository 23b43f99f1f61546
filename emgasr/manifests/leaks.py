"""A manifest's splits in; a line for each thing that they share and must not, or a ManifestError, out.

People and sessions are compared by `same_name`, contents by checksum. A claim about people or sessions that are not
named is broken: nobody knows whose they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from emgasr.display.wording import counted, listed
from emgasr.errors import ManifestError
from emgasr.manifests.identity import same_name, spellings
from emgasr.manifests.manifest import Entry, Manifest


def leaks(manifest: Manifest) -> list[str]:
    """One line for each way in which a split's recordings reappear in another, or a claim of the manifest is broken."""
    whole = [entry for entry in manifest.entries if entry.part_s is None]
    same_files = [(entry.split, (entry.sha256,), entry.path) for entry in whole]
    found = [
        f"the same recording (checksum) is in {first} and {second}: {listed(' = '.join(pair) for pair in pairs)}"
        for (first, second), pairs in _shared(same_files).items()
    ]
    found += _overlapping(manifest.entries)
    for claim in manifest.claims:
        what, _, only = claim.partition(":")
        if only and only not in manifest.splits:
            found.append(f"claims {claim!r}, but there is no split {only!r}")
        found += _unnamed(manifest, what, claim)
        sides = [(entry.split, entry.key(what), _spelled(entry, what)) for entry in manifest.entries]
        found += [
            f"the same {what} is in {first} and {second}: {listed(_alike(*pair) for pair in pairs)}"
            for (first, second), pairs in _shared(sides, only).items()
        ]
    return found


def check_disjoint(manifest: Manifest) -> None:
    """Raise a ManifestError if a recording is in two splits or a claim is broken; called before training."""
    if found := leaks(manifest):
        more = f" (and {len(found) - 1} more: `emgasr validate` lists them)" if len(found) > 1 else ""
        raise ManifestError("manifest", found[0] + more, "split again, or claim less in its header")


def check_apart(training: Iterable[Entry], held_out: Iterable[Entry]) -> None:
    """Raise a ManifestError if a recording, or a take that a composed recording is made of, is on both sides.

    This holds between manifests too. The `take` of a composed entry lists its parts (see `part_name`). Parts of one
    file are apart where they do not overlap.
    """
    trained: dict[str, list[Entry]] = {}
    for entry in training:
        for source in _sources(entry):
            trained.setdefault(source, []).append(entry)
    for entry in held_out:
        others = (other for source in _sources(entry) for other in trained.get(source, ()))
        if both := [other for other in others if not _apart_in_time(entry, other)]:
            wrong = f"{entry.path} is, or is composed of, {both[0].path}, which is trained on"
            raise ManifestError("manifest", wrong, "split the takes first, then compose each split for itself")


def check_people(training: Iterable[tuple[str, Entry]], held_out: Iterable[tuple[str, Entry]]) -> list[str]:
    """Raise a ManifestError if a recording, or a person of a corpus, is on both sides: windows of one are not apart.

    Sides are pairs of a corpus and an entry. A name is of its corpus: "s1" of two corpora are two people, as far as
    names go, unless a recording tells otherwise. Returns a line if names agree across corpora, for nobody can be sure.
    """
    training, held_out = list(training), list(held_out)
    check_apart([entry for _, entry in training], [entry for _, entry in held_out])
    corpora: dict[str, list[str]] = {}
    for corpus, entry in training:
        known = corpora.setdefault(same_name(entry.subject), [])
        known += [] if corpus in known else [corpus]
    both = [(corpus, entry.subject, corpora.get(same_name(entry.subject), [])) for corpus, entry in held_out]
    if found := sorted({subject for corpus, subject, others in both if corpus in others}):
        wrong = f"trains on people who judge: {listed(found)}"
        raise ManifestError("manifests", wrong, "split by subject (`emgasr manifest --validation-subjects`)")
    alike = sorted({f"{subject} ({others[0]}, {corpus})" for corpus, subject, others in both if others})
    if not alike:
        return []
    told = f"names that train in one corpus and judge in another are taken for different people: {listed(alike)}"
    return [f"{told}; if they are the same, put them into one split"]


def twice(entries: Iterable[Entry]) -> list[tuple[Entry, Entry]]:
    """The entries that hold what an earlier one holds, whatever their names and splits, each with that one.

    Takes and parts of one file are no repeats where their reader is asked for other stretches of it.
    """
    first: dict[tuple[str, str], Entry] = {}
    found = []
    for entry in entries:
        # A reader's options tell which stretch is meant; where its labels lie does not.
        options = sorted((name, value) for name, value in entry.options.items() if name != "labels")
        earlier = first.setdefault((entry.sha256, repr(options)), entry)
        if earlier is not entry:
            found.append((entry, earlier))
    return found


def spelled_alike(entries: Iterable[Entry]) -> list[str]:
    """A line for each person, or session of a person, who is spelled in several ways and taken for one."""
    entries = list(entries)
    found = [f"subjects {listed(map(repr, names))} are one person" for names in spellings(e.subject for e in entries)]
    sessions: dict[str, list[str]] = {}
    for entry in entries:
        sessions.setdefault(same_name(entry.subject), []).append(entry.session)
    for own in sessions.values():
        found += [f"sessions {listed(map(repr, names))} are one sitting" for names in spellings(own)]
    return found


def part_name(entry: Entry) -> str:
    """The name that a composed recording gives to a take from this entry: the start of its checksum."""
    return entry.sha256[:16]


def overlap_s(first: Entry, second: Entry) -> float:
    """For how many seconds two entries hold the same stretch of one file; infinite where both are all of it."""
    if first.sha256 != second.sha256:
        return 0.0
    (start, end), (other_start, other_end) = (entry.part_s or (0.0, math.inf) for entry in (first, second))
    return max(0.0, min(end, other_end) - max(start, other_start))


def _apart_in_time(first: Entry, second: Entry) -> bool:
    return first.sha256 == second.sha256 and not overlap_s(first, second)


def _overlapping(entries: Iterable[Entry]) -> list[str]:
    """One line for each pair of splits that share a stretch of a file of which there are parts."""
    by_file: dict[str, list[Entry]] = {}
    for entry in entries:
        by_file.setdefault(entry.sha256, []).append(entry)
    found: dict[tuple[str, str], str] = {}
    for alike in by_file.values():
        pairs = ((a, b) for i, a in enumerate(alike) for b in alike[i + 1 :] if a.split != b.split)
        for first, second in pairs:
            if (first.part_s or second.part_s) and (shared := overlap_s(first, second)):
                told = f"{shared:g} s of {first.path} are in {first.split} and {second.split}: their windows overlap"
                found.setdefault((first.split, second.split), told)
    return list(found.values())


def _unnamed(manifest: Manifest, what: str, claim: str) -> list[str]:
    """A line if the claim is about people or sessions, of several splits, and entries do not name theirs."""
    if what not in ("subject", "session") or len(manifest.splits) < 2:
        return []
    blank = [entry for entry in manifest.entries if not same_name(getattr(entry, what))]
    if not blank:
        return []
    told = f"no {what} is named by {counted(len(blank), 'recording')}: {listed(entry.path for entry in blank)}"
    return [f"claims {claim!r}, but {told}"]


def _shared(
    sides: Iterable[tuple[str, tuple[str, ...], str]], only: str = ""
) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
    """Of (split, key, how it is spelled) of each entry: the two spellings of each key that two splits share."""
    splits_of: dict[tuple[str, ...], dict[str, str]] = {}
    for split, key, shown in sides:
        splits_of.setdefault(key, {}).setdefault(split, shown)
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for splits in splits_of.values():
        names = list(splits)
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                if not only or only in (first, second):
                    pairs.setdefault((first, second), []).append((splits[first], splits[second]))
    return pairs


def _spelled(entry: Entry, what: str) -> str:
    take = entry.take or entry.path
    names = {
        "subject": [entry.subject],
        "session": [entry.subject, entry.session],
        "take": [entry.subject, entry.session, take],
        "sentence": [take],
    }
    return "/".join(names[what])


def _alike(first: str, second: str) -> str:
    return first if first == second else f"{first} (also {second!r})"


def _sources(entry: Entry) -> set[str]:
    parts = (part.partition("@")[0] for part in entry.take.split())
    return {part_name(entry), *(part for part in parts if len(part) == 16)}
