"""The detector: dispatch, modes, overrides and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from relook.errors import ModelError
from relook.models.detector import Detector
from relook.models.rpn.rpn import proposed
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target

from ..narrow_models import detector_of, narrow_config


def _detector(**changes: Any) -> Detector:
    return detector_of(narrow_config("detectors-htc-tiny", **changes))


def _images(height: int = 96, width: int = 96) -> ImageBatch:
    torch.manual_seed(1)
    size = ((height, width),)
    return ImageBatch(torch.randn(1, 3, height, width), size, size, size, ((1.0, 1.0),))


def _target(semantic: bool = True) -> Target:
    masks = torch.zeros(1, 96, 96, dtype=torch.bool)
    masks[0, 20:50, 20:50] = True
    labels = (~masks[0]).to(torch.uint8) if semantic else None
    boxes = torch.tensor([[20.0, 20, 50, 50]])
    return Target(boxes, torch.zeros(1).long(), crop_masks(masks), labels)


def test_forward_only_dispatches() -> None:
    detector = _detector()
    torch.manual_seed(3)
    called = detector(_images(), [_target()])
    torch.manual_seed(3)
    asked = detector.loss(_images(), [_target()])
    assert called == asked
    found, again = detector(_images())[0], detector.detect(_images())[0]
    assert torch.equal(found.boxes, again.boxes)


def test_detection_does_not_depend_on_the_training_mode_and_keeps_no_graph() -> None:
    detector = _detector()
    in_training = detector.train().detect(_images())[0]
    in_evaluation = detector.eval().detect(_images())[0]
    assert torch.equal(in_training.boxes, in_evaluation.boxes)
    assert not in_training.scores.requires_grad
    assert set(detector.eval().loss(_images(), [_target()])) == {
        "rpn.objectness",
        "rpn.box",
        "semantic",
        *(f"stage{i}.{name}" for i in range(3) for name in ("class", "box", "mask")),
    }


def test_threshold_and_limit_can_be_overridden_per_call() -> None:
    detector = _detector(cascade__select__score_threshold=0.0, cascade__select__max_detections=7)
    assert len(detector.detect(_images())[0]) == 7
    assert len(detector.detect(_images(), max_detections=3)[0]) == 3
    assert len(detector.detect(_images(), score_threshold=1.0)[0]) == 0


@pytest.mark.parametrize(("most", "crowd"), [(None, 0), (7, 0), (8, 16), (100, 200)])
def test_a_higher_cap_raises_what_is_in_its_way(most: int | None, crowd: int) -> None:
    """And nothing at the model's own cap of 7 or below: its numbers stay."""
    detector = _detector(
        cascade__select__max_detections=7, rpn__test__proposals=30, rpn__test__candidates=50
    )
    assert detector.crowd(most) == crowd
    for bias in (-4.0, 4.0):  # nothing is an object, and everything is
        torch.nn.init.constant_(detector.rpn.objectness.bias, bias)
        first = detector.look(_images(), max_detections=most)
        assert 30 <= len(first.proposals) <= max(30, crowd)
        assert (len(first.proposals) > 30) == (crowd > 30 and bias > 0)


def test_proposals_of_a_crowd_look_like_objects() -> None:
    scores = torch.tensor([0.9, 0.8, 0.7, 0.5, 0.49, 0.1])
    assert proposed(scores, 2).tolist() == [0, 1]
    assert proposed(scores, 2, crowd=3).tolist() == [0, 1, 2]
    assert proposed(scores, 2, crowd=9).tolist() == [0, 1, 2, 3]
    assert proposed(scores, 5, crowd=6).tolist() == [0, 1, 2, 3, 4]  # the usual ones in any case
    assert proposed(scores, 9, crowd=3).tolist() == list(range(6))


def test_the_semantic_loss_is_weighted_and_zero_without_a_map() -> None:
    detector = _detector()
    loss = detector.loss(_images(), [_target()])["semantic"]
    assert detector.semantic is not None
    rule = detector.semantic.rule
    detector.semantic.rule = replace(rule, loss_weight=2 * rule.loss_weight)
    torch.testing.assert_close(detector.loss(_images(), [_target()])["semantic"], 2 * loss)
    assert detector.loss(_images(), [_target(semantic=False)])["semantic"] == 0
    assert "semantic" not in _detector(semantic=None).loss(_images(), [_target()])


@pytest.mark.parametrize("size", [(96, 100), (70, 96)])
def test_sizes_that_do_not_line_up_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="multiples of 32") as caught:
        _detector().detect(_images(*size))
    assert caught.value.code == "M05"


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ModelError, match="batch of 0 images"):
        _detector().detect(ImageBatch(torch.zeros(0, 3, 96, 96), (), (), (), ()))
