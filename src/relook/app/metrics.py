"""Numbers about a server for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
_SIZES: Final = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counts of requests, images and batches of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "relook_requests",
            "Requests that were answered.",
            ("route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "relook_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._queue = Gauge(
            "relook_queue_images", "Images that wait or are worked on.", registry=self.registry
        )
        self._images = Counter(
            "relook_images", "Images that were predicted.", ("model",), registry=self.registry
        )
        self._batches = Histogram(
            "relook_batch_images",
            "Images that a network was given at a time.",
            ("model",),
            buckets=_SIZES,
            registry=self.registry,
        )

    def watch_queue(self, length: Callable[[], float]) -> None:
        """Take the number of images that wait from `length`."""
        self._queue.set_function(length)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch_done(self, model: str, images: int) -> None:
        """Count a batch of a model."""
        self._images.labels(model).inc(images)
        self._batches.labels(model).observe(images)

    def text(self) -> bytes:
        """All numbers in the text format of Prometheus."""
        return generate_latest(self.registry)
