from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from relook.data.checks.registry import check_subjects
from relook.data.checks.subject import read_subject
from relook.structures.rules.reading import Reading

from ...annotated_discs import HEIGHT, WIDTH, Discs, Document, make_discs

Change = Callable[[Document], Any]


@pytest.fixture
def discs(tmp_path: Path) -> Discs:
    return make_discs(tmp_path)


def test_images_that_are_the_same_within_and_across_files(discs: Discs) -> None:
    (discs.images / "im1.png").write_bytes((discs.images / "im0.png").read_bytes())
    whole = read_subject(discs.json(), discs.images)
    codes = {finding.code: finding for finding in check_subjects([whole])}
    assert codes["images-same"].count == 1
    assert codes["images-same"].examples[0].text == "im0.png = im1.png"

    def part(k: int) -> Change:
        def change(document: Document) -> None:
            document["images"] = document["images"][k : k + 1]
            key = document["images"][0]["id"]
            rows = [row for row in document["annotations"] if row["image_id"] == key]
            document["annotations"] = rows
            if k:
                document["categories"] = [{"id": 1, "name": "cell"}]

        return change

    parts = [
        read_subject(discs.json(part(k), name=f"{name}.json"), discs.images)
        for k, name in enumerate(("train", "val"))
    ]
    across = {finding.code: finding for finding in check_subjects(parts)}
    assert across["leakage"].level == "error"
    assert across["leakage"].count == 1
    assert "more than one of train.json + val.json" in across["leakage"].text
    lacking = [f.text for f in check_subjects(parts) if f.code == "class-not-in-part"]
    assert lacking == [
        "train.json has no object of cell, which another file has",
        "val.json has no object of nucleus, which another file has",
    ]


def test_the_same_file_in_two_parts_is_leakage_without_a_look_at_the_pixels(discs: Discs) -> None:
    parts = [read_subject(discs.json(name=name), discs.images) for name in ("a.json", "b.json")]
    (finding,) = check_subjects(parts, near_duplicates=False)
    assert (finding.code, finding.count) == ("leakage", 2)


def test_images_of_instruments_are_compared_by_the_channels_that_are_meant(discs: Discs) -> None:
    random = np.random.default_rng(0)
    scene = np.kron(random.integers(0, 2000, (16, 25)), np.ones((4, 4), int))
    for number in range(2):
        noise = random.integers(0, 2000, (3, HEIGHT, WIDTH))
        stack = np.concatenate([scene[None] + 20 * number, noise]).astype(np.uint16)
        path = discs.images / f"im{number}.tif"
        tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": "CYX"})

    def tiffs(document: Document) -> None:
        for image in document["images"]:
            image["file_name"] = image["file_name"].replace(".png", ".tif")

    reading = Reading(channels=(0,))
    subject = read_subject(discs.json(tiffs), discs.images, reading=reading)
    codes = {finding.code: finding for finding in check_subjects([subject])}
    assert codes["images-same"].examples[0].text == "im0.tif = im1.tif"
