"""Results for a test server: ``relook eval --submission``, ``relook data check-submission``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import RelookError, UsageError, counted
from .progress import notices, progress_bar
from .terminal import say

if TYPE_CHECKING:
    from ..inference.options import PredictOptions
    from ..inference.predictor import Predictor


def refuse_beside_submission(**options: Any) -> None:
    """Refuse options of `relook eval` (name -> value) that need the truth or a part of the images.

    Raises:
        UsageError: U04 for one that is set.
    """
    for name, value in options.items():
        if value:
            option = name.replace("_", "-")
            why = (
                "a server expects all images"
                if name == "limit"
                else "it needs the truth, which is hidden"
            )
            raise UsageError("U04", f"--submission with --{option}: {why}. Leave one of them out.")


def submit(
    predictor: Predictor,
    model: Path,
    data: tuple[Path, Path],
    folder: Path,
    options: PredictOptions,
    **read: Any,
) -> None:
    """Write the results of the model in the file `model` into `folder`, and print their paths.

    `data` is a COCO file and the folder of its images, `read` says how they are read: the frame
    and leniency of `read_coco`.
    """
    from ..data.coco.reader import read_coco
    from ..evaluation.submission.check import MOST, check_submission
    from ..evaluation.submission.writer import submission_name, write_submission
    from ..model_files import name_of

    reading = predictor.reading(options)
    index = read_coco(*data, annotated=False, reading=reading, **read)
    algorithm = name_of(model)
    try:
        with progress_bar(notices()) as bar:
            task = bar.add_task("images", total=len(index.images))
            paths = write_submission(
                predictor,
                index,
                folder,
                submission_name(data[0], algorithm),
                options,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except KeyboardInterrupt:
        raise RelookError("R01", "interrupted; results of a part are not written.") from None
    for path in paths:
        say(_in_words(path, check_submission(path, index, options.max_dets or MOST)))


def check_submission_file(
    results: Annotated[
        Path, typer.Argument(metavar="FILE", help="Results: a zip as it is handed in, or a json.")
    ],
    annotations: Annotated[
        Path,
        typer.Option(
            "--json", metavar="FILE", help="COCO file of the images, such as image_info_..."
        ),
    ],
    max_dets: Annotated[
        int, typer.Option("--max-dets", min=1, help="Most objects in an image.")
    ] = 100,
) -> None:
    """Check that a file of results has the format of COCO's test server."""
    from ..data.coco.reader import read_coco
    from ..evaluation.submission.check import check_submission

    index = read_coco(annotations, annotations.parent, check_files=False, annotated=False)
    say(_in_words(results, check_submission(results, index, max_dets)))


def _in_words(path: Path, checked: Any) -> str:
    kind = ("box", "boxes") if checked.kind == "bbox" else ("mask", "masks")
    entries, images = counted(checked.num_entries, *kind), counted(checked.num_images, "image")
    return f"{path}: {entries} in {images}, format checked"
