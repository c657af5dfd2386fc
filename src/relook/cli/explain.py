"""``relook explain``: inner values of a model while it processes an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import DataError
from .options import Allow, Device, ImageSize, Model
from .progress import notices
from .terminal import say

if TYPE_CHECKING:
    from PIL import Image

    from ..analysis.inspect.inspected_image import InspectedImage
    from ..inference.predictor import Predictor

explain = typer.Typer(no_args_is_help=True, help="Draw inner values of a model.")

Picture = Annotated[Path, typer.Argument(metavar="IMAGE", help="The image to process.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")]


@explain.command("switches")
def switches(
    image: Picture,
    model: Model,
    out: Out = Path("explained"),
    size: ImageSize = None,
    device: Device = "auto",
    _allow: Allow = None,
) -> None:
    """Draw how each switchable atrous convolution mixes its two rates, on one scale."""
    _check_there(image, model)
    from ..analysis.inspect.switches import record_switches

    predictor, inspected = _open(image, model, size, device)
    switch_maps = record_switches(predictor, inspected)
    statistics = switch_maps.statistics()
    _save(out, "switches", switch_maps.picture(), statistics)
    _save(out, "switches-summary", switch_maps.summary(), None)
    for name, value in statistics["mean over layers"].items():
        if value is not None:
            where = "the whole image" if name == "image" else f"{name} objects"
            say(f"S in {where}: {value:.3f}, so {_leaning(value)}")


@explain.command("looks")
def looks(
    image: Picture,
    model: Model,
    out: Out = Path("explained"),
    size: ImageSize = None,
    device: Device = "auto",
    _allow: Allow = None,
) -> None:
    """Draw the changes of the pyramid by each look after the first, and their blending."""
    _check_there(image, model)
    from ..analysis.inspect.looks import changes_by_look, draw_changes

    predictor, inspected = _open(image, model, size, device)
    changes = changes_by_look(predictor, inspected)
    statistics = [level.statistics() for level in changes]
    _save(out, "looks", draw_changes(changes, inspected), {"levels": statistics})
    for row in statistics:
        relative, gate = row["relative change"], row["gate"]
        blended = "" if gate is None else f", gate {gate:.2f}"
        say(f"{row['level']}, look {row['look']}: changed by {relative or 0:.1%}{blended}")


@explain.command("stages")
def stages(
    image: Picture,
    model: Model,
    out: Out = Path("explained"),
    size: ImageSize = None,
    device: Device = "auto",
    _allow: Allow = None,
) -> None:
    """Draw the objects that the cascade finds after one stage, after two, and after all."""
    _check_there(image, model)
    from ..analysis.inspect.stages import (
        courses_of,
        draw_stages,
        results_by_stage,
        table_of_ious,
    )

    predictor, inspected = _open(image, model, size, device)
    stage_list = results_by_stage(predictor, inspected)
    courses = courses_of(stage_list)
    statistics = [
        stage.statistics() | course.statistics()
        for stage, course in zip(stage_list, courses, strict=True)
    ]
    content = {"stages": statistics, "objects": table_of_ious(courses)}
    _save(out, "stages", draw_stages(stage_list, inspected.image), content)
    for row in statistics:
        score = "" if row["mean score"] is None else f", mean score {row['mean score']:.3f}"
        iou = row["mean IoU to the last box"]
        score += "" if iou is None else f", IoU to the last box {iou:.3f}"
        changes = f"{row['dropped']} dropped later, {row['not there yet']} to come"
        place = f"{row['stages']} of {len(statistics)} stages"
        say(f"{place}: {row['objects']} objects{score}; {changes}")


def _leaning(switch: float) -> str:
    """The meaning of a mean of S, in words."""
    if abs(switch - 0.5) < 0.005:
        return "both rates alike"
    return f"more of the {'smaller' if switch > 0.5 else 'larger'} rate"


def _check_there(image: Path, model: Path) -> None:
    """Tell what is not there before PyTorch is imported."""
    from ..model_files import find_model

    find_model(model)
    if not image.exists():
        raise DataError("D01", f"{image}: there is no such file.")


def _open(
    image: Path, model: Path, size: tuple[int, int] | None, device: str
) -> tuple[Predictor, InspectedImage]:
    from ..analysis.inspect.inspected_image import prepare
    from ..api import load

    predictor = load(model, device=device)
    return predictor, prepare(predictor, image, size)


def _save(folder: Path, name: str, picture: Image.Image, content: dict[str, Any] | None) -> None:
    from ..runtime.json_files import write_json
    from ..visualization.sheet import save_picture

    folder.mkdir(parents=True, exist_ok=True)
    save_picture(picture, folder / f"{name}.png")
    if content is not None:
        write_json(folder / f"{name}.json", content)
    notices().print(f"{folder / name}.png{'' if content is None else ' and .json'}")
