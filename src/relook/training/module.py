"""A detector as Lightning wants it: losses, optimiser, schedule and validation."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from ..data.coco.reader import Category
from ..errors import RelookError
from ..inference.engine import Found
from ..inference.results import Result
from ..models.detector import Detector, Segmented
from ..models.folding import FoldedCopy
from ..runtime.distributed import gathered, maxima, means, shared_counts
from ..structures.detection import Losses
from ..structures.panoptic import PanopticCategory
from .loading import TrainingBatch
from .panoptic_validation import Counted, PanopticValidation
from .recipe import Recipe
from .schedule import Schedule


class TrainingModule(pl.LightningModule):
    """Trains `detector` by `recipe`; validation collects COCO results in `predictions`, and with
    `panoptic` the quality of each image's panoptic map in `segmented`.

    `schedule` is set by the loop once the number of steps is known, and so is `clock`, the
    seconds of training so far in this process; `elapsed` is the clock of the slowest process at
    the start of the step, for decisions that all must make alike. `licence` is that of the
    weights it started from, where others trained them: every model that is saved carries it on,
    also after a resume.

    With several processes each has its share of a batch, and `last_losses` are those of the
    whole batch.
    """

    schedule: Schedule
    clock: Callable[[], float] = staticmethod(lambda: 0.0)
    elapsed = 0.0
    licence: str | None = None

    def __init__(
        self,
        detector: Detector,
        recipe: Recipe,
        classes: Sequence[Category],
        stuff: Sequence[PanopticCategory] = (),
    ) -> None:
        super().__init__()
        self.detector = detector
        self.recipe = recipe
        self.classes = tuple(classes)
        self.stuff = tuple(stuff)
        self.predictions: list[dict[str, Any]] = []
        self.panoptic: PanopticValidation | None = None
        self.segmented: dict[int, Counted] = {}
        self.last_losses: dict[str, float] = {}
        self._folded = FoldedCopy()

    def training_step(self, batch: TrainingBatch, batch_index: int) -> Tensor:
        """The plain sum of the detector's losses.

        Raises:
            RelookError: R03, in all processes, when a loss is not a number any more in one.
        """
        pixels = batch.images.pixels
        height, width, self.elapsed = maxima([*map(float, pixels.shape[2:]), self.clock()])
        with contextlib.ExitStack() as stack:
            if self.recipe.normalise == "global":
                stack.enter_context(shared_counts())
                # Means over whole maps see the padding: the canvas is that of the whole batch.
                batch = batch.on_canvas(int(height), int(width))
            losses = self.detector.loss(batch.images, batch.targets)
        total = torch.stack(list(losses.values())).sum()
        own = torch.stack([*losses.values(), total]).detach()
        *values, sum_of_all = means(own).tolist()
        self.last_losses = dict(zip(losses, values, strict=True))
        if not math.isfinite(sum_of_all):
            raise self._diverged(losses, batch)
        return total

    def validation_step(self, batch: TrainingBatch, batch_index: int) -> None:
        """Add what the detector finds in `batch` to `predictions`, and how well its panoptic maps
        are to `segmented` where `panoptic` is set."""
        most = self.recipe.max_dets
        network = self._network()
        if self.panoptic is None:
            found: Sequence[Found] = network.detect(batch.images, max_detections=most)
        else:
            found = network.segment(batch.images, max_detections=most)
        for one, image_id, name in zip(found, batch.image_ids, batch.file_names, strict=True):
            detections = one.detections if isinstance(one, Segmented) else one
            result = Result.from_detections(detections, None, self.classes, name)
            self.predictions.extend(result.to_coco(image_id))
            if self.panoptic is not None and isinstance(one, Segmented):
                self.segmented[image_id] = self.panoptic.score(image_id, result, one)

    def on_fit_start(self) -> None:
        """After a resume, go on from the time that had passed."""
        (self.elapsed,) = maxima([self.clock()])

    def _network(self) -> Detector:
        """What validates: the detector, or its folded copy where that is the same."""
        recipe = self.recipe
        if recipe.fast and recipe.precision == "32-true" and self.device.type == "cpu":
            return self._folded.of(self.detector)
        return self.detector

    def on_validation_epoch_start(self) -> None:
        """Forget what the validation before this one found."""
        self.predictions, self.segmented = [], {}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The recipe's optimiser over all trainable parameters, with its rate per step."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        rate, decay = self.recipe.learning_rate, self.recipe.weight_decay
        optimizer: torch.optim.Optimizer
        if self.recipe.optimizer == "adamw":
            optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
        else:
            momentum = self.recipe.momentum
            optimizer = torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)
        scheduler = LambdaLR(optimizer, self.schedule.factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step", "frequency": 1},
        }

    def transfer_batch_to_device(
        self, batch: TrainingBatch, device: torch.device, dataloader_index: int
    ) -> TrainingBatch:
        """`batch` on `device`."""
        return batch.to(device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the licence with the state of the training."""
        checkpoint["licence"] = self.licence

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the licence over."""
        self.licence = checkpoint.get("licence")

    def origin(self) -> dict[str, Any]:
        """What a saved model says about where its weights came from, as `extra` values."""
        return {} if self.licence is None else {"licence": self.licence}

    def _diverged(self, losses: Losses, batch: TrainingBatch) -> RelookError:
        values = {name: float(value.detach()) for name, value in losses.items()}
        own = [f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)]
        # Of the processes whose own losses are broken, or else of all.
        reports = gathered((own, batch.file_names))
        broken = [report for report in reports if report[0]] or reports
        what = ", ".join(text for texts, _ in broken for text in texts) or "the sum of the losses"
        images = ", ".join(name for _, names in broken for name in names)
        rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        return RelookError(
            "R03",
            f"training diverged at step {self.global_step}: {what}, on images "
            f"{images} at learning rate {rate:.3g}. Weights that have left "
            "the range of numbers do not come back. Try a lower rate (--lr), a longer warm-up "
            "(--set train.warmup_iterations=1000) or clipping (--set train.gradient_clip=10).",
        )
