"""Keys of a stream as they come, change and become final in; events for programs and screens out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emgasr.streaming.activity import Notice
from emgasr.transcript import Key, as_key

PARTIAL, FINAL, RETRACTED = "partial", "final", "retracted"


@dataclass(frozen=True)
class KeyEvent:
    """A key is shown, changes, becomes final, or is taken back.

    Args:
        index: counts the keys of the stream; a later event of the same index replaces this one, unless it is final.
        key: the key; its time is in seconds from the stream's start.
        state: "partial", "final", or "retracted": nothing stands at this index any more.
        revision: counts the changes of what stands there.
        shown_s: the stream time of the samples that had been fed when the event came.
    """

    index: int
    key: Key
    state: str
    revision: int
    shown_s: float


Event = KeyEvent | Notice


def as_dict(event: Event) -> dict[str, Any]:
    """Return an event as plain numbers and strings, for JSON."""
    if isinstance(event, Notice):
        return {"event": "notice", "kind": event.kind, "time_s": round(event.time_s, 3), "text": event.text}
    key = as_key(event.key)
    place = {"event": "key", "index": event.index, "key": key["key"], "state": event.state, "revision": event.revision}
    return {**place, **key, "shown_s": round(event.shown_s, 3)}
