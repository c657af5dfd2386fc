from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.coco.file_names import ImageFolder, base_names, safe_relative


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("a/b/c.png", {"c.png"}),
        ("a\\b\\c.png", {"c.png"}),
        ("https://host/a/c%20d.png?x=1#y", {"c d.png"}),
        ("/data/local-files/?d=sub%2Fc.png", {"c.png"}),
        ("C:\\c.png", {"c.png"}),
        ("c?.png", {"c?.png"}),
        ("..", set()),
        ("", set()),
    ],
)
def test_base_names(name: str, bases: set[str]) -> None:
    assert bases <= set(base_names(name))
    assert bool(bases) == bool(base_names(name))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_names_never_leave_the_folder(name: str) -> None:
    relative = safe_relative(name)
    if relative is not None:
        assert not relative.is_absolute()
        assert ".." not in relative.parts
    assert all("/" not in base and base not in (".", "..") for base in base_names(name))


def test_a_name_must_fit_one_file(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for name in ("one/A.png", "b.png", "one/b.png"):
        (tmp_path / name).touch()
    folder = ImageFolder(tmp_path)
    found = folder.find("one/a.PNG")
    assert found == (tmp_path / "one" / "A.png", "by upper and lower case")
    assert folder.find("elsewhere/a.png") == (tmp_path / "one" / "A.png", "by base name")
    assert folder.find("elsewhere/b.png") is None
    assert folder.find("elsewhere/c.png") is None
    assert folder.find(" one/A.png ") is not None
    assert folder.near("one/a.jpg") == "one/A.png"
    assert folder.near("b") is None
    assert safe_relative("one\\b.png") == PurePosixPath("one/b.png")
