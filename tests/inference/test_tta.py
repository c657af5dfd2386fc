"""Test-time augmentation: merges of views, on real microscope images and small networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import relook
from relook import TTA, Detector
from relook.inference.predictor import Predictor
from relook.inference.tta import merge_views, turned_back
from relook.inference.twins import count_twins
from relook.inference.views import View, views_of
from relook.ops.boxes import pairwise_iou
from relook.structures.detection import Detections

from ..narrow_models import BOXES_ONLY, detector_of, narrow_config

NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei" / "images"
KINDS = ("detectors-htc-tiny", "fast-dsc-tiny", "cascade-boxes")
MEAN, STD = (120.0, 115.0, 105.0), (58.0, 57.0, 57.0)


@pytest.fixture(scope="module")
def image() -> np.ndarray[Any, Any]:
    with Image.open(sorted(NUCLEI.glob("*"))[3]) as whole:
        return np.asarray(whole.convert("RGB"))[:96, :128]


def _detector(kind: str) -> Detector:
    boxes_only = kind == "cascade-boxes"
    config = narrow_config(
        "htc-tiny" if boxes_only else kind, num_classes=3, semantic=None, rpn__test__proposals=40
    )
    if boxes_only:
        config = config.with_(**BOXES_ONLY)
    detector = detector_of(config).eval()
    with torch.no_grad():
        for name, parameter in detector.named_parameters():
            if name.endswith(("objectness.weight", "classify.weight", "logits.weight")):
                parameter.normal_(std=0.1)
    return detector


def _views(image: np.ndarray[Any, Any], tta: TTA) -> list[View]:
    return views_of(image, tta, (128, 96), MEAN, STD)


def _detect(detector: Detector, image: np.ndarray[Any, Any], tta: TTA) -> Detections:
    return _merged(detector, _views(image, tta), tta)


def _merged(detector: Detector, views: list[View], tta: TTA, most: int = 30) -> Detections:
    """The merge of several views; of one, its own detections."""
    if len(views) == 1:
        (found,) = detector.detect(views[0].images, max_detections=most)
        return turned_back(found, views[0])
    cascade: Any = detector.cascade
    return merge_views(detector, views, tta, cascade.select.changed(None, most))


def _assert_same(found: Detections, expected: Detections, tolerance: float = 1e-3) -> None:
    assert len(found) == len(expected) > 3
    distance = (found.boxes[:, None] - expected.boxes).abs().amax(-1)
    distance[found.labels[:, None] != expected.labels] = torch.inf
    partner = distance.argmin(dim=1)
    assert len(partner.unique()) == len(partner)
    close: dict[str, float] = {"rtol": 1e-3, "atol": tolerance}
    torch.testing.assert_close(found.boxes, expected.boxes[partner], **close)
    torch.testing.assert_close(found.scores, expected.scores[partner], **close)
    if expected.mask_probabilities is None:
        assert found.mask_probabilities is None
    else:
        assert found.mask_probabilities is not None
        torch.testing.assert_close(
            found.mask_probabilities, expected.mask_probabilities[partner], **close
        )


def _turned(found: Detections) -> Detections:
    """What is found, in the mirror."""
    width = found.size[1]
    boxes = found.boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor(
        [width, 0, width, 0]
    )
    masks = found.mask_probabilities
    masks = None if masks is None else masks.flip(-1)
    return Detections(boxes, found.scores, found.labels, masks, found.size, found.paste)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [96, 128])
def test_one_view_alone_is_the_plain_result(
    kind: str, scale: int, image: np.ndarray[Any, Any]
) -> None:
    detector = _detector(kind)
    (view,) = _views(image, TTA((scale,)))
    (plain,) = detector.detect(view.images, max_detections=30)
    _assert_same(_detect(detector, image, TTA((scale,))), plain, 0)
    _, flipped = _views(image, TTA((scale,), flip=True))
    (there,) = detector.detect(flipped.images, max_detections=30)
    back = _merged(detector, [flipped], TTA())
    _assert_same(back, _turned(there), 1e-4)


@pytest.mark.parametrize("merge", ["union", "average"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mirror_of_an_image_gives_the_mirror_of_the_merge(
    kind: str, merge: Any, image: np.ndarray[Any, Any]
) -> None:
    detector, tta = _detector(kind), TTA(flip=True, merge=merge)
    found = _detect(detector, image, tta)
    mirror = _detect(detector, np.ascontiguousarray(image[:, ::-1]), tta)
    _assert_same(mirror, _turned(found))


@pytest.mark.parametrize("merge", ["union", "average"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_view_twice_is_the_view_once(kind: str, merge: Any, image: np.ndarray[Any, Any]) -> None:
    """Of equal detections one suppresses the other, and means of equals are the same.

    DSC runs its iterations once more on the merged boxes, so its masks may differ.
    """
    detector, tta = _detector(kind), TTA(merge=merge)
    (view,) = _views(image, tta)
    once = _merged(detector, [view], tta)
    twice = _merged(detector, [view, view], tta)
    if "dsc" in kind:
        once, twice = (Detections(d.boxes, d.scores, d.labels, None, d.size) for d in (once, twice))
    _assert_same(twice, once)


def test_a_union_holds_the_best_of_every_view(image: np.ndarray[Any, Any]) -> None:
    """By hand: all detections of both views, each kept unless a better one of its class overlaps
    it by more than half."""
    detector, tta = _detector("cascade-boxes"), TTA((96, 128))
    each = [_merged(detector, [view], tta) for view in _views(image, tta)]
    boxes = torch.cat([one.boxes for one in each])
    scores, labels = torch.cat([d.scores for d in each]), torch.cat([d.labels for d in each])
    kept: list[int] = []
    for row in scores.argsort(descending=True, stable=True).tolist():
        same = [k for k in kept if labels[k] == labels[row]]
        if not same or pairwise_iou(boxes[[row]], boxes[same]).max() <= 0.5:
            kept.append(row)
    found = _detect(detector, image, tta)
    torch.testing.assert_close(found.scores, scores[kept][:30])
    torch.testing.assert_close(found.boxes, boxes[kept][:30])


def test_masks_are_the_mean_over_the_views(image: np.ndarray[Any, Any]) -> None:
    detector, tta = _detector("detectors-htc-tiny"), TTA(flip=True)
    found = _detect(detector, image, tta)
    parts: list[Tensor] = []
    cascade: Any = detector.cascade
    for view in _views(image, tta):
        first = detector.look(view.images)
        rois = relook.structures.detection.Rois.cat([view.from_original(found.boxes, 0)])
        masks = cascade.mask_probabilities(
            first.pyramid, first.context, rois, found.labels, view.images
        )
        parts.append(masks.flip(-1) if view.flipped else masks)
    assert found.mask_probabilities is not None
    torch.testing.assert_close(found.mask_probabilities, torch.stack(parts).mean(0))


def test_soft_suppression_lowers_scores_in_place_of_dropping(
    image: np.ndarray[Any, Any],
) -> None:
    detector = _detector("cascade-boxes")
    views = _views(image, TTA((96, 128)))
    hard, soft = (
        _merged(detector, views, TTA(suppression=method), 500) for method in ("nms", "soft_nms")
    )
    assert len(soft) > len(hard)
    assert set(hard.scores.tolist()) - set(soft.scores.tolist()) == set()


def test_a_predictor_takes_it(image: np.ndarray[Any, Any]) -> None:
    model = relook.load("nuclei", device="cpu")
    options: Any = {"size": (256, 192)}
    plain, augmented = model.predict(image, **options), model.predict(image, tta="flip", **options)
    again = model.predict(np.ascontiguousarray(image[:, ::-1]), tta=TTA(flip=True), **options)
    assert len(augmented) and not np.array_equal(plain.scores, augmented.scores)
    np.testing.assert_allclose(np.sort(again.scores), np.sort(augmented.scores), atol=1e-3)
    several = model.predict([image, image], tta="flip", batch_size=2, **options)
    np.testing.assert_array_equal(several[0].scores, augmented.scores)
    assert isinstance(model, Predictor)


@pytest.mark.parametrize("tta", [TTA((96,)), TTA((96,), flip=True), TTA((96,), True, "average")])
def test_with_agnostic_no_object_is_found_as_two_classes(
    tta: TTA, image: np.ndarray[Any, Any]
) -> None:
    detector = _detector("htc-tiny")
    cascade: Any = detector.cascade
    views = _views(image, tta)

    def found(agnostic: bool) -> Detections:
        if len(views) == 1:
            return detector.detect(views[0].images, max_detections=90, agnostic=agnostic)[0]
        rule = cascade.select.changed(None, 90, agnostic=agnostic)
        return merge_views(detector, views, tta, rule)

    plain, alone = found(False), found(True)
    counts = [count_twins(one.boxes.numpy(), one.labels.numpy()) for one in (plain, alone)]
    assert counts[0] > 0 and counts[1] == 0
    assert len(alone) > 3
    assert torch.equal(alone.boxes[0], plain.boxes[0])
