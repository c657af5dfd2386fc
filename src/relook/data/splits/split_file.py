"""One annotation file divided into files for each part."""

from __future__ import annotations

from pathlib import Path

from ...errors import UsageError
from ..coco.frames import Frame
from ..coco.leniency import STRICT, Leniency
from ..coco.reader import read_coco
from ..image_folders import likely_folder
from ..near_duplicates import Progress
from .parts import write_split
from .split import Split, fold_images, split_images

SHARE = 0.2
"""Share of the images that are validated on, where nobody says one."""


def split_file(
    json: Path | str,
    out: Path | str,
    *,
    images: Path | str | None = None,
    val: float | None = None,
    test: float = 0.0,
    folds: int | None = None,
    group: str | None = None,
    near_duplicates: bool = True,
    seed: int = 0,
    frame: Frame | None = None,
    leniency: Leniency = STRICT,
    progress: Progress | None = None,
) -> dict[str, Split]:
    """Divide the COCO file `json` into train.json, val.json and test.json in the folder `out`.

    `val` (by default 0.2) and `test` are shares of the images. With `folds`, there are as many
    splits for a cross-validation, in folders fold1, fold2, ... of `out`. Returns the splits by the
    name of their folder, which is empty for a single one. ``split.csv`` in `out` has the part of
    every image. `images` is the folder of images, by default one near `json` that has the first.

    `group` says which images stay together: ``folder``, ``name:EXPRESSION`` (a regular expression
    on file names), ``field:NAME`` (of an image's entry) or ``csv:TABLE`` (columns image and group).
    With `near_duplicates` all images are read, and near-identical ones stay together. Every part
    gets about its share of every class, and of empty and crowded images. `frame` and
    `leniency` are those of `read_coco`; what is no usable object stays in the files. The
    same arguments give the same parts, and no file is overwritten.

    Raises:
        UsageError: U03 for shares or a rule that cannot be used, U04 for `val` beside `folds`, and
            for files that exist.
        DataError: D01 to D13 for data that cannot be used, D11 for fewer groups than parts.
        RelookError: R02 when a file cannot be written.
    """
    if folds is not None and val is not None:
        raise UsageError("U04", "folds decide how many images are validated on. Leave val out.")
    path = Path(json)
    folder = likely_folder(path) if images is None else Path(images)
    index = read_coco(path, folder, frame=frame, leniency=leniency)
    if folds is None:
        share = SHARE if val is None else val
        split = split_images(
            index,
            folder,
            val=share,
            test=test,
            seed=seed,
            group=group,
            near_duplicates=near_duplicates,
            progress=progress,
        )
        splits = {"": split}
    else:
        found = fold_images(
            index,
            folder,
            folds=folds,
            test=test,
            seed=seed,
            group=group,
            near_duplicates=near_duplicates,
            progress=progress,
        )
        splits = {f"fold{number}": split for number, split in enumerate(found, start=1)}
    write_split(path, Path(out), index, splits)
    return splits
