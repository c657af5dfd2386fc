"""Which addresses are asked for a file, and where files are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import UsageError
from relook.interop.zoo.mirrors import addresses, cache_folder

URL = "https://download.example/zoo/v2/model-1234.pth"


def test_without_mirrors(cache: Path) -> None:
    assert addresses(URL, cache) == [URL]


def test_mirrors_of_the_environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "RELOOK_MIRRORS",
        "https://a.example/x, https://download.example/zoo/=http://b.example:80/y/,"
        "https://elsewhere.example/=https://c.example/,",
    )
    assert addresses(URL, cache) == [
        "https://a.example/x/zoo/v2/model-1234.pth",
        "http://b.example:80/y/v2/model-1234.pth",
        URL,
    ]


def test_mirrors_of_the_cache_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / "mirrors.yaml").write_text("mirrors:\n  - https://a.example/\n")
    assert addresses(URL, cache) == ["https://a.example/zoo/v2/model-1234.pth", URL]
    monkeypatch.setenv("RELOOK_MIRRORS", "https://b.example")
    assert addresses(URL, cache) == ["https://b.example/zoo/v2/model-1234.pth", URL]


@pytest.mark.parametrize(
    "mirror", ["ftp://a.example", "a.example", "file:///models", "https://", "https://[a"]
)
def test_a_mirror_that_is_none(cache: Path, monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    monkeypatch.setenv("RELOOK_MIRRORS", mirror)
    with pytest.raises(UsageError, match=r"U03.*RELOOK_MIRRORS"):
        addresses(URL, cache)


@pytest.mark.parametrize("content", ["mirrors: x", "- a", "mirrors: [1]", "{", "\x00", ""])
def test_a_list_that_is_none(cache: Path, content: str) -> None:
    cache.mkdir()
    (cache / "mirrors.yaml").write_text(content)
    with pytest.raises(UsageError, match=r"U03.*mirrors\.yaml"):
        addresses(URL, cache)


def test_where_files_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RELOOK_CACHE", "~/weights")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "weights"
    monkeypatch.delenv("RELOOK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "system"))
    assert cache_folder() == tmp_path / "system" / "relook"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "relook"
