"""Settings for a training that starts from a trained model, chosen from that model and the data.

The recipe of a preset is for its own start: random numbers, or ImageNet. Who starts from a
detector needs fewer views of the images, and sizes and caps that suit objects of another size and
number. Each choice is printed with its reason and gives way to whatever the
user says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..config.base import assign
from ..data.statistics import most_objects, object_sizes
from ..structures.object_sizes import ObjectSizes
from ..weights.header import Header
from .annotations import Annotations, read_annotations
from .recipe import SCHEDULES, UNLIMITED
from .settings import Overlay, Settings, resolve

if TYPE_CHECKING:
    from ..weights.file import SavedModel

IMAGES_TO_SEE = 2000  # augmented views; more changed little on the sets that this was tried on
FEWEST_EPOCHS = 12  # however large the set
FEW_IMAGES = 1000  # below, steps of two images: many small steps learn more than few large ones
VALIDATIONS = 10  # in a training; fewer where they would take too long beside it
VIEWS_PER_VALIDATION_IMAGE = 4  # training views between two validations, for each of its images
ROOM = 1.5  # most objects to be found in an image, over the most that is annotated in one
FEWEST_DETECTIONS = 100
PROPOSALS = 1.2  # over the most objects to be found
ENLARGED = 1.5  # most that the input may grow
INPUT_SIZE = "model.input.size"
GRID = 32  # pixels, the stride of the coarsest map of the backbone


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting as ``--set`` takes it, and why."""

    key: str  # model.input.size
    value: Any  # plain data
    reason: str

    def line(self, settings: Settings) -> str:
        """The choice for people; `settings` are those that came of it."""
        chosen = _plain(_at(settings.model_dump(mode="json"), self.key))
        if chosen != _plain(self.value):
            return (
                f"{self.key} = {_shown(chosen)}, as you say. "
                f"It would be {_shown(self.value)}: {self.reason}."
            )
        return f"{self.key} = {_shown(chosen)}: {self.reason}."


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Settings to train with, the annotations they were chosen for, and the choices as lines."""

    settings: Settings
    annotations: Annotations
    lines: tuple[str, ...]


def fine_tuning(
    saved: Header | SavedModel, overlays: Sequence[Overlay], *, name: str, model_named: bool = False
) -> FineTuning:
    """Choose settings to train `saved` with on the data that `overlays` name.

    Args:
        saved: the trained model to start from, or the header of its file.
        overlays: what the user asks for, later ones winning; all of them win over the choices.
        name: the preset whose recipe is the start of the choices.
        model_named: take that preset's configuration as well, in place of the model's own.

    Raises:
        RelookError: What `resolve` and `read_annotations` raise.
    """
    base = None if model_named else saved.config
    draft = resolve(overlays, preset_name=name, base=base)
    annotations = read_annotations(draft)
    chosen = choices(saved, draft, annotations, _given(overlays))
    settings = resolve([_overlay(chosen), *overlays], preset_name=name, base=base)
    return FineTuning(settings, annotations, tuple(c.line(settings) for c in chosen))


def choices(
    saved: Header | SavedModel, draft: Settings, annotations: Annotations, given: frozenset[str]
) -> tuple[Choice, ...]:
    """All choices for `annotations`; `given` are the keys of `draft` that the user decided."""
    return (
        *_pace(draft, annotations, given),
        _frozen(draft),
        *_input_size(saved, draft, annotations),
        *_caps(draft, annotations),
    )


def _pace(draft: Settings, annotations: Annotations, given: frozenset[str]) -> Iterator[Choice]:
    """Rate, batch and length."""
    recipe, images = draft.train, len(annotations.train.images)
    batch = recipe.batch
    if images < FEW_IMAGES and "train.batch" not in given:
        batch = min(2, recipe.batch, images)
    reason = f"of only {images} images, many small steps learn more than few large ones"
    if images >= FEW_IMAGES:
        reason = "as in the recipe"
    yield Choice("train.batch", batch, reason)
    tuned = recipe.with_(batch=batch, lr="auto")
    yield Choice(
        "train.lr",
        tuned.learning_rate,
        f"the rate of the recipe with {recipe.optimizer}, for steps of {tuned.effective_batch} "
        "images. Half of it learned less in our trials",
    )
    yield Choice("train.schedule", "cosine", "the rate falls to zero, however long the training is")
    if recipe.minutes is not None:
        epochs = UNLIMITED
        yield Choice("train.epochs", epochs, f"the training ends after {recipe.minutes:g} minutes")
    else:
        epochs = max(FEWEST_EPOCHS, math.ceil(IMAGES_TO_SEE / images))
        yield Choice(
            "train.epochs",
            epochs,
            f"{images * epochs} augmented views of {images} images; --epochs or --minutes set it",
        )
    if annotations.val is not None:
        validation = len(annotations.val.images)
        views = max(IMAGES_TO_SEE / VALIDATIONS, VIEWS_PER_VALIDATION_IMAGE * validation)
        every = max(
            1, math.ceil(views / images), epochs // VALIDATIONS if epochs < UNLIMITED else 1
        )
        yield Choice(
            "train.validate_every",
            every,
            f"epochs, so that {validation} validation images take less time than the training",
        )


def _frozen(draft: Settings) -> Choice:
    backbone = draft.model.backbone
    if backbone.norm == "fixed_batch":
        reason = "as in the model, whose backbone has stored statistics"
        return Choice("model.backbone.frozen_stages", backbone.frozen_stages, reason)
    reason = (
        "nothing is frozen. The backbone has no stored statistics that training could spoil, and "
        "freezing three stages of it learned less in our trials"
    )
    return Choice("model.backbone.frozen_stages", 0, reason)


def _input_size(
    saved: Header | SavedModel, draft: Settings, annotations: Annotations
) -> Iterator[Choice]:
    """Objects as large as those that the model was trained on; where they are, or where it does
    not say, larger inputs for small objects.
    """
    limits = saved.config.input.size
    known, objects = saved.sizes, object_sizes(annotations.train, limits, draft.train.augment)
    if (
        known is None
        or objects is None
        or known.quantiles[1] <= objects.median <= known.quantiles[3]
    ):
        yield _reaching_the_anchor(saved, draft, objects)
        return
    least = min(1.0, known.quantiles[0] / objects.quantiles[0])
    factor = min(max(known.median / objects.median, least), ENLARGED)
    sides = [max(GRID, round(side * factor / GRID) * GRID) for side in limits]
    yield Choice(
        INPUT_SIZE,
        sides,
        f"{limits[0]} x {limits[1]} in the model; half of the objects would be under "
        f"{objects.median:.0f} pixels across there, and half of those that the model learned from "
        f"are under {known.median:.0f} (at most {ENLARGED:g} times larger, and the smallest tenth "
        f"never under the model's {known.quantiles[0]:.0f} pixels by it)",
    )
    yield from _jitter(draft, objects, min(sides[0] / limits[0], sides[1] / limits[1]))


def _jitter(draft: Settings, objects: ObjectSizes, factor: float) -> Iterator[Choice]:
    """Training windows at the scale of the test too, where that is below all of them."""
    jitter = draft.train.augment.scale_jitter
    lowest = objects.trained[0] / objects.quantiles[0]  # of the windows, over the model's test size
    if jitter is None or factor >= lowest:
        return
    low = math.floor(jitter[0] * factor / lowest * 100) / 100
    yield Choice(
        "train.augment.scale_jitter",
        [max(low, 0.01), jitter[1]],
        f"from {jitter[0]:g} on in the recipe, which is above the scale of the input in test",
    )


def _reaching_the_anchor(
    saved: Header | SavedModel, draft: Settings, objects: ObjectSizes | None
) -> Choice:
    """Larger inputs for small objects: the smallest tenth should reach the smallest anchor."""
    long, short = saved.config.input.size
    small = 0.0 if objects is None else objects.quantiles[0]
    anchor = 4 * draft.model.rpn.anchors.scale  # pixels; the finest level has stride 4
    if objects is None or small >= anchor:
        return Choice(
            INPUT_SIZE,
            [long, short],
            f"as in the model: nine in ten objects are then at least {small:.0f} pixels across, "
            f"and the smallest anchor is {anchor:.0f}",
        )
    factor = min(anchor / small, ENLARGED)
    value = [math.floor(side * factor / GRID) * GRID for side in (long, short)]
    return Choice(
        INPUT_SIZE,
        value,
        f"{long} x {short} in the model; a tenth of the objects would be under "
        f"{small:.0f} pixels across there, and the smallest anchor is {anchor:.0f} (at most "
        f"{ENLARGED:g} times larger, for time and memory)",
    )


def _caps(draft: Settings, annotations: Annotations) -> Iterator[Choice]:
    """Room for the most crowded image; caps of the model are never lowered."""
    model = draft.model
    most = most_objects(annotations.train)
    wanted = max(FEWEST_DETECTIONS, math.ceil(most * ROOM / 50) * 50)
    detections = max(wanted, model.cascade.select.max_detections)
    proposals = max(math.ceil(PROPOSALS * detections), model.rpn.test.proposals)
    yield Choice(
        "model.cascade.select.max_detections",
        detections,
        f"the image with the most objects has {most}. It is never less than in the model",
    )
    yield Choice("train.max_dets", detections, "validation counts everything the model may find")
    yield Choice(
        "model.rpn.test.proposals",
        proposals,
        f"at least {PROPOSALS:g} for each of {detections} detections",
    )
    yield Choice(
        "model.rpn.test.candidates",
        max(proposals, model.rpn.test.candidates),
        "at least as many from each pyramid level as are kept of all levels",
    )


def _overlay(chosen: Sequence[Choice]) -> Overlay:
    tree: dict[str, Any] = {"model": {}, "train": {}}
    for choice in chosen:
        assign(tree, choice.key.split("."), choice.value)
    return Overlay(model=tree["model"], train=tree["train"])


def _given(overlays: Sequence[Overlay]) -> frozenset[str]:
    """The keys of all values in `overlays`, as in `Choice.key`."""
    return frozenset(
        key
        for one in overlays
        for root, tree in (("model", one.model), ("train", _train_fields(one)))
        for key in _keys(tree, root)
    )


def _train_fields(overlay: Overlay) -> Mapping[str, Any]:
    return {**SCHEDULES.get(overlay.schedule or "", {}), **overlay.train}


def _keys(tree: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}"


def _at(tree: Mapping[str, Any], key: str) -> Any:
    value: Any = tree
    for name in key.split("."):
        value = value[name]
    return value


def _shown(value: Any) -> str:
    """The value as people read it."""
    return "unlimited" if value == UNLIMITED else str(_plain(value))


def _plain(value: Any) -> Any:
    """Tuples as lists, as json and YAML have them."""
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
