"""Random weights under which a detector has the load of a trained one.

Under plain random weights every proposal comes from one pyramid level, no offset is ever bent
and the classifier passes all pairs of box and class or none, so that suppression is timed on
noise. Here one image goes through the network, and each layer that decides how much work follows
is scaled on the way: norms to its statistics, logits and deltas to the spread of a trained model,
pyramid levels to comparable scores, the background's bias to a wanted number of candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from relook.layers import SAConv2d
from relook.models.backbones.resnet import Bottleneck
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.models.pyramids.rfp import GatedFusion
from relook.ops.roi_align import pyramid_level
from relook.structures.detection import ImageBatch

CANDIDATES = 200  # pairs of box and class above the score threshold in one image
_RANKS = (300, 300, 250, 250)  # of P2 to P5; suppression leaves fewer
_ROUNDS = 4
_LARGEST_FACTOR = 3.0  # what is far too large squares itself in the switches of the next look
_MOVES = (0.1, 0.1, 0.5, 0.5), (0.0, 0.0, 1.0, 1.0)  # deviations and means of RPN's deltas
# What a block adds, over what it passes on. With 0.3 a change of the pixels in their last bit
# changes the features of `detectors-htc-r50` by 2e-4 of their largest value, with 0.1 by 3e-6:
# two ways of computing the same could otherwise not be compared.
_BRANCH = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What the cascade of a detector is given for one image."""

    proposals: Tensor  # (R, 4)
    logits: Tensor  # (R, K + 1), the mean over the stages, as detections are scored by

    def levels(self) -> list[int]:
        """How many proposals are pooled from each of P2 to P5."""
        return torch.bincount(pyramid_level(self.proposals, 4), minlength=4).tolist()


@torch.no_grad()
def realistic_detector(
    config: Any, image: ImageBatch, candidates: int = CANDIDATES, seed: int = 0
) -> tuple[Detector, Load]:
    """A detector in evaluation mode that finds about `candidates` pairs in the one `image`.

    Other images of about that size have a similar load, others sizes less so: on small maps most
    of what dilated kernels sample lies outside and is zero.
    """
    torch.manual_seed(seed)
    detector = build_detector(config).eval()
    wake(detector)
    handles = list(_settling(detector))
    _level(detector, image.pixels)
    detector.detect(image)
    for handle in handles:
        handle.remove()
    load = load_of(detector, image)
    cascade: Any = detector.cascade
    shift = background_shift(load.logits, cascade.select.score_threshold, candidates)
    for head in cascade.box_heads:
        head.classify.bias[cascade.num_classes] += shift
    return detector, load


def wake(detector: nn.Module) -> None:
    """Move everything that starts at identity: switches, offsets, contexts, feedback, fusion.

    What is frozen in both looks stays equal in both, as it is in trained checkpoints.
    """
    for module in detector.modules():
        if isinstance(module, SAConv2d):
            channels = module.in_channels
            module.weight_diff.normal_(std=0.2 * float(module.weight.std()))
            for context in (module.pre_context, module.post_context):
                if context is not None:
                    context.weight.normal_(std=0.2 * channels**-0.5)
            for layer in (module.switch, module.offset_near, module.offset_far):
                if layer is not None:
                    layer.weight.normal_()  # how much is settled later
        if isinstance(module, GatedFusion):
            module.weight.normal_()
        if isinstance(module, Bottleneck):
            module.bn3.weight.fill_(_BRANCH)
            if module.feedback is not None:
                module.feedback.weight.normal_()


def frozen_look_is_shared(detector: Detector) -> bool | None:
    """Whether stem and first stage of every look have equal tensors; None with one look."""
    looks = getattr(detector.features, "backbones", None)
    if looks is None:
        return None
    parts = [
        {
            name: value
            for name, value in look.state_dict().items()
            if name.split(".")[0] in {"conv1", "bn1", "layer1"}
        }
        for look in looks
    ]
    return all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
        for a, b in pairwise(parts)
    )


def _settling(detector: Detector) -> Iterator[torch.utils.hooks.RemovableHandle]:
    """Hooks: norms settle whenever they run, layers only once, the first time.

    Switches move little: they multiply what they are computed from, so that in a deep network
    anything that is a little too large would square itself from layer to layer.
    """
    fpn: Any = detector.features.fpn
    cascade: Any = detector.cascade
    anchors = len(detector.rpn.anchors.ratios)
    deviations, means = (torch.tensor(values).repeat(anchors) for values in _MOVES)
    spreads: list[tuple[nn.Module, float | Tensor, float | Tensor]] = [
        *((layer, 1.0, 0.0) for layer in fpn.outputs),
        (detector.rpn.objectness, 1.0, 0.0),
        (detector.rpn.deltas, deviations, means),
        *((head.classify, 3.0, 0.0) for head in cascade.box_heads),
        *((head.regress, 0.2, 0.0) for head in cascade.box_heads),
        *((head.logits, 1.0, 1.0) for head in _mask_heads(cascade)),
    ]
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            yield module.register_forward_pre_hook(_settle_norm)
        if isinstance(module, SAConv2d):
            spreads.append((module.switch, 0.1, 0.5))
            offsets = [o for o in (module.offset_near, module.offset_far) if o is not None]
            spreads += [(offset, 1.0, 0.0) for offset in offsets]  # pixels
        if isinstance(module, GatedFusion):
            spreads.append((module, 1.0, 0.0))
        if isinstance(module, Bottleneck) and module.feedback is not None:
            spreads.append((module.feedback, _BRANCH, 0.0))
    for layer, deviation, mean in spreads:
        settled: list[bool] = []
        yield layer.register_forward_hook(partial(_settle_layer, settled, deviation, mean))


