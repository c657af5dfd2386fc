"""Named models.

`PRESETS` defines each name. The COCO presets have the reference's numbers in every field. The tiny
presets keep every component (three stages, deformable SAC, two looks, semantic branch) with fewer
channels, so that two CPU cores can train them; the one that finds boxes only has no semantic
branch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError, did_you_mean
from ..structures.rules.cascade import STAGES, HybridRule, SampleRule, SelectRule
from ..structures.rules.guidance import GuidanceRule
from ..structures.rules.heads import BoxHeadRule
from ..structures.rules.norms import NormRule
from ..structures.rules.pixels import SemanticRule, StuffRule
from ..structures.rules.proposals import AnchorRule, ProposalRule
from .cascades import DSCConfig, HTCConfig
from .model import (
    BackboneConfig,
    InputConfig,
    ModelConfig,
    PyramidConfig,
    RPNConfig,
    SACConfig,
)


@dataclass(frozen=True, slots=True)
class Preset:
    """A configuration, and one line about it."""

    config: ModelConfig
    about: str


_R50 = BackboneConfig(weights="resnet50")
_R101 = BackboneConfig(blocks=(3, 4, 23, 3), weights="resnet101")
_X101_32 = _R101.with_(groups=32, width_per_group=4, weights="resnext101_32x4d")
_X101_64 = _R101.with_(groups=64, width_per_group=4, weights="resnext101_64x4d")
_R18 = BackboneConfig(blocks=(2, 2, 2, 2), block="basic", weights="resnet18")
_TINY = BackboneConfig(blocks=(2, 2, 2, 2), width=16, norm="group", frozen_stages=0)

_RFP = PyramidConfig(steps=2)
_TINY_FPN = PyramidConfig(channels=64)
_TINY_RFP = PyramidConfig(channels=64, steps=2)

_CASCADE_MASK = HTCConfig(
    hybrid=HybridRule(interleaved=False, mask_flow=False),
    sample=SampleRule(match_low_quality=False),
    select=SelectRule(score_threshold=0.05),
)
_CASCADE = _CASCADE_MASK.with_(masks=False)
_FASTER = _CASCADE.with_(stages=STAGES[:1], box=BoxHeadRule(boxes="each_class", beta=0.0))
_MASK = _FASTER.with_(masks=True, sample__match_low_quality=True)
_BATCH = NormRule("batch")
_CONVS = BoxHeadRule(boxes="each_class", convs=4, hidden_layers=1, norm=_BATCH, beta=0.0)
_HTC = HTCConfig()
_CASCADE_TINY = _CASCADE.with_(select=SelectRule())
_DSC = DSCConfig()
_FAST_DSC = DSCConfig(guidance=GuidanceRule(side=7))


def _aws(backbone: BackboneConfig) -> BackboneConfig:
    """Standardise the weights, as in every DetectoRS backbone, with or without SAC."""
    return backbone.with_(weight_standardisation=True)


def _sac(backbone: BackboneConfig) -> BackboneConfig:
    return _aws(backbone).with_(sac=SACConfig())


def _coco(
    backbone: BackboneConfig,
    cascade: HTCConfig | DSCConfig,
    pyramid: PyramidConfig | None = None,
) -> ModelConfig:
    """A model of COCO classes; HTC and DSC have the semantic branch, the others have not.

    The library of the DSC authors kept boxes without area among the proposals.
    """
    dsc = isinstance(cascade, DSCConfig)
    hybrid = isinstance(cascade, HTCConfig) and cascade.hybrid.interleaved
    bound = "from" if dsc else "above"
    return ModelConfig(
        backbone=backbone,
        pyramid=pyramid or PyramidConfig(),
        rpn=RPNConfig().with_(train__min_bbox_size_rule=bound, test__min_bbox_size_rule=bound),
        semantic=SemanticRule() if dsc or hybrid else None,
        cascade=cascade,
    )


def _rcnn(backbone: BackboneConfig, cascade: HTCConfig) -> ModelConfig:
    """Faster or Mask R-CNN of COCO classes, with fewer proposals and L1 losses of boxes."""
    return _coco(backbone, cascade).with_(
        rpn__train__proposals=1000, rpn__anchors__beta=0.0, rpn__anchors__inside=False
    )


def _normed(config: ModelConfig) -> ModelConfig:
    """Norms in pyramid and heads, and more convolutions, as in torchvision's second versions."""
    return config.with_(
        pyramid__norm=_BATCH, rpn__convs=2, cascade__box=_CONVS, cascade__mask_norm=_BATCH
    )


