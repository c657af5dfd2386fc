"""A two-stage detector, made of its parts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, overload

import torch
from torch import Tensor, nn

from ..errors import ModelError, counted
from ..ops.cpu import switch as fast
from ..ops.semantic_labels import semantic_labels
from ..runtime.memory import return_freed
from ..structures.detection import Detections, ImageBatch, Losses, Pyramid, Rois, Target
from .cascades.protocol import Cascade
from .heads.semantic import SemanticHead
from .heads.stuff import StuffHead
from .rpn.rpn import RPN

STRIDE = 32  # of the coarsest map; sides of inputs are multiples of it
PROPOSALS_A_DETECTION = 2  # suppression after the cascade removes some of them


class FirstStageOutput(NamedTuple):
    """Features and proposals of a batch: the input of the cascade."""

    pyramid: Pyramid
    context: Tensor | None  # feature map of the semantic branch
    proposals: Rois
    objectness: Tensor  # (R,) of the proposals
    logits: Tensor | None = None  # (B, K', h, w) of every pixel's class, with `label_pixels`


class Detector(nn.Module):
    """Features, then proposals, then a cascade over the proposals.

    `loss` and `detect` do not depend on `self.training`, which only changes normalisation layers.
    `forward` calls one of them, for wrappers that call the module.

    Args:
        features: Module from pixels (B, 3, H, W) to P2..P6.
        rpn: The region proposal network.
        cascade: Module that refines proposals, as `models.cascades.protocol.Cascade`.
        semantic: The semantic branch, whose feature is the cascade's context.
        stuff: A head that labels stuff for panoptic segmentation; by default the semantic branch.
    """

    def __init__(
        self,
        features: nn.Module,
        rpn: RPN,
        cascade: nn.Module,
        semantic: SemanticHead | None = None,
        stuff: StuffHead | None = None,
    ) -> None:
        super().__init__()
        self.features = features
        self.rpn = rpn
        self.cascade = cascade
        self.semantic = semantic
        self.stuff = stuff

    @overload
    def forward(self, images: ImageBatch, targets: Sequence[Target]) -> Losses: ...
    @overload
    def forward(self, images: ImageBatch) -> list[Detections]: ...
    def forward(
        self, images: ImageBatch, targets: Sequence[Target] | None = None
    ) -> Losses | list[Detections]:
        """`loss` with targets, `detect` without."""
        return self.detect(images) if targets is None else self.loss(images, targets)

    def loss(self, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        """Named, weighted losses of a batch; their plain sum is the training loss.

        Raises:
            ModelError: M05 when the batch cannot be fed to the network.
        """
        pyramid = self._features(images)
        scored = self.rpn(pyramid)
        proposals, _ = self.rpn.propose(scored, images, self.rpn.train_rule)
        losses = {f"rpn.{k}": v for k, v in self.rpn.loss(scored, images, targets).items()}
        context = None
        if self.semantic is not None:
            logits, context = self.semantic(pyramid)
            losses["semantic"] = self.semantic.loss(logits, targets)
        if self.stuff is not None:
            losses["stuff"] = self.stuff.loss(self.stuff(pyramid), targets)
        return losses | self._cascade.loss(pyramid, context, proposals, images, targets)

    @torch.no_grad()
    def detect(
        self,
        images: ImageBatch,
        *,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        agnostic: bool = False,
    ) -> list[Detections]:
        """Objects of each image, best first, in pixels of the original images.

        `score_threshold` and `max_detections` replace the model's own values; with `agnostic`
        objects of all classes suppress each other. With more
        detections than the model's own cap, the cap of proposals is raised too (`look`).

        Raises:
            ModelError: M05 when the batch cannot be fed to the network.
        """
        first = self.look(images, max_detections=max_detections)
        return self._found(first, images, score_threshold, max_detections, agnostic)

    @torch.no_grad()
    def segment(
        self,
        images: ImageBatch,
        *,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        agnostic: bool = False,
    ) -> list[Detections]:
        """Objects of each image as `detect` gives them, with the label of each pixel in
        `Detections.semantic`, from one pass.

        Raises:
            ModelError: M04 for a detector that labels no pixels, M05 when the batch cannot be fed
                to the network.
        """
        first = self.look(images, label_pixels=True, max_detections=max_detections)
        assert first.logits is not None
        detections = self._found(first, images, score_threshold, max_detections, agnostic)
        height, width = images.pixels.shape[-2:]
        return [
            replace(
                image_detections, semantic=semantic_labels(logits, (height, width), size, original)
            )
            for image_detections, logits, size, original in zip(
                detections, first.logits, images.sizes, images.original_sizes, strict=True
            )
        ]

    @torch.no_grad()
    def look(
        self,
        images: ImageBatch,
        *,
        label_pixels: bool = False,
        max_detections: int | None = None,
    ) -> FirstStageOutput:
        """Features and proposals of a batch, and with `label_pixels` the logits of the head that
        labels stuff.

        With `max_detections` above the model's own cap, there may be more proposals than usual
        (`crowd`), so that their cap does not limit the number of objects.

        Raises:
            ModelError: M04 for a detector that labels no pixels, M05 when the batch cannot be fed
                to the network.
        """
        pyramid = self._features(images)
        scored, rule = self.rpn(pyramid), self.rpn.test_rule
        crowd = self.crowd(max_detections)
        proposals, objectness = self.rpn.propose(scored, images, rule, crowd=crowd)
        context, logits = self.dense(pyramid, label_pixels=label_pixels)
        return FirstStageOutput(pyramid, context, proposals, objectness, logits)

    def crowd(self, max_detections: int | None = None) -> int:
        """Number of proposals that `max_detections` objects in an image need, two for each.

        It is 0 at the model's own cap and below, which means the usual number.
        """
        if max_detections is None or max_detections <= self._cascade.select.max_detections:
            return 0
        return PROPOSALS_A_DETECTION * max_detections

    def first_stages(self, stages: int) -> Detector:
        """This detector with the first `stages` of its cascade, for predicting; parts are shared.

        Raises:
            ModelError: M08 for a user's cascade without a method ``first``.
            UsageError: U03 when the cascade has fewer stages.
        """
        if not hasattr(self.cascade, "first"):
            raise ModelError(
                "M08",
                f"the cascade {type(self.cascade).__name__} has no `first(stages)`, which gives "
                "its first stages; models.cascades.protocol.Cascade defines it.",
            )
        detector = copy.copy(self)
        cascade = self._cascade.first(stages)
        vars(detector)["_modules"] = {**vars(self)["_modules"], "cascade": cascade}
        return detector

    def dense(self, pyramid: Pyramid, *, label_pixels: bool) -> tuple[Tensor | None, Tensor | None]:
        """The context of the cascade, and with `label_pixels` the logits of every pixel.

        Raises:
            ModelError: M04 for `label_pixels` of a detector that labels no pixels.
        """
        semantic, stuff = self.semantic, self.stuff
        if label_pixels and stuff is None:
            if semantic is None:
                raise ModelError(
                    "M04",
                    "this detector finds objects only: it has neither a stuff head nor a semantic "
                    "branch, so pixels get no labels. Take a model that has, such as "
                    "detectors-panoptic-r50.",
                )
            logits, context = semantic(pyramid)
            return context, logits
        context = None if semantic is None else semantic.context(pyramid)
        return context, stuff(pyramid) if label_pixels and stuff is not None else None

    def _found(
        self,
        first: FirstStageOutput,
        images: ImageBatch,
        score_threshold: float | None,
        max_detections: int | None,
        agnostic: bool,
    ) -> list[Detections]:
        return_freed()  # by the features
        cascade = self._cascade
        rule = cascade.select.changed(score_threshold, max_detections, agnostic=agnostic)
        return cascade.detect(first.pyramid, first.context, first.proposals, images, rule)

    @property
    def _cascade(self) -> Cascade:
        cascade: Cascade = self.cascade  # type: ignore[assignment]
        return cascade

    def _features(self, images: ImageBatch) -> Pyramid:
        height, width = images.pixels.shape[-2:]
        if height % STRIDE or width % STRIDE or not len(images):
            raise ModelError(
                "M05",
                f"a batch of {counted(len(images), 'image')} of {height}x{width} pixels (height x"
                f" width) cannot be fed to the network: it needs at least one image, padded to"
                f" multiples of {STRIDE}. relook.data.batching.batch_images pads.",
            )
        pixels = images.pixels
        if fast.applies(pixels):  # maps are then tables with a row for each pixel
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        pyramid: Pyramid = self.features(pixels)
        return pyramid
