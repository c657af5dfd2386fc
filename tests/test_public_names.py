"""`relook.__all__` is the public, stable interface: complete, documented and exercised."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import relook

ROOT = Path(__file__).resolve().parents[1]


def test_the_list_has_no_duplicates() -> None:
    assert len(set(relook.__all__)) == len(relook.__all__)


@pytest.mark.parametrize("name", relook.__all__)
def test_name_is_there_and_documented(name: str) -> None:
    thing = getattr(relook, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", thing)
        return
    assert not isinstance(thing, ModuleType)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing):
        public = [m for m in vars(thing) if not m.startswith("_") and callable(vars(thing)[m])]
        assert not [m for m in public if not inspect.getdoc(getattr(thing, m))]


@pytest.mark.parametrize("name", relook.__all__)
def test_name_is_in_a_document(name: str) -> None:
    if name == "__version__":
        return
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    assert any(re.search(rf"\brelook\.{name}\b", path.read_text()) for path in texts)


@pytest.mark.parametrize("name", relook.__all__)
def test_name_is_exercised(name: str) -> None:
    here = Path(__file__)
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != here]
    assert any(re.search(rf"\b{name}\b", path.read_text()) for path in tests)


def test_nothing_public_is_left_out() -> None:
    for name in relook.__all__:
        getattr(relook, name)  # lazy names come into being when they are first asked for
    own = {
        name
        for name in dir(relook)
        if not name.startswith("_")
        and str(getattr(getattr(relook, name), "__module__", "")).startswith("relook")
    }
    assert own <= set(relook.__all__)


def test_documents_name_nothing_else() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    named = set(re.findall(r"`relook\.([A-Za-z_]+)`", text)) - {"__all__"}
    assert named == set(relook.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        relook.lode  # type: ignore[attr-defined]  # noqa: B018
