"""A data set of composed images on disk: COCO instances, and the credits of what is in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import UsageError
from ...ops.rle import encode_window
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from .folder import check_free, composing
from .scene import Composed, Scene, compose_image, tight_box
from .sources import Materials, Origin, Source, read_materials

ONE_CLASS = "object"
_QUALITY = 92  # of JPEG files

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Images of a data set that are to be made, and their sources."""

    name: str  # train, val
    num_images: int
    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class PartReport:
    """Summary of a written part."""

    path: Path  # of the json file
    num_images: int
    num_objects: int
    sources_left_out: Counter[str]  # reason -> images or objects that nothing was cut out of
    objects_left_out: Counter[str]  # reason -> objects that are in no image


def compose_data_set(
    folder: Path,
    parts: Sequence[Part],
    *,
    scene: Scene,
    seed: int = 0,
    one_class: bool = False,
    any_licence: bool = False,
    progress: Progress | None = None,
) -> list[PartReport]:
    """Write images/ and annotations/instances_NAME.json of `parts` to `folder`, with credits.

    An image file that one part uses is used by no later one, also under another name. Image k of
    a part depends on `seed`, the part's name, its sources and k only, so a larger data set begins
    with the smaller one. `one_class` calls every object the same. The credits name every image
    that something visible was taken from. `progress` is told how many images are done, of how
    many. What a stopped call has left in `folder` is removed first.

    Raises:
        UsageError: U04 when `folder` has files of anything else, U03 when no image is asked for.
        DataError: those of `read_materials`.
        RelookError: R02 when a file cannot be written, R07 when another process composes there.
    """
    if min(part.num_images for part in parts) < 1:
        raise UsageError("U03", "the number of images of a part must be at least 1.")
    check_free(folder)
    materials: list[Materials] = []
    for part in parts:
        taken = {digest for one in materials for digest in one.digests}
        found = read_materials(part.sources, any_licence=any_licence, other_than=taken)
        materials.append(found)
    with composing(folder):
        reports, credited = _write_parts(
            folder, parts, materials, scene, seed, one_class=one_class, progress=progress
        )
        _save_credits(folder, credited)
    return reports


def _write_parts(
    folder: Path,
    parts: Sequence[Part],
    materials: Sequence[Materials],
    scene: Scene,
    seed: int,
    *,
    one_class: bool,
    progress: Progress | None,
) -> tuple[list[PartReport], dict[Origin, None]]:
    """Write the images and annotations of all parts; return what is in them."""
    names = sorted({name for one in materials for name in one.class_names})
    categories = {name: number for number, name in enumerate(names, start=1)}
    if one_class:
        categories = dict.fromkeys(names, 1)
    total, done, reports = sum(part.num_images for part in parts), 0, []
    credited: dict[Origin, None] = {}
    for part, one in zip(parts, materials, strict=True):
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        left_out: Counter[str] = Counter()
        for number in range(1, part.num_images + 1):
            random = np.random.default_rng([seed, *part.name.encode(), number])
            composed = compose_image(one, scene, random)
            file_name = f"{part.name}_{number:06}.jpg"
            _save_image(folder / "images" / file_name, composed)
            images.append(_image_entry(number, file_name, composed))
            annotations += _annotation_entries(composed, number, len(annotations), categories)
            credited.update(dict.fromkeys(_origins(composed)))
            left_out += composed.left_out
            done += 1
            if progress is not None:
                progress(done, total)
        path = folder / "annotations" / f"instances_{part.name}.json"
        info = {"description": _DESCRIPTION, "seed": seed, "part": part.name, **asdict(scene)}
        _save_json(path, info, images, annotations, {ONE_CLASS: 1} if one_class else categories)
        reports.append(PartReport(path, len(images), len(annotations), one.skipped, left_out))
    return reports, credited


_DESCRIPTION = (
    "Images composed by relook of real cut-outs over real backgrounds; masks are what is visible. "
    "CREDITS.csv names the images they are from, and their licences."
)


def _origins(composed: Composed) -> list[Origin]:
    return [composed.background.origin, *(piece.cut_out.origin for piece in composed.pieces)]


def _image_entry(number: int, file_name: str, composed: Composed) -> dict[str, Any]:
    side = len(composed.pixels)
    sources = dict.fromkeys(_origins(composed))
    return {
        "id": number,
        "file_name": file_name,
        "width": side,
        "height": side,
        "dials": asdict(composed.dials),
        "sources": [f"{one.data_set}/{one.file_name}" for one in sources],
    }


def _annotation_entries(
    composed: Composed, image_id: int, before: int, categories: dict[str, int]
) -> list[dict[str, Any]]:
    side = len(composed.pixels)
    entries: list[dict[str, Any]] = []
    for piece, part in zip(composed.pieces, composed.visible, strict=True):
        x1, y1, x2, y2 = tight_box(part, piece.left, piece.top)
        entries.append(
            {
                "id": before + len(entries) + 1,
                "image_id": image_id,
                "category_id": categories[piece.cut_out.class_name],
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": int(np.count_nonzero(part)),
                "iscrowd": 0,
                "segmentation": encode_window(part, piece.left, piece.top, (side, side)),
            }
        )
    return entries


def _save_image(path: Path, composed: Composed) -> None:
    with replacing(path) as draft:
        Image.fromarray(composed.pixels).save(draft, format="JPEG", quality=_QUALITY)


def _save_json(
    path: Path,
    info: dict[str, Any],
    images: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
    categories: dict[str, int],
) -> None:
    content = {
        "info": info,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _save_credits(folder: Path, origins: Collection[Origin]) -> None:
    """The list of the images that the composed ones were made of."""
    columns = ("data_set", "file_name", "licence", "licence_url", "address")
    ordered = sorted(origins, key=lambda origin: (origin.data_set, origin.file_name))
    rows = ([getattr(origin, name) for name in columns] for origin in ordered)
    write_csv(folder / "CREDITS.csv", columns, rows)
    write_text(folder / "LICENSE", _LICENCE)


_LICENCE = """\
These images are composed of parts of the images that CREDITS.csv lists, each under the licence
named there in the form it has. Parts were cut out by their annotated masks, mirrored, scaled and
put over each other and over a part of an image that was mirrored and scaled as well; that is the
change that was made. Annotations are derived from those of the data sets named there, under
their licences. No author of a part has endorsed the whole. No warranties are given.
"""
