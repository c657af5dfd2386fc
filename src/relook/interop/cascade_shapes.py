"""Recognition of the cascade of a checkpoint by the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from ..config.cascades import DSCConfig, HTCConfig
from ..config.presets import preset as named_preset
from ..errors import counted
from ..structures.rules.heads import BoxHeadRule
from .pyramid_shapes import read_norm
from .shapes import Findings, Shapes, unfit

BOX: Final = "roi_head.bbox_head"
_MASK, _GUIDANCE = "roi_head.mask_head", "roi_head.mpn"
_CELLS = 7 * 7  # cells of a RoI in the box head
_KERNELS = {1, 3, 5, 7}

S = TypeVar("S")


def is_guided(shapes: Shapes) -> bool:
    """Return whether masks guide the box heads, as in DSC."""
    return shapes.has(f"{_GUIDANCE}.")


def read_classes(shapes: Shapes, channels: int) -> tuple[int, int, BoxHeadRule]:
    """Number of classes, hidden width and layers, which must be equal in all box heads.

    Raises:
        ModelError: M04 for box heads of another kind than relook's.
    """
    sizes = set()
    stages = shapes.count(BOX)
    for stage in range(stages):
        head = f"{BOX}.{stage}"
        rows = shapes.size(f"{head}.fc_cls.weight", 0)
        boxes = shapes.size(f"{head}.fc_reg.weight", 0)
        per_class = stages == 1 and boxes == 4 * (rows - 1)
        if boxes != 4 and not per_class:
            early = is_guided(shapes) and stage == stages - 1
            note = ", as in the last box head of DSC's early revisions" if early else ""
            raise unfit(
                f"{head}.fc_reg refines {boxes // 4} boxes for every region, one for each "
                f"class{note}; relook's cascades refine one for all classes "
                "(reg_class_agnostic=True)"
            )
        rule = BoxHeadRule(
            boxes="each_class" if per_class else "shared",
            convs=shapes.count(f"{head}.shared_convs"),
            hidden_layers=2 if shapes.count(f"{head}.shared_fcs") > 1 else 1,
            norm=read_norm(shapes, f"{head}.shared_convs.0"),
        )
        sizes.add((rows - 1, shapes.size(f"{head}.shared_fcs.0.weight", 0), rule))
        inputs = shapes.size(f"{head}.shared_fcs.0.weight", 1)
        if inputs != channels * _CELLS:
            raise unfit(
                f"{head} takes {inputs} numbers for a region, not {channels} channels of 7x7 cells"
            )
    if len(sizes) != 1 or any(number < 1 for number, _, _ in sizes):
        agreed = sorted((number, width) for number, width, _ in sizes)
        raise unfit(f"its box heads do not agree on classes and hidden width: {agreed}")
    number, width, rule = sizes.pop()
    if is_guided(shapes) and rule != BoxHeadRule():
        raise unfit("the box heads of relook's DSC have two layers and no convolutions")
    return number, width, rule


def read_htc(
    shapes: Shapes,
    num_classes: int,
    preset_cascade: HTCConfig | None,
    say: Findings,
    *,
    semantic: bool,
    old: bool,
) -> HTCConfig:
    """A cascade whose box heads take no mask features.

    `preset_cascade` gives the fields that shapes do not determine. `semantic`: there is a semantic
    branch. `old`: the file was written by version 1.

    Raises:
        ModelError: M04 for mask heads of another kind than relook's.
    """
    stages = shapes.count(BOX)
    masks = shapes.has(f"{_MASK}.")
    flow = any(name.startswith(f"{_MASK}.") and ".conv_res." in name for name in shapes.names)
    if masks:
        _check_one_in_every_stage(stages, shapes.count(_MASK), "mask heads")
        _check_maps(shapes, (f"{_MASK}.{stage}" for stage in range(stages)), num_classes + old)
    hybrid = flow or (semantic and masks)
    one_head = stages == 1 and not hybrid
    kind = "htc-r50" if hybrid else "cascade-mask-r50" if masks else "cascade-r50"
    if one_head:
        kind = "mask-rcnn-r50" if masks else "faster-rcnn-r50"
    base = preset_cascade or named_preset(kind).cascade
    assert isinstance(base, HTCConfig)
    evidence = (
        f"conv_res in {_MASK}"
        if flow
        else "roi_head.semantic_head"
        if hybrid
        else f"no conv_res in {_MASK}"
    )
    named = "Hybrid Task Cascade" if hybrid else "Cascade Mask R-CNN" if masks else "Cascade R-CNN"
    if one_head:
        named = "Mask R-CNN" if masks else "Faster R-CNN"
    say.reasons.append(
        f"{named}, {counted(stages, 'stage')} <- {evidence if masks else f'no {_MASK}'}"
    )
    return base.with_(
        stages=_as_many(base.stages, stages, say),
        masks=masks,
        hybrid__interleaved=hybrid,
        hybrid__mask_flow=flow,
        mask_channels=(
            shapes.size(f"{_MASK}.0.convs.0.conv.weight", 0) if masks else base.mask_channels
        ),
        mask_norm=read_norm(shapes, f"{_MASK}.0.convs.0"),
    )


def read_dsc(
    shapes: Shapes, num_classes: int, preset_cascade: DSCConfig | None, say: Findings
) -> DSCConfig:
    """A cascade guided by masks.

    `preset_cascade` gives the fields that shapes do not determine. One of them is the side of the
    guidance, in which DSC and Fast DSC differ; without a preset it is the default.

    Raises:
        ModelError: M04 for heads of another kind than relook's.
    """
    base = preset_cascade or DSCConfig()
    stages = shapes.count(BOX)
    boxes = [f"{BOX}.{stage}" for stage in range(stages)]
    guides = [f"{_GUIDANCE}.{stage}" for stage in range(stages)]
    _check_one_in_every_stage(stages, shapes.count(_GUIDANCE), "guidance heads")
    _check_maps(shapes, guides, 1)
    _check_maps(shapes, [_MASK], num_classes)
    say.reasons.append(f"DSC or Fast DSC, {stages} stages <- {_GUIDANCE}")
    first, *later_heads = boxes
    implicit, initial = (
        _have_projections(shapes, later_heads or boxes),
        _have_projections(shapes, [first]),
    )
    if initial and not implicit:
        raise unfit(f"{first} takes mask features (conv_res), and later box heads do not")
    if _have_projections(shapes, guides[:1]):
        raise unfit(f"{guides[0]}.conv_res takes the features of a mask head before the first")
    flow = _have_projections(shapes, [*guides[1:], _MASK])
    kernel, normed = _read_projections(shapes, [*boxes, *guides, _MASK], base)
    heads = [h for h, on in (("box heads", implicit), ("later mask heads", flow)) if on]
    kind = f"{kernel}x{kernel}, {'with' if normed else 'without'} batch norm"
    targets = f"to {' and '.join(heads)} ({kind})" if heads else "to no head"
    say.reasons.append(f"mask features go {targets} <- conv_res")
    if implicit and not initial:
        say.reasons.append(f"the first box head takes no mask features <- no conv_res in {first}")
    return base.with_(
        stages=_as_many(base.stages, stages, say),
        guidance__implicit=implicit,
        guidance__initial=initial if implicit else base.guidance.initial,
        guidance__mask_flow=flow,
        fuse_kernel=kernel,
        fuse_norm=_norm(base, normed),
        mask_channels=shapes.size(f"{_MASK}.convs.0.conv.weight", 0),
    )


def _have_projections(shapes: Shapes, heads: list[str]) -> bool:
    """Return whether `heads` take features of a mask head: all of them, or none."""
    projected = [head for head in heads if shapes.has(f"{head}.conv_res.")]
    if projected and projected != heads:
        plain = next(head for head in heads if head not in projected)
        raise unfit(f"{projected[0]} takes mask features (conv_res), and {plain} does not")
    return bool(projected)


def _read_projections(shapes: Shapes, heads: list[str], base: DSCConfig) -> tuple[int, bool]:
    """Kernel of the projections of those `heads` that have one, and whether a norm follows."""
    projections = [f"{head}.conv_res" for head in heads if shapes.has(f"{head}.conv_res.")]
    kinds = {(shapes.size(f"{p}.conv.weight", 2), shapes.has(f"{p}.bn.")) for p in projections}
    if len(kinds) > 1 or not {kernel for kernel, _ in kinds} <= _KERNELS:
        raise unfit(
            "its projections of mask features (conv_res) do not all have one kernel of 1, 3, 5 or "
            "7, with a norm or without"
        )
    return kinds.pop() if kinds else (base.fuse_kernel, base.fuse_norm != "none")


def _norm(base: DSCConfig, normed: bool) -> str:
    """The norm of the projections; tensors do not determine which kind of batch norm it is."""
    if not normed:
        return "none"
    return base.fuse_norm if base.fuse_norm == "sync_batch" else "batch"


def _as_many(stages: tuple[S, ...], number: int, say: Findings) -> tuple[S, ...]:
    if number != len(stages):
        say.unknown.append(
            f"thresholds, deviations and weights of the {number} stages: as published for "
            f"{len(stages)}, {'cut' if number < len(stages) else 'the last repeated'}"
        )
    return (*stages, *[stages[-1]] * max(number - len(stages), 0))[:number]


def _check_one_in_every_stage(stages: int, number: int, heads: str) -> None:
    if number != stages:
        raise unfit(
            f"it has {stages} box heads and {number} {heads}; relook's cascades have one of each "
            "in every stage"
        )


def _check_maps(shapes: Shapes, heads: Iterable[str], expected: int) -> None:
    for head in heads:
        key = f"{head}.conv_logits.weight"
        rows = shapes.size(key, 0)
        if rows == expected - 1 and rows > 1:
            raise unfit(
                f"{key} has {rows} masks for {expected + 1} scores: a classifier of Seesaw loss, "
                "whose last two scores are of object and background. relook's have one of them"
            )
        if rows != expected:
            kind = "one mask for all classes" if rows == 1 else f"{rows} masks"
            scope = "one for each class" if expected > 1 else "for all classes"
            raise unfit(f"{key} gives {kind}, where {expected} are expected, {scope}")
