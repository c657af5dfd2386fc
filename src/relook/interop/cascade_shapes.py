"""The cascade of a checkpoint, read from the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from ..config.cascades import DSCConfig, HTCConfig
from ..config.presets import preset as named_preset
from .shapes import Findings, Shapes, unfit

BOX: Final = "roi_head.bbox_head"
_MASK, _GUIDANCE = "roi_head.mask_head", "roi_head.mpn"
_CELLS = 7 * 7  # of a RoI as the box head sees it
_KERNELS = {1, 3, 5, 7}

S = TypeVar("S")


def is_guided(seen: Shapes) -> bool:
    """Return whether masks guide the box heads, as in DSC."""
    return seen.has(f"{_GUIDANCE}.")


def read_classes(seen: Shapes, channels: int) -> tuple[int, int]:
    """Number of classes and hidden width, which the box heads of all stages must share.

    Raises:
        ModelError: M04 for box heads of another kind than relook's.
    """
    found = set()
    stages = seen.count(BOX)
    for stage in range(stages):
        head = f"{BOX}.{stage}"
        rows = seen.size(f"{head}.fc_cls.weight", 0)
        boxes = seen.size(f"{head}.fc_reg.weight", 0)
        if boxes != 4:
            early = is_guided(seen) and stage == stages - 1
            whose = ", as in the last box head of DSC's early revisions" if early else ""
            raise unfit(
                f"{head}.fc_reg refines {boxes // 4} boxes for every region, one for each "
                f"class{whose}; relook's cascades refine one for all classes "
                "(reg_class_agnostic=True)"
            )
        found.add((rows - 1, seen.size(f"{head}.shared_fcs.0.weight", 0)))
        inputs = seen.size(f"{head}.shared_fcs.0.weight", 1)
        if inputs != channels * _CELLS:
            raise unfit(
                f"{head} takes {inputs} numbers for a region, not {channels} channels of 7x7 cells"
            )
    if len(found) != 1 or min(found)[0] < 1:
        raise unfit(f"its box heads do not agree on classes and hidden width: {sorted(found)}")
    return found.pop()


def read_htc(
    seen: Shapes,
    num_classes: int,
    given: HTCConfig | None,
    say: Findings,
    *,
    semantic: bool,
    old: bool,
) -> HTCConfig:
    """A cascade whose box heads see no masks; `given` is of a preset, for what shapes hide.

    `semantic` says whether there is a semantic branch, `old` whether version 1 wrote the file.

    Raises:
        ModelError: M04 for mask heads of another kind than relook's.
    """
    stages = seen.count(BOX)
    masks = seen.has(f"{_MASK}.")
    flow = any(name.startswith(f"{_MASK}.") and ".conv_res." in name for name in seen.names)
    if masks:
        _check_one_in_every_stage(stages, seen.count(_MASK), "mask heads")
        _check_maps(seen, (f"{_MASK}.{stage}" for stage in range(stages)), num_classes + old)
    hybrid = flow or (semantic and masks)
    kind = "htc-r50" if hybrid else "cascade-mask-r50" if masks else "cascade-r50"
    base = given or named_preset(kind).cascade
    assert isinstance(base, HTCConfig)
    evidence = (
        f"conv_res in {_MASK}"
        if flow
        else "roi_head.semantic_head"
        if hybrid
        else f"no conv_res in {_MASK}"
    )
    named = "Hybrid Task Cascade" if hybrid else "Cascade Mask R-CNN" if masks else "Cascade R-CNN"
    say.reasons.append(f"{named}, {stages} stages <- {evidence if masks else f'no {_MASK}'}")
    return base.with_(
        stages=_as_many(base.stages, stages, say),
        masks=masks,
        hybrid__interleaved=hybrid,
        hybrid__mask_flow=flow,
        mask_channels=(
            seen.size(f"{_MASK}.0.convs.0.conv.weight", 0) if masks else base.mask_channels
        ),
    )


def read_dsc(seen: Shapes, num_classes: int, given: DSCConfig | None, say: Findings) -> DSCConfig:
    """A cascade that masks guide; `given` is of a preset, for what shapes hide.

    That is also the side of the guidance, by which DSC and Fast DSC differ: it is that of `given`
    or the default, and nothing here speaks for it.

    Raises:
        ModelError: M04 for heads of another kind than relook's.
    """
    base = given or DSCConfig()
    stages = seen.count(BOX)
    boxes = [f"{BOX}.{stage}" for stage in range(stages)]
    guides = [f"{_GUIDANCE}.{stage}" for stage in range(stages)]
    _check_one_in_every_stage(stages, seen.count(_GUIDANCE), "guidance heads")
    _check_maps(seen, guides, 1)
    _check_maps(seen, [_MASK], num_classes)
    say.reasons.append(f"DSC or Fast DSC, {stages} stages <- {_GUIDANCE}")
    first, *others = boxes
    implicit, initial = _are_shown(seen, others or boxes), _are_shown(seen, [first])
    if initial and not implicit:
        raise unfit(f"{first} is shown mask features (conv_res), and later box heads are not")
    if _are_shown(seen, guides[:1]):
        raise unfit(f"{guides[0]}.conv_res takes the features of a mask head before the first")
    flow = _are_shown(seen, [*guides[1:], _MASK])
    kernel, normed = _read_projections(seen, [*boxes, *guides, _MASK], base)
    heads = [h for h, on in (("box heads", implicit), ("later mask heads", flow)) if on]
    kind = f"{kernel}x{kernel}, {'with' if normed else 'without'} batch norm"
    found = f"to {' and '.join(heads)} ({kind})" if heads else "to no head"
    say.reasons.append(f"mask features are shown {found} <- conv_res")
    if implicit and not initial:
        say.reasons.append(f"the first box head is shown no mask <- no conv_res in {first}")
    return base.with_(
        stages=_as_many(base.stages, stages, say),
        guidance__implicit=implicit,
        guidance__initial=initial if implicit else base.guidance.initial,
        guidance__mask_flow=flow,
        fuse_kernel=kernel,
        fuse_norm=_norm(base, normed),
        mask_channels=seen.size(f"{_MASK}.convs.0.conv.weight", 0),
    )


def _are_shown(seen: Shapes, heads: list[str]) -> bool:
    """Return whether `heads` are shown features of a mask head: all of them, or none."""
    shown = [head for head in heads if seen.has(f"{head}.conv_res.")]
    if shown and shown != heads:
        rest = next(head for head in heads if head not in shown)
        raise unfit(f"{shown[0]} is shown mask features (conv_res), and {rest} is not")
    return bool(shown)


def _read_projections(seen: Shapes, heads: list[str], base: DSCConfig) -> tuple[int, bool]:
    """Kernel of the projections in whichever `heads` have one, and whether a norm follows."""
    shown = [f"{head}.conv_res" for head in heads if seen.has(f"{head}.conv_res.")]
    found = {(seen.size(f"{p}.conv.weight", 2), seen.has(f"{p}.bn.")) for p in shown}
    if len(found) > 1 or not {kernel for kernel, _ in found} <= _KERNELS:
        raise unfit(
            "its projections of mask features (conv_res) do not all have one kernel of 1, 3, 5 or "
            "7, with a norm or without"
        )
    return found.pop() if found else (base.fuse_kernel, base.fuse_norm != "none")


def _norm(base: DSCConfig, normed: bool) -> str:
    """Batch norm has the same tensors whoever counts its statistics."""
    if not normed:
        return "none"
    return base.fuse_norm if base.fuse_norm == "sync_batch" else "batch"


def _as_many(known: tuple[S, ...], number: int, say: Findings) -> tuple[S, ...]:
    if number != len(known):
        say.unknown.append(
            f"thresholds, deviations and weights of the {number} stages: as published for "
            f"{len(known)}, {'cut' if number < len(known) else 'the last repeated'}"
        )
    return (*known, *[known[-1]] * max(number - len(known), 0))[:number]


def _check_one_in_every_stage(stages: int, number: int, heads: str) -> None:
    if number != stages:
        raise unfit(
            f"it has {stages} box heads and {number} {heads}; relook's cascades have one of each "
            "in every stage"
        )


def _check_maps(seen: Shapes, heads: Iterable[str], expected: int) -> None:
    for head in heads:
        key = f"{head}.conv_logits.weight"
        rows = seen.size(key, 0)
        if rows != expected:
            kind = "one mask for all classes" if rows == 1 else f"{rows} masks"
            each = "one for each class" if expected > 1 else "for all classes"
            raise unfit(f"{key} gives {kind}, where {expected} are expected, {each}")
