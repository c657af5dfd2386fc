from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from relook.data.panoptic.png import check_ids, read_ids, write_ids
from relook.errors import DataError, RelookError, UsageError
from relook.structures.panoptic import Segment

SIZE = (6, 9)
RGB = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, color_type: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@given(
    hnp.arrays(
        np.int32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.integers(0, 2**24 - 1),
    )
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_ids_round_trip(tmp_path: Path, ids: np.ndarray[Any, Any]) -> None:
    path = tmp_path / "map.png"
    write_ids(path, ids)
    found = read_ids(path, (ids.shape[0], ids.shape[1]))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, ids)
    rgb = np.asarray(Image.open(path)).astype(int)
    np.testing.assert_array_equal(rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2], ids)


def test_a_map_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    for value in (1, 2):
        write_ids(path, np.full(SIZE, value, np.int32))
        assert read_ids(path, SIZE)[0, 0] == value
    assert read_ids(path, SIZE) is read_ids(path, SIZE)
    with pytest.raises(ValueError, match="read-only"):
        read_ids(path, SIZE)[0, 0] = 3


@pytest.mark.parametrize("ids", [[[-1]], [[2**24]], [[]], [1]])
def test_ids_that_three_channels_cannot_hold(tmp_path: Path, ids: Any) -> None:
    with pytest.raises(UsageError, match=r"U03.*0 to 16777215"):
        write_ids(tmp_path / "map.png", np.array(ids, np.int32))
    (tmp_path / "taken").write_text("")
    with pytest.raises(RelookError, match="R02"):
        write_ids(tmp_path / "taken" / "map.png", np.zeros(SIZE, np.int32))


@pytest.mark.parametrize(
    ("mode", "said"),
    [("P", "a palette"), ("L", "grey"), ("LA", "grey with"), ("RGBA", "transparency"), ("1", "")],
)
def test_other_modes_are_refused(tmp_path: Path, mode: str, said: str) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(RGB).convert(mode).save(path)
    with pytest.raises(DataError, match=rf"D15.*map\.png has .*{said}.*three channels"):
        read_ids(path, SIZE)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(png(9, 6, 16, 2, (b"\0" + bytes(9 * 6)) * 6))
    with Image.open(path) as image:
        assert image.mode == "RGB"  # cut to 8 bits without a word
    with pytest.raises(DataError, match=r"D15.*16 bits a channel"):
        read_ids(path, SIZE)


def test_a_transparent_color_is_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(RGB).save(path, transparency=tuple(RGB[0, 0].tolist()))
    weights = np.array([1, 256, 65536])
    np.testing.assert_array_equal(read_ids(path, SIZE), (RGB * weights).sum(axis=2))


def test_other_formats_and_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    Image.fromarray(RGB).save(path, "JPEG")
    with pytest.raises(DataError, match=r"D15.*the format JPEG"):
        read_ids(path, SIZE)
    Image.fromarray(RGB).save(path)
    with pytest.raises(DataError, match=r"D15.*is 9x6 .*its image is 6x9"):
        read_ids(path, (9, 6))
    with pytest.raises(DataError, match=r"D01.*no such file"):
        read_ids(tmp_path / "no.png", SIZE)
    with pytest.raises(DataError, match="D01"):
        read_ids(Path("a\0.png"), SIZE)
    path.write_text("no image")
    with pytest.raises(DataError, match="D02"):
        read_ids(path, SIZE)


def test_hostile_files_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(png(2**16, 2**16, 8, 2, b""))
    with pytest.raises(DataError, match=r"D02.*too large"):
        read_ids(path, SIZE)


def test_a_cut_or_flipped_file_never_gives_other_ids(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_ids(path, (RGB * np.array([1, 256, 65536])).sum(axis=2).astype(np.int32))
    ids, whole = read_ids(path, SIZE).copy(), path.read_bytes()
    random = np.random.default_rng(1)
    messages = []
    for number in range(80):
        data = bytearray(whole[: random.integers(0, len(whole))] if number % 2 else whole)
        if number % 2 == 0:
            data[random.integers(0, len(data))] ^= 1 << int(random.integers(0, 8))
        path.write_bytes(data)
        try:
            np.testing.assert_array_equal(read_ids(path, SIZE), ids)
        except DataError as error:
            messages.append(str(error))
    assert len(messages) > 60
    assert all("map.png" in message for message in messages)


def test_map_and_list_must_agree() -> None:
    ids = np.zeros((4, 5), np.int32)
    ids[1:3, 1:4] = 8

    def segment(key: int, area: int = 6, box: tuple[int, int, int, int] = (1, 1, 3, 2)) -> Segment:
        return Segment(key, 1, True, area, box)

    check_ids(ids, [segment(8)], "here")
    check_ids(ids, [segment(8, box=(1, 1, 2, 1))], "here")  # one short: counted to the last pixel
    for segments, said in [
        ([], r"here: ids of the map are not listed \(segment 8\)"),
        ([segment(8), segment(9)], r"listed ids are not in the map \(segment 9\)"),
        ([segment(8, area=7)], r"area 7 is listed, but there are 6 pixels \(segment 8\)"),
        ([segment(8, box=(3, 1, 1, 2))], r"bbox \[3, 1, 1, 2\] .* pixels are in \[1, 1, 3, 2\]"),
    ]:
        with pytest.raises(DataError, match=rf"D15.*{said}"):
            check_ids(ids, segments, "here")
