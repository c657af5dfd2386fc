"""Classes of a data set under other names, and as one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from msgspec import structs

from ..errors import UsageError, first_few
from .coco.records import Category, CocoIndex, ImageRecord

OBJECT: Final = "object"
_SHOWN: Final = 20


def renamed(index: CocoIndex, names: Mapping[str, str]) -> CocoIndex:
    """`index` with its classes called as `names` says; classes of one new name become one.

    Raises:
        UsageError: U01 for a name that no class of `index` has.
    """
    known = [category.name for category in index.classes]
    for name in names:
        if name not in known:
            raise UsageError(
                "U01",
                f"--map {name}={names[name]}: {index.path.name} has no class {name!r}. It has: "
                f"{first_few(known, _SHOWN)}. The name before the = is that of the file, the one "
                "after it that of the model.",
            )
    return _regrouped(index, [names.get(name, name) for name in known])


def as_one_class(index: CocoIndex, name: str = OBJECT) -> CocoIndex:
    """`index` with all its objects in a single class called `name`."""
    return _regrouped(index, [name] * len(index.classes))


def _regrouped(index: CocoIndex, names: Sequence[str]) -> CocoIndex:
    """`index` whose class number i is called ``names[i]``; equal names are one class."""
    labels = {name: label for label, name in enumerate(dict.fromkeys(names))}
    ids = {name: index.classes[names.index(name)].id for name in labels}
    new_label = [labels[name] for name in names]
    merged = {category.id: ids[name] for category, name in zip(index.classes, names, strict=True)}
    before = index.merged or {category.id: category.id for category in index.classes}

    def changed(image: ImageRecord) -> ImageRecord:
        objects = tuple(
            structs.replace(thing, label=new_label[thing.label]) for thing in image.objects
        )
        return replace(image, objects=objects)

    return replace(
        index,
        images=tuple(changed(image) for image in index.images),
        classes=tuple(Category(ids[name], name) for name in labels),
        merged={identity: merged[now] for identity, now in before.items()},
    )
