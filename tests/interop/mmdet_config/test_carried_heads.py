"""Settings of heads; whole configurations are in tests/interop/test_one_head.py."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_heads import carry_beta, carry_border, carry_one_head


@pytest.mark.parametrize(("border", "inside"), [(0, True), (-1, False), (8, None)])
def test_the_border_of_anchors(border: int, inside: bool | None) -> None:
    account = Account({"train": {"rpn": {"allowed_border": border}}}, ModelConfig())
    carry_border(account, "train")
    assert bool(account.conflicts) == (inside is None)
    assert account.config.rpn.anchors.inside == (inside is not False)


@pytest.mark.parametrize(
    ("loss", "beta"),
    [
        ({"type": "L1Loss"}, 0.0),
        ({"type": "SmoothL1Loss", "beta": 0.5}, 0.5),
        ({"type": "SmoothL1Loss"}, 1.0),
        ({"type": "GIoULoss"}, 1 / 9),
    ],
)
def test_where_a_loss_turns_to_a_line(loss: dict[str, Any], beta: float) -> None:
    account = Account({"head": {"loss_bbox": loss}}, ModelConfig())
    carry_beta(account, "head", "rpn.anchors.beta", 1.0)
    assert account.config.rpn.anchors.beta == beta


@pytest.mark.parametrize("shared", [None, True, False])
def test_one_head_is_a_cascade_of_one_stage(shared: bool | None) -> None:
    head = {} if shared is None else {"reg_class_agnostic": shared}
    values = {"model": {"roi_head": {"type": "StandardRoIHead", "bbox_head": head}}}
    account = Account(values, ModelConfig())
    carry_one_head(account)
    cascade: Any = account.config.cascade
    assert len(cascade.stages) == 1 and not cascade.masks
    assert cascade.box.boxes == ("shared" if shared else "each_class")
