"""The one place that imports torchaudio: in, whatever torch is installed; out, a torchaudio whose Python code works.

torchaudio 2.11's wheel is linked against CUDA, so beside a CPU-only torch its compiled extension cannot load and the
import fails, although nothing that is used of it needs that extension. Front ends are compared with it, in tests and
benchmarks: `from emgasr.runtime.torchaudio_guard import torchaudio`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_EXTENSION = "torchaudio._extension"


def load_torchaudio() -> ModuleType:
    """Import torchaudio, with a stand-in for its extension only where the real one cannot be loaded."""
    try:
        return importlib.import_module("torchaudio")
    except (OSError, RuntimeError):  # a CUDA library is missing, or torch was built for another CUDA
        sys.modules[_EXTENSION] = _stand_in()
    try:
        return importlib.import_module("torchaudio")
    except BaseException:
        del sys.modules[_EXTENSION]
        raise


def _stand_in() -> ModuleType:
    module = ModuleType(_EXTENSION, "Stands in for torchaudio's compiled extension, which cannot be loaded here.")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, fail_if_no_align=_refuse, _load_lib=_load_nothing
    )
    return module


def _load_nothing(library: str) -> bool:
    return False


def _refuse(function: Callable[..., Any]) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"torchaudio's {function.__name__} needs its compiled extension, which cannot be loaded here"
        )

    return refused


torchaudio: Any = load_torchaudio()
