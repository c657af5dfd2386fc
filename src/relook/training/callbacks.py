"""Callbacks around the steps of a training: records, validation, random numbers, a picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image

from ..data.coco.reader import CocoIndex
from ..evaluation.coco import evaluate_coco
from ..evaluation.files import save_predictions
from ..evaluation.ground_truth import GroundTruth, truth_of
from ..evaluation.metrics import Metrics
from ..evaluation.panoptic.scores import PanopticScores
from ..inference.results import SHOWN_FROM
from ..runtime.distributed import from_first, gathered
from ..visualization.sheet import save_picture
from ..weights.file import save_model
from .loading import TrainingBatch, mixed_seed
from .logs import TrainingLog
from .module import TrainingModule
from .run_folder import RunFolder
from .settings import Settings
from .validation_picture import draw_validation

MONITOR = "val/ap"  # PQ, or AP of masks, or of boxes where there are no masks
Say = Callable[[str], None]
Draw = Callable[[TrainingBatch], Image.Image]


def _module(module: pl.LightningModule) -> TrainingModule:
    assert isinstance(module, TrainingModule)
    return module


class Reseed(Callback):
    """Seeding of random numbers that do not depend on one image (`Target.seed`): by seed and
    epoch, so that a resumed training draws the same numbers as one without a break."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed all generators of torch."""
        torch.manual_seed(mixed_seed(self.seed, trainer.current_epoch, -1))


class FirstBatch(Callback):
    """Saves a picture of the first batch, before the first step, and sends it to the logs."""

    def __init__(self, path: Path, draw: Draw, say: Say, logs: TrainingLog) -> None:
        self.path, self.draw, self.say, self.logs = path, draw, say, logs

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Draw the first batch of the run."""
        if trainer.global_step == 0 and batch_idx == 0:
            picture = self.draw(batch)
            save_picture(picture, self.path)
            self.logs.picture("first_batch", picture, 0)
            self.say(f"picture of the first batch: {self.path}")


@dataclass
class _Window:
    """Sums over the steps since the last record."""

    steps: int = 0
    images: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def add(self, losses: dict[str, float], images: int) -> None:
        self.steps += 1
        self.images += images
        for name, value in losses.items():
            self.losses[name] = self.losses.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """The sum of all losses, then the mean of each; a missing loss of a step counts as zero."""
        means = {name: total / self.steps for name, total in self.losses.items()}
        return {"loss": sum(means.values()), **means}


class Records(Callback):
    """Writes the losses by name, averaged over `every` steps, to the run's metrics and logs."""

    def __init__(self, run: RunFolder, every: int, logs: TrainingLog, say: Say) -> None:
        self.run, self.every, self.logs, self.say = run, every, logs, say
        self._window = _Window()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the logs; after a resume, drop the records after the checkpoint."""
        self.run.forget_after(trainer.global_step)
        self.logs.begin(trainer.global_step, self.say)
        self._window = _Window()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add the losses of the step, and write a record when the window is full."""
        window = self._window
        window.add(_module(pl_module).last_losses, len(batch))
        if window.steps < self.every:
            return
        seconds = time.monotonic() - window.since
        row = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds_per_step": round(seconds / window.steps, 4),
            **{name: round(value, 6) for name, value in window.means().items()},
        }
        self.run.record(row)
        self.logs.record(row)
        self._window = _Window()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restart the window's clock: validation is no training time."""
        self._window.since = time.monotonic()


