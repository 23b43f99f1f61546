"""The page of encoders says of each kind what is so."""

from __future__ import annotations

import re

from emgasr.models.encoder import FrameShape
from emgasr.models.registry import ENCODERS, build_encoder
from tests.helpers.scripts import ROOT


def test_the_page_of_encoders_has_every_kind_with_its_history_and_parameters() -> None:
    page = (ROOT / "docs" / "reference" / "encoders.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+|all) \| ([\d,]+) \|$", page, re.MULTILINE)
    built = []
    for name, kind in ENCODERS.items():
        encoder = build_encoder(kind.config(), FrameShape(1, 8, 15))
        history = "all" if encoder.history_frames is None else str(encoder.history_frames)
        built.append((name, history, f"{sum(p.numel() for p in encoder.parameters()):,}"))  # type: ignore[attr-defined]
    assert rows == built
