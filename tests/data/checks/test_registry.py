"""Every check finds what it is for, in a file that has it, and nothing in one that has not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.checks.finding import Finding
from relook.data.checks.registry import ALL, CHECKS, check_subjects
from relook.data.checks.repair import repaired
from relook.data.checks.subject import read_subject
from relook.data.coco.leniency import Leniency

from ...annotated_discs import (
    HEIGHT,
    WIDTH,
    Discs,
    Document,
    disc,
    each,
    make_discs,
    names,
    run_lengths,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
Change = Callable[[Document], Any]


@pytest.fixture
def discs(tmp_path: Path) -> Discs:
    return make_discs(tmp_path)


def found(discs: Discs, change: Change | None, **options: Any) -> list[Finding]:
    subject = read_subject(discs.json(change), discs.images, **options)
    return check_subjects([subject], near_duplicates=False)


def append(key: str, *rows: Document) -> Change:
    return lambda document: document[key].extend(rows)


def first(**values: Any) -> Change:
    return lambda document: document["annotations"][0].update(values)


def categories(*rows: Document) -> Change:
    return lambda document: document.update(categories=list(rows))


def many(document: Document) -> None:
    """One hundred and one small objects of one image, and a huge one."""
    rows = [disc(k, 1, 3 + k % 20 * 4.7, 4 + (k - 100) // 20 * 10, 1.8) for k in range(100, 200)]
    document["annotations"] = [*rows, disc(200, 1, 50, 32, 31)]


def corner_boxes(document: Document) -> None:
    for row in document["annotations"]:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x, y, x + w, y + h]
        row["segmentation"] = []


def joined(document: Document) -> None:
    rows = document["annotations"]
    rows.extend([{**row, "id": row["id"] + 500} for row in rows])


def to_fractions(row: Document) -> None:
    x, y, w, h = row["bbox"]
    row["bbox"] = [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]
    flat = row["segmentation"][0]
    row["segmentation"] = [[v / (HEIGHT if k % 2 else WIDTH) for k, v in enumerate(flat)]]


def ids_again(document: Document) -> None:
    document["annotations"][3]["id"] = 1


CASES: dict[str, tuple[Change, int]] = {
    "D04": (first(iscrowd=7), 1),
    "D06": (first(image_id=70), 1),
    "D07": (first(category_id=7), 1),
    "D08": (first(bbox=[1, 2, "3", 4]), 1),
    "D09": (first(segmentation="somewhere"), 1),
    "ids-twice": (ids_again, 1),
    "ids-other": (each(lambda row: row.update(id=str(row["id"]))), 4),
    "images-missing": (names(lambda n: n.replace("im", "picture")), 2),
    "names-elsewhere": (names(lambda n: "/data/" + n), 2),
    "names-differ": (names(str.upper), 2),
    "image-twice": (append("images", {"id": 9, "file_name": "im0.png"}), 1),
    "size-swapped": (lambda d: [r.update(width=HEIGHT, height=WIDTH) for r in d["images"]], 2),
    "size-wrong": (lambda d: [r.update(width=50, height=32) for r in d["images"]], 2),
    "root-category": (
        categories(
            {"id": 0, "name": "cells", "supercategory": "none"},
            {"id": 1, "name": "nucleus", "supercategory": "cells"},
        ),
        1,
    ),
    "class-twice": (append("categories", {"id": 2, "name": "nucleus"}), 1),
    "class-similar": (append("categories", {"id": 2, "name": " Nucleus"}), 2),
    "class-empty": (append("categories", {"id": 2, "name": "debris"}), 1),
    "boxes-differ": (each(lambda row: row.update(bbox=[row["bbox"][0] + 9, *row["bbox"][1:]])), 4),
    "boxes-clipped": (first(bbox=[-1, 16, 29, 18], segmentation=[[0, 16, 28, 16, 28, 34]]), 1),
    "boxes-corners": (corner_boxes, 4),
    "area-zero": (each(lambda row: row.update(area=0)), 4),
    "mask-form": (each(lambda row: row.update(segmentation=row["segmentation"][0])), 4),
    "mask-parts": (each(lambda row: row["segmentation"].append([1, 1, 2, 2])), 4),
    "fractions": (each(to_fractions), 4),
    "mask-missing": (first(segmentation=[]), 1),
    "mask-crossing": (first(segmentation=[[11, 16, 29, 34, 29, 16, 11, 34]]), 1),
    "mask-spikes": (first(segmentation=[[11, 16, 29, 16, 20, 25, 12, 34, 20.5, 25, 11, 24]]), 1),
    "objects-twice": (joined, 4),
    "all-crowd": (each(lambda row: row.update(iscrowd=1, segmentation=run_lengths(row))), 4),
    "many-crowd": (
        lambda d: [
            row.update(iscrowd=1, segmentation=run_lengths(row)) for row in d["annotations"][1:]
        ],
        3,
    ),
    "objects-outside": (first(bbox=[500, 5, 9, 9], segmentation=[[500, 5, 509, 5, 509, 14]]), 1),
    "objects-left-out": (first(ignore=1), 1),
    "objects-odd": (many, 1),
    "objects-small": (lambda document: None, 4),
    "crowding": (many, 1),
    "images-empty": (lambda document: document.update(annotations=document["annotations"][:2]), 1),
    "nothing-to-learn": (lambda document: document.update(annotations=[]), 1),
}
SPECIAL = {"refused", "image-unreadable", "orientation", "images-same", "class-rare"}
SPECIAL |= {"leakage", "class-not-in-part"}


def test_every_check_has_a_case_a_name_of_its_own_and_words() -> None:
    codes = [found.code for found in ALL]
    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(CASES) | SPECIAL
    assert all(found.finds and found.remedy.endswith(".") for found in ALL)
    assert all(found.run.__doc__ for found in CHECKS)


def test_nothing_is_found_in_a_plain_file(discs: Discs) -> None:
    assert found(discs, None) == []


@pytest.mark.parametrize("code", CASES)
def test_a_check_finds_what_it_is_for(code: str, discs: Discs) -> None:
    change, count = CASES[code]
    size = (60, 40) if code == "objects-small" else (1333, 800)
    if code == "objects-small":
        count = sum(r * np.pi**0.5 * 0.6 < 8 for r in (9, 12, 10, 7.5))
    by_code = {finding.code: finding for finding in found(discs, change, input_size=size)}
    assert code in by_code
    finding = by_code[code]
    assert finding.count == count
    assert finding.text
    assert "{" not in finding.remedy
    if code not in ("nothing-to-learn", "class-similar"):
        assert all(example.text for example in finding.examples)


FIXED = [found.code for found in CHECKS if found.fix]


@pytest.mark.parametrize("code", FIXED)
def test_what_can_be_repaired_is_repaired(code: str, discs: Discs, tmp_path: Path) -> None:
    crowd: Any = "as-objects" if code == "all-crowd" else "as-crowd"
    path = discs.json(CASES[code][0])
    before = path.read_bytes()
    repair = repaired(path, discs.images, leniency=Leniency(crowd=crowd))
    assert repair.lines
    assert path.read_bytes() == before
    copy = discs.json(lambda document: document.update(repair.document), name="fixed.json")
    subject = read_subject(copy, discs.images)
    assert code not in {
        finding.code for finding in check_subjects([subject], near_duplicates=False)
    }
    assert subject.errors == ()
    assert subject.index.num_objects == 4
    assert subject.index.adjusted == {}
    again = repaired(copy, discs.images)
    assert again.lines == ()
    assert again.document == repair.document


def test_what_needs_a_person_is_left(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["images"][0].update(width=50, height=32)  # of another size: boxes are cut there
        document["images"][1].update(width="100")  # refused, and so are its objects
        document["annotations"][0].update(segmentation=[[-4, 16, 28, 16, 28, 34, -4, 34]])
        document["annotations"][0].update(bbox=[-4, 16, 32, 18])

    path = discs.json(change)
    repair = repaired(path, discs.images)
    assert repair.lines == ()
    assert repair.document == json.loads(path.read_text())


def test_images_without_files_are_removed_where_that_is_allowed(discs: Discs) -> None:
    (discs.images / "im1.png").unlink()
    path = discs.json()
    assert repaired(path, discs.images).lines == ()
    repair = repaired(path, discs.images, leniency=Leniency(skip_missing=True))
    assert repair.lines == (
        "1 x image without a file removed",
        "2 x annotation of an image without a file removed",
    )


def test_equal_entries_of_images_and_categories_are_removed(discs: Discs) -> None:
    def change(document: Document) -> None:
        for key in ("images", "categories", "annotations"):
            document[key] += [dict(row) for row in document[key]]

    repair = repaired(discs.json(change), discs.images)
    assert repair.lines == (
        '"images": 2 x the same entry twice removed',
        '"categories": 1 x the same entry twice removed',
        "4 annotations numbered anew: their ids were used before",
        "4 x annotation that was there twice removed",
    )
    assert repair.document == discs.plain


def test_files_that_are_no_images_are_named(discs: Discs) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    (discs.images / "im0.png").write_bytes(pointer)
    (discs.images / "im1.png").write_bytes(b"")
    (finding,) = [f for f in found(discs, None) if f.code == "image-unreadable"]
    assert finding.count == 2
    assert "a pointer of Git LFS" in finding.text


def test_images_that_are_stored_turned(discs: Discs) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (HEIGHT, WIDTH)).save(discs.images / "im0.png", exif=exif)
    (finding,) = [f for f in found(discs, None) if f.code == "orientation"]
    assert finding.count == 1
    assert "the annotations of 0 are for the stored frame" in finding.text


def test_a_polygon_beside_its_image_is_called_so(discs: Discs) -> None:
    beside = [WIDTH + 2, 5, WIDTH + 12, 5, WIDTH + 12, 15]
    (finding,) = found(discs, first(segmentation=[beside]))
    assert finding.code == "objects-outside"
    assert finding.text == "1 object with a polygon outside of the image left out"


def test_commands_of_remedies_can_be_typed(discs: Discs) -> None:
    path = discs.json(CASES["mask-form"][0]).rename(discs.images.parent / "my labels.json")
    (finding,) = check_subjects([read_subject(path, discs.images)], near_duplicates=False)
    command = f"relook data check '{path}' --images {discs.images} --fix OUT"
    assert command in finding.remedy
    assert finding.file == "my labels.json"


def test_rare_classes(discs: Discs) -> None:
    def change(document: Document) -> None:
        many(document)
        document["categories"].append({"id": 2, "name": "debris"})
        document["annotations"][0]["category_id"] = 2

    (finding,) = [f for f in found(discs, change) if f.code == "class-rare"]
    assert finding.text == "1 class with few objects: debris 1"


def test_worst_first(discs: Discs) -> None:
    def change(document: Document) -> None:
        joined(document)
        document["categories"].append({"id": 2, "name": "nucleus"})
        document["categories"].append({"id": 3, "name": "debris"})
        document["annotations"][0]["category_id"] = 7

    levels = [finding.level for finding in found(discs, change)]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)
    assert levels[0] == "error"
    assert levels[-1] == "note"


def test_a_photograph_is_read_from_its_header(discs: Discs) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(buffer, "JPEG")
    (discs.images / "im0.jpg").write_bytes(buffer.getvalue()[:-40])  # pixels are cut off
    assert found(discs, names(lambda n: n.replace("im0.png", "im0.jpg"))) == []
