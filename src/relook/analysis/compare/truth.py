"""The true objects of single images, looked up in a COCO json by the paths of the images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from ...data.coco.frames import Frame, turn_of
from ...data.coco.json_form import entries, load_tables, text_of
from ...data.coco.leniency import CrowdUse
from ...data.coco.reader import ALL_CROWD
from ...data.images.orientation import upright_size
from ...errors import DataError
from ...evaluation.ground_truth import (
    Annotation,
    GroundTruth,
    read_ground_truth,
    turned_annotation,
)
from ...evaluation.run import check_size
from ...inference.results import RLE
from .matching import Objects, Truth


class TruthFile:
    """A COCO instance file, with the objects of each image.

    `frame` says whether annotations of images that are stored turned are for the stored pixels or
    upright; None tells it by their sizes. With `crowd` ``"as-objects"``, regions of a crowd are
    objects as all others.

    Raises:
        DataError: D01 or D03 to D05 when it cannot be used.
    """

    def __init__(
        self, path: Path, frame: Frame | None = None, *, crowd: CrowdUse = "as-crowd"
    ) -> None:
        self.path, self.frame = path, frame
        top = load_tables(path)
        if crowd == "as-objects":
            for row in top["annotations"]:
                if isinstance(row, dict):
                    row["iscrowd"] = 0
        self._truth: GroundTruth = read_ground_truth(top)
        self._named: dict[str, list[tuple[PurePosixPath, int]]] = {}
        for image_id, entry in entries(path, top, "images"):
            text = text_of(path, entry, "file_name", f"image {image_id}")
            name = PurePosixPath(*PureWindowsPath(text).parts)  # splits at both kinds of slashes
            self._named.setdefault(name.name, []).append((name, image_id))
        self._objects: dict[int, list[Annotation]] = {}
        for annotation in self._truth.objects:
            self._objects.setdefault(annotation["image_id"], []).append(annotation)
        self.has_masks = all(
            annotation["segmentation"] is not None for annotation in self._truth.objects
        )

    @property
    def skipped(self) -> Mapping[str, int]:
        """Annotations that were left out: reason -> count."""
        return self._truth.skipped

    @property
    def remarks(self) -> list[str]:
        """Lines for people: what was left out, and whether all annotations are crowd regions."""
        lines = [f"left out: {count} x {reason}" for reason, count in self.skipped.items()]
        objects = self._truth.objects
        if objects and all(annotation["iscrowd"] for annotation in objects):
            lines.append(ALL_CROWD.format(number=len(objects)))
        return lines

    @property
    def classes(self) -> list[str]:
        """Names of the classes that have objects in the file, crowd regions not counted."""
        used = {
            annotation["category_id"]
            for annotation in self._truth.objects
            if not annotation["iscrowd"]
        }
        return [name for key, name in self._truth.categories.items() if key in used]

    def image_id(self, image: Path) -> int:
        """The id of the image at `image`; its path ends with the image's name in the file.

        Raises:
            DataError: D11 when the file does not list the image, D05 when several ids fit.
        """
        closest = self._closest(image)
        if not closest:
            raise DataError(
                "D11",
                f"{image}: {self.path} does not list this image, so there is nothing to compare "
                "its objects with. Leave the image out, or leave --json out.",
            )
        if len(closest) > 1:
            raise DataError(
                "D05",
                f"{image}: {self.path} calls images {closest[0]} and {closest[1]} by this name, "
                "so its objects are ambiguous. Give each image its own name.",
            )
        return closest[0]

    def lists(self, image: Path) -> bool:
        """Return whether the file has an image whose name is the end of the path `image`."""
        return bool(self._closest(image))

    def _closest(self, image: Path) -> list[int]:
        """Ids of the images with the longest name that the path of `image` ends with."""
        parts = image.resolve().parts
        ids_by_length: dict[int, list[int]] = {}
        for name, key in self._named.get(image.name, ()):
            if parts[-len(name.parts) :] == name.parts:
                ids_by_length.setdefault(len(name.parts), []).append(key)
        return ids_by_length[max(ids_by_length)] if ids_by_length else []

    def of(
        self, image: Path, size: tuple[int, int], with_masks: bool, orientation: int = 1
    ) -> Truth:
        """Return the objects in an image of `size` (height, width), as masks or as boxes.

        Size and objects are upright; `orientation` is that of the image as it is stored.

        Raises:
            DataError: D11 or D05 as `image_id`, D10 when the file has another size, or when the
                frame of its annotations cannot be known.
        """
        image_id = self.image_id(image)
        said, rows = self._truth.sizes[image_id], self._objects.get(image_id, [])
        turn = 1
        if rows:
            where = f"{self.path.name}: {image}"
            stored = upright_size(size, orientation)
            turn = turn_of(where, stored, orientation, said, self.frame)
        check_size(image, size, self.path, upright_size(said, turn))
        rows = [turned_annotation(one, said, turn) for one in rows]
        return Truth(*(self._outlines(rows, with_masks, crowd) for crowd in (False, True)))

    def _outlines(self, rows: list[Annotation], with_masks: bool, crowd: bool) -> Objects:
        rows = [annotation for annotation in rows if bool(annotation["iscrowd"]) == crowd]
        names = [self._truth.categories[annotation["category_id"]] for annotation in rows]
        if with_masks:
            return Objects(names, [_as_text(annotation["segmentation"]) for annotation in rows])
        boxes = np.array([annotation["bbox"] for annotation in rows], dtype=np.float64)
        return Objects(names, boxes.reshape(-1, 4))


def _as_text(code: RLE) -> RLE:
    """Run lengths with text, as in results; pycocotools gives those of polygons as bytes."""
    counts = code["counts"]
    return {**code, "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}
