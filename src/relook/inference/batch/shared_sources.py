"""Sources of a run, found by the first process and known to all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...data.sources.finding import Source, find_sources
from ...data.sources.found import Found
from ...errors import UsageError
from ...runtime.distributed import from_first, world_size


def share_sources(
    sources: Sequence[Source],
    leave_out: Path | None = None,
    *,
    every: int = 1,
    frames: int | None = None,
) -> Found:
    """The result of `find_sources` in the first process, in all of them.

    Raises:
        As `find_sources`, and UsageError U04 for a camera with several processes.
    """

    def find() -> Found:
        found = find_sources(sources, leave_out, every=every, frames=frames)
        try:
            check_live(found, resume=False)
        except UsageError:
            found.close()
            raise
        return found

    return from_first(find)


def check_live(found: Found, *, resume: bool) -> None:
    """Refuse what a camera cannot do: be shared, or show a frame again.

    Raises:
        UsageError: U04 for several processes, and with `resume`.
    """
    if found.is_live and world_size() > 1:
        raise UsageError("U04", "a camera gives its frames to one process. Leave --devices out.")
    if found.is_live and resume:
        raise UsageError(
            "U04", "--resume: the frames of a camera cannot be taken again. Leave --resume out."
        )
