"""Label Studio: percent to pixels, brushes, turned rectangles, several annotations of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.label_studio import label_studio_task
from relook.runtime.json_files import write_json

from .conftest import Folder, Masks, block
from .test_brush import brush_codes

Same = Callable[[Masks, Masks], bool]
SQUARE = {"points": [[12.5, 100 / 12], [37.5, 100 / 12], [37.5, 500 / 12], [12.5, 500 / 12]]}


def region(kind: str, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    head = {"id": "r", "type": kind, "from_name": "label", "to_name": "image"}
    sizes = {"original_width": 16, "original_height": 12, "image_rotation": 0}
    return {**head, **sizes, "value": {kind: ["cell"], **value}, **changes}


def task(*regions: dict[str, Any], image: str = "/data/upload/1/0a1b2c3d-a.png") -> dict[str, Any]:
    annotation = {"id": 1, "was_cancelled": False, "result": list(regions)}
    return {"id": 5, "annotations": [annotation], "data": {"image": image}, "predictions": []}


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image()
    write_json(folder.path / "label-studio.json", iter([label_studio_task(odd, "a.png")]))
    lines = folder.convert("label-studio.json").lines
    assert is_same(folder.masks(), expected)
    assert "no task has annotations: predictions are read" in lines


def test_all_regions(folder: Folder) -> None:
    folder.image()
    painted: NDArray[np.bool_] = block(3, 1, 6, 4) & ~block(4, 2, 5, 3)
    box = {"x": 50, "y": 50, "width": 37.5, "height": 100 / 6, "rotation": 90}
    round_ = {"x": 50, "y": 50, "radiusX": 31.25, "radiusY": 100 / 6, "rotation": 90}
    folder.write(
        "export.json",
        [
            task(
                region("polygonlabels", {**SQUARE, "closed": True}),
                region("brushlabels", {"format": "rle", "rle": brush_codes(painted)}),
                region("rectanglelabels", box),
                region("ellipselabels", round_),
                region("keypointlabels", {"x": 1, "y": 1, "width": 0.5}),
                {"type": "choices", "value": {"choices": ["good"]}, "id": "q"},
                {"type": "relation", "from_id": "a", "to_id": "b"},
            )
        ],
    )
    lines = folder.convert("export.json", rectangles="masks").lines
    y, x = np.mgrid[:12, :16] + 0.5
    truth = [
        block(1, 2, 5, 6),
        painted,
        block(6, 6, 12, 8),
        ((x - 8) / 2) ** 2 + ((y - 6) / 5) ** 2 < 1,
    ]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found, truth, strict=True)] == [True] * 4
    assert any("1 x region without area (keypoint)" in line for line in lines)
    assert any("1 x region without area (choices)" in line for line in lines)
    assert any("1 x result without a region (relation)" in line for line in lines)


def test_one_annotation_of_a_task_counts(folder: Folder) -> None:
    for name in ("a.png", "b.png", "c.png"):
        folder.image(name)
    rows = [
        {
            "updated_at": "2026-01-02",
            "result": [region("rectanglelabels", {"x": 0, "y": 0, "width": width, "height": 50})],
        }
        for width in (25, 50)
    ]
    cancelled = {"was_cancelled": True, "updated_at": "2027-01-01", "result": []}
    first, second = {**rows[0], "ground_truth": True}, {**rows[1], "updated_at": "2026-03-01"}
    tasks = [
        {"id": 1, "data": {"image": "s3://bucket/a.png"}, "annotations": [second, first]},
        {
            "id": 2,
            "data": {"image": "http://host/b.png?x=1"},
            "annotations": [second, rows[0], cancelled],
        },
        {"id": 3, "data": {"image": "/data/local-files/?d=c.png"}, "annotations": [cancelled]},
    ]
    folder.write("export.json", tasks)
    lines = folder.convert("export.json").lines
    assert folder.boxes() == [[0, 0, 4, 6], [0, 0, 8, 6]]
    assert any(line.startswith("changed: 2 x task with several annotations") for line in lines)
    assert "left out: 1 x task without annotations (first: export.json: task 3)" in lines


def test_labels_beside_a_shape(folder: Folder) -> None:
    folder.image()
    plain = region("polygon", SQUARE)
    plain["value"].pop("polygon")
    label = region("labels", {**SQUARE, "labels": ["rod"]})
    for rows in ((plain, label), (label, plain), (label,)):
        folder.write("export.json", [task(*rows, image="a.png")])
        folder.convert("export.json")
        assert list(folder.masks()) == ["rod"] and np.array_equal(folder.mask(), block(1, 2, 5, 6))
    plain["id"] = []
    folder.write("export.json", [task(plain, image="a.png")])
    with pytest.raises(DataError, match="1 x region without a class"):
        folder.convert("export.json")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ({"a": 1}, "D04", "no list of tasks"),
        ([{"image": "a.png", "label": []}], "D04", "not JSON-MIN"),
        ([task(image="b.png")], "D01", "'b.png' is not in"),
        ([task(region("polygonlabels", {"points": [[1, "x"]]}))], "D09", "two finite numbers"),
        ([task(region("brushlabels", {"rle": [1, 2]}))], "D09", "cut off"),
        ([task(region("polygonlabels", SQUARE, image_rotation=90))], "D09", "turned in the tool"),
        ([task(region("polygonlabels", SQUARE, original_width=17))], "D10", "17 x 12"),
        (
            [task(region("polygonlabels", {**SQUARE, "polygonlabels": []}))],
            "D11",
            "without a class",
        ),
    ],
)
def test_what_cannot_be_used(folder: Folder, content: Any, code: str, words: str) -> None:
    folder.image()
    folder.write("export.json", content)
    with pytest.raises(DataError) as caught:
        folder.convert("export.json", format="label-studio")
    assert caught.value.code == code and words in caught.value.message
