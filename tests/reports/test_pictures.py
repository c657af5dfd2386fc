"""Which pictures are shown, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from relook.evaluation.pairing import ImagePairs, Pair, Unpaired
from relook.reports.pictures import BEST, CROPS, FROM_ONE, WORST, choose, picture_section

from .conftest import Make

NAMES = {1: "nut", 2: "bolt"}


def row(category_id: int = 1, score: float = 0.5, area: int = 100) -> dict[str, Any]:
    return {
        "category_id": category_id,
        "score": score,
        "bbox": [0, 0, 10, 10],
        "area": area,
        "segmentation": None,
    }


def image(number: int, right: int = 0, false: int = 0, missed: int = 0) -> ImagePairs:
    return ImagePairs(
        number,
        (Pair(row(), row(), 0.8),) * right,
        tuple(Unpaired(row(score=number / 1000), 0.0) for _ in range(false)),
        tuple(Unpaired(row(area=number), 0.0) for _ in range(missed)),
    )


def test_each_sort_is_ranked_and_limited() -> None:
    images = [image(n, right=20, false=n, missed=5) for n in range(1, 31)]
    sorts = {
        one.heading: [request.image_id for request in one.requests] for one in choose(images, NAMES)
    }
    assert sorts["Best images"] == list(range(1, BEST + 1))
    assert sorts["Worst images"] == list(range(30, 30 - WORST, -1))
    highest = [n for n in range(30, 0, -1) for _ in range(FROM_ONE)][:CROPS]
    assert sorts["False detections"] == highest
    assert sorts["Missed objects"] == highest
    assert sorts["Taken for another class"] == []


def test_an_image_is_best_or_worst_but_not_both() -> None:
    images = [image(1, right=1), image(2, right=1, missed=1), image(3)]
    sorts = {
        one.heading: [request.image_id for request in one.requests] for one in choose(images, NAMES)
    }
    assert sorts["Best images"] == [1, 2]
    assert sorts["Worst images"] == []  # nothing is wrong with the empty one
    sorts = {one.heading: one.requests for one in choose(images[1:2], NAMES)}
    assert (len(sorts["Best images"]), len(sorts["Worst images"])) == (1, 0)
    failed = [image(4, false=1), image(5, missed=1)]
    sorts = {
        one.heading: [request.image_id for request in one.requests] for one in choose(failed, NAMES)
    }
    assert sorts["Best images"] == []
    assert sorted(sorts["Worst images"]) == [4, 5]


def test_captions_say_what_is_wrong() -> None:
    images = [
        ImagePairs(
            1,
            (Pair(row(), row(), 0.9), Pair(row(2, 0.7), row(1), 0.6)),
            (Unpaired(row(1, 0.9), 0.7), Unpaired(row(1, 0.8), 0.3)),
            (Unpaired(row(2), 0.25),),
        ),
        ImagePairs(2, (), (Unpaired(row(2, 0.4), 0.0),), (Unpaired(row(1), 0.0),)),
    ]
    captions = {one.heading: [s.caption for s in one.requests] for one in choose(images, NAMES)}
    # F1 is 2 * 1 / (3 objects + 4 detections).
    assert captions["Best images"] == [
        "F1 0.29, mean IoU 0.90; 1 of 3 found, 1 of the wrong class, 1 missed, 2 false"
    ]
    assert captions["Taken for another class"] == ["nut taken for bolt, score 0.70, IoU 0.60"]
    assert captions["False detections"] == [
        "nut, score 0.90: a second detection of an object (IoU 0.70)",
        "nut, score 0.80: its outline fits no object well (IoU 0.30)",
        "bolt, score 0.40: no object is there",
    ]
    assert captions["Missed objects"] == [
        "bolt of 10 x 10 pixels missed: a detection overlaps it by IoU 0.25",
        "nut of 10 x 10 pixels missed: nothing was found",
    ]


def test_pictures_have_file_names_and_each_file_is_read_once(
    make_study: Make, monkeypatch: Any
) -> None:
    from relook.reports import pictures

    read: list[str] = []
    real = pictures.read_image

    def counted(path: Path) -> Any:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(pictures, "read_image", counted)
    found = make_study()
    records = {one.id: one for one in found.index.images}
    content = "".join(picture_section(found.images, records, NAMES, "mask").parts)
    assert sorted(read) == ["a.png", "b.png"]
    assert content.count("<img") == 2 + 3  # two images, one crop of each mistake
    assert "<figcaption>b.png: nut, score 0.60: no object is there</figcaption>" in content


def test_a_file_that_is_gone_is_said_to_be(make_study: Make) -> None:
    found = make_study()
    records = {one.id: one for one in found.index.images}
    records[2].path.unlink()
    content = "".join(picture_section(found.images, records, NAMES, "box").parts)
    assert "can no longer be read: data error D01" in content
    assert content.count("<img") == 3


def test_no_images_no_pictures() -> None:
    assert picture_section([], {}, NAMES, "box").parts == []
