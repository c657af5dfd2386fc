"""``relook data check``: table, json, page, exit code and repaired copies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.data.coco.reader import read_coco

from ..annotated_discs import RIGHT, Discs, Document, boxes_of, each, make_discs, names

Run = Callable[..., Result]


@pytest.fixture
def discs(tmp_path: Path) -> Discs:
    return make_discs(tmp_path)


def corners(row: Document) -> None:
    x, y, w, h = row["bbox"]
    row["bbox"] = [x, y, x + w, y + h]


def test_a_plain_file(relook: Run, discs: Discs) -> None:
    result = relook("data", "check", discs.json())
    assert result.exit_code == 0, result.stderr
    assert "a.json: 2 images, 4 objects with masks; images in" in result.stdout
    assert "nothing was found" in result.stdout


def test_the_table_and_the_exit_code(relook: Run, discs: Discs) -> None:
    path = discs.json(each(corners))
    result = relook("data", "check", path, "--images", discs.images)
    assert result.exit_code == 3
    words = " ".join(result.stdout.replace("│", " ").split())
    assert "error boxes-differ 4" in words
    assert "corners x1 y1 x2 y2" in words
    assert "annotation 1 in im0.png" in words
    assert "--boxes from-masks" in words
    assert relook("data", "check", path, "--fail-on", "never").exit_code == 0
    allowed = relook("data", "check", path, "--boxes", "from-masks", "--json")
    assert json.loads(allowed.stdout)["files"][0]["objects"] == 4


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 3), ("note", 3)])
def test_levels_that_fail(level: str, code: int, relook: Run, discs: Discs) -> None:
    path = discs.json(each(lambda row: row.update(area=0)))
    assert relook("data", "check", path, "--fail-on", level).exit_code == code


def test_json(relook: Run, discs: Discs) -> None:
    result = relook("data", "check", discs.json(each(corners)), "--json")
    record = json.loads(result.stdout)
    assert record["files"][0]["classes"] == {"nucleus": 4}
    first = record["findings"][0]
    assert {key: first[key] for key in ("code", "level", "count", "fixable")} == {
        "code": "boxes-differ",
        "level": "error",
        "count": 4,
        "fixable": True,
    }
    expected = {"text": "annotation 1 in im0.png", "image": "im0.png", "annotation": 1}
    assert first["examples"][0] == expected


def test_a_page_with_pictures(relook: Run, discs: Discs, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "check.html"
    result = relook("data", "check", discs.json(each(corners)), "--html", page)
    assert f"page: {page}" in result.stderr
    text = page.read_text()
    assert "<title>Check of a.json</title>" in text
    assert text.count("data:image/jpeg;base64") >= 4
    assert "boxes-differ: 4" in text


def test_a_folder_is_one_data_set(relook: Run, discs: Discs) -> None:
    for name in ("train.json", "val.json"):
        discs.json(name=name)
    (discs.folder / "other.json").write_text('{"weights": []}')
    result = relook("data", "check", discs.folder, "--json")
    record = json.loads(result.stdout)
    assert [Path(row["file"]).name for row in record["files"]] == ["train.json", "val.json"]
    assert [(f["code"], f["count"]) for f in record["findings"]] == [("leakage", 2)]
    empty = discs.images
    missing = relook("data", "check", empty)
    assert (missing.exit_code, "D01" in missing.stderr) == (3, True)


def test_a_repaired_copy(relook: Run, discs: Discs, tmp_path: Path) -> None:
    def change(document: Document) -> None:
        each(corners)(document)
        names(lambda name: "C:\\data\\" + name)(document)
        rows = document["annotations"]
        rows.extend([{**row, "id": row["id"] + 500} for row in rows])
        document["info"] = {"year": 2020}
        document["annotations"][0]["note"] = "kept"
        document["annotations"].append({**rows[0], "id": 999, "category_id": 7})

    path = discs.json(change)
    before = path.read_bytes()
    result = relook("data", "check", path, "--images", discs.images, "--fix", tmp_path / "b.json")
    assert path.read_bytes() == before
    lines = [line for line in result.stderr.splitlines() if line.startswith("changed: ")]
    assert lines == [
        "changed: 2 x file name written as that of the file",
        "changed: 4 x box written",
        "changed: 4 x annotation that was there twice removed",
    ]
    assert "left: error D07: annotation 999" in result.stderr
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["info"] == {"year": 2020}
    assert document["annotations"][0]["note"] == "kept"
    relook(
        "data",
        "check",
        path,
        "--images",
        discs.images,
        "--fix",
        tmp_path / "out",
        "--ignore-unknown",
    )
    index = read_coco(tmp_path / "out" / "a.json", discs.images)
    assert boxes_of(index) == RIGHT
    assert index.notes() == []


def test_a_file_is_never_repaired_in_place(relook: Run, discs: Discs) -> None:
    path = discs.json(each(corners))
    for place in (path, path.parent):
        result = relook("data", "check", path, "--fix", place)
        assert (result.exit_code, "U04" in result.stderr) == (2, True)
    other = discs.json(name="b.json")
    result = relook("data", "check", path, other, "--fix", path.parent / "c.json")
    assert (result.exit_code, "U04" in result.stderr) == (2, True)
    assert not (path.parent / "c.json").exists()


def test_other_formats_are_named(relook: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"shapes": [], "imagePath": "a.png"}))
    result = relook("data", "check", path)
    assert result.exit_code == 3
    assert "relook data convert" in result.stderr


def test_a_file_of_a_folder_is_parsed_once(
    relook: Run, discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = discs.json(), []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda file: read.append(file.name) or whole(file))
    result = relook("data", "check", path.parent, path.parent, "--near-duplicates", "off")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("a.json: 2 images") == 1
    assert read.count("a.json") == 2  # once for each time that the folder was named


def test_json_files_of_a_folder_are_not_left_out_in_silence(
    relook: Run, discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = discs.json()
    marked = path.with_name("b.json")
    marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    path.with_name("cut.json").write_bytes(path.read_bytes()[:-9])
    path.with_name("list.json").write_text("[1]")
    found = relook("data", "check", path.parent, "--fail-on", "never")
    assert "a.json: 2 images" in found.stdout and "b.json: 2 images" in found.stdout
    assert found.stderr.count("left out") == 1 and "D03: cut.json: line" in found.stderr
    monkeypatch.setattr("relook.data.checks.places._LARGEST", 1)
    found = relook("data", "check", path.parent, "--fail-on", "never")
    assert "a.json: 2 images" in found.stdout and "b.json" not in found.stdout
    assert "has 4 json files, and the first 1 by name are looked into" in found.stderr
