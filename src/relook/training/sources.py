"""The data of a training, and what the data decides about the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..config.model import ModelConfig
from ..data import class_names, formats
from ..data.augment.copy_paste import CopyPaste, check_masks
from ..data.augment.transforms import evaluation_transforms, training_transforms
from ..data.coco.reader import ALL_CROWD, CocoIndex, read_coco
from ..data.dataset import CocoDataset
from ..data.images.measured import stored_reading
from ..data.panoptic.reader import PanopticIndex, is_panoptic, read_panoptic, to_coco_index
from ..data.semantics import SemanticChoice, choose_semantics, panoptic_semantics
from ..errors import DataError, UsageError
from ..structures.panoptic import PanopticCategory
from .recipe import from_scratch
from .settings import Settings


class Annotations(NamedTuple):
    """Annotation files, read and checked."""

    train: CocoIndex
    val: CocoIndex | None
    panoptic: PanopticIndex | None = None  # where the training file is a panoptic one
    panoptic_val: PanopticIndex | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Annotation files, read and checked, and where semantic labels come from."""

    train: CocoIndex
    val: CocoIndex | None
    semantics: SemanticChoice
    stuff: tuple[PanopticCategory, ...] = ()  # what the labels mean, where they are panoptic
    panoptic_val: PanopticIndex | None = None  # what panoptic maps are validated on

    def training_set(self, settings: Settings) -> CocoDataset:
        """Augmented samples; images without objects are left out where the recipe says so."""
        recipe, semantic = settings.train, settings.model.semantic
        augment = recipe.augment
        return CocoDataset(
            self.train,
            training_transforms(settings.model.input.size, augment),
            self.semantics,
            copy_paste=CopyPaste(augment) if augment.copy_paste else None,
            keep_empty=recipe.keep_empty,
            min_image_side=recipe.min_image_side,
            num_semantic_classes=None if semantic is None else semantic.num_classes,
        )

    def validation_set(self, settings: Settings) -> CocoDataset | None:
        """Images as they are at test time; None without a validation file."""
        if self.val is None:
            return None
        return CocoDataset(self.val, evaluation_transforms(settings.model.input.size))


def read_annotations(settings: Settings) -> Annotations:
    """The annotation files that `settings` name, read and checked: COCO instances, or COCO
    panoptic files with their maps in the folder of the same name.

    Raises:
        DataError: What is wrong with a file; D09 for a model with masks and data without, D11
            when there is nothing to learn, D13 when the files do not agree on the classes.
    """
    data = settings.data
    masks: Literal["required", "ignored"] = "required"
    if not settings.model.cascade.masks:
        masks = "ignored"
    panoptic = panoptic_val = None
    for path in (data.train_json, data.val_json):
        if path is not None:
            _check_format(path)
    read: Any = {"frame": data.frame, "reading": settings.model.input.reading}
    if is_panoptic(data.train_json):
        panoptic = read_panoptic(data.train_json, data.train_images, **read)
        train = to_coco_index(panoptic)
    else:
        train = read_coco(
            data.train_json, data.train_images, masks=masks, leniency=data.leniency, **read
        )
    if not train.num_objects:
        raise DataError(
            "D11",
            f"{train.path}: {len(train.images)} images, but no object to learn from"
            f"{_reasons(train)}. {_advice(train)}",
        )
    if data.val_json is None:
        return Annotations(_as_one(train, data.one_class), None, panoptic)
    names = [c.name for c in train.classes]
    train = _as_one(train, data.one_class)
    folder = data.val_images or data.train_images
    if is_panoptic(data.val_json):
        panoptic_val = read_panoptic(data.val_json, folder, **read)
        val = to_coco_index(panoptic_val)
        _check_same_classes(train, val, panoptic, panoptic_val)
    else:
        val = read_coco(
            data.val_json, folder, classes=names, masks=masks, leniency=data.leniency, **read
        )
    if not val.images:
        raise DataError("D11", f"{val.path}: there are no images to validate on.")
    return Annotations(train, _as_one(val, data.one_class), panoptic, panoptic_val)


def _as_one(index: CocoIndex, name: str | None) -> CocoIndex:
    """`index` with all objects in one class called `name`; as it is for None."""
    if name is None:
        return index
    if index.is_panoptic:
        raise UsageError("U04", f"{index.path.name}: one class is for objects, not panoptic data.")
    return class_names.as_one_class(index, name)


