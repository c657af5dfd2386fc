"""What is said of what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.data.sources.archives import Archive
from relook.data.sources.found import Found, by_ending
from relook.data.sources.stored import ImageBytes
from relook.errors import UsageError


def test_what_was_left_out_stands_on_one_line() -> None:
    assert Found([]).left_out_line() is None
    assert Found([], {".txt": 3, ".json": 1}).left_out_line() == "left out: 3 .txt, 1 .json"
    line = Found([], {".txt": 1, ".zip": 2}, unopened=2).left_out_line()
    assert line is not None and line.endswith(
        "; archives and videos are opened when they are given by name"
    )
    many = by_ending({f".{number}": 1 for number in range(40)})
    assert many.startswith("1 .0, 1 .1,") and many.endswith(", ...") and len(many) < 100


def test_files_alone() -> None:
    assert Found([Path("a.png")]).files == [Path("a.png")]
    with pytest.raises(UsageError, match=r"U04: a\.zip/b\.png: only image files"):
        _ = Found([Path("a.png"), ImageBytes("a.zip/b.png", b"")]).files


def test_no_two_images_have_one_name() -> None:
    """Their results would be one, and the other would be lost without a word."""
    with pytest.raises(UsageError, match=r"U04: 2 images are called a\.png"):
        Found([Path("a.png"), Path("b.png"), ImageBytes("a.png", b"")])


def test_leaving_it_closes_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    monkeypatch.setattr(Archive, "close", lambda self: closed.append(self.name))
    with Found([], containers=(Archive("a.zip", b""), Archive("b.zip", b""))) as found:
        assert not found.is_live and not closed
    assert closed == ["a.zip", "b.zip"]
