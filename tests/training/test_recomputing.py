"""Activation checkpointing of a whole detector."""

from __future__ import annotations

import copy

import torch
from torch.autograd.graph import saved_tensors_hooks

from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.models.folding import fold
from relook.structures.detection import ImageBatch, Target
from relook.training.recomputing import recompute_activations

SIDE = 96


def _detector() -> Detector:
    torch.manual_seed(0)
    return build_detector(preset("detectors-htc-tiny").with_(num_classes=2)).train()


def _batch() -> tuple[ImageBatch, list[Target]]:
    from relook.ops.masks import crop_masks

    masks = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    masks[0, 10:40, 20:50], masks[1, 50:90, 8:30] = True, True
    boxes = torch.tensor([[20.0, 10.0, 50.0, 40.0], [8.0, 50.0, 30.0, 90.0]])
    target = Target(boxes, torch.tensor([0, 1]), crop_masks(masks), seed=1)
    torch.manual_seed(1)
    sizes = ((SIDE, SIDE),)
    images = ImageBatch(torch.randn(1, 3, SIDE, SIDE), sizes, sizes, sizes, ((1.0, 1.0),))
    return images, [target]


def _step(detector: Detector) -> tuple[dict[str, float], dict[str, torch.Tensor], int]:
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = detector.loss(*_batch())
        total = torch.stack(list(losses.values())).sum()
    size = sum(kept.values())
    total.backward()
    gradients = {n: p.grad for n, p in detector.named_parameters() if p.grad is not None}
    return {name: float(value.detach()) for name, value in losses.items()}, gradients, size


def test_losses_and_gradients_are_the_same_from_less() -> None:
    plain, saving = _detector(), _detector()
    assert recompute_activations(saving) > 20
    losses, gradients, size = _step(plain)
    ours, our_gradients, our_size = _step(saving)
    assert losses == ours
    assert gradients.keys() == our_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(our_gradients[name], gradient, rtol=1e-4, atol=1e-5, msg=name)
    assert our_size < 0.6 * size


def test_copies_and_folded_copies_stand_on_their_own() -> None:
    detector = _detector().eval()
    images, _ = _batch()
    before = [d.scores for d in detector.detect(images)]
    recompute_activations(detector)
    twin, folded = copy.deepcopy(detector), fold(detector)
    with torch.no_grad():
        for parameter in detector.parameters():
            parameter.zero_()
    assert torch.equal(twin.detect(images)[0].scores, before[0])
    heads = (
        folded.cascade.get_submodule("mask_heads.0"),
        detector.cascade.get_submodule("mask_heads.0"),
    )
    assert "features" not in vars(heads[0]) and "features" in vars(heads[1])
