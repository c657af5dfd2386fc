"""Corrections as annotation files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from relook.app.session.folders import Entry
from relook.app.session.project import Project
from relook.app.teaching.annotations import classes_of, coco_of, divided, key_of, own_classes
from relook.app.teaching.held_out import Learned

from .test_teacher import correct, project

__all__ = ["project"]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((), ["nut", "bolt"]),
        ((0,), ["nut", "bolt"]),
        ((2,), ["washer"]),
        ((1, 2), ["nut", "bolt", "washer"]),
    ],
)
def test_classes_of_the_model_are_learned_unless_none_was_corrected(
    labels: Sequence[int], classes: list[str], project: Project
) -> None:
    for number, label in enumerate(labels, start=1):
        correct(project, range(number, number + 1), label)
    assert classes_of(project, "nuts") == classes


def test_a_class_that_was_renamed_is_that_of_the_model(project: Project) -> None:
    project.class_changes.rename(0, "ring", before="nut")
    correct(project, range(1, 2), 0)
    assert own_classes(project, "nuts") == {"nut": "ring", "bolt": "bolt"}
    assert classes_of(project, "nuts") == ["ring", "bolt"]


def test_categories_are_numbered_by_the_classes_that_are_learned(
    project: Project, tmp_path: Path
) -> None:
    correct(project, range(2, 3), 2)
    entry = project.images.get(2)
    content = coco_of(project, [entry], tmp_path, ["washer"])
    assert content["images"] == [{"id": 1, "file_name": "images/1.png", "width": 30, "height": 20}]
    (row,) = content["annotations"]
    assert (row["category_id"], row["image_id"], row["area"]) == (1, 1, 96)


def test_images_that_are_done_measure(project: Project) -> None:
    correct(project, range(1, 3))
    correct(project, range(3, 5), done=True)
    first = project.images.get(1)
    parts = divided(project, [first], Learned(), is_taught=False)
    assert parts.learned == (key_of(project, first),)
    assert set(parts.held_out) == {key_of(project, project.images.get(n)) for n in (3, 4)}


def test_a_project_that_moved_knows_what_was_learned(project: Project) -> None:
    """Names of `learned.json` are those in the project, with uploaded images apart."""
    key = key_of(project, project.images.get(1))
    assert key == project.images.get(1).name
    entry = project.images.get(1)
    uploaded = Entry(99, project.images.uploads / entry.name, project.images.uploads)
    assert key_of(project, uploaded) == f"/page/{entry.name}"


def test_images_without_objects_do_not_measure_alone(project: Project) -> None:
    entries = [project.images.get(number) for number in range(1, 6)]
    correct(project, range(3, 4), done=True)
    for entry in entries[:2] + entries[3:]:
        project.save(entry, [], revision=0, done=True)
    parts = divided(project, entries, Learned(), is_taught=False)
    assert parts.held_out == (key_of(project, entries[2]),)
