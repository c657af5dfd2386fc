"""Translation of the names of MMDetection 2.x and 3.x checkpoints to relook's.

Every rule is applied to every key, in order. A key without a rule keeps its name, and loading is
strict: an unknown key is an error, never a silently random tensor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

# "#" stands for a number, which is kept. Backbones of later looks are counted from 0 in
# MMDetection, and from 1 here, where look 0 is the first backbone.
RULES: tuple[tuple[str, str], ...] = (
    (r"^neck\.lateral_convs\.#\.conv\.", r"features.fpn.laterals.#."),
    (r"^neck\.fpn_convs\.#\.conv\.", r"features.fpn.outputs.#."),
    (r"^neck\.rfp_aspp\.aspp\.0\.", "features.connector.local."),
    (r"^neck\.rfp_aspp\.aspp\.1\.", "features.connector.near."),
    (r"^neck\.rfp_aspp\.aspp\.2\.", "features.connector.far."),
    (r"^neck\.rfp_aspp\.aspp\.3\.", "features.connector.whole."),
    (r"^neck\.rfp_weight\.", "features.fusion."),
    (r"\.rfp_conv\.", ".feedback."),
    (r"\.offset_s\.", ".offset_near."),
    (r"\.offset_l\.", ".offset_far."),
    (r"\.conv2\.conv_offset\.", ".conv2.offset."),
    (r"\.conv2_offset\.", ".conv2.offset."),
    (r"^(features\.backbones?\.(?:\d+\.)?(?:layer\d\.\d+\.)?)gn#\.", r"\1bn\2."),
    (r"^rpn_head\.rpn_conv\.0\.conv\.", "rpn.conv."),
    (r"^rpn_head\.rpn_conv\.(?!\d)", "rpn.conv."),
    (r"^rpn_head\.rpn_cls\.", "rpn.objectness."),
    (r"^rpn_head\.rpn_reg\.", "rpn.deltas."),
    (r"^roi_head\.semantic_head\.lateral_convs\.#\.conv\.", r"semantic.laterals.#."),
    (r"^roi_head\.semantic_head\.convs\.#\.conv\.", r"semantic.convs.#."),
    (r"^roi_head\.semantic_head\.conv_embedding\.conv\.", "semantic.embed."),
    (r"^roi_head\.semantic_head\.conv_logits\.", "semantic.logits."),
    # DSC: projections with a norm, and one mask head without a number.
    (r"^roi_head\.bbox_head\.#\.conv_res\.conv\.", r"cascade.box_heads.#.fuse.conv."),
    (r"^roi_head\.bbox_head\.#\.conv_res\.bn\.", r"cascade.box_heads.#.fuse.norm."),
    (r"^roi_head\.mpn\.#\.conv_res\.conv\.", r"cascade.guidance_heads.#.carry.conv."),
    (r"^roi_head\.mpn\.#\.conv_res\.bn\.", r"cascade.guidance_heads.#.carry.norm."),
    (r"^roi_head\.mask_head\.conv_res\.conv\.", "cascade.mask_head.carry.conv."),
    (r"^roi_head\.mask_head\.conv_res\.bn\.", "cascade.mask_head.carry.norm."),
    (r"^roi_head\.mpn\.#\.", r"cascade.guidance_heads.#."),
    (r"^roi_head\.bbox_head\.#\.", r"cascade.box_heads.#."),
    (r"^roi_head\.mask_head\.#\.", r"cascade.mask_heads.#."),
    (r"^roi_head\.mask_head\.", "cascade.mask_head."),
    (r"\.shared_convs\.#\.conv\.", r".convs.#."),
    (r"\.shared_fcs\.0\.", ".fc1."),
    (r"\.shared_fcs\.1\.", ".fc2."),
    (r"\.fc_cls\.", ".classify."),
    (r"\.fc_reg\.", ".regress."),
    (r"\.convs\.#\.conv\.", r".convs.#."),
    (r"\.conv_logits\.", ".logits."),
    (r"\.conv_res\.conv\.", ".carry."),
)
_COMPILED = [(re.compile(p.replace("#", r"(\d+)")), n.replace("#", r"\1")) for p, n in RULES]
_LATER_LOOK = re.compile(r"^neck\.rfp_modules\.(\d+)\.")


_MORE = re.compile(r"^rpn_head\.rpn_conv\.([1-9]\d*)\.conv\.")
_NORMED = re.compile(r"((?:neck|roi_head)\..*)\.(gn|bn)\.[^.]+")
_LAYER = re.compile(r"(.*)\.(conv|gn|bn)\.([^.]+)")
_ONE_HEAD = re.compile(r"^roi_head\.(bbox_head|mask_head)\.(?!\d)")


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """Relook's name of each key of a checkpoint of MMDetection 2.x or 3.x."""
    names = list(keys)
    looks_twice = any(key.startswith("neck.rfp_modules.") for key in names)
    staged = staged_names(names)
    normed = {m[1] for m in map(_NORMED.fullmatch, staged.values()) if m}
    normed = {layer for layer in normed if not layer.endswith(".conv_res")}

    def name(key: str) -> str:
        layer = _LAYER.fullmatch(key)
        if layer is None or layer[1] not in normed:
            return rename(key, looks_twice)
        part = "conv" if layer[2] == "conv" else "norm"
        return f"{rename(f'{layer[1]}.conv.', looks_twice)}{part}.{layer[3]}"

    return {key: name(staged[key]) for key in names}


def staged_names(keys: Iterable[str]) -> dict[str, str]:
    """The keys, with the number of its only stage for a detector with one box head."""
    names = list(keys)
    if not any(key.startswith("roi_head.bbox_head.") and _ONE_HEAD.match(key) for key in names):
        return {key: key for key in names}
    return {key: _ONE_HEAD.sub(r"roi_head.\1.0.", key) for key in names}


def rename(key: str, looks_twice: bool) -> str:
    """Translate a key of MMDetection to relook's name; `looks_twice`: the file has an RFP."""
    if looks_twice:
        key = re.sub(r"^backbone\.", "features.backbones.0.", key)
        key = _LATER_LOOK.sub(lambda m: f"features.backbones.{int(m[1]) + 1}.", key)
    else:
        key = re.sub(r"^backbone\.", "features.backbone.", key)
    key = _MORE.sub(lambda m: f"rpn.more.{int(m[1]) - 1}.", key)
    for pattern, name in _COMPILED:
        key = pattern.sub(name, key)
    return key


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under relook's names.

    Raises:
        ValueError: two keys of the checkpoint would get the same name.
    """
    names = names_of(state)
    renamed = {names[key]: value for key, value in state.items()}
    if len(renamed) != len(state):
        raise ValueError("two keys of the checkpoint were translated to the same name")
    return renamed
