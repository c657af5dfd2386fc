"""Pictures from the models that come along, on photographs of `datasets/`."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import relook
from relook.analysis.inspect.inspected_image import InspectedImage, listening, prepare
from relook.analysis.inspect.looks import changes_by_look
from relook.analysis.inspect.pictures import MIDDLE, grey
from relook.analysis.inspect.stages import draw_stages_apart, results_by_stage
from relook.analysis.inspect.switches import record_switches
from relook.inference.predictor import Predictor
from relook.layers.sac import SAConv2d
from relook.ops.cpu import switch as fast
from relook.visualization.palette import Color

from .source import ROOT

MUSHROOMS = ROOT / "datasets/mushrooms/images/IMG_4367-2024-03-11-03_26_33.jpg"
NUCLEI = ROOT / "datasets/nuclei/images/02903040e19ddf92f452.jpg"
_CROWD = (300, 0, 620, 320)  # left, top, right and bottom of the pieces that are shown
_TOUCHING = (120, 180, 300, 360)
LAYER = "features.backbones.1.layer3.0.conv2"  # of the second look, where brown is to be seen
_WIDEST = 480  # pixels of a picture in the page


class Photograph(NamedTuple):
    """Pictures that stand beside each other on the page, and what they show."""

    panels: list[tuple[str, Image.Image]]  # with their names
    caption: str
    colors: tuple[tuple[str, Color], ...] = ()  # what a colour means


class Branches(NamedTuple):
    """One channel of both branches of a layer on a photograph, and its switch."""

    near: NDArray[np.float32]  # (h, w)
    far: NDArray[np.float32]
    switch: NDArray[np.float32]
    channel: int


@cache
def _open(model: str) -> tuple[Predictor, InspectedImage]:
    predictor = relook.load(model, device="cpu")
    path, box = (MUSHROOMS, _CROWD) if model == "mushrooms" else (NUCLEI, _TOUCHING)
    with Image.open(path) as whole:
        piece = whole.convert("RGB").crop(box)
    # As large as the model would see it as a part of the whole photograph.
    long, short = (round(side * piece.width / whole.width) for side in predictor.config.input.size)
    return predictor, prepare(predictor, np.asarray(piece), (long, short))


def looks() -> Photograph:
    """One level before and after the second look, and the gate."""
    predictor, inspected = _open("mushrooms")
    change = changes_by_look(predictor, inspected)[0]
    size = inspected.image.shape[:2]
    top = max(float(change.before.max()), float(change.after.max()))
    assert change.gate is not None
    panels = [
        ("the photograph", Image.fromarray(inspected.image)),
        ("after the first look", grey(change.before, size, 0.0, top)),
        ("after the second", grey(change.after, size, 0.0, top)),
        ("the gate", grey(change.gate, size, 0.0, 1.0)),
    ]
    share = change.statistics()["relative change"]
    return Photograph(
        panels,
        f"Level {change.level} of the pyramid (stride 4), mean of |f| over its channels, both on "
        f"one scale: black is 0, white {top:.1f}. After the first look the ground is as bright as "
        f"the mushrooms; after the second the mushrooms stand out. The values differ by "
        f"{share:.0%} on average. The gate is white where the second look is taken. "
        "Model: mushrooms.",
    )


def switches() -> Photograph:
    """The switch by look and stage."""
    predictor, inspected = _open("mushrooms")
    found = record_switches(predictor, inspected)
    mean = found.statistics()["mean over layers"]
    sizes = ", ".join(
        f"{mean[name]:.2f} in {name} objects" for name in ("small", "medium", "large") if mean[name]
    )
    cells = np.concatenate([one.values.ravel() for one in found.maps])
    larger = float((cells < MIDDLE).mean())
    low, high = found.ends()
    key = (
        (low, f"S = {low:.1f} or less: more of the larger rate"),
        (MIDDLE, "S = 0.5: both alike"),
        (1.0, "S = 1: the smaller rate alone"),
        (high, f"S = {high:.1f} or more: the larger rate is subtracted"),
    )
    return Photograph(
        found.panels(),
        f"S, mean over the layers of a stage. Over all layers: {sizes}, and {mean['image']:.2f} in "
        "the whole image; less S is more of the larger rate. In "
        f"{larger:.0%} of the cells of all layers the larger rate "
        "weighs more than the smaller. Model: mushrooms.",
        tuple((words, found.color(value)) for value, words in key),
    )


def stages() -> Photograph:
    """Objects after each stage of the cascade."""
    predictor, inspected = _open("nuclei")
    found = results_by_stage(predictor, inspected)
    return Photograph(
        [(name, _fitted(picture)) for name, picture in draw_stages_apart(found, inspected.image)],
        "What the cascade has found when it is stopped after one stage, two and three. An object "
        "keeps its colour. Grey: found by an early stage, and dropped by a later one; a box alone: "
        "not found yet. Model: nuclei.",
    )


def branches() -> Branches:
    """The branches of `LAYER`, at a channel in which both vary, and differently."""
    predictor, inspected = _open("mushrooms")
    layer = predictor.detector.get_submodule(LAYER)
    assert isinstance(layer, SAConv2d)
    heard: list[torch.Tensor] = []
    gates: list[torch.Tensor] = []
    with (
        fast.plain(),
        listening({layer.switch: gates.append}),
        torch.inference_mode(),
    ):
        handle = layer.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
        predictor.detector.features(inspected.batch.pixels)
        handle.remove()
        x = heard[0]
        near, far = (_alone(layer, x, switch)[0] for switch in (1.0, 0.0))
    # A channel in which both branches vary around 0, and differently.
    varied = near.std((1, 2)) * far.std((1, 2))
    strength = (near.square().mean((1, 2)) * far.square().mean((1, 2))).sqrt()
    differing = (near - far).std((1, 2)) / (near.std((1, 2)) + far.std((1, 2)))
    channel = int((varied / strength * differing).argmax())
    height, width = (min(40, side) for side in near.shape[1:])
    cut = [m[:height, :width].numpy().copy() for m in (near[channel], far[channel], gates[0][0, 0])]
    return Branches(cut[0], cut[1], cut[2], channel)


def _alone(layer: SAConv2d, x: torch.Tensor, switch: float) -> torch.Tensor:
    """The layer's output with one value of S everywhere: 1 is the near branch, 0 the far one."""
    assert layer.switch.bias is not None
    weight, bias = layer.switch.weight.clone(), layer.switch.bias.clone()
    try:
        layer.switch.weight.zero_()
        layer.switch.bias.fill_(switch)
        out: torch.Tensor = layer(x)
        return out
    finally:
        layer.switch.weight.copy_(weight)
        layer.switch.bias.copy_(bias)


def patch(side: int = 21) -> Image.Image:
    """A piece of the photograph of `side` x `side` pixels, at the border of a mushroom."""
    _, inspected = _open("mushrooms")
    height, width = inspected.image.shape[:2]
    grey_image = inspected.image.mean(axis=2)
    # The piece with the most contrast, so that it is an edge and not the ground.
    best, place = -1.0, (0, 0)
    for top in range(0, height - side, side // 2):
        for left in range(0, width - side, side // 2):
            contrast = float(grey_image[top : top + side, left : left + side].std())
            if contrast > best:
                best, place = contrast, (top, left)
    top, left = place
    return Image.fromarray(inspected.image[top : top + side, left : left + side])


def _fitted(picture: Image.Image) -> Image.Image:
    fitted = picture.convert("RGB")
    fitted.thumbnail((_WIDEST, picture.height), Image.Resampling.LANCZOS)
    return fitted
