from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from relook.data.coco.reader import Category, CocoIndex, object_mask, read_coco
from relook.errors import DataError

Document = dict[str, Any]
Write = Callable[[object], Path]


def change(document: Document, position: int, **values: Any) -> Document:
    document["annotations"][position].update(values)
    return document


def test_a_whole_file(document: Document, write: Write, images_dir: Path) -> None:
    index = read_coco(write(document), images_dir)
    assert index.classes == (Category(4, "cell"), Category(9, "nucleus"))
    assert [image.id for image in index.images] == [7, 3]
    first, second = index.images
    assert (first.width, first.height, first.path) == (20, 10, images_dir / "a.png")
    assert second.path == images_dir / "sub" / "b.png"
    nucleus, crowd = first.objects
    assert (nucleus.id, nucleus.label, nucleus.is_crowd) == (1, 1, False)
    assert nucleus.box == (2, 1, 8, 5)
    assert nucleus.area == 24
    assert (crowd.label, crowd.is_crowd) == (0, True)
    assert index.has_masks
    assert index.skipped == {}
    assert (index.num_objects, index.num_crowd, index.class_counts()) == (2, 1, (1, 1))
    mask = object_mask(nucleus, 10, 20)
    assert mask.sum() == 24
    assert mask[1:5, 2:8].all()
    row = object_mask(crowd, 10, 20)
    assert row[0].all()
    assert row.sum() == 20
    assert pickle.loads(pickle.dumps(index)).images[0].objects[0].box == nucleus.box


def test_a_file_whose_truth_is_hidden(document: Document, write: Write, images_dir: Path) -> None:
    del document["annotations"]
    with pytest.raises(DataError, match=r'D04.*there is no "annotations" in it'):
        read_coco(write(document), images_dir)
    index = read_coco(write(document), images_dir, annotated=False)
    assert [image.id for image in index.images] == [7, 3]
    assert index.classes == (Category(4, "cell"), Category(9, "nucleus"))
    document["annotations"] = [{"id": "never looked at"}]
    assert read_coco(write(document), images_dir, annotated=False).num_objects == 0
    with pytest.raises(DataError, match="D06"):
        read_coco(write(document), images_dir)
    document["images"][1]["id"] = 7
    with pytest.raises(DataError, match="D05"):
        read_coco(write(document), images_dir, annotated=False)


def test_missing_files(document: Document, write: Write, images_dir: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*no\.json"):
        read_coco(images_dir / "no.json", images_dir)
    with pytest.raises(DataError, match=r"D01.*is a folder"):
        read_coco(images_dir, images_dir)
    with pytest.raises(DataError, match=r"D01.*folder of images"):
        read_coco(write(document), images_dir / "no")
    (images_dir / "a.png").unlink()
    with pytest.raises(DataError, match=r"D01.*1 of its 2 images.*a\.png"):
        read_coco(write(document), images_dir)
    assert len(read_coco(write(document), images_dir, check_files=False).images) == 2


def test_advice_for_the_wrong_folder(document: Document, write: Write, images_dir: Path) -> None:
    with pytest.raises(DataError, match=r"The first of them is in .*images: give that folder"):
        read_coco(write(document), images_dir / "sub")


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "sub/../../a.png",
        "/etc/passwd",
        "..\\a.png",
        "C:\\a.png",
        "\\\\host\\a.png",
        "a\0.png",
    ],
)
def test_file_names_cannot_leave_the_folder(
    name: str, document: Document, write: Write, images_dir: Path
) -> None:
    document["images"][0]["file_name"] = name
    with pytest.raises(DataError, match=r"D01.*image 7.*leads out"):
        read_coco(write(document), images_dir)


def test_backslashes_separate_folders(document: Document, write: Write, images_dir: Path) -> None:
    document["images"][1]["file_name"] = "sub\\b.png"
    index = read_coco(write(document), images_dir)
    assert index.images[1].path == images_dir / "sub" / "b.png"


def test_missing_sizes_are_read_from_the_images(
    document: Document, write: Write, images_dir: Path
) -> None:
    del document["images"][0]["width"]
    document["images"][0]["height"] = None
    image = read_coco(write(document), images_dir).images[0]
    assert (image.width, image.height) == (20, 10)


def test_images_with_more_pixels_than_can_be_coded(
    document: Document, write: Write, images_dir: Path
) -> None:
    document["images"][0].update(width=60_000, height=60_000)
    with pytest.raises(DataError, match=r"D04.*image 7 .*3,600,000,000 pixels"):
        read_coco(write(document), images_dir)


