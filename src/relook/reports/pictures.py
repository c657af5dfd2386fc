"""Pictures that show how a model fails: the best and the worst images, what is not there, what was
missed and what was taken for something else.

Images are read one after the other, each once, and only their finished pictures are kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from ..data.coco.records import ImageRecord
from ..data.images import Pixels, read_image
from ..data.images.shown import as_picture
from ..errors import DataError
from ..evaluation.counting import IOU
from ..evaluation.error_split import FAR
from ..evaluation.ground_truth import Annotation
from ..evaluation.pairing import Alone, ImagePairs, Kind, Pair
from ..structures.rules.reading import DEFAULT_READING, Reading
from ..visualization.outlines import FOUND, TRUTH, Outline, draw_outlines, frame_around
from ..visualization.page import Section, figure, figure_of, grid, legend, paragraph, subheading

BEST, WORST, CROPS = 4, 6, 8  # pictures of each sort
FROM_ONE = 2  # crops of one image and sort
WIDTH, CROP_WIDTH = 900, 360  # pixels at most
LEAST = 48  # pixels of the image that a crop shows at least

Box = tuple[float, float, float, float]  # x, y, width, height
Names = Mapping[int, str]  # of categories, by id


class Shot(NamedTuple):
    """A picture to be taken: of an image, or of the part of it where `boxes` are."""

    image_id: int
    caption: str
    boxes: tuple[Box, ...] = ()


class Sort(NamedTuple):
    """Pictures that show one thing."""

    heading: str
    meaning: str
    shots: Sequence[Shot]


def picture_section(
    images: Sequence[ImagePairs],
    records: Mapping[int, ImageRecord],
    names: Names,
    kind: Kind,
    reading: Reading = DEFAULT_READING,
) -> Section:
    """Draw `images`, read as `reading` says; `records` are theirs by id. Files that cannot be read
    any more are said to be so in place of their pictures."""
    sorts = [one for one in choose(images, names) if one.shots]
    shots = [shot for one in sorts for shot in one.shots]
    places = defaultdict(list)
    for place, shot in enumerate(shots):
        places[shot.image_id].append(place)
    figures = [""] * len(shots)
    by_id = {one.image_id: one for one in images}
    for image_id, wanted in places.items():
        own = [shots[i] for i in wanted]
        taken = _figures(own, by_id[image_id], records[image_id], kind, reading)
        for place, content in zip(wanted, taken, strict=True):
            figures[place] = content
    rest = iter(figures)
    parts = [_key()] if shots else []
    for one in sorts:
        group = [next(rest) for _ in one.shots]
        is_crops = any(shot.boxes for shot in one.shots)
        parts += [subheading(one.heading), paragraph(one.meaning)]
        parts.append(grid(group, "pictures crops" if is_crops else "pictures"))
    return Section("Pictures", parts)


def choose(images: Sequence[ImagePairs], names: Names) -> list[Sort]:
    """Which pictures say most, by sort; none of a sort that does not occur."""
    ranked = sorted(images, key=lambda one: (-one.quality, -one.num_objects))
    half = -(-len(ranked) // 2)
    best = [one for one in ranked[:half] if one.num_right][:BEST]
    known = {one.image_id for one in best}
    worst = [one for one in reversed(ranked) if _mistakes(one) and one.image_id not in known]
    mixed = [(i, pair) for i in images for pair in i.pairs if not pair.is_right]
    false = [(i, one) for i in images for one in i.false]
    missed = [(i, one) for i in images for one in i.missed]
    mixed.sort(key=lambda found: -found[1].found["score"])
    false.sort(key=lambda found: -found[1].row["score"])
    missed.sort(key=lambda found: -found[1].row["area"])
    order = "Images are ranked by F1 times the mean IoU of what was found."
    return [
        Sort("Best images", order, [_whole(one) for one in best]),
        Sort("Worst images", order, [_whole(one) for one in worst[:WORST]]),
        Sort(
            "Taken for another class",
            "In the right place with the wrong name, the highest scores first.",
            [_shot_of_mixed(image, pair, names) for image, pair in _spread(mixed)],
        ),
        Sort(
            "False detections",
            "No object of their own, the highest scores first.",
            [_shot_of_false(image, one, names) for image, one in _spread(false)],
        ),
        Sort(
            "Missed objects",
            "No detection from the score threshold on, the largest first.",
            [_shot_of_missed(image, one, names) for image, one in _spread(missed)],
        ),
    ]


def _mistakes(image: ImagePairs) -> int:
    return len(image.pairs) - image.num_right + len(image.false) + len(image.missed)


def _spread(found: Iterable[tuple[ImagePairs, Any]]) -> list[tuple[ImagePairs, Any]]:
    """The first of `found`, few of them from one image."""
    kept, of_image = [], Counter[int]()
    for image, one in found:
        of_image[image.image_id] += 1
        if of_image[image.image_id] <= FROM_ONE:
            kept.append((image, one))
    return kept[:CROPS]


def _whole(image: ImagePairs) -> Shot:
    wrong = len(image.pairs) - image.num_right
    counts = [
        f"{image.num_right} of {image.num_objects} found",
        *([f"{wrong} of the wrong class"] if wrong else []),
        *([f"{len(image.missed)} missed"] if image.missed else []),
        *([f"{len(image.false)} false"] if image.false else []),
    ]
    scores = f"F1 {image.f1:.2f}, mean IoU {image.mean_iou:.2f}"
    return Shot(image.image_id, f"{scores}; {', '.join(counts)}")


def _shot_of_mixed(image: ImagePairs, pair: Pair, names: Names) -> Shot:
    true, taken = (names[row["category_id"]] for row in (pair.thing, pair.found))
    words = f"{true} taken for {taken}, score {pair.found['score']:.2f}, IoU {pair.iou:.2f}"
    return Shot(image.image_id, words, (_box(pair.found), _box(pair.thing)))


def _shot_of_false(image: ImagePairs, one: Alone, names: Names) -> Shot:
    if one.iou >= IOU:
        why = f"a second detection of an object (IoU {one.iou:.2f})"
    elif one.iou >= FAR:
        why = f"its outline fits no object well (IoU {one.iou:.2f})"
    else:
        why = "no object is there"
    words = f"{names[one.row['category_id']]}, score {one.row['score']:.2f}: {why}"
    return Shot(image.image_id, words, (_box(one.row),))


def _shot_of_missed(image: ImagePairs, one: Alone, names: Names) -> Shot:
    _, _, width, height = _box(one.row)
    near = f"a detection overlaps it by IoU {one.iou:.2f}" if one.iou > 0 else "nothing was found"
    words = f"{names[one.row['category_id']]} of {width:.0f} x {height:.0f} pixels missed: {near}"
    return Shot(image.image_id, words, (_box(one.row),))


def _figures(
    shots: Sequence[Shot],
    image: ImagePairs,
    record: ImageRecord,
    kind: Kind,
    reading: Reading,
) -> list[str]:
    """The figures of `shots`, which are all of one image."""
    captions = [f"{record.file_name}: {shot.caption}" for shot in shots]
    try:
        pixels = as_picture(read_image(record.path, reading=reading))
    except DataError as error:
        words = paragraph(f"The image can no longer be read: {error}")
        return [figure_of(words, caption) for caption in captions]
    outlines = _outlines(image, kind)
    return [
        figure(_picture(pixels, shot, outlines), caption)
        for shot, caption in zip(shots, captions, strict=True)
    ]


def _picture(pixels: Pixels, shot: Shot, outlines: Sequence[Outline]) -> Image.Image:
    height, width = pixels.shape[:2]
    if not shot.boxes:
        scale = min(1.0, WIDTH / max(height, width)) if max(height, width) > WIDTH / 2 else 2.0
        return draw_outlines(pixels, outlines, (0, 0, width, height), max(1, round(width * scale)))
    frame = frame_around(shot.boxes, (height, width), LEAST)
    return draw_outlines(pixels, outlines, frame, CROP_WIDTH)


def _outlines(image: ImagePairs, kind: Kind) -> list[Outline]:
    """Everything that is there and was found, as it is drawn."""
    rows = [(one.row, TRUTH, True) for one in image.missed]
    rows += [(one.row, FOUND, True) for one in image.false]
    for pair in image.pairs:
        rows += [(pair.thing, TRUTH, not pair.is_right), (pair.found, FOUND, not pair.is_right)]
    return [
        Outline(_box(row), row["segmentation"] if kind == "mask" else None, color, is_mistake)
        for row, color, is_mistake in rows
    ]


def _box(row: Annotation) -> Box:
    x, y, width, height = row["bbox"]
    return float(x), float(y), float(width), float(height)


def _key() -> str:
    """Legend of the colours."""
    entries = [("there, by the annotations", "var(--truth)"), ("found", "var(--found)")]
    words = "Thick lines are mistakes: missed, false, or of the wrong class."
    return legend(entries) + paragraph(words)
