from __future__ import annotations

from pathlib import Path

from relook.data.coco.records import Category, CocoIndex, ImageRecord, ObjectRecord


def test_summary_says_what_there_is_and_what_was_left_out() -> None:
    def thing(label: int, is_crowd: bool = False) -> ObjectRecord:
        return ObjectRecord(1, label, (0, 0, 1, 1), None, is_crowd, 1.0)

    def image(*things: ObjectRecord) -> ImageRecord:
        return ImageRecord(1, "a.png", Path("a.png"), 2, 2, things)

    index = CocoIndex(
        path=Path("folder") / "train.json",
        images=(image(thing(0), thing(0), thing(1, True)), image(thing(1, True)), image()),
        classes=(Category(3, "cell"), Category(8, "dust")),
        skipped={"too thin": 4},
        has_masks=False,
        adjusted={"clipped": 2},
        examples={"too thin": 17, "clipped": 5},
    )
    assert index.num_objects == 2
    assert index.num_crowd == 2
    assert index.num_empty_images == 2
    assert index.class_counts() == (2, 0)
    assert index.summary() == [
        "train.json: 3 images, 2 objects with boxes only, 2 images without objects, 2 crowd "
        "regions (never trained as objects)",
        "classes: cell 2, dust 0",
        "left out: 4 x too thin (first: annotation 17)",
        "changed: 2 x clipped (first: annotation 5)",
    ]
