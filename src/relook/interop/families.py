"""Recognition of the library that wrote a file, by the names of its tensors.

`REFUSED` has the families that are not covered, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from ..errors import ModelError
from .legacy import is_v1

Source = Literal["mmdet", "mmdet-v1", "torchvision", "relook"]


class Refused(NamedTuple):
    """A family of files that is recognised, and not covered."""

    name: str
    pattern: str  # some key of the file matches it
    why: str


REFUSED: Final[tuple[Refused, ...]] = (
    Refused(
        "SCNet",
        r"roi_head\.(glbctx_head|feat_relay_head)\.",
        "its global context and feature relay are not among relook's models",
    ),
    Refused(
        "Detectron2",
        r"(backbone\.bottom_up|proposal_generator)\.",
        "its models are of other layers; relook imports MMDetection's cascades",
    ),
    Refused(
        "QueryInst",
        r"roi_head\.mask_head\.\d+\.instance_interactive_conv\.",
        "its heads look at learned queries, not at region proposals",
    ),
    Refused(
        "Sparse R-CNN",
        r"(rpn_head\.init_proposal_|roi_head\.bbox_head\.\d+\.instance_interactive_conv\.)",
        "its heads look at learned queries, not at region proposals",
    ),
    Refused(
        "a model on Res2Net",
        r"backbone\.layer\d\.\d+\.convs\.\d",
        "relook's backbones are ResNet and ResNeXt",
    ),
    Refused(
        "DETR or another detector of queries",
        r"(transformer|query_embedding|decoder|roi_head\.bbox_head\.\d+\.dynamic|bbox_head\.fc_reg"
        r"\.\d)",
        "it has no region proposals and no cascade of box heads",
    ),
    Refused(
        "a Faster or Mask R-CNN of MMDetection 1",
        r"bbox_head\.(fc_cls|shared_fcs)\.",
        "its boxes, anchors and classes are of another age; relook takes those of 2.x and 3.x",
    ),
    Refused(
        "a single-stage detector (RetinaNet, FCOS, ATSS, ...)",
        r"bbox_head\.(cls_convs|retina_cls|conv_cls|atss_cls|gfl_cls|cls_out|multi_level)",
        "relook's models are cascades of box heads (roi_head.bbox_head.0, .1, ...)",
    ),
    Refused(
        "a model with another backbone than ResNet or ResNeXt",
        r"backbone\.(patch_embed|stages|downsample_layers|stage\d|stem\.|norm\d|features|cls_token)",
        "relook's backbones are ResNet and ResNeXt with bottleneck blocks",
    ),
)

_OURS = re.compile(r"(features\.(backbones?|fpn)|cascade\.(box|mask|guidance)_heads)\.")
_NEW = re.compile(r"roi_head\.bbox_head\.(\d+|fc_cls|shared_fcs)\.")
_TORCHVISION = re.compile(r"(backbone\.body\.|backbone\.fpn\.inner_blocks\.|roi_heads\.)")
_CLASSIFIER = re.compile(r"(conv1|layer1\.0\.conv1|layer4\.0\.conv1)\.weight")


def identify(shapes: Mapping[str, tuple[int, ...]]) -> Source:
    """The family of a file with tensors of these names and shapes.

    Raises:
        ModelError: M04 for a family that is not covered, and for names of no known library; the
            message names the family, if it is recognised.
    """
    names = list(shapes)
    if _any(_OURS.match, names):
        return "relook"
    for refused in REFUSED:
        if _any(re.compile(refused.pattern).match, names):
            raise ModelError(
                "M04", f"these are the weights of {refused.name}: {refused.why}. Not imported."
            )
    if is_v1(shapes):
        return "mmdet-v1"
    if _any(_NEW.match, names):
        return "mmdet"
    if _any(_TORCHVISION.match, names) or sum(bool(_CLASSIFIER.fullmatch(n)) for n in names) == 3:
        return "torchvision"
    shown = ", ".join(names[:5]) or "none at all"
    raise ModelError(
        "M04",
        f"the names of these {len(names)} tensors are of no known library: {shown}, "
        "... Files of MMDetection have backbone.*, neck.*, rpn_head.* and roi_head.*.",
    )


def _any(test: Callable[[str], object], names: Iterable[str]) -> bool:
    return any(test(name) for name in names)
