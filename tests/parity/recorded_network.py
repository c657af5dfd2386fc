"""The recorded Fast DSC: its stages in double precision, and its predictions, by recorded names.

In double precision nothing depends on how a machine rounds: not which boxes are suppressed, and
not in what order they come. Predictions are those of the folded network in single precision.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from relook.config.presets import preset
from relook.interop.mmdet import convert
from relook.models.build import build_detector
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.detector import Detector
from relook.models.folding import fold
from relook.structures.detection import Detections, ImageBatch, Pyramid, Rois
from relook.structures.rules.proposals import ProposalRule

from . import golden
from . import recorded_formula as formula

RECORDED = golden.arrays("fast_dsc_training")
IMAGES = ("single", *formula.BATCH)


@functools.cache
def network() -> Detector:
    """Fast DSC as the recorded run had it: its proposals were at least a pixel wide and high."""
    with torch.device("meta"):
        least = {"rpn__train__min_bbox_size": 1.0, "rpn__test__min_bbox_size": 1.0}
        detector = build_detector(preset("fast-dsc-r50").with_(**least))
    state = convert(formula.weights(golden.shapes("dsc_r50")))
    detector.load_state_dict(state, strict=True, assign=True)
    return detector.eval()


def heard(patch: pytest.MonkeyPatch, owner: Any, name: str) -> list[tuple[tuple[Any, ...], Any]]:
    """Arguments and results of every call of a function, while `patch` lasts."""
    calls: list[tuple[tuple[Any, ...], Any]] = []
    plain = getattr(owner, name)

    def listening(*args: Any) -> Any:
        result = plain(*args)
        calls.append((args, result))
        return result

    patch.setattr(owner, name, listening)
    return calls


# In double precision


class Seen(NamedTuple):
    """All three images in double precision."""

    detector: Detector
    images: ImageBatch
    backbone: Pyramid
    pyramid: Pyramid
    scored: Any


@functools.cache
@torch.no_grad()
def seen() -> Seen:
    """Features and scored anchors; the anchors' numbers are not rounded to float32."""
    detector = copy.deepcopy(network()).double()
    images = formula.images(*IMAGES)
    images = dataclasses.replace(images, pixels=images.pixels.double())
    features, rpn = detector.features, detector.rpn
    with pytest.MonkeyPatch.context() as patch:
        first = heard(patch, features.backbones[0], "forward")
        logits, deltas = (heard(patch, part, "forward") for part in (rpn.objectness, rpn.deltas))
        pyramid = features(images.pixels)
        scored = rpn(pyramid)
    scored = dataclasses.replace(
        scored,
        logits=torch.cat([x.permute(0, 2, 3, 1).flatten(1) for _, x in logits], 1),
        deltas=torch.cat([x.permute(0, 2, 3, 1).reshape(len(x), -1, 4) for _, x in deltas], 1),
    )
    return Seen(detector, images, first[0][1], pyramid, scored)


def proposals(rule: ProposalRule) -> dict[str, tuple[Tensor, Tensor]]:
    """Boxes (P, 4) and scores (P,) of each image, best first."""
    rois, scores = seen().detector.rpn.propose(seen().scored, seen().images, rule)
    boxes = [own.float() for own in rois.per_image(rois.boxes, len(IMAGES))]
    own_scores = rois.per_image(scores, len(IMAGES))
    return dict(zip(IMAGES, zip(boxes, own_scores, strict=True), strict=True))


@torch.no_grad()
def stages() -> dict[str, Tensor]:
    """Everything but sets of boxes, of the single image."""
    detector, _, backbone, pyramid, scored = seen()
    values = {f"backbone/C{i + 2}": x[:1] for i, x in enumerate(backbone)}
    values |= {f"neck/P{i + 2}": x[:1] for i, x in enumerate(pyramid)}
    for name, rows in (("cls", scored.logits), ("reg", scored.deltas)):
        levels = rows[0].split(scored.anchors_per_level)
        for level, (own, (h, w)) in enumerate(zip(levels, scored.level_sizes, strict=True)):
            values[f"rpn/{name}/{level}"] = own.reshape(h, w, -1).permute(2, 0, 1)[None]
    assert detector.semantic is not None
    single = [level[:1] for level in pyramid]
    values["semantic/pred"], values["semantic/feat"] = detector.semantic(single)
    return values | dict(_chain(cascade_of(detector), single, values["semantic/feat"]))


