"""Pixels of an image layer for a run, and the labels layer that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..data.coco.reader import Category
from ..errors import counted
from ..inference.results import Result
from ..inference.writers.table import PixelSize
from .annotations import LayerNotes
from .objects import ScoreFilter, found_objects
from .planes import Plane, check_view, pixel_size_of, placement, plane_of


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The image of a run, and where its labels go."""

    layer_name: str
    file_name: str  # of the layer's file, else the name of the layer
    plane: Plane
    pixel_size: PixelSize | None
    words: tuple[str, ...]
    axes: int  # of the labels layer
    place: dict[str, Any]  # arguments of the labels layer

    @property
    def samples(self) -> NDArray[Any]:
        """Values (H, W, C) of the plane."""
        values = self.plane.values
        return values if values.ndim == 3 else values[:, :, None]


def source_of(
    layer: Any, dims: Any, *, channel_axis: int | None = None, unit: str | None = None
) -> Source:
    """Source for a model of an image `layer` in a viewer with `dims`, as they are in napari.

    `unit` is that of the layer's scale, where the layer names none.

    Raises:
        UsageError: U03 and U04 as `planes.plane_of` and `planes.check_view`.
    """
    check_view(tuple(dims.displayed), int(dims.ndim))
    plane = plane_of(
        layer.data,
        tuple(layer.world_to_data(dims.point)),
        name=layer.name,
        is_rgb=bool(layer.rgb),
        is_multiscale=bool(layer.multiscale),
        channel_axis=channel_axis,
    )
    size, about = pixel_size_of(layer.scale, [str(name) for name in layer.units], unit)
    place = placement(
        plane.index,
        scale=layer.scale,
        translate=layer.translate,
        rotate=layer.rotate,
        channel_axis=channel_axis,
    )
    axes = place.pop("axes")
    place["units"] = tuple(layer.units)[-axes:]
    path = layer.source.path
    file_name = Path(str(path)).name if path else str(layer.name)
    words = (*plane.words, about)
    return Source(str(layer.name), file_name, plane, size, words, axes, place)


@dataclass(frozen=True, slots=True, eq=False)
class NewLayer:
    """A labels layer to be added, and what belongs to it."""

    data: NDArray[Any]
    arguments: dict[str, Any]
    kept: ScoreFilter
    words: str


def labels_of(
    source: Source,
    result: Result,
    classes: Sequence[Category],
    *,
    score: float,
    least: float,
    notes: Sequence[str] = (),
) -> NewLayer:
    """The labels layer of the objects of `result` from `score`; they were looked for from `least`.

    `notes` are what a person should know of the run.

    Raises:
        UsageError: As `objects.found_objects`.
    """
    objects = found_objects(result, source.pixel_size, source.samples)
    kept = ScoreFilter(objects.labels, objects.columns)
    labels, columns = kept.at(score)
    about = [
        f"{counted(len(columns['index']), 'object')} from score {score:.2f}",
        f"{kept.hidden} hidden below it, down to {least:.2f}",
    ]
    if objects.overlapped:
        about.append(
            f"{counted(objects.overlapped, 'pixel')} of all that were found have several objects: "
            "the best is seen"
        )
    if objects.covered:
        about.append(f"{counted(objects.covered, 'object')} wholly under better ones left out")
    used = [] if result.info is None else [result.info.used]
    layer_notes = LayerNotes(
        file_name=source.file_name, classes=tuple(classes), new_class=classes[0].name
    )
    return NewLayer(
        labels.reshape((1,) * (source.axes - 2) + labels.shape),
        {
            "name": f"{source.layer_name} objects",
            "features": columns,
            "metadata": layer_notes.metadata(),
            **source.place,
        },
        kept,
        "; ".join([*about, *source.words, *used, *notes]),
    )
