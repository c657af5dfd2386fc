"""``relook app``: a page to see, correct and teach, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import DataError, UsageError, counted
from ..runtime.memory import one_arena
from .options import Allow, Device, Fast, Precision
from .progress import notices
from .server_options import Port, check_app
from .terminal import say

_SECONDS = 3600.0  # for one image, however large: nobody else waits
_MEGAPIXELS = 2000.0


def app_page(
    images: Annotated[
        Path | None,
        typer.Argument(
            metavar="[IMAGES]",
            help="A folder of images, or one image. Without it, images are dropped onto the page.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Run folder, .safetensors file, or a model that comes with relook; can be "
            "repeated, and the first is the default. [default: nuclei]",
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", metavar="NAME", help="Class beside those of the model; can be repeated."
        ),
    ] = None,
    port: Port = 8117,
    is_opened: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Folder for dropped images and trainings. [default: .relook beside the images, "
            "or runs/app]",
        ),
    ] = None,
    max_mb: Annotated[
        float, typer.Option("--max-mb", min=0.001, help="Megabytes that are dropped at a time.")
    ] = 512.0,
    device: Device = "auto",
    fast: Fast = "on",
    precision: Precision = "fp32",
    _allow: Allow = None,
) -> None:
    """Open a page to see what a model finds, to correct it, and to teach the model.

    It works without internet, and only this machine can reach it. Corrections are saved in
    relook-corrections.json beside the images.
    """
    one_arena()
    check_app()
    from ..model_files import find_model

    texts = model or ["nuclei"]
    for text in texts:
        find_model(_path(text))
    if images is not None and not images.exists():
        raise DataError("D01", f"{images}: there is no such file or folder.")
    from ..app.limits import Limits
    from ..app.models import ModelShelf
    from ..app.running import listen
    from ..app.running import serve as run
    from ..app.server import make_server
    from ..app.session.project import Project
    from ..app.session.routes import SessionRoutes
    from ..app.teaching.teacher import Teacher

    if any("\n" in name or not name.strip() for name in classes or ()):
        raise UsageError("U03", "--class: expected a name of one line.")
    console = notices()
    limits = Limits.of(
        mb=max_mb, megapixels=_MEGAPIXELS, images=16, queue=64, seconds=_SECONDS, batch=1
    )
    with listen(port=port) as listener:
        shelf = ModelShelf.of(texts, device=device, fast=fast == "on", precision=precision)
        paths = {
            name: find_model(_path(text)) for name, text in zip(shelf.names(), texts, strict=True)
        }
        with Project(images, shelf, work=work, classes=classes or (), say=console.print) as project:
            teacher = Teacher(project, paths)
            teacher.load_earlier()
            if project.images.left_out:
                console.print(project.images.left_out)
            console.print(f"{counted(len(project.images), 'image')}; model {shelf.name()}")
            try:
                run(
                    make_server(shelf, limits=limits, project=SessionRoutes(project, teacher)),
                    listener,
                    on_start=lambda address: _ready(address, is_opened),
                    on_stop=lambda begun: console.print(
                        f"stopping: {counted(begun, 'request')} to finish; a second signal ends at "
                        "once"
                    ),
                )
            finally:
                teacher.close()


def _path(text: str) -> str:
    """The model of ``NAME=PATH``."""
    name, equals, path = text.partition("=")
    return path if equals and name and not Path(text).exists() else text


def _ready(address: str, is_opened: bool) -> None:
    say(address)
    if is_opened:
        import webbrowser

        webbrowser.open(address)
