"""The COCO file of corrections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image

from relook.app.session.classes import Classes
from relook.app.session.corrections import FILE, Corrections, Outdated
from relook.app.session.objects import PageObject
from relook.data.coco import segmentation
from relook.data.coco.reader import object_mask, read_coco
from relook.errors import DataError, RelookError, UsageError
from relook.ops import rle
from relook.ops.runs import window_runs

SIZE = (12, 16)


def thing(number: str, left: int, label: int = 0, **changes: Any) -> PageObject:
    window = np.ones((5, 5), bool)
    window[2, 2] = False  # a hole
    fields: dict[str, Any] = {"score": 0.25, "state": "accepted", **changes}
    return PageObject(number, label, runs=window_runs(window, left, 2, SIZE[0]), **fields)


def save(file: Corrections, name: str, *objects: PageObject, revision: int = 0) -> int:
    return file.save(name, SIZE, objects, revision=revision, done=True, model="nuclei")


def same(a: PageObject, b: PageObject) -> bool:
    return (
        (a.id, a.label, a.score, a.state) == (b.id, b.label, b.score, b.state)
        and a.runs.starts.tolist() == b.runs.starts.tolist()
        and a.runs.ends.tolist() == b.runs.ends.tolist()
    )


def test_what_was_saved_is_opened_again(tmp_path: Path) -> None:
    file = Corrections(tmp_path, Classes(["cell", "<script>alert(1)</script>"]))
    one, two = thing("o1", 1), thing("d2", 8, 1, score=None, state="drawn")
    assert save(file, "a.png", one, two) == 1
    assert save(file, "ä/ö.png") == 1
    assert save(file, "a.png", two, revision=1) == 2
    classes = Classes(["dust"])
    again = Corrections(tmp_path, classes)
    assert classes.names() == ["dust", "cell", "<script>alert(1)</script>"]
    saved = again.get("a.png")
    assert saved is not None and (saved.revision, saved.done, saved.model) == (2, True, "nuclei")
    assert same(saved.objects[0], PageObject("d2", 2, None, "drawn", two.runs))
    assert again.names() == ["a.png", "ä/ö.png"]
    empty = again.get("ä/ö.png")
    assert empty is not None and (empty.objects, empty.revision) == ((), 1)
    assert save(again, "b.png", one) == 1
    third = Corrections(tmp_path, Classes([]))
    assert third.names() == ["a.png", "ä/ö.png", "b.png"]
    (entry,) = third.get("b.png").objects  # type: ignore[union-attr]
    assert (entry.label, entry.runs.area) == (0, 24)


def test_relook_trains_on_the_file_and_other_programs_can_read_it(tmp_path: Path) -> None:
    for name in ("a.png", "empty.png"):
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / name)
    file = Corrections(tmp_path, Classes(["cell", "dust"]))
    save(file, "a.png", thing("o1", 1), thing("o2", 8, 1))
    save(file, "empty.png")
    index = read_coco(tmp_path / FILE, tmp_path)
    assert [len(image.objects) for image in index.images] == [2, 0]
    assert [category.name for category in index.classes] == ["cell", "dust"]
    mask = object_mask(index.images[0].objects[0], *SIZE)
    assert mask.sum() == 24 and not mask[4, 3]
    ids = [row["id"] for row in json.loads((tmp_path / FILE).read_text())["annotations"]]
    assert len(set(ids)) == 2


@settings(max_examples=20)
@given(arrays(np.bool_, SIZE))
def test_each_mask_comes_back_pixel_by_pixel(mask: np.ndarray[Any, Any]) -> None:
    import tempfile

    if not mask.any():
        return
    runs = window_runs(mask, 0, 0, SIZE[0])
    with tempfile.TemporaryDirectory() as folder:
        save(
            Corrections(Path(folder), Classes(["x"])),
            "a.png",
            PageObject("o", 0, 1.0, "drawn", runs),
        )
        saved = Corrections(Path(folder), Classes(["x"])).get("a.png")
    assert saved is not None
    assert saved.objects[0].runs.starts.tolist() == runs.starts.tolist()
    assert saved.objects[0].runs.ends.tolist() == runs.ends.tolist()


@pytest.mark.parametrize("revision", [0, 2])
def test_another_page_has_saved_in_between(revision: int, tmp_path: Path) -> None:
    file = Corrections(tmp_path, Classes(["cell"]))
    save(file, "a.png", thing("o1", 1))
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Outdated, match="saved by another page") as caught:
        save(file, "a.png", revision=revision)
    assert caught.value.revision == 1
    assert (tmp_path / FILE).read_bytes() == before


def test_classes_are_saved_where_no_image_is(tmp_path: Path) -> None:
    file, changed = Corrections(tmp_path, Classes(["cell"])), Classes(["cell", "Dust"])
    changed.rename(0, "nucleus")
    file.write_classes(changed)
    again = Classes(["cell"])
    assert Corrections(tmp_path, again).names() == []
    assert again.names() == ["nucleus", "Dust"] and again.label_of("cell") == 0
    assert [c.name for c in read_coco(tmp_path / FILE, tmp_path).classes] == ["nucleus", "Dust"]
    (tmp_path / FILE).write_text("mine")
    with pytest.raises(RelookError, match="R07"):
        file.write_classes(changed)
    assert (tmp_path / FILE).read_text() == "mine"


def test_objects_of_a_class_get_another_one(tmp_path: Path) -> None:
    """Their images have a new revision, so that another page does not write over them."""
    file = Corrections(tmp_path, Classes(["cell", "dust", "hair"]))
    save(file, "a.png", thing("o1", 1, 1), thing("o2", 8))
    save(file, "b.png", thing("o1", 1))
    save(file, "c.png", thing("o1", 1, 1, state="predicted"), thing("o2", 8, 1))
    assert file.count(1) == (3, 2)
    file.move(1, 2)
    assert (file.count(1), file.count(2), file.count(0)) == ((0, 0), (3, 2), (2, 2))
    with pytest.raises(Outdated):
        save(file, "a.png", revision=1)
    assert save(file, "b.png", revision=1) == 2
    again = Corrections(tmp_path, Classes()).get("c.png")
    assert again is not None and again.revision == 2
    assert [(item.label, item.state) for item in again.objects] == [
        (2, "predicted"),
        (2, "accepted"),
    ]
    before = (tmp_path / FILE).read_bytes()
    file.move(1, 0)  # nothing to do
    assert (tmp_path / FILE).read_bytes() == before


def test_a_removed_class_comes_back_with_an_object_of_another_page(tmp_path: Path) -> None:
    classes = Classes(["cell", "dust"])
    file = Corrections(tmp_path, classes)
    classes.remove(1)
    save(file, "a.png", thing("o1", 1))
    rows = json.loads((tmp_path / FILE).read_text())["categories"]
    assert rows == [{"id": 1, "name": "cell"}]
    save(file, "a.png", thing("o1", 1, 1), revision=1)
    rows = json.loads((tmp_path / FILE).read_text())["categories"]
    assert rows == [{"id": 1, "name": "cell"}, {"id": 2, "name": "dust"}]


def test_each_mask_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Corrections(tmp_path, Classes(["cell"])), "a.png", thing("o1", 1), thing("o2", 9))
    decoded: list[str] = []
    decode = rle.decode_counts

    def counted(text: str) -> Any:
        decoded.append(text)
        return decode(text)

    for module in (rle, segmentation):
        monkeypatch.setattr(module, "decode_counts", counted)
    saved = Corrections(tmp_path, Classes([])).get("a.png")
    assert saved is not None and [item.runs.area for item in saved.objects] == [24, 24]
    assert len(decoded) == 2


@pytest.mark.parametrize(
    "content", ['{"images": [], "annotations": [], "categories": []}', "[1]", "{"]
)
def test_a_file_of_the_user_is_never_written_over(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(RelookError, match=FILE):
        Corrections(tmp_path, Classes(["cell"]))
    assert (tmp_path / FILE).read_text() == content


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["images"][0].pop("width"),
        lambda c: c["annotations"][0].update(image_id=99),
        lambda c: c["annotations"][0].update(category_id=99),
        lambda c: c["annotations"][0]["segmentation"].update(counts="~~~"),
        lambda c: c["annotations"][0].update(segmentation={"size": [9, 9], "counts": "1"}),
        lambda c: c["images"][0].update(height=10**9),
        lambda c: c["images"][0].update(height=0),
        lambda c: c["images"][0]["relook"].update(revision=None),
        lambda c: c["images"][0]["relook"].update(revision="many"),
        lambda c: c["annotations"][0]["relook"].update(state="<b>"),
        lambda c: c["annotations"][0]["relook"].update(id="x" * 65),
        lambda c: c["annotations"][0].update(score=float("nan")),
        lambda c: c["annotations"].append([1]),
        lambda c: c["info"].update(relook_app=99),
    ],
)
def test_a_damaged_file_is_told_and_kept(change: Any, tmp_path: Path) -> None:
    save(Corrections(tmp_path, Classes(["cell"])), "a.png", thing("o1", 1))
    content = json.loads((tmp_path / FILE).read_text())
    change(content)
    text = json.dumps(content)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match="D03"):
        Corrections(tmp_path, Classes([]))
    assert (tmp_path / FILE).read_text() == text


def test_a_file_that_another_program_has_changed_is_not_written_over(tmp_path: Path) -> None:
    file = Corrections(tmp_path, Classes(["cell"]))
    save(file, "a.png", thing("o1", 1))
    (tmp_path / FILE).write_text("mine")
    with pytest.raises(RelookError, match=r"R07.*changed by another program"):
        save(file, "b.png")
    assert (tmp_path / FILE).read_text() == "mine"
    (tmp_path / FILE).rename(tmp_path / "mine.json")
    assert save(file, "b.png") == 1
    assert Corrections(tmp_path, Classes([])).names() == ["a.png", "b.png"]


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Corrections(tmp_path, Classes(["cell"]))
    save(file, "a.png", thing("o1", 1))
    before = (tmp_path / FILE).read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RelookError, match="R02"):
        save(file, "a.png", revision=1)
    monkeypatch.undo()
    assert (tmp_path / FILE).read_bytes() == before
    saved = file.get("a.png")
    assert saved is not None and saved.revision == 1 and len(saved.objects) == 1
    assert save(file, "a.png", revision=1) == 2
    assert not list(tmp_path.glob(".*"))


def test_usage_error_is_the_kind_for_a_file_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"info": {"description": "mine"}}')
    with pytest.raises(UsageError, match="not written by relook app"):
        Corrections(tmp_path, Classes([]))
