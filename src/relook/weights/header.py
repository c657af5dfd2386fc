"""Header of a model file: the metadata of safetensors, as json.

`FORMAT_VERSION` is raised when older versions of this package could not read a file any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from .._version import __version__
from ..config.base import validated
from ..config.model import ModelConfig
from ..data.coco.category import Category
from ..errors import ModelError, UsageError
from ..structures.object_sizes import ObjectSizes, sizes_of
from ..structures.panoptic import PanopticCategory

FORMAT: Final = "relook"
SUFFIX: Final = ".safetensors"  # of the files
FORMAT_VERSION: Final = 1

T = TypeVar("T")


class Header(NamedTuple):
    """Header of a model file: everything but the weights."""

    config: ModelConfig
    classes: tuple[Category, ...]
    extra: dict[str, Any]
    stuff: tuple[PanopticCategory, ...]

    @property
    def sizes(self) -> ObjectSizes | None:
        """Sizes of the objects it was trained on, where the file says them."""
        return sizes_of(self.extra)

    @property
    def licence(self) -> str | None:
        """Licence of weights that others trained; None for weights of one's own."""
        return licence_of(self.extra)


def licence_of(extra: Mapping[str, Any]) -> str | None:
    """The licence of weights which others trained, among the `extra` values of a model file."""
    licence = extra.get("licence")
    return licence if isinstance(licence, str) else None


def metadata_of(header: Header) -> dict[str, str]:
    """The metadata that `parse_header` reads.

    Raises:
        ModelError: M04 when classes or stuff are not as many as the model has.
    """
    told = header.config.num_classes
    if len(header.classes) != told:
        raise ModelError(
            "M04", f"the model tells {told} classes apart, {len(header.classes)} were named"
        )
    told = num_stuff(header.config)
    if header.stuff and len(header.stuff) != told:
        raise ModelError(
            "M04", f"the model tells {told} kinds of stuff apart, {len(header.stuff)} were named"
        )
    return {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "relook_version": __version__,
        "config": header.config.model_dump_json(),
        "classes": json.dumps([{"id": c.id, "name": c.name} for c in header.classes]),
        "extra": json.dumps(header.extra),
        "stuff": json.dumps([[c.id, c.name, c.supercategory] for c in header.stuff]),
    }


def parse_header(path: Path, metadata: Mapping[str, str]) -> Header:
    """The header in the `metadata` of the file at `path`.

    Raises:
        ModelError: M02 for a file that is not a relook model or is damaged, M03 for one that a
            newer version wrote.
    """
    if metadata.get("format") != FORMAT:
        raise ModelError(
            "M02",
            f"{path} is a safetensors file, but relook did not write it: its metadata has no "
            f'"format": "{FORMAT}". `relook weights import` reads files of other libraries.',
        )
    written_by = metadata.get("relook_version", "?")[:40]
    try:
        version = int(metadata["format_version"])
        if version > FORMAT_VERSION:
            raise ModelError(
                "M03",
                f"{path} has file format {version}, written by relook {written_by}; this is relook "
                f"{__version__}, which reads up to {FORMAT_VERSION}. Update relook.",
            )
        config = validated(ModelConfig, json.loads(metadata["config"]))
        classes = tuple(
            Category(_checked(c["id"], int), _checked(c["name"], str))
            for c in json.loads(metadata["classes"])
        )
        if len({c.id for c in classes}) < len(classes):
            raise ValueError("two classes have one id")
        extra = _checked(json.loads(metadata["extra"]), dict)
        sizes_of(extra)
        stuff = tuple(_stuff_class(*row) for row in json.loads(metadata.get("stuff", "[]")))
        if stuff and len(stuff) != num_stuff(config):
            raise ValueError(f"{len(stuff)} kinds of stuff for {num_stuff(config)} labels")
    except UsageError as error:
        is_ours = written_by == __version__
        other = f" was written by relook {written_by}, and this is relook {__version__}"
        raise ModelError(
            "M03" if error.code == "U02" and not is_ours else "M02",
            f"{path}{'' if is_ours else other}: its configuration cannot be used here "
            f"({error.message})",
        ) from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError("M02", f"{path}: its metadata is damaged ({error!r:.200})") from error
    if len(classes) != config.num_classes:
        raise ModelError(
            "M02", f"{path}: it names {len(classes)} classes for {config.num_classes} outputs"
        )
    return Header(config, classes, extra, stuff)


def num_stuff(config: ModelConfig) -> int:
    """Number of kinds of stuff that the pixel labels of the model tell apart; the last label is
    things.
    """
    head = config.stuff or config.semantic
    return 0 if head is None else head.num_classes - 1


def _stuff_class(identity: object, name: object, above: object) -> PanopticCategory:
    text = None if above is None else _checked(above, str)
    return PanopticCategory(_checked(identity, int), _checked(name, str), False, text)


def _checked(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value
