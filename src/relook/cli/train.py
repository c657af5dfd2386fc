"""``relook train``: learn from annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import UsageError
from ..structures.rules.reading import DEFAULT_READING, Reading
from .annotation_options import leniency_changes, takes_leniency
from .class_options import ClassMap, ClassName, OneClass, check_class_options, class_map
from .launch import share_work
from .options import MODEL_HELP, Allow
from .progress import notices
from .reading_options import FrameOption, options_given, reading_changes, takes_train_reading
from .training_options import (
    DATA,
    RECIPE,
    START,
    UPRIGHT,
    Assignments,
    ConfigFile,
    Data,
    FromScratch,
    Images,
    KeepUpright,
    LogOption,
    Rate,
    SaveEvery,
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
    save_minutes,
)

_WORK = "Several processes"
AUTO = Path("auto")
"""Value of `--resume` that starts a run, or goes on with it."""
_TORCHVISION_COCO = "torchvision-coco"


@takes_leniency
@takes_train_reading
def train(
    source: Data = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="A name that `relook models` lists."),
    ] = None,
    train_json: TrainJson = None,
    val_json: Annotated[
        Path | None,
        typer.Option(
            "--val-json",
            "--val",
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
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How often each image is seen. A cosine rate is stretched to it; the drops of a "
            "step schedule stay where they are (train.step_epochs).",
            rich_help_panel=RECIPE,
        ),
    ] = None,
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
    keep_upright: KeepUpright = False,
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
    mapped: ClassMap = None,
    one_class: OneClass = False,
    class_name: ClassName = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was stopped, at its last saved step. auto, with --out and "
            "all other options: start the run, or go on with it if it is there.",
            rich_help_panel=START,
        ),
    ] = None,
    save_every: SaveEvery = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="The run folder. [default: runs/NAME, numbered, by the model or by DATA]",
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
    reading: Reading = DEFAULT_READING,
    frame: FrameOption = None,
    leniency: Leniency = STRICT,
    config: ConfigFile = None,
    assignments: Assignments = None,
    _allow: Allow = None,
) -> None:
    """Train a model; the plan is printed before the first step.

    `relook train DATA` is enough: images and annotations are found in DATA, a part is kept for
    validation, and a start is chosen. The plan says all of it.
    """
    share_work(devices, nodes)
    names = class_map(mapped)
    check_class_options(names, one_class=one_class)
    options: dict[str, Any] = {
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
        "save_minutes": save_minutes(save_every),
        "semantics": semantics,
        "semantic_maps": semantic_maps,
        "from_scratch": from_scratch or None,
    }
    data = {
        **data_options(train_json, val_json, images, train_images, val_images),
        "frame": frame,
        **leniency_changes(leniency),
    }
    chosen = {**given(options), **given(data), **leniency.changed()}
    chosen.pop("leniency", None)
    go_on = resume == AUTO
    if go_on and out is None:
        raise UsageError("U04", "--resume auto needs --out, which names the run.")
    if resume is not None and not go_on:
        others = {"model": model, "weights": weights, "out": out}
        others |= {"config": config, "schedule": schedule}
        added: dict[str, Any] = {"DATA": source, "map": mapped, "one_class": one_class or None}
        added |= {"class": class_name, "keep_upright": keep_upright or None}
        added |= {"no_fine_tune": None if fine_tune else True}
        asked = [*chosen, *options_given(reading), *(["set"] if assignments else [])]
        _resume(resume, [*given(others), *given(added), *asked])
        return
    options["augment"] = UPRIGHT if keep_upright else None
    changes = overlays(config, schedule, options, data, assignments or [], reading_changes(reading))
    if str(weights) == _TORCHVISION_COCO:
        from ..training.settings import Overlay

        weights = None
        changes.append(Overlay(train={"backbone_from": _TORCHVISION_COCO}))
    from .training_start import TrainingRequest, run_training, run_training_on

    request = TrainingRequest(
        model=model,
        weights=weights,
        from_scratch=from_scratch,
        fine_tune=fine_tune,
        names=names,
        one_class=one_class,
        class_name=class_name,
    )
    if source is None:
        run_training(request, changes, notices(), out, go_on=go_on)
    else:
        run_training_on(source, request, changes, reading, notices(), out, go_on=go_on)


def _resume(run: Path, others: list[str]) -> None:
    if others:
        named = ", ".join(
            name if name.isupper() else "--" + name.replace("_", "-") for name in others
        )
        raise UsageError(
            "U04",
            f"--resume goes on exactly as {run / 'config.yaml'} says and cannot be combined with "
            f"{named}. To change something, start a new run with --weights {run}.",
        )
    from ..training.run_folder import open_run

    open_run(run)
    from ..training.loop import resume

    resume(run, notices())


def _precision(text: str | None) -> str | None:
    """Lightning's names, and the short ones that people type."""
    short = {"32": "32-true", "fp32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
    return None if text is None else short.get(text, text)
