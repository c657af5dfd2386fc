"""What a download has."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.app.models import ModelShelf
from relook.app.session.project import Project
from relook.app.session.saving_as import download, without_objects
from relook.errors import UsageError

from .test_project import folder

__all__ = ["folder"]


def test_a_download_has_what_was_looked_at(folder: Path, shelf: ModelShelf) -> None:
    with Project(folder, shelf) as project:
        with pytest.raises(UsageError, match="no image was looked at"):
            download(project, "csv", None, 0.0)
        with pytest.raises(UsageError, match=r"b\.png was not looked at"):
            download(project, "csv", [2], 0.0)
        with pytest.raises(UsageError, match="there is no image 9"):
            download(project, "csv", [9], 0.0)
        square = [[[[2, 2], [8, 2], [8, 8], [2, 8]]]]
        states = [("predicted", 0.3), ("accepted", 0.3), ("drawn", None), ("predicted", 0.9)]
        objects = [
            {"id": f"o{n}", "class": 0, "score": score, "state": state, "shape": square}
            for n, (state, score) in enumerate(states)
        ]
        project.save(project.images.get(1), objects, revision=0, done=True)
        assert without_objects(project) == 2
        made = download(project, "csv", None, 0.5)
        assert len(made.path.read_text().splitlines()) == 1 + 3
        made.close()
