"""The plan of a training, printed before it starts and kept in its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from torch import nn

from ..config.model import ModelConfig
from ..config.parts import PartsConfig
from ..data.images import open_image
from ..data.semantics import Mode
from ..errors import DataError, counted
from ..models.detector import Detector
from ..runtime.cluster import Place
from .length import Length
from .recipe import UNLIMITED, Recipe
from .run_folder import RunFolder
from .schedule import WARMUP_SHARE
from .settings import Settings
from .sources import Sources

FEW_STEPS: Final = 100
"""Updates of the weights below which nothing is learned, from a trained backbone or without one."""
FEW_STEPS_FURTHER: Final = 20
"""The same for a training that starts from a trained detector."""
_SEMANTICS: Final[dict[Mode, str]] = {
    "none": "No semantic branch is trained",
    "instances": "The semantic branch learns from the objects",
    "maps": "The semantic branch learns from label maps",
    "panoptic": "The semantic branch learns from panoptic maps",
}


@dataclass(frozen=True, slots=True)
class PlanSection:
    """Sentences of the plan about one subject."""

    title: str
    lines: tuple[str, ...]

    def text(self) -> list[str]:
        """The title and the indented sentences; nothing where there are none."""
        return [self.title, *(f"  {line}" for line in self.lines)] if self.lines else []


def plan_sections(
    settings: Settings,
    sources: Sources,
    detector: Detector,
    run: RunFolder,
    length: Length,
    place: Place,
    reasons: Sequence[str] = (),
    *,
    is_trained: bool = False,
) -> list[PlanSection]:
    """The plan of a training; `reasons` are those of the settings chosen for a fine-tuning, and
    `is_trained` says whether it starts from a trained detector."""

    def section(title: str, lines: Iterable[str]) -> PlanSection:
        return PlanSection(title, tuple(lines))

    recipe = settings.train
    start = {"is_trained": is_trained, "validates": sources.val is not None}
    return [
        section("Chosen for this fine-tuning; options and --set win over it", reasons),
        section("Data", data_lines(sources, length)),
        section("Model", model_lines(settings.preset, settings.model.parts, detector, sources)),
        section("Images", _image_lines(settings.model, recipe, sources)),
        section("Steps", _step_lines(length, **start)),
        section("Processes", process_lines(settings, place)),
        section("Results", [f"Run folder: {run.path}"]),
    ]


def data_lines(sources: Sources, length: Length) -> list[str]:
    """Sentences about the images and objects, and how the best model is chosen."""
    recipe = length.recipe
    lines = [f"Training: {line}" for line in sources.train.summary()]
    if sources.train.num_empty_images:
        verdict = "kept" if recipe.keep_empty else "left out"
        lines.append(f"Training: images without objects are {verdict} (train.keep_empty).")
    if sources.val is None:
        return [
            *lines,
            "Validation: there is no data for it (--val-json), so the last weights are kept and "
            "not the best.",
        ]
    return [
        *lines,
        *(f"Validation: {line}" for line in sources.val.summary()),
        f"Validation: {length.validation_sentence()}; at most {recipe.max_dets} detections of an "
        "image count.",
    ]


def model_lines(name: str, own: PartsConfig, detector: nn.Module, sources: Sources) -> list[str]:
    """Sentences about the parameters, the user's `own` parts, which parameters are trained, and the
    semantic branch."""
    choice = sources.semantics
    lines = [f"{name}, {_millions(detector)} parameters: {_parts(detector)}"]
    lines += [f"Own part, {words}" for words in own.words()]
    lines += [line for part in detector.named_children() if (line := _frozen(*part))]
    return [*lines, f"{_SEMANTICS[choice.mode]}: {choice.reason}."]


def process_lines(settings: Settings, place: Place) -> list[str]:
    """Sentences about how the work is shared; none for a process that is alone."""
    if place.world_size == 1:
        return []
    recipe = settings.train
    where = f" on {place.nodes} machines" if place.nodes > 1 else ""
    divisor = {
        "global": "losses are divided by what all processes count together",
        "process": "each process divides its losses by what it counts itself",
    }
    lines = [
        f"{place.world_size} processes{where} share the {recipe.batch} images of a step equally; "
        f"{divisor[recipe.normalise]} (train.normalise = {recipe.normalise})."
    ]
    if settings.model.backbone.norm == "batch":
        lines.append(
            "Batch norm: each process takes the statistics of its own images, so the losses are "
            "not those of one process; backbone.norm = fixed_batch or group makes them so."
        )
    return lines


def rate_sentence(recipe: Recipe) -> str:
    """The peak learning rate and where it comes from."""
    rate = f"Learning rate of {recipe.optimizer}: {recipe.learning_rate:.6g}"
    if recipe.lr != "auto":
        return f"{rate} (train.lr)."
    images = f"{recipe.batch}"
    if recipe.accumulate > 1:
        images = f"{recipe.batch} x {recipe.accumulate}"
    return (
        f"{rate}, the recipe's {recipe.reference_lr:g} for steps of {recipe.reference_batch} "
        f"images, scaled in proportion to the {images} of this one."
    )


def decay_sentence(recipe: Recipe) -> str:
    """Sentence on how the learning rate changes during the training."""
    warmup = (
        f"It rises over the first {recipe.warmup_iterations} steps (never more than "
        f"{WARMUP_SHARE:.0%} of the training)"
    )
    if recipe.schedule == "cosine":
        return f"{warmup}, then falls to zero along a cosine."
    drops = [str(epoch) for epoch in recipe.step_epochs if epoch < recipe.epochs]
    never = [str(epoch) for epoch in recipe.step_epochs if epoch >= recipe.epochs]
    text = f"{warmup}, then stays."
    if drops:
        text = f"{warmup}, then drops to a tenth after epoch {' and again after '.join(drops)}."
    if never:
        late = "last drop" if drops else "drops"
        text += (
            f" Its {late} after epoch {' and '.join(never)} would come later than "
            f"the {counted(recipe.epochs, 'epoch')} of this training "
            "(train.step_epochs; train.schedule=cosine follows the length)."
        )
    return text


def _first_image(sources: Sources) -> list[str]:
    """The reading of the first training image; it stands for the others."""
    first = sources.train.images[0]
    try:
        with open_image(first.path, sources.train.reading) as image:
            return [f"The first is {image.info.kind}."]
    except DataError:  # raised when the image is read for training
        return []


def saving_sentence(recipe: Recipe) -> str:
    """Sentence on when the state of the training is saved."""
    return (
        f"State: saved every {recipe.save_minutes:g} minutes, at a signal and at the end of an "
        "epoch, before and after its validation; the last two are kept (--resume)."
    )


def few_steps_sentence(steps: int, *, is_trained: bool) -> str | None:
    """Sentence on a training of so few updates of the weights; None for one that has enough.

    `is_trained` says whether it starts from a trained detector.
    """
    if steps >= (FEW_STEPS_FURTHER if is_trained else FEW_STEPS):
        return None
    return (
        f"{counted(steps, 'update')} of the weights: too few to learn from. This shows that the "
        "training runs; its numbers say nothing about the model or the data."
    )


def _step_lines(length: Length, *, is_trained: bool, validates: bool) -> list[str]:
    recipe = length.recipe
    few = few_steps_sentence(length.steps or UNLIMITED, is_trained=is_trained)
    after = [
        "The minutes are those of the training. A validation that is due at their end comes after "
        "them, and the best model is chosen by it."
    ]
    return [
        *([] if few is None else [few]),
        length.sentence(),
        *(after if recipe.minutes is not None and validates else []),
        saving_sentence(recipe),
        f"Images a step: {recipe.effective_batch}."
        + (" Activations are computed twice to save memory." if recipe.recompute else ""),
        rate_sentence(recipe),
        decay_sentence(recipe),
    ]


def _image_lines(model: ModelConfig, recipe: Recipe, sources: Sources) -> list[str]:
    long, short = model.input.size
    return [
        f"Values: {'; '.join(model.input.reading.words())}.",
        *_first_image(sources),
        f"Training: {recipe.augment.size_words()}; {recipe.augment.words()}.",
        f"Training: {recipe.augment.turn_words()}.",
        f"Validation and prediction: scaled to fit {long} x {short} pixels (long x short side).",
    ]


def _parts(detector: nn.Module) -> str:
    """Parameters of each part that has some."""
    counts = {name: _count(part) for name, part in detector.named_children()}
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count) + "."


def _frozen(name: str, part: nn.Module) -> str:
    fixed = sum(p.numel() for p in part.parameters() if not p.requires_grad)
    return f"Of {name}, {fixed:,} parameters are frozen." if fixed else ""


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _millions(module: nn.Module) -> str:
    return f"{_count(module) / 1e6:.2f} M"
