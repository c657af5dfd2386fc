"""One image run through a model, with the outputs of its modules recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...data.batching import batch_images
from ...data.images import Pixels
from ...errors import DataError
from ...inference.engine import Engine
from ...inference.options import PredictOptions
from ...inference.predictor import Predictor
from ...inference.preprocess import ImageSource, Prepared, read
from ...inference.results import Result
from ...structures.detection import ImageBatch

Values = NDArray[np.float32]  # (h, w), a number for each cell of a map


class InspectedImage(NamedTuple):
    """An image, as it was read and as the network gets it."""

    image: Pixels  # (H, W, 3)
    batch: ImageBatch  # of this one image
    source: str | None


def prepare(
    predictor: Predictor, source: ImageSource, size: tuple[int, int] | None = None
) -> InspectedImage:
    """The image of `source`, scaled to fit `size` (long, short) or the model's own limits.

    Raises:
        DataError: D01 for a missing file, D02 for one that cannot be read.
        ModelError: M05 for an image too large for the network.
    """
    config = predictor.config.input
    outcome = read(source, size or config.size)
    if not isinstance(outcome, Prepared):
        error: DataError = outcome.error
        raise error
    batch = batch_images([outcome.resized], [outcome.size], config.mean, config.std)
    return InspectedImage(outcome.image, batch.to(predictor.device), outcome.source)


def detect(predictor: Predictor, inspected: InspectedImage) -> Result:
    """The objects that `predictor` finds in the image, from its score `shown_from` on.

    Every layer is run unfolded, so that its output can be recorded.
    """
    engine = Engine(predictor.detector, predictor.config.input, fold=False)
    (detections,) = engine.run(inspected.batch, PredictOptions(score=predictor.shown_from))
    result = Result.from_detections(
        detections, inspected.image, predictor.classes, inspected.source
    )
    return result.filter(predictor.shown_from)


@contextmanager
def listening(listeners: Mapping[nn.Module, Callable[[Any], None]]) -> Iterator[None]:
    """Call each module's listener with the module's output, within this context."""

    def hook(listener: Callable[[Any], None]) -> Any:
        return lambda _, __, out: listener(out)

    handles = [
        module.register_forward_hook(hook(listener)) for module, listener in listeners.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def cut_to_image(values: torch.Tensor, inspected: InspectedImage) -> Values:
    """A map (1, h, w) or (h, w) over the padded canvas, cut to the image."""
    flat = values.reshape(values.shape[-2:]).float().cpu()
    canvas, size = inspected.batch.pixels.shape[-2:], inspected.batch.sizes[0]
    rows, columns = (
        max(1, round(cells * inside / whole))
        for cells, inside, whole in zip(flat.shape, size, canvas, strict=True)
    )
    cut: Values = flat[:rows, :columns].numpy()
    return cut
