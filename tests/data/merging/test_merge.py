"""Files as one: nothing is lost, and the same image is never there twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import relook
from relook.data.coco.reader import read_coco
from relook.data.merging import Merge, merge_files
from relook.errors import UsageError

MakeDataset = Callable[..., Path]
Source = tuple[Path, Path]


@pytest.fixture
def pair(make_dataset: MakeDataset, tmp_path: Path) -> tuple[Source, Source]:
    """Two data sets with the same ids and names of images, and other images."""
    a = make_dataset(tmp_path / "a", [[(0, 0, 8, 8), (20, 20, 30, 30)], [(30, 3, 9, 40)]])
    b = make_dataset(tmp_path / "b" / "more", [[(5, 40, 50, 5)], [(40, 40, 4, 20)], []])
    return (a, a.parent / "images"), (b, b.parent / "images")


def _change(path: Path, change: Callable[[Any], object]) -> None:
    top = json.loads(path.read_text())
    change(top)
    path.write_text(json.dumps(top))


def test_two_files_become_one(pair: tuple[Source, Source], tmp_path: Path) -> None:
    (_, (b, _)) = pair
    _change(b, lambda top: top["categories"].append({"id": 1, "name": "Blob "}))
    _change(b, lambda top: top["annotations"][0].update(category_id=1, by="me"))
    merged = relook.merge_files([pair[0][0], pair[1]], tmp_path / "all.json")
    assert merged.images == tmp_path
    index = read_coco(merged.json, merged.images)
    assert [image.file_name for image in index.images] == [
        "a/images/1.png",
        "a/images/2.png",
        *(f"b/more/images/{number}.png" for number in (1, 2, 3)),
    ]
    assert [image.id for image in index.images] == [1, 2, 4, 5, 3]
    assert [[thing.id for thing in image.objects] for image in index.images] == [
        [1, 2],
        [3],
        [4],
        [5],
        [],
    ]
    assert [(c.id, c.name) for c in index.classes] == [(1, "Blob "), (7, "blob")]
    rows = json.loads(merged.json.read_text())["annotations"]
    assert rows[3]["by"] == "me" and rows[3]["category_id"] == 1
    assert "together: 5 images, 5 annotations, 2 classes: blob, Blob " in merged.lines
    assert (
        "kept as different classes: 'blob' and 'Blob ' differ by case or blanks only"
        in merged.lines
    )


def test_the_same_image_is_refused_or_joined(pair: tuple[Source, Source], tmp_path: Path) -> None:
    first, second = pair
    shutil.copy(first[1] / "2.png", second[1] / "1.png")
    _change(first[0], lambda top: top["images"][1].update(site="x", note=1))
    _change(second[0], lambda top: top["images"][0].update(site="y", more=2))
    out = tmp_path / "all.json"
    with pytest.raises(UsageError, match=r"U04.*1 image is in several of the files: 1\.png"):
        merge_files(pair, out)
    assert not out.exists()
    merged = merge_files(pair, out, same="join")
    index = read_coco(out, merged.images)
    assert [len(image.objects) for image in index.images] == [2, 2, 1, 0]
    entry = json.loads(out.read_text())["images"][1]
    assert (entry["site"], entry["note"], entry["more"]) == ("x", 1, 2)
    assert "differs: site of images, 1 times; that of the first file is kept" in merged.lines
    assert any(line.startswith("joined: 1 image") for line in merged.lines)


def test_a_file_with_itself_is_itself(pair: tuple[Source, Source], tmp_path: Path) -> None:
    source, images = pair[0]
    merged = merge_files([(source, images), (source, images)], tmp_path / "all.json", same="join")
    before, after = (json.loads(path.read_text()) for path in (source, merged.json))
    assert after == before
    assert merged.images == images


def test_near_identical_images_are_counted(pair: tuple[Source, Source], tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(pair[0][1] / "1.png") as image:
        image.point(lambda value: min(value + 3, 255)).save(pair[1][1] / "3.png")
    merged = merge_files(pair, tmp_path / "all.json")
    (line,) = (line for line in merged.lines if line.startswith("near-identical"))
    assert "1 pair of images of different files" in line
    merged = merge_files(pair, tmp_path / "other.json", near_duplicates=False)
    assert not [line for line in merged.lines if line.startswith("near-identical")]


def test_what_cannot_be_merged(pair: tuple[Source, Source], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least two"):
        merge_files(pair[:1], tmp_path / "all.json")
    with pytest.raises(UsageError, match=r"exists"):
        merge_files(pair, pair[0][0])


_FIELDS = st.dictionaries(st.sampled_from(["site", "z"]), st.integers(0, 3), max_size=2)
_ROWS = st.lists(
    st.tuples(st.integers(0, 20), st.lists(st.sampled_from("abc"), max_size=3), _FIELDS),
    max_size=4,
    unique_by=lambda row: row[0],
)


@settings(max_examples=40, deadline=None)
@given(files=st.lists(_ROWS, min_size=2, max_size=3))
def test_nothing_is_lost(
    files: list[list[tuple[int, list[str], dict[str, int]]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    sources = [_written(folder, number, rows) for number, rows in enumerate(files)]
    merged = merge_files(sources, folder / "all.json", near_duplicates=False)
    assert isinstance(merged, Merge)
    top = json.loads(merged.json.read_text())
    for table in ("images", "annotations", "categories"):
        ids = [row["id"] for row in top[table]]
        assert len(set(ids)) == len(ids)
    assert _content(top, merged.images) == sum(
        (_content(json.loads(path.read_text()), images) for path, images in sources), Counter()
    )
    names = [row["name"] for row in top["categories"]]
    used = {name for rows in files for _, own, _ in rows for name in own}
    assert sorted(names) == sorted(used)


def _written(
    folder: Path, number: int, rows: list[tuple[int, list[str], dict[str, int]]]
) -> Source:
    images = folder / str(number)
    images.mkdir()
    names = sorted({name for _, own, _ in rows for name in own})
    ids = {name: place + number for place, name in enumerate(names)}
    annotations: list[dict[str, Any]] = []
    for key, own, _ in rows:
        (images / f"{key}.png").write_text(f"{number} {key}")
        for name in own:
            row = {"id": len(annotations), "image_id": key, "category_id": ids[name]}
            annotations.append({**row, "bbox": [len(annotations), 0, 1, 1]})
    top = {
        "images": [
            {"id": key, "file_name": f"{key}.png", "width": 9, "height": 9, **more}
            for key, _, more in rows
        ],
        "annotations": annotations,
        "categories": [{"id": ids[name], "name": name} for name in names],
    }
    path = folder / f"{number}.json"
    path.write_text(json.dumps(top))
    return path, images


def _content(top: dict[str, Any], images: Path) -> Counter[str]:
    """Images with their fields, and objects with the content of their image and their class."""
    paths = {row["id"]: (images / row["file_name"]).read_text() for row in top["images"]}
    names = {row["id"]: row["name"] for row in top["categories"]}
    rows = [
        [paths[row["id"]], sorted((k, v) for k, v in row.items() if k not in ("id", "file_name"))]
        for row in top["images"]
    ]
    rows += [
        [paths[row["image_id"]], names[row["category_id"]], row["bbox"]]
        for row in top["annotations"]
    ]
    return Counter(map(json.dumps, rows))
