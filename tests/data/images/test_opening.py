from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from relook.data.images import Reading, image_size, open_image, read_image
from relook.data.sources.stored import ImageBytes, ImagePixels
from relook.errors import DataError


def photo(height: int = 40, width: int = 60) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "ppm", "tga"])
def test_lossless_files_come_back_as_they_were(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    Image.fromarray(photo()).save(path)
    read = read_image(path)
    assert read.dtype == np.uint8
    assert read.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(read, photo())
    np.testing.assert_array_equal(read_image(str(path)), read)


def test_jpeg_is_decoded_by_the_rule_of_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo()).save(path)
    np.testing.assert_array_equal(read_image(path), cv2.imread(str(path))[:, :, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a"
    path.write_bytes(encoded(Image.fromarray(photo()), kind, exif=exif))
    read = read_image(path)
    assert image_size(path) == read.shape[:2] == ((40, 60) if orientation < 5 else (60, 40))
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(image), read)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_pil_modes(mode: str) -> None:
    image = Image.fromarray(photo()).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(read_image(image), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_mapped_by_percentiles(tmp_path: Path, kind: str) -> None:
    deep = np.random.default_rng(2).integers(500, 1400, (9, 11)).astype(np.uint16)
    path = tmp_path / "a"
    path.write_bytes(encoded(Image.fromarray(deep), kind))
    low, high = np.percentile(deep, (1, 99.8))
    expected = np.rint(((deep - low) / (high - low)).clip(0, 1) * 255)[:, :, None].repeat(3, 2)
    np.testing.assert_array_equal(read_image(path), expected)
    np.testing.assert_array_equal(read_image(deep), expected)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(image), expected)
    with open_image(path) as opened:
        assert "percentiles 1 and 99.8" in opened.info.used
        np.testing.assert_array_equal(opened.native_window(2, 3, 4, 5)[..., 0], deep[2:6, 3:8])


def test_sixteen_bit_colours_keep_their_order(tmp_path: Path) -> None:
    deep = np.random.default_rng(2).integers(0, 60_000, (9, 11, 3)).astype(np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), deep[:, :, ::-1])
    for channel in range(3):
        read = read_image(tmp_path / "a.png", reading=Reading(channels=(channel,)))
        np.testing.assert_array_equal(read, read_image(deep[:, :, channel]))


def test_floats_of_a_file_are_measurements_and_those_of_an_array_are_pixels(
    tmp_path: Path,
) -> None:
    values = np.linspace(0, 0.5, 12, dtype=np.float32).reshape(3, 4)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert read_image(tmp_path / "a.tiff")[2, 3].tolist() == [255] * 3
    assert read_image(values)[2, 3].tolist() == [128] * 3
    for same in (values * 4000, values.astype(np.float64) - 7):
        np.testing.assert_array_equal(read_image(same), read_image(tmp_path / "a.tiff"))
    bounds = Reading(bounds=((0, 1),))
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tiff", reading=bounds), read_image(values)
    )


def test_arrays_and_tensors_give_the_same_pixels() -> None:
    pixels = photo()
    floats = pixels.astype(np.float32) / 255
    channels_first = torch.from_numpy(pixels).permute(2, 0, 1)
    for source in (
        pixels,
        floats,
        floats.astype(np.float64),
        channels_first,
        channels_first.float() / 255,
        channels_first.double() / 255,
        torch.from_numpy(pixels),
        pixels[:, ::-1][:, ::-1],
    ):
        np.testing.assert_array_equal(read_image(source), pixels)
    grey = pixels[:, :, 0]
    for flat in (grey, grey[:, :, None]):
        np.testing.assert_array_equal(read_image(flat), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (np.zeros((3, 40, 60), np.uint8), "channels last"),
        (np.zeros((40, 60, 4), np.uint8), "alpha"),
        (np.zeros((1, 40, 60, 3), np.uint8), "as a list"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((4,), np.uint8), "H, W, 3"),
        (np.zeros((4, 5, 3), bool), "bool"),
        (np.array([["a"]]), "holds"),
        (np.zeros((4, 5, 2), np.uint8), "which channels"),
        (np.zeros((4, 5), np.complex64), "complex64"),
        (torch.full((3, 4, 5), -2.1), "do not normalise"),
        (torch.full((3, 4, 5), 128.0), "do not normalise"),
        (torch.zeros((1, 3, 4, 5)), "as a list"),
        (torch.zeros((4, 5, 3)), "float"),
        (torch.full((3, 4, 5), float("inf")), "0 to 1"),
        (None, "NoneType"),
        (17, "int"),
        (b"\x89PNG", "bytes"),
    ],
)
def test_everything_else_is_refused_with_advice(source: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"D02.*{said}"):
        read_image(source)