def test_classes_by_name(document: Document, write: Write, images_dir: Path) -> None:
    index = read_coco(write(document), images_dir, classes=["nucleus", "debris", "cell"])
    assert [c.name for c in index.classes] == ["nucleus", "debris", "cell"]
    assert [index.classes[0].id, index.classes[2].id] == [9, 4]
    assert index.classes[1].id not in (4, 9)
    assert [o.label for image in index.images for o in image.objects] == [0, 2, 2]


def test_classes_that_do_not_fit(document: Document, write: Write, images_dir: Path) -> None:
    path = write(document)
    with pytest.raises(DataError, match=r"D13.*no name in common"):
        read_coco(path, images_dir, classes=["cat", "dog"])
    with pytest.raises(DataError, match=r"D13.*annotation 1 .*'nucleus'"):
        read_coco(path, images_dir, classes=["cell"])
    index = read_coco(path, images_dir, classes=["cell"], ignore_unknown=True)
    assert index.skipped == {"class that the model does not have": 1}
    document["categories"][0]["name"] = "cell"
    path = write(document)
    for classes in (None, ["nucleus", "cell"]):
        index = read_coco(path, images_dir, classes=classes)
        assert [c.name for c in index.classes] == (classes or ["cell"])
        assert sum(index.class_counts()) == index.class_counts()[-1] == 2
        assert index.remarks == ('categories 4 and 9 are both called "cell": read as one class',)


def test_data_with_boxes_only(document: Document, write: Write, images_dir: Path) -> None:
    for annotation in document["annotations"]:
        annotation["segmentation"] = []
    path = write(document)
    index = read_coco(path, images_dir)
    assert not index.has_masks
    assert index.num_objects == 2
    assert index.skipped == {}
    with pytest.raises(DataError, match=r"D09.*annotation 1 has no mask"):
        object_mask(index.images[0].objects[0], 10, 20)
    with pytest.raises(DataError, match=r"D09.*no annotation has a segmentation"):
        read_coco(path, images_dir, masks="required")


def test_masks_can_be_ignored(document: Document, write: Write, images_dir: Path) -> None:
    index = read_coco(write(change(document, 0, segmentation="?")), images_dir, masks="ignored")
    assert not index.has_masks
    assert index.num_objects == 2
    assert all(o.segmentation is None for image in index.images for o in image.objects)


def test_a_file_without_objects(document: Document, write: Write, images_dir: Path) -> None:
    document["annotations"] = []
    index = read_coco(write(document), images_dir, masks="required")
    assert index.has_masks
    assert (index.num_objects, index.num_empty_images) == (0, 2)
    assert index.class_counts() == (0, 0)


def test_summary(document: Document, write: Write, images_dir: Path) -> None:
    document["annotations"] = document["annotations"][:2]
    assert read_coco(write(document), images_dir).summary() == [
        "train.json: 2 images, 1 object with masks, 1 image without objects, 1 crowd region "
        "(never trained as objects)",
        "classes: cell 0, nucleus 1",
    ]


def test_a_mask_of_another_size_is_an_error(
    document: Document, write: Write, images_dir: Path
) -> None:
    crowd = read_coco(write(document), images_dir).images[0].objects[1]
    with pytest.raises(DataError, match=r"D09.*annotation 2"):
        object_mask(crowd, 11, 20)


