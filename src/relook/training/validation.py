"""Validation of the weights of a training, and the choice of its best model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from ..data.coco.reader import CocoIndex
from ..errors import RelookError, counted
from ..evaluation.coco import evaluate_coco
from ..evaluation.files import save_predictions
from ..evaluation.ground_truth import GroundTruth, truth_of
from ..evaluation.metrics import Metrics
from ..evaluation.panoptic.scores import PanopticScores
from ..inference.results import SHOWN_FROM
from ..runtime.distributed import from_first, gathered
from ..weights.file import save_model
from .length import Length
from .loading import BatchLoader
from .logs import TrainingLog
from .module import TrainingModule
from .run_folder import RunFolder
from .settings import Settings
from .sound_weights import check_weights
from .time_left import duration
from .validation_picture import draw_validation

Say = Callable[[str], None]

MEASURED: Final = 4  # images that tell how long a validation takes, the first of them to warm up
LONG: Final = 10.0  # seconds of an image after which no further one is measured
ANNOUNCED: Final = 15.0  # seconds of a validation that is said before it begins


class Validation(Callback):
    """Scores the predictions on the validation images, and saves the best model with them.

    The first process scores the predictions of all processes, and sends the numbers to the others.
    The model is saved with the best score threshold on these images, as `shown_from`. With
    `patience`, a training has no more to gain after so many validations without a better model.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: Settings,
        truth: CocoIndex,
        loader: BatchLoader,
        say: Say,
        logs: TrainingLog,
    ) -> None:
        self.run, self.say, self.logs, self.loader = run, say, logs, loader
        self.config, self.preset = settings.model, settings.preset
        self.truth, self.max_dets = truth, settings.train.max_dets
        self.patience = settings.train.patience
        self._objects: GroundTruth | None = None
        self.best = -1.0
        self.best_metrics: Metrics | None = None
        self.images_per_second = 0.0
        self.last_step = -1
        self.without_gain = 0
        self.seconds = 0.0
        """Time of all validations so far, with scoring and saving."""
        self.expected: float | None = None
        """Seconds of the next validation, from the last one or from `measure`."""

    def state_dict(self) -> dict[str, Any]:
        """Return the best AP, the last validated step, the validations without a gain, and the
        seconds of all."""
        return {
            "best": self.best,
            "step": self.last_step,
            "without_gain": self.without_gain,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.best = float(state_dict["best"])
        self.last_step = state_dict.get("step", -1)
        self.without_gain = state_dict.get("without_gain", 0)
        self.seconds = float(state_dict.get("seconds", 0.0))

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once after a resume of a training that had no more to gain."""
        trainer.should_stop = trainer.should_stop or self.is_exhausted

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure how long a validation will take, before the clocks of the training start."""
        assert isinstance(pl_module, TrainingModule)
        self.measure(trainer, pl_module)

    @property
    def is_exhausted(self) -> bool:
        """Return whether the patience is used up."""
        return self.patience is not None and self.without_gain >= self.patience

    def validate(self, trainer: pl.Trainer, module: TrainingModule, epoch: int) -> None:
        """Predict, score, record and print, and save the best model; stop if there is no gain.

        `epoch` is that of the weights, from 0.

        Raises:
            RelookError: R03 for weights that are not sound, R02 when a file cannot be written.
        """
        if self.expected is None or self.expected >= ANNOUNCED:
            about = "" if self.expected is None else f", about {duration(self.expected)}"
            self.say(f"validating {counted(len(self.truth.images), 'image')}{about}")
        since = time.monotonic()
        self._predict(trainer, module)
        parts, segmented = gathered(module.predictions), gathered(module.segmented)
        seconds = time.monotonic() - since
        self.images_per_second = len(self.truth.images) / max(seconds, 1e-9)
        predictions = in_file_order(parts, (image.id for image in self.truth.images))
        quality = None if module.panoptic is None else module.panoptic.scores(segmented)
        metrics = from_first(lambda: self._scored(module, epoch, predictions, quality))
        ap = headline(metrics, quality)
        better = ap > self.best
        self.without_gain = 0 if better else self.without_gain + 1
        if better:
            self.best, self.best_metrics = ap, metrics
        self.last_step = trainer.global_step
        self.expected = time.monotonic() - since
        self.seconds += self.expected
        where = Length(module.recipe, module.schedule.steps_per_epoch).position(self.last_step)
        self.say(_validation_line(where, metrics, quality, better, self.images_per_second))
        if self.is_exhausted:
            trainer.should_stop = True

    def measure(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        """Predict a few images, to tell how long a validation will take (`expected`).

        Nothing is scored, and no random number is drawn. The first image is only there to warm up.
        """
        indices = list(self.loader.sampler)
        chosen = [indices[len(indices) * part // MEASURED] for part in range(MEASURED)]
        times: list[float] = []
        with _predicting(trainer, module):
            for number, key in enumerate(dict.fromkeys(chosen)):
                since = time.monotonic()
                batch = self.loader.collate_fn([self.loader.dataset[key]])
                if isinstance(batch, RelookError):
                    return  # the validation says it
                module.validation_step(batch.to(module.device), number)
                times.append(time.monotonic() - since)
                if times[-1] > LONG:
                    break
        later = times[1:] or times
        self.expected = len(indices) * sum(later) / len(later)
        module.on_validation_epoch_start()

    def _predict(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        """Let `module` collect its predictions of the images that fall to this process."""
        with _predicting(trainer, module):
            for number, batch in enumerate(self.loader):
                module.validation_step(batch.to(module.device), number)

    def _scored(
        self,
        module: TrainingModule,
        epoch: int,
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
        row = validation_row(module.global_step, epoch, metrics, quality)
        self.run.record(row)
        self.logs.record(row)
        if self.logs.is_open:
            best = metrics.best_counting
            threshold = SHOWN_FROM if best is None else best.threshold
            picture = draw_validation(self.truth, self._objects, predictions, threshold)
            self.logs.picture("validation", picture, module.global_step)
        if headline(metrics, quality) > self.best:
            check_weights(module, module.global_step)
            extra = {"preset": self.preset, "validation": metrics.to_json(), **module.origin()}
            if quality is not None:
                extra["panoptic"] = quality.to_json()
            if metrics.best_counting is not None:
                extra["shown_from"] = metrics.best_counting.threshold
            model_parts = module.detector, self.config, module.classes, extra
            save_model(self.run.best, *model_parts, stuff=module.stuff)
            save_predictions(self.run.predictions, predictions)
        return metrics


@contextlib.contextmanager
def _predicting(trainer: pl.Trainer, module: TrainingModule) -> Iterator[None]:
    """Set `module` to predict, with no predictions yet, and back to train at the end."""
    were_training = [part for part in module.modules() if part.training]
    module.eval()
    module.on_validation_epoch_start()
    try:
        with torch.no_grad(), trainer.precision_plugin.val_step_context():
            yield
    finally:
        for part in were_training:
            part.training = True


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
    where: str, metrics: Metrics, quality: PanopticScores | None, better: bool, speed: float
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
    return f"validation after {where}: {', '.join(parts)}{verdict}"
