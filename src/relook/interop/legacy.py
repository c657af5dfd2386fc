"""Conversion of checkpoints of MMDetection 1.x, such as the DetectoRS authors' own, to 2.x.

Their weights also need the numerics of 1.x (`numerics: v1` of the configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

_CLASSIFIER = re.compile(r"^(roi_head\.)?bbox_head\.(\d+)\.fc_cls\.(weight|bias)$")
_MASK_LOGITS = re.compile(r"^(roi_head\.)?mask_head\.(\d+)\.conv_logits\.(weight|bias)$")
_PREFIXES = (
    (re.compile(r"^(?=rfp_(modules|aspp|weight)\.)"), "neck."),
    (re.compile(r"^(?=(bbox_head|mask_head|semantic_head)\.)"), "roi_head."),
)


def is_v1(shapes: Mapping[str, tuple[int, ...]] | Iterable[str]) -> bool:
    """Return whether names (and shapes, where given) are those of a two-stage model of 1.x.

    Such files have their heads at the top level, and their class-wise masks have a row for the
    background, as their classifiers do.
    """
    shapes = shapes if isinstance(shapes, Mapping) else dict.fromkeys(shapes, ())
    if any(
        re.match(r"(bbox_head|mask_head)\.\d+\.|rfp_(modules|aspp|weight)\.", k) for k in shapes
    ):
        return True
    scored = {shape[:1] for key, shape in shapes.items() if shape and _CLASSIFIER.match(key)}
    masked = {shape[:1] for key, shape in shapes.items() if shape and _MASK_LOGITS.match(key)}
    return bool(masked) and masked == scored


def convert_v1(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same model with the names and the order of classes of 2.x, for `mmdet.convert`.

    The background moves from the first row of the classifiers to the last. Its mask, which was
    never trained, is dropped. Boxes have no classes and are not changed. A tensor that is not
    changed is not copied.

    Raises:
        ValueError: the file is not of 1.x, or two keys would get the same name.
    """
    if not is_v1({key: tuple(value.shape) for key, value in state.items()}):
        raise ValueError("this is not a checkpoint of MMDetection 1.x")
    outputs = {len(value) for key, value in state.items() if _CLASSIFIER.match(key)}
    renamed = {_renamed(key): _reordered(key, value, outputs) for key, value in state.items()}
    if len(renamed) != len(state):
        raise ValueError("two keys of the checkpoint were translated to the same name")
    return renamed


def _renamed(key: str) -> str:
    for pattern, prefix in _PREFIXES:
        key = pattern.sub(prefix, key)
    return key


def _reordered(key: str, value: Tensor, outputs: set[int]) -> Tensor:
    if _CLASSIFIER.match(key):
        return value.roll(-1, dims=0)
    if _MASK_LOGITS.match(key) and len(value) in outputs:
        return value[1:].clone()
    return value
