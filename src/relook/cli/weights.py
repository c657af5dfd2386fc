"""``relook weights``: models that others trained, fetched, checked and imported."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import DataError, UsageError
from ..weights.shipped import FOLDER
from .annotation_options import takes_leniency
from .progress import notices, progress_bar
from .terminal import PlainConsole, say

if TYPE_CHECKING:
    from ..interop.zoo.zoo import ZooFile

weights = typer.Typer(
    no_args_is_help=True,
    help="Fetch, check and import models that others trained.",
)

_SUFFIX: Final = ".safetensors"
_NARROWEST: Final = 150  # columns of a table where there is no terminal


class Style(StrEnum):
    """Style of a backbone: the place of the stride, and the normalisation of its images."""

    PYTORCH = "pytorch"
    CAFFE = "caffe"


@weights.command("list")
def list_files(
    as_json: Annotated[bool, typer.Option("--json", help="Print json instead of a table.")] = False,
) -> None:
    """List published checkpoints: their presets, their published numbers, and whether they are in
    the cache."""
    from ..interop.zoo.zoo import ZOO

    if as_json:
        say(json.dumps([describe(file) for file in ZOO], indent=1))
    else:
        _print_table(ZOO)


@weights.command("get")
def get(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name of `relook weights list`, or a preset's.")
    ],
) -> None:
    """Download a published checkpoint, if it is not in the cache, and print its path.

    Files are kept in the folder RELOOK_CACHE (by default in the user's cache), which can be copied
    to a machine without internet. RELOOK_MIRRORS names other servers to try first.
    """
    from ..interop.zoo.zoo import fetch, find

    file, console = find(name), notices()
    with progress_bar(console) as bar:
        task = bar.add_task(f"{file.name}, MB", total=file.megabytes)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done // 10**6, total=total and total // 10**6)

        download = fetch(file, progress=show)
    say(download.path)
    status = f"{download.received:,} bytes fetched" if download.received else "it was here"
    console.print(f"{status}; SHA-256 {download.sha256}, as published ({file.hash_prefix}...)")
    console.print(f"licence: {file.licence}")
    if file.preset is None:
        console.print(f"no preset covers it: {file.why_not}")


@weights.command("verify")
def verify(path: Annotated[Path, typer.Argument(metavar="FILE", help="Any file.")]) -> None:
    """Identify a file by its hash, without opening it otherwise.

    The exit code is 4 when it is damaged, or when there is no hash to compare it with.
    """
    from ..interop.zoo.zoo import verify as verified

    verified_file = verified(path)
    say(f"{path}: {verified_file.size:,} bytes, SHA-256 {verified_file.sha256}")
    file = verified_file.file
    if file is None:
        say("whole: the hash is the one in its name. It is not a file that is listed here.")
        return
    say(f"whole: {file.name}, published at {file.url}")
    say(f"preset: {file.preset or f'none ({file.why_not})'}")
    say(f"published AP on {file.split}: {_score(file)}")
    say(f"licence: {file.licence}")


@weights.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="THEIRS", help="Checkpoint of another library.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OURS", help="The .safetensors file to write.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its MMDetection configuration; it is read, never run."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model it is. [default: recognised by its tensors]"),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names of its classes, one a line, in its order."),
    ] = None,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Accept a file of MMDetection 1. Experimental.")
    ] = False,
    style: Annotated[
        Style | None, typer.Option(help="ResNet it was trained with, if the file does not show it.")
    ] = None,
    ema: Annotated[
        bool | None,
        typer.Option(
            "--ema/--no-ema",
            help="Take the moving averages of the weights, or the weights themselves, where the "
            "file has both. [default: its state_dict, as MMDetection does]",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a field of the model: cascade.hybrid.mask_average=last. Can be repeated.",
        ),
    ] = None,
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences",
            help="Import it although its configuration has settings that relook computes "
            "otherwise; the report lists them.",
        ),
    ] = False,
    accept_broken: Annotated[
        bool,
        typer.Option("--accept-broken", help="Import it although numbers in it are not finite."),
    ] = False,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Store 16 bits for a number, half the size.")
    ] = False,
) -> None:
    """Import a checkpoint of another library as a relook model, and account for every tensor.

    The report is printed, and written beside the model as NAME.report.json.
    """
    if out.suffix != _SUFFIX:
        raise UsageError("U03", f"--out {out}: the name has to end with {_SUFFIX}")
    if not source.exists():
        raise DataError("D01", f"{source}: there is no such file. Check the path.")
    from ..config.assignments import model_changes
    from ..interop.importing import import_checkpoint
    from ..runtime.files import write_text
    from ..weights.file import load_model, save_model

    imported = import_checkpoint(
        source,
        config=config,
        preset=preset,
        classes=classes,
        legacy=legacy,
        style=None if style is None else style.value,
        ema=ema,
        changes=model_changes(assignments or ()),
        accept_differences=accept_differences,
        accept_broken=accept_broken,
    )
    report = imported.report
    if report.source == "relook":  # an imported model is not changed by importing it again
        extra = load_model(source).extra
    else:
        origin = {"file": report.file, "sha256": report.sha256}
        extra = {"licence": report.licence, "imported_from": origin}
    save_model(out, imported.detector, imported.config, imported.classes, extra, half=fp16)
    beside = out.with_suffix(".report.json")
    content = report.to_json() | {"recipe": dict(imported.recipe)}
    write_text(beside, json.dumps(content, indent=1) + "\n")
    for line in report.lines():
        say(line)
    notices().print(f"written: {out} ({out.stat().st_size / 1e6:.0f} MB) and {beside}")


@weights.command("sizes")
@takes_leniency
def sizes(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A .safetensors file of relook, or a run folder."),
    ],
    annotations: Annotated[
        Path, typer.Option("--json", metavar="FILE", help="COCO instance file of its training.")
    ],
    images: Annotated[Path, typer.Option(metavar="DIR", help="Folder of its images.")],
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="config.yaml of its training, for the scales of the augmentation. [default: that "
            "beside the model; without one, images were as in prediction]",
        ),
    ] = None,
    leniency: Leniency = STRICT,
) -> None:
    """Store in a model how large the objects were that it was trained on, which --diameter needs.

    `relook train` stores them itself. The weights stay as they are.
    """
    from ..data.coco.reader import read_coco
    from ..data.statistics import object_sizes
    from ..model_files import find_model
    from ..training.recipe import Recipe
    from ..training.settings import read_overlay, resolve
    from ..weights.file import change_extra
    from ..weights.opening import read_header

    path = find_model(model)
    if path.parent == FOLDER:
        raise UsageError("U04", f"{path.name} comes with relook, and has its sizes.")
    if path.suffix != _SUFFIX:
        raise UsageError(
            "U04",
            f"{path} is no {_SUFFIX} file of relook, so sizes cannot be stored in it. Make one of "
            "it by `relook weights import`.",
        )
    beside = path.with_name("config.yaml")
    config = config or (beside if beside.is_file() else None)
    recipe = Recipe() if config is None else resolve([read_overlay(config)]).train
    index = read_coco(annotations, images, check_files=False, leniency=leniency)
    found = object_sizes(index, read_header(path).config.input.size, recipe.augment)
    if found is None:
        raise DataError("D11", f"{annotations}: there is no object to measure.")
    change_extra(path, found.to_extra())
    notices().print(f"{path}: {found.line()}", markup=False, soft_wrap=True)


def describe(file: ZooFile) -> dict[str, Any]:
    """A published checkpoint as json values."""
    return {
        "name": file.name,
        "preset": file.preset,
        "why_not": file.why_not or None,
        "url": file.url,
        "hash_prefix": file.hash_prefix,
        "megabytes": file.megabytes,
        "schedule": file.schedule,
        "published": {"box_ap": file.box_ap, "mask_ap": file.mask_ap, "split": file.split},
        "licence": file.licence,
        "path": str(file.path),
        "is_here": file.path.is_file(),
    }


def _print_table(files: tuple[ZooFile, ...]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", no_wrap=True)
    table.add_column("preset", no_wrap=True)
    table.add_column("schedule", no_wrap=True)
    for title in ("box / mask AP", "MB", "hash", "here"):
        table.add_column(title, justify="right", no_wrap=True)
    for file in files:
        if file.preset is not None:
            is_here = "yes" if file.path.is_file() else ""
            row = (file.name, file.preset, file.schedule, _score(file), str(file.megabytes))
            table.add_row(*row, file.hash_prefix, is_here)
    console = PlainConsole(soft_wrap=True)
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    console.print(table)
    console.print("No preset covers the following.")
    for reason in dict.fromkeys(file.why_not for file in files if file.preset is None):
        console.print(f"- {reason}:")
        for file in files:
            if file.why_not == reason:
                console.print(f"    {file.name} ({_score(file)})")
    console.print(
        "\nAP as published, on COCO val2017 (*: test-dev). MB: of the weights. The files are in "
        f"{files[0].path.parent} once they were fetched.\nNone of them was opened in the making of "
        "relook; `make verify-zoo` checks them where there is internet."
    )


def _score(file: ZooFile) -> str:
    mask = "-" if file.mask_ap is None else f"{file.mask_ap:.1f}"
    return f"{file.box_ap:.1f} / {mask}{'*' if file.split != 'val2017' else ''}"