class Validation(Callback):
    """Scores the predictions, and saves the best model and its predictions.

    The first process scores the predictions of all processes, and sends the numbers to the others.
    The model is saved with the best score threshold on these images, as `shown_from`. This callback
    must come before weight averaging in the list: it then runs while the averaged weights are in
    place, so that these are scored and saved.
    """

    def __init__(
        self, run: RunFolder, settings: Settings, truth: CocoIndex, say: Say, logs: TrainingLog
    ) -> None:
        self.run, self.say, self.logs = run, say, logs
        self.config, self.preset = settings.model, settings.preset
        self.truth, self.max_dets = truth, settings.train.max_dets
        self._objects: GroundTruth | None = None
        self.best = -1.0
        self.best_metrics: Metrics | None = None
        self.images_per_second = 0.0
        self.last_step = -1
        self._since = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return the best AP, so that a resumed run does not replace a better model."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best AP."""
        self.best = float(state_dict["best"])

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._since = time.monotonic()

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score the predictions, record and print the numbers, and save the best model."""
        module = _module(pl_module)
        self.last_step = trainer.global_step
        parts, segmented = gathered(module.predictions), gathered(module.segmented)
        seconds = time.monotonic() - self._since
        self.images_per_second = len(self.truth.images) / max(seconds, 1e-9)
        predictions = in_file_order(parts, (image.id for image in self.truth.images))
        quality = None if module.panoptic is None else module.panoptic.scores(segmented)
        metrics = from_first(lambda: self._scored(module, predictions, quality))
        ap = headline(metrics, quality)
        pl_module.log(MONITOR, ap, batch_size=1, rank_zero_only=False, sync_dist=False)
        better = ap > self.best
        if better:
            self.best, self.best_metrics = ap, metrics
        speed = self.images_per_second
        self.say(_validation_line(trainer.current_epoch, metrics, quality, better, speed))

    def _scored(
        self,
        module: TrainingModule,
        predictions: list[dict[str, Any]],
        quality: PanopticScores | None,
    ) -> Metrics:
        """Metrics of `predictions`; recorded, and for the best model saved with it."""
        self._objects = self._objects or truth_of(self.truth)
        metrics = evaluate_coco(
            self._objects,
            predictions,
            max_dets=self.max_dets,
            iou_types=("bbox", "segm") if self.config.cascade.masks else ("bbox",),
            classes=module.classes,
        )
        row = validation_row(module.global_step, module.current_epoch, metrics, quality)
        self.run.record(row)
        self.logs.record(row)
        if self.logs.is_open:
            best = metrics.best_counting
            threshold = SHOWN_FROM if best is None else best.threshold
            picture = draw_validation(self.truth, self._objects, predictions, threshold)
            self.logs.picture("validation", picture, module.global_step)
        if headline(metrics, quality) > self.best:
            extra = {"preset": self.preset, "validation": metrics.to_json(), **module.origin()}
            if quality is not None:
                extra["panoptic"] = quality.to_json()
            if metrics.best_counting is not None:
                extra["shown_from"] = metrics.best_counting.threshold
            model_parts = module.detector, self.config, module.classes, extra
            save_model(self.run.best, *model_parts, stuff=module.stuff)
            save_predictions(self.run.predictions, predictions)
        return metrics


class KeepLatest(Callback):
    """Saves the latest model as the best one, for a training without validation."""

    def __init__(self, run: RunFolder, settings: Settings) -> None:
        self.run, self.settings = run, settings

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the weights of this epoch."""
        self._save(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save once more: now the averaged weights, if there are any, are in place."""
        self._save(pl_module)

    def _save(self, pl_module: pl.LightningModule) -> None:
        module = _module(pl_module)
        extra = {"preset": self.settings.preset, **module.origin()}
        model_parts = module.detector, self.settings.model, module.classes, extra
        save_model(self.run.best, *model_parts, stuff=module.stuff)


def in_file_order(
    parts: Sequence[Sequence[dict[str, Any]]], image_ids: Iterable[int]
) -> list[dict[str, Any]]:
    """Join the results of several processes in the order of `image_ids`; of an image that two
    processes have, take those of the first."""
    of_image: dict[int, list[dict[str, Any]]] = {}
    for part in parts:
        of_part: dict[int, list[dict[str, Any]]] = {}
        for row in part:
            of_part.setdefault(row["image_id"], []).append(row)
        of_image = of_part | of_image
    return [row for image_id in image_ids for row in of_image.get(image_id, ())]


def headline(metrics: Metrics, quality: PanopticScores | None = None) -> float:
    """The number that chooses the best model: PQ of panoptic maps, mask AP, or box AP without
    masks; 0 where it is not defined."""
    scores = metrics.box if metrics.mask is None else metrics.mask
    value = scores.ap if quality is None else quality.all.pq
    return value if value == value else 0.0


def validation_row(
    step: int, epoch: int, metrics: Metrics, quality: PanopticScores | None = None
) -> dict[str, Any]:
    """One record of a validation: PQ of all, things and stuff, AP, AP50 and AP75 of boxes and
    masks, and the counting errors at the best score threshold."""
    row: dict[str, Any] = {"step": step, "epoch": epoch}
    for name, scores in (("box", metrics.box), ("mask", metrics.mask)):
        if scores is not None:
            values = {"ap": scores.ap, "ap50": scores.ap50, "ap75": scores.ap75}
            row |= {f"val/{name}_{key}": round(value, 5) for key, value in values.items()}
    if quality is not None:
        parts = {"pq": quality.all, "pq_things": quality.things, "pq_stuff": quality.stuff}
        row |= {f"val/{key}": round(part.pq, 5) for key, part in parts.items()}
    if (best := metrics.best_counting) is not None:
        row |= {"val/f1": round(best.f1, 5), "val/count_error": round(best.count_error, 5)}
    return row


def _validation_line(
    epoch: int, metrics: Metrics, quality: PanopticScores | None, better: bool, speed: float
) -> str:
    parts = []
    if quality is not None:
        of_both = f"things {quality.things.pq:.3f}, stuff {quality.stuff.pq:.3f}"
        parts.append(f"PQ {quality.all.pq:.3f} ({of_both})")
    parts.append(f"box AP {metrics.box.ap:.3f} (AP50 {metrics.box.ap50:.3f})")
    if metrics.mask is not None:
        parts.append(f"mask AP {metrics.mask.ap:.3f} (AP50 {metrics.mask.ap50:.3f})")
    if (best := metrics.best_counting) is not None:
        errors = f"count error {best.count_error:.2f}"
        parts.append(f"F1 {best.f1:.3f} and {errors} an image from score {best.threshold:.2g}")
    counts = f"{metrics.num_detections} detections for {metrics.num_objects} objects"
    verdict = ", the best so far" if better else ""
    parts += [counts, f"{speed:.1f} images/s"]
    return f"validation after epoch {epoch + 1}: {', '.join(parts)}{verdict}"
