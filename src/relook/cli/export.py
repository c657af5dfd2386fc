"""``relook export``: a model as a file that runs without PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import UsageError, counted
from .options import MODEL_HELP
from .progress import notices
from .terminal import say

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    to: Annotated[Literal["onnx"], typer.Option("--to", help="Format of the file.")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="[default: NAME.onnx, here]"),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW",
            help="One size of the network's input, height x width in pixels, for programs that "
            "take no other sizes. [default: any size]",
        ),
    ] = None,
    fp16: Annotated[
        bool,
        typer.Option("--fp16", help="Store weights in 16 bits, half the size; sums stay in 32."),
    ] = False,
    max_dets: Annotated[
        int | None,
        typer.Option(
            "--max-dets",
            min=1,
            help="Most objects in an image; above the model's own cap, its number of proposals is "
            "raised too. [default: the model's]",
        ),
    ] = None,
    check: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="IMAGE",
            help="Image on which model and file are compared; can be repeated. [default: two that "
            "are drawn]",
        ),
    ] = None,
) -> None:
    """Write a model as one ONNX file with the whole detector in it: 8-bit pixels in, objects out.

    Model and file are compared first, and a file that differs is not written. `relook predict`,
    `relook eval` and relook.load take it as any model; other programs need onnxruntime only.
    """
    from ..api import export_onnx

    canvas = None if size is None else _canvas(size)
    exported = export_onnx(
        model, out, canvas=canvas, half=fp16, max_dets=max_dets, images=check or ()
    )
    console = notices()
    on = counted(exported.images, "image")
    weights = f"weights of {16 if fp16 else 32} bits, images {exported.images_taken}"
    lines = [
        f"{exported.path}: {exported.bytes / 1e6:.1f} MB, {to.upper()} opset {exported.opset}, "
        f"{weights}",
        f"compared with {model} on {on}: {exported.difference.line()}",
        f"next: relook predict IMAGES --model {exported.path}, here or with relook-onnx, which "
        "needs no PyTorch; other programs: docs/export.md",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    say(exported.path)


def _canvas(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(
            "U03", f"--size {text}: expected height x width in pixels, such as 640x960"
        )
    return int(match[1]), int(match[2])
