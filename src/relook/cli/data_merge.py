"""``relook data merge``: several annotation files as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import UsageError
from .progress import notices, progress_bar
from .terminal import say


def data_merge(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE... OUT",
            help="COCO files to join, each FILE or FILE:IMAGES with its folder of images, and the "
            "json file to write.",
        ),
    ],
    same: Annotated[
        Literal["refuse", "join"],
        typer.Option(
            help="An image that several files list: refuse them, or join its annotations."
        ),
    ] = "refuse",
    near_duplicates: Annotated[
        bool,
        typer.Option(
            "--near-duplicates/--no-near-duplicates",
            help="Read all images, and count near-identical ones of different files.",
        ),
    ] = True,
) -> None:
    """Join several data sets to one file.

    Classes are joined by name, and ids renumbered where two files have the same. Images stay where
    they are, and their names become relative to the innermost folder that has all of them. Image
    files of equal content are the same image. Licences and all other fields are kept, and counted
    where they differ.
    """
    from ..data.merging import merge_files

    if len(paths) < 3:
        raise UsageError("U04", "give at least two files to join, and the file to write.")
    sources = [_source(text) for text in paths[:-1]]
    with progress_bar(notices()) as bar:
        task = bar.add_task("images", total=None)
        merged = merge_files(
            sources,
            Path(paths[-1]),
            same=same,
            near_duplicates=near_duplicates,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for line in merged.lines:
        say(line)
    notices().print(f"{merged.json} has them all; its images are in {merged.images}")


def _source(text: str) -> Path | tuple[Path, Path]:
    """The file, with the folder of its images where that is named as FILE:IMAGES."""
    file, _, folder = text.rpartition(":")
    if file and folder and not Path(text).exists():
        return Path(file), Path(folder)
    return Path(text)
