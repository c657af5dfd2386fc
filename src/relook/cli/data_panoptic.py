"""``relook data panoptic``: panoptic maps of annotated objects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data.coco.leniency import STRICT, Leniency
from .annotation_options import takes_leniency
from .progress import notices, progress_bar
from .terminal import say


@takes_leniency
def data_panoptic(
    annotations: Annotated[Path, typer.Argument(metavar="FILE", help="COCO instances with masks.")],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Panoptic json to write; maps go into a folder beside it."
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the images. [default: images beside FILE or above, or its own folder]",
        ),
    ] = None,
    stuff: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the class of all other pixels.")
    ] = "background",
    leniency: Leniency = STRICT,
) -> None:
    """Make panoptic maps of objects: each is a thing, and all other pixels are one kind of stuff.

    Where objects overlap, the smaller one is on top. This is for trying panoptic segmentation on
    data that has objects only; one kind of stuff is little to learn.
    """
    from ..data.coco.reader import read_coco
    from ..data.image_folders import likely_folder
    from ..data.panoptic.from_objects import write_maps_of_objects

    console = notices()
    index = read_coco(annotations, images or likely_folder(annotations), leniency=leniency)
    for line in index.notes():
        console.print(line, markup=False, soft_wrap=True)
    with progress_bar(console) as bar:
        task = bar.add_task("images", total=len(index.images))
        made = write_maps_of_objects(
            index, out, stuff, lambda done, total: bar.update(task, completed=done, total=total)
        )
    for line in made.lines():
        say(line)
