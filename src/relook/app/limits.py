"""Limits of a server, and what is in use of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ..errors import UsageError, counted
from .refusals import Refusal

MB: Final = 1_000_000
_ON_GPU: Final = 8  # images of a batch
_AT_ONCE: Final = 8  # times the limit of one, for all that is in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests.

    Raises:
        UsageError: U03 for a limit that lets nothing in.
    """

    bytes: int = 64 * MB
    """Bytes of a request; eight times as many of all requests that are being answered."""
    pixels: int = 50 * MB
    """Pixels of an image; eight times as many of all images that are in memory."""
    images: int = 16
    """Images of a request."""
    queue: int = 32
    """Images that wait or are worked on. More are refused with 429."""
    seconds: float = 120.0
    """Time for a request, from its first byte to its answer."""
    batch: int | None = None
    """Most images that a network is given at a time, from several requests where they wait; None:
    one on a CPU, where more take as long and more memory, and eight on a GPU."""

    def __post_init__(self) -> None:
        for name in ("bytes", "pixels", "images", "queue", "batch"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise UsageError("U03", f"{name}: expected at least 1, got {limit}")
        if not 0 < self.seconds < 1e6:
            raise UsageError("U03", f"seconds: expected more than 0, got {self.seconds}")

    @classmethod
    def of(cls, *, mb: float, megapixels: float, **limits: Any) -> Limits:
        """Limits in megabytes of a request and megapixels of an image, and the others as fields.

        Raises:
            UsageError: U03 as for the fields.
        """
        return cls(bytes=int(mb * MB), pixels=int(megapixels * MB), **limits)

    def batch_on(self, device: str) -> int:
        """Most images that a network on a device is given at a time."""
        return self.batch or (1 if device == "cpu" else _ON_GPU)

    @property
    def all_bytes(self) -> int:
        """Bytes of all requests that are being answered."""
        return _AT_ONCE * self.bytes

    @property
    def all_pixels(self) -> int:
        """Pixels of all images that are in memory."""
        return _AT_ONCE * self.pixels


class Budget:
    """A limit on a sum: what is taken of it is given back.

    Args:
        limit: The most that is taken at a time.
        noun: What is counted, for messages.
        wait: Seconds after which a new try makes sense.
    """

    def __init__(self, limit: int, noun: str, wait: Callable[[], float]) -> None:
        self.limit, self.used = limit, 0
        self._noun, self._wait = noun, wait

    def take(self, amount: int) -> None:
        """Take `amount`; `give_back` must follow. For the thread of the event loop only.

        Raises:
            Refusal: 429 when there is not so much left.
        """
        if self.used + amount > self.limit:
            raise Refusal.busy(
                f"the server is working on {counted(self.used, self._noun)}, and takes "
                f"{self.limit:,} at a time",
                self._wait(),
            )
        self.used += amount

    def give_back(self, amount: int) -> None:
        """Give back what was taken."""
        self.used -= amount

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Take `amount` for a block; raises as `take`."""
        self.take(amount)
        try:
            yield
        finally:
            self.give_back(amount)
