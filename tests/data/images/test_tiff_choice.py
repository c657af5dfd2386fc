from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from relook.data.images import Reading, image_size, open_image, read_image
from relook.errors import DataError

RANDOM = np.random.default_rng(0)
PLANES = RANDOM.integers(0, 256, (12, 9, 11), dtype=np.uint8)
GREY = PLANES[0]
RGB = np.moveaxis(PLANES[:3], 0, -1)


def grey(plane: np.ndarray) -> np.ndarray:
    return np.repeat(plane[:, :, None], 3, axis=2)


def used(path: Path, **choice: Any) -> tuple[np.ndarray, str]:
    with open_image(path, Reading(**choice)) as opened:
        return opened.read(), opened.info.used


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tif"


def test_a_stack_of_pages_is_never_cut_to_the_first(path: Path) -> None:
    tifffile.imwrite(path, PLANES[:3], photometric="minisblack")
    with pytest.raises(DataError, match=r"D02.*3 pages.*3 x 9 x 11.*--page 0 to --page 2"):
        read_image(path)
    pixels, words = used(path, page=2)
    np.testing.assert_array_equal(pixels, grey(PLANES[2]))
    assert words == "page 2 of 3; grey; 8 bits as they are"
    with pytest.raises(DataError, match="no page 3"):
        used(path, page=3)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_z_stacks_are_projected_and_said_to_be(path: Path, kind: str) -> None:
    path = path.with_name("a.ome.tif") if kind == "ome" else path
    tifffile.imwrite(path, PLANES[:3], metadata={"axes": "ZYX"}, **{kind: True})
    pixels, words = used(path)
    np.testing.assert_array_equal(pixels, grey(PLANES[:3].max(axis=0)))
    assert words.startswith("brightest of 3 z planes (--z max)")
    pixels, words = used(path, z="mean")
    np.testing.assert_array_equal(pixels, grey(PLANES[:3].mean(axis=0).round().astype(np.uint8)))
    assert words.startswith("mean of 3 z planes")
    pixels, words = used(path, z=1)
    np.testing.assert_array_equal(pixels, grey(PLANES[1]))
    assert words.startswith("z 1 of 3")
    with pytest.raises(DataError, match="no plane z 3"):
        used(path, z=3)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_channels_that_are_not_colours_are_asked_for(path: Path, count: int) -> None:
    path = path.with_name("a.ome.tif")
    names = [f"stain {i}" for i in range(count)]
    tifffile.imwrite(
        path,
        PLANES[:count],
        photometric="minisblack",
        metadata={"axes": "CYX", "Channel": {"Name": names}},
    )
    with pytest.raises(DataError, match=rf"{count} channels \(0 stain 0, 1 stain 1.*--channels"):
        read_image(path)
    pixels, words = used(path, channels=(1,))
    np.testing.assert_array_equal(pixels, grey(PLANES[1]))
    assert words.startswith(f"channel 1 stain 1 of {count}")
    if count > 2:
        pixels, _ = used(path, channels=(2, 0, 1))
        np.testing.assert_array_equal(pixels, np.moveaxis(PLANES[[2, 0, 1]], 0, -1))
    with pytest.raises(DataError, match=f"no channel {count}"):
        used(path, channels=(count,))


def test_all_axes_of_an_instrument_at_once(path: Path) -> None:
    stack = PLANES.reshape(2, 3, 2, 9, 11)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZCYX"})
    with pytest.raises(DataError, match="2 pages or time points"):
        used(path, channels=(0,))
    pixels, words = used(path, page=1, channels=(1,), z="max")
    np.testing.assert_array_equal(pixels, grey(stack[1, :, 1].max(axis=0)))
    assert words == (
        "page 1 of 2; brightest of 3 z planes (--z max); channel 1 of 2; 8 bits as they are"
    )
    with open_image(path, Reading(page=0, channels=(0,))) as opened:
        native = opened.native_window(1, 2, 3, 4)
    np.testing.assert_array_equal(native, np.moveaxis(stack[0].max(axis=0), 0, -1)[1:4, 2:6])


