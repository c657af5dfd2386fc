"""Rows, gradients and statistics of DSC; its numbers are compared with the authors' in parity."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import scene
import torch
from torch import Tensor, nn

from relook.config.cascades import DSCConfig
from relook.models.cascades import dsc
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.cascades.guidance import GuidanceState, frames_of
from relook.models.cascades.steps import Selected
from relook.ops.frames import enlarge
from relook.structures.detection import Rois

from ...narrow_models import detector_of, narrow_config

PAPER = DSCConfig.paper().with_(guidance__side=7, box_hidden=24, mask_channels=12)


def _norms(part: nn.Module) -> dict[str, nn.BatchNorm2d]:
    return {n: m for n, m in part.named_modules() if isinstance(m, nn.BatchNorm2d)}


class _Watched:
    """What a cascade matches and what it sees, iteration by iteration."""

    def __init__(self, part: ShapeGuidedCascade, monkeypatch: pytest.MonkeyPatch) -> None:
        self.matched: list[tuple[Rois, Tensor]] = []  # from the second iteration on
        self.thresholds: list[float] = []
        self.seen: list[tuple[Rois, Tensor]] = []  # RoIs and their frames
        self.carried: list[Tensor | None] = []  # the frames before
        match, guide = part._match, part._guide

        def matching(rois: Rois, is_gt: Tensor, targets: Any, iou: float) -> Any:
            self.matched.append((rois, is_gt))
            self.thresholds.append(iou)
            return match(rois, is_gt, targets, iou)

        def guiding(t: int, pyramid: Any, context: Any, rois: Rois, before: Any, i: Any) -> Any:
            self.carried.append(None if before is None else before.frames)
            seen, shapes = guide(t, pyramid, context, rois, before, i)
            self.seen.append((rois, seen.frames))
            return seen, shapes

        monkeypatch.setattr(part, "_match", matching)
        monkeypatch.setattr(part, "_guide", guiding)


def test_losses_are_named_and_weighted() -> None:
    stages = scene.FAST.stages
    names = [f"stage{t}.{loss}" for t in range(3) for loss in ("guide", "class", "box")]
    plain = scene.cascade()
    once = scene.losses(plain)
    assert list(once) == [*names, "mask"]
    tripled = replace(stages[1], class_weight=3.0, box_weight=1.5, guide_weight=3.0)
    thrice = scene.losses(
        scene.changed(plain, scene.FAST.with_(stages=(stages[0], tripled, stages[2])))
    )
    for name, loss in once.items():
        factor = 3 if name.startswith("stage1") else 1
        torch.testing.assert_close(thrice[name], factor * loss, msg=name)


@pytest.mark.parametrize("alignment", ["none", "relative"])
@pytest.mark.parametrize("at_a_time", [5, 128])
def test_the_final_mask_sees_the_features_of_its_own_row(
    alignment: str, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row's features say which row they are of, through all iterations and suppression."""
    config = scene.FAST.with_(
        guidance__alignment=alignment, rows__at_a_time=at_a_time, guidance__implicit=False
    )
    part = scene.cascade(config).eval()
    given: list[int] = []
    chosen: list[Selected] = []
    shown: list[Tensor] = []

    def tagging(pooled: Tensor, carried: Tensor | None = None) -> Tensor:
        tags = torch.arange(len(given), len(given) + len(pooled)) + 1.0
        given.extend(tags.int().tolist())
        return tags.view(-1, 1, 1, 1).expand(-1, 12, 7, 7)

    def passing(pooled: Tensor, carried: Tensor | None = None) -> Tensor:
        assert carried is not None
        return carried.amax((1, 2, 3), keepdim=True).expand(-1, 12, 7, 7)

    def looking(pooled: Tensor, carried: Tensor | None = None) -> Tensor:
        assert carried is not None
        shown.append(carried.amax((1, 2, 3)))
        return pooled[:, :12]

    def selecting(*args: Any, **kwargs: Any) -> Selected:
        chosen.append(select(*args, **kwargs))
        return chosen[-1]

    select = dsc.select
    monkeypatch.setattr(dsc, "select", selecting)
    first, *others = part.guidance_heads
    monkeypatch.setattr(first, "features", tagging)
    for head in others:
        monkeypatch.setattr(head, "features", passing)
    monkeypatch.setattr(part.mask_head, "features", looking)
    found = scene.detections(part)
    start = 0
    for i, (selected, tags, one) in enumerate(zip(chosen, shown, found, strict=True)):
        assert len(one) == 15 and len(selected.rows.unique()) > 5
        torch.testing.assert_close(tags, start + selected.rows + 1.0)
        start += int((scene.proposals().image_index == i).sum())
    assert len(given) == start


