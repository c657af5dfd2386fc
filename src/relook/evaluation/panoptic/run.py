"""Scoring of panoptic maps against the ground truth of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...data.coco.images_table import inside
from ...data.coco.json_form import load_tables, text_of
from ...data.panoptic.json_tables import annotations_by_image, named_segments
from ...data.panoptic.png import check_ids, read_ids
from ...data.panoptic.reader import PanopticIndex, read_truth
from ...errors import DataError, first_few
from ...ops.id_runs import Extent, id_extents
from ...structures.panoptic import PanopticMap, Segment
from .quality import PanopticQuality
from .scores import PanopticScores

_NOWHERE = Extent(0, (0, 0, 0, 0))


def evaluate_panoptic(
    index: PanopticIndex, maps: Iterable[tuple[int, PanopticMap]]
) -> PanopticScores:
    """Panoptic quality of `maps`, (image id, map) for each image of `index`.

    Raises:
        DataError: D01, D02, D07, D10 or D15 for a map that cannot be scored; D05 for an image with
            two maps, D06 for one that is not in `index`, D15 for one without a map.
    """
    images = {image.id: image for image in index.images}
    quality = PanopticQuality(index.categories)
    done: set[int] = set()
    for image_id, panoptic in maps:
        if image_id not in images:
            raise DataError("D06", f"{index.path.name} has no image {image_id}; a map was found.")
        if image_id in done:
            raise DataError("D05", f"image {image_id} has two maps that were found; keep one.")
        done.add(image_id)
        where = f'image {image_id} ("{images[image_id].file_name}")'
        quality.add(read_truth(images[image_id]), panoptic, where)
    missing = [image_id for image_id in images if image_id not in done]
    if missing:
        named = first_few(missing, 3)
        raise DataError(
            "D15",
            f"{index.path.name}: {len(missing)} of {len(images)} images have no map to be scored: "
            f"{named}. An image in which nothing was found needs a map that is void.",
        )
    return quality.scores()


def evaluate_panoptic_files(
    index: PanopticIndex,
    json_path: str | Path,
    maps_dir: str | Path | None = None,
    *,
    limit: int | None = None,
) -> PanopticScores:
    """Panoptic quality of results in COCO's format, on the first `limit` images of `index`; see
    `read_results`, and raises as it does."""
    results = read_results(index, json_path, maps_dir, limit=limit)
    return evaluate_panoptic(index.first(limit), results)


def read_results(
    index: PanopticIndex,
    json_path: str | Path,
    maps_dir: str | Path | None = None,
    *,
    limit: int | None = None,
) -> Iterator[tuple[int, PanopticMap]]:
    """(image id, map) of the first `limit` images of `index` from a panoptic result json of any
    model; maps of the others are not read, but the json has to have all images or these.

    The json needs "annotations" only, with the id and category_id of each segment. Maps are in
    `maps_dir`, by default the folder beside the json that has its name without the suffix.

    Raises:
        DataError: D01 to D07 and D15, naming file, image and remedy.
    """
    path = Path(json_path)
    maps = path.with_suffix("") if maps_dir is None else Path(maps_dir)
    top = load_tables(path, keys=("annotations",), panoptic=True)
    if not maps.is_dir():
        raise DataError("D01", f"{maps}: there is no such folder of panoptic maps.")
    images = {image.id: image for image in index.images}
    wanted = {image.id for image in index.first(limit).images}
    categories = {category.id: category for category in index.categories}
    for image_id, entry in annotations_by_image(path, top, images, wanted):
        if image_id not in wanted:
            continue
        where = f"the annotation of image {image_id}"
        place = maps / inside(path, text_of(path, entry, "file_name", where), where)
        ids = read_ids(place, images[image_id].size)
        extents = id_extents(ids)
        segments = []
        for key, category, _ in named_segments(path, entry, image_id, categories):
            area, box = extents.get(key, _NOWHERE)
            segments.append(Segment(key, category.id, category.is_thing, area, box))
        check_ids(ids, segments, f"{place} (image {image_id})")
        yield image_id, PanopticMap(ids, tuple(segments))
