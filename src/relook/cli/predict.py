"""``relook predict``: objects in images, as pictures, masks and json."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..errors import DataError, RelookError, UsageError, did_you_mean
from .options import Batch, Device, ImageSize, MaxDets, Model
from .progress import notices, progress_bar
from .sources import find_images

if TYPE_CHECKING:
    from rich.console import Console

    from ..predictor import ImageSource, Predictor
    from .outputs import Writer

KINDS: Final = ("overlay", "coco", "masks")


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
            "(predictions.json), masks (16-bit PNG whose values number the objects). "
            "[default: overlay,coco, or nothing with --json]"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of json per image to standard output.")
    ] = False,
    size: ImageSize = None,
    device: Device = "auto",
    batch: Batch = 1,
) -> None:
    """Find objects in images.

    Images that cannot be read are named and counted, the others are done; the exit code is then 3.
    """
    kinds = _kinds(save, nothing=as_json and out is None)
    folder = out or Path("predictions")
    images = find_images(sources, leave_out=folder if kinds else None)

    from ..api import load
    from .outputs import Writer

    predictor = load(model, device=device)
    if score is None:
        score = predictor.shown_from
    if "masks" in kinds and not predictor.config.cascade.masks:
        raise UsageError("U04", f"--save masks: {model} finds boxes only. Leave masks out.")
    writer = Writer(folder, kinds, predictor.classes, score)
    job = _Job(predictor, images, writer, as_json, notices())
    with writer:
        job.run(size=size, score=score, max_dets=max_dets, batch_size=batch)
    job.report(folder if kinds else None)


class _Job:
    """One run over all images: what was done, found and failed so far."""

    def __init__(
        self,
        predictor: Predictor,
        images: list[Path],
        writer: Writer,
        as_json: bool,
        console: Console,
    ) -> None:
        self._predictor, self._images, self._writer = predictor, images, writer
        self._as_json, self._console = as_json, console
        self._done, self._objects, self._failed = 0, 0, 0
        self._started = time.perf_counter()

    def run(self, **options: Any) -> None:
        """Detect, write and print, image by image.

        Raises:
            RelookError: R01 when interrupted; everything done so far is written then.
        """
        with progress_bar(self._console) as bar:
            task = bar.add_task("images", total=len(self._images))
            stream = self._predictor.stream(self._images, on_unreadable=self._fail, **options)
            try:
                for result in stream:
                    self._writer.add(result)
                    if self._as_json:
                        _print_json(result.to_json())
                    self._done += 1
                    self._objects += len(result)
                    bar.update(task, completed=self._done + self._failed)
            except KeyboardInterrupt:
                raise RelookError(
                    "R01",
                    f"interrupted after {self._done} of {len(self._images)} images; their results "
                    "are kept.",
                ) from None

    def report(self, folder: Path | None) -> None:
        """Say what came out; leaves with exit code 3 when an image failed."""
        rate = self._done / max(time.perf_counter() - self._started, 1e-9)
        where = f"; results are in {folder}" if folder is not None else ""
        self._console.print(
            f"{self._objects} objects in {self._done} images, {rate:.2f} images/s{where}"
        )
        if self._failed:
            self._console.print(f"{self._failed} images could not be read (named above)")
            raise typer.Exit(DataError.exit_code)

    def _fail(self, source: ImageSource, error: DataError) -> None:
        self._failed += 1
        self._console.print(str(error))
        if self._as_json:
            _print_json({"source": str(source), "error": str(error)})


def _print_json(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def _kinds(save: str | None, nothing: bool) -> tuple[str, ...]:
    """What to save, from the value of ``--save``."""
    if save is None:
        return () if nothing else ("overlay", "coco")
    kinds = tuple(part.strip() for part in save.split(",") if part.strip())
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError("U01", f"--save: unknown kind {kind!r}; {did_you_mean(kind, KINDS)}")
    return kinds
