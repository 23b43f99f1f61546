"""What a hostile file names; no reader has a reason to import it, and none may."""

from __future__ import annotations


class Bite:
    """A class to be built."""


def bite() -> None:
    """A function to be called."""
