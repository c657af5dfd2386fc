"""CVAT's XML: every shape, turned ones, groups, and what relook itself writes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.cvat import cvat_document, cvat_image

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]
NAMES = "".join(f"<label><name>{name}</name></label>" for name in ("rod", "cell"))
LABELS = f"<meta><task><labels>{NAMES}</labels></task></meta>"


def document(*shapes: str, image: str = 'name="a.png" width="16" height="12"') -> str:
    body = "".join(shapes)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f'{LABELS}<image id="0" {image}>{body}</image></annotations>'
    )


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image("images/a.png")
    folder.write("cvat.xml", cvat_document([cvat_image(odd, 0, "a.png")], odd.names[:2]))
    folder.convert("cvat.xml")
    assert is_same(folder.masks(), expected)
    assert folder.content["annotations"][0]["attributes"] == {"score": "0.900000"}


def test_all_shapes(folder: Folder) -> None:
    folder.image()
    folder.write(
        "annotations.xml",
        document(
            '<polygon label="cell" points="2.0,1.0;6.0,1.0;6.0,5.0;2.0,5.0"/>',
            '<box label="cell" xtl="4" ytl="5" xbr="10" ybr="7" rotation="90"/>',
            '<ellipse label="cell" cx="8" cy="6" rx="5" ry="2" rotation="90"/>',
            '<mask label="cell" rle="1, 3, 1" left="14" top="10" width="5" height="1"/>',
            '<polygon label="cell" group_id="4" points="0,0;2,0;2,2;0,2"/>',
            '<polygon label="cell" group_id="4" points="4,0;6,0;6,2;4,2"/>',
            '<polyline label="cell" points="0,0;2,0"/>',
            '<points label="cell" points="0,0"/>',
            '<tag label="cell"/>',
        ),
    )
    lines = folder.convert("annotations.xml", rectangles="masks").lines
    y, x = np.mgrid[:12, :16] + 0.5
    truth = [
        block(1, 2, 5, 6),
        block(3, 6, 9, 8),
        ((x - 8) / 2) ** 2 + ((y - 6) / 5) ** 2 < 1,
        block(10, 15, 11, 16),
        block(0, 0, 2, 2) | block(0, 4, 2, 6),
    ]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found, truth, strict=True)] == [True] * 5
    assert [row["name"] for row in folder.content["categories"]] == ["rod", "cell"]
    for kind in ("polyline", "points", "tag"):
        assert any(f"1 x shape without area ({kind})" in line for line in lines)


def test_rotated_boxes_are_enclosed_as_boxes(folder: Folder) -> None:
    folder.image()
    folder.write(
        "a.xml", document('<box label="cell" xtl="4" ytl="5" xbr="10" ybr="7" rotation="90"/>')
    )
    folder.convert("a.xml")
    assert folder.boxes() == [[6, 3, 2, 6]]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("<annotations><track id='0' label='a'/></annotations>", "D04", "CVAT for video"),
        ("<other/>", "D04", "its root is <other>"),
        (document('<polygon label="cell" points="2,1;6"/>'), "D09", "lacks a finite number"),
        (document('<polygon label="cell" points="2,1;6,1"/>'), "D09", "fewer than 3 points"),
        (document(image='name="a.png" width="17" height="12"'), "D10", "17 x 12"),
        (document(image='name="../../b.png"'), "D01", "is not in"),
        (
            document('<mask label="c" rle="999999999" left="0" top="0" width="1" height="1"/>'),
            "D09",
            "do not add up",
        ),
        (
            document('<mask label="c" rle="9" left="0" top="0" width="1e9" height="1e9"/>'),
            "D09",
            "a size that no mask has",
        ),
        (document('<box label="c" xtl="1e300" ytl="5" xbr="10" ybr="7"/>'), "D09", "no image has"),
        (document('<box label="c" xtl="1" rotation="x"/>'), "D09", "rotation"),
    ],
)
def test_what_cannot_be_used(folder: Folder, text: str, code: str, words: str) -> None:
    folder.image()
    folder.write("a.xml", text)
    with pytest.raises(DataError) as caught:
        folder.convert("a.xml", format="cvat")
    assert caught.value.code == code and words in caught.value.message
