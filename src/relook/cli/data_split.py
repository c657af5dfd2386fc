"""``relook data split``: training, validation and test of one annotation file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .data_stats import Images
from .progress import notices, progress_bar
from .reading_options import FrameOption

if TYPE_CHECKING:
    from ..data.coco.records import CocoIndex
    from ..data.splits import Split


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
    frame: FrameOption = None,
) -> None:
    """Divide a data set into files to train, validate and test on.

    Every part gets about its share of the images, of the objects of every class, and of empty and
    crowded images; what could not be balanced is said. OUT gets train.json, val.json and test.json
    with every field of FILE, in fold1 to foldK with --folds, and split.csv with the part of every
    image. Images stay where they are, and no file is overwritten.
    """
    from ..data.coco.reader import read_coco
    from ..data.image_folders import images_beside
    from ..data.splits.parts import write_split

    if folds is not None and val is not None:
        raise UsageError(
            "U04", "--folds decides how many images are validated on. Leave --val out."
        )
    folder = images or images_beside(file)
    index = read_coco(file, folder, frame=frame)
    share = 0.2 if val is None else val
    splits = _splits(index, folder, share, test, folds, seed, group, near_duplicates)
    files = write_split(file, out, index, splits)
    for name, split in splits.items():
        if name:
            typer.echo(f"{name}:")
        for line in split.lines:
            typer.echo(line)
    console = notices()
    console.print(f"the part of every image is in {out / 'split.csv'}")
    paths = next(iter(files.values()))
    if "val" in paths:
        console.print(
            f"train with: relook train --train-json {paths['train']} --val-json {paths['val']} "
            f"--images {folder}"
        )


def _splits(
    index: CocoIndex,
    folder: Path,
    val: float,
    test: float,
    folds: int | None,
    seed: int,
    group: str | None,
    near_duplicates: bool,
) -> dict[str, Split]:
    """The splits by the name of their folder, which is empty for a single one."""
    from ..data.splits import fold_images, split_images

    with progress_bar(notices()) as bar:
        task = bar.add_task("images", total=len(index.images) if near_duplicates else 0)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if folds is None:
            split = split_images(
                index,
                folder,
                val=val,
                test=test,
                seed=seed,
                group=group,
                near_duplicates=near_duplicates,
                progress=show,
            )
            return {"": split}
        found = fold_images(
            index,
            folder,
            folds=folds,
            test=test,
            seed=seed,
            group=group,
            near_duplicates=near_duplicates,
            progress=show,
        )
        return {f"fold{number}": split for number, split in enumerate(found, start=1)}
