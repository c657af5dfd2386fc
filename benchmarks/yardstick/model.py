"""torchvision's Mask R-CNN on a ResNet-18, behind the two methods of `relook.Detector`.

Only the network is torchvision's: images come normalised and padded from relook's loader, and
masks are pasted by relook, so that what differs between two contenders is the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from relook.config.model import ModelConfig
from relook.layers.norm import group_norm
from relook.ops.boxes import clip, unscale
from relook.ops.masks import dense_masks
from relook.structures.detection import Detections, ImageBatch, Losses, Target

STRIDES = (4, 8, 16, 32, 64)
POOL_SIDE = 7  # of the features that the box head sees
MASK_LAYERS = 4
STAGES = {"layer1": "0", "layer2": "1", "layer3": "2", "layer4": "3"}
STAGE_CHANNELS = [64, 128, 256, 512]


class Yardstick(nn.Module):
    """Mask R-CNN with random weights, for the anchors, caps and widths of `config`.

    What `config` has and Mask R-CNN has not (further stages, looks, the semantic branch) is left
    out; the backbone is torchvision's ResNet-18 at its own width, with group norm, because there
    are no statistics to start from.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.network = mask_rcnn(config)

    def loss(self, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        """The five losses of torchvision by name; their plain sum is the training loss."""
        self.network.train()
        _, losses = self._run(images, [network_target(target) for target in targets])
        return losses

    @torch.no_grad()
    def detect(
        self,
        images: ImageBatch,
        *,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        agnostic: bool = False,
    ) -> list[Detections]:
        """What is in each image, best first, in pixels of the original images.

        `score_threshold` and `max_detections` stand in for the values of the configuration.
        Classes never suppress each other: `agnostic` is refused.
        """
        if agnostic:
            raise ValueError("torchvision suppresses class by class")
        found = self.raw(images, score_threshold, max_detections)
        scales, sizes = images.scales, images.original_sizes
        return [
            Detections(
                clip(unscale(one["boxes"], scale), size),
                one["scores"],
                one["labels"] - 1,
                one["masks"][:, 0],
                size,
            )
            for one, scale, size in zip(found, scales, sizes, strict=True)
        ]

    @torch.no_grad()
    def pasted(self, images: ImageBatch) -> list[dict[str, Tensor]]:
        """What torchvision's own use of the network returns: dictionaries with boxes (N, 4),
        labels (N,) from 1, scores (N,) and masks (N, 1, H, W) over the original images."""
        found = self.raw(images)
        pasted: list[dict[str, Tensor]] = self.network.transform.postprocess(
            found, list(images.sizes), list(images.original_sizes)
        )
        return pasted

    @torch.no_grad()
    def raw(
        self,
        images: ImageBatch,
        score_threshold: float | None = None,
        max_detections: int | None = None,
    ) -> list[dict[str, Tensor]]:
        """The network's output before any paste: boxes in its pixels, masks (N, 1, 28, 28)."""
        self.network.eval()
        heads = self.network.roi_heads
        own = heads.score_thresh, heads.detections_per_img
        if score_threshold is not None:
            heads.score_thresh = score_threshold
        if max_detections is not None:
            heads.detections_per_img = max_detections
        try:
            return self._run(images, None)[0]
        finally:
            heads.score_thresh, heads.detections_per_img = own

    def _run(self, images: ImageBatch, targets: list[dict[str, Tensor]] | None) -> Any:
        """The forward pass of torchvision's `GeneralizedRCNN` without its resizing and
        normalising, which the batch already has: detections and losses."""
        network = self.network
        batch = ImageList(images.pixels, list(images.sizes))
        features: OrderedDict[str, Tensor] = network.backbone(batch.tensors)
        proposals, rpn_losses = network.rpn(batch, features, targets)
        found, losses = network.roi_heads(features, proposals, batch.image_sizes, targets)
        return found, {**rpn_losses, **losses}


def mask_rcnn(config: ModelConfig) -> MaskRCNN:
    """The network that `Yardstick` describes."""
    rpn, cascade = config.rpn, config.cascade
    channels, labels = config.pyramid.channels, config.num_classes + 1
    backbone = BackboneWithFPN(
        resnet18(weights=None, norm_layer=group_norm), STAGES, STAGE_CHANNELS, channels
    )
    anchors = AnchorGenerator(
        sizes=tuple((rpn.anchors.scale * stride,) for stride in STRIDES),
        aspect_ratios=(rpn.anchors.ratios,) * len(STRIDES),
    )
    return MaskRCNN(
        backbone,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=rpn.train.candidates,
        rpn_pre_nms_top_n_test=rpn.test.candidates,
        rpn_post_nms_top_n_train=rpn.train.proposals,
        rpn_post_nms_top_n_test=rpn.test.proposals,
        rpn_nms_thresh=rpn.test.nms_iou,
        rpn_fg_iou_thresh=rpn.anchors.positive_iou,
        rpn_bg_iou_thresh=rpn.anchors.negative_iou,
        rpn_batch_size_per_image=rpn.anchors.per_image,
        rpn_positive_fraction=rpn.anchors.positive_fraction,
        box_head=TwoMLPHead(channels * POOL_SIDE**2, cascade.box_hidden),
        box_predictor=FastRCNNPredictor(cascade.box_hidden, labels),
        box_score_thresh=cascade.select.score_threshold,
        box_nms_thresh=cascade.select.nms_iou,
        box_detections_per_img=cascade.select.max_detections,
        box_fg_iou_thresh=cascade.stages[0].iou,
        box_bg_iou_thresh=cascade.stages[0].iou,
        box_batch_size_per_image=cascade.sample.per_image,
        box_positive_fraction=cascade.sample.positive_fraction,
        mask_head=MaskRCNNHeads(channels, [cascade.mask_channels] * MASK_LAYERS, 1),
        mask_predictor=MaskRCNNPredictor(cascade.mask_channels, cascade.mask_channels, labels),
    )


def at_stock_widths(config: ModelConfig) -> ModelConfig:
    """`config` with the widths that torchvision gives pyramid and heads of its own models."""
    return config.with_(pyramid__channels=256, cascade__box_hidden=1024, cascade__mask_channels=256)


def network_target(target: Target) -> dict[str, Tensor]:
    """`target` as torchvision wants it: labels from 1, masks (G, H, W) uint8 of the whole canvas.

    Its masks must be there; the data sets of these benchmarks all have them.
    """
    assert target.masks is not None  # read_sources asks for masks
    return {
        "boxes": target.boxes,
        "labels": target.labels + 1,
        "masks": dense_masks(target.masks).to(torch.uint8),
    }