@pytest.mark.parametrize("planar", [False, True])
def test_colours_beyond_rgb_are_left_out_and_said_to_be(path: Path, planar: bool) -> None:
    four = PLANES[:4] if planar else np.moveaxis(PLANES[:4], 0, -1)
    layout = "separate" if planar else "contig"
    for extra, word in (("unspecified", "1 channel beyond RGB"), ("unassalpha", "alpha")):
        options = {"photometric": "rgb", "planarconfig": layout, "extrasamples": [extra]}
        tifffile.imwrite(path, four, **options)
        pixels, words = used(path)
        np.testing.assert_array_equal(pixels, RGB)
        assert words.startswith(f"RGB, {word} left out")
    np.testing.assert_array_equal(used(path, channels=(3,))[0], grey(PLANES[3]))


def test_grey_with_alpha_is_grey_and_two_samples_are_asked_for(path: Path) -> None:
    two = np.moveaxis(PLANES[:2], 0, -1)
    options: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(path, two, extrasamples=["unassalpha"], **options)
    np.testing.assert_array_equal(used(path)[0], grey(PLANES[0]))
    tifffile.imwrite(path, two, extrasamples=["unspecified"], **options)
    with pytest.raises(DataError, match=r"2 channels.*--channels: one, such as --channels 1 \("):
        used(path)


def test_thumbnails_and_levels_are_never_the_image(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(RGB[::3, ::3].copy(), photometric="rgb", subfiletype=1)
        writer.write(RGB, photometric="rgb")
    pixels, words = used(path)
    np.testing.assert_array_equal(pixels, RGB)
    assert words.startswith("1 reduced image left out")
    assert image_size(path) == (9, 11)
    with tifffile.TiffWriter(path) as writer:
        writer.write(RGB[:3, :3].copy(), photometric="rgb")  # a label, which nothing says it is
        writer.write(RGB, photometric="rgb")
    pixels, words = used(path)
    np.testing.assert_array_equal(pixels, RGB)
    assert words.startswith("1 smaller image left out")
    with tifffile.TiffWriter(path) as writer:
        writer.write(RGB[:8], photometric="rgb")
        writer.write(RGB, photometric="rgb")
    with pytest.raises(DataError, match="2 pages"):
        used(path)
    np.testing.assert_array_equal(used(path, page=0)[0], RGB[:8])
    np.testing.assert_array_equal(used(path, page=1)[0], RGB)


def test_a_file_without_an_image(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(GREY, subfiletype=1)
    with pytest.raises(DataError, match=r"D02.*holds no image"):
        used(path)


@pytest.mark.parametrize("shape", [(9, 11, 1), (1, 9, 11, 1), (9, 11, 1, 1), (1, 1, 9, 11)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_axes_of_length_one_do_not_count(
    path: Path, shape: tuple[int, ...], compression: str | None
) -> None:
    tifffile.imwrite(path, GREY.reshape(shape), compression=compression)
    np.testing.assert_array_equal(read_image(path), grey(GREY))
    stack = np.stack([plane.reshape(shape) for plane in PLANES[:3]])
    tifffile.imwrite(path, stack, compression=compression)
    np.testing.assert_array_equal(used(path, page=2)[0], grey(PLANES[2]))


def test_pages_that_are_only_declared_take_no_memory(path: Path) -> None:
    text = '{"shape": [100000000, 9, 11]}'
    tifffile.imwrite(path, GREY, description=text, metadata=None)
    with pytest.raises(DataError, match=r"D02.*says it has 100,000,000 pages.*Save it again"):
        read_image(path)


def test_channels_at_the_end_that_were_saved_as_pages(path: Path) -> None:
    two = np.moveaxis(PLANES[:2], 0, -1)
    tifffile.imwrite(path, two)
    with pytest.raises(DataError, match=r"9 pages.*If the 2 values at the end are channels"):
        read_image(path)
    tifffile.imwrite(path, two, planarconfig="contig", photometric="minisblack")
    np.testing.assert_array_equal(used(path, channels=(1,))[0], grey(PLANES[1]))


def test_several_channels_beyond_rgb_are_counted(path: Path) -> None:
    tifffile.imwrite(
        path,
        np.moveaxis(PLANES[:5], 0, -1),
        photometric="rgb",
        extrasamples=["unassalpha", "unspecified"],
    )
    assert used(path)[1].startswith("RGB, 2 channels beyond RGB left out")
