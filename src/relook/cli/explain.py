"""``relook explain``: what goes on inside a model while it looks at an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Allow, Device, ImageSize, Model
from .progress import notices

if TYPE_CHECKING:
    from PIL import Image

    from ..analysis.inspect.seeing import InspectedImage
    from ..inference.predictor import Predictor

explain = typer.Typer(no_args_is_help=True, help="Look inside a model.")

Picture = Annotated[Path, typer.Argument(metavar="IMAGE", help="The image that is looked at.")]
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
    """Draw where each switchable atrous convolution takes its larger rate."""
    from ..analysis.inspect.switches import look_at_switches

    predictor, seen = _open(image, model, size, device)
    found = look_at_switches(predictor, seen)
    told = found.statistics()
    _save(out, "switches", found.picture(), told)
    for name, value in told["mean over layers"].items():
        if value is not None:
            typer.echo(f"S in {name if name == 'image' else f'{name} objects'}: {value:.3f}")


@explain.command("looks")
def looks(
    image: Picture,
    model: Model,
    out: Out = Path("explained"),
    size: ImageSize = None,
    device: Device = "auto",
    _allow: Allow = None,
) -> None:
    """Draw what each look after the first changes in the pyramid, and how it is blended."""
    from ..analysis.inspect.looks import look_at_looks, picture_of_looks

    predictor, seen = _open(image, model, size, device)
    changes = look_at_looks(predictor, seen)
    told = [one.statistics() for one in changes]
    _save(out, "looks", picture_of_looks(changes, seen), {"levels": told})
    for row in told:
        change, gate = row["relative change"], row["gate"]
        blended = "" if gate is None else f", gate {gate:.2f}"
        typer.echo(f"{row['level']}, look {row['look']}: changed by {change or 0:.1%}{blended}")


@explain.command("stages")
def stages(
    image: Picture,
    model: Model,
    out: Out = Path("explained"),
    size: ImageSize = None,
    device: Device = "auto",
    _allow: Allow = None,
) -> None:
    """Draw what the cascade finds after one stage, two, and all."""
    from ..analysis.inspect.stages import look_at_stages, picture_of_stages

    predictor, seen = _open(image, model, size, device)
    found = look_at_stages(predictor, seen)
    told = [stage.statistics() for stage in found]
    _save(out, "stages", picture_of_stages(found), {"stages": told})
    for row in told:
        score = "" if row["mean score"] is None else f", mean score {row['mean score']:.3f}"
        typer.echo(f"{row['stages']} of {len(told)} stages: {row['objects']} objects{score}")


def _open(
    image: Path, model: Path, size: tuple[int, int] | None, device: str
) -> tuple[Predictor, InspectedImage]:
    from ..analysis.inspect.seeing import prepare
    from ..api import load

    predictor = load(model, device=device)
    return predictor, prepare(predictor, image, size)


def _save(folder: Path, name: str, picture: Image.Image, told: dict[str, Any]) -> None:
    from ..runtime.files import write_text
    from ..visualization.sheet import save_picture

    folder.mkdir(parents=True, exist_ok=True)
    save_picture(picture, folder / f"{name}.png")
    write_text(folder / f"{name}.json", json.dumps(told, indent=2) + "\n")
    notices().print(f"{folder / name}.png and .json")
