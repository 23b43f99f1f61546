"""Figures of people in; folders of protocols, one a set, as `emgasr protocol run` leaves them, out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FACTS = {"emgasr": "0.1.0", "splits_sha256": "a", "recordings_sha256": "b", "seeds": [0]}


def person_row(system: str, person: str, right: float, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    """A row as a job writes it: adapted to `seconds` of the person, or to nothing."""
    place = {"system": system, "list": "sessions", "sessions": "test", "method": "all" if seconds else "none"}
    row = place | {"minutes": 0.0, "subject": person, "words": 10, "wer_greedy": 0.5, "test_hours": 0.25, "seed": 0}
    row |= {"execution_accuracy": right, "window_accuracy": right / 2, "train_hours": 1.5, "train_people": 4}
    return row | ({"adaptation": {"seconds": seconds}} if seconds else {}) | more


def write_protocol(folder: Path, rows: Sequence[Mapping[str, Any]], systems: Mapping[str, Any], **more: Any) -> None:
    """Write the folder of a protocol that is done."""
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text(json.dumps(list(rows)))
    run = FACTS | {"command": f"emgasr protocol run --out {folder.resolve()}", "rule": {"rule": "groups", "seed": 7}}
    (folder / "run.json").write_text(json.dumps(run | {"systems": systems} | more))
