"""A head by likeness: the nearest part decides, rest and what resembles nothing are blank."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from emgasr.errors import ConfigError
from emgasr.models.encoders.queries import NearestHead
from emgasr.models.linear import LinearConfig
from emgasr.models.registry import build_head


def head_of(rest: bool, floor: float) -> tuple[NearestHead, torch.Tensor]:
    torch.manual_seed(0)
    gallery = normalize(torch.randn(4, 5), dim=1)
    head = NearestHead(2, 5, 4)
    with torch.no_grad():
        head.weight.copy_(10 * gallery)
        head.floor.fill_(10 * floor)
        if not rest:
            head.weight[0] = 0
    return head, gallery


def test_the_part_that_is_nearest_to_a_label_gives_its_logit() -> None:
    head, gallery = head_of(rest=True, floor=-1)
    parts = normalize(torch.randn(3, 7, 2, 5), dim=-1)
    found = head(parts.flatten(2))
    expected = 10 * torch.einsum("bfqd,vd->bfqv", parts, gallery).amax(2)
    torch.testing.assert_close(found, expected)


def test_what_resembles_no_label_enough_is_blank() -> None:
    head, gallery = head_of(rest=False, floor=0.5)
    far = normalize(-gallery[1:].sum(0), dim=0)
    assert head(torch.cat([far, far])[None, None]).argmax() == 0
    near = torch.cat([far, gallery[2]])
    assert head(near[None, None]).argmax() == 2


def test_likeness_needs_embeddings() -> None:
    with pytest.raises(ConfigError, match="is nearest, and the encoder is linear"):
        build_head("nearest", LinearConfig(), 8, 3)
