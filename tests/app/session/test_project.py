"""A project: its folder, its lock, what it says of images."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.app.models import ModelShelf
from relook.app.session import project as module
from relook.app.session.corrections import FILE
from relook.app.session.project import Project
from relook.app.session.saving_as import download
from relook.errors import DataError, RelookError, UsageError

from .test_looking import Work, settled
from .test_suggestions import SIZE, result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / name)
    return folder


def named(*squares: tuple[int, float]) -> Any:
    """A result whose class is one of the model of the tests."""
    from dataclasses import replace

    from relook.data.coco.reader import Category

    return replace(result(*squares), classes=(Category(7, "nut"),))


def test_two_apps_cannot_open_one_folder(folder: Path, shelf: ModelShelf, tmp_path: Path) -> None:
    """Not with another --work either; and again after the first has ended."""
    with (
        Project(folder, shelf),
        pytest.raises(RelookError, match="R07"),
        Project(folder, shelf, work=tmp_path / "elsewhere"),
    ):
        pass
    with Project(folder, shelf) as project:
        assert len(project.images) == 3


def test_a_file_of_the_user_lets_the_lock_go(folder: Path, shelf: ModelShelf) -> None:
    (folder / FILE).write_text("{}")
    with pytest.raises(UsageError, match="not written by relook app"), Project(folder, shelf):
        pass
    (folder / FILE).unlink()
    with Project(folder, shelf) as project:
        assert project.record()["annotations"] == str(folder / FILE)


def test_files_of_the_app_are_no_images(folder: Path, shelf: ModelShelf) -> None:
    """Wherever its home is, but it is not the folder of the images itself."""
    work = folder / "work"
    (work / "teach" / "1").mkdir(parents=True)
    (work / "teach" / "1" / "0.png").write_bytes((folder / "a.png").read_bytes())
    with Project(folder, shelf, work=work) as project:
        assert [entry.name for entry in project.images] == ["a.png", "b.png", "c.png"]
    with pytest.raises(UsageError, match="is the folder of the images"):
        Project(folder, shelf, work=folder / "work" / "..")


def test_objects_from_the_threshold_on_and_candidates_below(
    folder: Path, shelf: ModelShelf
) -> None:
    async def run() -> None:
        with Project(folder, shelf, classes=["washer"]) as project:
            project.models.get().shown_from = 0.5
            project.attach(Work(named((2, 0.9), (12, 0.5), (22, 0.4))))
            image = project.images.get(1)
            assert project.objects(image) is None
            project.look(image)
            assert project.objects(image) is None
            assert project.predictions is not None
            await settled(project.predictions)
            found = project.objects(image)
            assert found is not None
            assert [entry["id"] for entry in found["objects"]] == ["o1", "o2"]
            assert [entry["id"] for entry in found["candidates"]] == ["c3"]
            for least, rows in ((0.3, 3), (0.5, 2), (0.6, 1), (0.0, 2)):
                made = download(project, "csv", [image.id], least)
                assert len(made.path.read_text().splitlines()) == 1 + rows
                made.close()
            assert (found["revision"], found["saved"], found["model"]) == (0, False, "nuts")
            assert project.image_record(image)["status"] == "predicted"
            assert project.image_record(image)["objects"] == 2
            assert project.classes.listed() == ["nut", "bolt", "washer"]
            assert project.save(image, found["objects"][:1], revision=0, done=False) == 1
            assert project.image_record(image)["status"] == "corrected"
            again = project.objects(image)
            assert again is not None and again["saved"] and len(again["objects"]) == 1
            with pytest.raises(UsageError, match="there is no class 3"):
                project.save(image, [{**found["objects"][0], "class": 3}], revision=1, done=True)

    shown = shelf.get().shown_from
    try:
        asyncio.run(run())
    finally:
        shelf.get().shown_from = shown


def test_objects_are_kept_for_as_many_images_as_results(
    folder: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects that are not kept any more are made again from the result."""
    monkeypatch.setattr(module, "MOST_RESULTS", 1)

    async def run() -> None:
        with Project(folder, shelf) as project:
            project.attach(Work(*[named((2, 0.9))] * 2))
            assert project.predictions is not None
            for number in (1, 2):
                project.look(project.images.get(number))
                await settled(project.predictions)
            for number in (1, 2, 1):
                assert project.objects(project.images.get(number)) is not None
                assert [key[0] for key in project._objects] == [number]

    asyncio.run(run())


def test_corrections_are_answered_before_the_model_is(folder: Path, shelf: ModelShelf) -> None:
    """After a reload what was saved is there at once, and candidates come later."""

    async def run() -> None:
        with Project(folder, shelf) as project:
            project.save(project.images.get(2), [], revision=0, done=True)
        with Project(folder, shelf) as project:
            project.attach(Work(named((2, 0.9))))
            found = project.objects(project.images.get(2))
            assert found is not None
            assert (found["objects"], found["waiting"], found["done"]) == ([], True, True)

    asyncio.run(run())


def test_an_image_that_changed_its_size_keeps_its_corrections(
    folder: Path, shelf: ModelShelf
) -> None:
    with Project(folder, shelf) as project:
        project.save(project.images.get(1), [], revision=0, done=True)
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / "a.png")
    before = (folder / FILE).read_bytes()
    with Project(folder, shelf) as project:
        image = project.images.get(1)
        with pytest.raises(DataError, match=r"D10.*40 x 20 pixels"):
            project.objects(image)
        assert project.image_record(image)["status"] == "unreadable"
        with pytest.raises(DataError, match="D10"):
            project.save(image, [], revision=1, done=True)
        assert project.saved_or_none(image) is None
    assert (folder / FILE).read_bytes() == before
