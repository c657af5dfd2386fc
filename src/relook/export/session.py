"""An ONNX file that runs: the network of a predictor on onnxruntime."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..data.resizing import padded_size, resize_image
from ..errors import ModelError, RelookError, UsageError, counted
from ..runtime.edition import extra, needing
from ..runtime.memory import available
from ..runtime.threads import usable_threads
from ..structures.detection import DetectionArrays, Size
from .reading import OnnxFile

_LOUD: Final = 4  # severity from which onnxruntime writes to stderr: its errors are raised
SHARE: Final = 0.8  # of the memory that is free: the most that all files of this process take
_NO_MEMORY: Final = "Available memory of"  # in the message of onnxruntime's arena
MOST_SECONDS: Final = 600.0  # for an image
_THREE: Final = 3


class OnnxNetwork:
    """The network of an ONNX file, as `inference.backend.Backend` wants it.

    Only the standard operators of onnxruntime run; no library is loaded that a file names. Nothing
    of the graph is computed before the first image, and an image takes at most `MOST_SECONDS`.
    Threads may share it.

    Args:
        file: The checked file.
        path: Where it is from, for messages.

    Raises:
        ModelError: M02 for a graph that onnxruntime refuses.
        UsageError: U04 without onnxruntime.
    """

    def __init__(self, file: OnnxFile, path: Path) -> None:
        self.path, self.header, self.facts = path, file.header, file.facts
        self.bytes, self.digest = len(file.content), hashlib.sha256(file.content).hexdigest()
        self._runtime = onnxruntime_package()
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = self._threads = usable_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOUD
        bound_memory(self._runtime)
        options.add_session_config_entry("session.use_env_allocators", "1")
        try:
            self._session = self._runtime.InferenceSession(
                file.content,
                options,
                providers=["CPUExecutionProvider"],
                # It computes parts of the graph, without end in a made-up file. Those of a file of
                # relook were computed in the export: it gains nothing.
                disabled_optimizers=["ConstantFolding"],
            )
        except self._failures as error:
            raise self._too_large(error) or ModelError(
                "M02", f"{path}: onnxruntime does not take its graph ({error!s:.300})"
            ) from error

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def most(self) -> int:
        """Most objects that it finds in an image."""
        return self.facts.max_detections

    def describe(self) -> list[str]:
        """The runtime, its threads, and the size of images in lines of text."""
        canvas = self.facts.canvas
        size = "of any size" if canvas is None else f"padded to {canvas[1]}x{canvas[0]}"
        threads = counted(self._threads, "thread")
        return [
            f"onnxruntime {self._runtime.__version__} on the CPU, {threads}: {self.name}, "
            f"{self.bytes / 1e6:.1f} MB, weights stored as {self.facts.stored}; "
            f"images {size}, at most {counted(self.most, 'object')} in one"
        ]

    def detect(
        self,
        images: Sequence[NDArray[np.uint8]],
        original_sizes: Sequence[Size],
        *,
        score: float | None = None,
        max_detections: int | None = None,
    ) -> list[DetectionArrays]:
        """Objects of each resized image (h, w, C) uint8, best first, in pixels of the originals.

        Raises:
            UsageError: U04 for more objects than the file was made for.
            ModelError: M05 for pixels that it does not take, and when the runtime fails.
        """
        if max_detections is not None and max_detections > self.most:
            raise UsageError(
                "U04",
                f"max_dets {max_detections}: {self.name} finds at most {self.most} objects in an "
                f"image. Export the model with --max-dets {max_detections}.",
            )
        least = self.header.config.cascade.select.score_threshold if score is None else score
        return [
            self._one(image, size, least, max_detections)
            for image, size in zip(images, original_sizes, strict=True)
        ]

    def _one(
        self, image: NDArray[np.uint8], original: Size, score: float, limit: int | None
    ) -> DetectionArrays:
        channels = self.header.config.input.channels
        if image.dtype != np.uint8 or image.ndim != _THREE or image.shape[2] != channels:
            raise ModelError(
                "M05",
                f"an image of shape {image.shape} and type {image.dtype} cannot be fed to "
                f"{self.name}: it takes (height, width, {channels}) uint8",
            )
        canvas, height, width = self._on_canvas(image)
        feeds = {
            "image": canvas,
            "size": np.array([height, width], dtype=np.int64),
            "scale": np.array([width / original[1], height / original[0]], dtype=np.float32),
            "score": np.array(score, dtype=np.float32),
        }
        try:
            with self._limited() as run:
                outputs = self._session.run(None, feeds, run)
        except self._failures as error:
            if run.terminate:
                raise RelookError(
                    "R04",
                    f"{self.name} worked for more than {MOST_SECONDS:g} s on an image of "
                    f"{width}x{height} pixels, and was stopped. Take a smaller size (--size) or "
                    "tiles (--tile 512). Where the image is small, the file may be made up to take "
                    "time.",
                ) from error
            raise self._too_large(error) or ModelError(
                "M05",
                f"{self.name}: onnxruntime failed on an image of {width}x{height} pixels "
                f"({error!s:.300})",
            ) from error
        return self._detections(outputs, original, limit)

    @contextmanager
    def _limited(self) -> Iterator[Any]:
        """Options of a run that ends, between two operators, after `MOST_SECONDS`."""
        run = self._runtime.RunOptions()
        timer = threading.Timer(MOST_SECONDS, setattr, (run, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            yield run
        finally:
            timer.cancel()

    def _on_canvas(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
        """The image in the upper left corner of its canvas, and its height and width there."""
        fixed = self.facts.canvas
        if fixed is not None and (image.shape[0] > fixed[0] or image.shape[1] > fixed[1]):
            image = resize_image(image, fitting((image.shape[0], image.shape[1]), fixed))
        height, width = image.shape[:2]
        canvas = np.zeros((*(fixed or padded_size((height, width))), image.shape[2]), np.uint8)
        canvas[:height, :width] = image
        return canvas, height, width

    def _detections(
        self, outputs: Sequence[Any], original: Size, limit: int | None
    ) -> DetectionArrays:
        boxes, scores, labels, *masks = (np.asarray(values[:limit]) for values in outputs)
        count, classes = len(boxes), len(self.header.classes)
        problem = None
        if not (boxes.shape == (count, 4) and scores.shape == labels.shape == (count,)):
            problem = "outputs that do not belong together"
        elif any(len(mask) != count or mask.ndim != _THREE for mask in masks):
            problem = "masks that do not belong to its boxes"
        elif any(not np.isfinite(values).all() for values in (boxes, scores, *masks)):
            problem = "values that are no finite numbers"
        elif bool(((labels < 0) | (labels >= classes)).any()):
            problem = "labels that are no classes"
        if problem is not None:
            raise ModelError("M05", f"{self.name} gave {problem}: the file is damaged, or made up.")
        return DetectionArrays(boxes, scores, labels, masks[0] if masks else None, original)

    def _too_large(self, error: Exception) -> RelookError | None:
        """The error for memory that is not there; None where `error` is of another kind."""
        if not isinstance(error, MemoryError) and _NO_MEMORY not in str(error):
            return None
        return RelookError(
            "R04",
            f"{self.name} needs more memory than there is: {SHARE:.0%} of what was free when the "
            "first ONNX file was loaded. Take a smaller size (--size) or tiles (--tile 512). Where "
            "the image is small, the file may be made up to take memory.",
        )

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        """The errors of onnxruntime, which have no common base."""
        errors = self._runtime.capi.onnxruntime_pybind11_state
        names = (
            "EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf NoModel NoSuchFile "
            "NotImplemented RuntimeException"
        )
        found = [getattr(errors, name, None) for name in names.split()]
        return (MemoryError, RuntimeError, *(error for error in found if error is not None))


@cache
def bound_memory(runtime: Any) -> int:
    """Give all networks of this process one place to take memory from, and return its bytes.

    A graph that computes how much it takes cannot take more than that. Where a program has
    registered its own allocator before, that one is used.
    """
    most = int(available() * SHARE)
    bounds = runtime.OrtArenaCfg(most, 0, -1, -1)  # grows as onnxruntime has it
    kind, use = runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, runtime.OrtMemType.DEFAULT
    with suppress(RuntimeError):
        runtime.create_and_register_allocator(runtime.OrtMemoryInfo("Cpu", kind, 0, use), bounds)
    return most


def fitting(size: Size, canvas: Size) -> Size:
    """The largest (height, width) of the shape of `size` that fits into `canvas`."""
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    return (
        max(1, min(canvas[0], int(size[0] * scale + 0.5))),
        max(1, min(canvas[1], int(size[1] * scale + 0.5))),
    )


def onnxruntime_package() -> Any:
    """The package onnxruntime.

    Raises:
        UsageError: U04 where it is not installed.
    """
    with needing("an ONNX file", "onnxruntime", extra("onnx")):
        import onnxruntime
    return onnxruntime
