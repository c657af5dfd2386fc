"""The table from COCO-Stuff to the panoptic task, against the categories of real files."""

from __future__ import annotations

import json
from pathlib import Path

from relook.data.coco.stuff import MERGED, STUFF, VOID, panoptic_stuff_of_coco_stuff

ANNOTATIONS = Path(__file__).parents[3] / "datasets/coco_mini/annotations"


def test_the_merged_classes_are_those_of_the_official_files() -> None:
    for part in ("train", "val"):
        rows = json.loads((ANNOTATIONS / f"panoptic_{part}.json").read_bytes())["categories"]
        official = {row["id"]: row["name"] for row in rows if not row["isthing"]}
        found = {c.id: c.name for c in panoptic_stuff_of_coco_stuff().values()}
        assert found == official and len(found) == 53


def test_every_class_is_kept_merged_or_void() -> None:
    merged = [name for parts in MERGED.values() for name in parts.split()]
    assert len(STUFF) == 91 and list(STUFF) == sorted(STUFF)
    assert len(merged) == 43 == len(set(merged)) and len(VOID) == 12 and len(MERGED) == 17
    assert not set(merged) & set(VOID) and set(merged) | set(VOID) <= set(STUFF)
    table = panoptic_stuff_of_coco_stuff()
    assert sorted(set(range(91, 182)) - set(table)) == [
        STUFF.index(name) + 91 for name in sorted(VOID)
    ]
    for label, category in table.items():
        name = STUFF[label - 91]
        assert not category.is_thing
        if name in merged:
            assert name in MERGED[category.name].split() and category.id >= 184
        else:
            assert (category.id, category.name) == (label + 1, name)
