"""A function of numbers in, the same compiled by numba out; kept on disk where there is a place, else in memory.

numba refuses a function whose code it cannot keep: the package cannot be written, and there is no home. Here numba
compiles such a function anew in each process, and one line says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache

# An environment variable, so that processes which this one starts do not say it again.
TOLD = "EMGASR_COMPILED_IN_MEMORY"


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator as `numba.njit(cache=True, **options)`, for whatever folders there are."""

    def decorate(function: Callable[..., Any]) -> Any:
        made = numba.njit(**options)(function)
        try:
            made._cache = _Kept(function)  # what `cache=True` sets
        except (RuntimeError, OSError):  # numba found no folder that it can write
            made._cache = _InMemory()
        return made

    return decorate


def is_kept(function: Any) -> bool:
    """Whether what numba compiles of a `compiled` function is kept for the next process."""
    return function.stats.cache_path is not None


def cache_places(home: str) -> list[Any]:
    """Return the kinds of folders that numba tries; without an absolute `home`, all but the user's own.

    Without a home, Python's "~" stays "~", and numba would make a folder of that name where the program runs.
    """
    places = CompileResultCacheImpl._locator_classes
    return [place for place in places if os.path.isabs(home) or "UserWide" not in str(place)]


class _Places(CompileResultCacheImpl):
    _locator_classes = cache_places(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~"))


class _Kept(FunctionCache):
    """numba's cache on disk; a file that cannot be written or read costs the time to compile, nothing else."""

    _impl_class = _Places

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # an index or code cut short by a crash, whatever unpickling makes of it
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _tell(error.strerror or "no space")


class _InMemory(NullCache):
    """Keeps nothing, and says so when there is something to keep."""

    def save_overload(self, sig: Any, cres: Any) -> None:
        _tell("no folder can be written")


def _tell(why: str) -> None:
    if TOLD in os.environ:
        return
    os.environ[TOLD] = "1"
    told = f"compiled code cannot be kept ({why}), so each run compiles anew, some seconds long"
    print(f"emgasr: {told}; set NUMBA_CACHE_DIR to a folder that can be written", file=sys.stderr, flush=True)
