"""``relook serve``: models behind addresses of HTTP, for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import counted
from ..runtime.memory import one_arena
from .options import Allow, Device, Fast, Precision
from .progress import notices
from .server_options import (
    AllowHost,
    Batch,
    Host,
    MaxImages,
    MaxMb,
    MaxMegapixels,
    Port,
    Queue,
    Seconds,
    Token,
    TokenFile,
    check_app,
    token_of,
)
from .terminal import say


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Run folders, .safetensors or .onnx files, or models that come with relook; "
            "NAME=PATH gives one a name. The first is the default.",
        ),
    ],
    host: Host = "127.0.0.1",
    port: Port = 8117,
    token: Token = None,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    device: Device = "auto",
    fast: Fast = "on",
    precision: Precision = "fp32",
    batch: Batch = None,
    queue: Queue = 32,
    max_mb: MaxMb = 64.0,
    max_megapixels: MaxMegapixels = 50.0,
    max_images: MaxImages = 16,
    seconds: Seconds = 120.0,
    _allow: Allow = None,
) -> None:
    """Serve models to programs: POST /predict, GET /models, /health, /metrics and /openapi.json.

    Only this machine can reach the server, unless --host says otherwise. SIGTERM or Ctrl-C finish
    what was begun; a second one ends at once.
    """
    one_arena()
    check_app()
    secret = token_of(token, token_file, host)

    from ..app.limits import Limits
    from ..app.models import ModelShelf
    from ..app.running import listen
    from ..app.running import serve as run
    from ..app.server import make_server

    limits = Limits.of(
        mb=max_mb,
        megapixels=max_megapixels,
        images=max_images,
        queue=queue,
        seconds=seconds,
        batch=batch,
    )
    console = notices()
    with listen(host, port) as listener:  # first, so that a port that is taken is told at once
        shelf = ModelShelf.of(models, device=device, fast=fast == "on", precision=precision)
        for name in shelf.names():
            console.print(f"{name}: {shelf.get(name)!r}")
        run(
            make_server(
                shelf, limits=limits, token=secret, allowed_hosts=[host, *(allow_host or [])]
            ),
            listener,
            on_start=say,
            on_stop=lambda begun: console.print(
                f"stopping: {counted(begun, 'request')} to finish, new ones get 503; a second "
                "signal ends at once"
            ),
        )
