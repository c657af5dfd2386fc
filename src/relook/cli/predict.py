"""``relook predict``: objects in images, as pictures, masks and json."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ..errors import DataError, UsageError, counted
from ..structures.rules.reading import DEFAULT_READING, Reading
from .errors import INTERRUPTED
from .launch import share_work
from .options import (
    Agnostic,
    Allow,
    Batch,
    Device,
    Diameter,
    Fast,
    ImageSize,
    MaxDets,
    Model,
    Precision,
    Stages,
    Tile,
    Tta,
)
from .panoptic_options import Rule, StuffLabelsOption, StuffMaps, Task, panoptic_request
from .progress import notices, progress_bar, tile_progress, view_progress
from .reading_options import takes_reading
from .saving_options import PixelSizeOption, Save, Simplify, kinds_of, set_options
from .track_options import (
    Track,
    TrackArchives,
    TrackGap,
    TrackOverlap,
    track_options,
)

if TYPE_CHECKING:
    from ..inference.batch.run import BatchReport
    from ..inference.preprocess import Unreadable
    from ..inference.results import Result

_SIGNALLED: Final = 128  # an exit code above it is that plus the number of the signal


@takes_reading
def predict(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Images, folders, patterns, ZIP archives, videos, addresses (https://...), "
            "camera:0, or - for standard input.",
        ),
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
    save: Save = None,
    pixel_size: PixelSizeOption = None,
    simplify: Simplify = 0.0,
    labels: Annotated[
        Literal["auto", "off"],
        typer.Option(
            help="Words in overlays. auto: names and scores where they hide no object, and counts "
            "where some are left out; none for more than 40 objects. off: none."
        ),
    ] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of json per image to standard output.")
    ] = False,
    size: ImageSize = None,
    diameter: Diameter = None,
    tile: Tile = None,
    device: Device = "auto",
    fast: Fast = "on",
    precision: Precision = "fp32",
    tta: Tta = None,
    agnostic: Agnostic = False,
    stages: Stages = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a field of the model that its weights do not depend on: "
            "cascade.select.nms_iou=0.3. Can be repeated.",
        ),
    ] = None,
    batch: Batch = 1,
    every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of videos and cameras, every N-th frame.")
    ] = 1,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Of each video or camera, N frames; a camera needs it."
        ),
    ] = None,
    track: Track = False,
    track_overlap: TrackOverlap = None,
    track_gap: TrackGap = None,
    track_archives: TrackArchives = False,
    task: Task = "instances",
    rule: Rule = None,
    stuff_labels: StuffLabelsOption = None,
    stuff_maps: StuffMaps = None,
    reading: Reading = DEFAULT_READING,
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
    panoptic = panoptic_request(task, rule, stuff_labels, stuff_maps)
    tracking = track_options(track, track_overlap, track_gap, archives=track_archives)
    kinds = kinds_of(
        save,
        nothing=as_json and out is None,
        panoptic=panoptic is not None,
        track=tracking is not None,
        options=set_options(pixel_size, simplify, labels),
    )
    folder = (out or Path("predictions")) if kinds else None
    if resume and folder is None:
        raise UsageError("U04", "--resume: nothing is saved, so there is nothing to go on with.")
    _check_sharing(devices or 1, folder, device, as_json)
    if tracking is not None and (devices or 1) > 1:
        from ..inference.tracking import several_processes

        raise several_processes()
    _share(devices)

    from ..inference.batch.shared_sources import share_sources
    from ..model_files import find_model
    from ..runtime.cluster import find_place, join_others
    from ..runtime.distributed import rank

    place = find_place(os.environ)
    _check_sharing(place.world_size, folder, device, as_json)
    path = find_model(model)
    join_others(place, device)
    # Model and sources are found before more is imported: what is not there is told at once.
    with share_sources(sources, folder, every=every, frames=frames) as found:
        from ..api import load
        from ..config.assignments import model_changes
        from ..inference.batch.run import predict_files
        from ..inference.options import PredictOptions
        from ..inference.scaling import Scales
        from ..inference.twins import Twins
        from ..inference.writers.options import SaveOptions, parse_pixel_size

        options = PredictOptions().with_(
            size=size,
            diameter=diameter,
            score=score,
            max_dets=max_dets,
            batch_size=batch,
            tta=tta,
            panoptic=panoptic,
            reading=reading,
            tile=tile,
            agnostic=agnostic,
        )
        size_of_pixels = parse_pixel_size(pixel_size)
        saving = SaveOptions(pixel_size=size_of_pixels, simplify=simplify, labels=labels)
        predictor = load(path, device=device, fast=fast == "on", precision=precision)
        if assignments:
            predictor = predictor.changed(model_changes(assignments))
        if stages is not None:
            predictor = predictor.first_stages(stages)
        console, scales, twins = notices(), Scales(), Twins()
        with progress_bar(console) as bar:
            images = bar.add_task("images", total=None)

            def on_image(outcome: Result | Unreadable, done: int, total: int) -> None:
                if as_json:
                    _print_json(outcome)
                scales.add(outcome)
                twins.add(outcome)
                bar.update(images, completed=done, total=total)

            report = predict_files(
                predictor,
                found,
                folder,
                options,
                save=kinds,
                saving=saving,
                resume=resume,
                track=tracking or False,
                on_image=on_image,
                on_tile=tile_progress(bar),
                on_view=view_progress(bar),
                say=console.print,
            )
    if rank() == 0:
        for line in (*scales.lines(), *twins.lines(), *_summary(report, folder)):
            console.print(line)
        if report.unreadable:
            raise typer.Exit(DataError.exit_code)


def _summary(report: BatchReport, folder: Path | None) -> Iterator[str]:
    rate = (report.images - report.kept) / max(report.seconds, 1e-9)
    kept = f" ({report.kept} of them kept)" if report.kept else ""
    where = f"; results are in {folder}" if folder else ""
    found = f"{counted(report.objects, 'object')} in {counted(report.images, 'image')}"
    yield f"{found}{kept}, {rate:.2f} images/s{where}"
    if report.unreadable:
        yield f"{counted(len(report.unreadable), 'image')} could not be read (named above)"


def _print_json(one: Result | Unreadable) -> None:
    """One line on standard output."""
    from ..inference.results import Result

    record = (
        one.to_json()
        if isinstance(one, Result)
        else {"source": str(one.source), "error": str(one.error)}
    )
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


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
