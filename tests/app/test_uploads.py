"""Images of requests: their names, their sizes, their content types."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from starlette.testclient import TestClient

from relook.app.limits import Limits
from relook.app.refusals import Refusal
from relook.app.uploads import check_pixels, safe_name
from relook.data.images import Reading
from relook.data.sources.stored import ImageBytes
from relook.errors import DataError

from .conftest import PNG, Serve, png


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Users\\me\\b.tif", "b.tif"),
        ("..", ".."),  # shown, never opened
        ("a\x00b\x1b[2J\u202egnp.png", "a\ufffdb\ufffd[2J\ufffdgnp.png"),
        ("", "image"),
        ("dir/", "image"),
        ("x" * 5000 + ".png", "x" * 196 + ".png"),
        ("<script>alert(1)</script>.png", "script>.png"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),  # json is no HTML
    ],
)
def test_names_are_shown_and_no_more(name: str, shown: str) -> None:
    assert safe_name(name) == shown


def test_names_reach_neither_a_path_nor_a_header(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("../../evil.png", "/tmp/evil.png", "evil.png\r\nX-Evil: 1", "<b>evil</b>"):
        answer = client.post("/predict", content=png(), headers=PNG, params={"name": name})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert "evil" not in str(answer.headers)
        assert answer.json()["results"][0]["source"] == safe_name(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("image/png", 200),
        ("image/jpeg", 200),  # what an image is, its bytes say
        ("IMAGE/X-Anything; q=1", 200),
        ("application/octet-stream", 200),
        ("application/json", 415),
        ("text/html", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/mixed; boundary=x", 415),
        ("", 415),
        ("multipart/form-data", 400),  # without boundary
        ("multipart/form-data; boundary=x", 400),  # the body is no form
    ],
)
def test_other_content_types_are_refused(client: TestClient, media: str, status: int) -> None:
    answer = client.post("/predict", content=png(), headers={"Content-Type": media})
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.headers["accept-post"].startswith("image/*")
        assert "images" in answer.json()["remedy"]


def test_parts_of_a_form_are_images_in_their_field(client: TestClient) -> None:
    def post(field: str, media: str) -> Any:
        return client.post("/predict", files={field: ("a.png", png(), media)})

    assert post("images", "image/png").status_code == 200
    assert post("images", "text/html").status_code == 415
    answer = post("image", "image/png")
    assert answer.status_code == 422 and "did you mean 'images'" in answer.json()["what"]
    answer = client.post("/predict", data={"score": "0.5"}, files={"score": (None, "0.5")})
    assert answer.status_code == 422 and "no image" in answer.json()["what"]
    answer = client.post("/predict", content=b"", headers=PNG)
    assert answer.status_code == 422 and answer.json()["code"] == "U04"


def test_a_request_has_so_many_images(serve: Serve) -> None:
    client = serve(Limits(images=2))
    two = [("images", ("a.png", png()))] * 2
    assert client.post("/predict", files=two).status_code == 200
    for number in (3, 9):
        answer = client.post("/predict", files=(two * number)[:number])
        assert answer.status_code == 413 and "more than 2 images" in answer.json()["what"]


def test_a_form_with_very_many_fields_is_refused(client: TestClient) -> None:
    answer = client.post(
        "/predict", files=[("images", ("a.png", png()))], data={f"f{k}": "1" for k in range(500)}
    )
    assert answer.status_code == 400 and "Too many fields" in answer.json()["what"]


def bomb_png(width: int, height: int) -> bytes:
    """A small PNG that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100_000)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bomb_tiff() -> bytes:
    """A TIFF of 20,000 x 20,000 pixels in a few bytes."""
    content = io.BytesIO()
    strips = (zlib.compress(np.zeros((4000, 20_000), np.uint8).tobytes(), 9) for _ in range(5))
    tifffile.imwrite(
        content,
        strips,
        shape=(20_000, 20_000),
        dtype=np.uint8,
        rowsperstrip=4000,
        compression="zlib",
        photometric="minisblack",
    )
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [bomb_png(30_000, 30_000), bomb_png(9_000, 9_000), bomb_tiff()],
    ids=["beyond Pillow", "beyond the server", "TIFF"],
)
def test_bombs_are_refused_by_their_headers(client: TestClient, content: bytes) -> None:
    assert len(content) < 2_000_000
    answer = client.post("/predict", content=content, headers=PNG)
    assert answer.status_code in (413, 422) and "pixels" in answer.json()["what"]


def stack(planes: int, side: int) -> bytes:
    """A z-stack whose planes are zeros, of which little is left once compressed."""
    content = io.BytesIO()
    tifffile.imwrite(
        content,
        np.zeros((planes, side, side), np.uint8),
        compression="zlib",
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    return content.getvalue()


def many_samples(samples: int, side: int) -> bytes:
    """A TIFF with many values for each pixel, which are decoded together."""
    content = io.BytesIO()
    values = np.zeros((side, side, samples), np.uint8)
    tifffile.imwrite(
        content, values, compression="zlib", photometric="minisblack", planarconfig="contig"
    )
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "fields", "status"),
    [
        (stack(15, 60), {}, 200),
        (stack(20, 60), {}, 413),
        (stack(20, 60), {"z": "3"}, 200),
        (many_samples(15, 60), {"channels": "0"}, 200),
        (many_samples(300, 60), {"channels": "0"}, 413),
    ],
    ids=["planes", "many planes", "one of them", "samples", "many samples"],
)
def test_what_is_decoded_is_bounded_too(
    serve: Serve, content: bytes, fields: dict[str, str], status: int
) -> None:
    """Pixels alone do not tell: each can have many planes and many samples."""
    client = serve(Limits(pixels=4000))
    answer = client.post("/predict", content=content, headers=PNG, params=fields)
    assert answer.status_code == status, answer.text
    if status == 413:
        assert "once they are decoded" in answer.json()["what"]


def test_a_coded_body_is_refused(client: TestClient) -> None:
    answer = client.post("/predict", content=png(), headers=PNG | {"Content-Encoding": "gzip"})
    assert answer.status_code == 415 and "coded" in answer.json()["what"]


def test_pixels_are_counted_before_they_are_decoded(serve: Serve) -> None:
    image = ImageBytes("a.png", png(80, 60))
    assert check_pixels(image, Reading(), 4800) == 4800
    with pytest.raises(Refusal, match=r"a\.png has 80 x 60 pixels") as info:
        check_pixels(image, Reading(), 4799)
    assert info.value.status == 413
    with pytest.raises(DataError, match="D02"):
        check_pixels(ImageBytes("a.png", b"nothing"), Reading(), 10)
    client = serve(Limits(pixels=4000))
    answer = client.post("/predict", content=png(80, 60), headers=PNG)
    assert answer.status_code == 413 and answer.json()["code"] == "R08"
    assert client.post("/predict", content=png(60, 60), headers=PNG).status_code == 200
    many = [("images", ("a.png", png(60, 60)))] * 9  # each fits, all together do not
    assert client.post("/predict", files=many).status_code == 429


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"\x80\x04\x95" + b"x" * 50,  # a pickle
        b"GIF89a",
        png()[:200],
        b"\x93NUMPY\x01\x00\x0a\x00{'descr':O}",
        b"https://evil.example/a.png",
        b"/etc/passwd",
    ],
)
def test_what_is_no_image_is_422_with_its_code(client: TestClient, content: bytes) -> None:
    answer = client.post("/predict", content=content, headers=PNG, params={"name": "<i>.png"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "D02" and answer.json()["what"].startswith("<i>.png")
    assert answer.headers["content-type"] == "application/json"
