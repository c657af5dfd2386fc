"""Conditions of resuming a run: nobody else is at work in it, and nothing has changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ..runtime.distributed import from_first
from ..runtime.files import remove_drafts
from ..runtime.locks import FolderLock
from .checkpoints import newest_checkpoint
from .fingerprint import check_same_data, fingerprint
from .run_folder import RunFolder
from .settings import Settings, check_same_settings
from .sources import Sources

Say = Callable[[str], None]


@contextlib.contextmanager
def locked(run: RunFolder, say: Say) -> Iterator[None]:
    """Give these processes the right to write into `run`, and remove drafts of killed ones.

    Raises:
        RelookError: R07, in all processes, when another process has that right.
    """
    with contextlib.ExitStack() as stack:

        def enter() -> None:
            stack.enter_context(FolderLock(run.path, say))
            remove_drafts(run.path)

        from_first(enter)
        yield


def check_settings(run: RunFolder, settings: Settings) -> None:
    """Refuse to go on with `run`, in all processes, by other settings than its own.

    Raises:
        UsageError: U04 with what differs.
    """
    from_first(lambda: check_same_settings(run.read_settings(), settings, run.path))


def state_to_continue(run: RunFolder, settings: Settings, sources: Sources, say: Say) -> Path:
    """Return the state of `run` to go on from, the same in all processes.

    Raises:
        RelookError: R06 when its annotations have changed, or all its states are damaged.
    """

    def find() -> Path:
        check_same_data(run.read_data(), fingerprint(settings, sources), run.path)
        return newest_checkpoint(run, say)

    return from_first(find)
