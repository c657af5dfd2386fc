"""A detector with random weights, but for its backbones."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import nn

from ...config.model import ModelConfig
from ...errors import ModelError, UsageError
from ...interop.backbone_fill import fill_backbones
from ...interop.start_weights import start_from
from ...interop.zoo.imagenet import load_imagenet
from ...models.backbones.resnet import Block
from ...models.backbones.stem import stem_words
from ...models.build import build_detector
from ...models.detector import Detector
from ...weights.file import load_model

TORCHVISION_COCO: Final = "torchvision-coco"
"""In place of a file: torchvision's Mask R-CNN on COCO, for every part that it has."""


def fresh_detector(
    config: ModelConfig, seed: int, say: Callable[[str], None], backbone_from: Path | None = None
) -> Detector:
    """A detector with random weights drawn from `seed`, but its backbones.

    The backbones start from that of the model file `backbone_from`, or from ImageNet if the
    configuration names weights. With `TORCHVISION_COCO` in place of the file, backbones, pyramid
    and region proposals start from torchvision's Mask R-CNN.

    Raises:
        ModelError: M06 when the ImageNet weights cannot be downloaded; M04 when the backbone of
            the file does not fit; else as `load_model`.
        UsageError: U04 when both starts are named.
    """
    detector = seeded_detector(config, seed)
    if str(backbone_from) == TORCHVISION_COCO:
        return _from_torchvision(config, seed, say)
    if backbone_from is not None:
        _start_backbones(detector, config, backbone_from, say)
        return detector
    loaded = load_imagenet(detector, config.backbone)
    say(f"{loaded}" if loaded else "random weights, nothing learned before")
    if loaded is not None and config.input.channels != 3:
        say(stem_words(3, config.input.channels))
    if loaded is None and config.backbone.norm == "fixed_batch":
        _zero_last_scales(detector)
        say(
            "backbone.norm is fixed_batch, but there are no statistics of anything learned: "
            "the last scale of each block starts at zero. --from-scratch is made for such a start"
        )
    return detector


def _from_torchvision(config: ModelConfig, seed: int, say: Callable[[str], None]) -> Detector:
    """A detector with backbone, pyramid and proposals of torchvision's Mask R-CNN on COCO.

    Raises:
        ModelError: M06 when it cannot be downloaded, M04 when its backbone is another one.
    """
    from ...interop.checkpoint.reading import read_checkpoint
    from ...interop.zoo.downloading import progress_lines
    from ...interop.zoo.zoo import TORCHVISION, fetch, find

    seeded_detector(config, seed)  # refuses what can only predict
    file = find("mask-rcnn-r50", TORCHVISION)
    path = fetch(file, progress=progress_lines(file.file_name, sys.stderr)).path
    start = start_from(read_checkpoint(path).state, config, seed)
    taken = [row.ours or "" for row in start.rows if row.theirs is not None and row.ours]
    looks = f", in each of {config.pyramid.steps} looks" if config.pyramid.steps > 1 else ""
    say(
        f"{len(taken)} tensors of {file.name}, trained on COCO: backbone{looks}, pyramid and "
        "region proposals"
    )
    fresh = sorted({_part(row.ours) for row in start.rows if row.status == "missing" and row.ours})
    say(f"not in it, and at their own start: {', '.join(fresh)}")
    say(f"licence of these weights: {file.licence}")
    return start.detector.train()


def _part(name: str) -> str:
    """Part of a detector that a tensor belongs to, for people."""
    words = {
        ".offset_": "offsets of SAC",
        ".switch.": "switches of SAC",
        "_context.": "global context of SAC",
        ".weight_diff": "second kernels of SAC",
        ".feedback.": "feedback projections (at zero)",
    }
    return next((w for part, w in words.items() if part in name), name.partition(".")[0])


def _start_backbones(
    detector: Detector, config: ModelConfig, path: Path, say: Callable[[str], None]
) -> None:
    if config.backbone.weights is not None:
        raise UsageError(
            "U04",
            f"train.backbone_from {path} and model.backbone.weights {config.backbone.weights} are "
            "two starts. Set one of them to null.",
        )
    saved = load_model(path)
    saved_backbone = saved.config.backbone
    extras = {
        f"the norm {saved_backbone.norm}": saved_backbone.norm != config.backbone.norm,
        "standardised weights": saved_backbone.weight_standardisation,
        "deformable convolutions": any(saved_backbone.deformable_stages),
    }
    if any(extras.values()):
        has = ", ".join(name for name, is_set in extras.items() if is_set)
        raise ModelError(
            "M04",
            f"{path}: its backbone has {has}, and train.backbone_from takes plain backbones with "
            f"the norm of this model, {config.backbone.norm}.",
        )
    features: Any = saved.detector.features
    state = features.backbones[0].state_dict()
    advice = "Name a model whose backbone has the same blocks, width and groups."
    fresh = fill_backbones(detector, state, f"{path}: its weights", advice)
    looks = f" in each of {len(fresh)} looks" if len(fresh) > 1 else ""
    say(f"backbone of {path}, {len(state)} tensors{looks}; all else from random numbers")
    before = saved.config.input.channels
    if before != config.input.channels:
        say(stem_words(before, config.input.channels))


def _zero_last_scales(detector: Detector) -> None:
    """Start the blocks of the backbones as their shortcuts (https://arxiv.org/abs/1706.02677).

    Statistics that are fixed at 0 and 1 do not normalise: with random kernels, each block would
    add to its input, and the maps of the last stage would be about a thousand times too large to
    train.
    """
    for block in detector.features.modules():
        if isinstance(block, Block):
            _, norm = block.layers()[-1]
            nn.init.zeros_(cast(nn.Parameter, norm.weight))


def seeded_detector(config: ModelConfig, seed: int) -> Detector:
    """A detector with random weights drawn from `seed`, to be trained.

    Raises:
        UsageError: U04 for a configuration that can only predict.
    """
    if config.numerics == "v1":
        raise UsageError(
            "U04",
            f"numerics {config.numerics}: these are for predicting with old weights, and targets "
            "and augmentations of that age are not made any more. Train with --set "
            "model.numerics=v2: the weights are a start, and adapt to the small shifts.",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_detector(config)