@pytest.mark.parametrize("alignment", ["none", "relative", "recompute"])
def test_the_order_of_proposals_does_not_matter(alignment: str) -> None:
    part, rois = scene.cascade(scene.FAST.with_(guidance__alignment=alignment)), scene.proposals()
    straight = scene.detections(part)
    order = torch.cat([rows.flip(0) for rows in rois.per_image(torch.arange(len(rois)), 2)])
    shuffled = scene.detections(part, rois[order])
    for one, other in zip(straight, shuffled, strict=True):
        assert len(one) == 15
        scene.assert_same(one, other)


def test_box_losses_train_the_mask_that_guides_them_unless_detached() -> None:
    for detach in (False, True):
        part = scene.cascade(scene.FAST.with_(guidance__detach=detach, guidance__implicit=False))
        scene.losses(part)["stage0.class"].backward()
        gradients = [p.grad for p in part.guidance_heads[0].parameters()]
        if detach:
            assert all(grad is None for grad in gradients)
        else:
            assert all(grad is not None and grad.any() for grad in gradients)


def test_implicit_guidance_is_trained_also_where_the_mask_is_detached() -> None:
    part = scene.cascade(scene.FAST.with_(guidance__detach=True))
    scene.losses(part)["stage0.class"].backward()
    head = part.guidance_heads[0]
    assert head.logits.weight.grad is None and head.upsample.weight.grad is None
    assert all(p.grad is not None and p.grad.any() for p in head.convs.parameters())


@pytest.mark.parametrize("flow", [True, False])
def test_later_masks_train_earlier_heads_through_what_is_carried(flow: bool) -> None:
    part = scene.cascade(scene.FAST.with_(guidance__mask_flow=flow))
    found = scene.losses(part)
    found["stage1.guide"].backward(retain_graph=True)
    head = part.guidance_heads[0]
    assert head.logits.weight.grad is None
    reached = [p.grad is not None and bool(p.grad.any()) for p in head.convs.parameters()]
    assert all(reached) if flow else not any(reached)
    found["mask"].backward()
    last = [p.grad is not None for p in part.guidance_heads[2].convs.parameters()]
    assert all(last) if flow else not any(last)


def test_boxes_pass_no_gradient() -> None:
    part, rois = scene.cascade(), scene.proposals()
    rois.boxes.requires_grad_()
    found = scene.losses(part, rois)
    found["stage2.class"].backward(retain_graph=True)
    assert part.box_heads[0].regress.weight.grad is None
    assert part.box_heads[1].regress.weight.grad is None
    torch.stack(list(found.values())).sum().backward()
    assert rois.boxes.grad is None


