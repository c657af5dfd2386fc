"""A detector as a Lightning module: losses, optimiser, schedule and validation."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from ..config.model import InputConfig
from ..data.coco.reader import Category
from ..errors import RelookError
from ..inference.engine import Engine
from ..inference.options import PanopticRequest, PredictOptions
from ..inference.results import Result
from ..models.detector import Detector
from ..runtime.distributed import gathered, maxima, means, shared_counts
from ..structures.detection import Losses
from ..structures.object_sizes import ObjectSizes
from ..structures.panoptic import PanopticCategory
from .loading import TrainingBatch
from .panoptic_validation import Counted, PanopticValidation
from .recipe import Recipe
from .schedule import Clock, Schedule
from .sound_weights import ADVICE


class TrainingModule(pl.LightningModule):
    """Training of `detector` by `recipe`; validation collects COCO results in `predictions`, and
    with `panoptic` the quality of each image's panoptic map in `segmented`.

    `input` has the normalisation of images, `schedule` the learning rate, and `clock` is read at
    the start of every step. `licence` is that of the initial weights, where others trained them;
    it is stored in every saved model, also after a resume. `sizes` are those of the training
    objects, and are stored in the same way.

    With several processes, each has its share of a batch, and `last_losses` are those of the whole
    batch.
    """

    def __init__(
        self,
        detector: Detector,
        recipe: Recipe,
        input: InputConfig,
        schedule: Schedule,
        classes: Sequence[Category],
        stuff: Sequence[PanopticCategory] = (),
        *,
        clock: Clock | None = None,
        panoptic: PanopticValidation | None = None,
        licence: str | None = None,
        sizes: ObjectSizes | None = None,
    ) -> None:
        super().__init__()
        self.detector, self.recipe, self.schedule = detector, recipe, schedule
        self.classes, self.stuff = tuple(classes), tuple(stuff)
        self.clock = clock or Clock()
        self.panoptic, self.licence, self.sizes = panoptic, licence, sizes
        self.predictions: list[dict[str, Any]] = []
        self.segmented: dict[int, Counted] = {}
        self.last_losses: dict[str, float] = {}
        # Folded weights are float32: with another precision the network is validated unfolded.
        folds = recipe.precision == "32-true"
        self._engine = Engine(detector, input, fast=recipe.fast, fold=folds)
        self._options = PredictOptions(
            max_dets=recipe.max_dets, panoptic=None if panoptic is None else PanopticRequest()
        )

    def training_step(self, batch: TrainingBatch, batch_index: int) -> Tensor:
        """The plain sum of the detector's losses.

        Raises:
            RelookError: R03, in all processes, when a loss of any process is not finite.
        """
        pixels = batch.images.pixels
        sides = map(float, pixels.shape[2:])
        clock = self.clock
        numbers = maxima([*sides, clock.local(), float(clock.local_signal())])
        height, width, clock.elapsed, clock.signal = numbers
        with contextlib.ExitStack() as stack:
            if self.recipe.normalise == "global":
                stack.enter_context(shared_counts())
                # Means over whole maps include the padding: all processes get the same canvas.
                batch = batch.on_canvas(int(height), int(width))
            losses = self.detector.loss(batch.images, batch.targets)
        total = torch.stack(list(losses.values())).sum()
        stacked = torch.stack([*losses.values(), total]).detach()
        *values, sum_of_all = means(stacked).tolist()
        self.last_losses = dict(zip(losses, values, strict=True))
        if not math.isfinite(sum_of_all):
            raise self._diverged(losses, batch)
        return total

    def validation_step(self, batch: TrainingBatch, batch_index: int) -> None:
        """Add the detections in `batch` to `predictions`, and the quality of panoptic maps to
        `segmented` where `panoptic` is set."""
        detections = self._engine.run(batch.images, self._options)
        for image_detections, image_id, name in zip(
            detections, batch.image_ids, batch.file_names, strict=True
        ):
            result = Result.from_detections(image_detections, None, self.classes, name)
            self.predictions.extend(result.to_coco(image_id))
            if self.panoptic is not None and image_detections.semantic is not None:
                labels = image_detections.semantic.cpu().numpy()
                self.segmented[image_id] = self.panoptic.score(image_id, result, labels)

    def on_fit_start(self) -> None:
        """After a resume, set the clock to the time of training so far."""
        (self.clock.elapsed,) = maxima([self.clock.local()])

    def on_validation_epoch_start(self) -> None:
        """Clear the predictions of the last validation."""
        self.predictions, self.segmented = [], {}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The recipe's optimiser over all trainable parameters, with its rate per step."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        rate, decay = self.recipe.learning_rate, self.recipe.weight_decay
        optimizer: torch.optim.Optimizer
        # One kernel for all parameters. On a GPU it cannot be combined with scaled gradients.
        given: dict[str, Any] = {"lr": rate, "weight_decay": decay}
        if all(p.device.type == "cpu" for p in parameters):
            given["fused"] = True
        if self.recipe.optimizer == "adamw":
            optimizer = torch.optim.AdamW(parameters, **given)
        else:
            optimizer = torch.optim.SGD(parameters, momentum=self.recipe.momentum, **given)
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
        """Store the licence in the state of the training."""
        checkpoint["licence"] = self.licence

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the licence."""
        self.licence = checkpoint.get("licence")

    def origin(self) -> dict[str, Any]:
        """Return the origin of the weights, and the sizes of the objects that they were trained
        on, as `extra` values of a saved model."""
        licence = {} if self.licence is None else {"licence": self.licence}
        return licence if self.sizes is None else {**licence, **self.sizes.to_extra()}

    def _diverged(self, losses: Losses, batch: TrainingBatch) -> RelookError:
        values = {name: float(value.detach()) for name, value in losses.items()}
        not_finite = [
            f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)
        ]
        # Of the processes whose own losses are not finite, or else of all.
        reports = gathered((not_finite, batch.file_names))
        broken = [report for report in reports if report[0]] or reports
        losses_text = (
            ", ".join(text for texts, _ in broken for text in texts) or "the sum of the losses"
        )
        images = ", ".join(name for _, names in broken for name in names)
        rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        return RelookError(
            "R03",
            f"training diverged at step {self.global_step}: {losses_text}, on images "
            f"{images} at learning rate {rate:.3g}. Weights that have left "
            f"the range of numbers do not come back. {ADVICE}.",
        )
