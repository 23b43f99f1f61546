"""The path of a script outside the package in, the module that it is out."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def script(place: str) -> ModuleType:
    """The script at `place` (from the repository's root), as a module of its own."""
    spec = importlib.util.spec_from_file_location(place.removesuffix(".py").replace("/", "_"), ROOT / place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for the types of its fields
    spec.loader.exec_module(module)
    return module
