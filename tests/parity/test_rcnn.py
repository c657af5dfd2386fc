"""Mask R-CNN on ResNet-18 against the reference, number by number (`golden/mask_rcnn_r18.json`).

Weights and inputs are by the formulas of `recorded_formula`, but for a few gains of a single head.
"""

from __future__ import annotations

import functools
from typing import Any

import golden
import recorded_formula as formula
import torch
from golden import assert_close
from torch import Tensor

from relook.config.presets import preset
from relook.interop.mmdet import convert
from relook.models.build import build_detector
from relook.models.cascades.steps import pool
from relook.models.detector import Detector
from relook.models.folding import fold
from relook.ops.masks import paste_mask
from relook.structures.detection import Rois, Target

RECORDING = golden.read("mask_rcnn_r18")
EVERYTHING = 10**6
IMAGES = formula.images("single")


@functools.lru_cache(maxsize=1)
def detector() -> Detector:
    config = preset("mask-rcnn-r18").with_(
        num_classes=RECORDING["classes"],
        cascade__select__suppress_in="network",
        cascade__sample__per_image=EVERYTHING,
        rpn__anchors__per_image=EVERYTHING,
    )
    with torch.device("meta"):
        model = build_detector(config)
    shapes = {name: tuple(shape) for name, shape in dict(RECORDING["tensors"]).items()}
    state = convert(formula.weights(shapes, one_head=True))
    model.load_state_dict(state, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def assert_map(values: Tensor, record: dict[str, Any]) -> None:
    assert list(values.shape) == record["shape"]
    flat, scale = values.double().flatten(), record["absmean"]
    assert_close(flat.mean(), record["mean"], 0, 1e-4 * scale)
    assert_close(flat.abs().mean(), scale, 1e-4)
    assert_close(flat.std(), record["std"], 1e-4)
    rows = torch.tensor([int(index) for index in record["at"]])
    assert_close(flat[rows], list(record["at"].values()), 1e-3, 1e-4 * scale)


def test_maps_proposals_and_heads() -> None:
    model: Any = detector()
    pyramid = model.features(IMAGES.pixels)
    for level, record in zip(pyramid, RECORDING["P"], strict=True):
        assert_map(level, record)
    proposals, scores = model.rpn.propose(model.rpn(pyramid), IMAGES, model.rpn.test_rule)
    recorded = RECORDING["proposals"]
    assert len(proposals) == recorded["count"]
    number = len(recorded["boxes"])
    assert_close(proposals.boxes[:number], recorded["boxes"], 0, 1e-3)
    assert_close(scores[:number], recorded["scores"], 0, 1e-5)
    rois = Rois.cat([torch.tensor(RECORDING["fixed_rois"])])
    logits, deltas = model.cascade.box_heads[0](pool(pyramid, None, rois, 7))
    assert_map(logits, RECORDING["cls_score"])
    assert_map(deltas, RECORDING["bbox_pred"])
    head = model.cascade.mask_heads[0]
    masks = head.predict(head.features(pool(pyramid, None, rois, 14)))
    assert_map(masks, RECORDING["mask_logits"])


def test_detections_of_the_folded_network() -> None:
    (found,) = fold(detector()).detect(IMAGES, score_threshold=RECORDING["score_thr"])
    record = RECORDING["detections"]
    assert len(found) == record["count"]
    # The weights are large: rounding of a folded network moves boxes by a thousandth of a pixel.
    assert_close(found.boxes, record["boxes"], 0, 2e-3)
    assert_close(found.scores, record["scores"], 0, 1e-5)
    assert found.labels.tolist() == record["labels"]
    assert found.mask_probabilities is not None
    pairs = zip(found.mask_probabilities, found.boxes, strict=True)
    areas = [int(paste_mask(mask, box, found.size).sum()) for mask, box in pairs]
    assert_close(areas, record["mask_areas"], 0.005, 1)


def test_losses() -> None:
    targets = [Target(t.boxes, t.labels % RECORDING["classes"], t.masks) for t in formula.targets()]
    losses = detector().loss(formula.images(*formula.BATCH), targets)
    record = RECORDING["losses"]
    expected = {
        "rpn.objectness": sum(record["loss_rpn_cls"]),
        "rpn.box": sum(record["loss_rpn_bbox"]),
        "stage0.class": record["loss_cls"],
        "stage0.box": record["loss_bbox"],
        "stage0.mask": record["loss_mask"],
    }
    assert set(losses) == set(expected)
    assert_close([float(losses[name]) for name in expected], list(expected.values()), 1e-3)