def test_the_name_stands_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"slice 4 of stack.tif"):
        read_image(np.zeros((4, 5, 2), np.uint8), name="slice 4 of stack.tif")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "no.png", tmp_path, tmp_path / "no" / "a.png", "a\0b"):
        with pytest.raises(DataError, match="D01"):
            read_image(path)
    with pytest.raises(DataError, match="D02"):
        read_image("x" * 5000)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for content, said in ((b"", "empty"), (b"hello", "is a text file"), (b"\xff\xd8", "D02")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_image(path)
        with pytest.raises(DataError, match="D02"):
            image_size(path)


def test_no_other_program_is_started_for_a_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow hands PostScript to Ghostscript, which runs it."""
    monkeypatch.setattr("subprocess.Popen", pytest.fail)
    monkeypatch.setattr("PIL.EpsImagePlugin.has_ghostscript", lambda: True)
    Image.fromarray(photo(20, 30)).save(tmp_path / "a.eps")
    shifted = b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, 4000) + bytes(18)
    for data in ((tmp_path / "a.eps").read_bytes(), shifted + (tmp_path / "a.eps").read_bytes()):
        with pytest.raises(DataError, match=r"D02.*is a PostScript drawing. Export it as PNG"):
            read_image(data)
    with pytest.raises(DataError, match=r"D02.*is an HDF5 file. Read it with h5py"):
        read_image(b"\x89HDF\r\n\x1a\n" + bytes(30))


def test_a_png_of_colours_without_their_table_is_damaged() -> None:
    data = encoded(Image.fromarray(photo(9, 11)).convert("P"), "PNG")
    start = data.index(b"PLTE") - 4
    length = 12 + int.from_bytes(data[start : start + 4], "big")
    with pytest.raises(DataError, match=r"D02.*damaged: its table of colours is missing"):
        read_image(data[:start] + data[start + length :])


def test_decoders_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("BMP", "GIF", "JPEG2000", "PPM"):
        with pytest.raises(DataError, match=r"D02.*cannot be decoded"):
            read_image(encoded(Image.fromarray(photo(60, 70)), kind)[:-800])
    assert capfd.readouterr() == ("", "")


def test_bytes_and_open_files_are_read_as_files_are(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.fromarray(photo(20, 30)), "JPEG"))
    expected, content = read_image(path), path.read_bytes()
    sources: list[Any] = [content, bytearray(content), memoryview(content), io.BytesIO(content)]
    with path.open("rb") as file:
        for source in [*sources, file, ImageBytes("b.jpg", content), ImagePixels("c", expected)]:
            np.testing.assert_array_equal(read_image(source), expected)
        with pytest.raises(DataError, match=r"D02: .*a\.jpg is empty"):  # it was read to its end
            read_image(file)
    with pytest.raises(DataError, match=r"D02: .*a\.jpg cannot be read: .*closed"):
        read_image(file)
    with path.open(encoding="latin-1") as text, pytest.raises(DataError, match="gives text"):
        read_image(text)  # type: ignore[arg-type]
    for name, source in (("the given bytes", b"x"), ("b.jpg", ImageBytes("b.jpg", b"x"))):
        with pytest.raises(DataError, match=f"D02: {name} is a text file"):
            read_image(source)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("fill", [False, True])
def test_truncated_jpeg_is_an_error(tmp_path: Path, options: dict[str, Any], fill: bool) -> None:
    whole = encoded(Image.fromarray(photo(200, 300)), "JPEG", **options)
    path = tmp_path / "a.jpg"
    for kept in (len(whole) // 2, len(whole) - 40, len(whole) - 2):
        path.write_bytes(whole[:kept] + bytes(len(whole) - kept) * fill)
        with pytest.raises(DataError, match=r"D02.*a\.jpg"):
            read_image(path)


def test_the_end_marker_of_a_thumbnail_does_not_count(tmp_path: Path) -> None:
    thumbnail = encoded(Image.fromarray(photo(16, 16)), "JPEG")
    whole = encoded(Image.fromarray(photo(200, 300)), "JPEG")
    segment = b"\xff\xe5" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    path = tmp_path / "a.jpg"
    path.write_bytes(with_thumbnail + b"\r\n")  # cameras append things
    assert read_image(path).shape == (200, 300, 3)
    path.write_bytes(with_thumbnail[: len(with_thumbnail) // 2])
    with pytest.raises(DataError, match="cut off"):
        read_image(path)


@pytest.mark.parametrize("length", [100, 2**20, 2**31 - 1, 2**32 - 1])
def test_a_png_part_that_is_longer_than_the_file(length: int) -> None:
    """OpenCV would take 2 GB for a file of 200 bytes."""
    whole = encoded(Image.fromarray(photo(12, 16)), "PNG")
    end = whole.index(b"IEND") - 4
    hostile = whole[:end] + length.to_bytes(4, "big") + b"tEXt" + whole[end:]
    with pytest.raises(DataError, match=r"D02.*cut off: the PNG data ends"):
        read_image(hostile)
    assert read_image(whole + b"appended").shape == (12, 16, 3)


def test_truncated_png_is_an_error(tmp_path: Path) -> None:
    whole = encoded(Image.fromarray(photo(200, 300)), "PNG")
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="D02"):
        read_image(tmp_path / "a.png")


def test_pixel_bombs_are_refused_before_decoding(tmp_path: Path) -> None:
    header = b"P6 100000 100000 255\n"
    (tmp_path / "a.ppm").write_bytes(header + bytes(100))
    with pytest.raises(DataError, match=r"D02.*too large.*attack\. Cut it"):
        read_image(tmp_path / "a.ppm")


def test_half_of_the_limit_of_pixels_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where warnings are errors, as here, Pillow raises one from half of the limit on."""
    pixels = photo(12, 14)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(pixels), "PNG")), pixels)
    with pytest.raises(DataError, match=r"D02.*too large"):
        read_image(encoded(Image.fromarray(photo(20, 14)), "PNG"))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (50, 20000), (20000, 1)])
