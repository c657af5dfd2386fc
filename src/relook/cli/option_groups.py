"""Several options of a command that are one value in its code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

Command = Callable[..., None]


class Option(NamedTuple):
    """An option by its annotation for typer, and its default."""

    annotation: Any
    default: Any


def takes(
    name: str, options: Mapping[str, Option], made: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Give a command `options`, by name, in place of its parameter `name`.

    The parameter gets what `made` returns for the options as keywords.
    """

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            if parameter.name != name:
                parameters.append(parameter)
                continue
            for option, (annotation, default) in options.items():
                parameters.append(
                    parameter.replace(name=option, annotation=annotation, default=default)
                )

        @wraps(command)
        def run(**values: Any) -> None:
            chosen = {option: values.pop(option) for option in options}
            command(**values, **{name: made(**chosen)})

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorated
