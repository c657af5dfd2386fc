"""Classes that are added, renamed and removed, in all files of a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.app.models import ModelShelf
from relook.app.session.class_changes import OtherClasses
from relook.app.session.corrections import FILE
from relook.app.session.project import Project
from relook.errors import RelookError, UsageError

from .test_project import folder, named
from .test_routes import thing
from .test_suggestions import SIZE

__all__ = ["folder"]


def rows_of(path: Path) -> list[dict[str, Any]]:
    return list(json.loads((path / FILE).read_text())["categories"])


def save(project: Project, number: int, *labels: int, revision: int = 0) -> None:
    objects = [thing(f"d{place}", **{"class": label}) for place, label in enumerate(labels)]
    project.save(project.images.get(number), objects, revision=revision, done=False)


def labels_of(project: Project, number: int) -> list[int]:
    saved = project.saved(project.images.get(number))
    assert saved is not None
    return [item.label for item in saved.objects]


def test_a_class_is_added(folder: Path, shelf: ModelShelf) -> None:
    with Project(folder, shelf) as project:
        assert project.class_changes.add(" Washer ") == 2
        with pytest.raises(UsageError, match=r"U03.*'Washer' already"):
            project.class_changes.add("washer")
        assert [row["name"] for row in rows_of(folder)] == ["nut", "bolt", "Washer"]
        (folder / FILE).write_text("mine")
        with pytest.raises(RelookError, match="R07"):
            project.class_changes.add("pin")
        assert project.classes.names() == ["nut", "bolt", "Washer"]


def test_objects_keep_a_class_that_is_renamed(folder: Path, shelf: ModelShelf) -> None:
    """Those of the model have the new name too, and so it is after a restart."""
    with Project(folder, shelf) as project:
        save(project, 1, 0, 1)
        project.class_changes.rename(0, "ring", before="nut")
        assert labels_of(project, 1) == [0, 1]
        assert project.record()["classes"] == ["ring", "bolt"]
        assert rows_of(folder)[0] == {"id": 1, "name": "ring", "relook": {"earlier": ["nut"]}}
        with pytest.raises(OtherClasses, match=r"R07.*'nut' is called 'ring' by now"):
            project.class_changes.rename(0, "circle", before="nut")
        for name in ("", " ", "bolt", "\x1b[31m", "\ud800", "x" * 81):
            with pytest.raises(UsageError, match="U03"):
                project.class_changes.rename(0, name, before="ring")
        with pytest.raises(UsageError, match="U01"):
            project.class_changes.rename(7, "pin", before="pin")
    with Project(folder, shelf, classes=["nut", "pin"]) as project:
        assert project.classes.names() == ["ring", "bolt", "pin"]
        assert labels_of(project, 1) == [0, 1]
        entry = project.images.get(2)
        found, _ = project._found(entry, named((2, 0.9)), "nuts")
        assert [item.label for item in found] == [0]
        result = project.result_of(entry, found)
        assert result.classes[int(result.labels[0])].name == "ring"


def test_the_file_of_images_that_came_by_the_page_is_renamed_too(
    folder: Path, shelf: ModelShelf
) -> None:
    with Project(folder, shelf) as project:
        entry = project.images.add("more.png", (folder / "a.png").read_bytes())
        save(project, entry.id, 1)
        project.class_changes.rename(1, "screw", before="bolt")
        assert [row["name"] for row in rows_of(project.images.uploads)] == ["nut", "screw"]
        records = project.class_changes.records()
        assert (records[1]["name"], records[1]["objects"], records[1]["images"]) == ("screw", 1, 1)


def test_a_class_without_objects_is_removed(folder: Path, shelf: ModelShelf) -> None:
    with Project(folder, shelf, classes=["pin", "washer"]) as project:
        save(project, 1, 3)
        project.class_changes.remove(2, before="pin", objects=0)
        assert project.record()["classes"] == ["nut", "bolt", None, "washer"]
        assert [row["id"] for row in rows_of(folder)] == [1, 2, 4]
        assert [item.name for item in project.categories()] == ["nut", "bolt", "washer"]
        entry = project.images.get(1)
        result = project.result_of(entry, project.saved(entry).objects)  # type: ignore[union-attr]
        assert result.classes[int(result.labels[0])].name == "washer" and result.size == SIZE
        with pytest.raises(UsageError, match="U01"):
            project.class_changes.remove(2, before="pin", objects=0)
    with Project(folder, shelf) as project:
        assert project.classes.names() == ["nut", "bolt", "washer"]
        assert labels_of(project, 1) == [2]


def test_no_object_loses_its_class_without_an_answer(folder: Path, shelf: ModelShelf) -> None:
    with Project(folder, shelf, classes=["pin", "washer"]) as project:
        save(project, 1, 0, 2)
        save(project, 2, 2, 2)
        changes = project.class_changes
        with pytest.raises(OtherClasses, match=r"'pin' has 3 saved objects by now, not 1"):
            changes.remove(2, before="pin", objects=1)
        with pytest.raises(OtherClasses, match=r"'needle' is called 'pin'"):
            changes.remove(2, before="needle", objects=3, to=3)
        for to in (None, 2):
            with pytest.raises(UsageError, match=r"U04.*Choose another class"):
                changes.remove(2, before="pin", objects=3, to=to)
        with pytest.raises(UsageError, match="U01"):
            changes.remove(2, before="pin", objects=3, to=9)
        assert labels_of(project, 1) == [0, 2]
        changes.remove(2, before="pin", objects=3, to=3)
        assert (labels_of(project, 1), labels_of(project, 2)) == ([0, 3], [3, 3])
        with pytest.raises(RelookError, match=r"revision 2"):
            save(project, 1, revision=1)


def test_a_class_of_a_model_stays(folder: Path, shelf: ModelShelf) -> None:
    """It would come back with the next prediction, also where it has another name here."""
    with Project(folder, shelf) as project:
        project.class_changes.rename(1, "screw", before="bolt")
        assert [row["models"] for row in project.class_changes.records()] == [["nuts"], ["nuts"]]
        with pytest.raises(UsageError, match=r"U04.*the model nuts finds the class 'screw'"):
            project.class_changes.remove(1, before="screw", objects=0)


def test_a_file_that_cannot_be_written_keeps_the_class(folder: Path, shelf: ModelShelf) -> None:
    with Project(folder, shelf, classes=["pin"]) as project:
        save(project, 1, 2)
        (folder / FILE).write_text("mine")
        with pytest.raises(RelookError, match="R07"):
            project.class_changes.remove(2, before="pin", objects=1, to=0)
        with pytest.raises(RelookError, match="R07"):
            project.class_changes.rename(2, "needle", before="pin")
        assert project.classes.names() == ["nut", "bolt", "pin"]
        assert labels_of(project, 1) == [2]
