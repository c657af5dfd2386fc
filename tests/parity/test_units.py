"""Every number of the reference's units; a number without a check is a failure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import formula
import golden
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from golden import ABSOLUTE, RELATIVE, assert_close, assert_unit
from torch import Tensor

from relook.config.presets import preset
from relook.data.resizing import resized_size
from relook.layers import AWSConv2d, SAConv2d
from relook.layers.aspp import ASPP
from relook.models.rpn.anchors import base_anchors, grid_anchors
from relook.ops import boxes as box_ops
from relook.ops.masks import paste_mask
from relook.ops.nms import suppress_classes
from relook.ops.pasting import paste_probabilities
from relook.ops.roi_align import pool_map, pyramid_level
from relook.structures.detection import Rois

UNITS = golden.read("units")
RATIOS = (0.5, 1.0, 2.0)
ANCHORS = torch.tensor([[10.0, 20, 50, 100], [0, 0, 8, 4], [300, 200, 420, 260]])
OBJECTS = torch.tensor([[12.0, 18, 60, 90], [1, 1, 7, 5], [280, 210, 400, 300]])
DELTAS = torch.tensor([[0.5, -0.25, 0.3, -0.2], [2, 1, 30, -30], [-1, 0.5, 0.1, 0.2]])
ERRORS = torch.tensor([0.2, -1.5, 0.05, 3.0])


def _aws() -> AWSConv2d:
    conv = AWSConv2d(3, 2, 3, padding=1, bias=False)
    weight = formula.tensor((2, 3, 3, 3), lambda j: np.sin(0.1 * j))
    conv.load_state_dict(
        {
            "weight": weight,
            "weight_gamma": torch.tensor([1.0, 2.0]).view(2, 1, 1, 1),
            "weight_beta": torch.tensor([0.0, 0.5]).view(2, 1, 1, 1),
        }
    )
    return conv


def _aws_from_plain_file() -> AWSConv2d:
    conv = AWSConv2d(3, 2, 3, padding=1, bias=False)
    conv.load_state_dict({"weight": _aws().weight})
    return conv


def _sac(name: str) -> Tensor:
    _, stride, groups, kind = name.split("_")
    conv = SAConv2d(4, int(stride[1:]), int(groups[1:]), deformable=kind == "dcn")
    grouped = (4, 4 // int(groups[1:]), 3, 3)
    state = {
        "weight": formula.tensor(grouped, lambda j: np.sin(0.1 * j)),
        "weight_diff": formula.tensor(grouped, lambda j: 0.05 * np.cos(0.2 * j)),
        "weight_gamma": torch.full((4, 1, 1, 1), 0.25),
        "weight_beta": torch.full((4, 1, 1, 1), 0.02),
        "switch.weight": formula.tensor((1, 4, 1, 1), lambda j: 0.1 * np.sin(0.3 * j + 1)),
        "switch.bias": torch.tensor([0.5]),
        "pre_context.weight": formula.tensor((4, 4, 1, 1), lambda j: 0.05 * np.sin(0.5 * j)),
        "pre_context.bias": torch.full((4,), 0.01),
        "post_context.weight": formula.tensor((4, 4, 1, 1), lambda j: 0.05 * np.sin(0.5 * j + 0.5)),
        "post_context.bias": torch.full((4,), 0.01),
    }
    if kind == "dcn":
        state |= {
            "offset_near.weight": formula.tensor((18, 4, 3, 3), lambda j: 0.02 * np.sin(0.07 * j)),
            "offset_near.bias": formula.tensor((18,), lambda j: 0.1 * np.cos(j)),
            "offset_far.weight": formula.tensor((18, 4, 3, 3), lambda j: 0.02 * np.cos(0.07 * j)),
            "offset_far.bias": formula.tensor((18,), lambda j: -0.1 * np.sin(j)),
        }
    conv.load_state_dict(state)
    output: Tensor = conv(
        formula.tensor((1, 4, 7, 9), lambda j: np.sin(0.3 * j) + 0.1 * np.cos(1.7 * j))
    )
    return output


def _aspp() -> Tensor:
    aspp = ASPP(8)
    for i, layer in enumerate((aspp.local, aspp.near, aspp.far, aspp.whole)):
        shape = tuple(layer.weight.shape)
        layer.weight.data = formula.tensor(shape, lambda j, i=i: 0.1 * np.sin(0.2 * j + i))
        layer.bias.data = formula.tensor((2,), lambda j, i=i: 0.05 * np.cos(j + i))
    output: Tensor = aspp(formula.tensor((1, 8, 9, 11), lambda j: np.sin(0.17 * j)))
    return output


def _roi_align(side: int) -> Tensor:
    features = formula.tensor((1, 2, 12, 16), lambda j: np.sin(0.05 * j) + 0.01 * j)
    boxes = torch.tensor([[3.0, 2, 40, 37], [-6, -4, 20, 10], [10, 10, 10, 30], [50, 40, 70, 60]])
    return pool_map(features, Rois.cat([boxes]), side, 4)


def _grid() -> Tensor:
    return grid_anchors((2, 3), 8, 8.0, RATIOS, torch.device("cpu"))


_MASK = formula.tensor((28, 28), lambda j: 0.5 + 0.5 * np.sin(0.02 * j))
_MASK_BOX = torch.tensor([3.3, 4.7, 30.2, 21.9])


def _check_paste(record: dict[str, Any]) -> None:
    window, left, top = paste_probabilities(_MASK.numpy(), _MASK_BOX.numpy(), (32, 40))
    whole = torch.zeros(1, 32, 40)
    whole[0, top : top + window.shape[0], left : left + window.shape[1]] = torch.from_numpy(window)
    assert_unit(whole, record)


def _check_resize(record: dict[str, list[float]]) -> None:
    assert len(record) == 12
    for name, (new_w, new_h, x, y, padded_w, padded_h) in record.items():
        width, height = (int(n) for n in name.split("x"))
        assert resized_size(height, width, (1333, 800)) == (new_h, new_w)
        assert_close([new_w / width, new_h / height], [x, y], 1e-6, 1e-7)
        assert (math.ceil(new_w / 32) * 32, math.ceil(new_h / 32) * 32) == (padded_w, padded_h)


def _check_suppression(record: list[list[float]], method: str) -> None:
    boxes = torch.tensor(
        [
            [0.0, 0, 10, 10],
            [0, 0, 10, 5],
            [1, 1, 11, 11],
            [100, 100, 120, 130],
            [101, 101, 121, 131],
        ]
    )
    scores = torch.tensor([[0.9, 0.05], [0.8, 0.1], [0.7, 0.6], [0.3, 0.65], [0.2, 0.7]])
    rows, best, labels = suppress_classes(
        boxes, scores, score_threshold=0.05, iou=0.5, limit=100, method=method
    )
    found = torch.cat([boxes[rows], best[:, None], labels[:, None]], dim=1)
    assert_close(found, record, RELATIVE, 1e-6)


def _unit(make: Callable[[], Tensor]) -> Callable[[Any], None]:
    return lambda record: assert_unit(make(), record)


def _values(make: Callable[[], Tensor], absolute: float = ABSOLUTE) -> Callable[[Any], None]:
    return lambda record: assert_close(make(), record, RELATIVE, absolute)


def _stage_std(stage: int) -> tuple[float, float, float, float]:
    return preset("htc-r50").cascade.stages[stage].std


CHECKS: dict[str, Callable[[Any], None]] = {
    "aws_effective_weight": _unit(lambda: _aws().standardised()),
    "aws_out": _unit(lambda: _aws()(formula.tensor((1, 3, 5, 5), lambda j: np.sin(0.3 * j)))),
    "aws_hook_gamma": _values(lambda: _aws_from_plain_file().weight_gamma.flatten()),
    "aws_hook_beta": _values(lambda: _aws_from_plain_file().weight_beta.flatten()),
    "aws_hook_maxdiff": lambda record: assert_close(
        (_aws_from_plain_file().standardised() - _aws().weight).abs().max(), record, 0, 1e-7
    ),
    **{name: _unit(lambda name=name: _sac(name)) for name in UNITS if name.startswith("sac_")},
    "aspp_8to8_9x11": _unit(_aspp),
    # Anchors were written down with four decimals.
    "base_anchors_s4": _values(lambda: base_anchors(4, 8.0, RATIOS), 1e-4),
    "base_anchors_s64": _values(lambda: base_anchors(64, 8.0, RATIOS), 1e-4),
    "grid_s8_2x3_rows3to5": _values(lambda: _grid()[3:6], 1e-4),
    "grid_s8_2x3_row9": _values(lambda: _grid()[9], 1e-4),
    "encode_rpn": _values(lambda: box_ops.encode(ANCHORS, OBJECTS, (1.0, 1.0, 1.0, 1.0))),
    "decode_rpn_480x640": _values(
        lambda: box_ops.clip(box_ops.decode(ANCHORS, DELTAS, (1.0, 1.0, 1.0, 1.0)), (480, 640))
    ),
    **{
        f"encode_s{s}": _values(lambda s=s: box_ops.encode(ANCHORS, OBJECTS, _stage_std(s)))
        for s in range(3)
    },
    **{
        f"decode_s{s}_480x640": _values(
            lambda s=s: box_ops.clip(box_ops.decode(ANCHORS, DELTAS, _stage_std(s)), (480, 640))
        )
        for s in range(3)
    },
    "level_map": lambda record: assert_close(
        pyramid_level(torch.tensor([[0.0, 0, float(s), float(s)] for s in record]), 4),
        list(record.values()),
        0,
    ),
    **{f"roialign_o{o}_stride4": _unit(lambda o=o: _roi_align(o)) for o in (2, 7, 14)},
    "roialign_o2_values": _values(lambda: _roi_align(2)[:, 0].flatten(1)),
    "paste_soft": _check_paste,
    "paste_area_ge_half": lambda record: assert_close(
        paste_mask(_MASK, _MASK_BOX, (32, 40)).sum(), record, 0
    ),
    "resize_1333x800 (w x h -> nw,nh,w_scale,h_scale,pad_w,pad_h)": _check_resize,
    "multiclass_nms": lambda record: _check_suppression(record, "nms"),
    "multiclass_softnms_linear": lambda record: _check_suppression(record, "soft_nms"),
    "smoothl1_beta1": lambda record: assert_close(
        F.smooth_l1_loss(ERRORS, torch.zeros(4), beta=1.0), record, RELATIVE
    ),
    "smoothl1_beta1_9": lambda record: assert_close(
        F.smooth_l1_loss(ERRORS, torch.zeros(4), beta=1 / 9), record, RELATIVE
    ),
}


@pytest.mark.parametrize("name", UNITS)
def test_unit(name: str) -> None:
    CHECKS[name](UNITS[name])


def test_every_recorded_unit_is_checked() -> None:
    assert set(CHECKS) == set(UNITS)
