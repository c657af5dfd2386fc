"""Masks of Pascal VOC: PNG files of objects, and of the classes at the same pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, counted
from .label_values import label_values, numbered_pixels
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_text
from .source import Source, refusal

MASKS: Final = "SegmentationObject"
CLASSES: Final = "SegmentationClass"
_TOOL: Final = "Pascal VOC"
_MAP: Final = "labelmap.txt"
_VOID: Final = 255  # the border around objects, which belongs to nothing
_VOID_COLOUR: Final = 224 << 16 | 224 << 8 | 192
_NAMES: Final = str.split(
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
)


def read_voc_masks(source: Source, folder: Path) -> Iterator[AnnotatedImage]:
    """Images that have a PNG in `folder` and one of classes beside it.

    Raises:
        DataError: D01 for a missing file, D02 for one that is no image, D04 for a class without a
            name, D10 for an image of another size.
    """
    from .voc import parts_of

    classes = folder.parent / CLASSES
    names = _names(source, folder.parent)
    has_map = (folder.parent / _MAP).is_file()
    parts = parts_of(folder.parent)
    source.finder.leave_out(lambda path: path.parent.name.startswith("Segmentation"))
    files = sorted(folder.glob("*.png"))
    boxes = sum(1 for _ in (folder.parent / "Annotations").glob("*.xml"))
    if boxes > len(files):
        source.account.note(
            f"{counted(boxes - len(files), 'image')} with boxes only, not read: give the folder "
            "Annotations for the boxes of all"
        )
    source.account.note("the void border around objects belongs to none of them")
    for path in files:
        part = parts.get(path.stem)
        if source.options.split not in (None, part):
            continue
        image = source.finder.of_stem(path.stem, path.parent, path.name)
        numbers = _without_void(label_values(path))
        beside = label_values(classes / path.name, colours=has_map)
        size = source.finder.size(image, path.name, (numbers.shape[0], numbers.shape[1]))
        if beside.shape != numbers.shape:
            raise refusal(path, _TOOL, f"it has another size than the file in {CLASSES}")
        objects = tuple(_objects(path, numbers, beside, names))
        yield AnnotatedImage(path=image, size=size, objects=objects, split=part)


def _objects(
    path: Path, numbers: NDArray[Any], classes: NDArray[Any], names: Mapping[int, str]
) -> Iterator[AnnotatedObject]:
    is_object = numbers > 0
    both = np.stack([numbers[is_object], classes[is_object]])
    pairs, counts = np.unique(both, axis=1, return_counts=True)
    for number, shape in numbered_pixels(numbers):
        own = pairs[0] == number
        value = int(pairs[1][own][counts[own].argmax()])
        if value not in names:
            raise DataError(
                "D04",
                f"{path.name}: object {number} is of class {value} in {CLASSES}, which has no "
                "name. Add labelmap.txt, with lines NAME:R,G,B::",
            )
        yield AnnotatedObject(
            name=names[value], shapes=(shape,), where=f"{path.name}: object {number}"
        )


def _without_void(values: NDArray[Any]) -> NDArray[Any]:
    is_colour = int(values.max(initial=0)) > _VOID
    return np.where(values == (_VOID_COLOUR if is_colour else _VOID), 0, values)


def _names(source: Source, root: Path) -> Mapping[int, str]:
    """Value or colour of a class -> its name, of labelmap.txt or of the challenge."""
    file = root / _MAP
    if not file.is_file():
        source.account.note("classes are the 20 of the challenge: there is no labelmap.txt")
        source.account.declare(_NAMES)
        listed = dict(enumerate(_NAMES, 1))
        return listed | {_colour_of(row): name for row, name in listed.items()}
    names: dict[int, str] = {}
    for line in read_text(file).splitlines():
        name, _, rest = line.partition(":")
        words = rest.partition(":")[0].split(",")
        if line.strip() and not line.startswith("#"):
            if len(words) != 3 or not all(word.strip().isdecimal() for word in words):
                raise refusal(file, _TOOL, f"{line!r:.60} is not NAME:R,G,B::")
            red, green, blue = (min(int(word[:9]), 255) for word in words)
            names[red << 16 | green << 8 | blue] = name.strip()
    names.pop(0, None)
    source.account.declare(names.values())
    return names


def _colour_of(number: int) -> int:
    """The colour of a class in the challenge's palette: its bits, spread over red, green, blue."""
    channels = [0, 0, 0]
    for shift in range(7, -1, -1):
        for channel in range(3):
            channels[channel] |= (number >> channel & 1) << shift
        number >>= 3
    return channels[0] << 16 | channels[1] << 8 | channels[2]