def _tiny(
    backbone: BackboneConfig,
    pyramid: PyramidConfig,
    cascade: HTCConfig | DSCConfig = _HTC,
) -> ModelConfig:
    return ModelConfig(
        num_classes=1,
        backbone=backbone,
        pyramid=pyramid,
        rpn=RPNConfig(
            anchors=AnchorRule(scale=4.0),
            train=ProposalRule(candidates=500, proposals=300),
            test=ProposalRule(candidates=1000, proposals=600),
        ),
        semantic=SemanticRule(num_classes=2),
        cascade=cascade.with_(
            box_hidden=128, mask_channels=64, sample__per_image=64, select__max_detections=500
        ),
        input=InputConfig(size=(512, 512)),
    )


def _boxes_only(config: ModelConfig) -> ModelConfig:
    """Without what learns from masks: the mask heads and the semantic branch."""
    return config.with_(semantic=None)


def _panoptic(config: ModelConfig, stuff: StuffRule) -> ModelConfig:
    """Add a head for stuff; the semantic branch learns the same labels."""
    return config.with_(stuff=stuff, semantic__num_classes=stuff.num_classes)


PRESETS: dict[str, Preset] = {
    "cascade-r50": Preset(_coco(_R50, _CASCADE), "Cascade R-CNN, boxes only"),
    "cascade-mask-r50": Preset(_coco(_R50, _CASCADE_MASK), "Cascade Mask R-CNN"),
    "htc-r50": Preset(_coco(_R50, _HTC), "Hybrid Task Cascade"),
    "htc-r101": Preset(_coco(_R101, _HTC), "HTC, deeper (20 epochs)"),
    "htc-x101-32x4d": Preset(_coco(_X101_32, _HTC), "HTC on ResNeXt (20 epochs)"),
    "htc-x101-64x4d": Preset(_coco(_X101_64, _HTC), "HTC on a wide ResNeXt (20 epochs)"),
    "htc-x101-64x4d-dcn": Preset(
        _coco(_X101_64.with_(deformable_stages=(False, True, True, True)), _HTC),
        "HTC with deformable convolutions (20 epochs, multi-scale)",
    ),
    "cascade-r50-rfp": Preset(
        _coco(_aws(_R50), _CASCADE, _RFP),
        "Cascade R-CNN that looks twice",
    ),
    "cascade-r50-sac": Preset(_coco(_sac(_R50), _CASCADE), "Cascade R-CNN with SAC"),
    "htc-r50-rfp": Preset(_coco(_aws(_R50), _HTC, _RFP), "HTC that looks twice"),
    "htc-r50-sac": Preset(_coco(_sac(_R50), _HTC), "HTC with SAC"),
    "detectors-cascade-r50": Preset(
        _coco(_sac(_R50), _CASCADE, _RFP),
        "DetectoRS, boxes only",
    ),
    "detectors-htc-r50": Preset(_coco(_sac(_R50), _HTC, _RFP), "DetectoRS"),
    "detectors-htc-r101": Preset(_coco(_sac(_R101), _HTC, _RFP), "DetectoRS, deeper (20 epochs)"),
    "detectors-htc-x101-32x4d": Preset(
        _coco(_sac(_X101_32), _HTC, _RFP),
        "DetectoRS on ResNeXt (40 epochs, multi-scale, soft-NMS)",
    ),
    "detectors-htc-x101-64x4d": Preset(
        _coco(_sac(_X101_64), _HTC, _RFP),
        "DetectoRS on a wide ResNeXt (published on test-dev only: 55.7 / 48.5 with TTA)",
    ),
    "dsc-r50": Preset(_coco(_R50, _DSC), "DSC (20 epochs)"),
    "dsc-r101": Preset(_coco(_R101, _DSC), "DSC, deeper (20 epochs)"),
    "dsc-x101-32x4d": Preset(_coco(_X101_32, _DSC), "DSC on ResNeXt (20 epochs)"),
    "dsc-x101-64x4d-dcn": Preset(
        _coco(_X101_64.with_(deformable_stages=(False, True, True, True)), _DSC),
        "DSC with deformable convolutions (20 epochs, multi-scale)",
    ),
    "fast-dsc-r50": Preset(_coco(_R50, _FAST_DSC), "Fast DSC (12 epochs)"),
    "detectors-dsc-r50": Preset(
        _coco(_sac(_R50), _DSC, _RFP), "DSC on the features of DetectoRS; not trained yet"
    ),
    "detectors-fast-dsc-r50": Preset(
        _coco(_sac(_R50), _FAST_DSC, _RFP),
        "Fast DSC on the features of DetectoRS; not trained yet",
    ),
    "detectors-panoptic-r50": Preset(
        _panoptic(_coco(_sac(_R50), _HTC, _RFP), StuffRule()),
        "DetectoRS with a Panoptic FPN head; not trained yet",
    ),
    "htc-tiny": Preset(_tiny(_TINY, _TINY_FPN), "HTC for two CPU cores"),
    "htc-tiny-rfp": Preset(_tiny(_aws(_TINY), _TINY_RFP), "HTC-tiny that looks twice"),
    "htc-tiny-sac": Preset(_tiny(_sac(_TINY), _TINY_FPN), "HTC-tiny with SAC"),
    "detectors-htc-tiny": Preset(_tiny(_sac(_TINY), _TINY_RFP), "DetectoRS for two CPU cores"),
    "detectors-cascade-tiny": Preset(
        _boxes_only(_tiny(_sac(_TINY), _TINY_RFP, _CASCADE_TINY)),
        "DetectoRS, boxes only, for two CPU cores",
    ),
    "dsc-tiny": Preset(_tiny(_TINY, _TINY_FPN, _DSC), "DSC for two CPU cores"),
    "fast-dsc-tiny": Preset(_tiny(_TINY, _TINY_FPN, _FAST_DSC), "Fast DSC for two CPU cores"),
    "detectors-dsc-tiny": Preset(
        _tiny(_sac(_TINY), _TINY_RFP, _DSC),
        "DSC on the features of DetectoRS, for two CPU cores",
    ),
    "detectors-panoptic-tiny": Preset(
        _panoptic(_tiny(_sac(_TINY), _TINY_RFP), StuffRule(num_classes=2, channels=64, groups=4)),
        "DetectoRS with a panoptic head, for two CPU cores",
    ),
    "faster-rcnn-r50": Preset(_rcnn(_R50, _FASTER), "Faster R-CNN, boxes only"),
    "mask-rcnn-r50": Preset(_rcnn(_R50, _MASK), "Mask R-CNN"),
    "faster-rcnn-r50-v2": Preset(
        _normed(_rcnn(_R50, _FASTER)), "Faster R-CNN with norms, as torchvision's second version"
    ),
    "mask-rcnn-r50-v2": Preset(
        _normed(_rcnn(_R50, _MASK)), "Mask R-CNN with norms, as torchvision's second version"
    ),
    "mask-rcnn-r18": Preset(_rcnn(_R18, _MASK), "Mask R-CNN on a small ResNet"),
    "htc-r18": Preset(_coco(_R18, _HTC), "HTC on a small ResNet: ImageNet weights, two CPU cores"),
    "detectors-htc-r18": Preset(_coco(_sac(_R18), _HTC, _RFP), "DetectoRS on a small ResNet"),
}


def preset(name: str) -> ModelConfig:
    """The configuration called `name`.

    Raises:
        UsageError: U01 with the closest known name.
    """
    if name not in PRESETS:
        raise UsageError("U01", f"unknown model {name!r}; {did_you_mean(name, PRESETS)}")
    return PRESETS[name].config
