"""``relook predict``: objects in images, as pictures, masks and json."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from .._version import __version__
from ..errors import DataError, UsageError, did_you_mean
from ..inference.batch.sources import find_images
from .errors import INTERRUPTED
from .launch import share_work
from .options import Allow, Batch, Device, Fast, ImageSize, MaxDets, Model, Stages, Tta
from .panoptic_options import PanopticRequest, Rule, StuffLabelsOption, StuffMaps, Task
from .progress import notices

if TYPE_CHECKING:
    from rich.console import Console

    from ..inference.batch.journal import Journal
    from ..inference.batch.run import Target

KINDS: Final = ("overlay", "coco", "masks", "panoptic")
_SIGNALLED: Final = 128  # an exit code above it is that plus the number of the signal


def predict(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Images, folders or patterns.")
    ],
    model: Model,
    score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Leave out objects below this score. [default: the model's, else 0.3]",
        ),
    ] = None,
    max_dets: MaxDets = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for results. [default: predictions]")
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(
            help="What to save, with commas: overlay (pictures with the objects drawn in), coco "
            "(predictions.json), masks (16-bit PNG whose values number the objects), panoptic "
            "(panoptic.json and its PNG files). [default: overlay,coco, overlay,panoptic with "
            "--task panoptic, or nothing with --json]"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of json per image to standard output.")
    ] = False,
    size: ImageSize = None,
    device: Device = "auto",
    fast: Fast = "on",
    tta: Tta = None,
    stages: Stages = None,
    batch: Batch = 1,
    task: Task = "instances",
    rule: Rule = None,
    stuff_labels: StuffLabelsOption = None,
    stuff_maps: StuffMaps = None,
    devices: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that share the images, each with a GPU if there are."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run that was stopped; keep what it finished."),
    ] = False,
    _allow: Allow = None,
) -> None:
    """Find objects in images.

    Images that cannot be read are named and counted, the others are done; the exit code is then 3.
    """
    panoptic = PanopticRequest(task, rule, stuff_labels, stuff_maps)
    panoptic.check()
    kinds = _kinds(save, nothing=as_json and out is None, panoptic=panoptic.wanted)
    folder = (out or Path("predictions")) if kinds else None
    if resume and folder is None:
        raise UsageError("U04", "--resume: nothing is saved, so there is nothing to go on with.")
    _check_sharing(devices or 1, folder, device, as_json)
    _share(devices)

    from ..inference.batch.run import Target
    from ..runtime.cluster import find_place, join_others

    place = find_place(os.environ)
    _check_sharing(place.world_size, folder, device, as_json)
    request = _Request(
        sources,
        model,
        None if folder is None else Target(folder, kinds),
        {"size": size, "score": score, "max_dets": max_dets, "tta": tta},
        stages,
        panoptic,
        resume,
    )
    join_others(place, device)
    how = {"device": device, "fast": fast == "on"}
    if _predict(request, how, batch, as_json):
        raise typer.Exit(DataError.exit_code)


class _Request(NamedTuple):
    """What is to be done, whoever does it."""

    sources: list[str]
    model: Path
    target: Target | None
    options: dict[str, Any]  # those of `Predictor.stream` that results depend on
    stages: int | None
    panoptic: PanopticRequest
    resume: bool


def _predict(request: _Request, how: dict[str, Any], batch: int, as_json: bool) -> int:
    """Do this process's share; the number of images that could not be read, in the first one."""
    from ..api import load
    from ..inference.batch.journal import Journal
    from ..inference.batch.run import PredictionRun
    from ..inference.batch.shares import shares
    from ..inference.views import TTA
    from ..runtime.distributed import from_first, rank

    if request.options["tta"] is not None:
        TTA.parse(request.options["tta"])  # a mistake in it is told before the work
    target, console, options = request.target, notices(), request.options
    journal = None if target is None else Journal(target.folder, rank())
    images, kept = from_first(lambda: _plan(request, journal, console))
    predictor = load(request.model, **how)
    if request.stages is not None:
        predictor.detector = predictor.detector.first_stages(request.stages)
    if target is not None and "masks" in target.kinds and not predictor.config.cascade.masks:
        raise UsageError("U04", f"--save masks: {request.model} finds boxes only. Leave masks out.")
    if options["score"] is None:
        options = options | {"score": predictor.shown_from}
    options = options | request.panoptic.options(predictor.config)
    run = PredictionRun(
        images, kept, target, journal, shares(), console, first=rank() == 0, as_json=as_json
    )
    with journal or contextlib.nullcontext():
        run.run(predictor, batch_size=batch, **options)
    return run.report()


def _plan(
    request: _Request, journal: Journal | None, console: Console
) -> tuple[list[Path], set[str]]:
    """All images, and the sources of those that a stopped run has finished."""
    target = request.target
    images = find_images(request.sources, leave_out=None if target is None else target.folder)
    if journal is None or target is None:
        return images, set()

    from ..api import find_model
    from ..inference.batch.run import kept_lines
    from ..interop.zoo.downloading import sha256_of
    from ..runtime.files import remove_drafts

    model = sha256_of(find_model(request.model))
    settings = {"relook": __version__, "model": model, **request.options, "stages": request.stages}
    settings |= {"save": target.kinds, **request.panoptic.settings()}
    if journal.is_there and not request.resume:
        console.print(f"{target.folder}: starting over; --resume goes on with a stopped run")
    if not journal.begin(settings, resume=request.resume):
        return images, set()
    for name in ("", "overlay", "masks", "panoptic"):
        remove_drafts(target.folder / name)
    kept = kept_lines(journal, images, target)
    journal.keep(kept.values())
    return images, set(kept)


def _share(devices: int | None) -> None:
    """Start the processes that `--devices` asks for and leave when they are done."""
    try:
        share_work(devices, None)
    except typer.Exit as end:
        if end.exit_code > _SIGNALLED and end.exit_code != INTERRUPTED:
            notices().print(
                f"a process was killed (signal {end.exit_code - _SIGNALLED}) and the others were "
                "stopped; what was finished is kept, and the same command with --resume goes on"
            )
        raise


def _check_sharing(processes: int, folder: Path | None, device: str, as_json: bool) -> None:
    """Refuse what only one process can do."""
    if processes == 1:
        return
    if folder is None or as_json:
        raise UsageError(
            "U04",
            f"{processes} processes cannot print to one standard output in the order of the "
            "images. Leave --json out and take predictions.json, which has the same objects.",
        )
    if ":" in device:
        raise UsageError(
            "U04",
            f"--device {device} with {processes} processes: each takes a GPU of its own. Say cuda.",
        )


def _kinds(save: str | None, nothing: bool, panoptic: bool) -> tuple[str, ...]:
    """What to save, sorted, from the value of ``--save``."""
    if save is None:
        return () if nothing else ("overlay", "panoptic") if panoptic else ("coco", "overlay")
    kinds = tuple(sorted({part.strip() for part in save.split(",") if part.strip()}))
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError("U01", f"--save: unknown kind {kind!r}; {did_you_mean(kind, KINDS)}")
        if kind == "panoptic" and not panoptic:
            raise UsageError(
                "U04", "--save panoptic: nothing panoptic is made. Add --task panoptic."
            )
    return kinds
