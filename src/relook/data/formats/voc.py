"""Pascal VOC: boxes of XML files, or masks of the PNG files of SegmentationObject.

The files of the challenge itself count pixels from 1, the last one included. All other tools write
edges of pixels under the same names. Which of the two is read is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from ...structures.detection import Size
from .geometry import Outline, Shape, UnusableShapeError, points_of, rectangle
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_text
from .source import Source, attribute_numbers, bad_shape, refusal, text_number
from .voc_masks import MASKS, read_voc_masks
from .xml_tree import read_xml

_TOOL: Final = "Pascal VOC"
_LISTS: Final = ("ImageSets/Main", "ImageSets/Segmentation")
_PARTS: Final = ("train", "val", "test")
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


def read_voc(source: Source) -> Iterator[AnnotatedImage]:
    """Images of a data set; by its masks where it has SegmentationObject, else by its XML files.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed box,
            D10 for an image of another size.
    """
    source.refuse_class(_TOOL)
    masks = next(iter(sorted(source.folder.rglob(MASKS))), None) if source.path.is_dir() else None
    if masks is not None and masks.is_dir():
        yield from read_voc_masks(source, masks)
        return
    parts = parts_of(source.folder)
    for path in source.files("*.xml"):
        root = read_xml(path)
        if root.tag != "annotation":
            if source.path.is_dir():
                source.account.leave_out("XML file that is not of Pascal VOC", path.name)
                continue
            raise refusal(path, _TOOL, f"its root is <{root.tag[:30]}>, not <annotation>")
        part = parts.get(path.stem)
        if source.options.split in (None, part):
            yield _image(source, path, root, part)


def parts_of(folder: Path) -> dict[str, str]:
    """Stem of an image -> its part, from the lists of ImageSets; empty where there are none."""
    found: dict[str, str] = {}
    for root in (folder, folder.parent):
        for part in _PARTS:
            for place in _LISTS:
                file = root / place / f"{part}.txt"
                if file.is_file():
                    words = (line.split() for line in read_text(file).splitlines())
                    found.update({row[0]: part for row in words if row})
    return found


def _image(source: Source, path: Path, root: Element, part: str | None) -> AnnotatedImage:
    name = (root.findtext("filename") or "").strip()
    if name and Path(name).suffix:
        folder = (root.findtext("folder") or "").strip()
        image = source.finder.named(f"{folder}/{name}" if folder else name, path.parent, path.name)
    else:
        image = source.finder.of_stem(name or path.stem, path.parent, path.name)
    sides = [text_number(root.findtext(f"size/{side}")) for side in ("height", "width")]
    said: Size | None = None
    if sides[0] and sides[1] and 0 < sides[0] < 2**24 and 0 < sides[1] < 2**24:
        said = int(sides[0]), int(sides[1])
    size = source.finder.size(image, path.name, said)
    first = 1.0 if _counts_from_one(root) else 0.0
    source.account.note(
        "boxes count pixels from 1, as the files of the challenge do"
        if first
        else "boxes are read as edges of pixels, counted from 0, as tools write them"
    )
    objects = tuple(_objects(source, path, root, first))
    return AnnotatedImage(path=image, size=size, objects=objects, split=part)


def _counts_from_one(root: Element) -> bool:
    """Return whether a file is one of the challenge, by the name of its data base."""
    return (root.findtext("source/database") or "").strip().lower().startswith("the voc")


def _objects(source: Source, path: Path, root: Element, first: float) -> Iterator[AnnotatedObject]:
    for row, element in enumerate(root.findall("object"), 1):
        where = f"{path.name}: object {row}"
        name = (element.findtext("name") or "").strip()
        if not name:
            raise refusal(path, _TOOL, f"object {row} has no name")
        try:
            shape = _shape(element, first)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        extra = {}
        if (element.findtext("difficult") or "0").strip() == "1":
            source.account.change('object marked difficult, kept with "difficult": 1', where)
            extra = {"difficult": 1}
        yield AnnotatedObject(name=name, shapes=(shape,), where=where, extra=extra)


def _shape(element: Element, first: float) -> Shape:
    polygon = element.find("polygon")
    if polygon is not None:  # x1, y1, x2, y2, ..., as some tools write beside the box
        values = {child.tag: child.text or "" for child in polygon}
        count = len(values) // 2
        keys = [f"{axis}{row}" for row in range(1, count + 1) for axis in "xy"]
        points = points_of(
            [attribute_numbers(values, *keys[i : i + 2]) for i in range(0, len(keys), 2)]
        )
        if len(points) >= 3:
            return Outline((points,))
    values = {side: element.findtext(f"bndbox/{side}") or "" for side in _SIDES}
    left, top, right, bottom = attribute_numbers(values, *_SIDES)
    return rectangle(left - first, top - first, right, bottom)
