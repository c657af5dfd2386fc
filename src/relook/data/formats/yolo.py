"""YOLO: text files of boxes or polygons, in shares of width and height, and names in a YAML file.

A line is ``class x y width height`` (a box by its centre) or ``class x1 y1 x2 y2 ...`` (a polygon);
a number more is a score, as predictions have. An image without a text file has no objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...errors import DataError, counted
from ...structures.detection import Size
from .geometry import Outline, Shape, UnusableShapeError, points_of, rectangle
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_text, read_yaml
from .source import Source, bad_shape, refusal, split_name, text_number

_TOOL: Final = "YOLO"
_NAMES: Final = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt", "class_names.txt")
_NO_LABELS: Final = frozenset(
    {*_NAMES, "train.txt", "val.txt", "valid.txt", "test.txt", "readme.txt"}
)
_SLACK: Final = 0.1  # by which a share may leave [0, 1]


def read_yolo(source: Source) -> Iterator[AnnotatedImage]:
    """Images of a data set: its folder, or the YAML file in it.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed line.
    """
    folder = source.folder
    setup = _setup(source, folder)
    names = _names(source, folder, setup)
    if setup.get("kpt_shape") is not None:
        source.account.note("the data set is one of poses: its boxes are read, key points are not")
    labels = {
        path: path
        for path in sorted(folder.rglob("*.txt"))
        if path.name.lower() not in _NO_LABELS and not path.name.lower().startswith("readme")
    }
    if not labels:
        raise DataError(
            "D01",
            f"{folder} has no text files of labels (labels/NAME.txt). Give the folder with them.",
        )
    seen: set[Path] = set()
    for path in labels:
        image = source.finder.of_stem(path.stem, _images_beside(path), path.name)
        if image in seen:
            raise refusal(path, _TOOL, f"{image.name} has two files of labels")
        seen.add(image)
        split = _split_of(image, path)
        if source.options.split in (None, split):
            size = source.finder.size(image, path.name)
            objects = tuple(_objects(source, path, size, names, setup))
            yield AnnotatedImage(path=image, size=size, objects=objects, split=split)
    yield from _background(source, seen)


def _background(source: Source, seen: set[Path]) -> Iterator[AnnotatedImage]:
    """Images without a file of labels, which is how YOLO says that there is no object.

    Only images beside labelled ones: a folder without any labels was not annotated.
    """
    count = 0
    annotated = {image.parent for image in seen}
    for image in source.finder.all():
        split = _split_of(image, image)
        if image in seen or source.options.split not in (None, split):
            continue
        if image.parent not in annotated:
            source.account.leave_out("image in a folder without labels", image.name)
            continue
        count += 1
        size = source.finder.size(image, image.name)
        yield AnnotatedImage(path=image, size=size, objects=(), split=split)
    if count:
        source.account.note(
            f"{counted(count, 'image')} without a file of labels: taken for images without "
            "objects, as YOLO does"
        )


def _images_beside(path: Path) -> Path:
    """The folder in which the image of a text file is expected: ``labels`` becomes ``images``."""
    parts = list(path.parent.parts)
    for row in range(len(parts) - 1, -1, -1):
        if parts[row] == "labels":
            parts[row] = "images"
            break
    return Path(*parts)


def _split_of(image: Path, labels: Path) -> str | None:
    folders = [*labels.parent.parts[-2:], *image.parent.parts[-2:]]
    return next((part for name in folders if (part := split_name(name))), None)


def _setup(source: Source, folder: Path) -> Mapping[str, Any]:
    """The content of the YAML file; empty where there is none."""
    if source.path.suffix.lower() in (".yaml", ".yml"):
        candidates = [source.path]
    else:
        candidates = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))]
    for path in candidates:
        content = read_yaml(path)
        if isinstance(content, dict) and ("names" in content or "nc" in content):
            return content
    if candidates == [source.path]:
        raise refusal(source.path, _TOOL, 'it has no "names"')
    return {}


def _names(source: Source, folder: Path, setup: Mapping[str, Any]) -> dict[int, str]:
    """Number of a class -> its name; empty where nothing says it."""
    listed = setup.get("names")
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    if listed is None:
        found = (path for name in _NAMES for path in (folder / name, *sorted(folder.rglob(name))))
        file = next((path for path in found if path.is_file()), None)
        if file is not None:
            rows = [line.strip() for line in read_text(file).splitlines()]
            listed = dict(enumerate(row for row in rows if row))
            source.account.note(f"classes are named by {file.name}")
    if listed is None:
        return {}
    if not isinstance(listed, dict):
        raise refusal(source.path, _TOOL, '"names" is neither a list nor a table of names')
    source.refuse_class(f"{_TOOL} with names")
    names: dict[int, str] = {}
    for key, name in listed.items():
        number = key if type(key) is int else int(key) if str(key).isdecimal() else None
        if number is None or not isinstance(name, str | int | float) or not str(name).strip():
            raise refusal(source.path, _TOOL, f'"names" has {key!r:.40}: {name!r:.40}')
        names[number] = str(name)
    source.account.declare(names[key] for key in sorted(names))
    return names


def _objects(
    source: Source, path: Path, size: Size, names: Mapping[int, str], setup: Mapping[str, Any]
) -> Iterator[AnnotatedObject]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        where = f"{path.name}: line {number}"
        if not line.strip():
            continue
        values = [text_number(word) for word in line.split()]
        numbers = [value for value in values if value is not None]
        if len(numbers) != len(values) or len(numbers) < 5 or not _is_class(numbers[0]):
            raise refusal(path, _TOOL, f"line {number} is not a class and shares of the sides")
        try:
            shape = _shape(source, numbers[1:], size, where, is_pose="kpt_shape" in setup)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        name = _name(source, int(numbers[0]), names, where)
        yield AnnotatedObject(name=name, shapes=(shape,), where=where)


def _is_class(number: float) -> bool:
    return number.is_integer() and 0 <= number < 1_000_000


def _name(source: Source, number: int, names: Mapping[int, str], where: str) -> str:
    if names:
        if number not in names:
            raise DataError(
                "D07",
                f'{where} is of class {number}, which "names" does not have '
                f"({min(names)} to {max(names)} are there). Add its name.",
            )
        return names[number]
    if source.options.class_name is not None:
        return source.options.class_name
    source.account.note(
        "no data.yaml or classes.txt names the classes: they are called by their numbers; "
        "--class NAME calls all of them NAME"
    )
    return f"class {number}"


def _shape(source: Source, numbers: list[float], size: Size, where: str, *, is_pose: bool) -> Shape:
    height, width = size
    if is_pose and len(numbers) > 4:
        source.account.change("key points left out, box kept", where)
        numbers = numbers[:4]
    if len(numbers) % 2:
        source.account.change("score left out", where)
        numbers = numbers[:-1]
    points = np.array(numbers).reshape(-1, 2)
    if not (points.min() >= -_SLACK and points.max() <= 1 + _SLACK):
        raise UnusableShapeError("has coordinates that are no shares of width and height (0 to 1)")
    if len(points) == 2:
        (x, y), (wide, tall) = (points * (width, height)).tolist()
        return rectangle(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    return Outline((points_of(points * (width, height)),))
