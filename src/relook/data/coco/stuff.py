"""From the labels of COCO-Stuff to the merged stuff classes of COCO's panoptic task.

HTC's semantic branch was trained on COCO-Stuff maps, whose labels are category ids less one. For
the panoptic task 43 of its 91 stuff classes were merged into 17, 12 were made void, and 36 kept
their ids (https://cocodataset.org/#panoptic-eval).
"""

from __future__ import annotations

from typing import Final

from ...structures.panoptic import PanopticCategory

_FIRST: Final = 92  # id of the first stuff class; they follow in the order of the alphabet
_FIRST_MERGED: Final = 184

STUFF: Final[list[str]] = str.split(
    "banner blanket branch bridge building-other bush cabinet cage cardboard carpet "
    "ceiling-other ceiling-tile cloth clothes clouds counter cupboard curtain desk-stuff dirt "
    "door-stuff fence floor-marble floor-other floor-stone floor-tile floor-wood flower fog "
    "food-other fruit furniture-other grass gravel ground-other hill house leaves light mat "
    "metal mirror-stuff moss mountain mud napkin net paper pavement pillow plant-other plastic "
    "platform playingfield railing railroad river road rock roof rug salad sand sea shelf "
    "sky-other skyscraper snow solid-other stairs stone straw structural-other table tent "
    "textile-other towel tree vegetable wall-brick wall-concrete wall-other wall-panel wall-stone "
    "wall-tile wall-wood water-other waterdrops window-blind window-other wood"
)
"""The 91 stuff classes of COCO-Stuff, ids 92 to 182."""

MERGED: Final[dict[str, str]] = {
    "tree-merged": "branch tree bush leaves",
    "fence-merged": "cage fence railing",
    "ceiling-merged": "ceiling-tile ceiling-other",
    "sky-other-merged": "clouds sky-other fog",
    "cabinet-merged": "cupboard cabinet",
    "table-merged": "desk-stuff table",
    "floor-other-merged": "floor-marble floor-other floor-tile",
    "pavement-merged": "floor-stone pavement",
    "mountain-merged": "hill mountain",
    "grass-merged": "moss grass straw",
    "dirt-merged": "mud dirt",
    "paper-merged": "napkin paper",
    "food-other-merged": "salad vegetable food-other",
    "building-other-merged": "skyscraper building-other",
    "rock-merged": "stone rock",
    "wall-other-merged": "wall-other wall-concrete wall-panel",
    "rug-merged": "mat rug carpet",
}
"""Merged class -> what it was made of; ids 184 to 200 in this order."""

VOID: Final[list[str]] = str.split(
    "furniture-other metal plastic solid-other structural-other waterdrops textile-other cloth "
    "clothes plant-other wood ground-other"
)
"""Classes whose pixels belong to nothing in the panoptic task."""


def panoptic_stuff_of_coco_stuff() -> dict[int, PanopticCategory]:
    """Label of a COCO-Stuff map, 91 to 181 -> its merged stuff class, for those that have one."""
    made = {part: merged for merged, parts in MERGED.items() for part in parts.split()}
    ids = {merged: _FIRST_MERGED + row for row, merged in enumerate(MERGED)}
    table: dict[int, PanopticCategory] = {}
    for identity, name in enumerate(STUFF, start=_FIRST):
        if name not in VOID:
            merged = made.get(name, name)
            table[identity - 1] = PanopticCategory(ids.get(merged, identity), merged, False)
    return table
