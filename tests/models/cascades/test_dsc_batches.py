"""DSC on every kind of batch: without objects, with nothing else, without area, without boxes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import scene
import torch

from relook.config.cascades import DSCConfig
from relook.ops.cpu import switch as fast
from relook.structures.detection import Rois, Target
from relook.training.recomputing import recompute_activations

NO_BOXES = torch.zeros(0, 4)
FLAT = torch.tensor([[30.0, 30, 30, 60], [30, 30, 60, 30], [50, 50, 50, 50]])

Batch = tuple[Rois, list[Target]]


def _one_image_without_objects() -> Batch:
    return scene.proposals(), [scene.targets()[0], scene.nothing(scene.SIZES[1])]


def _no_objects() -> Batch:
    return scene.proposals(), [scene.nothing(size) for size in scene.SIZES]


def _nothing_but_objects() -> Batch:
    return Rois.cat([boxes.repeat(2, 1) for boxes in scene.OBJECTS]), scene.targets()


def _boxes_without_area() -> Batch:
    boxes = scene.proposals().per_image(scene.proposals().boxes, 2)
    return Rois.cat([torch.cat([FLAT, own]) for own in boxes]), scene.targets()


def _only_boxes_without_area() -> Batch:
    return Rois.cat([FLAT, FLAT]), [scene.nothing(size) for size in scene.SIZES]


def _no_proposals() -> Batch:
    return Rois.cat([NO_BOXES, NO_BOXES]), scene.targets()


def _nothing_at_all() -> Batch:
    return Rois.cat([NO_BOXES, NO_BOXES]), [scene.nothing(size) for size in scene.SIZES]


BATCHES = [
    _one_image_without_objects,
    _no_objects,
    _nothing_but_objects,
    _boxes_without_area,
    _only_boxes_without_area,
    _no_proposals,
    _nothing_at_all,
]
CONFIGS = {
    "reference": scene.FAST,
    "large": scene.FAST.with_(guidance__side=14),
    "paper": DSCConfig.paper().with_(guidance__side=7, box_hidden=24, mask_channels=12),
    "recomputed features": scene.FAST.with_(guidance__alignment="recompute", fuse_norm="group"),
    "no norm": scene.FAST.with_(fuse_norm="none", rows__keep_gt=False),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("make", BATCHES, ids=lambda make: make.__name__.strip("_"))
def test_losses_are_finite_and_every_parameter_has_a_gradient(
    make: Callable[[], Batch], config: DSCConfig
) -> None:
    """Processes that train together wait for ever for a gradient that one of them has not."""
    part = scene.cascade(config).train()
    found = scene.losses(part, *make())
    torch.stack(list(found.values())).sum().backward()
    assert all(loss.isfinite() for loss in found.values())
    for name, parameter in part.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for name, buffer in part.named_buffers():
        assert buffer.isfinite().all(), name


def test_batches_without_the_semantic_branch_train_too() -> None:
    part = scene.cascade(semantic=False).train()
    found = scene.losses(part, *_no_objects())
    torch.stack(list(found.values())).sum().backward()
    assert all(parameter.grad is not None for parameter in part.parameters())
    assert all(found[f"stage{t}.{name}"] == 0 for t in range(3) for name in ("guide", "box"))
    assert found["mask"] == 0


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_half_precision_gives_nearly_the_same(config: DSCConfig) -> None:
    part = scene.cascade(config).train()
    usual = scene.values(scene.losses(part))
    with torch.autocast("cpu", torch.bfloat16):
        found = scene.losses(part)
    torch.stack(list(found.values())).sum().backward()
    assert all(parameter.grad is not None for parameter in part.parameters())
    assert all(loss.dtype == torch.float32 for loss in found.values())
    for name, loss in scene.values(found).items():
        assert loss == pytest.approx(usual[name], rel=0.1, abs=0.02), name


@pytest.mark.parametrize("make", [_boxes_without_area, _only_boxes_without_area, _no_proposals])
@pytest.mark.parametrize("way", ["fast", "plain"])
def test_such_proposals_are_gone_through_when_detecting(
    make: Callable[[], Batch], way: str
) -> None:
    rois, _ = make()
    part = scene.cascade()
    if way == "plain":
        with fast.plain():
            found = scene.detections(part, rois)
    else:
        found = scene.detections(part, rois)
    for one in found:
        assert one.mask_probabilities is not None
        assert one.mask_probabilities.shape == (len(one), 28, 28)
        assert one.boxes.isfinite().all() and one.mask_probabilities.isfinite().all()
        assert (len(one) == 0) == (len(rois) == 0)


def test_proposals_without_area_do_not_disturb_the_others() -> None:
    part, rois = scene.cascade(), _boxes_without_area()[0]
    usual = scene.detections(part, max_detections=500)
    for one, other in zip(usual, scene.detections(part, rois, max_detections=500), strict=True):
        has_area = (other.boxes[:, 2] > other.boxes[:, 0]) & (other.boxes[:, 3] > other.boxes[:, 1])
        assert has_area.sum() == len(one)
        torch.testing.assert_close(other.boxes[has_area], one.boxes)
        torch.testing.assert_close(other.scores[has_area], one.scores)


def test_an_image_is_found_the_same_alone_and_beside_another() -> None:
    part = scene.cascade().eval()
    both = scene.detections(part)
    boxes = scene.proposals().per_image(scene.proposals().boxes, 2)
    for i, one in enumerate(both):
        assert one.size == (scene.SIZES[i][0] // 2, scene.SIZES[i][1] // 2)
        own = slice(i, i + 1)
        with torch.no_grad():
            (alone,) = part.detect(
                [level[own] for level in scene.pyramid()],
                scene.context()[own],
                Rois.cat([boxes[i]]),
                scene.images(scene.SIZES[own]),
                scene.LIMITS,
            )
        scene.assert_same(alone, one)


@torch.no_grad()
def test_identical_images_are_found_identical() -> None:
    part = scene.cascade().eval()
    boxes = scene.proposals().per_image(scene.proposals().boxes, 2)[0]
    first, second = part.detect(
        [level[:1].repeat(2, 1, 1, 1) for level in scene.pyramid()],
        scene.context()[:1].repeat(2, 1, 1, 1),
        Rois.cat([boxes, boxes]),
        scene.images(scene.SIZES[:1] * 2),
        scene.LIMITS,
    )
    assert len(first) == 15
    scene.assert_same(first, second, tolerance=1e-6)


def test_boxes_are_told_in_pixels_of_the_original() -> None:
    for one in scene.detections(scene.cascade()):
        height, width = one.size
        limit = torch.tensor([width, height, width, height]) + 1e-4
        assert (one.boxes >= 0).all() and (one.boxes <= limit).all()
        assert (one.boxes[:, 2] > width / 2).any()
        assert (one.scores.diff() <= 0).all()


@pytest.mark.parametrize("config", [CONFIGS["reference"], CONFIGS["paper"]], ids=["a", "b"])
@pytest.mark.parametrize("count", [1, 7, 1000])
def test_detections_do_not_depend_on_the_rois_at_a_time(config: DSCConfig, count: int) -> None:
    usual = scene.detections(scene.cascade(config))
    others = scene.detections(scene.cascade(config.with_(rows__at_a_time=count)))
    for one, other in zip(usual, others, strict=True):
        assert len(one) == 15
        scene.assert_same(one, other)


def test_a_training_that_computes_twice_has_the_same_losses_gradients_and_statistics() -> None:
    plain, saving = scene.cascade().train(), scene.cascade().train()
    # Of the detector's parts only the cascade is here.
    assert recompute_activations(saving) == 3 + 3 + 1  # type: ignore[arg-type]
    for part in (plain, saving):
        torch.stack(list(scene.losses(part).values())).sum().backward()
    theirs = plain.state_dict()
    for key, value in saving.state_dict().items():
        assert torch.equal(value, theirs[key]), key
    for (name, ours), other in zip(saving.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, other.grad, rtol=1e-4, atol=1e-6, msg=name)