@pytest.mark.parametrize("config", [scene.FAST, PAPER], ids=["reference", "paper"])
def test_rows_stay_and_objects_boxes_are_not_moved(
    config: DSCConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = scene.cascade(config.with_(rows__mask_iou=0.8))
    watched = _Watched(part, monkeypatch)
    scene.losses(part)
    (first, _), *_ = watched.seen
    assert len(first) == len(scene.proposals()) + 3
    assert len(watched.seen) == len(watched.matched) == 3
    assert watched.carried[0] is None
    for (_, frames), carried in zip(watched.seen, watched.carried[1:], strict=False):
        assert carried is frames
    assert watched.thresholds == [0.6, 0.7, 0.8]
    for rois, is_gt in watched.matched:
        assert torch.equal(rois.image_index, first.image_index)
        moved = (rois.boxes - first.boxes).abs()
        assert is_gt.sum() == 3
        torch.testing.assert_close(rois.boxes[is_gt], torch.cat(scene.OBJECTS), rtol=0, atol=1e-3)
        assert (moved[~is_gt].amax(1) > 0.5).float().mean() > 0.5


def test_objects_boxes_are_moved_where_they_are_not_frozen(monkeypatch: Any) -> None:
    part = scene.cascade(scene.FAST.with_(rows__freeze_gt=False))
    watched = _Watched(part, monkeypatch)
    scene.losses(part)
    rois, is_gt = watched.matched[-1]
    assert is_gt.sum() == 3
    assert ((rois.boxes[is_gt] - torch.cat(scene.OBJECTS)).abs().amax(1) > 0.5).all()


def test_objects_boxes_can_be_left_out_after_the_first_iteration(monkeypatch: Any) -> None:
    part = scene.cascade(scene.FAST.with_(rows__keep_gt=False))
    watched = _Watched(part, monkeypatch)
    scene.losses(part)
    count = len(scene.proposals())
    assert [len(rois) for rois, _ in watched.seen] == [count + 3, count, count]
    assert not any(is_gt.any() for _, is_gt in watched.matched)
    (first, frames), *_ = watched.seen
    own = (first.boxes[:, None] == torch.cat(scene.OBJECTS)).all(-1).any(-1)
    assert own.sum() == 3 and watched.carried[1] is not None
    assert torch.equal(watched.carried[1], frames[~own])


def test_training_updates_the_statistics_of_every_projection_once_and_predicting_none() -> None:
    part = scene.cascade().train()
    assert part.guidance_heads[0].carry is None
    before = {n: m.running_mean.clone() for n, m in _norms(part).items()}  # type: ignore[union-attr]
    assert len(before) == 2 + 3 + 1
    scene.losses(part)
    for name, norm in _norms(part).items():
        assert norm.num_batches_tracked == 1, name
        assert not torch.equal(norm.running_mean, before[name]), name  # type: ignore[arg-type]
    kept = {k: v.clone() for k, v in part.state_dict().items()}
    scene.detections(part)
    assert all(torch.equal(v, kept[k]) for k, v in part.state_dict().items())


def test_training_updates_no_statistics_of_the_backbone() -> None:
    detector = detector_of(narrow_config("dsc-tiny", backbone__norm="fixed_batch")).train()
    before = {name: value.clone() for name, value in detector.named_buffers()}
    detector.loss(scene.images(), [scene.nothing(size) for size in scene.SIZES])
    changed = {n for n, value in detector.named_buffers() if not torch.equal(value, before[n])}
    assert any("features" in name for name in before)
    assert changed and all(name.startswith("cascade.") for name in changed)


def test_predicting_takes_the_stored_statistics() -> None:
    """A row's result would otherwise depend on the rows beside it."""
    part = scene.cascade()
    plain = scene.detections(part)
    for norm in _norms(part).values():
        assert norm.running_var is not None
        norm.running_var.fill_(9.0)
    assert not torch.equal(scene.detections(part)[0].scores, plain[0].scores)


def test_new_frames_lie_in_the_ones_before_and_in_their_own_image(monkeypatch: Any) -> None:
    for config, inside in ((PAPER, True), (scene.FAST, False)):
        part = scene.cascade(config).eval()
        watched = _Watched(part, monkeypatch)
        scene.detections(part)
        first, second = watched.seen[:3], watched.seen[3:]
        for size, run in zip(scene.SIZES, (first, second), strict=True):
            limit = torch.tensor([0.0, 0, -size[1], -size[0]])
            sign = torch.tensor([1.0, 1, -1, -1])
            edges = [frames * sign for _, frames in run]  # larger is further in
            in_image = all((e >= limit - 1e-3).all() for e in edges)
            in_previous = all((b >= a - 1e-3).all() for a, b in pairwise(edges))
            assert in_image == in_previous == inside


def test_a_clipped_frame_shrinks_and_moves_its_box() -> None:
    part = scene.cascade(PAPER)
    box, frame = torch.tensor([[11.0, 7, 19, 15]]), torch.tensor([[5.0, 5, 25, 17]])
    seen = GuidanceState(torch.zeros(1, 12, 7, 7), frame)
    rois, still, images = Rois.cat([box]), torch.zeros(1, 4), scene.images(scene.SIZES[:1])
    moved = part._refine(0, rois, still, seen, images)
    expected = torch.tensor([[11.0, 7.2264151, 19.0, 14.7735849]])
    torch.testing.assert_close(moved.boxes, expected)
    again = frames_of(moved, part.ratios[1], images, part.guidance)
    torch.testing.assert_close(again.boxes, torch.tensor([[8.64, 5, 21.36, 17]]))
    frozen = part._refine(0, rois, still, seen, images, torch.ones(1).bool())
    assert torch.equal(frozen.boxes, box)


def test_frames_of_the_reference_are_not_clipped(monkeypatch: Any) -> None:
    part = scene.cascade()
    watched = _Watched(part, monkeypatch)
    scene.losses(part)
    for (rois, frames), ratio in zip(watched.seen, (2.0, 1.59, 1.26), strict=True):
        assert torch.equal(frames, enlarge(rois.boxes, ratio))
    assert (watched.seen[0][1] < 0).any()
