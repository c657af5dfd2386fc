"""Refusals, by name, of what cannot be said in an ONNX file."""

from __future__ import annotations

from ..config.cascades import DSCConfig
from ..config.model import ModelConfig
from ..config.parts import NO_PARTS
from ..errors import ModelError


def check_exportable(config: ModelConfig) -> None:
    """Check that a model of `config` has only steps that standard operators of ONNX can do.

    Raises:
        ModelError: M09 for one that has others, with their name.
    """
    for name, why in _refused(config):
        raise ModelError(
            "M09",
            f"{name} cannot be written as ONNX: {why}. Predict with the model itself, or export "
            "one without it.",
        )


def _refused(config: ModelConfig) -> list[tuple[str, str]]:
    refused = []
    if config.cascade.select.suppression == "soft_nms":
        refused.append(
            (
                "soft-NMS (cascade.select.suppression: soft_nms)",
                "it lowers scores box by box, and the standard has hard suppression only, which "
                "gives other objects",
            )
        )
    if config.numerics == "v1":
        refused.append(
            (
                "numerics: v1",
                "it suppresses the boxes of each class by themselves, in a loop over the classes "
                "that are there",
            )
        )
    if isinstance(config.cascade, DSCConfig) and config.cascade.guidance.product == "of_samples":
        refused.append(
            (
                "cascade.guidance.product: of_samples",
                "every RoI then has a number of sample points of its own, which is in the data",
            )
        )
    if config.parts != NO_PARTS:
        refused.append(("a part that is not relook's (parts)", "its code is not known here"))
    return refused
