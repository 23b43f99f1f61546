"""The compiled search on disk: whether it is there, and of the present sources.

numba compares what it stored for a function with that function's own file only; the compiled search holds functions of
many files. So what is older than the youngest of them is removed when a module that calls them is imported.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCES = (*HERE.glob("*.py"), HERE.parent / "align.py", *HERE.parents[1].glob("lm/*.py"))


def forget_outdated(compiled: Any) -> None:
    """Remove what lies on disk beside the numba function `compiled` and is older than its sources."""
    youngest_s = max(source.stat().st_mtime for source in SOURCES)
    with suppress(OSError):  # another process may be as far, and a folder that cannot be written holds nothing of ours
        for index in Path(str(compiled.stats.cache_path)).glob("*.nbi"):
            if index.stat().st_mtime < youngest_s:
                index.unlink()


def is_cold(compiled: Any) -> bool:
    """Whether the numba function `compiled` will be compiled when it is called: neither loaded nor on disk."""
    stored = Path(str(compiled.stats.cache_path)).glob(f"*.{compiled.py_func.__name__}-*.nbi")
    return not compiled.signatures and not any(stored)
