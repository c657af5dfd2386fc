"""Maps of the switches of all switchable atrous convolutions (DetectoRS, section 4)."""

from __future__ import annotations

import re
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
from .pictures import MIDDLE, switch_bar, switch_picture, switch_reach, under

_STAGE = re.compile(r"\blayer(\d+)\b")
_BACKBONE = re.compile(r"\bbackbones\.(\d+)\b")
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
        """The image and the map of every layer, all on one scale, with a bar that says it."""
        size, reach = self._scale()
        rows = [Row((Image.fromarray(self.inspected.image),), "the image")]
        for switch_map in self.maps:
            values = switch_map.values
            caption = f"{_short(switch_map)}: S {values.min():.2f} to {values.max():.2f}"
            rows.append(Row((switch_picture(values, size, reach),), caption))
        title = "The switch S of each layer: the share of its smaller rate"
        per_line = min(6, max(2, round(len(rows) ** 0.5)))
        sheet = contact_sheet(rows, title=title, cell=300, rows_per_line=per_line)
        return under(switch_bar(min(sheet.width - 48, 1000), reach), sheet)

    def summary(self) -> Image.Image:
        """The image beside the mean of S over the layers of each stage of a backbone, in each look.

        The manner of the DetectoRS authors' slides.
        """
        rows = [Row((picture,), words) for words, picture in self.panels()]
        sheet = contact_sheet(
            rows,
            title="S, mean over the layers of a stage",
            cell=360,
            rows_per_line=min(4, len(rows)),
        )
        return under(switch_bar(min(sheet.width - 48, 1000), self._scale()[1]), sheet)

    def panels(self) -> list[tuple[str, Image.Image]]:
        """The pictures of `summary` with their names: the image, and a map for each stage."""
        size, reach = self._scale()
        panels = [("the image", Image.fromarray(self.inspected.image))]
        for name, maps in self.by_stage().items():
            shape = max((one.values.shape for one in maps), key=lambda sides: sides[0])
            mean = np.mean([_resized(one.values, shape) for one in maps], axis=0)
            panels.append((name, switch_picture(mean, size, reach)))
        return panels

    def ends(self) -> tuple[float, float]:
        """The values of S with the strongest colours: this or less, and this or more."""
        reach = self._scale()[1]
        return MIDDLE - reach, MIDDLE + reach

    def color(self, value: float) -> tuple[int, int, int]:
        """The colour of a value of S in the maps: red, green and blue."""
        reach = self._scale()[1]
        values = np.full((1, 1), value, dtype=np.float32)
        red, green, blue = np.asarray(switch_picture(values, (1, 1), reach))[0, 0].tolist()
        return red, green, blue

    def _scale(self) -> tuple[tuple[int, int], float]:
        """Size of the panels, and the reach of the one scale of all."""
        height, width = self.inspected.image.shape[:2]
        return (height, width), switch_reach([one.values for one in self.maps])

    def by_stage(self) -> dict[str, list[SwitchMap]]:
        """Maps by look and stage, in words: "look 1, stage 2"."""
        found: dict[str, list[SwitchMap]] = {}
        for switch_map in self.maps:
            place = _STAGE.search(switch_map.layer)
            backbone = _BACKBONE.search(switch_map.layer)
            look = int(backbone[1]) + switch_map.look if backbone else switch_map.look
            stage = f", stage {place[1]}" if place else ""
            found.setdefault(f"look {look}{stage}", []).append(switch_map)
        return found

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


def _resized(values: Values, shape: tuple[int, int]) -> Values:
    picture = Image.fromarray(values).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)


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
