"""``relook data stats``: a data set in numbers and plots."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import DataError
from .annotation_options import takes_leniency
from .progress import notices, progress_bar
from .reading_options import FrameOption
from .terminal import say

if TYPE_CHECKING:
    from ..data.set_statistics import DataStatistics

_QUANTILES: Final = ("p10", "median", "p90")  # of diameters

Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="Folder of the images. [default: where the first image of FILE is found: images/ "
        "beside it or above, or its own folder]",
    ),
]


@takes_leniency
def data_stats(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="COCO files; several are shown side by side."),
    ],
    images: Images = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print json.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="PAGE", help="Write a page with plots, too."),
    ] = None,
    near_duplicates: Annotated[
        bool,
        typer.Option(
            "--near-duplicates",
            help="Read all images, and count near-identical ones within and across FILEs.",
        ),
    ] = False,
    leniency: Leniency = STRICT,
    frame: FrameOption = None,
) -> None:
    """Show what is in a data set: objects in an image, their sizes, classes, crowding.

    Diameters are those of discs with the area of the mask, in pixels of the image. Objects overlap
    where their boxes do, and touch where their masks meet. Of more than 50,000 objects those of
    evenly chosen images are measured.
    """
    from ..data.coco.reader import read_coco
    from ..data.image_folders import likely_folder
    from ..data.leakage import labels_of, leakage
    from ..data.set_statistics import data_statistics

    indexes = [
        read_coco(
            file,
            images or likely_folder(file),
            leniency=leniency,
            check_files=near_duplicates,
            frame=frame,
        )
        for file in files
    ]
    if not any(index.images for index in indexes):
        raise DataError("D11", f"{files[0]}: there is no image in it.")
    labels = labels_of(files)
    found = [
        replace(data_statistics(index), name=label)
        for index, label in zip(indexes, labels, strict=True)
    ]
    twins = None
    if near_duplicates:
        with progress_bar(notices()) as bar:
            task = bar.add_task("images", total=None)
            twins = leakage(
                indexes,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    lines = [] if twins is None else twins.lines()
    if as_json:
        content: dict[str, object] = {"data": [one.to_json() for one in found]}
        if twins is not None:
            content["near_duplicates"] = {
                "groups": [[twins.names[place] for place in g] for g in twins.found.groups],
                "across": [[twins.names[a], twins.names[b]] for a, b in twins.across],
                "unreadable": [twins.names[place] for place, _ in twins.found.unreadable],
                "plain": [twins.names[place] for place in twins.found.plain],
            }
        say(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        for one in found:
            for line in one.lines():
                say(line)
            _print_classes(one)
        for line in lines:
            say(line)
    if html is not None:
        from ..reports.data_set import write_data_page

        write_data_page(html, found, lines)
        notices().print(f"the page is {html}")


def _print_classes(one: DataStatistics) -> None:
    """Print a table of the classes, the most frequent first."""
    width = max((len(row.name) for row in one.classes), default=5)
    say(f"{'class':{width}} {'objects':>8} {'images':>7} {'p10':>7} {'median':>7} {'p90':>7}")
    for row in sorted(one.classes, key=lambda row: -row.objects):
        sizes = [f"{row.diameters[name]:.1f}" if row.diameters else "-" for name in _QUANTILES]
        numbers = " ".join(f"{size:>7}" for size in sizes)
        say(f"{row.name:{width}} {row.objects:>8} {row.images:>7} {numbers}")
