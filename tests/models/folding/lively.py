"""Detectors in which every part does something, and what it means that two detect the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from twins import twin

from relook.layers import SAConv2d
from relook.models.detector import Detector
from relook.structures.detection import Detections, Pyramid

FEW = {
    "rpn__test__candidates": 50,
    "rpn__test__proposals": 40,
    "cascade__select__max_detections": 15,
    "cascade__select__score_threshold": 0.001,
}
_STARTS_AT_IDENTITY = ("offset", "switch", "weight_diff", "context", "feedback", "fusion")


@torch.no_grad()
def shake(module: nn.Module, seed: int = 0) -> None:
    """Move what starts at the identity off it, a little, and give norms statistics.

    A random network is chaotic: with large offsets, rounding alone changes what it detects.
    """
    generator = torch.Generator().manual_seed(seed)

    def random(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    for name, parameter in module.named_parameters():
        if any(part in name for part in _STARTS_AT_IDENTITY):
            parameter += 0.003 * random(parameter)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean += 0.1 * random(norm.running_mean)
            norm.running_var *= 1 + 0.2 * random(norm.running_var).tanh()
            norm.bias += 0.1 * random(norm.bias)


@torch.no_grad()
def lively_twin(name: str, **changes: object) -> Detector:
    """A narrow detector with few proposals, and with scores and masks of some contrast."""
    detector = twin(name, **FEW, **changes).eval()
    shake(detector)
    torch.manual_seed(3)
    contrast = 0.05 if "dsc" in name else 0.2  # what guides is added to the features
    for key, parameter in detector.named_parameters():
        if key.endswith(("objectness.weight", "classify.weight", "logits.weight")):
            nn.init.normal_(parameter, std=contrast)
        elif key.endswith(("deltas.weight", "regress.weight")):
            nn.init.normal_(parameter, std=0.05)
    return detector


def lively_sac(channels: int, *args: object, bias: bool = False, **options: object) -> SAConv2d:
    """A switchable atrous convolution whose parts all take part."""
    sac = SAConv2d(channels, *args, bias=bias, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in sac.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return sac


def assert_same_features(found: Pyramid, expected: Pyramid) -> None:
    """Every map within 1e-4 of its largest value."""
    for ours, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max().item()
        assert scale > 0
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4 * scale)


def assert_same_detections(found: Detections, expected: Detections) -> None:
    """Equal counts, and one to one the same label, box and score to 1e-3, and mask."""
    assert len(found) == len(expected)
    if len(found) == 0:
        return
    distance = (found.boxes[:, None] - expected.boxes).abs().amax(-1)
    distance[found.labels[:, None] != expected.labels] = torch.inf
    partner = distance.argmin(dim=1)
    assert len(partner.unique()) == len(partner)
    one_to_one = expected.boxes[partner]
    size = max(found.size)
    torch.testing.assert_close(found.boxes, one_to_one, rtol=1e-3, atol=1e-3 * size / 100)
    torch.testing.assert_close(found.scores, expected.scores[partner], rtol=0, atol=1e-3)
    if expected.mask_probabilities is not None:
        assert found.mask_probabilities is not None
        masks = expected.mask_probabilities[partner]
        torch.testing.assert_close(found.mask_probabilities, masks, rtol=0, atol=2e-3)
