"""Subject of checks: an annotation file that was read as far as it can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, counted
from ...runtime.memory import collection_paused
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..coco.json_form import Entry, load_tables
from ..coco.leniency import STRICT, Leniency
from ..coco.reader import Contents, read_tables
from ..coco.records import CocoIndex, ImageRecord, ObjectRecord
from ..coco.refusals import Refusals
from .finding import Example, Hit, limited


@dataclass(frozen=True)
class Subject:
    """An annotation file, its images, and the errors that reading it strictly would raise."""

    path: Path
    folder: Path  # of its images
    top: Entry  # as in the file
    contents: Contents
    errors: tuple[DataError, ...]
    input_size: tuple[int, int]  # long and short side in pixels that images are scaled to fit
    cache: dict[str, Any] = field(default_factory=dict)  # what several checks need

    @property
    def index(self) -> CocoIndex:
        """The images and objects that can be read."""
        return self.contents.index

    @cached_property
    def images(self) -> dict[int, ImageRecord]:
        """Images by id."""
        return {image.id: image for image in self.index.images}

    @cached_property
    def objects(self) -> list[tuple[ImageRecord, ObjectRecord]]:
        """All objects with their images, in the order of the images; crowds too."""
        return [(image, one) for image in self.index.images for one in image.objects]

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """(N,) areas of `objects` in pixels."""
        return np.array([one.area for _, one in self.objects], np.float64)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """(N, 4) boxes of `objects`, x1, y1, x2, y2."""
        boxes = np.array([one.box for _, one in self.objects], np.float64)
        return boxes.reshape(-1, 4)

    @cached_property
    def is_crowd(self) -> NDArray[np.bool_]:
        """(N,) whether each of `objects` is a crowd region."""
        return np.array([one.is_crowd for _, one in self.objects], dtype=bool)

    @cached_property
    def _place_of(self) -> dict[int, int]:
        return {one.id: place for place, (_, one) in enumerate(self.objects)}

    @cached_property
    def _image_of(self) -> dict[int, Any]:
        """Image ids of the annotations that were not read, by their ids."""
        rows = self.contents.tables["annotations"]
        return {
            row["id"]: row.get("image_id")
            for row in rows
            if isinstance(row, dict) and type(row.get("id")) is int
        }

    def at(self, places: Iterable[int], note: str = "") -> tuple[Example, ...]:
        """The objects at positions in `objects`, as examples."""
        return limited(self._example(place, note) for place in places)

    def annotations(self, identities: Iterable[int], note: str = "") -> tuple[Example, ...]:
        """Annotations by their ids, as examples; also those that are left out."""
        return limited(self._annotations(identities, note))

    def noted(
        self, reason: str, words: str, noun: str = "object", plural: str = "objects"
    ) -> Iterator[Hit]:
        """The hit of a reason for which the reader left out or changed annotations, if it did:
        their number and `noun`, then `words`."""
        ledger = self.contents.reader.ledger
        count = ledger.count(reason)
        if count:
            text = f"{counted(count, noun, plural)} {words}"
            yield Hit(count=count, text=text, examples=self.annotations(ledger.cases[reason]))

    def image_examples(self, identities: Iterable[int], note: str = "") -> tuple[Example, ...]:
        """Images by their ids, as examples."""
        return limited(self._images(identities, note))

    def _example(self, place: int, note: str) -> Example:
        image, one = self.objects[place]
        return Example(
            text=f"annotation {one.id} in {image.file_name}{note}",
            image=image.file_name,
            path=image.path,
            box=one.box,
            annotation=one.id,
        )

    def _annotations(self, identities: Iterable[int], note: str) -> Iterator[Example]:
        for identity in identities:
            if identity in self._place_of:
                yield self._example(self._place_of[identity], note)
                continue
            key = self._image_of.get(identity)
            image = self.images.get(key) if isinstance(key, int) else None
            name = image.file_name if image else ""
            where = f" in {name}" if name else ""
            yield Example(
                text=f"annotation {identity}{where}{note}",
                image=name,
                path=image.path if image else None,
                annotation=identity,
            )

    def _images(self, identities: Iterable[int], note: str) -> Iterator[Example]:
        table = self.contents.images
        for identity in identities:
            name = table.names.get(identity, "")
            header = table.stored.get(identity)
            path = table.paths.get(identity) if header is not None and header.size else None
            yield Example(text=f"image {identity} ({name}){note}", image=name, path=path)


def read_subject(
    path: Path,
    folder: Path,
    *,
    leniency: Leniency = STRICT,
    reading: Reading = DEFAULT_READING,
    frame: Any = None,
    input_size: tuple[int, int] = (1333, 800),
    top: Entry | None = None,
) -> Subject:
    """Read a file as far as it can be; `top` are its tables where they were read already.

    Raises:
        DataError: D01, D03 or D04 for what is no COCO file at all, D05 for ids that are the same
            number.
    """
    refusals = Refusals(is_collecting=True)
    with collection_paused():
        tables = load_tables(path) if top is None else top
        contents = read_tables(
            path,
            tables,
            folder,
            frame=frame,
            reading=reading,
            leniency=leniency,
            refusals=refusals,
        )
    return Subject(path, folder, tables, contents, tuple(refusals.errors), input_size)
