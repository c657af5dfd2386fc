"""The tables of a COCO panoptic file: categories, annotations of images, and their segments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ...errors import DataError, first_few
from ...structures.detection import Size
from ...structures.panoptic import PanopticCategory, Segment
from ..coco.json_form import Entry, entries, flag_of, refuse, shown, text_of

MOST_IDS = 2**24  # ids that the three channels of a map can tell apart, 0 included

Box = tuple[int, int, int, int]  # x, y, width, height


def read_categories(path: Path, top: Entry) -> dict[int, PanopticCategory]:
    """Category id -> category, by ascending id; D04 or D05 for one that is malformed or doubled."""
    found = {}
    for identity, entry in entries(path, top, "categories"):
        where = f"category {identity}"
        name = text_of(path, entry, "name", where)
        above = entry.get("supercategory")
        is_thing = flag_of(path, entry, "isthing", f'{where} ("{name}")')
        found[identity] = PanopticCategory(
            identity, name, is_thing, above if isinstance(above, str) else None
        )
    return dict(sorted(found.items()))


def annotations_by_image(
    path: Path, top: Entry, images: Collection[int], required: Collection[int] | None = None
) -> Iterator[tuple[int, Entry]]:
    """(image id, annotation) of each row of "annotations", as many as there are `images`.

    Where only some images are `required`, rows of the others may be missing.

    Raises:
        DataError: D04 for a row without a list of segments_info, D05 for a second row of an
            image, D06 for one of no image, D15 for an image without a row.
    """
    seen: set[int] = set()
    for position, entry in enumerate(top["annotations"]):
        where = f'"annotations"[{position}]'
        if not isinstance(entry, dict):
            refuse(path, f"{where} is {shown(entry)}, not an object")
        image_id = entry.get("image_id")
        if type(image_id) is not int or image_id not in images:
            raise DataError(
                "D06",
                f"{path.name}: {where} has image_id {shown(image_id)}, which is none of the "
                f"{len(images)} images. Add the image, or remove the annotation.",
            )
        if image_id in seen:
            raise DataError(
                "D05",
                f"{path.name}: image {image_id} has two annotations, the second is {where}. "
                "All segments of an image belong into one; remove the other.",
            )
        if not isinstance(entry.get("segments_info"), list):
            refuse(path, f"the annotation of image {image_id} has no list of segments_info")
        seen.add(image_id)
        yield image_id, entry
    missing = [image_id for image_id in required or images if image_id not in seen]
    if missing:
        named = first_few(missing, 3)
        raise DataError(
            "D15",
            f"{path.name}: {len(missing)} of {len(images)} images have no annotation: {named}. "
            "Add their panoptic maps, or leave these images out.",
        )


def read_segments(
    path: Path, entry: Entry, image_id: int, size: Size, categories: Mapping[int, PanopticCategory]
) -> tuple[Segment, ...]:
    """The segments that an annotation of ground truth lists for an image of `size`.

    Raises:
        DataError: D04, D05, D07, D08, naming file, image, segment and remedy.
    """
    found = []
    for identity, category, row in named_segments(path, entry, image_id, categories):
        where = f"segment {identity} of image {image_id}"
        area, is_crowd = _whole(row.get("area")), flag_of(path, row, "iscrowd", where)
        if area is None or not 0 < area <= size[0] * size[1]:
            wanted = f"1 to {size[0] * size[1]} pixels are needed"
            refuse(path, f"{where} has area {shown(row.get('area'))}, {wanted}")
        box = _box(path, row.get("bbox"), where, size)
        found.append(Segment(identity, category.id, category.is_thing, area, box, is_crowd))
    return tuple(found)


def named_segments(
    path: Path, entry: Entry, image_id: int, categories: Mapping[int, PanopticCategory]
) -> Iterator[tuple[int, PanopticCategory, Entry]]:
    """Id, category and row of every segment: what ground truth and results have in common.

    Raises:
        DataError: D04, D05, D07, naming file, image, segment and remedy.
    """
    seen: set[int] = set()
    for row in entry["segments_info"]:
        if not isinstance(row, dict):
            refuse(path, f"image {image_id} has a segment that is {shown(row)}, not an object")
        identity = row.get("id")
        if type(identity) is not int or not 0 < identity < MOST_IDS:
            why = f"1 to {MOST_IDS - 1} is needed, 0 is void"
            refuse(path, f"image {image_id} has a segment with id {shown(identity)}, {why}")
        if identity in seen:
            raise DataError(
                "D05",
                f"{path.name}: image {image_id} has two segments with id {identity}. Every "
                "segment of an image needs its own id, in the map and in the json.",
            )
        seen.add(identity)
        category = row.get("category_id")
        if type(category) is not int or category not in categories:
            listed = ", ".join(f"{key} {one.name}" for key, one in list(categories.items())[:5])
            raise DataError(
                "D07",
                f"{path.name}: segment {identity} of image {image_id} has category_id "
                f"{shown(category)}, which is none of the {len(categories)} categories "
                f"({listed}, ...). Correct it, or add the category.",
            )
        yield identity, categories[category], row


def _whole(value: object) -> int | None:
    """A json number that is whole, also when it is written as 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _box(path: Path, value: object, where: str, size: Size) -> Box:
    numbers = [_whole(number) for number in value] if isinstance(value, list) else []
    if len(numbers) == 4:
        x, y, width, height = numbers
        if x is not None and y is not None and width is not None and height is not None:
            fits = x + width <= size[1] and y + height <= size[0]
            if fits and min(x, y) >= 0 and min(width, height) > 0:
                return x, y, width, height
    raise DataError(
        "D08",
        f"{path.name}: {where} has bbox {shown(value)}; [x, y, width, height] in whole pixels "
        f"inside the image of {size[1]}x{size[0]} (width x height) is needed.",
    )
