"""Annotation files of a training, read and checked before anything else is done."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any, Literal, NamedTuple

from ..data import class_names, formats
from ..data.coco.leniency import Leniency
from ..data.coco.reader import ALL_CROWD, CocoIndex, read_coco
from ..data.panoptic.reader import PanopticIndex, is_panoptic, read_panoptic, to_coco_index
from ..errors import DataError, UsageError
from .settings import Settings


class Annotations(NamedTuple):
    """Annotation files, read and checked."""

    train: CocoIndex
    val: CocoIndex | None
    panoptic: PanopticIndex | None = None  # where the training file is a panoptic one
    panoptic_val: PanopticIndex | None = None


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
            _check_leniency(path, data.leniency)
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
            f"reads it; `relook data convert {quote(str(path))} annotations.json` writes COCO.",
        )


def _check_leniency(path: Path, leniency: Leniency) -> None:
    """Refuse choices for files of objects where `path` is a panoptic file.

    Raises:
        UsageError: U04.
    """
    if leniency.changed() and is_panoptic(path):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in leniency.changed())
        raise UsageError(
            "U04",
            f"{path.name} is a panoptic file, and {named} is about files of objects. Leave it out.",
        )


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
