"""Recognition of the pyramid and of the region proposal network of a checkpoint."""

from __future__ import annotations

from ..structures.rules.norms import NO_NORM, NormRule
from .shapes import Findings, Shapes, unfit

GROUPS = 32  # of group norm, where a file does not say it
_RATIOS = 3


def read_pyramid(shapes: Shapes, say: Findings) -> tuple[NormRule, int]:
    """The norm of the pyramid, and the convolutions of the region proposal network.

    Raises:
        ModelError: M04 for another number of levels or of anchors than relook's.
    """
    levels = shapes.count("neck.lateral_convs"), shapes.count("neck.fpn_convs")
    if levels != (4, 4):
        raise unfit(
            f"its pyramid has {levels[0]} lateral and {levels[1]} output convolutions; relook's "
            "has four of each, and subsamples the last level"
        )
    anchors = shapes.size("rpn_head.rpn_cls.weight", 0)
    if anchors != _RATIOS or shapes.size("rpn_head.rpn_reg.weight", 0) != 4 * _RATIOS:
        raise unfit(
            f"its region proposals have {anchors} scores a position; relook's have {_RATIOS}, one "
            "for each ratio of an anchor's sides"
        )
    norm = read_norm(shapes, "neck.lateral_convs.0")
    if norm != NO_NORM:
        say.reasons.append(f"{norm.words()} in the pyramid <- neck.lateral_convs.0")
    return norm, max(shapes.count("rpn_head.rpn_conv"), 1)


def read_norm(shapes: Shapes, layer: str) -> NormRule:
    """The norm after the convolution of `layer`, by its name."""
    if shapes.has(f"{layer}.gn."):
        return NormRule("group", GROUPS)
    return NormRule("batch") if shapes.has(f"{layer}.bn.") else NO_NORM
