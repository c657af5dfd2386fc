"""Source of a reader of a format, and what all readers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, UsageError
from ..coco.json_form import finite_of
from .geometry import Outline, Points, UnusableShapeError, points_of
from .image_files import ImageFinder
from .records import NO_CLASS, Account, AnnotatedImage, ConvertOptions

_MOST_FILES: Final = 1_000_000
_SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file or folder of annotations, with all that its reader needs."""

    path: Path
    finder: ImageFinder
    options: ConvertOptions = field(default_factory=ConvertOptions)
    account: Account = field(default_factory=Account)

    @property
    def folder(self) -> Path:
        """The folder of the annotations."""
        return self.path if self.path.is_dir() else self.path.parent

    def files(self, *patterns: str) -> list[Path]:
        """Files of the source that match one of the glob `patterns`, sorted; hidden ones are not.

        Raises:
            DataError: D01 if there is no such file, or the source is not there.
        """
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise DataError("D01", f"{self.path}: there is no such file or folder.")
        found = sorted(
            path
            for pattern in patterns
            for path in self.path.rglob(pattern)
            if path.is_file() and not _is_hidden(path.relative_to(self.path))
        )
        if not found:
            raise DataError("D01", f"{self.path} has no file that matches {' or '.join(patterns)}.")
        return found[:_MOST_FILES]

    def one_class(self) -> str:
        """The class of objects for which the format has no name."""
        name = self.options.class_name
        if name is None:
            self.account.note(
                f"the format does not name classes: all objects are called {NO_CLASS!r}; "
                "--class NAME gives another name"
            )
        return name or NO_CLASS

    def refuse_class(self, tool: str) -> None:
        """Refuse a name for all classes, where a format names its own; U04."""
        if self.options.class_name is not None:
            raise UsageError(
                "U04",
                f"--class: annotations of {tool} name the class of each object. Leave --class out.",
            )


def split_name(folder: str) -> str | None:
    """The part of a data set that a folder is called after: train, val or test; None for others."""
    return _SPLITS.get(folder.lower())


Reader = Callable[[Source], Iterator[AnnotatedImage]]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def outline_of(values: object) -> Outline | None:
    """The outline of points [[x, y], ...]; None where they are fewer than three.

    Raises:
        UnusableShapeError: a point is not two finite numbers.
    """
    points = number_pairs(values)
    return Outline((points,)) if len(points) >= 3 else None


def number_pairs(values: object) -> Points:
    """Points (K, 2) of a json list [[x, y], ...] in pixels; raises as `outline_of`."""
    return points_of(plain_pairs(values))


def plain_pairs(values: object) -> NDArray[np.float64]:
    """Points (K, 2) of a json list [[x, y], ...] in any unit, as written; as `outline_of`."""
    if not isinstance(values, list):
        raise UnusableShapeError("has no list of points")
    rows: list[Sequence[float]] = []
    for value in values:
        pair = [finite_of(number) for number in value[:2]] if isinstance(value, list) else []
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            raise UnusableShapeError("has a point that is not two finite numbers")
        rows.append((pair[0], pair[1]))
    return np.array(rows, np.float64).reshape(-1, 2)


def numbers_of(entry: dict[str, Any], *keys: str) -> list[float]:
    """The finite numbers under `keys`.

    Raises:
        UnusableShapeError: one is missing or is none.
    """
    values = [finite_of(entry.get(key)) for key in keys]
    numbers = [value for value in values if value is not None]
    if len(numbers) != len(keys):
        raise UnusableShapeError(f"lacks a finite number among {', '.join(keys)}")
    return numbers


def attribute_numbers(attributes: dict[str, str], *keys: str) -> list[float]:
    """The finite numbers that are written as attributes of an XML element; as `numbers_of`."""
    return numbers_of({key: text_number(attributes.get(key)) for key in keys}, *keys)


def text_number(text: str | None) -> float | None:
    """The number that a text is; None for anything else."""
    try:
        return None if text is None or len(text) > 40 else float(text)
    except ValueError:
        return None


def refusal(path: Path, tool: str, why: str) -> DataError:
    """The error for a file that is not what a tool writes."""
    return DataError(
        "D04", f"{path.name} is not a file of {tool} that can be read: {why}. Export it again."
    )


def bad_shape(where: str, error: Exception) -> DataError:
    """The error for a shape that cannot be used."""
    return DataError("D09", f"{where} {error}. Fix or remove it in the tool, and export again.")
