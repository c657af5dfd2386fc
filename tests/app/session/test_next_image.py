"""The image that is suggested."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relook.app.models import ModelShelf
from relook.app.session import next_image as module
from relook.app.session.next_image import NextImage
from relook.app.session.project import Project

from .test_looking import Work, settled
from .test_project import folder, named

__all__ = ["folder"]


def test_the_most_doubtful_image_is_suggested(folder: Path, shelf: ModelShelf) -> None:
    """The first is done; the second is the same mirrored, the third is not."""

    async def run() -> None:
        with Project(folder, shelf) as project:
            project.save(project.images.get(1), [], revision=0, done=True)
            symmetric, left = named((2, 0.9), (32, 0.8)), named((2, 0.9))
            next_image = NextImage(project)
            project.attach(Work(symmetric, symmetric, left, left))
            assert project.predictions is not None
            assert next_image.suggestion().id is None
            for _ in range(6):
                await settled(project.predictions)
                found = next_image.suggestion()
            assert found.id == 3
            assert found.reason.startswith("2 of 2 objects are found in only one")

    asyncio.run(run())


def test_of_many_images_some_are_looked_at(
    folder: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spread evenly: the first of each part."""
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 2)

    async def run() -> None:
        with Project(folder, shelf) as project:
            work = Work(*[named((2, 0.9))] * 4)
            project.attach(work)
            assert project.predictions is not None
            next_image = NextImage(project)
            for _ in range(6):
                next_image.suggestion()
                await settled(project.predictions)
            assert next_image.suggestion().id == 1
            assert {Path(image).name for image in work.images if isinstance(image, Path)} == {
                "a.png",
                "b.png",
            }

    asyncio.run(run())
