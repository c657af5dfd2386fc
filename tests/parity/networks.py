"""A network fed the recorded input, and one check for every kind of recorded value.

The recordings differ from relook's defaults in a few options: see `recorded_options`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import formula
import torch
from golden import assert_close, assert_features
from torch import Tensor

from relook.config.model import ModelConfig
from relook.models.cascades.steps import pool
from relook.models.detector import Detector
from relook.ops.masks import crop_masks, paste_mask
from relook.structures.detection import Detections, ImageBatch, Matched, Pyramid, Rois, Target

NETWORKS = {
    "detectors_htc_r50": "detectors-htc-r50",
    "detectors_cascade_r50": "detectors-cascade-r50",
    "htc_r50": "htc-r50",
}
IMAGES = ImageBatch(formula.pixels(), ((120, 150),), ((128, 160),), ((60, 75),), ((2.0, 2.0),))
BOXES = torch.tensor([[10.0, 12, 60, 50], [0, 0, 150, 120], [100.5, 30.25, 140.75, 100]])
LABELS = torch.tensor([0, 17, 42])
EVERYTHING = 10**6  # a sample this large draws all, so that nothing is random


def recorded_options(config: ModelConfig) -> ModelConfig:
    """What the recorded run did and relook does not by default."""
    semantic = config.semantic and dataclasses.replace(config.semantic, average="all")
    # Without masks the reference rescales first, as relook does.
    where = "network" if config.cascade.masks else "original"
    return config.with_(
        semantic=semantic,
        cascade__hybrid__mask_average="last",
        cascade__select__suppress_in=where,
        cascade__sample__per_image=EVERYTHING,
        rpn__anchors__per_image=EVERYTHING,
    )


@dataclass
class Run:
    """One network, fed the recorded input; parts are computed when first asked for."""

    detector: Detector

    @functools.cached_property
    def looks(self) -> list[Pyramid]:
        """C2..C5 of each look."""
        return self._walk[0]

    @functools.cached_property
    def first_pyramid(self) -> Pyramid:
        return self._walk[1]

    @functools.cached_property
    def connected(self) -> Pyramid:
        return self._walk[2]

    @functools.cached_property
    def _walk(self) -> tuple[list[Pyramid], Pyramid, Pyramid]:
        features: Any = self.detector.features
        first, *later = features.backbones
        maps = first(IMAGES.pixels)
        pyramid = features.fpn([*maps])  # the folded one empties the list that it is given
        if not later:
            return [maps], pyramid, []
        connected = [features.connector(level) for level in pyramid]
        return [maps, later[0](IMAGES.pixels, [None, *connected[1:4]])], pyramid, connected

    @functools.cached_property
    def pyramid(self) -> Pyramid:
        pyramid: Pyramid = self.detector.features(IMAGES.pixels)
        return pyramid

    @functools.cached_property
    def semantic(self) -> tuple[Tensor, Tensor]:
        assert self.detector.semantic is not None
        logits, feature = self.detector.semantic(self.pyramid)
        return logits, feature

    @property
    def context(self) -> Tensor | None:
        return self.semantic[1] if self.detector.semantic is not None else None

    @functools.cached_property
    def scored(self) -> Any:
        return self.detector.rpn(self.pyramid)

    def rpn_map(self, values: Tensor, level: int) -> Tensor:
        """(1, ratios * V, H, W) of one level, as the reference's head gives it."""
        rows = values[0].split(self.scored.anchors_per_level)[level]
        height, width = self.scored.level_sizes[level]
        return rows.reshape(height, width, -1).permute(2, 0, 1)[None]

    @functools.cached_property
    def proposals(self) -> tuple[Rois, Tensor]:
        rpn = self.detector.rpn
        return rpn.propose(self.scored, IMAGES, rpn.test_rule)

    @functools.cached_property
    def box_outputs(self) -> list[tuple[Tensor, Tensor]]:
        cascade: Any = self.detector.cascade
        pooled = pool(self.pyramid, self.context, Rois.cat([BOXES]), 7)
        return [head(pooled) for head in cascade.box_heads]

    @functools.cached_property
    def pooled_for_masks(self) -> Tensor:
        return pool(self.pyramid, self.context, Rois.cat([BOXES]), 14)

    @functools.cached_property
    def mask_outputs(self) -> list[tuple[Tensor, Tensor]]:
        """Logits and passed-on features of each mask head."""
        cascade: Any = self.detector.cascade
        carried, outputs = None, []
        for head in cascade.mask_heads:
            carried = head.features(self.pooled_for_masks, carried)
            outputs.append((head.predict(carried), carried))
        return outputs

    def fixed_masks(self, average: str) -> tuple[list[float], list[int]]:
        """Mean probabilities and pasted areas of the fixed boxes, under one averaging."""
        cascade: Any = self.detector.cascade
        kept = cascade.hybrid
        try:
            cascade.hybrid = dataclasses.replace(kept, mask_average=average)
            masks = cascade.mask_probabilities(
                self.pyramid, self.context, Rois.cat([BOXES]), LABELS, IMAGES
            )
        finally:
            cascade.hybrid = kept
        areas = [
            int(paste_mask(mask, box / 2, (60, 75)).sum())
            for mask, box in zip(masks, BOXES, strict=True)
        ]
        return masks.mean((1, 2)).tolist(), areas

    @functools.cached_property
    def detections(self) -> Detections:
        return self.detector.detect(IMAGES)[0]

    @functools.cached_property
    def accuracies(self) -> list[float]:
        """Percentage of RoIs whose class each stage gets right, filled while training."""
        return []

    @functools.cached_property
    def losses(self) -> dict[str, float]:
        """The training losses; on the way `accuracies` is filled by listening to the heads."""
        cascade: Any = self.detector.cascade
        logits: list[Tensor] = []
        labels: list[Tensor] = []
        handles = [
            head.register_forward_hook(lambda _m, _i, out: logits.append(out[0]))
            for head in cascade.box_heads
        ]
        draw = cascade._draw

        def listening(*args: Any) -> Matched:
            matched: Matched = draw(*args)
            labels.append(matched.labels)
            return matched

        cascade._draw = listening
        try:
            losses = self.detector.loss(IMAGES, [_target()])
        finally:
            cascade._draw = draw
            for handle in handles:
                handle.remove()
        per_stage = labels[::2] if cascade.hybrid.interleaved else labels
        for predicted, true in zip(logits, per_stage, strict=True):
            right = predicted.argmax(dim=1) == true
            self.accuracies.append(100 * right.double().mean().item())
        return {name: loss.item() for name, loss in losses.items()}


