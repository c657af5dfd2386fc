"""Maps of the switches of all switchable atrous convolutions (DetectoRS, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from ...errors import UsageError
from ...inference.predictor import Predictor
from ...inference.results import Result
from ...layers.sac import SAConv2d, gates_of
from ...visualization.sheet import Row, contact_sheet
from .inspected_image import InspectedImage, Values, cut_to_image, detect, listening
from .pictures import shaded

SIZES: Final = (("small", 0.0, 32.0**2), ("medium", 32.0**2, 96.0**2), ("large", 96.0**2, np.inf))
"""Size classes of COCO, by the area of an object's box in pixels of the image."""


@dataclass(frozen=True, slots=True, eq=False)
class SwitchMap:
    """S(x) of one layer in one look: the weight of its first branch, of the smaller rate."""

    layer: str  # its name in the detector
    look: int  # 1 is the first run of this layer
    values: Values  # (h, w)


@dataclass(frozen=True, slots=True, eq=False)
class Switches:
    """All switch maps of an image, and the objects found in it."""

    inspected: InspectedImage
    result: Result
    maps: tuple[SwitchMap, ...]  # in the order of their layers

    def statistics(self) -> dict[str, Any]:
        """Mean S of each layer and over all layers: in objects by size, and in the whole image."""
        layers = [self._of(switch_map) for switch_map in self.maps]
        names = [*(name for name, _, _ in SIZES), "image"]
        overall = {name: _mean([row[name] for row in layers]) for name in names}
        counts = {name: len(self._boxes(low, high)) for name, low, high in SIZES}
        return {"objects": counts, "mean over layers": overall, "layers": layers}

    def picture(self) -> Image.Image:
        """The image under every map, dark where the larger rate dominates."""
        rows = []
        for switch_map in self.maps:
            values = switch_map.values
            caption = f"{_short(switch_map)}: S {values.min():.2f} to {values.max():.2f}"
            rows.append(Row((shaded(self.inspected.image, values),), caption))
        title = "Dark: the larger rate. From each layer's lowest to its highest S."
        per_line = min(6, max(1, round(len(rows) ** 0.5)))
        return contact_sheet(rows, title=title, cell=300, rows_per_line=per_line)

    def _of(self, switch_map: SwitchMap) -> dict[str, Any]:
        row: dict[str, Any] = {"layer": switch_map.layer, "look": switch_map.look}
        for name, low, high in SIZES:
            inside = [
                _inside(switch_map.values, box, self.result.size) for box in self._boxes(low, high)
            ]
            row[name] = _mean([float(part.mean()) for part in inside])
        return row | {"image": float(switch_map.values.mean())}

    def _boxes(self, low: float, high: float) -> list[Any]:
        """Boxes of the objects with an area in pixels from `low` to below `high`."""
        shown = self.result.boxes
        areas = (shown[:, 2] - shown[:, 0]) * (shown[:, 3] - shown[:, 1])
        return list(shown[(areas >= low) & (areas < high)])


def record_switches(predictor: Predictor, inspected: InspectedImage) -> Switches:
    """The switch maps of every SAC layer while the model detects.

    Raises:
        UsageError: U04 for a model without such layers.
    """
    layers = {n: m for n, m in predictor.detector.named_modules() if isinstance(m, SAConv2d)}
    if not layers:
        raise UsageError(
            "U04",
            "this model has no switchable atrous convolution, so there are no switches to see. "
            "Models with SAC are named detectors-* or *-sac.",
        )
    heard: dict[str, list[torch.Tensor]] = {name: [] for name in layers}

    def hear(name: str, out: torch.Tensor) -> None:
        heard[name].append(gates_of(out.float(), layers[name].switch_kind)[0, 0])

    with listening({layer.switch: partial(hear, name) for name, layer in layers.items()}):
        result = detect(predictor, inspected)
    maps = [
        SwitchMap(name, look, cut_to_image(values, inspected))
        for name, switch_maps in heard.items()
        for look, values in enumerate(switch_maps, start=1)
    ]
    return Switches(inspected, result, tuple(maps))


def _inside(values: Values, box: Any, size: tuple[int, int]) -> Values:
    """The cells of `values` (h, w) under a box in pixels of an image of `size`; at least one."""
    scale = np.array([values.shape[1] / size[1], values.shape[0] / size[0]] * 2)
    x1, y1, x2, y2 = box * scale
    left, top = (
        min(int(v), length - 1) for v, length in zip((x1, y1), values.shape[::-1], strict=True)
    )
    right, bottom = max(left + 1, int(np.ceil(x2))), max(top + 1, int(np.ceil(y2)))
    return values[top:bottom, left:right]


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _short(switch_map: SwitchMap) -> str:
    name = switch_map.layer.removeprefix("features.").removesuffix(".conv2")
    return name if switch_map.look == 1 else f"{name}, time {switch_map.look}"
