"""Writing of ONNX files: traced, described, compared with the model, and only then there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.batching import batch_images
from ..data.resizing import resize_image, resized_size
from ..errors import ModelError, UsageError
from ..models.cascades.protocol import Cascade
from ..ops.cpu.switch import plain
from ..runtime.files import replacing
from ..structures.detection import Size
from ..weights.file import SavedModel
from ..weights.header import Header, metadata_of
from .comparison import EXACT, HALF, Difference, difference
from .facts import Facts
from .network import ExportedDetector
from .reading import OPSET, checked
from .refusals import check_exportable
from .session import OnnxNetwork, fitting
from .tracing import onnx_package, traced

if TYPE_CHECKING:
    import onnx

COMPARED: Final = 100  # objects of an image that are compared, the best ones
_LARGEST_HALF: Final = 65504.0
_FEW: Final = 64  # numbers of a tensor that is not stored in 16 bits

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, and how far its objects are from those of the model."""

    path: Path
    bytes: int
    difference: Difference
    images: int  # that were compared
    canvas: Size | None  # (height, width) that images are padded to; None: images of any size
    opset: int = OPSET  # version of the standard's operators

    @property
    def images_taken(self) -> str:
        """The size of images that the file takes, in words."""
        if self.canvas is None:
            return "of any size"
        return f"padded to {self.canvas[1]}x{self.canvas[0]}"


def write_onnx(
    saved: SavedModel,
    path: Path | str,
    *,
    canvas: Size | None = None,
    half: bool = False,
    max_detections: int | None = None,
    images: Sequence[Image] = (),
    source_sha256: str | None = None,
    optimize: bool = True,
) -> Exported:
    """Write a model as one ONNX file of standard operators, opset 20, unless it differs.

    The file takes canvases of any size, or of one `canvas` (height, width), which is rounded up to
    multiples of 32. With `half` weights are stored in 16 bits; all sums are in 32 bits. With
    `max_detections` above the model's own cap its number of proposals is raised too. The model
    and the file are compared on `images` (H, W, C) uint8, or on two that are drawn.

    Raises:
        ModelError: M09 for a model that cannot be said in ONNX, and for a file whose objects
            differ by more than `EXACT`, or `HALF`; it is not written.
        UsageError: U03 for a canvas that makes no sense, U04 without onnx or onnxruntime.
        RelookError: R02 when the file cannot be written.
    """
    path = Path(path)
    check_exportable(saved.config)
    cascade: Cascade = saved.detector.cascade  # type: ignore[assignment]
    facts = Facts(
        None if canvas is None else _rounded(canvas),
        max_detections or cascade.select.max_detections,
        "float16" if half else "float32",
        source_sha256,
    )
    model = traced(
        ExportedDetector(saved.detector, saved.config.input, max_detections),
        saved.config.input.channels,
        facts.canvas,
        masks=cascade.masks,
        optimize=optimize,
    )
    if half:
        _halve(model)
    _describe(model, saved, facts)
    content: bytes = model.SerializeToString()
    network = OnnxNetwork(checked(content, path), path)
    images = images or list(_drawn(saved.config.input.size, saved.config.input.channels))
    apart = compared(saved, network, images)
    over = apart.exceeds(HALF if half else EXACT)
    if over:
        raise ModelError(
            "M09",
            f"{path} is not written: its objects differ from the model's: {'; '.join(over)}. "
            + ("Leave --fp16 out." if half else "This is a fault of relook or of a package."),
        )
    with replacing(path) as draft:
        draft.write_bytes(content)
    return Exported(path, len(content), apart, len(images), facts.canvas)


def compared(saved: SavedModel, network: OnnxNetwork, images: Sequence[Image]) -> Difference:
    """The largest differences between a model and its file on `images` (H, W, C) uint8.

    Objects are those from the score on that the model shows; where there are none in any image,
    the best ones above its test threshold.
    """
    shown = saved.extra.get("shown_from")
    scores = [shown] if isinstance(shown, float) else []
    apart = Difference()
    for score in (*scores, None):
        apart = Difference()
        for image in images:
            apart = apart.joined(_of_image(saved, network, image, score))
        if apart.objects:
            break
    return apart


@torch.no_grad()
def _of_image(
    saved: SavedModel, network: OnnxNetwork, image: Image, score: float | None
) -> Difference:
    config, canvas = saved.config, network.facts.canvas
    original = (image.shape[0], image.shape[1])
    size = resized_size(*original, config.input.size)
    if canvas is not None:
        size = fitting(size, canvas) if size[0] > canvas[0] or size[1] > canvas[1] else size
    small = resize_image(image, size)
    batch = batch_images([small], [original], *config.input.normalisation)
    detector = saved.detector.eval()
    limit = network.most
    with plain():  # the fast ways of relook are further from these than a file is
        (ours,) = detector.detect(batch, score_threshold=score, max_detections=limit)
    (theirs,) = network.detect([small], [original], score=score)
    least = config.cascade.select.score_threshold if score is None else score
    full = max(len(ours), len(theirs))
    if full > COMPARED:  # worse ones have neighbours of equal score, which rounding reorders
        least = max(least, float(ours.scores[min(COMPARED, len(ours) - 1)]))
    return difference(ours, theirs, least)


def _describe(model: onnx.ModelProto, saved: SavedModel, facts: Facts) -> None:
    """Write into `model` all that its user needs."""
    config = saved.config.with_(cascade__select__max_detections=facts.max_detections)
    header = Header(config, saved.classes, dict(saved.extra), saved.stuff)
    model.producer_name = "relook"
    del model.metadata_props[:]
    for key, value in {**metadata_of(header), **facts.metadata(header)}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    for node in model.graph.node:  # where in the source a node is from
        del node.metadata_props[:]
        node.doc_string = ""
    for values in (model.graph.value_info, model.graph.input, model.graph.output):
        for value in values:
            del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]


def _halve(model: onnx.ModelProto) -> None:
    """Store weights in 16 bits, but small ones and those that would overflow; casts widen them."""
    package = onnx_package()
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != package.TensorProto.FLOAT:
            continue
        values = package.numpy_helper.to_array(tensor)
        if values.size <= _FEW or np.abs(values).max() > _LARGEST_HALF:
            continue
        wide, narrow = tensor.name, f"{tensor.name}.half"
        tensor.CopyFrom(package.numpy_helper.from_array(values.astype(np.float16), narrow))
        casts.append(package.helper.make_node("Cast", [narrow], [wide], to=1))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _rounded(canvas: Size) -> Size:
    if not all(0 < side <= 2**15 for side in canvas):
        raise UsageError(
            "U03", f"size: expected height x width in pixels, such as 640x960, got {canvas}"
        )
    height, width = (-(-max(side, 96) // 32) * 32 for side in canvas)
    return height, width


def _drawn(limits: tuple[int, int], channels: int) -> Iterator[Image]:
    """Two images with discs on a noisy ground, of the sizes that the model knows."""
    random = np.random.default_rng(0)
    for height, width in ((limits[1], limits[0]), (limits[0] * 3 // 4, limits[1])):
        height, width = min(height, 512), min(width, 512)
        rows, columns = np.mgrid[:height, :width]
        picture = random.normal(60, 12, (height, width, channels))
        for _ in range(40):
            y, x, radius = (
                random.uniform(0, height),
                random.uniform(0, width),
                random.uniform(5, 24),
            )
            inside = np.hypot(rows - y, columns - x) < radius
            picture[inside] += random.uniform(40, 120, channels)
        yield picture.clip(0, 255).astype(np.uint8)
