"""Building of a detector from a configuration; the only reader of its switches."""

from __future__ import annotations

from ...config.model import ModelConfig
from ...errors import UsageError, first_few
from ...ops.convention import TORCHVISION, V1, V2, Convention
from ...ops.matching import assign
from ..detector import Detector
from ..heads.semantic import SemanticHead
from ..heads.stuff import StuffHead
from ..pyramids.fpn import STRIDES
from ..rpn.anchors import CellAnchors, base_anchors, pixel_anchors, rounded_anchors
from ..rpn.rpn import RPN
from .cascade import build_cascade
from .features import build_features
from .parts import make
from .uninitialised import uninitialised

__all__ = ["build_detector", "rebuilt"]

_NUMERICS: dict[str, tuple[Convention, CellAnchors]] = {
    "v1": (V1, pixel_anchors),
    "v2": (V2, base_anchors),
    "torchvision": (TORCHVISION, rounded_anchors),
}


def build_detector(config: ModelConfig) -> Detector:
    """A detector with random weights.

    The additions of RFP and SAC start at identity, and the backbone of every later look starts as
    a copy of the first.

    Raises:
        ModelError: M08 for a user's part that is not allowed, or cannot be made.
    """
    channels, semantic = config.pyramid.channels, config.semantic
    convention, _ = _NUMERICS[config.numerics]
    return Detector(
        features=build_features(
            config.backbone, config.pyramid, config.parts, in_channels=config.input.channels
        ),
        rpn=build_rpn(config),
        cascade=build_cascade(
            config.cascade, semantic, channels, config.num_classes, convention, config.parts
        ),
        semantic=None if semantic is None else SemanticHead(channels, semantic),
        stuff=None if config.stuff is None else StuffHead(channels, config.stuff),
    )


def empty_detector(config: ModelConfig) -> Detector:
    """A detector whose tensors have shapes and types but no memory, on the meta device.

    Raises:
        ModelError: M08 as `build_detector` does.
    """
    with uninitialised():
        return build_detector(config)


def rebuilt(detector: Detector, config: ModelConfig) -> Detector:
    """A detector of `config` with the tensors of `detector`, which are shared.

    Raises:
        UsageError: U04 when `config` needs other tensors.
        ModelError: M08 as `build_detector` does.
    """
    other = empty_detector(config)
    state, expected = detector.state_dict(), other.state_dict()
    wrong = [
        name
        for name in {**state, **expected}
        if name not in state or name not in expected or state[name].shape != expected[name].shape
    ]
    if wrong:
        raise UsageError(
            "U04",
            f"with this change the model would have other tensors than its weights are for "
            f"({first_few(wrong, 3)}). Change what the weights do not depend on, such as "
            "thresholds.",
        )
    other.load_state_dict(state, assign=True)
    return other.eval()


def build_rpn(config: ModelConfig) -> RPN:
    """The region proposal network."""
    convention, cell_anchors = _NUMERICS[config.numerics]
    return RPN(
        config.pyramid.channels,
        strides=STRIDES,
        convs=config.rpn.convs,
        anchors=config.rpn.anchors,
        train=config.rpn.train,
        test=config.rpn.test,
        assign=make(config.parts, "rpn_assigner", default=lambda: assign),
        cell_anchors=cell_anchors,
        convention=convention,
    )