def _target() -> Target:
    boxes = torch.tensor([[20.0, 15, 70, 80], [60, 40, 140, 110], [5, 90, 35, 118]])
    y, x = torch.meshgrid(torch.arange(120.0) + 0.5, torch.arange(150.0) + 0.5, indexing="ij")
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    ellipses = torch.stack(
        [
            ((x - c[0]) / h[0]) ** 2 + ((y - c[1]) / h[1]) ** 2 <= 1
            for c, h in zip(centre, half, strict=True)
        ]
    )
    rows, columns = torch.arange(120)[:, None], torch.arange(150)[None]
    semantic = (columns // 16 + 2 * (rows // 16)) % 183
    semantic[30:50, 30:60] = 255
    return Target(
        boxes,
        torch.tensor([3, 17, 56]),
        crop_masks(ellipses, canvas=(128, 160)),
        semantic.to(torch.uint8),
    )


Check = Callable[[Run, Any], None]


def _features(get: Callable[[Run], Tensor]) -> Check:
    return lambda run, record: assert_features(get(run), record)


def _rows(get: Callable[[Run], Tensor]) -> Check:
    return lambda run, record: assert_close(get(run), record, 1e-3, 1e-5)


def _check_proposals(run: Run, record: list[list[float]]) -> None:
    rois, scores = run.proposals
    expected = torch.tensor(record)
    assert_close(rois.boxes[:5], expected[:, :4], 0, 1e-3)
    assert_close(scores[:5], expected[:, 4], 0, 1e-5)


def _check_gaps(run: Run, record: list[float]) -> None:
    scores = run.proposals[1].double()
    assert_close(scores[:6] - scores[1:7], record, 0.01, 2e-6)


def _check_detections(run: Run, record: list[list[float]]) -> None:
    expected = torch.tensor(record)
    found = run.detections
    assert_close(found.boxes[:8], expected[:, :4], 0, 1e-3)
    assert_close(found.scores[:8], expected[:, 4], 0, 1e-5)
    assert found.labels[:8].tolist() == expected[:, 5].int().tolist()
    if found.mask_probabilities is None:
        assert expected.shape[1] == 6
        return
    pairs = zip(found.mask_probabilities[:8], found.boxes[:8], strict=True)
    areas = [int(paste_mask(mask, box, found.size).sum()) for mask, box in pairs]
    assert_close(areas, expected[:, 6], 0.005)


def _check_fixed_masks(run: Run, record: dict[str, list[float]], average: str) -> None:
    assert set(record) == {"mean_prob", "area_60x75"}
    means, areas = run.fixed_masks(average)
    assert_close(means, record["mean_prob"], 1e-4)
    assert_close(areas, record["area_60x75"], 0.005)


def _check_losses(run: Run, record: dict[str, float]) -> None:
    losses = dict(run.losses)
    ours = {
        "loss_rpn_cls": losses.pop("rpn.objectness"),
        "loss_rpn_bbox": losses.pop("rpn.box"),
    }
    if "semantic" in losses:
        ours["loss_semantic_seg"] = losses.pop("semantic")
    for stage, accuracy in enumerate(run.accuracies):
        ours[f"s{stage}.acc"] = accuracy
        ours[f"s{stage}.loss_cls"] = losses.pop(f"stage{stage}.class")
        ours[f"s{stage}.loss_bbox"] = losses.pop(f"stage{stage}.box")
        if f"stage{stage}.mask" in losses:
            ours[f"s{stage}.loss_mask"] = losses.pop(f"stage{stage}.mask")
    assert not losses
    assert set(ours) == set(record)
    assert_close([ours[name] for name in record], list(record.values()), 1e-3)


def _check_levels(index: int) -> Check:
    def check(run: Run, record: list[float]) -> None:
        rpn = run.detector.rpn
        sample = rpn.sample(run.scored, IMAGES, [_target()])
        assert_close(rpn.sampled_losses(run.scored, sample)[index], record, 1e-3, 1e-9)

    return check


CHECKS: dict[str, Check] = {
    "n_keys": lambda run, record: assert_close(len(run.detector.state_dict()), record, 0),
    # The reference hands the image on beside the features; without RFP there is no such row.
    "backbone_out0": lambda run, record: assert_features(
        IMAGES.pixels if record["shape"][1] == 3 else run.looks[0][0], record
    ),
    **{
        f"backbone_out{i}": _features(lambda r, i=i: r.looks[0][_c_level(r, i)])
        for i in (1, 2, 3, 4)
    },
    **{f"fpn_step1_P{i}": _features(lambda r, i=i: r.first_pyramid[i - 2]) for i in range(2, 7)},
    **{f"aspp_P{i}": _features(lambda r, i=i: r.connected[i - 2]) for i in (3, 5)},
    **{f"step2_C{i}": _features(lambda r, i=i: r.looks[1][i - 2]) for i in range(2, 6)},
    **{f"final_P{i}": _features(lambda r, i=i: r.pyramid[i - 2]) for i in range(2, 7)},
    "rpn_cls_P2": _features(lambda r: r.rpn_map(r.scored.logits, 0)),
    "rpn_reg_P2": _features(lambda r: r.rpn_map(r.scored.deltas, 0)),
    "rpn_cls_P6": _features(lambda r: r.rpn_map(r.scored.logits, 4)),
    "sem_logits": _features(lambda r: r.semantic[0]),
    "sem_feat": _features(lambda r: r.semantic[1]),
    **{f"bbox_head{s}_cls": _features(lambda r, s=s: r.box_outputs[s][0]) for s in range(3)},
    **{f"bbox_head{s}_reg": _rows(lambda r, s=s: r.box_outputs[s][1]) for s in range(3)},
    "mask_feats_14": _features(lambda r: r.pooled_for_masks),
    **{f"mask_head{s}_logits": _features(lambda r, s=s: r.mask_outputs[s][0]) for s in range(3)},
    **{f"mask_head{s}_feat": _features(lambda r, s=s: r.mask_outputs[s][1]) for s in range(3)},
    "n_proposals": lambda run, record: assert_close(len(run.proposals[0]), record, 0),
    "top5_proposals": _check_proposals,
    "proposal_score_gap_first6": _check_gaps,
    "n_det": lambda run, record: assert_close(len(run.detections), record, 0),
    "top8_det (x1,y1,x2,y2,score,label,mask_area)": _check_detections,
    "fixed_mask_mean3": lambda run, record: _check_fixed_masks(run, record, "mean"),
    "fixed_mask_last_only": lambda run, record: _check_fixed_masks(run, record, "last"),
    "losses_exhaustive_sampling": _check_losses,
    "rpn_cls_per_level": _check_levels(0),
    "rpn_bbox_per_level": _check_levels(1),
}


def _c_level(run: Run, output: int) -> int:
    """Recordings with RFP count the image as output 0."""
    return output - 1 if len(run.looks) > 1 else output
