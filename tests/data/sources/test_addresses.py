"""Images from a web site on this machine."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
from PIL import Image

from relook.data.images import read_image
from relook.data.sources import addresses
from relook.data.sources.addresses import Download, check_address, fetch, looks_like_address
from relook.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "PAUSES", (0.0, 0.0))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("source", "is_address"),
    [
        ("https://a.example/b.png", True),
        ("ftp://a.example/b.png", True),
        ("file:///b.png", True),
        ("data:image/png;base64,iVBOR", True),
        ("photos/a.png", False),
        ("photos//a://b.png", False),
        ("C:\\photos\\a.png", False),
        ("://", False),
    ],
)
def test_what_looks_like_an_address(source: str, is_address: bool) -> None:
    assert looks_like_address(source) is is_address


@pytest.mark.parametrize(
    "address", ["ftp://a.example/b.png", "file:///etc/hosts", "data:image/png,ab", "https://"]
)
def test_other_kinds_are_refused(address: str) -> None:
    with pytest.raises(UsageError, match=r"U03: .* https:// or http://"):
        check_address(address)


def test_a_password_is_neither_sent_nor_shown() -> None:
    with pytest.raises(UsageError, match=r"U03") as caught:
        check_address("https://me:secret@a.example/b.png")
    assert "secret" not in str(caught.value)


def test_an_image_at_an_address(web: Any) -> None:
    web.files["a b.png"] = web.files["a%20b.png"] = png()
    image = Download(f"{web.url}/deep/a%20b.png?size=large")
    web.files["a%20b.png?size=large"] = png()
    assert not web.requests
    assert read_image(image).shape == (6, 8, 3)
    assert image.stem == "a b" and str(image) == f"{web.url}/deep/a%20b.png?size=large"
    assert Download(f"{web.url}/").stem == "127.0.0.1"
    assert pickle.loads(pickle.dumps(image)).load() == png()


def test_the_server_says_whether_an_image_has_changed(web: Any) -> None:
    web.files["a.png"] = png()
    assert Download(f"{web.url}/a.png").stamp() is None  # neither a tag nor a date
    web.headers["ETag"] = '"1"'
    image = Download(f"{web.url}/a.png")
    image.load()
    before, number = image.stamp(), len(web.requests)
    assert before is not None and len(web.requests) == number  # known from the download
    assert Download(f"{web.url}/a.png").stamp() == before
    web.headers["ETag"] = '"2"'
    assert Download(f"{web.url}/a.png").stamp() != before
    assert Download(f"{web.url}/gone.png").stamp() is None
    web.close()
    assert Download(f"{web.url}/a.png").stamp() is None


def test_what_cannot_be_had_is_named(web: Any) -> None:
    web.moved["/away"] = "file:///etc/hosts"
    web.moved["/round"] = f"{web.url}/round"
    for path, reason in (("gone", "404"), ("away", "not"), ("round", "")):
        with pytest.raises(
            DataError, match=rf"D01: {web.url}/{path} could not be fetched: .*{reason}"
        ):
            fetch(f"{web.url}/{path}")


def test_what_breaks_is_tried_again(web: Any) -> None:
    web.files["a"] = png()
    web.codes += [503]
    web.cuts += [20]
    assert fetch(f"{web.url}/a")[0] == png()
    assert len(web.requests) == 3
    web.codes += [500, 500, 500]
    with pytest.raises(DataError, match=r"D01: .* 500"):
        fetch(f"{web.url}/a")


@pytest.mark.parametrize("sizes", [True, False])
def test_more_than_the_limit_is_not_fetched(web: Any, sizes: bool) -> None:
    web.files["a"], web.sizes = bytes(3 << 20), sizes
    with pytest.raises(DataError, match=r"D02: .* at most 1 MiB"):
        fetch(f"{web.url}/a", 1 << 20)


def test_a_slow_server_is_left(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web.files["a"] = png()
    monkeypatch.setattr(addresses, "MOST_SECONDS", -1.0)
    with pytest.raises(DataError, match=r"D01: .* it takes longer"):
        fetch(f"{web.url}/a")


def test_a_page_is_called_one(web: Any) -> None:
    web.files["a.jpg"] = b"<!DOCTYPE html><html><body>Log in</body></html>"
    with pytest.raises(DataError, match=r"D02: http.*a\.jpg is an HTML page"):
        read_image(Download(f"{web.url}/a.jpg"))
