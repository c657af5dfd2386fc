"""Table of an evaluation image by image, worst first, for spreadsheets (csv)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..runtime.csv_files import write_csv
from .pairing import ImagePairs, pair_images

if TYPE_CHECKING:
    from ..data.coco.records import CocoIndex
    from .run import Evaluation

COLUMNS: Final = (
    "image",
    "found",
    "truth",
    "count_error",
    "matched",
    "wrong_class",
    "missed",
    "false",
    "mean_iou",
    "f1",
)
Row = tuple[str | int | float | None, ...]


def worst_first(images: Sequence[ImagePairs]) -> list[ImagePairs]:
    """`images` by F1 times the mean IoU of what was found, the lowest first.

    Of equals, those with more mistakes come first, then those that come first in the file. Images
    in which nothing is, and nothing was found, are right and come last.
    """

    def order(image: ImagePairs) -> tuple[bool, float, int]:
        is_right_and_empty = image.num_objects == 0 and image.num_found == 0
        return is_right_and_empty, image.quality, -image.num_mistakes

    return sorted(images, key=order)


def image_row(image: ImagePairs, file_name: str) -> Row:
    """Values of `COLUMNS` of one image; the mean IoU is None where nothing was matched.

    What is found is matched, of the wrong class, or false; what is there is matched, of the wrong
    class, or missed.
    """
    return (
        file_name,
        image.num_found,
        image.num_objects,
        image.num_found - image.num_objects,
        image.num_right,
        len(image.pairs) - image.num_right,
        len(image.missed),
        len(image.false),
        image.mean_iou if image.num_right else None,
        image.f1,
    )


def save_image_table(
    path: Path, images: Sequence[ImagePairs], file_names: Mapping[int, str]
) -> None:
    """Write a row of `COLUMNS` for each of `images`, worst first; `file_names` are by image id.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    rows = (image_row(image, file_names[image.image_id]) for image in worst_first(images))
    write_csv(path, COLUMNS, ([_cell(value) for value in row] for row in rows))


def _cell(value: str | int | float | None) -> str | int | None:
    return f"{value:.5f}" if isinstance(value, float) else value


def write_images(
    path: Path, index: CocoIndex, outcome: Evaluation, threshold: float, limit: int | None
) -> None:
    """Write the table of an evaluation; objects count from the score `threshold` on.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    metrics, predictions, _, truth = outcome
    names = {record.id: record.file_name for record in index.images[:limit]}
    images = pair_images(
        truth, predictions, kind=metrics.kind, threshold=threshold, image_ids=list(names)
    )
    save_image_table(path, images, names)
