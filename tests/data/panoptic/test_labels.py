"""What labels of pixels mean, and maps of another model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.panoptic.labels import StuffLabels
from relook.errors import DataError
from relook.structures.panoptic import PanopticCategory

SEA, SKY = PanopticCategory(3, "sea", False), PanopticCategory(5, "sky", False)
ROWS = [
    {"id": 5, "name": "sky", "isthing": 0},
    {"id": 1, "name": "boat", "isthing": 1},
    {"id": 3, "name": "sea", "isthing": 0},
]


def _file(folder: Path, content: Any) -> str:
    path = folder / "labels.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_labels_follow_ascending_ids_or_the_table(tmp_path: Path) -> None:
    plain = StuffLabels.named(_file(tmp_path, {"categories": ROWS}))
    assert plain.categories == {0: SEA, 1: SKY}
    table = {"categories": ROWS, "labels": {"91": 5, "0": 3, "92": 5}}
    assert StuffLabels.named(_file(tmp_path, table)).categories == {91: SKY, 0: SEA, 92: SKY}
    assert StuffLabels.of_model([SKY, SEA]).categories == {0: SKY, 1: SEA}
    assert len(StuffLabels.named("coco-stuff").categories) == 79


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([], "no list"),
        ({"categories": 3}, "no list"),
        ({"categories": ROWS[1:2]}, "no category"),
        ({"categories": [*ROWS, ROWS[0]]}, "one id"),
        ({"categories": [{"id": "x", "name": "a", "isthing": 0}]}, "no id"),
        ({"categories": [{"id": 1, "name": "", "isthing": 0}]}, "no name"),
        ({"categories": ROWS, "labels": [5]}, "not an object"),
        ({"categories": ROWS, "labels": {"x": 5}}, "labels are 0"),
        ({"categories": ROWS, "labels": {"-1": 5}}, "labels are 0"),
        ({"categories": ROWS, "labels": {"255": 5}}, "labels are 0"),
        ({"categories": ROWS, "labels": {"1": 1}}, "no stuff there"),
        ({"categories": ROWS, "labels": {"1": True}}, "no stuff there"),
    ],
)
def test_a_table_that_cannot_be(tmp_path: Path, content: Any, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        StuffLabels.named(_file(tmp_path, content))
    assert caught.value.code == "D04" and "labels.json" in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="D01"):
        StuffLabels.named(str(tmp_path / "none.json"))
    with pytest.raises(DataError, match="D01"):
        StuffLabels.of_model([SKY]).in_folder(tmp_path / "none")


def test_maps_are_found_by_the_name_of_the_image(tmp_path: Path) -> None:
    wanted = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(wanted).save(tmp_path / "a.png")
    labels = StuffLabels.of_model([SKY]).in_folder(tmp_path)
    assert np.array_equal(labels.read("elsewhere/a.jpg", (3, 4)), wanted)
    with pytest.raises(DataError, match="D12"):
        labels.read("elsewhere/a.jpg", (4, 3))
    with pytest.raises(DataError, match="no such semantic map"):
        labels.read("b.jpg", (3, 4))
