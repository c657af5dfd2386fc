"""How a script of this folder ends when something expected went wrong."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence

from relook.errors import RelookError

Main = Callable[[Sequence[str]], int]


def errors_in_words(main: Main) -> Main:
    """`main`, but a `RelookError` is printed to stderr, and its exit code returned."""

    @functools.wraps(main)
    def told(given: Sequence[str]) -> int:
        try:
            return main(given)
        except RelookError as error:
            print(error, file=sys.stderr)
            return error.exit_code

    return told