@pytest.mark.parametrize(
    ("name", "split", "images", "annotations"),
    [
        ("nuclei", "train", 304, 14962),
        ("nuclei", "val", 93, 4426),
        ("mushrooms", "train", 25, 3213),
        ("mushrooms", "val", 10, 1524),
        ("coco_mini", "train", 70, 757),
        ("coco_mini", "val", 43, 521),
    ],
)
def test_real_data_is_read_completely(
    datasets: Path, name: str, split: str, images: int, annotations: int
) -> None:
    path = datasets / name / "annotations" / f"instances_{split}.json"
    index = read_coco(path, datasets / name / "images")
    assert len(index.images) == images
    assert index.num_objects + index.num_crowd == annotations
    assert index.skipped == {}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_masks_of_real_data_equal_those_of_pycocotools(
    datasets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("nuclei", "mushrooms", "coco_mini"):
        path = datasets / name / "annotations" / "instances_val.json"
        index, truth = read_coco(path, datasets / name / "images"), COCO(str(path))
        for image in index.images[::8]:
            for thing in image.objects:
                expected = truth.annToMask(truth.anns[thing.id])
                mask = object_mask(thing, image.height, image.width)
                np.testing.assert_array_equal(mask, expected.astype(bool))
    capsys.readouterr()


def _index_of(document: Document, folder: Path, **options: Any) -> CocoIndex:
    path = folder / "mutated.json"
    path.write_text(json.dumps(document))
    return read_coco(path, folder, check_files=False, **options)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Well-formed files with any ids, names, boxes inside the image and no masks or rectangles."""
    ids = st.integers(-(2**40), 2**40)
    image_ids = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    category_ids = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    images = [
        {
            "id": i,
            "file_name": f"{n}.png",
            "width": draw(st.integers(1, 64)),
            "height": draw(st.integers(1, 64)),
        }
        for n, i in enumerate(image_ids)
    ]
    with_masks = draw(st.booleans())
    annotations = []
    for identity in draw(st.lists(ids, max_size=8, unique=True)):
        image = draw(st.sampled_from(images))
        x = draw(st.integers(0, image["width"] - 1))
        y = draw(st.integers(0, image["height"] - 1))
        w = draw(st.integers(1, image["width"] - x))
        h = draw(st.integers(1, image["height"] - y))
        annotation = {
            "id": identity,
            "image_id": image["id"],
            "category_id": draw(st.sampled_from(category_ids)),
            "bbox": [x, y, w, h],
            "area": w * h,
            "iscrowd": draw(st.sampled_from([0, 1])),
        }
        if with_masks:
            annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        annotations.append(annotation)
    names = draw(
        st.lists(st.text(min_size=1).filter(str.strip), min_size=4, max_size=4, unique=True)
    )
    categories = [{"id": i, "name": n} for i, n in zip(category_ids, names, strict=False)]
    return {"images": images, "annotations": annotations, "categories": categories}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_well_formed_files_round_trip(
    tmp_path_factory: pytest.TempPathFactory, document: Document
) -> None:
    index = _index_of(document, tmp_path_factory.getbasetemp())
    assert [(c.id, c.name) for c in index.classes] == sorted(
        (c["id"], c["name"]) for c in document["categories"]
    )
    read = {
        o.id: (image.id, index.classes[o.label].id, o.box, o.is_crowd, o.area)
        for image in index.images
        for o in image.objects
    }
    written = {}
    for a in document["annotations"]:
        x, y, w, h = a["bbox"]
        box = (x, y, x + w, y + h)
        written[a["id"]] = (a["image_id"], a["category_id"], box, bool(a["iscrowd"]), a["area"])
    assert read == written
    for image in index.images:
        for o in image.objects if index.has_masks else ():
            x1, y1, x2, y2 = (int(v) for v in o.box)
            mask = object_mask(o, image.height, image.width)
            assert mask[y1:y2, x1:x2].all()
            assert mask.sum() == o.area


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -1, 0, 2**31, 2**63]),
        st.floats(),
        st.text(max_size=8),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        children = enumerate(value)
    return [path] + [p for key, child in children for p in _places(child, (*path, key))]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.data())
def test_mutated_files_raise_nothing_but_data_errors(
    tmp_path_factory: pytest.TempPathFactory, document: Document, data: st.DataObject
) -> None:
    for annotation in document["annotations"][:1]:
        annotation.setdefault("segmentation", {"size": [8, 8], "counts": [3, 4, 57]})
    for _ in range(data.draw(st.integers(1, 3))):
        places = [place for place in _places(document) if place]
        if not places:
            break
        *parents, last = data.draw(st.sampled_from(places))
        holder: Any = document
        for key in parents:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[last] = data.draw(JUNK)
        else:
            del holder[last]
    options = {
        "ignore_unknown": data.draw(st.booleans()),
        "masks": data.draw(st.sampled_from(["auto", "required", "ignored"])),
    }
    try:
        index = _index_of(document, tmp_path_factory.getbasetemp(), **options)
    except DataError:
        return
    for image in index.images:
        if image.height * image.width > 10**6:
            continue
        for thing in image.objects:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= image.width
            assert 0 <= y1 < y2 <= image.height
            assert (thing.segmentation is not None) == index.has_masks
            if index.has_masks:
                assert object_mask(thing, image.height, image.width).any()
    index.summary()
