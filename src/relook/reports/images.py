"""The worst and the best images of an evaluation as a part of a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ..data.coco.records import ImageRecord
from ..evaluation.image_table import image_row, worst_first
from ..evaluation.pairing import ImagePairs
from ..visualization.page import Section, paragraph, table
from .pictures import anchor_of

ROWS: Final = 15  # of the worst images, and of the best
_HEAD: Final = (
    "image",
    "found",
    "truth",
    "error",
    "matched",
    "wrong class",
    "missed",
    "false",
    "mean IoU",
    "F1",
)


def image_section(
    images: Sequence[ImagePairs],
    records: Mapping[int, ImageRecord],
    threshold: float,
    pictured: Collection[int],
) -> Section:
    """Tables of `images`, with a link for those in `pictured`, the ids of images with a picture.

    `records` are those of the images by id, `threshold` is the score from which objects count.
    """
    if not images:
        return Section("Images", [])
    ranked = worst_first(images)
    words = (
        f"Counted from score {threshold:.4g}, IoU 0.50 and the right class; the error is found "
        "minus truth. Images are ranked by F1 times the mean IoU of what was matched; a linked "
        "name has a picture below."
    )

    def rows_of(caption: str, chosen: Sequence[ImagePairs]) -> str:
        rows = [_cells(image, records[image.image_id].file_name) for image in chosen]
        links = [
            f"#{anchor_of(image.image_id)}" if image.image_id in pictured else None
            for image in chosen
        ]
        return table(caption, _HEAD, rows, links=links)

    if len(ranked) <= 2 * ROWS:
        return Section("Images", [paragraph(words), rows_of("All images, worst first", ranked)])
    return Section(
        "Images",
        [
            paragraph(words),
            rows_of(f"The {ROWS} worst of {len(ranked)} images, worst first", ranked[:ROWS]),
            rows_of(f"The {ROWS} best, best first", ranked[::-1][:ROWS]),
        ],
    )


def _cells(image: ImagePairs, file_name: str) -> list[str]:
    cells = []
    for name, value in zip(_HEAD, image_row(image, file_name), strict=True):
        if value is None:
            cells.append("-")
        elif isinstance(value, float):
            cells.append(f"{value:.3f}")
        else:
            cells.append(f"{value:+d}" if name == "error" and value else str(value))
    return cells
