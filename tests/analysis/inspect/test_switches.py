"""Switch maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import relook
from relook.analysis.inspect.inspected_image import InspectedImage, prepare
from relook.analysis.inspect.switches import Switches, SwitchMap, record_switches
from relook.config.presets import preset
from relook.data.coco.records import Category
from relook.errors import UsageError
from relook.inference.predictor import Predictor
from relook.layers import SAConv2d


def test_every_layer_of_every_look_has_a_map(nuclei: Predictor, seen: InspectedImage) -> None:
    found = record_switches(nuclei, seen)
    layers = [n for n, m in nuclei.detector.named_modules() if isinstance(m, SAConv2d)]
    assert [one.layer for one in found.maps] == layers and {o.look for o in found.maps} == {1}
    assert {one.values.shape for one in found.maps} == {(12, 20), (6, 10), (3, 5)}
    stages = {f"look {look}, stage {stage}" for look in (1, 2) for stage in (2, 3, 4)}
    assert set(found.by_stage()) == stages
    assert found.summary().width > 300
    names, pictures = zip(*found.panels(), strict=True)
    assert names == ("the image", *found.by_stage())
    assert len({picture.size for picture in pictures}) == 1
    white, colors = found.color(0.5), {found.color(value) for value in (*found.ends(), 1.0)}
    assert len(set(white)) == 1 and min(white) > 240 and len(colors) == 3
    picture = found.picture()
    assert picture.width > 300 and len(np.unique(np.asarray(picture))) > 50


def test_a_fresh_switch_is_one_everywhere(seen: InspectedImage) -> None:
    config = preset("htc-tiny-sac").with_(semantic=None)
    model = Predictor(relook.build(config), config, [Category(1, "cell")], device="cpu")
    found = record_switches(model, seen)
    assert all((one.values == 1).all() for one in found.maps)
    told = found.statistics()
    assert told["mean over layers"]["image"] == pytest.approx(1)


def test_one_backbone_for_two_looks_is_heard_twice(seen: InspectedImage) -> None:
    config = preset("detectors-htc-tiny").with_(semantic=None, pyramid__share_backbone=True)
    model = Predictor(relook.build(config), config, [Category(1, "cell")], device="cpu")
    found = record_switches(model, seen)
    assert {one.look for one in found.maps} == {1, 2}
    assert len(found.maps) == 2 * len({one.layer for one in found.maps})
    assert {name.partition(",")[0] for name in found.by_stage()} == {"look 1", "look 2"}


def test_statistics_are_of_objects_by_size(nuclei: Predictor, seen: InspectedImage) -> None:
    """By hand: S is 0 in the left half and 1 in the right; one small object lies on the left, and
    one of medium size on the right."""
    result = nuclei.predict(seen.image, size=(160, 100))
    boxes = np.array([[8.0, 8, 24, 24], [90, 20, 150, 80]], dtype=np.float32)
    some = relook.Result(
        boxes=boxes,
        scores=np.array([0.9, 0.8], dtype=np.float32),
        labels=np.zeros(2, dtype=np.int64),
        masks=None,
        size=result.size,
        classes=result.classes,
    )
    values = np.zeros((10, 16), dtype=np.float32)
    values[:, 8:] = 1
    told = Switches(seen, some, (SwitchMap("layer", 1, values),)).statistics()
    assert told["objects"] == {"small": 1, "medium": 1, "large": 0}
    assert told["mean over layers"] == {"small": 0, "medium": 1, "large": None, "image": 0.5}


def test_without_sac_there_is_nothing_to_see(seen: InspectedImage) -> None:
    config = preset("htc-tiny").with_(semantic=None)
    model = Predictor(relook.build(config), config, [Category(1, "cell")], device="cpu")
    with pytest.raises(UsageError, match=r"U04.*no switchable"):
        record_switches(model, prepare(model, seen.image))
    assert not any(isinstance(m, SAConv2d) for m in model.detector.modules())
    assert torch.is_tensor(seen.batch.pixels)
