"""All evidence about a file weighed: tensors, meta, configuration files, and the user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from their_configs import guided_text
from theirs import Shapes, full_shapes, narrow_shapes

from relook.config.presets import preset
from relook.errors import ModelError
from relook.interop.checkpoint.reading import Checkpoint
from relook.interop.evidence import ImportPlan, plan_import

PYTORCH = "model = dict(type='HybridTaskCascade', backbone=dict(type='ResNet', style='pytorch'))\n"
CAFFE = PYTORCH.replace("pytorch", "caffe")


def weigh(shapes: Shapes, meta: dict[str, Any] | None = None, **options: Any) -> ImportPlan:
    name = options.pop("name", "theirs.pth")
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    return plan_import(Checkpoint(Path(name), state, meta or {}, "", 0, []), **options)


def test_a_bare_file_is_understood_and_its_gaps_are_said() -> None:
    found = weigh(narrow_shapes())
    assumed = " ".join(found.assumed)
    assert "PyTorch-style" in assumed and "COCO" in assumed
    assert not found.settings and not found.recipe and not found.blue_first
    # Of standardised weights there is one style only.
    assert "PyTorch-style" not in " ".join(weigh(narrow_shapes("detectors_htc_r50")).assumed)


def test_the_style_that_meta_says_is_a_reason() -> None:
    found = weigh(narrow_shapes(), {"config": PYTORCH})
    assert "PyTorch-style ResNet <- the configuration" in found.reasons
    assert "PyTorch-style" not in " ".join(found.assumed)


@pytest.mark.parametrize(
    "options",
    [
        {"meta": {"config": CAFFE}},
        {"meta": {"cfg": CAFFE}},
        {"style": "caffe"},
        {"meta": {"config": PYTORCH}, "style": "caffe"},
    ],
)
def test_caffe_style_that_is_stated_is_taken(options: dict[str, Any]) -> None:
    found = weigh(narrow_shapes(), **options)
    assert any(line.startswith("Caffe-style ResNet") for line in found.reasons)
    assert found.config.backbone.stride_in == "1x1" and found.blue_first
    assert found.config.input.mean == (123.675, 116.28, 103.53)
    assert found.config.input.std == (1.0, 1.0, 1.0)


def test_caffe_style_keeps_the_normalisation_of_its_configuration() -> None:
    text = CAFFE + "img_norm_cfg = dict(mean=[1.0, 2.0, 3.0], std=[1.0] * 3, to_rgb=False)\n"
    found = weigh(narrow_shapes(), {"config": text})
    assert found.blue_first and found.config.backbone.stride_in == "1x1"
    assert found.config.input.mean == (3.0, 2.0, 1.0)


def test_signs_of_the_caffe_style_are_refused_until_somebody_says_which() -> None:
    named = {"name": "cascade_rcnn_r50_caffe_fpn_1x.pth"}
    with pytest.raises(ModelError, match=r"seems to be of the Caffe style \(the file is called"):
        weigh(narrow_shapes(), **named)
    assert not weigh(narrow_shapes(), **named, style="pytorch").blue_first
    assert weigh(narrow_shapes(), **named, style="caffe").blue_first


def test_the_user_knows_better_than_the_file() -> None:
    found = weigh(narrow_shapes(), {"config": CAFFE}, style="pytorch")
    assert "PyTorch-style ResNet <- the given style" in found.reasons


def test_a_configuration_file_counts_before_the_text_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "theirs.py"
    path.write_text(PYTORCH + "test_cfg = dict(rcnn=dict(score_thr=0.3))\n")
    text = PYTORCH + "test_cfg = dict(rcnn=dict(score_thr=0.2))\n"
    assert weigh(narrow_shapes(), {"config": text}).config.cascade.select.score_threshold == 0.2
    found = weigh(narrow_shapes(), {"config": text}, config=path)
    assert found.config.cascade.select.score_threshold == 0.3
    assert any("score_thr" in line for line in found.settings)
    # And what the user says by a preset is not overruled by the text.
    wide = weigh(full_shapes(), {"config": text}, preset="htc-r50")
    assert wide.config.cascade.select.score_threshold == 0.001


def test_a_text_that_cannot_be_read_is_a_note() -> None:
    found = weigh(narrow_shapes(), {"config": "model = dict(\n"})
    assert any("meta.config was not used" in note for note in found.notes)


def test_blue_first_is_noticed() -> None:
    text = PYTORCH + (
        "img_norm_cfg = dict(mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395], "
        "to_rgb=False)\n"
    )
    found = weigh(narrow_shapes(), {"config": text})
    assert found.blue_first
    assert found.config.input.mean == (123.675, 116.28, 103.53)


def test_version_one_needs_to_be_asked_for() -> None:
    with pytest.raises(ModelError, match="--legacy"):
        weigh({k.removeprefix("roi_head."): s for k, s in narrow_shapes().items()})
    noted = weigh(narrow_shapes(), legacy=True).notes
    assert any("legacy changed nothing" in note for note in noted)


def test_class_names_are_a_reason_if_known() -> None:
    names = [f"thing {i}" for i in range(80)]
    found = weigh(narrow_shapes(), {"CLASSES": names})
    assert found.classes[3].name == "thing 3" and "class names <- meta of the file" in found.reasons


@pytest.mark.parametrize(("side", "name"), [(14, "dsc-r50"), (7, "fast-dsc-r50")])
def test_dsc_is_what_the_settings_of_its_training_say(side: int, name: str, tmp_path: Path) -> None:
    shapes, text = full_shapes("dsc_r50"), guided_text(side)
    found = weigh(shapes, {"config": text})
    assert (found.config, found.recognised.preset) == (preset(name), name)
    size = f"guidance of {side} x {side} cells"
    assert f"{size} <- masks of {2 * side}, from its settings" in found.recognised.reasons
    path = tmp_path / "theirs.py"
    path.write_text(text)
    other = guided_text(21 - side)
    assert weigh(shapes, {"config": other}, config=path).config == preset(name)


def test_settings_of_the_other_dsc_are_refused() -> None:
    shapes, text = full_shapes("dsc_r50"), guided_text(7)
    assert weigh(shapes, {"config": text}, preset="fast-dsc-r50").config == preset("fast-dsc-r50")
    with pytest.raises(ModelError, match="preset dsc-r50 has guidance masks of 28 x 28 cells"):
        weigh(shapes, {"config": text}, preset="dsc-r50")
    with pytest.raises(ModelError, match="not guessed"):
        weigh(shapes, {"config": "model = dict(type='DSC')\n"})


LEGACY = (
    "model = dict(type='HybridTaskCascade', backbone=dict(type='ResNet', style='pytorch'), "
    "rpn_head=dict(anchor_generator=dict(type='LegacyAnchorGenerator', center_offset=0.5)), "
    "roi_head=dict(bbox_roi_extractor=dict(roi_layer=dict(type='RoIAlign', sampling_ratio=2, "
    "aligned=False))), train_cfg=dict(rpn=dict(allowed_border=-1)))\n"
)


def test_settings_that_are_computed_otherwise_are_refused_unless_accepted() -> None:
    with pytest.raises(ModelError, match=r"has 4 settings that relook computes otherwise") as error:
        weigh(narrow_shapes(), {"cfg": LEGACY})
    for key in ("anchor_generator.type", "center_offset", "sampling_ratio", "aligned = False"):
        assert key in str(error.value)
    assert "allowed_border" not in str(error.value)  # which only a training reads
    assert "--accept-differences" in str(error.value)
    found = weigh(narrow_shapes(), {"cfg": LEGACY}, accept_differences=True)
    assert sum("in conflict" in line for line in found.settings) == 4
    assert not found.config.rpn.anchors.inside


def test_what_the_configuration_has_is_not_assumed() -> None:
    text = PYTORCH + (
        "test_pipeline = [dict(type='MultiScaleFlipAug', img_scale=(1000, 600))]\n"
        "test_cfg = dict(rcnn=dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.45)))\n"
    )
    found = weigh(narrow_shapes(), {"config": text})
    assumed = "\n".join(found.assumed)
    assert "score" not in assumed and "suppression" not in assumed and "image size" not in assumed
    assert "anchors of scale 8" in assumed


def test_version_three_is_known_by_its_engine_and_matters_for_htc_only() -> None:
    meta = {"mmengine_version": "0.10.3", "dataset_meta": {}}
    assert "cascade.hybrid.mask_average=last" in " ".join(
        weigh(narrow_shapes(), meta).recognised.unknown
    )
    cascade = weigh(narrow_shapes("detectors_cascade_r50"), meta).recognised
    assert "mask_average" not in " ".join(cascade.unknown)


def test_names_that_cannot_be_used_do_not_become_those_of_coco() -> None:
    text = PYTORCH + "classes = ['a', 'b']\n"
    assert weigh(narrow_shapes(), {"config": text}).classes[0].name == "class_0"
    twice = [f"cell {i % 79}" for i in range(80)]
    assert weigh(narrow_shapes(), {"CLASSES": twice}).classes[79].name == "cell 0 (2)"
    assert weigh(narrow_shapes(), {"CLASSES": twice[:79]}).classes[0].name == "class_0"
