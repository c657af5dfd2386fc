"""Sources of composed images: cut-outs of annotated objects, and backgrounds without any."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..coco.identities import with_integer_ids
from ..coco.json_form import load_tables
from ..coco.leniency import STRICT, Leniency
from ..coco.reader import object_mask, read_coco
from ..coco.records import ImageRecord, ObjectRecord
from ..images import Pixels, read_image

SMALLEST_CUT_OUT = 12  # pixels, root of the area; less has no shape that could be shown
SMALLEST_BACKGROUND = 64  # pixels of a side
MOST_ENLARGED = 2.0  # times its own size
FULLEST = 0.3  # of its box a cut-out covers at least, or it is a fragment of an object
_Item = TypeVar("_Item")
DATA_SETS = ("coco_mini", "mushrooms", "nuclei")


@dataclass(frozen=True, slots=True)
class Source:
    """A COCO instance file with masks, and the folder of its images."""

    annotations: Path
    images: Path
    leniency: Leniency = STRICT  # what is allowed when it is read


@dataclass(frozen=True, slots=True)
class Origin:
    """An image that something was taken from, and what its licence asks to be said of it."""

    data_set: str
    file_name: str
    licence: str  # as the file names it; empty if it does not
    licence_url: str
    address: str  # where it was published; empty if the file does not say


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """One object of one image, cut out by its mask when it is asked for."""

    origin: Origin
    image: ImageRecord
    record: ObjectRecord
    class_name: str

    @property
    def size(self) -> float:
        """Root of the area, in pixels of its image."""
        return math.sqrt(self.record.area)

    @property
    def longest(self) -> float:
        """The longer side of its box, in pixels of its image."""
        x1, y1, x2, y2 = self.record.box
        return max(x2 - x1, y2 - y1)

    def cut(self) -> tuple[Pixels, NDArray[np.bool_]]:
        """Its window (h, w, 3) and its mask in it (h, w), one pixel wider than its box."""
        height, width = self.image.height, self.image.width
        x1, y1, x2, y2 = self.record.box
        rows = slice(max(math.floor(y1) - 1, 0), min(math.ceil(y2) + 1, height))
        columns = slice(max(math.floor(x1) - 1, 0), min(math.ceil(x2) + 1, width))
        mask = object_mask(self.record, height, width)[rows, columns]
        return _pixels(self.image)[rows, columns], mask


@dataclass(frozen=True, slots=True, eq=False)
class FreeSquare:
    """The largest square of an image in which no object is annotated, in pixels."""

    origin: Origin
    image: ImageRecord
    left: int
    top: int
    side: int

    def cut(self) -> Pixels:
        """Its pixels (side, side, 3)."""
        rows = slice(self.top, self.top + self.side)
        return _pixels(self.image)[rows, self.left : self.left + self.side]


@dataclass(frozen=True, eq=False)
class Materials:
    """All that one part (train or val) is composed of, source by source."""

    cut_outs: tuple[tuple[CutOut, ...], ...]  # of each source that has any
    backgrounds: tuple[tuple[FreeSquare, ...], ...]  # of each source that has any
    digests: frozenset[str]  # of the contents of the image files
    skipped: Counter[str]  # reason -> objects or images that were left out

    @property
    def class_names(self) -> set[str]:
        """The classes of the cut-outs."""
        return {one.class_name for group in self.cut_outs for one in group}

    def draw_cut_out(self, size: float, side: int, random: np.random.Generator) -> CutOut | None:
        """A cut-out that can be shown at `size` (root of the area) in an image of `side` pixels.

        Every source is as likely as the others, however many objects it has. None if no cut-out
        is large enough to be enlarged so far and short enough to fit.
        """
        fitting = []
        for group, (own, longest) in zip(self.cut_outs, self._measures, strict=True):
            fits = (size <= own * MOST_ENLARGED) & (longest * size / own < 0.9 * side)
            if fits.any():
                fitting.append([group[row] for row in np.flatnonzero(fits)])
        return _drawn(fitting, random)

    @cached_property
    def _measures(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Sizes and longest sides of the cut-outs, source by source."""
        return [
            (np.array([one.size for one in group]), np.array([one.longest for one in group]))
            for group in self.cut_outs
        ]

    def draw_background(self, random: np.random.Generator) -> FreeSquare:
        """A background; every source is as likely as the others."""
        found = _drawn(self.backgrounds, random)
        assert found is not None  # `read_materials` refuses to be without
        return found


def default_sources(folder: Path, part: str) -> tuple[Source, ...]:
    """The data sets of a checkout of relook that are in `folder`, their `part`, train or val.

    Raises:
        DataError: D01 when one of them is not there.
    """
    sources = []
    for name in DATA_SETS:
        file = folder / name / "annotations" / f"instances_{part}.json"
        if not file.is_file():
            raise DataError(
                "D01",
                f"{file}: is missing. The data sets come with the source code of relook, not with "
                "the installed package: run it there, or name other sources with --from.",
            )
        sources.append(Source(file, folder / name / "images"))
    return tuple(sources)