def _check_format(path: Path) -> None:
    """Refuse annotations of another format, with the commands that take them.

    Raises:
        DataError: D04.
    """
    name = formats.recognised(path) if path.exists() else None
    if name is not None:
        raise DataError(
            "D04",
            f"{path} is of the format {name}, and COCO json is needed here. `relook train {path}` "
            f"reads it; `relook data convert {path} annotations.json` writes COCO.",
        )


def read_sources(
    settings: Settings, annotations: Annotations | None = None
) -> tuple[Settings, Sources]:
    """The data that `settings` name, and the settings with what the data decides filled in:
    the number of classes, the semantic branch, group norm when starting from scratch.

    `annotations` are those of the data where they have been read already.

    Raises:
        DataError: What `read_annotations` raises.
        UsageError: U04 for semantics or a copy-paste that the data cannot give.
    """
    train, val, panoptic, panoptic_val = annotations or read_annotations(settings)
    if settings.train.augment.copy_paste:
        check_masks(train)
    choice = _semantics(settings, train, panoptic)
    model = _fitted(settings.model, len(train.classes), choice)
    reading = stored_reading(
        model.input.reading, [image.path for image in train.images], train.path.name
    )
    model = model.with_(input__reading=asdict(reading))
    mean, std = model.input.normalisation
    model = model.with_(input__mean=mean, input__std=std)
    train = replace(train, reading=reading)
    val = None if val is None else replace(val, reading=reading)
    if settings.train.from_scratch:
        model = from_scratch(model)
    settings = settings.with_(model=model)
    if panoptic is None or choice.mode != "panoptic":
        return settings, Sources(train, val, choice)
    return settings, Sources(train, val, choice, panoptic.stuff, panoptic_val)


def _fitted(model: ModelConfig, num_classes: int, choice: SemanticChoice) -> ModelConfig:
    semantic = None
    if choice.mode != "none":
        semantic = {} if model.semantic is None else asdict(model.semantic)
        if choice.num_classes is not None:
            semantic["num_classes"] = choice.num_classes
    if choice.mode == "panoptic":
        if model.stuff is not None:
            model = model.with_(stuff__num_classes=choice.num_classes)
        if model.semantic is None:
            semantic = None
    return model.with_(num_classes=num_classes, semantic=semantic)


def _semantics(
    settings: Settings, index: CocoIndex, panoptic: PanopticIndex | None
) -> SemanticChoice:
    recipe, stuff = settings.train, settings.model.stuff
    wanted = recipe.semantics
    if wanted == "panoptic" or (wanted == "auto" and panoptic is not None):
        if panoptic is None:
            raise UsageError(
                "U04",
                f"semantics: panoptic, but {index.path} has objects only. Give a COCO panoptic "
                "file, with its maps in the folder of the same name beside it.",
            )
        if stuff is not None or settings.model.semantic is not None or wanted == "panoptic":
            return panoptic_semantics(panoptic)
    if stuff is not None:
        raise UsageError(
            "U04",
            f"{settings.preset} has a stuff head, which learns from panoptic data, and semantics "
            f"are {wanted} from {index.path}. Give a COCO panoptic file, or take the same model "
            "without the head (--set model.stuff=null).",
        )
    if settings.model.semantic is None and wanted == "auto":
        return SemanticChoice("none", None, f"{settings.preset} has no semantic branch")
    return choose_semantics(wanted, index, recipe.semantic_maps)


def _check_same_classes(
    train: CocoIndex, val: CocoIndex, panoptic: PanopticIndex | None, panoptic_val: PanopticIndex
) -> None:
    """Positions are labels, so the lists of a panoptic validation must be those of training."""
    same = train.classes == val.classes
    if panoptic is not None:
        same = same and panoptic.stuff == panoptic_val.stuff
    if not same:
        raise DataError(
            "D13",
            f"{train.path.name} and {val.path.name} have other categories. Give both the same "
            "list: a category may be without any object or segment.",
        )


def _advice(index: CocoIndex) -> str:
    """Advice on a file without an object to learn from."""
    if index.num_crowd:
        text = ALL_CROWD.format(number=index.num_crowd)
        return f"{text[0].upper()}{text[1:]}."
    name = index.path.name
    return f"Give a file with annotations; `relook data check {name}` says what is wrong with it."


def _reasons(index: CocoIndex) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in index.skipped.items())
    return f" (left out: {reasons})" if reasons else ""
