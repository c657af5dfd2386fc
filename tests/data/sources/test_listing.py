"""What stands in a folder beside files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from relook.data.sources.finding import find_sources
from relook.data.sources.listing import listed
from relook.errors import DataError

PICTURE = b"\x89PNG\r\n\x1a\n"


def test_files_in_their_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/c.png", "a.txt", ".hidden.png", ".git/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [(path.relative_to(tmp_path).as_posix(), why) for path, why in listed(tmp_path)]
    assert found == [("a.txt", ""), ("b/c.png", "")]


def test_links_and_pipes_in_a_folder_are_counted(tmp_path: Path) -> None:
    inner, other = tmp_path / "here", tmp_path / "other"
    for path in (inner, other):
        path.mkdir()
        (path / "a.png").write_bytes(PICTURE)
    (inner / "again.png").symlink_to("a.png")
    (inner / "gone.png").symlink_to("annex/objects/gone.png")
    (inner / "linked").symlink_to(other)
    (inner / "loop").symlink_to(inner)
    os.mkfifo(inner / "pipe.png")
    whole = find_sources([inner])
    assert whole.files == [inner / "a.png"]
    assert whole.left_out_line() == (
        "left out: 2 link to a folder, 1 link to an image that is already there, 1 broken link, "
        "1 pipe or device; links to folders are followed when they are given by name"
    )
    assert find_sources([inner / "linked"]).files == [inner / "linked" / "a.png"]
    with pytest.raises(
        DataError, match=r"D01.*gone.png is a link to annex/objects/gone.png, which"
    ):
        find_sources([inner / "gone.png"])
