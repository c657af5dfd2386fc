"""ImageNet weights for the start of a training, as for the published models.

Four files come from torchvision (the first, V1, weights) and two from the OpenMMLab model zoo:
torchvision's own ResNeXt files are of other training runs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import torch
from torch import Tensor
from torchvision.models import (
    ResNet18_Weights,
    ResNet34_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
)

from ...config.model import BackboneConfig
from ...errors import ModelError, UsageError
from ...models.detector import Detector
from ..backbone_fill import fill_backbones
from ..checkpoint.reading import read_checkpoint
from .downloading import download, progress_lines

_ZOO: Final = "https://download.openmmlab.com/pretrain/third_party/"

URLS: Final[dict[str, str]] = {
    "resnet18": ResNet18_Weights.IMAGENET1K_V1.url,
    "resnet34": ResNet34_Weights.IMAGENET1K_V1.url,
    "resnet50": ResNet50_Weights.IMAGENET1K_V1.url,
    "resnet101": ResNet101_Weights.IMAGENET1K_V1.url,
    "resnext101_32x4d": f"{_ZOO}resnext101_32x4d-a5af3160.pth",
    "resnext101_64x4d": f"{_ZOO}resnext101_64x4d-ee2c6f71.pth",
}
"""Sources of each of `BackboneConfig.weights`; a name ends with its file's hash."""


@dataclass(frozen=True, slots=True)
class StartWeights:
    """Summary of loaded backbone weights, for the plan that a training prints."""

    name: str
    num_tensors: int  # in each backbone
    num_backbones: int
    fresh: tuple[str, ...]  # tensors that no ImageNet file has, not changed
    dropped: tuple[str, ...]  # tensors of the classifier

    def __str__(self) -> str:
        looks = f" in each of {self.num_backbones} looks" if self.num_backbones > 1 else ""
        fresh = f"; {len(self.fresh)} of the detector's own start fresh" if self.fresh else ""
        return f"ImageNet weights {self.name}: {self.num_tensors} tensors{looks}{fresh}"


def load_imagenet(
    detector: Detector, config: BackboneConfig, *, progress: bool = True
) -> StartWeights | None:
    """Load the ImageNet weights that `config` names into every backbone of `detector`.

    None when `config` names none. Parts that a classifier lacks (switches, contexts, offsets,
    feedback) keep their values; scale and shift of standardised kernels are set so that the
    network computes the same as on ImageNet. PyTorch's own cache is searched first.

    Raises:
        ModelError: M06 when the file cannot be downloaded, or is damaged; M04 when it does not fit
            the backbone.
        UsageError: U04 when the backbone does not use stored batch statistics.
    """
    if config.weights is None:
        return None
    if config.norm == "group":
        raise UsageError(
            "U04",
            f"backbone.weights {config.weights} was trained with batch norm, and backbone.norm is "
            "group. Set backbone.norm to fixed_batch, or backbone.weights to null.",
        )
    state = fetch(config.weights, progress=progress)
    dropped = tuple(key for key in state if key.startswith("fc."))
    kept = {key: value for key, value in state.items() if key not in dropped}
    fresh = fill_backbones(
        detector,
        kept,
        f"ImageNet weights {config.weights}",
        "Choose backbone.weights for its blocks, width and groups, or null.",
    )
    return StartWeights(config.weights, len(kept), len(fresh), sum(fresh, ()), dropped)


def fetch(name: str, *, progress: bool = True) -> dict[str, Tensor]:
    """The tensors of one of `URLS` under torchvision's names, downloaded once and then cached.

    Raises:
        ModelError: M06 when the file cannot be downloaded, or is not the published one.
    """
    path = cache_path(name)
    download(
        URLS[name],
        path,
        hash_prefix=path.stem.rpartition("-")[2],
        title=f"ImageNet weights {name}",
        otherwise=", or train without it (--from-scratch)",
        progress=progress_lines(path.name, sys.stderr) if progress else None,
    )
    try:
        return read_checkpoint(path).state
    except ModelError as error:
        raise ModelError(
            "M06", f"{error.message} Delete it, so that it is downloaded again."
        ) from error


def cache_path(name: str) -> Path:
    """Path of the file of these weights in PyTorch's cache."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(URLS[name]).path).name
