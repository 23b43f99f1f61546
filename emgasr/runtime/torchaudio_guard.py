"""Whatever torch is installed in; a torchaudio whose Python code works out. The one place that imports torchaudio.

torchaudio 2.11's wheel is linked against CUDA, so beside a CPU-only torch its compiled extension cannot load and the
import fails, although its Python code does not need that extension. It is an extra (emgasr[audio]): teachers of sound
take log-mel bins from it, and tests and benchmarks compare the front ends with it. Import it by
`from emgasr.runtime.torchaudio_guard import torchaudio`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from emgasr.errors import ConfigError

_EXTENSION = "torchaudio._extension"


def load_torchaudio() -> ModuleType:
    """Import torchaudio, with a stand-in for its extension only where the real one cannot be loaded.

    Raises:
        ConfigError: It is not installed.
    """
    if importlib.util.find_spec("torchaudio") is None:
        raise ConfigError("torchaudio", "is not installed", "pip install 'emgasr[audio]'")
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
