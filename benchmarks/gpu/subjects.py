"""What is measured: detectors with the load of trained ones, Mask R-CNN, steps of training."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.detector import Detector
from relook.structures.detection import ImageBatch

from ..speed import loads
from ..speed.weights import realistic_detector
from .measure import Bench

CANDIDATES = 200  # pairs of box and class that reach the last suppression, as in a trained model


@cache
def detector(bench: Bench, model: str) -> Detector:
    """A detector of the preset with the load of a trained one, on the CPU; see `speed.weights`.

    Its weights are settled once for all processes.
    """
    config, path = preset(model), bench.folder / f"{model}.safetensors"
    if path.is_file():
        made = build_detector(config).eval()
        made.load_state_dict(load_file(path))
        return made
    made = realistic_detector(config, loads.image_batch("photograph", *bench.size, 1, config))[0]
    save_file(made.state_dict(), path)
    return made


def on_device(bench: Bench, model: str) -> Detector:
    """A copy of it on the device."""
    return deepcopy(detector(bench, model)).to(bench.device)


def images(bench: Bench, model: str, batch: int) -> ImageBatch:
    """`batch` photographs on the device."""
    found = loads.image_batch("photograph", *bench.size, batch, preset(model))
    return found.to(bench.device)


def mask_rcnn(bench: Bench, batch: int) -> Callable[[], Any]:
    """Mask R-CNN R-50 of torchvision, which passes as many candidates as ours."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    torch.manual_seed(0)
    low, high = min(bench.size), max(bench.size)
    network = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, min_size=low, max_size=high
    ).to(bench.device)
    network.eval()
    pixels = torch.from_numpy(loads.photograph(*bench.size)).permute(2, 0, 1).float() / 255
    given = [pixels.to(bench.device)] * batch
    scores: list[Tensor] = []
    heads: Any = network.roi_heads
    seen = heads.box_predictor.register_forward_hook(
        lambda _, __, out: scores.append(out[0].softmax(dim=1)[:, 1:])
    )
    with torch.inference_mode():
        network(given[:1])
    seen.remove()
    heads.score_thresh = float(scores[0].flatten().topk(CANDIDATES).values[-1])
    return lambda: network(given)


class Step:
    """A step of training: losses, gradients, SGD with momentum at a rate that changes nothing."""

    def __init__(self, bench: Bench, model: str, batch: int, side: int) -> None:
        config = preset(model)
        torch.manual_seed(0)
        self.network = build_detector(config).to(bench.device).train()
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(self.trained, lr=1e-12, momentum=0.9)
        self._images = loads.image_batch("photograph", side, side, batch, config).to(bench.device)
        self._targets = [
            loads.drawn_target(10, side, config, seed=i).to(bench.device) for i in range(batch)
        ]

    def losses(self) -> Tensor:
        """Sum of the losses."""
        found = self.network.loss(self._images, self._targets)
        return torch.stack([loss.float() for loss in found.values()]).sum()

    def __call__(self) -> None:
        """Make the step; autocast counts for the losses, as in training."""
        self.optimizer.zero_grad()
        self.losses().backward()
        self.optimizer.step()


def saved_bytes(run: Callable[[], Tensor], weights: list[nn.Parameter]) -> int:
    """Bytes of the tensors that autograd keeps of `run` for the gradients, without `weights`."""
    known = {weight.untyped_storage().data_ptr() for weight in weights}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        total = run()
    total.backward()
    return sum(kept.values())
