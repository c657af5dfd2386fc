"""``relook data split``: training, validation and test of one annotation file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..data.coco.leniency import STRICT, Leniency
from .annotation_options import takes_leniency
from .data_stats import Images
from .progress import notices, progress_bar
from .reading_options import FrameOption
from .terminal import say

if TYPE_CHECKING:
    from ..data.splits import Split


@takes_leniency
def data_split(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="COCO file to divide.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files of the parts.")],
    images: Images = None,
    val: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the images to validate on. [default: 0.2]"),
    ] = None,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the images to test on.")] = 0,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="K",
            help="K splits for a cross-validation, in place of --val: every image is validated on "
            "in one.",
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Images of one group (slide, patient, site, video) stay together: folder, "
            "name:EXPRESSION (a regular expression on file names), field:NAME (of the entries of "
            "images) or csv:TABLE (columns image and group).",
        ),
    ] = None,
    near_duplicates: Annotated[
        bool,
        typer.Option(
            "--near-duplicates/--no-near-duplicates",
            help="Read all images, and keep near-identical ones together.",
        ),
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same parts.")] = 0,
    leniency: Leniency = STRICT,
    frame: FrameOption = None,
) -> None:
    """Divide a data set into files to train, validate and test on.

    Every part gets about its share of the images, of the objects of every class, and of empty and
    crowded images; what could not be balanced is said. OUT gets train.json, val.json and test.json
    with every field of FILE, in fold1 to foldK with --folds, and split.csv with the part of every
    image. Images stay where they are, and no file is overwritten.
    """
    from ..data.image_folders import likely_folder
    from ..data.splits import split_file

    folder = images or likely_folder(file)
    console = notices()
    with progress_bar(console) as bar:
        task = bar.add_task("images", total=None)
        splits = split_file(
            file,
            out,
            images=folder,
            val=val,
            test=test,
            folds=folds,
            group=group,
            near_duplicates=near_duplicates,
            seed=seed,
            frame=frame,
            leniency=leniency,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    said = _common_lines(splits)
    for line in said:
        say(line)
    for name, split in splits.items():
        if name:
            say(f"{name}:")
        for line in split.lines:
            if line not in said:
                say(line)
    console.print(f"the part of every image is in {out / 'split.csv'}")
    name, split = next(iter(splits.items()))
    if split.val:
        console.print(
            f"train with: relook train --train-json {out / name / 'train.json'} "
            f"--val-json {out / name / 'val.json'} --images {folder}"
        )


def _common_lines(splits: Mapping[str, Split]) -> list[str]:
    """Lines that all of several splits have, such as those about groups."""
    first, *others = splits.values()
    return [line for line in first.lines if others and all(line in one.lines for one in others)]
