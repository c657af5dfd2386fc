"""Networks that are no PyTorch modules, as an engine runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..structures.detection import Detections, Size
from .options import PredictOptions


class Backend(Protocol):
    """A network in a file of another format, such as ONNX (`export.session`)."""

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        ...

    def describe(self) -> list[str]:
        """The program that runs it, as lines of text."""
        ...

    def detect(
        self,
        images: Sequence[NDArray[np.uint8]],
        original_sizes: Sequence[Size],
        *,
        score: float | None = None,
        max_detections: int | None = None,
    ) -> list[Detections]:
        """Objects of each resized image (h, w, C) uint8, best first, in pixels of the originals.

        Those above `score`, by default the network's own test threshold.
        """
        ...


def check_options(backend: Backend, options: PredictOptions) -> None:
    """Check that a network in a file can do what `options` ask.

    Raises:
        UsageError: U04 for what needs the layers of the model.
    """
    if options.tta is not None:
        raise _needs_model(backend, "test-time augmentation (tta)")
    if options.agnostic:
        raise _needs_model(backend, "suppression over all classes (agnostic)")
    if options.label_pixels:
        raise _needs_model(backend, "labels of pixels (panoptic)")


def _needs_model(backend: Backend, wanted: str) -> UsageError:
    return UsageError(
        "U04",
        f"{backend.name} finds objects only, and has no layers that can be called: {wanted} needs "
        "the model that it was exported from. Load its .safetensors file.",
    )


def no_layers(backend: Backend) -> UsageError:
    """The error for a call that needs the modules of the network."""
    return _needs_model(backend, "this")
