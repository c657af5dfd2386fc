"""When a detector is folded anew."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from lively import assert_same_detections, lively_twin
from torch import nn
from twins import batch

from relook.models.detector import Detector
from relook.models.folding import FoldedCopy
from relook.ops.cpu import switch as fast

IMAGES = batch((64, 64))


@pytest.fixture
def detector() -> Detector:
    return lively_twin("htc-r50", backbone__blocks=(1, 1, 1, 1))


def _step(optimizer: Callable[..., torch.optim.Optimizer], **options: Any) -> Any:
    def change(detector: Detector) -> None:
        made = optimizer([p for p in detector.parameters() if p.requires_grad], lr=0.01, **options)
        for group in made.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        made.step()

    return change


def _in_place(detector: Detector) -> None:
    with torch.no_grad():
        detector.rpn.conv.weight *= 1.5


def _statistics(detector: Detector) -> None:
    features: Any = detector.features
    next(m for m in features.modules() if isinstance(m, nn.BatchNorm2d)).running_mean.add_(0.5)


def _assigned(detector: Detector) -> None:
    state = {key: value.clone() * 1.01 for key, value in detector.state_dict().items()}
    detector.load_state_dict(state, assign=True)


def _replaced(detector: Detector) -> None:
    detector.rpn.objectness.weight = nn.Parameter(detector.rpn.objectness.weight * 1.5)


def _module(detector: Detector) -> None:
    detector.rpn.conv = nn.Sequential(detector.rpn.conv, nn.Hardtanh())  # type: ignore[assignment]


def _data(detector: Detector) -> None:
    for _ in range(4):  # at one of these turns the first address is likely to be used again
        weight = detector.rpn.conv.weight
        weight.data = weight.data * 1.1


def _through_data(detector: Detector) -> None:
    detector.rpn.conv.weight.data.mul_(1.5)


def _attribute(detector: Detector) -> None:
    cascade: Any = detector.cascade
    cascade.num_classes = 1


def _rule(detector: Detector) -> None:
    cascade: Any = detector.cascade
    cascade.select = replace(cascade.select, nms_iou=0.2)


CHANGES: dict[str, Callable[[Detector], Any]] = {
    "in place": _in_place,
    "statistics": _statistics,
    "load_state_dict": lambda d: d.load_state_dict(
        {key: value * 1.01 for key, value in d.state_dict().items()}
    ),
    "load_state_dict, assigned": _assigned,
    "parameter replaced": _replaced,
    "module replaced": _module,
    "data replaced": _data,
    "through data": _through_data,
    "attribute": _attribute,
    "rule": _rule,
    "SGD": _step(torch.optim.SGD, momentum=0.9, foreach=False),
    "SGD, foreach": _step(torch.optim.SGD, foreach=True),
    "SGD, fused": _step(torch.optim.SGD, fused=True),
    "AdamW": _step(torch.optim.AdamW, foreach=True),
    "AdamW, fused": _step(torch.optim.AdamW, fused=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_the_copy(detector: Detector, change: str) -> None:
    current = FoldedCopy()
    before = current.of(detector)
    CHANGES[change](detector)
    after = current.of(detector)
    assert after is not before
    with fast.plain():
        (expected,) = detector.detect(IMAGES)
    (found,) = after.detect(IMAGES)
    assert_same_detections(found, expected)
    assert current.of(detector) is after


def test_without_a_change_the_copy_stays(detector: Detector) -> None:
    current = FoldedCopy()
    one = current.of(detector)
    detector.detect(IMAGES)
    one.detect(IMAGES)
    detector.train()
    detector.eval()
    detector.requires_grad_(False)
    detector.state_dict()
    assert current.of(detector) is one


def test_another_detector_gets_another_copy(detector: Detector) -> None:
    current = FoldedCopy()
    one = current.of(detector)
    assert current.of(copy.deepcopy(detector)) is not one


def test_weights_of_inference_mode_can_be_folded() -> None:
    with torch.inference_mode():
        detector = lively_twin("htc-tiny")
        current = FoldedCopy()
        assert current.of(detector) is current.of(detector)


def test_threads_get_copies_of_the_weights_as_they_are(detector: Detector) -> None:
    current, found, failed = FoldedCopy(), [], []
    barrier = threading.Barrier(4)

    def work() -> None:
        try:
            barrier.wait()
            found.extend(current.of(detector).detect(IMAGES)[0] for _ in range(3))
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(found) == 12
    with fast.plain():
        (expected,) = detector.detect(IMAGES)
    for one in found:
        assert_same_detections(one, expected)
