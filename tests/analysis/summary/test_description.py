"""The page about a model, and its configuration as files that make it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from changed import CHANGED
from torch import nn

from relook import describe, overlay, preset
from relook.analysis import complexity
from relook.analysis.complexity import Complexity
from relook.config.model import ModelConfig
from relook.config.parts import Part
from relook.config.presets import PRESETS
from relook.errors import UsageError
from relook.structures.rules.cascade import SelectRule
from relook.training.settings import read_overlay

ALL = {name: one.config for name, one in PRESETS.items()} | CHANGED


@pytest.fixture(autouse=True)
def _uncounted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes a second for each model; a few tests do it."""
    if "counted" not in request.node.name:
        monkeypatch.setattr(complexity, "complexity", lambda _: Complexity({}, {}))


def from_yaml(text: str, folder: Path) -> ModelConfig:
    """The configuration as `relook train --config` reads it."""
    path = folder / "model.yaml"
    path.write_text(text)
    read = read_overlay(path)
    assert read.preset is not None
    return overlay(preset(read.preset), read.model)


def from_python(text: str) -> ModelConfig:
    made: dict[str, Any] = {}
    exec(compile(text, "config.py", "exec"), made)
    config: ModelConfig = made["config"]
    return config


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_written_back_it_is_the_same(name: str, full: bool, tmp_path: Path) -> None:
    told = describe(name) if name in PRESETS else describe(ALL[name], name)
    assert from_yaml(told.yaml(full=full), tmp_path) == ALL[name]
    assert from_python(told.python(full=full)) == ALL[name]


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("base", ["cascade-r50", "detectors-dsc-tiny"])
def test_it_can_be_written_from_any_preset(name: str, base: str, tmp_path: Path) -> None:
    told = describe(CHANGED[name], base=base)
    assert yaml.safe_load(told.yaml())["model"]["preset"] == base
    assert from_yaml(told.yaml(), tmp_path) == CHANGED[name]
    assert from_python(told.python()) == CHANGED[name]


def test_short_is_what_differs() -> None:
    told = describe(preset("htc-r50").with_(num_classes=3, rpn__test__nms_iou=0.8), "mine")
    assert told.base == "htc-r50"
    assert yaml.safe_load(told.yaml()) == {
        "model": {"preset": "htc-r50", "num_classes": 3, "rpn": {"test": {"nms_iou": 0.8}}}
    }
    assert 'preset("htc-r50").with_(num_classes=3, rpn__test__nms_iou=0.8)' in told.python()
    page = str(told)
    assert "= htc-r50, with\n    num_classes: 80 -> 3\n    rpn.test.nms_iou: 0.7 -> 0.8\n" in page


@pytest.mark.parametrize(
    ("name", "told_by"),
    [
        ("detectors-htc-r50", "= htc-r50 + SAC + RFP, with"),
        ("detectors-htc-tiny", "= htc-tiny + SAC + RFP, with"),
        ("detectors-dsc-tiny", "= dsc-tiny + SAC + RFP, with"),
        ("cascade-r50-sac", "= cascade-r50 + SAC, with"),
        ("detectors-panoptic-r50", "= htc-r50 + SAC + RFP + a panoptic head, with"),
        ("fast-dsc-r50", "= dsc-r50, with"),
        ("htc-r101", "= htc-r50, with"),
    ],
)
def test_presets_are_told_by_their_relatives(name: str, told_by: str) -> None:
    lines = str(describe(name)).splitlines()
    assert lines[:3] == [name, PRESETS[name].about, told_by]


def test_the_first_preset_has_no_relative() -> None:
    assert str(describe("cascade-r50")).splitlines()[2] == ""


def test_own_parts_are_named_and_nothing_of_them_runs() -> None:
    page = str(describe(CHANGED["text"], "mine"))
    assert """fed back through a.b:C(text='say "so"', list=[1, 2.5, None]) into""" in page
    assert "a.b:D() blends the last two" in page


def test_sizes_by_part_are_counted() -> None:
    page = str(describe("htc-tiny"))
    counted = complexity.complexity(preset("htc-tiny"))
    for part, count in counted.parameters.items():
        work = counted.multiply_adds[part] / 1e9
        assert re.search(rf"^{part} +{count:,} +{work:.1f}$", page, re.MULTILINE)
    assert f"{sum(counted.parameters.values()):,}" in page
    not_allowed = str(describe(CHANGED["text"], "mine"))
    assert "Parameters are not counted: the part a.b:C is not relook's" in not_allowed
    own = preset("htc-tiny").with_(parts__cascade=Part.of(Small))
    assert re.search(r"^head +272 +0.3$", str(describe(own)), re.MULTILINE)


class Small(nn.Module):
    """A cascade as far as its size goes."""

    select, masks = SelectRule(), False

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(16, 16)

    def detect(self, pyramid: Any, context: Any, proposals: Any, *_: Any) -> list[Any]:
        return [self.head(torch.zeros(1000, len(proposals), 16))]

    loss = score = mask_probabilities = detect


def test_names_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="U01"):
        describe("htc-r5")
    with pytest.raises(UsageError, match="U01"):
        describe(preset("htc-r50"), base="htc-r5")
