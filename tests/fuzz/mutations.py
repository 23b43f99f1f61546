"""A format, the number of a run and valid files in, one damaged file out: the same numbers give the same file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from . import containers, hdf5_edits, texts, trees
from .raw import DAMAGE, Mutator, lie_in_field, lie_in_integer

# By family, what knows its structure.
FAMILIES: Mapping[str, tuple[Mutator, ...]] = {
    "binary": (lie_in_integer,),
    "edf": (lie_in_field, lie_in_field, lie_in_integer),
    "list": tuple(map(trees.as_bytes, texts.PLAIN)),
    "table": tuple(map(trees.as_bytes, texts.TABLE)),
    "json": tuple(map(trees.as_bytes, trees.JSON)),
    "json lines": tuple(map(trees.as_bytes, trees.JSON_LINES)),
    "yaml": tuple(map(trees.as_bytes, trees.YAML)),
}
INSIDE: Mapping[str, containers.Inside] = {
    "gzip": containers.in_gzip,
    "compact": containers.in_compact,
    "journal": containers.in_journal,
    "zip": containers.in_zip,
    "safetensors": containers.in_safetensors,
    "split file": containers.in_manifest_checksum,
    "hdf5": hdf5_edits.in_hdf5,
}
SHARE_OF_STRUCTURE = 0.65  # of mutations; the others damage bytes whatever they mean
SHARE_INSIDE = 0.5  # of the runs of a container


@dataclass(frozen=True)
class Mutant:
    """A damaged file, the names of what was done to it, and whether its checksums (if it has any) fit it again."""

    data: bytes
    story: tuple[str, ...]
    resealed: bool


def mutant(name: str, family: str, container: str, number: int, data: bytes, other: bytes) -> Mutant:
    """One to three mutations of `data`; `other` is another valid file of the format, to splice with."""
    rng = Random(f"{name} {number}")
    story: list[str] = []

    def mutate(inner: bytes) -> bytes:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            chosen = rng.choice(FAMILIES[family] if rng.random() < SHARE_OF_STRUCTURE else DAMAGE)
            story.append(chosen.__name__)
            inner = chosen(rng, inner or b"\0", other or b"\0")
        return inner

    inside: Callable[..., bytes] | None = INSIDE.get(container)
    if inside is None or rng.random() >= SHARE_INSIDE:
        # From outside, a container is bytes with a head, whatever is in it.
        family = "binary" if inside is not None and container != "split file" else family
        return Mutant(mutate(data), tuple(story), False)
    story.append(inside.__name__)
    return Mutant(inside(rng, data, mutate), tuple(story), True)
