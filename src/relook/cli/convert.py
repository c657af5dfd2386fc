"""``relook data convert``: annotations of other tools as one COCO json."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from .terminal import say

if TYPE_CHECKING:
    from ..data.formats.records import Objects, Outlines, Rectangles


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="File or folder of annotations.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="COCO file to write.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="labelme, via, yolo, voc, cvat, label-studio, imagej, qupath, label-images, "
            "cellpose or supervisely. [default: told by names and first bytes]",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the images are, if not beside SOURCE."),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="Class of all objects, where the format names none."
        ),
    ] = None,
    attribute: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="VIA: attribute of a region that is its class."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Convert one part of a data set: train, val or test."),
    ] = None,
    rectangles: Annotated[
        str,
        typer.Option(metavar="boxes|masks", help="Rectangles are boxes around objects, or masks."),
    ] = "boxes",
    outlines: Annotated[
        str,
        typer.Option(
            metavar="edges|centres",
            help="Corners of polygons are on edges of pixels, or are numbers of border pixels, as "
            "in contours of OpenCV.",
        ),
    ] = "edges",
    objects: Annotated[
        str,
        typer.Option(
            metavar="auto|ids|components",
            help="Label images: values number objects, or each connected part is one.",
        ),
    ] = "auto",
) -> None:
    """Convert annotations of another tool to one COCO json.

    Polygons stay polygons. Holes, brushes and ellipses are written as run lengths, which are exact.
    What cannot be converted is counted and named.
    """
    from ..data.formats import convert_labels

    conversion = convert_labels(
        source,
        out,
        format=format,
        images=images,
        class_name=class_name,
        attribute=attribute,
        split=split,
        rectangles=cast("Rectangles", rectangles),
        outlines=cast("Outlines", outlines),
        objects=cast("Objects", objects),
    )
    for line in conversion.lines:
        say(line)
    say(f"written: {conversion.json}")
    files = f"{shlex.quote(str(conversion.json))} --images {shlex.quote(str(conversion.images))}"
    say(f"train on it: relook train --train-json {files}")
