from __future__ import annotations

import struct
from pathlib import Path

import pytest

from relook.data.images import open_image
from relook.errors import DataError

TAGS = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 64)]


def directories(*following: int, tags: list[tuple[int, int]] = TAGS) -> bytes:
    """A TIFF file of as many pages; each names the number of the next one, -1 for none."""
    size = 2 + 12 * len(tags) + 4
    body = b""
    for after in following:
        body += struct.pack("<H", len(tags))
        body += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        body += struct.pack("<I", 72 + after * size if after >= 0 else 0)
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + body


@pytest.mark.parametrize("following", [(0,), (1, 0), (1, 2, 1), (*range(1, 300), 7)])
def test_directories_that_lead_back(tmp_path: Path, following: tuple[int, ...]) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(directories(*following))
    for source in (path, path.read_bytes()):
        with pytest.raises(DataError, match=r"D02.*leads back"):
            open_image(source)


def test_directories_without_end() -> None:
    data = directories(*range(1, 100_001), -1, tags=[])
    with pytest.raises(DataError, match=r"D02.*more than 100,000 pages"):
        open_image(data)


@pytest.mark.parametrize(
    "changes",
    [
        {256: 2**31 - 1, 257: 2**31 - 1},  # sides
        {273: 2**31},  # where the pixels are
        {277: 65535},  # samples of a pixel
        {259: 8, 256: 100_000, 257: 100_000, 278: 100_000},  # a bomb
        {259: 4711},
    ],
)
def test_numbers_that_are_too_large(changes: dict[int, int]) -> None:
    tags = [(tag, changes.get(tag, value)) for tag, value in TAGS]
    with pytest.raises(DataError, match="D02"), open_image(directories(-1, tags=tags)) as image:
        image.read()


def test_the_page_as_it_is_can_be_read() -> None:
    with open_image(directories(-1)) as image:
        assert image.read().shape == (8, 8, 3)


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_headers_alone(head: bytes) -> None:
    for data in (head, head + bytes(4), head + bytes(30), head + b"\xff" * 60):
        with pytest.raises(DataError, match="D02"):
            open_image(data)


def test_a_header_without_pixels() -> None:
    tags = [(tag, 0 if tag == 257 else value) for tag, value in TAGS]
    with pytest.raises(DataError, match=r"D02.*no pixels: its header says 8 x 0"):
        open_image(directories(-1, tags=tags))
