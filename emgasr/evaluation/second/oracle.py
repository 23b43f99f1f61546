"""Segments of two passes and references in; the oracle of the n-best lists, and what the second look cost, out."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from typing import Any

from emgasr.evaluation.evaluate import SECOND, Evaluation
from emgasr.rescoring.segments import SecondSearch, Seen
from emgasr.score import count_edits
from emgasr.tokens import Tokens


def judged(evaluation: Evaluation, search: SecondSearch) -> dict[str, Any]:
    """Return counts, milliseconds, memory, and error rates: of the second pass, and of the oracle of its lists.

    Args:
        evaluation: of the items that `search` read, and kept, in order.
        search: both passes.
    """
    best = chosen = symbols = 0
    for item, seen in zip(evaluation.items, search.seen, strict=True):
        chosen += count_edits(item.reference, item.readings[SECOND].symbols).errors
        best += oracle_errors(item.reference, seen, evaluation.tokens)
        symbols += len(item.reference)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        **search.report.as_dict(),
        "error_rate": chosen / max(1, symbols),
        "oracle_error_rate": best / max(1, symbols),
        "scorers_bytes": search.second.memory_bytes,
        "peak_bytes": peak,
    }


def oracle_errors(reference: Sequence[str], seen: Sequence[Seen], tokens: Tokens) -> int:
    """Return the fewest errors that changing the choice of segments, one after another, comes to."""
    parts = [each.chosen for each in seen]
    best = _errors(reference, parts, tokens)
    for place, each in enumerate(seen):
        for other in each.hypotheses:
            changed = [*parts[:place], other.ids, *parts[place + 1 :]]
            if (errors := _errors(reference, changed, tokens)) < best:
                best, parts = errors, changed
    return best


def second_line(found: dict[str, Any]) -> str:
    """Return in a line for people what second looks came to."""
    segments, gated = found["segments"], found["gated"]
    failures = f", {found['failures']} failed" if found["failures"] else ""
    return (
        f"{segments} segments, {gated} ({100 * gated / max(1, segments):.0f} %) without a second look, "
        f"{found['changed']} changed{failures}; {found['ms_per_segment']:.1f} ms a segment "
        f"(slowest {found['ms_slowest']:.0f}); {100 * found['error_rate']:.2f} % wrong, "
        f"oracle of the lists {100 * found['oracle_error_rate']:.2f} %; "
        f"scorers {found['scorers_bytes'] / 1e6:.1f} MB, process {found['peak_bytes'] / 1e6:.0f} MB at most"
    )


def _errors(reference: Sequence[str], parts: Sequence[Sequence[int]], tokens: Tokens) -> int:
    return count_edits(reference, tokens.symbols_of([index for part in parts for index in part])).errors
