"""Networks that are no PyTorch modules, and the engine that runs them. No PyTorch is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NoReturn, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..structures.detection import DetectionArrays, Size
from .options import PredictOptions
from .precision import Precision
from .preprocess import Prepared

if TYPE_CHECKING:
    from ..config.model import InputConfig
    from ..models.detector import Detector
    from .engine import Engine

AnyEngine: TypeAlias = "Engine | FileEngine"
"""The engine of a detector, or of a network in a file of another format."""
OnView = Callable[[str, int, int], None]
"""Called with the name of an image that is predicted in several views, how many steps of the
network are done for it, and of how many."""


@runtime_checkable
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
    ) -> list[DetectionArrays]:
        """Objects of each resized image (h, w, C) uint8, best first, in pixels of the originals.

        Those above `score`, by default the network's own test threshold.
        """
        ...


class FileEngine:
    """Runs a network in a file of another format on images; see `inference.engine.Engine`.

    Args:
        backend: The network.
        fast: Kept for whoever asks for it; a file has one way to run.
    """

    device: Final[Literal["cpu"]] = "cpu"

    def __init__(self, backend: Backend, *, fast: bool = True) -> None:
        self.backend, self.fast = backend, fast

    @property
    def detector(self) -> NoReturn:
        """Raise `UsageError` U04: a file has no modules."""
        raise no_layers(self.backend)

    @property
    def precision(self) -> Precision:
        """That of the file's operators."""
        return "fp32"

    @precision.setter
    def precision(self, precision: Precision) -> None:
        """Do nothing for fp32; UsageError U04 for another one."""
        check_file_on(self.backend.name, self.device, precision)

    def to(self, device: object) -> None:
        """Do nothing for the CPU, on which files run, and for ``"auto"``.

        Raises:
            UsageError: U04 for another device.
        """
        check_file_on(self.backend.name, device, self.precision)

    def describe(self) -> list[str]:
        """The program that runs the file, as lines of text."""
        return self.backend.describe()

    def check(self, options: PredictOptions) -> None:
        """Check that a network in a file can do what `options` ask.

        Raises:
            UsageError: U04 for what needs the layers of the model.
        """
        if options.tta is not None:
            raise _needs_model(self.backend, "test-time augmentation (tta)")
        if options.agnostic:
            raise _needs_model(self.backend, "suppression over all classes (agnostic)")
        if options.panoptic is not None and options.panoptic.from_model:
            raise _needs_model(self.backend, "labels of pixels (panoptic)")

    def run_prepared(
        self, batch: Sequence[Prepared], options: PredictOptions, on_view: OnView | None = None
    ) -> list[DetectionArrays]:
        """Objects of images of one padded size, best first, in pixels of the originals.

        Raises:
            UsageError: U04 as `check`, and as `Backend.detect`.
            ModelError: As `Backend.detect`.
        """
        self.check(options)
        return self.backend.detect(
            [image.resized for image in batch],
            [image.size for image in batch],
            score=options.score,
            max_detections=options.max_dets,
        )


def check_file_on(name: str, device: object, precision: Precision) -> None:
    """Check that a network in the file `name` can be asked for `device` and `precision`.

    Raises:
        UsageError: U04 for another device than the CPU, and for another precision than fp32.
    """
    if str(device) not in ("auto", "cpu"):
        raise UsageError(
            "U04",
            f"device {device}: {name} runs on the CPU. Leave the device out, or load the model "
            "that it was exported from.",
        )
    if precision != "fp32":
        raise UsageError(
            "U04",
            f"precision {precision}: {name} computes as it was exported. Leave the precision out, "
            "or load the model that it was exported from.",
        )


def engine_of(
    network: Detector | Backend,
    input: InputConfig,
    *,
    fast: bool = True,
    again: Callable[[], Detector] | None = None,
) -> AnyEngine:
    """The engine of `network`; PyTorch is imported for a detector only. `again` loads the detector
    once more, as `Engine` takes it."""
    if isinstance(network, Backend):
        return FileEngine(network, fast=fast)
    from .engine import Engine

    return Engine(network, input, fast=fast, again=again)


def _needs_model(backend: Backend, wanted: str) -> UsageError:
    return UsageError(
        "U04",
        f"{backend.name} finds objects only, and has no layers that can be called: {wanted} needs "
        "the model that it was exported from. Load its .safetensors file.",
    )


def no_layers(backend: Backend) -> UsageError:
    """The error for a call that needs the modules of the network."""
    return _needs_model(backend, "this")
