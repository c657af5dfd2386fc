"""The data of a training that was named by one folder or file, ready in a new run folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...data import splits
from ...data.coco.reader import CocoIndex, read_coco
from ...data.panoptic.reader import is_panoptic, read_panoptic, to_coco_index
from ...errors import DataError, RelookError, counted
from ...runtime.distributed import rank
from ...runtime.files import replacing
from ..run_folder import RunFolder, create_run, run_to_continue
from ..start.choosing import ChosenStart
from .annotation_files import AnnotationFiles, find_annotations

VAL_SHARE: Final = 0.2
FOLDER: Final = "data"  # of the run folder

Choose = Callable[[Sequence[str], bool], ChosenStart]  # of the classes, and whether there are masks


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """Choices of the data of a training."""

    source: Path  # a folder or file
    images: Path | None = None
    val_json: Path | None = None
    val_images: Path | None = None
    class_name: str | None = None  # of formats that do not name classes
    seed: int = 0
    read: Mapping[str, Any] = field(default_factory=dict)  # more arguments of `read_coco`


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """A new run folder with the annotations that had to be made, and what was found and chosen."""

    run: RunFolder
    data: dict[str, Any]  # fields of `DataConfig`
    start: ChosenStart
    lines: tuple[str, ...]  # for the plan


def prepare_run(
    request: DataRequest, choose: Choose, *, out: Path | None, go_on: bool = False
) -> PreparedRun:
    """Find the data of `request`, choose the start, and make the run folder.

    Annotations of other formats are converted, and without validation data a fifth of the images
    is split off; both are written to ``data`` in the run folder, which is `out` or the first free
    one of ``runs/NAME`` with the name of the source. With `go_on` and a run in `out` that can be
    resumed, they are made again only to see that they are the same.

    Raises:
        DataError: As `find_annotations`, `read_coco` and `splits.split_images`.
        UsageError: As `find_annotations` and `create_run`.
        RelookError: R02 when a file cannot be written, R06 when the run in `out` has others.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files = find_annotations(request.source, Path(scratch), request.images, request.class_name)
        index = _index(files, request)
        names = [category.name for category in index.classes]
        start = choose(names, index.has_masks)
        there = run_to_continue(out) if go_on else None
        if there is None:
            run = create_run(out, _name_of(request.source), anew=go_on)
            with discarded_on_failure(run):
                data, lines = _written(files, index, request, run.path / FOLDER)
        else:
            run = there
            data, lines = _written(files, index, request, Path(scratch) / FOLDER)
            data = _as_before(data, Path(scratch) / FOLDER, run.path / FOLDER)
    return PreparedRun(run=run, data=data, start=start, lines=(*files.lines, *lines, start.line))


def _name_of(source: Path) -> str:
    path = source.absolute()
    return (path.name if path.is_dir() else path.stem) or "data"


@contextmanager
def discarded_on_failure(run: RunFolder) -> Iterator[None]:
    """Remove a run folder in which nothing but prepared data is, when the block fails."""
    try:
        yield
    except BaseException:
        if rank() == 0 and not run.config.exists():
            shutil.rmtree(run.path / FOLDER, ignore_errors=True)
            if run.path.is_dir() and not any(run.path.iterdir()):
                run.path.rmdir()
        raise


def _index(files: AnnotationFiles, request: DataRequest) -> CocoIndex:
    if is_panoptic(files.train):
        both = {key: request.read[key] for key in ("frame", "reading") if key in request.read}
        return to_coco_index(read_panoptic(files.train, files.images, **both))
    return read_coco(files.train, files.images, **request.read)


def _split(index: CocoIndex, files: AnnotationFiles, seed: int) -> splits.Split | str:
    """The split of the images, or the reason why there is none."""
    try:
        split = splits.split_images(index, files.images, val=VAL_SHARE, seed=seed)
    except DataError as error:
        if error.code != "D11":
            raise
        return error.message
    if not split.train or not split.val:
        return f"{counted(len(index.images), 'image')} cannot be split."
    return split


def _as_before(data: Mapping[str, Any], made: Path, kept: Path) -> dict[str, Any]:
    """`data` with the files of the folder `kept` in place of equal ones in `made`."""
    same: dict[str, Any] = {}
    for name, path in data.items():
        if not path.is_relative_to(made):
            same[name] = path
            continue
        same[name] = kept / path.relative_to(made)
        if not same[name].is_file() or same[name].read_bytes() != path.read_bytes():
            raise RelookError(
                "R06",
                f"{same[name]} is not what the data gives today: annotations have changed since "
                f"the run began. Start a new run with --weights {kept.parent}.",
            )
    return same


def _written(
    files: AnnotationFiles, index: CocoIndex, request: DataRequest, folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """Fields of the data, and sentences about the validation; files are written to `folder`."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed before it had settings
    train = files.train
    if files.is_converted:
        train = folder / "annotations.json"
        with replacing(train) as draft:
            shutil.copyfile(files.train, draft)
    data: dict[str, Any] = {"train_json": train, "train_images": files.images}
    val, val_images = request.val_json or files.val, request.val_images or files.val_images
    if val is not None:
        return {**data, "val_json": val, "val_images": val_images or files.images}, []
    if index.is_panoptic:
        return data, ["Validation: none, because panoptic files are not split. --val-json gives it"]
    split = _split(index, files, request.seed)
    if isinstance(split, str):
        advice = "--val-json gives a file for it; relook data split has more rules."
        return data, [f"Validation: none, because {split} {advice}"]
    parts = splits.write_parts(train, folder, split)
    lines = [
        f"Validation: {len(split.val)} of {counted(len(index.images), 'image')}, split off with "
        f"seed {request.seed} and not learned from: {parts['val']}. For another split: relook data "
        "split, and --val-json FILE.",
        *(f"Split: {line}" for line in split.lines),
    ]
    data |= {"train_json": parts["train"], "val_json": parts["val"], "val_images": files.images}
    return data, lines
