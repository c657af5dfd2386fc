"""``relook data``: data sets made, measured, divided and joined, and checks of files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import RelookError, UsageError, counted
from .annotation_options import takes_leniency
from .convert import convert
from .data_check import check
from .data_merge import data_merge
from .data_panoptic import data_panoptic
from .data_split import data_split
from .data_stats import data_stats
from .progress import notices, progress_bar
from .submission import check_submission_file
from .terminal import say

if TYPE_CHECKING:
    from ..data.compose.sources import Source

data = typer.Typer(
    no_args_is_help=True, help="Make, measure, divide and join data sets, and check files."
)

_RANGE_HELP: Final = "; LOW:HIGH draws one for each image"


data.command("check")(check)
data.command("stats")(data_stats)
data.command("split")(data_split)
data.command("merge")(data_merge)
data.command("panoptic")(data_panoptic)
data.command("check-submission")(check_submission_file)
data.command("convert")(convert)


@data.command("compose")
@takes_leniency
def compose(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    images: Annotated[int, typer.Option(min=1, metavar="N", help="Images to train on.")] = 200,
    val: Annotated[
        int, typer.Option(min=0, metavar="N", help="Validation images, of other sources.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same files.")] = 0,
    overlap: Annotated[
        str,
        typer.Option(
            metavar="IOU",
            help=f"Overlap of the boxes of an object and its closest neighbour{_RANGE_HELP}.",
        ),
    ] = "0:0.6",
    sizes: Annotated[
        str,
        typer.Option(
            metavar="RATIO",
            help=f"Size of the largest object of an image over the smallest{_RANGE_HELP}.",
        ),
    ] = "1:6",
    objects: Annotated[
        str, typer.Option(metavar="N", help=f"Objects to put into an image{_RANGE_HELP}.")
    ] = "4:16",
    side: Annotated[int, typer.Option(metavar="PIXELS", help="Side of the square images.")] = 256,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="JSON:IMAGES",
            help="COCO file with masks, and its folder of images; several are possible. "
            "[default: the data sets in datasets/]",
        ),
    ] = None,
    val_sources: Annotated[
        list[str] | None,
        typer.Option("--val-from", metavar="JSON:IMAGES", help="The same for --val."),
    ] = None,
    datasets: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the default sources are.")
    ] = Path("datasets"),
    one_class: Annotated[
        bool, typer.Option("--one-class", help="Call every object `object`.")
    ] = False,
    any_licence: Annotated[
        bool,
        typer.Option(
            "--any-licence",
            help="Take images of every licence. [default: CC BY, CC0 and those that name none]",
        ),
    ] = False,
    leniency: Leniency = STRICT,
) -> None:
    """Compose images of huddled objects from real ones, with their masks.

    Objects are cut out by their masks and put over backgrounds without objects. Later ones cover
    earlier ones, and the truth is what is visible. No image is a source of both parts.
    """
    from ..data.compose.files import Part, compose_data_set
    from ..data.compose.scene import Scene

    few, many = _range("--objects", objects)
    if not (few.is_integer() and many.is_integer()):
        raise UsageError("U03", f"--objects is {objects!r}; it must be whole numbers.")
    scene = Scene(
        side=side,
        overlap=_range("--overlap", overlap),
        sizes=_range("--sizes", sizes),
        objects=(int(few), int(many)),
    )
    if val and sources and not val_sources:
        raise UsageError(
            "U04",
            "--val with --from: name other sources for it with --val-from. Validation images must "
            "not be made of training images.",
        )
    parts = [Part("train", images, _sources(sources, datasets, "train", leniency))]
    if val:
        parts.append(Part("val", val, _sources(val_sources, datasets, "val", leniency)))
    console = notices()
    with progress_bar(console) as bar:
        task = bar.add_task("images", total=images + val)
        try:
            reports = compose_data_set(
                out,
                parts,
                scene=scene,
                seed=seed,
                one_class=one_class,
                any_licence=any_licence,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        except KeyboardInterrupt:
            raise RelookError(
                "R01", f"interrupted; the same command clears {out} and starts again."
            ) from None
    for report in reports:
        objects = counted(report.num_objects, "object")
        say(f"{report.path}: {objects} in {counted(report.num_images, 'image')}")
        for reason, count in report.objects_left_out.items():
            say(f"left out: {count} x {reason}")
        for reason, count in report.sources_left_out.items():
            console.print(f"not taken from the sources: {count} x {reason}")


def _range(name: str, text: str) -> tuple[float, float]:
    """The two ends of "LOW:HIGH"; both are equal for a single number."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise UsageError(
            "U03", f"{name} is {text!r}; it must be a number or LOW:HIGH, such as 0:0.5."
        ) from None


def _sources(
    texts: list[str] | None, datasets: Path, part: str, leniency: Leniency
) -> tuple[Source, ...]:
    from ..data.compose.sources import Source, default_sources

    if not texts:
        return tuple(replace(s, leniency=leniency) for s in default_sources(datasets, part))
    sources = []
    for text in texts:
        json_file, _, folder = text.rpartition(":")
        if not json_file or not folder:
            raise UsageError(
                "U03",
                f"{text!r} is no JSON:IMAGES; give the annotation file and the folder of its "
                "images with a colon between them.",
            )
        sources.append(Source(Path(json_file), Path(folder), leniency))
    return tuple(sources)
