"""Pictures of an evaluation: the best and the worst images, false detections, missed objects and
objects of a wrong class.

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
from ..evaluation.pairing import ImagePairs, Kind, Pair, Unpaired
from ..structures.rules.reading import DEFAULT_READING, Reading
from ..visualization.outlines import FOUND, TRUTH, Outline, draw_outlines, frame_around
from ..visualization.page import Section, figure, figure_of, grid, legend, paragraph, subheading

BEST, WORST, CROPS = 4, 6, 8  # pictures of each group
FROM_ONE = 2  # crops of one image and group
WIDTH, CROP_WIDTH = 900, 360  # pixels at most
LEAST = 48  # pixels of the image that a crop shows at least

Box = tuple[float, float, float, float]  # x, y, width, height
Names = Mapping[int, str]  # of categories, by id


class PictureRequest(NamedTuple):
    """A picture to draw: of an image, or of its part around `boxes`."""

    image_id: int
    caption: str
    boxes: tuple[Box, ...] = ()


class PictureGroup(NamedTuple):
    """Pictures of one kind."""

    heading: str
    meaning: str
    requests: Sequence[PictureRequest]


def picture_section(
    images: Sequence[ImagePairs],
    records: Mapping[int, ImageRecord],
    names: Names,
    kind: Kind,
    reading: Reading = DEFAULT_READING,
) -> Section:
    """Draw `images`, read as `reading` says; `records` are their records by id.

    In place of a picture whose file cannot be read any more there is a message.
    """
    groups = [group for group in choose(images, names) if group.requests]
    requests = [request for group in groups for request in group.requests]
    places = defaultdict(list)
    for place, request in enumerate(requests):
        places[request.image_id].append(place)
    figures = [""] * len(requests)
    by_id = {image.image_id: image for image in images}
    for image_id, indices in places.items():
        chosen = [requests[i] for i in indices]
        drawn = _figures(chosen, by_id[image_id], records[image_id], kind, reading)
        for place, content in zip(indices, drawn, strict=True):
            figures[place] = content
    remaining = iter(figures)
    parts = [_key()] if requests else []
    for group in groups:
        group_figures = [next(remaining) for _ in group.requests]
        is_crops = any(request.boxes for request in group.requests)
        parts += [subheading(group.heading), paragraph(group.meaning)]
        parts.append(grid(group_figures, "pictures crops" if is_crops else "pictures"))
    return Section("Pictures", parts)


def pictured(images: Sequence[ImagePairs], names: Names) -> frozenset[int]:
    """Ids of the images that `picture_section` shows as a whole, each once."""
    return frozenset(
        request.image_id
        for group in choose(images, names)
        for request in group.requests
        if not request.boxes
    )


def anchor_of(image_id: int) -> str:
    """Name of the place of an image's picture in the page."""
    return f"image{image_id}"


