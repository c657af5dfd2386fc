"""A stopped composition does not block the next one, and nothing else is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.data.compose.folder import MARK, check_free, composing
from relook.errors import RelookError, UsageError
from relook.runtime.files import write_text
from relook.runtime.locks import FolderLock

LEFT = ("images/train_000001.jpg", "annotations/instances_train.json", "CREDITS.csv", "LICENSE")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_a_killed_one_left_is_removed_first(tmp_path: Path) -> None:
    folder = tmp_path / "set"

    def compose_and_die() -> None:
        with composing(folder):
            for name in (*LEFT, "images/mine.jpg"):
                write_text(folder / name, "x")
            (folder / "images" / ".train_000002.jpg.01234567.tmp").write_text("half")
            raise SystemError("killed")

    with pytest.raises(SystemError):
        compose_and_die()
    assert (folder / MARK).is_file()
    with composing(folder):
        assert files(folder) == {"images/mine.jpg", MARK, ".lock"}
    assert files(folder) == {"images/mine.jpg"}
    with pytest.raises(UsageError, match="not written over"):
        check_free(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    check_free(tmp_path)
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="not written over") as caught, composing(path):
            pass
        assert caught.value.code == "U04"
    with pytest.raises(RelookError) as hit, composing(tmp_path / "file" / "set"):
        pass
    assert hit.value.code == "R02"


def test_two_do_not_compose_into_one_folder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, lambda _: None)
    with lock, pytest.raises(RelookError) as caught, composing(tmp_path):
        pass
    assert caught.value.code == "R07"
