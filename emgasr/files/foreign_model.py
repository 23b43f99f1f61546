"""A JSON file of a stranger's model folder in; an error, if the file asks for code from elsewhere, out.

Folders of transformers and of sentence-transformers name Python files and classes, kernels on servers and pickles. None
of these may be loaded: they run code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emgasr.errors import ModelError

CODE = ("auto_map", "quantization_config", "custom_pipelines")  # keys that load code from elsewhere
ATTENTION = ("attn_implementation", "_attn_implementation")  # with a slash: a kernel on a server
ELSEWHERE = ("adapter_config.json", "router_config.json")  # files by which other files or folders are loaded


def check_settings(file: Path, content: Mapping[str, Any]) -> None:
    """Raise a ModelError for settings that load code."""
    asked = next((key for key in CODE if content.get(key)), "")
    if not asked and any("/" in str(content.get(key, "")) for key in ATTENTION):
        asked = ATTENTION[0]
    if asked:
        raise ModelError(file, f"asks for code from elsewhere ({asked})", "choose another folder")


def check_alone(place: Path) -> None:
    """Raise a ModelError for a folder that would load another model beside its own."""
    if other := next((place / name for name in ELSEWHERE if (place / name).exists()), None):
        raise ModelError(other, "would load another model", "choose another folder")