def _mask_heads(cascade: Any) -> list[Any]:
    """All of them, those that guide first."""
    if hasattr(cascade, "guidance_heads"):
        return [*cascade.guidance_heads, cascade.mask_head]
    return list(cascade.mask_heads)


def _settle_norm(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    """Store the statistics of what comes in, as ImageNet's are in a trained model.

    Few images say little about the spread of a channel, so a share of its squared mean counts
    as variance: another image then moves it by a few deviations and not by hundreds.
    """
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    assert norm.running_var is not None
    mean = given[0].mean((0, 2, 3))
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(given[0].var((0, 2, 3)) + 0.2 * mean**2)


def _settle_layer(
    settled: list[bool],
    deviation: float | Tensor,
    mean: float | Tensor,
    layer: Any,
    _: Any,
    out: Tensor,
) -> Tensor | None:
    """Give the output channels these deviations and means over the rows and positions."""
    if settled:
        return None
    settled.append(True)
    rows = out.movedim(1, -1).flatten(0, -2)
    scale = deviation / rows.std(dim=0).clamp(min=1e-6)
    shift = mean - rows.mean(dim=0) * scale
    layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
    layer.bias.mul_(scale).add_(shift)
    shape = (1, -1, *[1] * (out.dim() - 2))
    return out * scale.view(shape) + shift.view(shape)


def _level(detector: Detector, pixels: Tensor) -> None:
    """Scale P2 to P5 until anchors of one rank in each level score alike."""
    pyramid = detector.features(pixels)
    factors = [1.0] * 4
    for _ in range(_ROUNDS):
        scaled = [x * f for x, f in zip(pyramid, [*factors, factors[-1]], strict=True)]
        scored = detector.rpn(scaled)
        levels = scored.logits[0].split(list(scored.anchors_per_level))
        ranked = [
            float(one.topk(min(rank, len(one) // 4)).values[-1])
            for one, rank in zip(levels, _RANKS, strict=False)
        ]
        goal = max(ranked[0], 0.1)
        factors = [
            min(max(f * goal / max(value, 0.1), 0.5), _LARGEST_FACTOR)
            for f, value in zip(factors, ranked, strict=True)
        ]
    fpn: Any = detector.features.fpn
    for layer, factor in zip(fpn.outputs, factors, strict=True):
        layer.weight.mul_(factor)
        layer.bias.mul_(factor)


@torch.no_grad()
def load_of(detector: Detector, image: ImageBatch) -> Load:
    """The load of detecting in one image."""
    proposals: list[Tensor] = []
    cascade: Any = detector.cascade
    heads = list(cascade.box_heads)
    logits: dict[Any, list[Tensor]] = {head: [] for head in heads}  # a few RoIs at a time
    propose = detector.rpn.propose

    def seen(*given: Any, **options: Any) -> Any:
        rois, scores = propose(*given, **options)
        proposals.append(rois.boxes)
        return rois, scores

    handles = [
        head.register_forward_hook(lambda head, _, out: logits[head].append(out[0]))
        for head in heads
    ]
    detector.rpn.propose = seen
    try:
        detector.detect(image)
    finally:
        del detector.rpn.propose
        for handle in handles:
            handle.remove()
    scoring = [heads[t] for t in getattr(cascade, "scoring", range(len(heads)))]
    mean = torch.stack([torch.cat(logits[head]) for head in scoring]).mean(dim=0)
    return Load(proposals[0], mean)


def passing(logits: Tensor, threshold: float, shift: float = 0.0) -> int:
    """Pairs of row and class that score above `threshold` with `shift` added to background."""
    moved = logits.clone()
    moved[:, -1] += shift
    return int((moved.softmax(dim=1)[:, :-1] > threshold).sum())


def background_shift(logits: Tensor, threshold: float, candidates: int) -> float:
    """What must be added to the background's logit so that about `candidates` pairs pass.

    It lies in the middle between the shifts that drop one pair more and one less, so that
    rounding does not decide about any.
    """
    return (_drop(logits, threshold, candidates) + _drop(logits, threshold, candidates - 1)) / 2


def _drop(logits: Tensor, threshold: float, most: int) -> float:
    """The smallest shift that leaves at most so many pairs; the number falls as it grows."""
    low, high = -60.0, 60.0
    for _ in range(50):
        middle = (low + high) / 2
        if passing(logits, threshold, middle) > most:
            low = middle
        else:
            high = middle
    return high
