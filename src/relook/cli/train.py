"""``relook train``: learn from annotated images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .launch import share_work
from .options import MODEL_HELP, Allow
from .progress import notices
from .reading_options import (
    Channels,
    FrameOption,
    Page,
    TrainIntensities,
    Z,
    reading_changes,
    reading_of,
)
from .training_options import (
    DATA,
    RECIPE,
    START,
    Assignments,
    ConfigFile,
    FromScratch,
    Images,
    LogOption,
    Rate,
    Schedule,
    SemanticMaps,
    Semantics,
    StepImages,
    TrainImages,
    TrainJson,
    ValImages,
    data_options,
    given,
    log_names,
    overlays,
    rate,
)

if TYPE_CHECKING:
    from ..training.settings import Overlay, Settings
    from ..training.sources import Annotations
    from ..training.start.source import Start

_WORK = "Several processes"
_TORCHVISION_COCO = "torchvision-coco"


def train(
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="A name that `relook models` lists."),
    ] = None,
    train_json: TrainJson = None,
    val_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="COCO instances to choose the best model by.",
            rich_help_panel=DATA,
        ),
    ] = None,
    images: Images = None,
    train_images: TrainImages = None,
    val_images: ValImages = None,
    semantics: Semantics = None,
    semantic_maps: SemanticMaps = None,
    schedule: Schedule = None,
    epochs: Annotated[int | None, typer.Option(min=1, rich_help_panel=RECIPE)] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after so many minutes.", rich_help_panel=RECIPE),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stop after so many steps, with the rates of the whole training.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    batch: StepImages = None,
    lr: Rate = None,
    precision: Annotated[
        str | None,
        typer.Option(help="32-true, bf16-mixed or 16-mixed.", rich_help_panel=RECIPE),
    ] = None,
    accumulate: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of added up gradients.", rich_help_panel=RECIPE),
    ] = None,
    ema: Annotated[
        float | None, typer.Option(help="Decay of averaged weights.", rich_help_panel=RECIPE)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1, help="Stop after so many validations without a gain.", rich_help_panel=RECIPE
        ),
    ] = None,
    log: LogOption = None,
    seed: Annotated[int | None, typer.Option(min=0, rich_help_panel=RECIPE)] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Loader processes.", rich_help_panel=RECIPE)
    ] = None,
    from_scratch: FromScratch = False,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help=f"Start from a trained model. {MODEL_HELP} {_TORCHVISION_COCO}: backbone, pyramid "
            "and proposals of torchvision's Mask R-CNN, for the --model.",
            rich_help_panel=START,
        ),
    ] = None,
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune/--no-fine-tune",
            help="With --weights: choose rate, length, sizes and caps from the data and the "
            "model, and say why; or keep the recipe of the preset.",
            rich_help_panel=START,
        ),
    ] = True,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Go on with a run that was stopped.", rich_help_panel=START
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="The run folder. [default: runs/NAME, numbered]",
            rich_help_panel=START,
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes on this machine: one a GPU, or a part of the cores each.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Machines; started with torchrun or srun, which know it themselves.",
            rich_help_panel=_WORK,
        ),
    ] = None,
    channels: Channels = None,
    page: Page = None,
    z: Z = None,
    intensities: TrainIntensities = None,
    frame: FrameOption = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    _allow: Allow = None,
) -> None:
    """Train a model; the plan is printed before the first step."""
    share_work(devices, nodes)
    options = {
        "epochs": epochs,
        "minutes": minutes,
        "steps": steps,
        "batch": batch,
        "lr": rate(lr),
        "precision": _precision(precision),
        "accumulate": accumulate,
        "ema": ema,
        "patience": patience,
        "seed": seed,
        "log": log_names(log),
        "workers": workers,
        "semantics": semantics,
        "semantic_maps": semantic_maps,
        "from_scratch": from_scratch or None,
    }
    data = {
        **data_options(train_json, val_json, images, train_images, val_images),
        "frame": frame,
    }
    reading = reading_of(channels, page, z, intensities)
    asked = {"channels": channels, "page": page, "z": z, "intensities": intensities}
    chosen = {**given(options), **given(data), **given(asked)}
    if resume is not None:
        others = {"model": model, "weights": weights, "out": out}
        others |= {"config": config, "schedule": schedule}
        _resume(resume, [*given(others), *chosen, *(["set"] if assignments else [])])
        return
    from ..training.loop import train as run_training

    changes = overlays(config, schedule, options, data, assignments or [], reading_changes(reading))
    if str(weights) == _TORCHVISION_COCO:
        from ..training.settings import Overlay

        weights = None
        changes.append(Overlay(train={"backbone_from": _TORCHVISION_COCO}))
    if weights is None:
        from ..training.settings import resolve

        run_training(resolve(changes, preset_name=model), notices(), out=out)
        return
    start, settings, annotations = _continued(_start(weights), model, changes, fine_tune)
    run_training(settings, notices(), out=out, start=start, annotations=annotations)


def _resume(run: Path, others: list[str]) -> None:
    if others:
        named = ", ".join("--" + name.replace("_", "-") for name in others)
        raise UsageError(
            "U04",
            f"--resume goes on exactly as {run / 'config.yaml'} says and cannot be combined with "
            f"{named}. To change something, start a new run with --weights {run}.",
        )
    from ..training.loop import resume

    resume(run, notices())


def _start(weights: Path) -> Start:
    from ..api import find_model
    from ..training.start.source import Start
    from ..weights.file import load_model

    path = find_model(weights)
    return Start(load_model(path), path)


def _continued(
    start: Start, model: str | None, changes: list[Overlay], fine_tune: bool
) -> tuple[Start, Settings, Annotations | None]:
    """Choose how to go on from `start`: as suits the data, or else by the recipe of the preset."""
    from ..training.fine_tuning import fine_tuning
    from ..training.settings import resolve

    named = model or next((o.preset for o in reversed(changes) if o.preset), None)
    name = named or _name_of(start)
    if fine_tune:
        tuned = fine_tuning(start.saved, changes, name=name, model_named=named is not None)
        return replace(start, reasons=tuned.lines), tuned.settings, tuned.annotations
    base = start.saved.config if named is None else None
    return start, resolve(changes, preset_name=name, base=base), None


def _name_of(start: Start) -> str:
    """The preset of the weights, for the recipe and the name of the run.

    It is the one they were trained as, or else, for imported weights, the one of their
    structure; a structure that no preset has goes by the simplest preset with its kind of heads.
    """
    from ..config.cascades import DSCConfig
    from ..config.presets import PRESETS
    from ..interop.structure import preset_of

    named = str(start.saved.extra.get("preset", ""))
    if named in PRESETS:
        return named
    cascade = start.saved.config.cascade
    if isinstance(cascade, DSCConfig):
        family = "dsc-r50"
    elif cascade.hybrid.interleaved:
        family = "htc-r50"
    else:
        family = "cascade-mask-r50" if cascade.masks else "cascade-r50"
    return preset_of(start.saved.config) or family


def _precision(text: str | None) -> str | None:
    """Lightning's names, and the short ones that people type."""
    short = {"32": "32-true", "fp32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    return None if text is None else short.get(text, text)
