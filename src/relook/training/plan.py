"""What a training is going to do, said before it does it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ..config import ModelConfig
from ..detector import Detector
from .recipe import Recipe
from .run_folder import RunFolder, class_table
from .schedule import WARMUP_SHARE
from .settings import Settings
from .sources import Sources, describe_size, kept_images

_NAMED_CLASSES = 12


def plan_lines(
    settings: Settings, sources: Sources, detector: Detector, run: RunFolder, steps_per_epoch: int
) -> list[str]:
    """The plan, one fact a line: ``name: what and why``."""
    recipe = settings.train
    lines = [
        f"model: {settings.preset}, {_count(detector)} parameters",
        f"classes: {_classes(sources)}",
        f"training: {_images(sources, recipe)}",
        *_skipped(settings.data.train_json, sources.train.skipped),
        f"validation: {_validation(settings, sources)}",
    ]
    if sources.val is not None and settings.data.val_json is not None:
        lines += _skipped(settings.data.val_json, sources.val.skipped)
    choice = sources.semantics
    return [
        *lines,
        f"semantics: {choice.mode} ({choice.reason})",
        f"input: {_input(settings.model, recipe)}",
        f"rate: {rate_reason(recipe)}",
        f"steps: {_steps(recipe, steps_per_epoch)}",
        *part_lines(detector),
        f"run folder: {run.path}",
    ]


def rate_reason(recipe: Recipe) -> str:
    """The peak learning rate and where it comes from."""
    rate = f"{recipe.optimizer} at {recipe.learning_rate:.6g}"
    if recipe.lr != "auto":
        return f"{rate}, as given"
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


def _classes(sources: Sources) -> str:
    table = class_table(sources.train)
    named = [f"{row['name']} ({row['objects']})" for row in table[:_NAMED_CLASSES]]
    rest = len(table) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def _images(sources: Sources, recipe: Recipe) -> str:
    total, kept = len(sources.train.images), len(kept_images(sources.train, False).images)
    empty = "kept" if recipe.keep_empty else "left out"
    without = f", {total - kept} of them without objects ({empty})" if kept < total else ""
    return f"{sources.train.path}, {total} images{without}"


def _validation(settings: Settings, sources: Sources) -> str:
    if sources.val is None:
        return "none, so the latest model is kept as the best; pass --val-json to choose by AP"
    every = settings.train.validate_every
    when = "every epoch" if every == 1 else f"every {every} epochs"
    counted = f"at most {settings.train.max_dets} detections an image"
    return f"{sources.val.path}, {len(sources.val.images)} images, {when}, {counted}"


def _skipped(path: Path, skipped: Mapping[str, int]) -> list[str]:
    return [f"skipped: {count} x {reason} in {path}" for reason, count in skipped.items()]


def _input(model: ModelConfig, recipe: Recipe) -> str:
    augment = recipe.augment
    if augment.crop is not None and augment.scale_jitter is not None:
        low, high = augment.scale_jitter
        height, width = augment.crop
        training = f"crops of {height} x {width} at {low:g} to {high:g} of the fitting scale"
    elif augment.size is not None:
        (_, low), (long, high) = augment.size
        training = f"short side {low} to {high}, long side at most {long}"
    else:
        training = "the same"
    return f"{describe_size(model)} in test; in training {training}"


def _steps(recipe: Recipe, steps_per_epoch: int) -> str:
    total = steps_per_epoch * recipe.epochs
    text = f"{steps_per_epoch} an epoch"
    if recipe.minutes is None:
        text += f", {recipe.epochs} epochs, {total} in all"
    else:
        text += f", for {recipe.minutes:g} minutes (or {recipe.epochs} epochs, if that is earlier)"
    decay = "cosine to zero"
    if recipe.schedule == "step":
        drops = [str(epoch) for epoch in recipe.step_epochs if epoch < recipe.epochs]
        decay = f"a tenth from epoch {', '.join(drops)} on" if drops else "constant"
    share = f"at most {WARMUP_SHARE:.0%} of the training"
    return f"{text}; rate: {decay}, warm-up over {recipe.warmup_iterations} ({share})"