def _chain(
    cascade: ShapeGuidedCascade, pyramid: Pyramid, context: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Fixed RoIs through all iterations."""
    rois, known = Rois.cat([formula.rois().double()]), None
    yield "fixed/rois", _table(rois)
    images, before = formula.images("single"), rois
    for t in range(len(cascade.rules)):
        before = rois
        known, shapes = cascade._guide(t, pyramid, context, rois, known, images)
        logits, deltas = cascade._box(t, pyramid, context, rois, known, shapes)
        rois = cascade._refine(t, rois, deltas, known, images)
        yield f"chain/stage{t}/rois", _table(before)
        yield f"chain/stage{t}/enlarged_rois", _table(before.with_boxes(known.frames))
        yield f"chain/stage{t}/res_feat", known.features
        yield f"chain/stage{t}/mpn_pred", shapes
        yield f"chain/stage{t}/cls_score", logits
        yield f"chain/stage{t}/bbox_pred", deltas
    assert known is not None
    # The recording has the masks of the boxes that the last iteration started from.
    yield "chain/mask/rois", _table(before)
    yield "chain/mask/logits", cascade._mask(pyramid, context, before, known)


def _table(rois: Rois) -> Tensor:
    return torch.cat([rois.image_index[:, None].to(rois.boxes), rois.boxes], 1)


def cascade_of(detector: Detector) -> ShapeGuidedCascade:
    """Its cascade."""
    cascade = detector.cascade
    assert isinstance(cascade, ShapeGuidedCascade)
    return cascade


# Predicting


LAST_HEAD = ("all_rois", "all_cls_score", "all_bbox_pred")
"""What it is given and gives, with the mean of the logits that count."""


class Passed(NamedTuple):
    """Some of the recorded proposals of an image, gone through the cascade."""

    rows: Tensor  # of the recorded proposals
    last: dict[str, Tensor]  # by the names of `LAST_HEAD`
    boxes: Tensor  # (R, 4) after all iterations
    scores: Tensor  # (R, K)
    found: Detections


@functools.cache
def folded() -> Detector:
    """The network, folded."""
    return fold(copy.deepcopy(network()).requires_grad_(False))


@torch.no_grad()
def passed(image: str) -> Passed:
    """All proposals of the single image; of the others those that became detections, and a tenth.

    What is found does not depend on proposals that are not found.
    """
    detector, images = folded(), formula.images(image)
    assert detector.semantic is not None
    cascade, pyramid = cascade_of(detector), detector.features(images.pixels)
    boxes = torch.from_numpy(RECORDED[f"det/{image}/proposals"][:, :4])
    rows = torch.arange(len(boxes))
    if image != "single":
        rows = torch.cat([torch.from_numpy(RECORDED[f"det/{image}/roi_inds"]), rows[::10]]).unique()
    with pytest.MonkeyPatch.context() as patch:
        heads = heard(patch, cascade, "_box")
        ends = heard(patch, cascade, "_in_parts")
        (found,) = cascade.detect(
            pyramid,
            detector.semantic.context(pyramid),
            Rois.cat([boxes[rows].contiguous()]),
            images,
            cascade.select,
        )
    given = [torch.cat([args[3].boxes for args, _ in heads if args[0] == t]) for t in range(3)]
    logits, deltas = (
        [torch.cat([out[i] for args, out in heads if args[0] == t]) for t in range(3)]
        for i in range(2)
    )
    rois = torch.cat([torch.zeros(len(rows), 1), given[2]], 1)
    last = dict(zip(LAST_HEAD, (rois, (logits[1] + logits[2]) / 2, deltas[2]), strict=True))
    refined, scores, *_ = ends[0][1]
    return Passed(rows, last, refined, scores, found)
