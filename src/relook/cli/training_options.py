"""Options of commands that train: the data, the recipe, and their conversion to settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from ..errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ..training.settings import Overlay

DATA: Final = "Data"
RECIPE: Final = "Recipe"
START: Final = "Start and end"
_UNITS: Final = {"s": 1 / 60, "min": 1.0, "h": 60.0}

Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="Folder or file of annotated images: COCO, or the format of another tool, which is "
        "converted. In place of --train-json.",
    ),
]
TrainJson = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="COCO instances to learn.", rich_help_panel=DATA),
]
Images = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the images.", rich_help_panel=DATA),
]
TrainImages = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Training images, if elsewhere.", rich_help_panel=DATA),
]
ValImages = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Validation images, if elsewhere.", rich_help_panel=DATA),
]
Semantics = Annotated[
    str | None,
    typer.Option(
        metavar="MODE",
        help="Source of the semantic branch's labels: auto, none, instances, maps or panoptic.",
        rich_help_panel=DATA,
    ),
]
SemanticMaps = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of stuff maps.", rich_help_panel=DATA),
]
StepImages = Annotated[
    int | None,
    typer.Option(
        "--batch", min=1, help="Images a step, over all processes.", rich_help_panel=RECIPE
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="RATE", help="Learning rate, or auto: scaled by batch.", rich_help_panel=RECIPE
    ),
]
LogOption = Annotated[
    str | None,
    typer.Option(
        "--log",
        metavar="NAMES",
        help="Also log to tensorboard, wandb or mlflow, with commas between; each needs its extra, "
        "as in pip install 'relook[tensorboard]'. Nothing is sent over a network unless "
        "WANDB_MODE or MLFLOW_TRACKING_URI says so.",
        rich_help_panel=RECIPE,
    ),
]
SaveEvery = Annotated[
    str | None,
    typer.Option(
        "--save-every",
        metavar="TIME",
        help="Save the state so often, as in 5min, 30s or 1h; it is saved at a signal and at the "
        "end of an epoch as well. [default: 5min]",
        rich_help_panel=START,
    ),
]
FromScratch = Annotated[
    bool,
    typer.Option(
        "--from-scratch",
        help="No ImageNet weights: group norm, nothing frozen.",
        rich_help_panel=START,
    ),
]
KeepUpright = Annotated[
    bool,
    typer.Option(
        "--keep-upright",
        help="Do not mirror or turn training images: for text, houses and other scenes that have "
        "an up, a left and a right.",
        rich_help_panel=RECIPE,
    ),
]
UPRIGHT: Final = {"flip": 0.0, "vertical_flip": 0.0, "quarter_turns": False}
"""Fields of the augmentation by which images keep their orientation."""
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A published schedule of COCO: 1x (12 epochs), 20e, or 40e of the DetectoRS authors, "
        "with the settings that their trainings have in common.",
        rich_help_panel=RECIPE,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML with keys model, schedule, train and data."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any field, as in --set train.epochs=20."),
]


def overlays(
    config: Path | None,
    schedule: str | None,
    options: dict[str, Any],
    data: dict[str, Any],
    assignments: list[str],
    model: dict[str, Any] | None = None,
) -> list[Overlay]:
    """Layers of the user's settings; later ones win."""
    from ..training.settings import Overlay, parse_assignments, read_overlay

    layers = [] if config is None else [read_overlay(config)]
    layers.append(
        Overlay(schedule=schedule, model=model or {}, train=given(options), data=given(data))
    )
    layers.append(parse_assignments(assignments))
    return layers


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Options that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def data_options(
    train_json: Path | None,
    val_json: Path | None,
    images: Path | None,
    train_images: Path | None,
    val_images: Path | None,
) -> dict[str, Path | None]:
    """Fields of the settings' data; `images` is the folder of images without one of their own."""
    return {
        "train_json": train_json,
        "train_images": train_images or images,
        "val_json": val_json,
        "val_images": val_images or images,
    }


def save_minutes(text: str | None) -> float | None:
    """Minutes, from text such as ``5min``, ``30s``, ``1h`` or a number of minutes.

    Raises:
        UsageError: U03 for other text.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h)?", text.strip())
    minutes = 0.0 if found is None else float(found[1]) * _UNITS[found[2] or "min"]
    if not minutes > 0:
        raise UsageError("U03", f"--save-every {text!r}: a time such as 5min, 30s or 1h.")
    return minutes


def log_names(text: str | None) -> tuple[str, ...] | None:
    """Names of logs, from text with commas.

    Raises:
        UsageError: U01 for a name that is none.
    """
    if text is None:
        return None
    from ..training.recipe import LogName

    known = get_args(LogName)
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if name not in known:
            raise UsageError("U01", f"--log: unknown log {name!r}; {did_you_mean(name, known)}")
    return names


def rate(text: str | None) -> str | float | None:
    """A learning rate, or ``auto``.

    Raises:
        UsageError: U03 for other text.
    """
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError("U03", f"--lr: a number or auto, got {text!r}") from None