def choose(images: Sequence[ImagePairs], names: Names) -> list[PictureGroup]:
    """Choose the pictures of each group; empty for a group that does not occur."""
    ranked = sorted(images, key=lambda image: (-image.quality, -image.num_objects))
    half = -(-len(ranked) // 2)
    best = [image for image in ranked[:half] if image.num_right][:BEST]
    best_ids = {image.image_id for image in best}
    worst = [
        image for image in reversed(ranked) if image.num_mistakes and image.image_id not in best_ids
    ]
    mixed = [(image, pair) for image in images for pair in image.pairs if not pair.is_right]
    false = [(image, detection) for image in images for detection in image.false]
    missed = [(image, true_object) for image in images for true_object in image.missed]
    mixed.sort(key=lambda item: -item[1].detection["score"])
    false.sort(key=lambda item: -item[1].row["score"])
    missed.sort(key=lambda item: -item[1].row["area"])
    order = "Images are ranked by F1 times the mean IoU of what was found."
    return [
        PictureGroup("Best images", order, [_whole(image) for image in best]),
        PictureGroup("Worst images", order, [_whole(image) for image in worst[:WORST]]),
        PictureGroup(
            "Taken for another class",
            "In the right place with the wrong name, the highest scores first.",
            [_request_for_mixed(image, pair, names) for image, pair in _spread(mixed)],
        ),
        PictureGroup(
            "False detections",
            "No object of their own, the highest scores first.",
            [_request_for_false(image, detection, names) for image, detection in _spread(false)],
        ),
        PictureGroup(
            "Missed objects",
            "No detection from the score threshold on, the largest first.",
            [
                _request_for_missed(image, true_object, names)
                for image, true_object in _spread(missed)
            ],
        ),
    ]


def _spread(mistakes: Iterable[tuple[ImagePairs, Any]]) -> list[tuple[ImagePairs, Any]]:
    """The first of `mistakes`, at most `FROM_ONE` of one image."""
    kept, of_image = [], Counter[int]()
    for image, mistake in mistakes:
        of_image[image.image_id] += 1
        if of_image[image.image_id] <= FROM_ONE:
            kept.append((image, mistake))
    return kept[:CROPS]


def _whole(image: ImagePairs) -> PictureRequest:
    wrong = len(image.pairs) - image.num_right
    counts = [
        f"{image.num_right} of {image.num_objects} found",
        *([f"{wrong} of the wrong class"] if wrong else []),
        *([f"{len(image.missed)} missed"] if image.missed else []),
        *([f"{len(image.false)} false"] if image.false else []),
    ]
    scores = f"F1 {image.f1:.2f}, mean IoU {image.mean_iou:.2f}"
    return PictureRequest(image.image_id, f"{scores}; {', '.join(counts)}")


def _request_for_mixed(image: ImagePairs, pair: Pair, names: Names) -> PictureRequest:
    true_name, predicted_name = (
        names[row["category_id"]] for row in (pair.true_object, pair.detection)
    )
    score = f"score {pair.detection['score']:.2f}, IoU {pair.iou:.2f}"
    words = f"{true_name} taken for {predicted_name}, {score}"
    return PictureRequest(image.image_id, words, (_box(pair.detection), _box(pair.true_object)))


def _request_for_false(image: ImagePairs, detection: Unpaired, names: Names) -> PictureRequest:
    if detection.iou >= IOU:
        why = f"a second detection of an object (IoU {detection.iou:.2f})"
    elif detection.iou >= FAR:
        why = f"its outline fits no object well (IoU {detection.iou:.2f})"
    else:
        why = "no object is there"
    words = f"{names[detection.row['category_id']]}, score {detection.row['score']:.2f}: {why}"
    return PictureRequest(image.image_id, words, (_box(detection.row),))


def _request_for_missed(image: ImagePairs, true_object: Unpaired, names: Names) -> PictureRequest:
    _, _, width, height = _box(true_object.row)
    name, iou = names[true_object.row["category_id"]], true_object.iou
    near = f"a detection overlaps it by IoU {iou:.2f}" if iou > 0 else "nothing was found"
    words = f"{name} of {width:.0f} x {height:.0f} pixels missed: {near}"
    return PictureRequest(image.image_id, words, (_box(true_object.row),))


def _figures(
    requests: Sequence[PictureRequest],
    image: ImagePairs,
    record: ImageRecord,
    kind: Kind,
    reading: Reading,
) -> list[str]:
    """The figures of `requests`, which are all of one image."""
    captions = [f"{record.file_name}: {request.caption}" for request in requests]
    try:
        pixels = as_picture(read_image(record.path, reading=reading))
    except DataError as error:
        words = paragraph(f"The image can no longer be read: {error}")
        return [
            figure_of(words, caption, _anchor(request))
            for request, caption in zip(requests, captions, strict=True)
        ]
    outlines = _outlines(image, kind)
    return [
        figure(_picture(pixels, request, outlines), caption, _anchor(request))
        for request, caption in zip(requests, captions, strict=True)
    ]


def _anchor(request: PictureRequest) -> str:
    return "" if request.boxes else anchor_of(request.image_id)


def _picture(pixels: Pixels, request: PictureRequest, outlines: Sequence[Outline]) -> Image.Image:
    height, width = pixels.shape[:2]
    if not request.boxes:
        scale = min(1.0, WIDTH / max(height, width)) if max(height, width) > WIDTH / 2 else 2.0
        return draw_outlines(pixels, outlines, (0, 0, width, height), max(1, round(width * scale)))
    frame = frame_around(request.boxes, (height, width), LEAST)
    return draw_outlines(pixels, outlines, frame, CROP_WIDTH)


def _outlines(image: ImagePairs, kind: Kind) -> list[Outline]:
    """Outlines of all objects and detections."""
    rows = [(unpaired.row, TRUTH, True) for unpaired in image.missed]
    rows += [(unpaired.row, FOUND, True) for unpaired in image.false]
    for pair in image.pairs:
        rows += [
            (pair.true_object, TRUTH, not pair.is_right),
            (pair.detection, FOUND, not pair.is_right),
        ]
    return [
        Outline(_box(row), row["segmentation"] if kind == "mask" else None, color, is_mistake)
        for row, color, is_mistake in rows
    ]


def _box(row: Annotation) -> Box:
    x, y, width, height = row["bbox"]
    return float(x), float(y), float(width), float(height)


def _key() -> str:
    """Legend of the colours."""
    entries = [("object, by the annotations", "var(--truth)"), ("detection", "var(--found)")]
    words = "Thick lines are errors: missed, false, or of the wrong class."
    return legend(entries) + paragraph(words)
