"""``relook compare``: two models over the same images, and their differences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DataError, RelookError, UsageError, counted
from .annotation_options import CrowdOption
from .options import MODEL_HELP, Allow, Device, ImageSize
from .progress import notices, progress_bar
from .reading_options import FrameOption
from .terminal import say

if TYPE_CHECKING:
    from rich.console import Console

    from ..analysis.compare.summary import Model
    from ..analysis.compare.truth import TruthFile
    from ..data.coco.records import Category
    from ..inference.predictor import Predictor

_SCORE = typer.Option(
    min=0, max=1, help="Leave out objects below this score. [default: the model's, else 0.3]"
)


def compare(
    a: Annotated[Path, typer.Argument(metavar="RUN_A", help=MODEL_HELP)],
    b: Annotated[Path, typer.Argument(metavar="RUN_B", help="The other model.")],
    sources: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="Images, folders or patterns.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder for comparison.csv, .json and pictures."
        ),
    ] = Path("comparison"),
    annotations: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="COCO instance file with the truth."),
    ] = None,
    score: Annotated[float | None, _SCORE] = None,
    score_a: Annotated[
        float | None, typer.Option(min=0, max=1, help="The same for RUN_A alone.")
    ] = None,
    score_b: Annotated[
        float | None, typer.Option(min=0, max=1, help="The same for RUN_B alone.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Compare the first N images only.")
    ] = None,
    size: ImageSize = None,
    device: Device = "auto",
    frame: FrameOption = None,
    crowd: CrowdOption = "as-crowd",
    _allow: Allow = None,
) -> None:
    """Show where two models differ: objects that only one finds, and masks that are better.

    Writes for each image a picture with the objects of RUN_A above and those of RUN_B below, every
    object to comparison.csv, and the counts. With the truth in --json, masks are marked as better,
    and objects as missed or wrong. Images that cannot be read are named and left out; the exit
    code is then 3.
    """
    from ..data.sources.finding import find_sources

    if score is not None and score_a is not None and score_b is not None:
        raise UsageError("U04", "--score has no use beside --score-a and --score-b. Leave it out.")
    _check_annotations(annotations, {"--frame": frame is not None, "--crowd": crowd != "as-crowd"})
    console = notices()
    _check_models(a, b)
    with find_sources(sources, leave_out=out) as found_sources:
        images = found_sources.files
    if (line := found_sources.left_out_line()) is not None:
        console.print(line)

    # They are imported once there is something to compare.
    from ..analysis.compare.pictures import picture_of
    from ..analysis.compare.run import compare_images
    from ..analysis.compare.summary import Summary
    from ..analysis.compare.truth import TruthFile
    from ..api import load
    from ..inference.batch.writer import output_names
    from ..inference.options import PredictOptions
    from ..inference.preprocess import Unreadable
    from ..runtime.files import write_text
    from ..visualization.sheet import save_picture

    truth = None if annotations is None else TruthFile(annotations, frame, crowd=crowd)
    if truth is not None:
        images = _listed(truth, images, console)
    images = images[:limit]
    models = load(a, device=device), load(b, device=device)
    names = _names(a, b)
    _warn_of_classes(models[0].classes, models[1].classes, console)
    options = PredictOptions().with_(size=size, score=score)
    options_ab = (
        options if score_a is None else options.with_(score=score_a),
        options if score_b is None else options.with_(score=score_b),
    )
    summary = Summary(
        _model(names[0], models[0], options_ab[0].score),
        _model(names[1], models[1], options_ab[1].score),
        None if truth is None else truth.classes,
    )
    files = output_names(images)
    unreadable: list[Unreadable] = []
    try:
        with (
            closing(compare_images(*models, images, truth=truth, options=options_ab)) as outcomes,
            progress_bar(console) as bar,
        ):
            for outcome in bar.track(outcomes, total=len(images), description="images"):
                if isinstance(outcome, Unreadable):
                    unreadable.append(outcome)
                    continue
                summary.add(outcome)
                name = files[str(outcome.image)]
                save_picture(picture_of(outcome, names), out / "pictures" / f"{name}.jpg")
    except KeyboardInterrupt:
        raise RelookError(
            "R01", f"interrupted; {out / 'pictures'} has pictures of the images that were done."
        ) from None
    write_text(out / "comparison.csv", summary.to_csv())
    write_text(out / "comparison.json", json.dumps(summary.to_json(), indent=2) + "\n")
    say(summary.table())
    console.print(f"comparison.csv, comparison.json and pictures/ are in {out}")
    for outcome in unreadable:
        console.print(f"left out: {outcome.error}")
    if unreadable:
        raise typer.Exit(DataError.exit_code)


def _check_models(*models: Path) -> None:
    """Raise what `find_model` raises for a model that there is not, before much is imported."""
    from ..model_files import find_model

    for model in models:
        find_model(model)


def _check_annotations(annotations: Path | None, options: Mapping[str, bool]) -> None:
    """Refuse options about annotations where there are none."""
    for option, is_set in options.items():
        if is_set and annotations is None:
            raise UsageError(
                "U04", f"{option} is about annotations, and there are none. Add --json."
            )


def _warn_of_classes(a: Sequence[Category], b: Sequence[Category], console: Console) -> None:
    """Print a line where no class, or not every class, has a name that both models have."""
    names_a, names_b = ({category.name for category in classes} for classes in (a, b))
    if not names_a & names_b:
        console.print(
            "The models share no class, and only objects of one class are compared: each object "
            f"will count as found by one model alone. A finds {', '.join(sorted(names_a)[:5])}; B "
            f"finds {', '.join(sorted(names_b)[:5])}.",
            markup=False,
            soft_wrap=True,
        )


def _listed(truth: TruthFile, images: list[Path], console: Console) -> list[Path]:
    """The images that `truth` lists; prints how many are left out."""
    for line in truth.remarks:
        console.print(f"{truth.path}: {line}", markup=False, soft_wrap=True)
    listed = [image for image in images if truth.lists(image)]
    if not listed:
        truth.image_id(images[0])  # raises the reason
    if len(listed) < len(images):
        num_unlisted = len(images) - len(listed)
        total = counted(len(images), "image")
        console.print(f"left out: {num_unlisted} of {total}, which {truth.path} has not")
    return listed


def _names(a: Path, b: Path) -> tuple[str, str]:
    """The last parts in which two paths differ; the paths themselves if none differ."""
    parts = [
        (path.parent if path.name == "best.safetensors" else path.with_suffix("")).parts
        for path in (a, b)
    ]
    for name_a, name_b in zip(*(reversed(path_parts) for path_parts in parts), strict=False):
        if name_a != name_b:
            return name_a, name_b
    return str(a), str(b)


def _model(name: str, predictor: Predictor, score: float | None) -> Model:
    from ..analysis.compare.summary import Model

    shown_from = predictor.shown_from if score is None else score
    return Model(name, shown_from, [category.name for category in predictor.classes])