def read_materials(
    sources: Iterable[Source], *, any_licence: bool = False, other_than: Collection[str] = ()
) -> Materials:
    """Collect what can be cut out of the images of `sources`.

    Images under another licence than CC BY, CC0 or the public domain are left out unless
    `any_licence`; an image whose file names no licence is yours to use. Images whose content has
    a digest in `other_than` are left out as well, whatever they are called. Crowd regions, objects
    that touch the border of their image (parts of them are missing), and small or ragged ones are
    not cut out. Everything left out is counted.

    Raises:
        DataError: those of `read_coco`, and D11 when there is no cut-out or no background.
    """
    cut_outs, backgrounds = [], []
    digests: set[str] = set()
    skipped: Counter[str] = Counter()
    for source in sources:
        index = read_coco(
            source.annotations, source.images, masks="required", leniency=source.leniency
        )
        origins = _origins(source)
        of_source: list[CutOut] = []
        free: list[FreeSquare] = []
        for image in index.images:
            origin = origins[image.id]
            if not any_licence and not _is_free(origin):
                skipped[f"images under the licence {origin.licence!r}"] += 1
                continue
            digest = hashlib.sha256(image.path.read_bytes()).hexdigest()
            if digest in other_than:
                skipped["images that the other part has as well"] += 1
                continue
            digests.add(digest)
            for thing in image.objects:
                reason = _why_not(thing, image)
                if reason:
                    skipped[reason] += 1
                else:
                    name = index.classes[thing.label].name
                    of_source.append(CutOut(origin, image, thing, name))
            left, top, side = free_square(_annotated(image))
            if side >= SMALLEST_BACKGROUND:
                free.append(FreeSquare(origin, image, left, top, side))
        cut_outs.append(tuple(of_source))
        backgrounds.append(tuple(free))
    found = Materials(
        cut_outs=tuple(group for group in cut_outs if group),
        backgrounds=tuple(group for group in backgrounds if group),
        digests=frozenset(digests),
        skipped=skipped,
    )
    for kind, groups in (("object", found.cut_outs), ("background", found.backgrounds)):
        if not groups:
            reasons = "; ".join(f"{count} {reason}" for reason, count in skipped.items())
            raise DataError(
                "D11",
                f"the sources have no {kind} to compose images of. Left out: "
                f"{reasons or 'nothing'}. A background is a square of at least "
                f"{SMALLEST_BACKGROUND} pixels without objects. Add a source that has some.",
            )
    return found


def free_square(occupied: NDArray[np.bool_]) -> tuple[int, int, int]:
    """(left, top, side) of the largest square of `occupied` (H, W) that is False all over.

    The first one by rows if there are several; side 0 if there is none.
    """
    sums = np.pad(occupied.astype(np.int32).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    best = (0, 0, 0)
    low, high = 1, min(occupied.shape)
    while low <= high:  # what holds a free square of a side holds smaller ones, too
        side = (low + high) // 2
        counts = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side]
        rows, columns = np.nonzero(counts + sums[:-side, :-side] == 0)
        if len(rows):
            best, low = (int(columns[0]), int(rows[0]), side), side + 1
        else:
            high = side - 1
    return best


def _annotated(image: ImageRecord) -> NDArray[np.bool_]:
    """Pixels (H, W) inside of boxes, crowd regions included."""
    covered = np.zeros((image.height, image.width), dtype=bool)
    for thing in image.objects:
        x1, y1, x2, y2 = thing.box
        covered[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] = True
    return covered


def _why_not(thing: ObjectRecord, image: ImageRecord) -> str:
    """The reason why an object is not cut out; empty if it is."""
    x1, y1, x2, y2 = thing.box
    if thing.is_crowd:
        return "crowd regions"
    if x1 < 1 or y1 < 1 or x2 > image.width - 1 or y2 > image.height - 1:
        return "objects that touch the border of their image"
    if thing.area < SMALLEST_CUT_OUT**2:
        return f"objects of less than {SMALLEST_CUT_OUT} x {SMALLEST_CUT_OUT} pixels"
    if thing.area < FULLEST * (x2 - x1) * (y2 - y1):
        return "objects that fill little of their box"
    return ""


def _origins(source: Source) -> dict[int, Origin]:
    """Image id -> where it is from, as far as the file says."""
    top, _ = with_integer_ids(source.annotations, load_tables(source.annotations))
    table = top.get("licenses")
    rows: list[Any] = table if isinstance(table, list) else []
    licences = {row.get("id"): row for row in rows if isinstance(row, dict)}
    name = source.annotations.parent.parent.name
    origins = {}
    for image in top["images"]:
        licence = licences.get(image.get("license"), {})
        address = image.get("flickr_url") or image.get("coco_url") or ""
        words = (licence.get("name", ""), licence.get("url", ""), address)
        origins[image["id"]] = Origin(name, image["file_name"], *map(str, words))
    return origins


def _is_free(origin: Origin) -> bool:
    """Return whether an image may be composed and passed on with its author named, or needs no
    licence.
    """
    if not (origin.licence or origin.licence_url):
        return True
    return "/licenses/by/" in origin.licence_url or "/publicdomain/" in origin.licence_url


@lru_cache(maxsize=32)
def _pixels(image: ImageRecord) -> Pixels:
    pixels = read_image(image.path)
    if pixels.shape[:2] != (image.height, image.width):
        raise DataError(
            "D10",
            f"{image.path}: the image has {pixels.shape[1]}x{pixels.shape[0]} pixels, its "
            f"annotations are for {image.width}x{image.height}, so that nothing can be cut out by "
            "them. Correct the file, or put the right image there.",
        )
    return pixels


def _drawn(groups: Sequence[Sequence[_Item]], random: np.random.Generator) -> _Item | None:
    """One of one of the groups, each group as likely as the others."""
    if not groups:
        return None
    group = groups[int(random.integers(len(groups)))]
    return group[int(random.integers(len(group)))]
