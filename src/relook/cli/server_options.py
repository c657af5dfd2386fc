"""Options of commands that start a server."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import DataError, UsageError
from .progress import notices

TOKEN_VARIABLE: Final = "RELOOK_TOKEN"
_SHORTEST: Final = 16  # characters of a token
_PANEL: Final = "Limits"
_ACCESS: Final = "Access"
_PACKAGES: Final = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")

Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen at. Others than this machine's own loopback need a token.",
        rich_help_panel=_ACCESS,
    ),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="0 finds a free one.", rich_help_panel=_ACCESS)
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        help=f"Token that each request must bring. Other users of the machine can see it in the "
        f"list of processes: prefer --token-file, or the variable {TOKEN_VARIABLE}.",
        rich_help_panel=_ACCESS,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File whose text is the token.",
        rich_help_panel=_ACCESS,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Name that the server may be called by, beside addresses and localhost; needed "
        "behind a proxy that passes its own name on. Can be repeated.",
        rich_help_panel=_ACCESS,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        min=1,
        help="Most images of waiting requests that a network is given at a time. [default: 1 on a "
        "CPU, 8 on a GPU]",
        rich_help_panel=_PANEL,
    ),
]
Queue = Annotated[
    int,
    typer.Option(
        min=1, help="Images that wait or are worked on; more get 429.", rich_help_panel=_PANEL
    ),
]
MaxMb = Annotated[
    float,
    typer.Option("--max-mb", min=0.001, help="Megabytes of a request.", rich_help_panel=_PANEL),
]
MaxMegapixels = Annotated[
    float,
    typer.Option(
        "--max-megapixels", min=0.001, help="Megapixels of an image.", rich_help_panel=_PANEL
    ),
]
MaxImages = Annotated[
    int, typer.Option("--max-images", min=1, help="Images of a request.", rich_help_panel=_PANEL)
]
Seconds = Annotated[
    float,
    typer.Option(min=0.1, help="Time for a request; later ones get 504.", rich_help_panel=_PANEL),
]


def check_app() -> None:
    """Check that the packages of the server are installed.

    Raises:
        UsageError: U04 when they are not.
    """
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise UsageError(
            "U04",
            f"a server needs {', '.join(missing)}, which is not installed: pip install "
            "'relook[app]'.",
        )


def token_of(token: str | None, file: Path | None, host: str) -> str | None:
    """The token of the options, or of the environment; None where none is needed.

    Raises:
        UsageError: U04 for an address that others reach and no token, U03 for one that is too
            short or cannot be sent.
        DataError: D01, D03 for a file that cannot be read.
    """
    if token is not None and file is not None:
        raise UsageError("U04", "--token and --token-file: give one of them.")
    text = _read(file) if file is not None else token or os.environ.get(TOKEN_VARIABLE) or None
    if text is not None and (len(text) < _SHORTEST or not text.isascii() or " " in text):
        raise UsageError(
            "U03",
            f"the token must have {_SHORTEST} or more characters of ASCII and no spaces. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'.",
        )
    if _is_loopback(host):
        return text
    if text is None:
        raise UsageError(
            "U04",
            f"--host {host}: other machines can reach this address, so requests need a token. Put "
            f"one into a file for --token-file, or into {TOKEN_VARIABLE}.",
        )
    notices().print(
        f"warning: {host} can be reached by other machines, and nothing is encrypted. Whoever has "
        "the token can use the models. For a network that is not yours, put a proxy with TLS in "
        "front."
    )
    return text


def _is_loopback(host: str) -> bool:
    from ..app.running import is_loopback

    return is_loopback(host)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise DataError("D01", f"{file}: there is no such file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DataError("D03", f"{file} cannot be read: {reason}.") from None
