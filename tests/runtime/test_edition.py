"""The two packages: all of relook, and relook-onnx."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

import relook
from relook.errors import UsageError
from relook.runtime import edition


def test_all_of_relook_is_here() -> None:
    assert edition.is_whole()
    edition.check_whole("this")


def test_an_extra_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert edition.extra("geo") == "pip install 'relook[geo]'"
    monkeypatch.setattr("relook.runtime.edition.is_whole", lambda: False)
    assert edition.extra("geo") == "pip install 'relook-onnx[geo]'"


def test_a_package_that_is_missing_is_told_with_what_installs_it() -> None:
    with (
        pytest.raises(UsageError, match=r"U04.*it needs no_such, .*not installed: pip it\.$"),
        edition.needing("it", "no_such", "pip it"),
    ):
        import no_such  # type: ignore[import-not-found]  # noqa: F401
    with edition.needing("it", "json", ""):
        import json  # noqa: F401


def test_both_packages_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edition, "version", {"relook": "1", "relook-onnx": "2"}.__getitem__)
    assert "relook 1 and relook-onnx 2 are both installed" in (edition.warning() or "")

    def only_one(name: str) -> str:
        if name == "relook":
            return "1"
        raise PackageNotFoundError(name)

    monkeypatch.setattr(edition, "version", only_one)
    assert edition.warning() is None


def test_what_needs_relook_says_so_in_the_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relook.runtime.edition.is_whole", lambda: False)
    for call in (
        lambda: relook.load("nuclei"),
        lambda: relook.load("htc-r50", weights="coco"),
        lambda: relook.build("htc-tiny"),
        lambda: relook.export_onnx("nuclei"),
    ):
        with pytest.raises(UsageError, match="relook-onnx is installed") as raised:
            call()
        assert raised.value.code == "U04"


def test_a_name_that_is_not_there_is_no_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(relook._HOMES, "far_away", "not_in_this_package")
    with pytest.raises(AttributeError, match=r"relook\.far_away is in the package relook"):
        _ = relook.far_away
