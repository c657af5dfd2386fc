"""Errors of the command line: one clear line, and an exit code by family.

1 runtime, 2 usage, 3 data, 4 model, 5 export; 130 after Ctrl-C, as shells expect; 75 for one of
several processes that fails because another one has failed.
"""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from ..errors import RelookError
from .terminal import say

INTERRUPTED: Final = 130
LOST_OTHERS: Final = 75  # "try again" in sysexits.h


class CommandGroup(TyperGroup):
    """Commands whose `RelookError` becomes a message and an exit code.

    Any other exception is a defect of this package and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command of `ctx`.

        Raises:
            typer.Exit: With the exit code, after the message went to standard error.
        """
        try:
            return super().invoke(ctx)
        except RelookError as error:
            if ctx.params.get("debug"):
                raise
            say(error, err=True)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            say("\ninterrupted; finished parts are kept", err=True)
            raise typer.Exit(INTERRUPTED) from None


def exit_code(error: RelookError) -> int:
    """The exit code of the command line for `error`."""
    return {"R01": INTERRUPTED, "R05": LOST_OTHERS}.get(error.code, error.exit_code)
