"""The writer that napari's save dialog calls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.napari.annotations import LayerNotes
from relook.napari.writer import write_coco


def test_a_layer_is_written(tmp_path: Path) -> None:
    labels = np.zeros((1, 4, 5), int)
    labels[0, 1, 1] = 3
    notes = LayerNotes(file_name="a.png", classes=(Category(3, "cell"),), new_class="cell")
    attributes = {"name": "objects", "metadata": notes.metadata(), "features": {}}
    path = str(tmp_path / "a.json")
    assert write_coco(path, labels, attributes) == [path]
    document = json.loads(Path(path).read_text())
    assert document["images"][0]["file_name"] == "a.png"
    assert document["annotations"][0]["bbox"] == [1, 1, 1, 1]
    with pytest.raises(UsageError, match="exists"):
        write_coco(path, labels, attributes)


def test_any_labels_layer_is_written(tmp_path: Path) -> None:
    labels = np.eye(3, dtype=np.uint8)
    path = str(tmp_path / "a.json")
    write_coco(path, [labels, labels[::2, ::2]], {"name": "mine"})
    document = json.loads(Path(path).read_text())
    assert document["images"][0]["file_name"] == "mine"
    assert [row["name"] for row in document["categories"]] == ["object"]
    assert document["annotations"][0]["area"] == 3
