from __future__ import annotations

from dataclasses import replace

from relook.data.images import ImageInfo
from relook.inference.batch.image_kinds import KindsOfImages


def test_alike_images_are_named_once_and_bad_values_are_counted() -> None:
    lines: list[str] = []
    kinds = KindsOfImages(lines.append)
    plain = ImageInfo(format="PNG", axes="YX", dtype="uint8", used="grey", kind="PNG: grey")
    for info in (plain, plain, replace(plain, invalid=3), replace(plain, invalid=4), None):
        kinds.add(info)
    assert lines == ["images: PNG: grey"]
    kinds.add(replace(plain, kind="TIFF: z"))
    kinds.finish()
    assert lines[1] == "images: TIFF: z"
    assert "NaN or infinite: 7 values in 2 images; " in lines[2]


def test_one_bad_value_in_one_image() -> None:
    lines: list[str] = []
    kinds = KindsOfImages(lines.append)
    kinds.add(ImageInfo(format="TIFF", axes="YX", dtype="float32", used="grey", invalid=1))
    kinds.finish()
    assert lines[-1].startswith("NaN or infinite: 1 value in 1 image; ")
