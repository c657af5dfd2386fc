"""Random changes of how an image looks that leave everything in it where it is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ...errors import UsageError
from .rule import Augment


def appearance(rule: Augment) -> list[v2.Transform]:
    """Transforms of the image of a sample, in the order of a camera: light, lens, sensor.

    What is 0 takes no part.

    Raises:
        UsageError: U03 for a value out of range.
    """
    colour = rule.colour
    if not 0 <= colour < 1:
        raise UsageError("U03", f"colour is a strength from 0 to below 1, got {colour}")
    if not 0 <= rule.grey <= 1:
        raise UsageError("U03", f"grey is a probability, got {rule.grey}")
    steps: list[v2.Transform] = []
    if colour:
        steps.append(RandomColour(colour, colour, colour, colour / 10))
    if rule.grey:
        steps.append(RandomGrey(rule.grey))
    if rule.blur:
        steps.append(RandomBlur(rule.blur))
    if rule.noise:
        steps.append(RandomNoise(rule.noise))
    return steps


class RandomColour(v2.ColorJitter):  # type: ignore[misc]
    """Random brightness, contrast, saturation and hue; of other than three channels the first two.

    The draws are the same for every number of channels.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample: the image changed, others as they are."""
        if not isinstance(inpt, tv_tensors.Image) or inpt.shape[0] in {1, 3}:
            return super().transform(inpt, params)
        pixels = inpt.as_subclass(Tensor).float() * params["brightness_factor"]
        mean = pixels.mean(dim=(1, 2), keepdim=True)
        changed = mean + (pixels - mean) * params["contrast_factor"]
        return tv_tensors.Image(changed.round().clamp(0, 255).to(torch.uint8))


class RandomGrey(v2.RandomGrayscale):  # type: ignore[misc]
    """Loses all colour at random; other than three channels become their mean."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample: the image in grey, others as they are."""
        if not isinstance(inpt, tv_tensors.Image) or inpt.shape[0] in {1, 3}:
            return super().transform(inpt, params)
        mean = inpt.as_subclass(Tensor).float().mean(dim=0, keepdim=True)
        return tv_tensors.Image(mean.round().to(torch.uint8).expand_as(inpt).contiguous())


class RandomBlur(v2.Transform):  # type: ignore[misc]
    """Blur by a Gaussian whose sigma is drawn evenly from 0 to `largest` pixels.

    OpenCV's, in two passes: torchvision's takes one kernel for all sigmas, needs up to thirty
    times as long, and refuses images smaller than the kernel.
    """

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.largest = _at_least_zero("blur", largest)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The sigma drawn for one sample, in pixels."""
        return {"sigma": self.largest * float(torch.rand(()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample: the image blurred, others as they are."""
        sigma = params["sigma"]
        if not isinstance(inpt, tv_tensors.Image) or not sigma:
            return inpt
        pixels = np.ascontiguousarray(inpt.as_subclass(Tensor).permute(1, 2, 0).numpy())
        blurred = cv2.GaussianBlur(pixels, (0, 0), sigma)
        return tv_tensors.Image(torch.from_numpy(blurred).permute(2, 0, 1))


class RandomNoise(v2.Transform):  # type: ignore[misc]
    """Gaussian noise as of a sensor, its sigma drawn evenly from 0 to `largest` grey levels.

    Torchvision's has one sigma for all images, and cuts what it adds to bytes towards zero.
    """

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.largest = _at_least_zero("noise", largest)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The sigma drawn for one sample, in grey levels of 255."""
        return {"sigma": self.largest * float(torch.rand(()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One entry of the sample: the image with noise, others as they are."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        pixels = inpt.as_subclass(Tensor).float()
        noisy = pixels + params["sigma"] * torch.randn(pixels.shape)
        return tv_tensors.Image(noisy.round().clamp(0, 255).to(torch.uint8))


def _at_least_zero(name: str, sigma: float) -> float:
    if not 0 <= sigma < float("inf"):
        raise UsageError("U03", f"{name} is the largest sigma, at least 0, got {sigma}")
    return float(sigma)
