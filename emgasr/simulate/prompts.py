"""The sentences that ship with the package: a split's name in, its prompts out."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def default_prompts(split: str) -> tuple[str, ...]:
    """Return the prompts of "train", "validation" or "test", which share no sentence; other splits get training's."""
    name = split if split in ("validation", "test") else "train"
    text = (files("emgasr") / "assets" / f"prompts_{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)
