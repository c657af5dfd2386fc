"""The plan of a training, printed before it starts."""

from __future__ import annotations

from torch import nn

from ..config.model import ModelConfig
from ..data.images import open_image
from ..errors import DataError
from ..models.detector import Detector
from ..runtime.cluster import Place
from .recipe import UNLIMITED, Recipe
from .run_folder import RunFolder
from .schedule import WARMUP_SHARE
from .settings import Settings
from .sources import Sources


def plan_lines(
    settings: Settings, sources: Sources, detector: Detector, run: RunFolder, steps_per_epoch: int
) -> list[str]:
    """The plan, one fact a line: ``name: what and why``."""
    recipe, choice = settings.train, sources.semantics
    lines = [
        f"model: {settings.preset}, {_count(detector)} parameters",
        *(f"training data: {line}" for line in sources.train.summary()),
    ]
    if sources.train.num_empty_images:
        verdict = "kept" if recipe.keep_empty else "left out"
        lines.append(f"images without objects: {verdict} (train.keep_empty)")
    if sources.val is None:
        lines.append("validation: none, so the latest model is kept; --val-json chooses by AP")
    else:
        lines += [f"validation data: {line}" for line in sources.val.summary()]
        every = (
            "every epoch" if recipe.validate_every == 1 else f"every {recipe.validate_every} epochs"
        )
        lines.append(f"validation: {every}, at most {recipe.max_dets} detections an image")
    return [
        *lines,
        f"semantics: {choice.mode} ({choice.reason})",
        f"input: {_input(settings.model, recipe)}",
        f"pixels: {'; '.join(settings.model.input.reading.words())}",
        *_first_image(sources),
        f"augmentation: {recipe.augment.words()}",
        f"rate: {rate_reason(recipe)}",
        f"steps: {_steps(recipe, steps_per_epoch)}",
        *part_lines(detector),
        *_memory(recipe),
        f"run folder: {run.path}",
    ]


def process_lines(settings: Settings, place: Place) -> list[str]:
    """Lines about how the work is shared; none for a process that is alone."""
    if place.world_size == 1:
        return []
    recipe = settings.train
    where = f" on {place.nodes} machines" if place.nodes > 1 else ""
    counted = {
        "global": "losses are divided by what all processes count together",
        "process": "each process divides its losses by what it counts itself",
    }
    lines = [
        f"processes: {place.world_size}{where}, which share the {recipe.batch} images of a step "
        f"equally; {counted[recipe.normalise]} (train.normalise = {recipe.normalise})"
    ]
    if settings.model.backbone.norm == "batch":
        lines.append(
            "batch norm: each process takes the statistics of its own images, so the losses are "
            "not those of one process; backbone.norm = fixed_batch or group makes them so"
        )
    return lines


def rate_reason(recipe: Recipe) -> str:
    """The peak learning rate and where it comes from."""
    rate = f"{recipe.optimizer} at {recipe.learning_rate:.6g}"
    if recipe.lr != "auto":
        return f"{rate} (train.lr)"
    images = f"{recipe.batch} images a step"
    if recipe.accumulate > 1:
        images = f"{recipe.batch} x {recipe.accumulate} images a step"
    return (
        f"{rate} = {recipe.reference_lr:g} x {recipe.effective_batch} / {recipe.reference_batch} "
        f"(scaled linearly: {images}, the recipe's rate is for {recipe.reference_batch})"
    )


def part_lines(detector: nn.Module) -> list[str]:
    """Trainable and frozen parameters of each part of the detector."""
    lines = []
    for name, part in detector.named_children():
        total = sum(p.numel() for p in part.parameters())
        trained = sum(p.numel() for p in part.parameters() if p.requires_grad)
        if total:
            frozen = f", {total - trained:,} frozen" if trained < total else ""
            lines.append(f"part {name}: {trained:,} trainable{frozen}")
    return lines


def _count(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f} M"


def _memory(recipe: Recipe) -> list[str]:
    if not recipe.recompute:
        return []
    return ["memory: activations are computed twice in place of kept (train.recompute)"]


def _input(model: ModelConfig, recipe: Recipe) -> str:
    long, short = model.input.size
    training = recipe.augment.size_words()
    return f"at most {long} x {short} (long x short side) in test; in training {training}"


def _first_image(sources: Sources) -> list[str]:
    """What is used of the first training image; it stands for the others."""
    first = sources.train.images[0]
    try:
        with open_image(first.path, sources.train.reading) as image:
            return [f"images: {image.info.kind}"]
    except DataError:  # told when it is read
        return []


def _steps(recipe: Recipe, steps_per_epoch: int) -> str:
    total = steps_per_epoch * recipe.epochs
    text = f"{steps_per_epoch} an epoch"
    if recipe.minutes is None:
        text += f", {recipe.epochs} epochs, {total} in all"
    else:
        text += f", for {recipe.minutes:g} minutes"
        if recipe.epochs < UNLIMITED:
            text += f" (or {recipe.epochs} epochs, if that is earlier)"
    if recipe.steps is not None:
        text += f", stopped after {recipe.steps}"
    decay = "cosine to zero"
    if recipe.schedule == "step":
        drops = [str(epoch) for epoch in recipe.step_epochs if epoch < recipe.epochs]
        decay = f"a tenth from epoch {', '.join(drops)} on" if drops else "constant"
    share = f"at most {WARMUP_SHARE:.0%} of the training"
    return f"{text}; rate: {decay}, warm-up over {recipe.warmup_iterations} ({share})"
