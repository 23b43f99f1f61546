"""Descriptions and a seed in; gestures to leave out, and all labels that mean them, out: a line each, as YAML lists.

    draw.py DESCRIPTIONS SEED COUNT

Drawn among the gestures that sets of many people have; rest, and what one small set alone has, stay.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.crossmodal.descriptions import read_descriptions
from emgasr.errors import DataError

CANDIDATES = (
    *("chuck_grip", "double_tap", "finger_gun", "fist", "index_pinch", "open_hand", "point", "pronation"),
    *("radial_deviation", "snap", "supination", "thumbs_up", "ulnar_deviation", "wrist_extension", "wrist_flexion"),
)


def run(argv: list[str]) -> int:
    """Print the gestures, then the labels."""
    path, seed, count = argv
    descriptions = read_descriptions(Path(path))
    if missing := sorted(set(CANDIDATES) - set(descriptions.concepts)):
        raise DataError(path, f"does not describe {missing[0]}", "give recipes/crossmodal/descriptions.yaml")
    gestures = random.Random(int(seed)).sample(CANDIDATES, int(count))
    labels = [label for label, concept in descriptions.labels.items() if concept in gestures]
    for names in (gestures, sorted({*gestures, *labels})):
        print("[" + ", ".join(names) + "]")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
