"""An array in, the same memory without an owner out: compiled functions then count no references to it.

Counting costs two atomic operations for each array at every call. The caller keeps the array alive, and nothing that
the search returns may be lent memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic


def _without_owner(context: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lent = cgutils.create_struct_proxy(signature.return_type)(context, builder, value=arguments[0])
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        lent.parent = cgutils.get_null_value(lent.parent.type)
        return lent._getvalue()

    return array(array), generate


lend: Any = intrinsic(_without_owner)
