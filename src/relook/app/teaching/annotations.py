"""Corrections of a project as annotation files for a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..session.corrections import annotation
from ..session.folders import Entry
from ..session.project import Project
from .held_out import Learned, Parts, divide

UPLOADED: Final = "/page"
"""Begins the keys of images that came by the page; names in a folder do not begin with a slash."""


def key_of(project: Project, entry: Entry) -> str:
    """The name by which an image is remembered, wherever the folder of the project is moved."""
    return entry.name if entry.root == project.folder else f"{UPLOADED}/{entry.name}"


def divided(
    project: Project, entries: Sequence[Entry], before: Learned, *, is_taught: bool
) -> Parts:
    """The images that are learned from and those that measure, by their keys."""
    saved = {
        key_of(project, entry): image
        for entry in project.images
        if (image := project.saved_or_none(entry)) is not None
    }
    return divide(
        [key_of(project, entry) for entry in entries],
        [key for key, image in saved.items() if image.done],
        before,
        is_taught=is_taught,
        empty=[key for key, image in saved.items() if not image.objects],
    )


def classes_of(project: Project, model: str) -> list[str]:
    """Classes to learn: those of the model and of the corrections, in the project's order;
    without those of a model of which no correction has one."""
    used = {
        item.label
        for entry in project.images
        if (saved := project.saved_or_none(entry)) is not None
        for item in saved.objects
    }
    own = {project.classes.label_of(name) for name in own_classes(project, model).values()}
    wanted = used | own if used & own or not used else used
    return [name for row, name in project.classes.rows() if row in wanted]


def own_classes(project: Project, model: str) -> dict[str, str]:
    """The classes of a model by their names: what they are called in the project."""
    names = [item.name for item in project.models.get(model).classes]
    rows = project.classes
    labels = [rows.label_of(name) for name in names]
    called = dict(rows.rows())
    return {name: called[label] for name, label in zip(names, labels, strict=True)}


def coco_of(
    project: Project, entries: Sequence[Entry], images: Path, classes: list[str]
) -> dict[str, Any]:
    """The corrections of images as a COCO file with paths relative to `images`."""
    rows: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    ids = {project.classes.label_of(name): row for row, name in enumerate(classes, start=1)}
    for number, entry in enumerate(entries, start=1):
        saved = project.saved(entry)
        assert saved is not None
        height, width = saved.size
        name = entry.path.absolute().relative_to(images).as_posix()
        rows.append({"id": number, "file_name": name, "width": width, "height": height})
        for item in saved.objects:
            row = annotation(item, saved.size, number, len(annotations) + 1)
            annotations.append({**row, "category_id": ids[item.label]})
    names = [{"id": row, "name": name} for row, name in enumerate(classes, start=1)]
    return {"images": rows, "categories": names, "annotations": annotations}