def test_extreme_shapes(tmp_path: Path, height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_give_an_image_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP"]))
    content = bytearray(encoded(Image.fromarray(photo(12, 14)), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        read = read_image(path)
    except DataError as error:
        if error.code != "D02":
            raise
    else:
        assert read.ndim == 3
        assert read.shape[2] == 3


class Stored:
    def __init__(self, name: str, content: Any) -> None:
        self.name, self.content = name, content

    def load(self) -> Any:
        return self.content


def test_what_has_a_name_and_loads_an_image_is_one(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(photo()), "PNG")
    for content in (data, photo(), Image.fromarray(photo())):
        np.testing.assert_array_equal(read_image(Stored("clip.mp4, 3 s", content)), photo())
    with pytest.raises(DataError, match=r"D02: clip.mp4, 3 s"):
        read_image(Stored("clip.mp4, 3 s", data[:50]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_bytes_and_endings_do_not_matter(tmp_path: Path, kind: str) -> None:
    data = encoded(Image.fromarray(photo()), kind)
    path = tmp_path / "a.jfif"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_image(data), read_image(path))
    with open_image(path) as opened:
        assert opened.info.format == kind


def test_windows_are_parts_of_the_whole(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 4096, (40, 60)).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(deep).save(tmp_path / "a.png", exif=exif)
    with open_image(tmp_path / "a.png") as opened:
        assert opened.size == (60, 40)
        whole = opened.read()
        np.testing.assert_array_equal(opened.read_window(5, 7, 20, 9), whole[5:25, 7:16])
        for window in ((-1, 0, 5, 5), (0, 0, 61, 5), (0, 36, 5, 5), (0, 0, 0, 5)):
            with pytest.raises(DataError, match=r"D02.*leaves the image"):
                opened.read_window(*window)
    with open_image(tmp_path / "a.png") as opened:
        np.testing.assert_array_equal(opened.read_window(5, 7, 20, 9), whole[5:25, 7:16])


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_a_grey_picture_has_one_channel(kind: str, mode: str) -> None:
    if (kind, mode) == ("JPEG", "LA"):
        return  # cannot be stored
    data = encoded(Image.fromarray(photo()).convert(mode), kind)
    plain = read_image(data)
    np.testing.assert_array_equal(read_image(data, reading=Reading(channels=(0,))), plain)
    for channels in ((1,), (0, 1), (2, 1, 0)):
        with pytest.raises(DataError, match=r"it has 1 channel \(0\)"):
            read_image(data, reading=Reading(channels=channels))
    grey = photo()[:, :, 0]
    np.testing.assert_array_equal(read_image(Image.fromarray(grey)), read_image(grey))
    with pytest.raises(DataError, match=r"it has 1 channel \(0\)"):
        read_image(Image.fromarray(grey), reading=Reading(channels=(0, 1)))


def test_channels_of_a_picture_can_be_chosen() -> None:
    read = read_image(photo(), reading=Reading(channels=(2,)))
    np.testing.assert_array_equal(read, photo()[:, :, [2, 2, 2]])
    four = np.concatenate([photo(), photo()[:, :, :1]], axis=2)
    read = read_image(four, reading=Reading(channels=(3, 1, 2, 0)))
    np.testing.assert_array_equal(read, four[:, :, [3, 1, 2, 0]])
    with pytest.raises(DataError, match=r"no channel 4.*--channels"):
        read_image(four, reading=Reading(channels=(4,)))


def test_animations_ask_for_a_page(tmp_path: Path) -> None:
    frames = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    for kind in ("GIF", "WEBP", "PNG"):
        path = tmp_path / f"a.{kind}"
        options = {"lossless": True} if kind == "WEBP" else {}
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)
        with pytest.raises(DataError, match=r"D02.*2 pages.*--page 0 to --page 1"):
            read_image(path)
        second = read_image(path, reading=Reading(page=1)).astype(int)
        assert np.abs(second - (255 - photo())).mean() < (60 if kind == "GIF" else 1)
        with pytest.raises(DataError, match="no page 2"):
            read_image(path, reading=Reading(page=2))


def test_of_a_stereo_photograph_the_first_picture_is_the_image(tmp_path: Path) -> None:
    frames = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    frames[0].save(tmp_path / "a.mpo", save_all=True, append_images=frames[1:])
    with open_image(tmp_path / "a.mpo") as opened:
        assert np.abs(opened.read().astype(int) - photo()).mean() < 8
        assert "first of 2 pictures" in opened.info.used


def test_an_image_outside_of_its_bounds_is_said_to_be_black_or_white() -> None:
    image = np.array([[20, 30], [40, 250]], np.uint8)
    for bounds, words in (
        ((528.0, 2460.0), "(every value is at or below the lower one: all black)"),
        ((1.0, 9.0), "(every value is at or above the upper one: all white)"),
    ):
        with open_image(image, Reading(bounds=(bounds,))) as opened:
            opened.read()
            assert opened.info.used.endswith(words) and words in opened.info.kind
    with open_image(image, Reading(bounds=((30.0, 200.0),))) as opened:
        opened.read_window(0, 0, 1, 2, counted=True)
        opened.read_window(1, 1, 1, 1, counted=True)
        assert opened.info.used.endswith("become 0 to 255")
