"""Arrays in, arrays as the compiled search takes them out; and its compiled code on disk, as old as its sources.

numba compares the code that it stored for a function with that function's own file only, and the compiled search calls
functions of many files. So importing a module that calls them removes stored code that is older than the youngest file.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from emgasr.runtime.compiled import compiled

HERE = Path(__file__).parent
SOURCES = (*HERE.glob("*.py"), HERE.parent / "align.py", HERE.parent / "margin.py", *HERE.parents[1].glob("lm/*.py"))


def internal(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator of functions that only compiled ones call: no way in from Python has to be compiled."""
    return compiled(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)


inner = internal()
inlined = internal(forceinline=True)  # its code becomes part of its callers'


def forget_outdated(compiled: Any) -> None:
    """Remove the stored code of the numba function `compiled` that is older than its sources."""
    youngest_s = max(source.stat().st_mtime for source in SOURCES)
    with suppress(OSError):  # another process may remove it too, and a folder that cannot be written holds none of ours
        for index in Path(str(compiled.stats.cache_path)).glob("*.nbi"):
            if index.stat().st_mtime < youngest_s:
                index.unlink()


def is_cold(compiled: Any) -> bool:
    """Return whether numba compiles the function `compiled` at its next call: it is neither loaded nor on disk."""
    stored = Path(str(compiled.stats.cache_path)).glob(f"*.{compiled.py_func.__name__}-*.nbi")
    return not compiled.signatures and not any(stored)


def fixed(array: np.ndarray) -> np.ndarray:
    """Return the array as the one kind that is compiled for, in memory or in a file: contiguous, read-only."""
    same = np.ascontiguousarray(array).view(np.ndarray).view()
    same.flags.writeable = False
    return same


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        lent = cgutils.create_struct_proxy(kind)(context, builder, value=value)
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        lent.parent = cgutils.get_null_value(lent.parent.type)
        return lent._getvalue()
    if isinstance(kind, types.BaseTuple):
        members: Any = kind
        values = cgutils.unpack_tuple(builder, value, len(members))
        parts = [_lent(context, builder, member, inner) for member, inner in zip(members, values, strict=True)]
        return context.make_tuple(builder, kind, parts)
    return value


def _without_owners(_: Any, arrays: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _lent(context, builder, signature.return_type, arguments[0])

    return arrays(arrays), generate


# An array, or a NamedTuple of arrays, in; the same memory without an owner out. Compiled functions then count no
# references to it, which costs two atomic operations for each array at every call. The caller keeps the arrays alive,
# and the search returns no lent memory.
lend: Any = intrinsic(_without_owners)
