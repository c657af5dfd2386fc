from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.coco.frames import turn_of, turned_mask
from relook.data.coco.reader import object_mask, read_coco
from relook.data.dataset import CocoDataset
from relook.data.images.orientation import upright, upright_points, upright_size
from relook.data.semantics import SemanticChoice
from relook.errors import DataError
from relook.evaluation.ground_truth import truth_of
from relook.ops.rle import encode_mask

INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
SEEN = np.zeros((20, 30), bool)
SEEN[3:9, 4:16] = True  # (4, 3) to (16, 9)


def data_set(
    folder: Path,
    orientation: int,
    frame: str,
    *,
    sized: bool = True,
    rle: bool = False,
    side: int | None = None,
) -> Path:
    """One image whose bright rectangle is annotated in `frame`, as polygon or as run lengths."""
    seen = SEEN if side is None else SEEN[:side, :side]
    stored = np.ascontiguousarray(upright(seen, INVERSE[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored.astype(np.uint8) * 255).save(folder / "a.png", exif=exif)
    shown = seen if frame == "upright" else stored
    rows, columns = np.nonzero(shown)
    x1, y1, x2, y2 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    corners = [x1, y1, x2, y1, x2, y2, x1, y2]
    row: dict[str, Any] = {"id": 1, "file_name": "a.png"}
    if sized:
        row |= {"height": shown.shape[0], "width": shown.shape[1]}
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [float(v) for v in (x1, y1, x2 - x1, y2 - y1)],
        "area": float(shown.sum()),
        "segmentation": encode_mask(shown) if rle else [[float(v) for v in corners]],
    }
    document = {
        "images": [row],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "cell"}],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("rle", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("frame", ["stored", "upright"])
def test_objects_lie_on_the_pixels(tmp_path: Path, orientation: int, frame: Any, rle: bool) -> None:
    index = read_coco(data_set(tmp_path, orientation, frame, rle=rle), tmp_path, frame=frame)
    (image,) = index.images
    assert (image.height, image.width, image.orientation) == (20, 30, orientation)
    (thing,) = image.objects
    assert thing.box == (4, 3, 16, 9)
    np.testing.assert_array_equal(object_mask(thing, 20, 30), SEEN)
    sample = CocoDataset(index)[0]
    bright = sample.image[:, :, 0] > 127
    np.testing.assert_array_equal(bright, SEEN)
    (truth,) = truth_of(index).objects
    assert truth["bbox"] == [4, 3, 12, 6]
    counts = truth["segmentation"]["counts"]
    assert (counts.decode() if isinstance(counts, bytes) else counts) == encode_mask(SEEN)["counts"]
    assert truth_of(index).sizes == {1: (20, 30)}


@pytest.mark.parametrize("frame", ["stored", "upright"])
def test_sizes_tell_the_frame(tmp_path: Path, frame: str) -> None:
    index = read_coco(data_set(tmp_path, 6, frame), tmp_path)
    assert index.images[0].objects[0].box == (4, 3, 16, 9)
    turned = 1 if frame == "stored" else 0
    assert any(f"annotations of {turned} of them" in line for line in index.summary())


@pytest.mark.parametrize(
    ("orientation", "options", "said"),
    [
        (6, {"sized": False}, "gives no sizes"),
        (3, {}, "same size in both"),
        (6, {"side": 20}, "sides are equal"),
    ],
)
def test_what_cannot_be_known_is_asked_for(
    tmp_path: Path, orientation: int, options: dict[str, Any], said: str
) -> None:
    path = data_set(tmp_path, orientation, "stored", **options)
    with pytest.raises(DataError, match=rf"D10.*{said}.*--frame stored or --frame upright"):
        read_coco(path, tmp_path)
    (thing,) = read_coco(path, tmp_path, frame="stored").images[0].objects
    assert thing.box == (4, 3, 16, 9)


def test_images_without_objects_need_no_frame(tmp_path: Path) -> None:
    path = data_set(tmp_path, 3, "stored")
    document = json.loads(path.read_text()) | {"annotations": []}
    path.write_text(json.dumps(document))
    assert read_coco(path, tmp_path).images[0].orientation == 3


def test_an_upright_image_is_never_turned() -> None:
    assert turn_of("a", (2, 2), 1, None, "stored") == 1


def test_polygons_are_turned_by_their_points() -> None:
    polygon = [[1.0, 2.0, 3.0, 2.0, 3.0, 5.0]]
    (turned,) = turned_mask(polygon, (20, 30), 8)
    expected = upright_points(np.array(polygon).reshape(-1, 2), (20, 30), 8)
    assert np.array(turned).reshape(-1, 2).tolist() == expected.tolist()
    assert upright_size((20, 30), 8) == (30, 20)


def test_semantic_maps_are_turned_with_their_image(tmp_path: Path) -> None:
    path = data_set(tmp_path, 6, "stored")
    maps = tmp_path / "maps"
    maps.mkdir()
    stored = upright(SEEN, INVERSE[6]).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(stored)).save(maps / "a.png")
    index = read_coco(path, tmp_path)
    choice = SemanticChoice("maps", 2, "given", maps)
    target = CocoDataset(index, semantics=choice)[0].target
    assert target is not None
    assert target.semantic is not None
    np.testing.assert_array_equal(target.semantic.numpy(), SEEN)
