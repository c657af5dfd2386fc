"""What may come out of a reader: a value, or a `RelookError` with a message of a few lines."""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from PIL import Image

from relook.errors import LONGEST_MESSAGE, RelookError

from .readers import Reader

LONGEST: Final = LONGEST_MESSAGE + 100  # characters
MOST_SECONDS: Final = 5.0  # of the processor, for one input
MOST_MEMORY: Final = 512 * 2**20  # bytes of one input, resident
MOST_ADDRESSES: Final = 3 * 2**30  # bytes that the process may map beyond those at the start
MOST_PIXELS: Final = 2**21  # of an image; the limits of relook follow it
_FORBIDDEN: Final = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork"),
    *("subprocess.Popen", "socket.connect"),
)


class Find(NamedTuple):
    """Something that must not happen, and the place by which it is told from others."""

    kind: str
    place: str
    text: str


class _TooSlow(BaseException):
    """More processor time than one input may take."""


class _Watch:
    forbidden = ""
    hooked = False


def outcome(reader: Reader, path: Path, folder: Path) -> Find | None:
    """Read one input; what must not happen, or None."""
    _Watch.forbidden = ""
    start, before = time.process_time(), _peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path, folder)
    except RelookError as error:
        if len(error.message) > LONGEST:
            return Find("message", error.code, f"{len(error.message)} characters")
    except (Exception, _TooSlow, SystemExit) as error:  # noqa: BLE001
        return Find(type(error).__name__, _place(error), "".join(traceback.format_exception(error)))
    if _Watch.forbidden:
        return Find("code", _Watch.forbidden, _Watch.forbidden)
    if _peak() - before > MOST_MEMORY:
        return Find("memory", "", f"{(_peak() - before) / 2**20:.0f} MiB")
    if time.process_time() - start > MOST_SECONDS:
        return Find("time", "", f"{time.process_time() - start:.1f} s")
    return None


@contextmanager
def bounded() -> Iterator[None]:
    """Bounds of time and memory for the inputs that are read within, and small images."""
    pixels, limits = Image.MAX_IMAGE_PIXELS, resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGVTALRM, _stop)
    most = _addresses() + MOST_ADDRESSES
    if not _Watch.hooked:
        sys.addaudithook(_audit)
        _Watch.hooked = True
    try:
        Image.MAX_IMAGE_PIXELS = MOST_PIXELS
        resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        Image.MAX_IMAGE_PIXELS = pixels


def timed(reader: Reader, path: Path, folder: Path) -> Find | None:
    """`outcome` within `bounded`, ended after twice the time that it may take."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * MOST_SECONDS)
    found = outcome(reader, path, folder)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return found


def _stop(_: int, __: FrameType | None) -> None:
    raise _TooSlow


def _audit(event: str, _: tuple[object, ...]) -> None:
    if event in _FORBIDDEN:
        _Watch.forbidden = event


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _addresses() -> int:
    pages = Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def _place(error: BaseException) -> str:
    """The last line of relook's own code in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/relook/" in f.filename] or list(frames)
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"
