"""Results of users' parts: right ones pass, wrong ones are named."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from relook.config.parts import Part
from relook.config.presets import preset
from relook.errors import ModelError
from relook.models.build import build_detector
from relook.models.build.part_results import check_results
from relook.structures.detection import ImageBatch

LEVELS = [torch.zeros(2, 8, side, side) for side in (16, 8, 4, 2)]
FIVE = [torch.zeros(2, 16, side, side) for side in (16, 8, 4, 2, 1)]
ROIS = SimpleNamespace(boxes=torch.zeros(3, 4))
PIXELS = torch.zeros(2, 3, 64, 64)
ROI_FEATURES = torch.zeros(3, 8, 7, 7)


class Giving(nn.Module):
    """A module that gives what it was told to."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def forward(self, *_: Any) -> Any:
        return self.result


RIGHT: list[tuple[str, tuple[Any, ...], tuple[Any, ...], Any]] = [
    ("neck", ((8,) * 4, 16), (LEVELS,), FIVE),
    ("connector", (8,), (LEVELS[0],), LEVELS[0]),
    ("conv3x3", (8, 2, 1), (LEVELS[0],), LEVELS[1]),
    ("backbone", (None, (False,) * 4), (PIXELS,), LEVELS),
    ("box_head", (8, 5, 32), (ROI_FEATURES,), (torch.zeros(3, 6), torch.zeros(3, 4))),
    ("roi_extractor", (), (LEVELS, None, ROIS, 7), ROI_FEATURES),
]
WRONG = [
    ("neck", ((8,) * 4, 16), (LEVELS,), FIVE[:4], "gave 4 values .* a list of 5 maps"),
    ("neck", ((8,) * 4, 16), (LEVELS,), LEVELS[0], r"gave a tensor \(2, 8, 16, 16\)"),
    ("connector", (8,), (LEVELS[0],), LEVELS[1], r"a map \(2, 8, 16, 16\) was due"),
    ("conv3x3", (8, 2, 1), (LEVELS[0],), LEVELS[0], r"a map \(2, 8, 8, 8\) was due"),
    ("backbone", (None, (False,) * 4), (PIXELS,), LEVELS[:3], "4 maps of strides 4 to 32"),
    ("backbone", (None, (False,) * 4), (PIXELS,), LEVELS[::-1], r"\(2, any, 16, 16\)"),
    ("box_head", (8, 5, 32), (ROI_FEATURES,), torch.zeros(3, 6), r"class logits \(3, 6\)"),
    ("roi_extractor", (), (LEVELS, None, ROIS, 7), LEVELS[0], r"a map \(3, 8, 7, 7\) was due"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "arguments", "given", "result"), RIGHT)
def test_what_is_due_passes(place: str, arguments: Any, given: Any, result: Any) -> None:
    module = check_results(Giving(result), place, "mine:Part", arguments)
    assert isinstance(module, Giving)
    assert module(*given) is result


@pytest.mark.parametrize(("place", "arguments", "given", "result", "words"), WRONG)
def test_what_is_not_due_is_named(
    place: str, arguments: Any, given: Any, result: Any, words: str
) -> None:
    module = check_results(Giving(result), place, "mine:Part", arguments)
    with pytest.raises(ModelError, match=rf"M08.*parts\.{place}: mine:Part gave.*") as caught:
        module(*given)
    with pytest.raises(ModelError, match=words):
        copy.deepcopy(module)(*given)
    assert "docs/parts.md" in str(caught.value)


def test_a_function_is_checked_as_well() -> None:
    extract = check_results(lambda *_: LEVELS[0], "roi_extractor", "mine:extract", ())
    with pytest.raises(ModelError, match="mine:extract gave a tensor"):
        extract(LEVELS, None, ROIS, 7)
    assert check_results(len, "sampler", "builtins:len", ()) is len


class FourMaps(nn.Module):
    """A neck that forgets P6."""

    def __init__(self, in_channels: Any, channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in in_channels)

    def forward(self, maps: Any) -> Any:
        return [lateral(one) for lateral, one in zip(self.laterals, maps, strict=True)]


def one_rule(rules: Any) -> Any:
    return rules[:1]


def test_a_neck_of_four_maps_in_a_detector() -> None:
    config = preset("htc-tiny").with_(semantic=None, parts__neck=Part.of(FourMaps))
    detector = build_detector(config).eval()
    size = ((64, 64),)
    images = ImageBatch(torch.zeros(1, 3, 64, 64), size, size, size, ((1.0, 1.0),))
    with pytest.raises(ModelError, match=r"M08.*parts\.neck: .*FourMaps gave 4 values"):
        detector.detect(images)


def test_a_rule_for_each_stage() -> None:
    config = preset("htc-tiny").with_(semantic=None, parts__stage_rules=Part.of(one_rule))
    with pytest.raises(ModelError, match=r"M08.*gave 1 rule; one for each of the 3 stages"):
        build_detector(config)
