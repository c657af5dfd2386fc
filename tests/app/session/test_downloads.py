"""Objects of a project as files of each kind."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.app.session.classes import Classes
from relook.app.session.downloads import kinds, make_download
from relook.app.session.objects import PageObject, result_of
from relook.errors import UsageError
from relook.inference.results import Result
from relook.inference.writers.kinds import KINDS
from relook.ops.runs import window_runs
from relook.structures.rules.reading import DEFAULT_READING

SIZE = (24, 30)
CLASSES = Classes(["cell", "dust"]).categories()


@pytest.fixture
def results(tmp_path: Path) -> list[tuple[Path, str, Result]]:
    """Two images of one stem in two folders; the second has no object."""
    found = []
    for name, numbers in (("a/x.png", (2, 14)), ("b/x.png", ())):
        path = tmp_path / name
        path.parent.mkdir()
        Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(path)
        objects = [
            PageObject(f"o{left}", row, 0.5, "predicted", runs(left))
            for row, left in enumerate(numbers)
        ]
        found.append((path, name, result_of(objects, SIZE, CLASSES, name)))
    return found


def runs(left: int):  # type: ignore[no-untyped-def]
    window = np.ones((8, 8), bool)
    window[3:5, 3:5] = False
    return window_runs(window, left, 4, SIZE[0])


def test_each_kind_of_save_but_those_of_films_and_maps() -> None:
    names = {entry["name"] for entry in kinds()}
    assert names | {"panoptic", "film", "tracks", "parquet", "gpkg"} == {*KINDS, "parquet", "gpkg"}
    assert all(entry["words"] for entry in kinds())


@pytest.mark.parametrize("kind", [entry["name"] for entry in kinds()])
def test_each_kind_is_made(kind: str, results: list[tuple[Path, str, Result]]) -> None:
    made = make_download(kind, results, CLASSES, DEFAULT_READING)
    assert made.path.stat().st_size > 0
    if made.name.endswith(".zip") and len(KINDS[kind].files) >= 1:
        with zipfile.ZipFile(made.path) as archive:
            names = archive.namelist()
        stems = {name.split("/", 1)[1].rpartition(".")[0] for name in names if "/" in name}
        assert {"a/x", "b/x"} <= {
            s.removesuffix("/objects").removesuffix(".objects") for s in stems
        }
    made.close()
    assert not made.folder.exists()


def test_numbers_in_the_files_are_those_of_the_objects(
    results: list[tuple[Path, str, Result]],
) -> None:
    made = make_download("csv", results, CLASSES, DEFAULT_READING)
    rows = list(csv.DictReader(made.path.read_text(encoding="utf-8-sig").splitlines()))
    assert [row["class"] for row in rows] == ["cell", "dust"]
    assert [float(row["area"]) for row in rows] == [60, 60]
    made.close()
    made = make_download("coco", results, CLASSES, DEFAULT_READING)
    content = json.loads(made.path.read_text())
    assert made.name == "predictions.json"
    assert [image["file_name"] for image in content["images"]] == ["a/x.png", "b/x.png"]
    assert [row["category_id"] for row in content["annotations"]] == [1, 2]
    assert [row["area"] for row in content["annotations"]] == [60, 60]
    made.close()


@pytest.mark.parametrize("kind", ["film", "panoptic", "../../etc", "<script>"])
def test_kinds_that_are_not_made_here(kind: str) -> None:
    with pytest.raises(UsageError, match="U01"):
        make_download(kind, [], CLASSES, DEFAULT_READING)
